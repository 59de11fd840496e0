"""Where the planner draws dura and roots, and where they are: over phantoms, by level.

``python benchmarks/nerve_model.py [--seeds 40] [--first 300] [--labelled 8]`` builds each phantom's lumbar
canal at 1 mm and compares its truth with the models of dura and nerves (procguide.planning.structures),
drawn from the true landmarks and labels; for the first ``--labelled`` subjects also from what the networks
make of a CT. Writes benchmarks/results/nerve_model.json after each subject; seeds 100 to 119 are kept for
benchmarks/phantom_plans.py and refused here.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, map_coordinates

from procguide.anatomy import BONE, CANAL_CONTENT, Region, Side, Spine, Vertebra
from procguide.anatomy.locate import locate_spine
from procguide.imaging import LabelMap
from procguide.imaging.resample import resample
from procguide.phantom import Phantom, build, sample_parameters, take_images
from procguide.planning.nouns import Tube
from procguide.planning.structures.dura import dura_spread_mm, model_dura, uncovered
from procguide.planning.structures.foramen import foramen_depth
from procguide.planning.structures.nerves import exiting_root, nerve_spread_mm
from procguide.segmentation.segment import segment

RESULTS = Path(__file__).resolve().parent / "results" / "nerve_model.json"
LEVELS = ("L1", "L2", "L3", "L4", "L5")
SAC = (Region.DURA, Region.CEREBROSPINAL_FLUID, Region.SPINAL_CORD, Region.CAUDA_EQUINA)
BOX = ((-60.0, -60.0, -60.0), (60.0, 110.0, 235.0))
IMAGE_BOX = ((-400.0, -400.0, -110.0), (400.0, 400.0, 290.0))
KEPT = range(100, 120)
ALONG_MM = (-15, -5, 0, 5, 10, 20, 30)
"""Stations along the nerve from the ganglion's middle, where its place in the vertebra's frame is given."""
PUBLISHED = {
    "root under pedicle, mm": "1.5 (Ebraheim, Spine 1997;22:2338); 1.98 (Matuoka, Acta Ortop Bras 2002)",
    "ganglion's middle": "medial half of the foramen L1-L4, lateral half L5 (Silverstein, IJSS 2015;9:3)",
    "ganglion from pedicle's medial border along the root, mm": "1.77 to 8.31, L1 to L5 (Silav 2016)",
    "root to disc in mid-foramen, mm": "3.8 at L1-L2 to 0.4 at L5-S1 (Clin Anat 2012;25:218)",
    "root to facet, mm": "3.4 +- 3.0 at L1-L2 to 4.6 +- 2.5 at L5-S1 (Pairaiturkar, JKNS 2019;62(4))",
    "posterior epidural depth, midline, mm": "6.9 +- 4 by needle (Bevacqua, Reg Anesth 1996;21:456), n=55; "
    "narrowest at the laminae's upper edges, up to 5-6 between them",
}

Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Given:
    """What the planner would be given: landmarks and labels, true ones or the networks'."""

    spine: Spine
    levels: LabelMap
    regions: LabelMap


@dataclass(frozen=True, eq=False)
class Nerve:
    """A true nerve: its points from proximal to distal with radii, and the ganglion's middle."""

    points: Reals
    radius: Reals
    middle: Reals


