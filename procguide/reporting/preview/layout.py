"""Where the preview's five pictures and its words stand, so that each structure is as large as it can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from procguide.reporting.sheet import Box

__all__ = [
    "AXIAL",
    "CANVAS",
    "CORONAL",
    "HEAD",
    "LATERAL",
    "OBLIQUE",
    "SAGITTAL",
    "Layout",
    "Panel",
    "arrange",
]

CANVAS = (1920, 1280)
OBLIQUE, LATERAL, SAGITTAL, CORONAL, AXIAL = "oblique", "lateral", "sagittal", "coronal", "axial"

HEAD = 96
_WORDS = 404
_GAP = 6
_NAMES = 84
"""Pixels for names beside the structures."""
_ABOVE = 60
"""Pixels for a picture's title above and its scale below."""
_UPPER_SHARE = 0.56
_AXIAL_SHARE = 0.30
_PLANES_SHARE = 0.60
_MOST_OF_WIDTH = 0.58

Size = tuple[float, float]


@dataclass(frozen=True)
class Panel:
    """A picture's box on the sheet, and how many mm one pixel is."""

    box: Box
    pixel_mm: float


@dataclass(frozen=True)
class Layout:
    """The pictures by name, and the box for words."""

    panels: Mapping[str, Panel]
    words: Box


def arrange(sizes: Mapping[str, Size]) -> Layout:
    """The arrangement in which structures are drawn largest, those of the 3D views first.

    ``sizes`` is width and height in mm of what each picture has to show. A long spine stands in four
    columns, a usual one has two tall 3D views with smaller planes beside them, a short one has the 3D
    views above and the planes below.
    """
    width, height = CANVAS
    everything = Box(_GAP, HEAD, width - _GAP, height - _GAP)
    ways = (_columns, _tall, _rows)
    return max((way(sizes, everything) for way in ways), key=_worth)


def _worth(layout: Layout) -> float:
    scale, of_planes = (1 / layout.panels[name].pixel_mm for name in (OBLIQUE, SAGITTAL))
    return float(scale * of_planes**0.35)


def _with_words(everything: Box) -> tuple[Box, Box]:
    """Left for pictures, right for words."""
    edge = everything.right - _WORDS
    field = Box(everything.left, everything.top, edge - _GAP, everything.bottom)
    return field, Box(edge, everything.top, everything.right, everything.bottom)


def _tall(sizes: Mapping[str, Size], everything: Box) -> Layout:
    views = {name: sizes[name] for name in (OBLIQUE, LATERAL)}
    scale = (everything.height - _ABOVE) / max(height for _, height in views.values())
    needed = scale * sum(width for width, _ in views.values()) + 2 * _NAMES + _GAP
    edge = everything.left + min(round(needed), _MOST_OF_WIDTH * everything.width)
    middle = round(everything.top + _PLANES_SHARE * everything.height)
    left = Box(everything.left, everything.top, edge, everything.bottom)
    upper = Box(edge + _GAP, everything.top, everything.right, middle)
    corner = round((upper.left + upper.right) / 2)
    lower = Box(upper.left, middle + _GAP, corner, everything.bottom)
    panels = _side_by_side(views, left)
    panels |= _side_by_side({name: sizes[name] for name in (SAGITTAL, CORONAL)}, upper)
    panels |= _side_by_side({AXIAL: sizes[AXIAL]}, lower)
    return Layout(panels, Box(corner + _GAP, lower.top, everything.right, everything.bottom))


def _columns(sizes: Mapping[str, Size], everything: Box) -> Layout:
    field, beside = _with_words(everything)
    order = (OBLIQUE, LATERAL, SAGITTAL, CORONAL)
    panels = _side_by_side({name: sizes[name] for name in order}, field)
    below = beside.top + _AXIAL_SHARE * beside.height
    axial = Box(beside.left, beside.top, beside.right, round(below))
    panels |= _side_by_side({AXIAL: sizes[AXIAL]}, axial)
    return Layout(panels, Box(beside.left, axial.bottom + _GAP, beside.right, beside.bottom))


def _rows(sizes: Mapping[str, Size], everything: Box) -> Layout:
    field, beside = _with_words(everything)
    middle = round(field.top + _UPPER_SHARE * field.height)
    upper = Box(field.left, field.top, field.right, middle)
    lower = Box(field.left, middle + _GAP, field.right, field.bottom)
    panels = _side_by_side({name: sizes[name] for name in (OBLIQUE, LATERAL)}, upper)
    panels |= _side_by_side({name: sizes[name] for name in (SAGITTAL, CORONAL, AXIAL)}, lower)
    return Layout(panels, beside)


def _side_by_side(sizes: Mapping[str, Size], field: Box) -> dict[str, Panel]:
    """Pictures of one scale that fill ``field`` from left to right; room left over is shared evenly."""
    inner = field.width - _GAP * (len(sizes) - 1)
    tallest = max(height for _, height in sizes.values())
    across = sum(width for width, _ in sizes.values())
    pixels_per_mm = min((field.height - _ABOVE) / tallest, (inner - _NAMES * len(sizes)) / across)
    spare = inner - across * pixels_per_mm
    edges: list[float] = [field.left]
    for width, _ in sizes.values():
        edges.append(edges[-1] + width * pixels_per_mm + spare / len(sizes) + _GAP)
    return {
        name: Panel(Box(round(a), field.top, round(b) - _GAP, field.bottom), 1 / pixels_per_mm)
        for name, a, b in zip(sizes, edges[:-1], edges[1:], strict=True)
    }
