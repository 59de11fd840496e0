"""The set of pictures of one plan, or of the place where no needle goes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace

from procguide.anatomy import Spine
from procguide.geometry import Vector
from procguide.imaging import LabelMap, Modality, Volume
from procguide.planning.catalogue import Procedure
from procguide.planning.nouns import Plan, PlanSet, Trajectory
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
from procguide.reporting.radiographs import draw_radiograph
from procguide.reporting.scene3d import draw_bones
from procguide.reporting.skin_picture import draw_skin
from procguide.reporting.slices import (
    BONE_WINDOW,
    PIXELS,
    SMALL_PIXELS,
    SOFT_WINDOW,
    Window,
    draw_slice,
    window_words,
)
from procguide.reporting.viewing import settings_of, view_cards, view_title
from procguide.reporting.words import view_words

__all__ = ["Gallery", "Imaged", "Picture", "anatomy_pictures", "plan_pictures"]

_WIDE_MM = 150.0
_NEAR_MM = 90.0


@dataclass(frozen=True, eq=False)
class Imaged:
    """What is drawn from: the image, its labels and the spine."""

    volume: Volume
    levels: LabelMap
    regions: LabelMap
    spine: Spine


@dataclass(frozen=True)
class Picture:
    """A JPEG for the page: its bytes in base64, what it is, and what it shows for one who cannot see it."""

    data: str
    title: str
    caption: str
    alt: str
    width: int = SMALL_PIXELS
    height: int = SMALL_PIXELS


@dataclass(frozen=True)
class Gallery:
    """The page's pictures: what is seen ``first``, one of each view (None: none to show), ``more`` slices.

    ``overlays`` are the outlines drawn on them.
    """

    first: tuple[Picture, ...]
    views: tuple[Picture | None, ...]
    more: tuple[Picture, ...]
    overlays: tuple[Overlay, ...]


@dataclass(frozen=True)
class _View:
    title: str
    plane: Plane
    window: Window
    caption: str
    pixels: int = PIXELS


def plan_pictures(imaged: Imaged, plan_set: PlanSet, plan: Plan, entry: Procedure | None) -> Gallery:
    """First the needle in the axial plane, in 3D and on the skin; X-rays of the views; more slices."""
    trajectory, side_sign = plan.trajectory, _side_sign(plan_set)
    start, target = trajectory.entry, trajectory.target
    size = _field(trajectory)
    looks = view_words(plan.view.oblique_deg, plan.view.tilt_deg)
    views = (
        _View(
            "Axial, needle in plane",
            axial_through(start, target, size),
            SOFT_WINDOW,
            "Tilted with the needle, so that its whole length is seen. From the feet.",
            SMALL_PIXELS,
        ),
        _View(
            "Sagittal, needle in plane",
            sagittal_through(start, target, size),
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
            "Across the needle, at the target",
            down_the_needle(start, target, _NEAR_MM),
            BONE_WINDOW,
            f"Plane across the needle, seen from the hub: {looks}. The dot is the needle.",
        ),
    )
    overlays = _met(_overlays(imaged, plan_set, (start, target), size), views)
    axial, *more = _slices(imaged.volume, views, overlays, trajectory)
    bones = _bones(imaged, plan_set, target, side_sign, trajectory)
    first = [axial, bones, *_skin(imaged, plan_set)]
    return Gallery(tuple(first), _radiographs(imaged, plan, entry), tuple(more), overlays)


def anatomy_pictures(imaged: Imaged, plan_set: PlanSet, centre: Vector) -> Gallery:
    """The same place without a needle: axial, 3D and skin, then sagittal and coronal slices."""
    behind = (centre[0], centre[1] + 60.0, centre[2])
    views = (
        _View(
            "Axial, at the target zone",
            axial_through(behind, centre, _WIDE_MM),
            SOFT_WINDOW,
            "Seen from the feet.",
            SMALL_PIXELS,
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
    overlays = _met(_overlays(imaged, plan_set, (centre, behind), _WIDE_MM), views)
    axial, *more = _slices(imaged.volume, views, overlays, None)
    bones = _bones(imaged, plan_set, centre, _side_sign(plan_set), None)
    return Gallery((axial, bones, *_skin(imaged, plan_set)), (), tuple(more), overlays)


def _side_sign(plan_set: PlanSet) -> int:
    return plan_set.side.sign if plan_set.side else 1


def _field(trajectory: Trajectory) -> float:
    """The picture's width: all of the needle within the skin, and as much again round the target."""
    return max(_WIDE_MM, 1.45 * trajectory.length_mm + 30.0)