def true_nerves(phantom: Phantom) -> dict[tuple[str, Side], Nerve]:
    """Root, ganglion and ramus as one, by level and side."""
    parts: dict[tuple[str, Side], dict[str, Any]] = defaultdict(dict)
    for course in phantom.courses:
        if course.region in (Region.NERVE_ROOT, Region.GANGLION) and course.level and course.side:
            parts[course.level, course.side][course.name.split(" ", 2)[2]] = course
    found = {}
    for key, part in parts.items():
        if {"root", "ganglion"} <= set(part):
            rods = [part[name] for name in ("root", "ventral ramus", "ganglion") if name in part]
            middle = part["ganglion"].points[len(part["ganglion"].points) // 2]
            points = np.vstack([rod.points for rod in rods])
            found[key] = Nerve(points, np.concatenate([rod.radius for rod in rods]), middle)
    return found


def network_given(seed: int) -> Given:
    """Landmarks and labels that the networks make of the subject's CT."""
    subject = build(sample_parameters(seed), 1.5, box=IMAGE_BOX)
    (image,) = take_images(subject, ["ct"], seed)
    found = segment(image.volume)
    spine = locate_spine(found.levels, found.regions, anchor=found.anchor, confidence=found.confidence)
    return Given(spine, found.levels, found.regions)


def matched(phantom: Phantom, given: Given) -> Iterator[tuple[str, Vertebra]]:
    """Each lumbar vertebra by its true level: a wrong name is another error than a wrong course."""
    for vertebra in given.spine.vertebrae:
        origin = np.asarray(vertebra.frame.origin)
        near = min(phantom.spine.vertebrae, key=lambda v: np.linalg.norm(origin - v.frame.origin))
        if near.level in LEVELS and np.linalg.norm(origin - near.frame.origin) < 8:
            yield near.level, vertebra


def tube_gap(tube: Tube, points: Reals) -> Reals:
    """Signed distance of points to a tube's surface."""
    gaps = []
    for a, b, radius in zip(tube.points, tube.points[1:], tube.radii_mm, strict=False):
        a_, along = np.asarray(a), np.asarray(b) - np.asarray(a)
        t = np.clip((points - a_) @ along / (along @ along), 0, 1)
        gaps.append(np.linalg.norm(points - a_ - t[:, None] * along, axis=1) - radius)
    return np.asarray(np.min(gaps, axis=0))


def triangle(vertebra: Vertebra, side: Side) -> Reals:
    """Where transforaminal needles end and pass: under the pedicle, dorsal of the root, ``(n, 3)`` LPS mm."""
    pedicle = vertebra.pedicles[side]
    x, _, z = vertebra.frame.to_local(pedicle.centre)
    wall = (vertebra.superior_endplate.depth_mm + vertebra.inferior_endplate.depth_mm) / 4
    grid = np.meshgrid(np.linspace(0, 6, 4), np.linspace(4, 12, 5), np.linspace(-1, -5, 3), indexing="ij")
    across, back, under = (axis.ravel() for axis in grid)
    local = np.column_stack([x + side.sign * across, wall + back, z - pedicle.height_mm / 2 + under])
    return np.asarray(vertebra.frame.to_patient(local))


def root_rows(phantom: Phantom, given: Given) -> Iterator[tuple[str, dict[str, Any]]]:
    """Per level and side: the true nerve at stations, and how much nearer or farther it is than drawn."""
    nerves = true_nerves(phantom)
    bone = (given.levels.voxels > 0) | given.regions.mask(*BONE)
    for level, vertebra in matched(phantom, given):
        for side in vertebra.pedicles:
            if (level, side) not in nerves:
                continue
            nerve, frame = nerves[level, side], vertebra.frame
            pedicle = vertebra.pedicles[side]
            x, _, z = frame.to_local(pedicle.centre)
            wall = (vertebra.superior_endplate.depth_mm + vertebra.inferior_endplate.depth_mm) / 4
            origin = np.array([side.sign * x, wall, z - pedicle.height_mm / 2])
            local = frame.to_local(nerve.points) * (side.sign, 1, 1) - origin
            steps = np.linalg.norm(np.diff(nerve.points, axis=0), axis=1)
            along = np.append(0.0, np.cumsum(np.where(steps < 5, steps, 1e4)))
            along -= along[int(np.argmin(np.linalg.norm(nerve.points - nerve.middle, axis=1)))]
            stations = {}
            for at in ALONG_MM:
                n = int(np.argmin(np.abs(along - at)))
                if abs(along[n] - at) < 1:
                    stations[at] = local[n]
            span = foramen_depth(vertebra, side, bone, given.levels)
            tube = exiting_root(vertebra, side, span)
            points = triangle(vertebra, side)
            drawn = tube_gap(tube, points)
            true = np.linalg.norm(points[:, None] - nerve.points, axis=2) - nerve.radius
            near = (drawn > 0.5) & (drawn < 6.0)
            yield level, {"stations": stations, "gap": (true.min(axis=1) - drawn)[near]}


def dura_rows(phantom: Phantom, given: Given) -> Iterator[tuple[str, str, Reals]]:
    """Per level: how far the true sac lies in front of the drawn one, within 4 mm of the midline."""
    grid = given.levels.grid
    bone = (given.levels.voxels > 0) | given.regions.mask(*BONE)
    line = np.array(given.spine.canal)
    drawn = model_dura(given.levels, given.regions, bone, line)
    window = uncovered(given.regions.mask(*CANAL_CONTENT), bone, float(grid.affine.spacing[1]))
    true = phantom.tissues.mask(*SAC)
    outside = distance_transform_edt(~true) - distance_transform_edt(true)
    heights = {level: float(v.canal_centre[2]) for level, v in matched(phantom, given) if v.canal_centre}
    order = np.argsort(line[:, 2])
    spacing, start = grid.affine.spacing, grid.affine.origin
    for level, top in heights.items():
        below = [height for height in heights.values() if height < top]
        low = max(below) if below else top - 30.0
        for k in np.flatnonzero(np.abs(start[2] + np.arange(grid.shape[0]) * spacing[0] - (low + top) / 2)
                                < (top - low) / 2):  # fmt: skip
            middle = np.interp(start[2] + k * spacing[0], line[order, 2], line[order, 0])
            for off in np.arange(-4, 4.1, spacing[2]):
                i = round(float(middle + off - start[0]) / float(spacing[2]))
                rows = np.flatnonzero(drawn[k, :, i]) if 0 <= i < grid.shape[2] else ()
                if len(rows):
                    back = grid.affine.apply(np.array([k, rows[-1] + 0.5, i]))
                    at = phantom.tissues.to_index(back)[:, None]
                    gap = float(map_coordinates(outside, at, order=1, mode="nearest")[0])
                    # From voxel centres to the face between them.
                    gap -= float(np.clip(gap / 2, -0.5, 0.5))
                    yield level, "window" if window[k, i] else "lamina", np.array([gap])


def summary(values: list[Reals]) -> dict[str, float]:
    joined = np.concatenate(values) if values else np.zeros(1)
    return {
        "mean": round(float(joined.mean()), 2),
        "sd": round(float(joined.std()), 2),
        "p5": round(float(np.percentile(joined, 5)), 2),
        "n": len(joined),
    }


@dataclass
class Collected:
    """Rows of all subjects so far."""

    stations: dict[str, dict[int, list[Reals]]]
    roots: dict[str, list[Reals]]
    dura: dict[str, dict[str, list[Reals]]]

    @classmethod
    def empty(cls) -> Collected:
        """Nothing yet."""
        return cls(
            defaultdict(lambda: defaultdict(list)), defaultdict(list), defaultdict(lambda: defaultdict(list))
        )

    def add(self, phantom: Phantom, given: Given) -> None:
        """One subject more."""
        for level, row in root_rows(phantom, given):
            self.roots[level].append(row["gap"])
            for at, place in row["stations"].items():
                self.stations[level][at].append(place)
        for level, place, gap in dura_rows(phantom, given):
            self.dura[level][place].append(gap)

    def report(self) -> Mapping[str, Any]:
        """By level, for the JSON."""
        return {
            level: {
                "true root: lateral of pedicle's middle, behind wall, over pedicle's lower border, mm": {
                    str(at): {
                        "mean": np.mean(rows, axis=0).round(1).tolist(),
                        "sd": np.std(rows, axis=0).round(1).tolist(),
                    }
                    for at, rows in sorted(self.stations[level].items())
                },
                "true less drawn distance to the root, mm": summary(self.roots[level]),
                "true sac in front of the drawn one, mm": {
                    place: summary(rows) for place, rows in sorted(self.dura[level].items())
                },
                "spread stated, mm": {"root": nerve_spread_mm(level), "dura": dura_spread_mm(level)},
            }
            for level in LEVELS
            if level in self.roots
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first", type=int, default=300)
    parser.add_argument("--labelled", type=int, default=8)
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    if set(seeds) & set(KEPT):
        parser.error("seeds 100 to 119 are kept for benchmarks/phantom_plans.py")
    modes = {"from true labels": Collected.empty(), "from the networks' labels": Collected.empty()}
    for n, seed in enumerate(seeds):
        phantom = build(sample_parameters(seed), 1.0, box=BOX)
        modes["from true labels"].add(phantom, Given(phantom.spine, phantom.levels, phantom.regions))
        if n < arguments.labelled:
            given = network_given(seed)
            near = resample(given.levels, phantom.levels.grid), resample(given.regions, phantom.levels.grid)
            modes["from the networks' labels"].add(phantom, Given(given.spine, *near))
        result = {
            "seeds": [seeds[0], seed],
            "labelled by networks": min(n + 1, arguments.labelled),
            **{name: collected.report() for name, collected in modes.items()},
            "published": PUBLISHED,
        }
        RESULTS.write_text(json.dumps(result, indent=1) + "\n")
        print(seed, flush=True)


if __name__ == "__main__":
    main()
