"""The bones in 3D with the needle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Spine
from procguide.geometry import Vector, beam_direction, unit, vector, view_angles
from procguide.imaging import LabelMap
from procguide.planning.nouns import Trajectory, Tube
from procguide.reporting.palette import ROOT, rgb
from procguide.reporting.plane import Plane, crop_around
from procguide.reporting.shapes import SPINE, Group, shapes_of
from procguide.reporting.slices import SMALL_PIXELS, encode, furnish, new_picture, text
from procguide.reporting.surface import PAPER, add_tubes, cast, needle_on, shade

__all__ = ["draw_bones", "view_from"]

_BONES_MM = 165.0


def view_from(oblique_deg: float, tilt_deg: float, centre: Vector, size_mm: float, pixel_mm: float) -> Plane:
    """The picture of a viewer behind the patient, at these C-arm angles; head up, left on the left."""
    into = np.asarray(beam_direction(oblique_deg, tilt_deg))
    up = np.array([0.0, 0.0, 1.0])
    down = unit(-up + (up @ into) * into)
    return Plane(vector(centre), vector(np.cross(down, into)), down, size_mm, size_mm, pixel_mm)


def draw_bones(
    levels: LabelMap,
    regions: LabelMap,
    *,
    centre: Vector,
    side_sign: int,
    trajectory: Trajectory | None,
    tubes: Iterable[Tube] = (),
    spine: Spine | None = None,
) -> bytes:
    """JPEG of the spine from behind and ``side_sign``'s side (+1 the patient's left), with the needle.

    The viewer stands 40 degrees further round than the needle, so that the needle is seen from its side.
    """
    oblique, middle = 40.0 * side_sign, np.asarray(centre) + np.array([0.0, 8.0, 0.0])
    if trajectory is not None:
        needle_oblique = view_angles(trajectory.direction)[0]
        oblique = float(np.clip(needle_oblique + 42.0 * side_sign, -80, 80))
        middle = middle + 0.22 * (np.asarray(trajectory.entry) - middle)
    plane = view_from(oblique, 14.0, vector(middle), _BONES_MM, 0.42)
    margin = _BONES_MM * 0.62
    near = (crop_around(levels, [centre], margin), crop_around(regions, [centre], margin))
    shapes = shapes_of(*near, (*SPINE, Group.CANAL), parts=False)
    surface = cast(shapes, plane, _BONES_MM * 1.1)
    surface = add_tubes(surface, plane, [tube for tube in tubes if "root" in tube.name], rgb(ROOT))
    if trajectory is not None:
        surface = needle_on(surface, plane, trajectory)
    lit = shade(surface, plane, shapes.occluders, PAPER)
    return _paint(lit, plane, spine, "left" if side_sign > 0 else "right", trajectory)


def _paint(
    lit: NDArray[np.float32], plane: Plane, spine: Spine | None, side: str, trajectory: Trajectory | None
) -> bytes:
    figure, axes = new_picture(plane, SMALL_PIXELS)
    half = plane.width_mm / 2
    axes.imshow(lit, extent=(-half, half, half, -half), interpolation="bilinear", aspect="auto")
    if spine is not None:
        _names(axes, plane, spine)
    note = "needle drawn thicker than it is" if trajectory else ""
    furnish(axes, plane, f"3D, from behind and the {side}", note, light=True)
    return encode(figure)


def _names(axes: Any, plane: Plane, spine: Spine) -> None:
    """Level names on the bodies, a little before their centres: away from needle and foramina."""
    for vertebra in spine.vertebrae:
        u, v, _ = plane.project(vertebra.frame.to_patient((0.0, -11.0, 0.0)))
        if abs(u) < plane.width_mm * 0.46 and abs(v) < plane.height_mm * 0.4:
            options = {"ha": "center", "va": "center", "weight": "bold"}
            text(axes, u, v, vertebra.level, size=24, colour="#1B2A41", rim="#FFFFFF", **options)
