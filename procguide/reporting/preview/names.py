"""Level names beside the bodies, none over another, and what is said with them about doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import SACRUM, VERSE_NAMES, VERTEBRA, Anchor, Region, Spine, Vertebra
from procguide.geometry import AnatomicalFrame, Vector, vector
from procguide.reporting.palette import rgb
from procguide.reporting.sheet import Box, Sheet, spread
from procguide.segmentation.segment import Segmentation

__all__ = ["DOUBTFUL", "SIDE", "UNANCHORED", "Name", "Tag", "level_names", "mark_sides", "write_tags"]

DOUBTFUL = rgb("#FFC04D")
UNANCHORED = rgb("#FF6B5E")
SIDE = rgb("#FFE680")
_SURE = (1.0, 1.0, 1.0)
LEAST_CONFIDENCE = 0.6
_LEADER_PX = 16
_GAP_PX = 3
_TITLE_PX = 36


@dataclass(frozen=True)
class Name:
    """A level's name as it is written: with a question mark where it is doubtful.

    ``front``, ``right_side`` and ``centre`` are points of its body (LPS mm): before it, at its right, in
    its middle.
    """

    words: str
    colour: tuple[float, float, float]
    centre: Vector
    front: Vector
    right_side: Vector


@dataclass(frozen=True)
class Tag:
    """A name, and the point of the sheet (x, y) that it belongs to; it is written to the left of it."""

    name: Name
    x: float
    y: float


def level_names(found: Segmentation, spine: Spine) -> tuple[Name, ...]:
    """The labelled levels' names; the sacrum's is the last.

    A vertebra whose landmarks were not found is named at its labels' own middle.
    """
    located = {vertebra.level: vertebra for vertebra in spine.vertebrae}
    bodies = set(np.unique(found.levels.voxels[found.regions.mask(Region.BODY)]))
    names = []
    for label in found.levels.present():
        level = VERSE_NAMES.get(label)
        if level is None or level in (SACRUM, "coccyx"):
            continue
        if level not in located and label not in bodies:
            continue  # a piece of an arch at the field's border
        sure = found.confidence.get(level, 0.0) >= LEAST_CONFIDENCE and found.anchor is not Anchor.NONE
        colour = UNANCHORED if found.anchor is Anchor.NONE else (_SURE if sure else DOUBTFUL)
        words = level if sure else f"{level}?"
        names.append(_at_body(words, colour, *_body_of(found, label, located.get(level))))
    names += _unnamed(found)
    if spine.sacrum is not None:
        frame, plate = spine.sacrum.frame, spine.sacrum.endplate
        places = [(0.0, 0.0, -14.0), (0.0, -plate.depth_mm / 2, -14.0), (-plate.width_mm / 2, 0.0, -14.0)]
        names.append(Name("S1", _SURE, *(vector(point) for point in frame.to_patient(places))))
    return tuple(names)


def _unnamed(found: Segmentation) -> list[Name]:
    """A red question mark for every vertebra that has no level."""
    if found.instances is None:
        return []
    names = []
    free = (found.levels.voxels == 0) & found.regions.mask(*VERTEBRA)
    for number in np.unique(found.instances.voxels[free]):
        own = free & (found.instances.voxels == number)
        if number:
            names.append(_at_body("?", UNANCHORED, *_extent_of(found, own)))
    return names


def _at_body(
    words: str, colour: tuple[float, float, float], frame: AnatomicalFrame, width: float, depth: float
) -> Name:
    front, aside = frame.to_patient([(0.0, -depth / 2, 0.0), (-width / 2, 0.0, 0.0)])
    return Name(words, colour, frame.origin, vector(front), vector(aside))


def _body_of(
    found: Segmentation, label: int, vertebra: Vertebra | None
) -> tuple[AnatomicalFrame, float, float]:
    """The body's frame, width and depth (mm): as located, or else read from its voxels alone."""
    if vertebra is not None:
        return vertebra.frame, vertebra.superior_endplate.width_mm, vertebra.superior_endplate.depth_mm
    return _extent_of(found, found.levels.voxels == label)


def _extent_of(found: Segmentation, own: NDArray[np.bool_]) -> tuple[AnatomicalFrame, float, float]:
    """A straight frame at the body among the voxels of ``own``, its width and depth, mm."""
    body = own & found.regions.mask(Region.BODY)
    points = found.levels.to_patient(np.argwhere(body if body.any() else own))
    extent = np.ptp(points, axis=0)
    frame = AnatomicalFrame.from_axes(points.mean(axis=0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
    return frame, float(extent[0]), float(extent[1])


def write_tags(sheet: Sheet, tags: Sequence[Tag], box: Box, size: float) -> None:
    """Write every tag whose point lies in ``box`` to the left of it, with a line to it, none over another."""
    inner = Box(box.left + 4, box.top + _TITLE_PX, box.right - 4, box.bottom - 4)
    shown = sorted(
        (tag for tag in tags if inner.left <= tag.x <= inner.right and inner.top <= tag.y <= inner.bottom),
        key=lambda tag: tag.y,
    )
    height = 1.35 * size
    gap = height + _GAP_PX
    if len(shown) > 1 and (inner.height - height) / (len(shown) - 1) < gap:
        size *= (inner.height - height) / (len(shown) - 1) / gap
        height = 1.35 * size
        gap = height + _GAP_PX
    low, high = inner.top + height / 2, inner.bottom - height / 2
    for tag, y in zip(shown, spread([tag.y for tag in shown], gap, low, high), strict=True):
        x = tag.x - _LEADER_PX
        sheet.line([(x + 1, y), (tag.x, tag.y)], (0.0, 0.0, 0.0), 3)
        sheet.line([(x + 1, y), (tag.x, tag.y)], tag.name.colour, 1)
        sheet.write(
            tag.name.words,
            x,
            y,
            size=size,
            colour=tag.name.colour,
            anchor="rm",
            bold=True,
            within=inner,
            kind="name",
        )


def mark_sides(sheet: Sheet, box: Box, letters: tuple[str, str]) -> None:
    """The patient's directions at the picture's left and right edge, at a height where nothing is written."""
    inner = box.inset(8)
    boxes = [one.box for one in sheet.written]
    for share in (0.5, 0.6, 0.4, 0.7, 0.3, 0.8, 0.2, 0.88):
        y = inner.top + share * inner.height
        places = [Box(x, y - 22, x + 50, y + 22) for x in (inner.left, inner.right - 50)]
        if not any(place.overlaps(other) for place in places for other in boxes):
            break
    for letter, x, anchor in zip(letters, (inner.left, inner.right), ("lm", "rm"), strict=True):
        sheet.write(letter, x, y, size=30, colour=SIDE, anchor=anchor, bold=True, within=inner, kind="side")
