"""Sizes by level, measured alike on phantoms and on real CTs, so that one can be held against the other.

``python benchmarks/phantom_shape.py [--seeds 20]`` measures the label maps of phantoms (their truth, 1.5 mm)
and of the real CTs of PROCGUIDE_REAL_DATA (default ../shared/data; labels by this project's networks, and
the given labels of ct_l3_crop) with the same code: endplates, discs, pedicles, canal, foramina, facet
joints. Writes benchmarks/results/phantom_shape.json: mean and standard deviation over phantoms beside each
real case. The published tables are in docs/population.md.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from procguide.anatomy import VERSE_LABELS, Anchor, Region, Side, Spine, Vertebra
from procguide.anatomy.locate import locate_spine
from procguide.dicom import read_study, read_volume
from procguide.imaging import LabelMap
from procguide.imaging.files import read_labels
from procguide.phantom import build, sample_parameters
from procguide.segmentation.segment import segment

ROOT = Path(__file__).resolve().parent.parent
REAL = Path(os.environ.get("PROCGUIDE_REAL_DATA", ROOT.parent / "shared" / "data"))
REAL_CASES = {
    "ct_abdomen_dicom": ("ct_abdomen_dicom", None),
    "ct_lumbar_3mm": ("ct_lumbar_3mm/ct.nii.gz", None),
    "ct_thorax": ("ct_thorax/ct.nii.gz", "L2"),
}
Sizes = dict[str, dict[str, float]]


def canal_at(vertebra: Vertebra, regions: LabelMap) -> tuple[float, float]:
    """Width and depth of the canal in the plane of the pedicles, mm: extents along left and posterior."""
    frame, centre = vertebra.frame, vertebra.canal_centre
    assert centre is not None
    steps = np.arange(-20.0, 20.01, 0.25)
    label = {}
    for name, axis in (("width", frame.left), ("depth", frame.posterior)):
        points = np.asarray(centre) + steps[:, None] * np.asarray(axis)
        k, j, i = np.rint(regions.to_index(points)).astype(int).T
        k, j, i = (np.clip(v, 0, n - 1) for v, n in zip((k, j, i), regions.shape, strict=True))
        label[name] = 0.25 * float((regions.voxels[k, j, i] == Region.CANAL).sum())
    return label["width"], label["depth"]


def sizes_of(spine: Spine, regions: LabelMap) -> Sizes:
    """Measures in mm by level; a landmark that was not found leaves its measure out."""
    out: Sizes = {}
    for place, vertebra in enumerate(spine.vertebrae):
        if not vertebra.complete:
            continue
        sizes = {
            "upper endplate width": vertebra.superior_endplate.width_mm,
            "upper endplate depth": vertebra.superior_endplate.depth_mm,
            "body height": float(
                np.linalg.norm(
                    np.subtract(vertebra.superior_endplate.centre, vertebra.inferior_endplate.centre)
                )
            ),
        }
        if vertebra.canal_centre is not None:
            sizes["canal width"], sizes["canal depth"] = canal_at(vertebra, regions)
        if len(vertebra.pedicles) == 2:
            left, right = vertebra.pedicles[Side.LEFT], vertebra.pedicles[Side.RIGHT]
            sizes["pedicle width"] = (left.width_mm + right.width_mm) / 2
            sizes["pedicle height"] = (left.height_mm + right.height_mm) / 2
            sizes["between pedicle centres"] = float(np.linalg.norm(np.subtract(left.centre, right.centre)))
        if place + 1 < len(spine.vertebrae):
            sizes |= between(vertebra, spine.vertebrae[place + 1])
        out[vertebra.level] = {name: round(float(value), 2) for name, value in sizes.items()}
    return out


def between(upper: Vertebra, lower: Vertebra) -> dict[str, float]:
    """Disc height between endplate centres; foramen height between the pedicles' edges."""
    gap = np.subtract(upper.inferior_endplate.centre, lower.superior_endplate.centre)
    sizes = {"disc height": float(np.linalg.norm(gap))}
    heights = []
    for side in Side:
        if side in upper.pedicles and side in lower.pedicles:
            above, below = upper.pedicles[side], lower.pedicles[side]
            span = float(np.subtract(above.centre, below.centre) @ np.asarray(upper.frame.superior))
            heights.append(span - (above.height_mm + below.height_mm) / 2)
    if heights:
        sizes["foramen height"] = float(np.mean(heights))
    return sizes


