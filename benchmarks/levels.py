"""Whether the levels' names are right, and as often right as their confidence says.

``python benchmarks/levels.py [--phantoms 20] [--first 500] [--networks 0]`` names the vertebrae of phantoms
from their true labels, in whole fields and in fields that show less, and with rib heads lost as networks lose
them; with ``--networks N`` also from the shipped networks' labels of N simulated CTs. Writes
benchmarks/results/levels.json: how many names are right by field, how often nothing was named, and a table of
confidence against share right. Subjects are drawn from the population, variants included.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.anatomy import VERSE_LABELS, Anchor, Region
from procguide.errors import InputUnfitError
from procguide.imaging.resample import resample
from procguide.phantom import CtSettings, Phantom, PhantomParameters, build, sample_parameters, simulate_ct
from procguide.segmentation import VERTEBRAL, TissueClass, class_of
from procguide.segmentation.instances import Instances
from procguide.segmentation.naming import name_levels

ROOT = Path(__file__).resolve().parent.parent
SPACING_MM = 1.5
MIN_BODY_MM3 = 3000.0
BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)
LOST = 0.4
"""Share of rib heads taken away in the fields with lost ribs."""
Row = dict[str, Any]
Labels = tuple[NDArray[np.uint8], NDArray[np.uint8], list[str]]


def true_labels(parameters: PhantomParameters) -> Labels:
    """Classes, vertebrae (1 for the lowest) and their levels from the lowest upward."""
    phantom = build(parameters, SPACING_MM, box=((-100.0, -90.0, -110.0), (100.0, 110.0, 500.0)))
    table = np.zeros(256, dtype=np.uint8)
    table[list(Region)] = [class_of(region) for region in Region]
    classes = table[phantom.tissues.voxels]
    levels = list(parameters.levels[::-1])
    numbers = np.zeros(256, dtype=np.uint8)
    numbers[[VERSE_LABELS[level] for level in levels]] = range(1, len(levels) + 1)
    labels = np.where(np.isin(classes, VERTEBRAL), numbers[phantom.levels.voxels], 0)
    return classes, labels.astype(np.uint8), levels


def fields(
    classes: NDArray[np.uint8], labels: NDArray[np.uint8], levels: list[str]
) -> Iterator[tuple[str, slice]]:
    """Names of fields of view, and their slices."""
    body = np.where(classes == TissueClass.BODY, labels, 0)
    middle = [int(np.argwhere(body == n)[:, 0].mean()) for n in range(1, len(levels) + 1)]
    half = round(15.0 / SPACING_MM)
    yield "whole", slice(0, len(classes))
    yield "sacrum to L2", slice(0, middle[levels.index("L2")] + half)
    yield "L3 up", slice(middle[levels.index("L3")] - half, len(classes))
    yield "lumbar without sacrum and ribs", slice(middle[0] - half, middle[levels.index("L1")] + half)
    yield "T12 up", slice(middle[levels.index("T12")] - half, len(classes))


def without_some_ribs(
    classes: NDArray[np.uint8], labels: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Heads of ribs lost, side by side and level by level."""
    classes = classes.copy()
    reach = round(12.0 / SPACING_MM)
    across = np.arange(classes.shape[2])
    for box, number in zip(ndimage.find_objects(labels), range(1, int(labels.max()) + 1), strict=True):
        wide = tuple(slice(max(0, part.start - reach), part.stop + reach) for part in box)
        own = (labels[wide] == number) & (classes[wide] == TissueClass.BODY)
        if not own.any():
            continue
        near = ndimage.binary_dilation(own, iterations=reach) & (classes[wide] == TissueClass.RIB)
        middle = np.argwhere(own)[:, 2].mean() + wide[2].start
        for left in (True, False):
            if rng.random() < LOST:
                side = (across[wide[2]] > middle) == left
                classes[wide][near & side] = TissueClass.OTHER
    return classes


def named(classes: NDArray[np.uint8], labels: NDArray[np.uint8], levels: list[str], field: slice) -> Row:
    """Names in one field against the truth."""
    classes, labels = classes[field], labels[field]
    body = np.where(classes == TissueClass.BODY, labels, 0)
    sizes = np.bincount(body.ravel(), minlength=len(levels) + 1) * SPACING_MM**3
    kept = [n for n in range(1, len(levels) + 1) if sizes[n] > MIN_BODY_MM3]
    table = np.zeros(len(levels) + 1, dtype=np.uint8)
    table[kept] = range(1, len(kept) + 1)
    heights = tuple(float(np.argwhere(body == n)[:, 0].mean()) * SPACING_MM for n in kept)
    instances = Instances(table[labels], (1.0,) * len(kept), heights)
    naming = name_levels(classes, instances, SPACING_MM, require_anchor=False)
    return judged([levels[n - 1] for n in kept], naming.levels, naming.confidence, naming.anchor) | {
        "anchors": [anchor.value for anchor in naming.anchors],
        "findings": [finding.words for finding in naming.findings],
    }