def _overlays(
    imaged: Imaged, plan_set: PlanSet, points: Sequence[Vector], size: float
) -> tuple[Overlay, ...]:
    margin = 0.75 * size
    levels, regions = (crop_around(labels, points, margin) for labels in (imaged.levels, imaged.regions))
    return collect(levels, regions, plan_set.modelled)


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
            near,
            view.plane,
            window=view.window,
            overlays=overlays,
            trajectory=trajectory,
            title=view.title,
            pixels=view.pixels,
        )
        left, right = (
            orientation_letters([-value for value in view.plane.right]),
            orientation_letters(view.plane.right),
        )
        window = window_words(volume, view.window)
        needle = " with needle, target and structures drawn" if trajectory else " with structures drawn"
        alt = f"{view.title}: image slice{needle}; {left} on the picture's left, {right} on its right."
        caption = f"{view.caption} {window[:1].upper()}{window[1:]}."
        pictures.append(
            replace(_picture(jpeg, view.title, caption, alt), width=view.pixels, height=view.pixels)
        )
    return pictures


def _bones(
    imaged: Imaged, plan_set: PlanSet, centre: Vector, side_sign: int, trajectory: Trajectory | None
) -> Picture:
    jpeg = draw_bones(
        imaged.levels,
        imaged.regions,
        centre=centre,
        side_sign=side_sign,
        trajectory=trajectory,
        tubes=plan_set.modelled,
        spine=imaged.spine,
    )
    how = "with the planned needle" if trajectory else "without a needle"
    remark = "; the needle is drawn thicker than it is" if trajectory else ""
    return _picture(
        jpeg,
        "Spine in 3D",
        f"Surfaces of the labels, seen from behind and the side{remark}.",
        f"Shaded surface of the vertebrae and sacrum {how}, seen from behind and the side.",
    )


def _skin(imaged: Imaged, plan_set: PlanSet) -> list[Picture]:
    """The map of the skin, where the search says how it met it."""
    found = plan_set.skin
    if found is None or not len(found.entries):
        return []
    jpeg, place = draw_skin(found, plan_set.plans, imaged.levels, imaged.spine)
    numbers = " Numbers: entries by rank." if plan_set.plans else ""
    return [
        _picture(
            jpeg,
            "Skin map",
            f"Where a needle may enter, seen toward {place}: yellow the best, violet the poorest, grey where "
            f"every needle breaks a limit.{numbers}",
            f"Skin of {place}, coloured by the best needle that enters at each place, over outlines of bone.",
        )
    ]


def _radiographs(imaged: Imaged, plan: Plan, entry: Procedure | None) -> tuple[Picture | None, ...]:
    """One for each view of the C-arm; none on MRI, which does not show how bone dims X-rays."""
    made: list[Picture | None] = []
    for setting, card in zip(settings_of(plan), view_cards(plan, entry), strict=True):
        if imaged.volume.modality != Modality.CT or setting.oblique_deg is None:
            made.append(None)
            continue
        title = f"{card.number}. {view_title(setting)}"
        jpeg = draw_radiograph(imaged.volume, plan.trajectory, setting, imaged.spine, title)
        made.append(
            _picture(
                jpeg,
                "Simulated X-ray",
                "from the image, needle drawn",
                f"Simulated X-ray, {view_title(setting).lower()}, {card.angles}, with the planned needle.",
            )
        )
    return tuple(made)


def _picture(jpeg: bytes, title: str, caption: str, alt: str) -> Picture:
    return Picture(base64.b64encode(jpeg).decode("ascii"), title, caption, alt)
