"""The preview's 3D views: the labels' surfaces from behind the left shoulder, and from the left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from procguide.geometry import vector
from procguide.planning.nouns import Tube
from procguide.reporting.palette import ROOT, rgb
from procguide.reporting.plane import Plane, orientation_letters
from procguide.reporting.preview.layout import LATERAL, OBLIQUE, Panel
from procguide.reporting.preview.names import Name, Tag, mark_sides, write_tags
from procguide.reporting.scene3d import view_from
from procguide.reporting.shapes import SPINE, Group, Shapes
from procguide.reporting.sheet import Sheet
from procguide.reporting.surface import SLATE, add_tubes, cast, shade, veiled

__all__ = ["TITLES", "View", "draw_view", "spine_points", "views_of"]

_ANGLES = {OBLIQUE: (38.0, 12.0), LATERAL: (90.0, 0.0)}
TITLES = {OBLIQUE: "3D, from behind and the left", LATERAL: "3D, from the left"}
_FINER = 1.3
"""Rays a pixel's edge: they are averaged, so that edges are smooth."""
_RIBS_AND_ILIA_MM = 22.0


@dataclass(frozen=True)
class View:
    """A direction of looking; ``plane`` is as large as what is to be seen."""

    name: str
    plane: Plane
    depth_mm: float


def views_of(points: NDArray[np.float64], others: NDArray[np.float64]) -> tuple[View, ...]:
    """Both views of the spine at ``points`` (n, 3), LPS mm; of ``others``, ribs and ilia, a border."""
    found = []
    for name, (oblique, tilt) in _ANGLES.items():
        plane = view_from(oblique, tilt, vector(points.mean(axis=0)), 1.0, 1.0)
        low, high = _extent_of(plane, points, others)
        centre = np.asarray(plane.centre) + (low + high)[:2] / 2 @ np.array([plane.right, plane.down])
        everything = np.concatenate([points, others]) - centre
        depth = 2 * float(np.abs(everything @ np.asarray(plane.into)).max()) + 20.0
        width, height = (float(n) for n in (high - low)[:2])
        found.append(
            View(name, replace(plane, centre=vector(centre), width_mm=width, height_mm=height), depth)
        )
    return tuple(found)


def _extent_of(
    plane: Plane, points: NDArray[np.float64], others: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Low and high (u, v, w) mm of ``points``, widened toward ``others`` by at most 22 mm."""
    spine = plane.project(points)
    low, high = spine.min(axis=0) - 4.0, spine.max(axis=0) + 4.0
    if len(others):
        beside = plane.project(others)
        low = np.maximum(np.minimum(low, beside.min(axis=0)), low - _RIBS_AND_ILIA_MM)
        high = np.minimum(np.maximum(high, beside.max(axis=0)), high + _RIBS_AND_ILIA_MM)
    return low, high


def draw_view(
    sheet: Sheet, panel: Panel, view: View, shapes: Shapes, names: Sequence[Name], tubes: Sequence[Tube]
) -> None:
    """The view into its panel, with names and side marks.

    From the side, ribs and ilia would hide the spine: they are a veil there.
    """
    rows, columns = panel.box.shape
    fine = panel.pixel_mm / _FINER
    plane = replace(
        view.plane, width_mm=columns * panel.pixel_mm, height_mm=rows * panel.pixel_mm, pixel_mm=fine
    )
    veil = (Group.RIBS_AND_ILIA,) if view.name == LATERAL else ()
    solid = shapes.only(group for group in shapes.groups if group not in veil)
    surface = add_tubes(cast(solid, plane, view.depth_mm), plane, tubes, rgb(ROOT))
    lit = shade(surface, plane, solid.occluders, SLATE)
    if veil:
        lit = veiled(lit, surface, cast(shapes.only(veil), plane, view.depth_mm))
    sheet.paste(_averaged(lit, (rows, columns)), panel.box)
    tags = [_tag(name, plane, panel) for name in names]
    write_tags(sheet, tags, panel.box, 22)
    letters = (orientation_letters(np.negative(plane.right)), orientation_letters(plane.right))
    mark_sides(sheet, panel.box, letters)


def _tag(name: Name, plane: Plane, panel: Panel) -> Tag:
    """Beside the body, on the viewer's left: at the leftmost of a ring round it."""
    centre = np.asarray(name.centre)
    across, ahead = np.asarray(name.right_side) - centre, np.asarray(name.front) - centre
    turn = np.linspace(0, 2 * np.pi, 36, endpoint=False)[:, None]
    ring = plane.project(centre + np.cos(turn) * across + np.sin(turn) * ahead)
    u, v = float(ring[:, 0].min()), float(plane.project(centre)[1])
    box = panel.box
    x = (box.left + box.right) / 2 + u / panel.pixel_mm
    return Tag(name, x, (box.top + box.bottom) / 2 + v / panel.pixel_mm)


def _averaged(picture: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """The finer picture brought to ``shape`` (rows, columns) by area."""
    from PIL import Image

    rows, columns = shape
    pixels = Image.fromarray(np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8))
    small = pixels.resize((columns, rows), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32) / np.float32(255)


def spine_points(shapes: Shapes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Outermost points (n, 3) LPS mm of the spine, and of ribs and ilia: enough for how far they reach."""
    spine, beside = (shapes.materials_of(groups) for groups in (SPINE, (Group.RIBS_AND_ILIA,)))
    return _outermost(spine, shapes), _outermost(beside, shapes)


def _outermost(mask: NDArray[np.bool_], shapes: Shapes) -> NDArray[np.float64]:
    """The first and the last voxel of every line along i."""
    k, j = np.nonzero(mask.any(axis=2))
    lines = mask[k, j]
    ends = (lines.argmax(axis=1), lines.shape[1] - 1 - lines[:, ::-1].argmax(axis=1))
    return shapes.affine.apply(np.concatenate([np.stack([k, j, i], axis=1) for i in ends]))
