"""How far the true thecal sac's back lies in front of the one that planning draws on the networks' labels.

    python benchmarks/sac_surface.py --first 2000 --seeds 8 --cache DIR

Per level and place (between laminae or in front of one), within 4 mm of the midline, mm; positive is safe.
The truth's voxels are 1.2 mm. Writes benchmarks/results/sac_surface.json.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from planner_network import network_subject
from planner_truth import SAC, Truth
from scipy.ndimage import distance_transform_edt, map_coordinates

from procguide.anatomy import BONE, CANAL_CONTENT
from procguide.planning import Subject
from procguide.planning.structures.dura import dura_spread_mm, model_dura, uncovered

RESULT = Path(__file__).parent / "results" / "sac_surface.json"
HALF_WIDTH_MM = 4.0
LAST_SEGMENT_MM = 35.0


def outside_the_sac(truth: Truth) -> np.ndarray:
    """Signed distance to the true sac's faces, ``(k, j, i)`` mm; negative within."""
    mask, step = truth.tissues.mask(*SAC), float(truth.tissues.spacing[0])
    return np.where(
        mask, step / 2 - distance_transform_edt(mask) * step, distance_transform_edt(~mask) * step - step / 2
    )


def gaps(truth: Truth, subject: Subject) -> Iterator[tuple[str, str, float]]:
    """Level above, place, and the gap at each column of the drawn sac."""
    grid, line = subject.levels.affine, np.array(subject.spine.canal)
    bone = (subject.levels.voxels > 0) | subject.regions.mask(*BONE)
    drawn = model_dura(subject.levels, subject.regions, bone, line)
    window = uncovered(subject.regions.mask(*CANAL_CONTENT), bone, float(grid.spacing[1]))
    field, order = outside_the_sac(truth), np.argsort(line[:, 2])
    heights = {one.level: (one.canal_centre or one.frame.origin)[2] for one in truth.spine.vertebrae}
    lowest = min(heights.values()) - LAST_SEGMENT_MM
    for k in range(len(drawn)):
        z = grid.origin[2] + k * grid.spacing[0]
        above = [level for level, height in heights.items() if height >= z]
        if not above or z < lowest:
            continue
        middle = np.interp(z, line[order, 2], line[order, 0])
        for off in np.arange(-HALF_WIDTH_MM, HALF_WIDTH_MM + 0.1, grid.spacing[2]):
            i = round(float((middle + off - grid.origin[0]) / grid.spacing[2]))
            rows = np.flatnonzero(drawn[k, :, i]) if 0 <= i < drawn.shape[2] else ()
            if len(rows):
                at = truth.tissues.to_index(grid.apply(np.array([k, rows[-1] + 0.5, i])))[:, None]
                gap = float(map_coordinates(field, at, order=1, mode="nearest")[0])
                yield above[-1], "window" if window[k, i] else "lamina", gap


def summary(values: list[float]) -> dict[str, float]:
    found = np.array(values)
    p1, p5 = np.percentile(found, (1, 5))
    numbers = {"mean": found.mean(), "sd": found.std(), "p1": p1, "p5": p5}
    return {name: round(float(value), 2) for name, value in numbers.items()} | {"n": len(found)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--first", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args()
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for seed in range(given.first, given.first + given.seeds):
        for level, place, gap in gaps(Truth.of(seed, given.cache), network_subject(seed, given.cache)):
            found[level][place].append(gap)
        levels = {
            level: {place: summary(values) for place, values in places.items()}
            | {"stated_sd": dura_spread_mm(level)}
            for level, places in found.items()
        }
        RESULT.write_text(json.dumps({"seeds": [given.first, seed], "levels": levels}, indent=1) + "\n")


if __name__ == "__main__":
    main()