def judged(truth: list[str], names: tuple[str, ...], confidence: Any, anchor: Anchor) -> Row:
    pairs = [
        [level, name, float(confidence.get(name, 0.0)), level == name]
        for level, name in zip(truth, names, strict=False)
    ]
    return {"anchor": anchor.value, "count": len(truth), "pairs": pairs}


def by_networks(seed: int, parameters: PhantomParameters) -> Row:
    """The shipped networks on a simulated CT: every true vertebra against the name where its body is."""
    from procguide.segmentation.segment import segment

    phantom: Phantom = build(parameters, SPACING_MM)
    image = simulate_ct(phantom, seed=seed, settings=CtSettings(pixel_mm=1.0, slice_mm=2.0))
    try:
        found = segment(image, require_anchor=False)
    except InputUnfitError as error:
        return {"anchor": "none", "count": len(parameters.levels), "pairs": [], "findings": [str(error)]}
    names = resample(found.levels, phantom.levels.grid).voxels
    bodies = np.where(phantom.regions.voxels == Region.BODY, phantom.levels.voxels, 0)
    inverse = {label: level for level, label in VERSE_LABELS.items()}
    pairs = []
    for level in parameters.levels[::-1]:
        inside = names[bodies == VERSE_LABELS[level]]
        inside = inside[inside > 0]
        if len(inside):
            name = inverse[int(np.bincount(inside).argmax())]
            pairs.append([level, name, float(found.confidence.get(name, 0.0)), level == name])
    return {
        "anchor": found.anchor.value,
        "anchors": [anchor.value for anchor in found.anchors],
        "count": len(parameters.levels),
        "pairs": pairs,
        "findings": [finding.words for finding in found.findings],
    }


def summarise(rows: list[Row]) -> dict[str, Any]:
    """By source and field: subjects named, all names right, silent errors; and reliability over all."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(f"{row['source']}: {row['field']}", []).append(row)
    return {
        "fields": {name: _group(group) for name, group in groups.items()},
        "reliability": _reliability(rows),
    }


def _group(rows: list[Row]) -> dict[str, Any]:
    bound = [row for row in rows if row["anchor"] != "none"]
    right = [row for row in bound if all(pair[3] for pair in row["pairs"])]
    pairs = [pair for row in bound for pair in row["pairs"]]
    return {
        "subjects": len(rows),
        "named": len(bound),
        "all_right": len(right),
        "levels": len(pairs),
        "levels_right": sum(pair[3] for pair in pairs),
        "wrong_without_a_finding": sum(1 for row in bound if row not in right and not row["findings"]),
    }


def _reliability(rows: list[Row]) -> list[dict[str, float]]:
    pairs = [pair for row in rows for pair in row["pairs"]]
    table = []
    for low, high in itertools.pairwise(BINS):
        inside = [pair for pair in pairs if low < pair[2] <= high]
        if inside:
            table.append(
                {
                    "from": low,
                    "to": high,
                    "names": len(inside),
                    "mean_confidence": round(float(np.mean([pair[2] for pair in inside])), 3),
                    "share_right": round(float(np.mean([pair[3] for pair in inside])), 3),
                }
            )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phantoms", type=int, default=20)
    parser.add_argument("--first", type=int, default=500)
    parser.add_argument("--networks", type=int, default=0)
    arguments = parser.parse_args()
    rows: list[Row] = []
    for n, seed in enumerate(range(arguments.first, arguments.first + arguments.phantoms)):
        parameters = sample_parameters(seed)
        about = {"seed": seed, "true_levels": len(parameters.levels)}
        classes, labels, levels = true_labels(parameters)
        fewer = without_some_ribs(classes, labels, np.random.default_rng(seed))
        for field, slices in fields(classes, labels, levels):
            rows.append(
                about | {"source": "true labels", "field": field} | named(classes, labels, levels, slices)
            )
            if field in ("whole", "L3 up"):
                row = named(fewer, labels, levels, slices)
                rows.append(about | {"source": "true labels, ribs lost", "field": field} | row)
        if n < arguments.networks:
            rows.append(about | {"source": "networks", "field": "whole"} | by_networks(seed, parameters))
        print(
            seed,
            *(f"{row['field']}: {row['anchor']}" for row in rows if row["seed"] == seed),
            sep="; ",
            flush=True,
        )
    result = {"summary": summarise(rows), "subjects": rows}
    target = ROOT / "benchmarks" / "results" / "levels.json"
    target.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["summary"], indent=1))


if __name__ == "__main__":
    main()