def facet_angle(upper: np.ndarray, lower: np.ndarray) -> float | None:
    """Angle of a joint to the sagittal plane from surface points (n, 3) LPS mm of its two processes, degrees.

    Points of either process that have the other within 5 mm; the joint's plane is the best one through the
    middles of such pairs.
    """
    distance, nearest = cKDTree(lower).query(upper)
    near = distance < 5.0
    if near.sum() < 40:
        return None
    pairs = (upper[near] + lower[nearest[near]]) / 2
    _, _, axes = np.linalg.svd(pairs - pairs.mean(axis=0), full_matrices=False)
    normal = axes[2]
    return float(np.degrees(np.arctan2(abs(normal[1]), abs(normal[0]))))


def facet_angles(levels: LabelMap, regions: LabelMap, order: tuple[str, ...]) -> dict[str, float]:
    """Mean of both sides' angles under each level, from the labels of articular processes."""
    out = {}
    for upper, lower in pairwise(order):
        middle = levels.centroid(VERSE_LABELS[upper])[0]
        found = []
        for side in Side:
            clouds = []
            for level, region in (
                (upper, Region.INFERIOR_ARTICULAR_PROCESS),
                (lower, Region.SUPERIOR_ARTICULAR_PROCESS),
            ):
                mask = (levels.voxels == VERSE_LABELS[level]) & (regions.voxels == region)
                points = levels.to_patient(np.argwhere(mask))
                clouds.append(points[side.sign * (points[:, 0] - middle) > 0] if len(points) else points)
            if min(len(cloud) for cloud in clouds) > 30:
                angle = facet_angle(*clouds)
                found += [] if angle is None else [angle]
        if found:
            out[upper] = round(float(np.mean(found)), 1)
    return out


def measure_phantom(seed: int) -> Sizes:
    phantom = build(sample_parameters(seed), 1.5, box=((-90, -90, -130), (90, 120, 500)))
    spine = locate_spine(phantom.levels, phantom.regions, anchor=Anchor.SACRUM, confidence={})
    sizes = sizes_of(spine, phantom.regions)
    for level, angle in facet_angles(phantom.levels, phantom.regions, phantom.parameters.levels).items():
        sizes.setdefault(level, {})["facet angle"] = angle
    return sizes


def measure_real(path: str, lowest: str | None) -> Sizes:
    volume = read_volume(read_study(REAL / path).choose())
    found = segment(volume, lowest_level=lowest)
    spine = locate_spine(found.levels, found.regions, anchor=found.anchor, confidence=found.confidence)
    return sizes_of(spine, found.regions)


def measure_crop() -> Sizes:
    """ct_l3_crop's own labels: facet angles under L2 and L3."""
    folder = REAL / "ct_l3_crop"
    instances = read_labels(next(folder.glob("seg-vert*_msk.nii.gz")), {})
    parts = read_labels(next(folder.glob("seg-subreg*_msk.nii.gz")), {})
    table = np.zeros(256, dtype=np.uint8)
    table[[45, 46]], table[[47, 48]] = Region.SUPERIOR_ARTICULAR_PROCESS, Region.INFERIOR_ARTICULAR_PROCESS
    regions = LabelMap(table[parts.voxels], parts.affine)
    angles = facet_angles(instances, regions, ("L2", "L3", "L4"))
    return {level: {"facet angle": angle} for level, angle in angles.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=100)
    arguments = parser.parse_args()
    pooled: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for seed in range(arguments.first, arguments.first + arguments.seeds):
        for level, sizes in measure_phantom(seed).items():
            for name, value in sizes.items():
                pooled[name][level].append(value)
    result: dict[str, object] = {"phantoms": arguments.seeds, "phantom": {}, "real": {}}
    result["phantom"] = {
        name: {
            level: [round(float(np.mean(v)), 1), round(float(np.std(v)), 1), len(v)]
            for level, v in levels.items()
        }
        for name, levels in pooled.items()
    }
    real = {name: measure_real(*case) for name, case in REAL_CASES.items()} | {"ct_l3_crop": measure_crop()}
    result["real"] = real
    target = ROOT / "benchmarks" / "results" / "phantom_shape.json"
    target.write_text(json.dumps(result, indent=1) + "\n")
    for name, levels in pooled.items():
        print(name)
        for level, values in levels.items():
            others = {case: sizes.get(level, {}).get(name) for case, sizes in real.items()}
            shown = ", ".join(f"{case} {value}" for case, value in others.items() if value is not None)
            print(f"  {level}: {np.mean(values):.1f} +- {np.std(values):.1f} ({len(values)}); {shown}")


if __name__ == "__main__":
    main()
