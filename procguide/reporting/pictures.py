"""The set of pictures of one plan, or of the place where no needle goes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from procguide.anatomy import Spine
from procguide.geometry import Vector
from procguide.imaging import LabelMap, Modality, Volume
from procguide.planning.nouns import Plan, Trajectory, Tube
from procguide.reporting.overlays import Overlay, collect, field_in
from procguide.reporting.plane import (
    Plane,
    axial_through,
    coronal_at,
    crop_around,
    down_the_needle,
    orientation_letters,
    sagittal_through,
)
from procguide.reporting.scene3d import draw_bones, draw_radiograph
from procguide.reporting.slices import BONE_WINDOW, SOFT_WINDOW, Window, draw_slice, window_words
from procguide.reporting.words import view_words

__all__ = ["Picture", "anatomy_pictures", "plan_pictures"]

_WIDE_MM = 150.0
_NEAR_MM = 90.0
_PIXELS = 860


@dataclass(frozen=True)
class Picture:
    """A JPEG for the page: its bytes in base64, what it is, and what it shows for one who cannot see it."""

    data: str
    title: str
    caption: str
    alt: str
    width: int = _PIXELS
    height: int = _PIXELS


@dataclass(frozen=True)
class _View:
    title: str
    plane: Plane
    window: Window
    caption: str


def plan_pictures(
    volume: Volume,
    levels: LabelMap,
    regions: LabelMap,
    spine: Spine,
    plan: Plan,
    side_sign: int,
    tubes: Sequence[Tube],
) -> tuple[list[Picture], tuple[Overlay, ...]]:
    """The 3D picture first, then axial, sagittal, coronal, across the needle, X-ray; and what is drawn."""
    trajectory = plan.trajectory
    entry, target = trajectory.entry, trajectory.target
    size = _field(trajectory)
    view = view_words(plan.view.oblique_deg, plan.view.tilt_deg)
    views = (
        _View(
            "Axial, needle in plane",
            axial_through(entry, target, size),
            SOFT_WINDOW,
            "Tilted with the needle, so that its whole length is seen. From the feet.",
        ),
        _View(
            "Sagittal, needle in plane",
            sagittal_through(entry, target, size),
            BONE_WINDOW,
            "Turned with the needle; anterior is on the left.",
        ),
        _View(
            "Coronal, at the target",
            coronal_at(target, size * 0.8),
            BONE_WINDOW,
            "The needle crosses this plane at the ring; dotted: its projection.",
        ),
        _View(
            "Down the needle, at the target",
            down_the_needle(entry, target, _NEAR_MM),
            BONE_WINDOW,
            f"Plane across the needle, seen from the hub: {view}. The dot is the needle.",
        ),
    )
    overlays = _overlays(levels, regions, (entry, target), size, tubes)
    overlays = _met(overlays, views)
    shown = _slices(volume, views, overlays, trajectory)
    bones = draw_bones(
        levels, regions, centre=target, side_sign=side_sign, trajectory=trajectory, tubes=tubes, spine=spine
    )
    pictures = [_bones_picture(bones, needle=True), *shown]
    if volume.modality == Modality.CT:
        pictures.append(_radiograph_picture(draw_radiograph(volume, trajectory, spine), view))
    return pictures, overlays


def anatomy_pictures(
    volume: Volume,
    levels: LabelMap,
    regions: LabelMap,
    spine: Spine,
    centre: Vector,
    side_sign: int,
    tubes: Sequence[Tube],
) -> tuple[list[Picture], tuple[Overlay, ...]]:
    """The same place without a needle: 3D first, then axial, sagittal, coronal through the target zone."""
    behind = (centre[0], centre[1] + 60.0, centre[2])
    views = (
        _View(
            "Axial, at the target zone",
            axial_through(behind, centre, _WIDE_MM),
            SOFT_WINDOW,
            "Seen from the feet.",
        ),
        _View(
            "Sagittal, at the target zone",
            sagittal_through(behind, centre, _WIDE_MM),
            BONE_WINDOW,
            "Anterior is on the left.",
        ),
        _View(
            "Coronal, at the target zone", coronal_at(centre, _WIDE_MM), BONE_WINDOW, "Seen from the front."
        ),
    )
    overlays = _overlays(levels, regions, (centre, behind), _WIDE_MM, tubes)
    overlays = _met(overlays, views)
    shown = _slices(volume, views, overlays, None)
    bones = draw_bones(
        levels, regions, centre=centre, side_sign=side_sign, trajectory=None, tubes=tubes, spine=spine
    )
    return [_bones_picture(bones, needle=False), *shown], overlays


def _field(trajectory: Trajectory) -> float:
    """The picture's width: all of the needle within the skin, and as much again round the target."""
    return max(_WIDE_MM, 1.45 * trajectory.length_mm + 30.0)


def _overlays(
    levels: LabelMap, regions: LabelMap, points: Sequence[Vector], size: float, tubes: Sequence[Tube]
) -> tuple[Overlay, ...]:
    margin = 0.75 * size
    return collect(crop_around(levels, points, margin), crop_around(regions, points, margin), tubes)


def _met(overlays: Sequence[Overlay], views: Sequence[_View]) -> tuple[Overlay, ...]:
    """Only what some picture cuts, so that the legend names nothing that is not there."""
    return tuple(
        overlay for overlay in overlays if any(field_in(overlay, view.plane) is not None for view in views)
    )


def _slices(
    volume: Volume, views: Sequence[_View], overlays: Sequence[Overlay], trajectory: Trajectory | None
) -> list[Picture]:
    pictures = []
    for view in views:
        near = crop_around(volume, [view.plane.centre], 0.75 * view.plane.width_mm)
        jpeg = draw_slice(
            near, view.plane, window=view.window, overlays=overlays, trajectory=trajectory, title=view.title
        )
        left, right = (
            orientation_letters([-value for value in view.plane.right]),
            orientation_letters(view.plane.right),
        )
        window = window_words(volume, view.window)
        needle = " with needle, target and structures drawn" if trajectory else " with structures drawn"
        alt = f"{view.title}: image slice{needle}; {left} on the picture's left, {right} on its right."
        pictures.append(_picture(jpeg, view.title, f"{view.caption} {window[:1].upper()}{window[1:]}.", alt))
    return pictures


def _bones_picture(jpeg: bytes, *, needle: bool) -> Picture:
    how = "with the planned needle" if needle else "without a needle"
    remark = "; the needle is drawn thicker than it is" if needle else ""
    return _picture(
        jpeg,
        "Spine in 3D",
        f"Surfaces of the labels, seen from behind and the side{remark}.",
        f"Shaded surface of the vertebrae and sacrum {how}, seen from behind and the side.",
    )


def _radiograph_picture(jpeg: bytes, view: str) -> Picture:
    return _picture(
        jpeg,
        "Simulated X-ray, down the needle",
        f"From the image, along the needle: what a C-arm at {view} would show, without magnification.",
        "Simulated X-ray seen along the needle, which is a point on the target.",
    )


def _picture(jpeg: bytes, title: str, caption: str, alt: str) -> Picture:
    return Picture(base64.b64encode(jpeg).decode("ascii"), title, caption, alt)
