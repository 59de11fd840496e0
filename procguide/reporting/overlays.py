"""What is drawn on the pictures: labelled structures as smooth fields, modelled ones as tubes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from procguide.anatomy import VERSE_LABELS, VERSE_NAMES, VERTEBRA, Region
from procguide.geometry import distance_to_segment
from procguide.imaging import LabelMap, Volume
from procguide.planning.nouns import Tube
from procguide.reporting.palette import REGION_COLOURS, ROOT, VERTEBRA_LINES
from procguide.reporting.plane import Plane, sample

__all__ = ["Overlay", "collect", "field_in", "tube_field"]

_SMOOTHING_VOXELS = 0.55
_PRESACRAL = tuple(label for name, label in VERSE_LABELS.items() if name not in ("sacrum", "coccyx"))


@dataclass(frozen=True, eq=False)
class Overlay:
    """One structure's outline. ``body`` is where a vertebra's name goes: its body's field.

    One of ``field`` (inside above 0.5) and ``tube`` is set. ``words`` is the legend's entry;
    vertebrae share one.
    """

    name: str
    words: str
    colour: str
    field: Volume | None = None
    tube: Tube | None = None
    dashed: bool = False
    level: str | None = None
    body: Volume | None = None


def collect(levels: LabelMap, regions: LabelMap, tubes: Iterable[Tube] = ()) -> tuple[Overlay, ...]:
    """Every structure to draw, from label maps already cropped to the place, and modelled tubes."""
    return (
        *_regions(regions),
        *_vertebrae(levels, regions),
        *(
            Overlay(tube.name, f"{tube.name} (modelled, not seen)", ROOT, tube=tube, dashed=True)
            for tube in tubes
        ),
    )


def _vertebrae(levels: LabelMap, regions: LabelMap) -> Iterable[Overlay]:
    bodies = regions.mask(Region.BODY) if levels.grid.isclose(regions.grid) else None
    for label in sorted(set(levels.present()).intersection(_PRESACRAL), key=_PRESACRAL.index):
        mask = levels.mask(label)
        level = VERSE_NAMES[label]
        colour = VERTEBRA_LINES[_PRESACRAL.index(label) % 2]
        body = None if bodies is None else _field(levels, mask & bodies)
        yield Overlay(
            level,
            "Vertebrae, neighbours in two colours",
            colour,
            _field(levels, mask),
            level=level,
            body=body,
        )


def _regions(regions: LabelMap) -> Iterable[Overlay]:
    present = regions.present()
    for region, colour in REGION_COLOURS.items():
        if region in present and region not in VERTEBRA:
            words = {Region.CANAL: "Bony canal (the dura is not seen on CT)", Region.DISC: "Discs"}
            name = region.label
            yield Overlay(
                name, words.get(region, name.capitalize()), colour, _field(regions, regions.mask(region))
            )


def _field(labels: LabelMap, mask: NDArray[np.bool_]) -> Volume:
    """The mask's own box, smoothed: outside it the field is 0."""
    start, stop = np.zeros(3, dtype=int), np.array(mask.shape)
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        (present,) = np.nonzero(mask.any(axis=others))
        if not len(present):
            return Volume(np.zeros((1, 1, 1), dtype=np.float32), labels.affine)
        start[axis], stop[axis] = max(present[0] - 3, 0), present[-1] + 4
    window = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    smooth = gaussian_filter(mask[window].astype(np.float32), _SMOOTHING_VOXELS)
    return Volume(smooth, labels.affine.shifted(start))


def field_in(overlay: Overlay, plane: Plane) -> NDArray[np.float32] | None:
    """The structure in ``plane``, ``(rows, columns)``, inside above 0.5; None where the plane misses it."""
    if overlay.tube is not None:
        values = tube_field(overlay.tube, plane)
    elif overlay.field is not None:
        values = sample(overlay.field, plane)
    else:
        return None
    return values if values.max() > 0.5 > values.min() else None


def tube_field(tube: Tube, plane: Plane) -> NDArray[np.float32]:
    """A tube in ``plane``: 0.5 on its surface, more inside, falling by 1 each millimetre."""
    grid = plane.grid()
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1)
    points = grid.affine.apply(index[0])
    depth = np.full(points.shape[:2], -np.inf)
    for start, end, radius in zip(tube.points[:-1], tube.points[1:], tube.radii_mm, strict=True):
        depth = np.maximum(depth, radius - distance_to_segment(points, start, end))
    return (0.5 + depth).astype(np.float32)
