"""The preview put together from its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Spine, Vertebra
from procguide.imaging import Modality, Volume
from procguide.imaging.files import replacing
from procguide.planning.labels import LabelsDescription
from procguide.reporting.preview.layout import (
    AXIAL,
    CANVAS,
    CORONAL,
    HEAD,
    LATERAL,
    OBLIQUE,
    SAGITTAL,
    Layout,
    Panel,
    arrange,
)
from procguide.reporting.preview.names import SIDE, Name, Tag, level_names, mark_sides, write_tags
from procguide.reporting.preview.planes import (
    Field,
    axial_field,
    axial_size,
    coronal_field,
    overlaid,
    sagittal_field,
)
from procguide.reporting.preview.views import TITLES, View, draw_view, spine_points, views_of
from procguide.reporting.preview.words import write_head, write_words
from procguide.reporting.shapes import ORGANS, Group, Shapes, shapes_of
from procguide.reporting.sheet import Box, Sheet
from procguide.segmentation.segment import Segmentation

__all__ = ["Preview", "draw_preview", "write_preview"]

_GROUND = (0.03, 0.04, 0.055)
_BEHIND_MM, _BEFORE_MM = 14.0, 22.0
_UNSEEN_IN_3D = (*ORGANS, Group.CORD)


@dataclass(frozen=True, eq=False)
class Preview:
    """The picture, and where on it each view stands."""

    sheet: Sheet
    layout: Layout


@dataclass(frozen=True, eq=False)
class Subject:
    """What is drawn: image, shapes of the labels, spine, names."""

    volume: Volume
    shapes: Shapes
    organs: Shapes | None
    spine: Spine
    names: tuple[Name, ...]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def on_planes(self) -> tuple[Shapes, ...]:
        """What is laid over the image: organs from the map that shows them whole, where there is one."""
        if self.organs is None:
            return (self.shapes,)
        spine = self.shapes.only(group for group in self.shapes.groups if group not in ORGANS)
        return (self.organs, spine)

    @property
    def centre(self) -> NDArray[np.float64]:
        """The middle of the spine's box, LPS mm."""
        return (self.low + self.high) / 2

    @property
    def shown_at(self) -> Vertebra | None:
        """The vertebra of the axial picture: whole, with both pedicles, nearest to the middle."""
        whole = [one for one in self.spine.vertebrae if len(one.pedicles) == 2 and one.complete]
        middle = float(self.centre[2])
        among = whole or list(self.spine.vertebrae)
        return min(among, key=lambda one: abs(one.frame.origin[2] - middle), default=None)


def write_preview(
    path: Path, volume: Volume, found: Segmentation, spine: Spine, description: LabelsDescription
) -> None:
    """Write :func:`draw_preview` as PNG."""
    sheet = draw_preview(volume, found, spine, description).sheet
    with replacing(Path(path), make_folder=False) as temporary:
        sheet.save(temporary)


def draw_preview(
    volume: Volume, found: Segmentation, spine: Spine, description: LabelsDescription
) -> Preview:
    """Two 3D views, three planes through the image, and what is to be known about them."""
    shapes = shapes_of(found.levels, found.regions, instances=found.instances)
    points, others = spine_points(shapes)
    everything = points if len(points) else volume.grid.corners
    low, high = everything.min(axis=0), everything.max(axis=0)
    subject = Subject(volume, shapes, _organs(found), spine, level_names(found, spine), low, high)
    views = {view.name: view for view in views_of(everything, others)}
    layout = arrange(_sizes(subject, views))
    sheet = Sheet(*CANVAS, _GROUND)
    seen_in_3d = shapes.only(group for group in shapes.groups if group not in _UNSEEN_IN_3D)
    for name in (OBLIQUE, LATERAL):
        draw_view(sheet, layout.panels[name], views[name], seen_in_3d, subject.names, description.courses)
        _furnish(sheet, layout.panels[name], TITLES[name])
    _draw_planes(sheet, layout, subject)
    modality = {Modality.OTHER: "image"}.get(volume.modality, volume.modality.value)
    write_head(sheet, Box(0, 0, CANVAS[0], HEAD), f"Spine labels on {modality}", found)
    models = ", ".join(f"{name} {version}" for name, version in found.models.items())
    write_words(sheet, layout.words, description, found.findings, models or "no network")
    return Preview(sheet, layout)


def _organs(found: Segmentation) -> Shapes | None:
    if found.organs is None:
        return None
    nowhere = found.organs.with_voxels(np.zeros(found.organs.shape, dtype=np.uint8))
    return shapes_of(nowhere, found.organs, ORGANS)


def _sizes(subject: Subject, views: Mapping[str, View]) -> dict[str, tuple[float, float]]:
    """What each picture has to show, mm."""
    extent = subject.high - subject.low
    tall = float(extent[2]) + 10.0
    return {
        **{name: (view.plane.width_mm, view.plane.height_mm) for name, view in views.items()},
        SAGITTAL: (float(extent[1]) + _BEHIND_MM + _BEFORE_MM, tall),
        CORONAL: (float(extent[0]) + 20.0, tall),
        AXIAL: axial_size(),
    }


def _draw_planes(sheet: Sheet, layout: Layout, subject: Subject) -> None:
    panels, spine, centre, at = layout.panels, subject.spine, subject.centre, subject.shown_at
    axial = axial_field(at, panels[AXIAL], centre)
    where = f"at {at.level}, through the pedicles" if at is not None else "through the middle"
    fields = {
        SAGITTAL: (sagittal_field(spine, panels[SAGITTAL], centre), "Sagittal, along the canal"),
        CORONAL: (coronal_field(spine, panels[CORONAL], centre), "Coronal, through the bodies"),
        AXIAL: (axial, f"Axial {where}"),
    }
    for name, (field, title) in fields.items():
        panel = panels[name]
        sheet.paste(overlaid(subject.volume, subject.on_planes, field), panel.box)
        if name == AXIAL:
            mark_sides(sheet, panel.box, ("R", "L"))
        else:
            tags = [_tag(one, field, panel, front=name == SAGITTAL) for one in subject.names]
            if name == SAGITTAL and at is not None:
                _line_of(sheet, panel, field, axial)
            write_tags(sheet, tags, panel.box, 22)
            mark_sides(sheet, panel.box, ("A", "P") if name == SAGITTAL else ("R", "L"))
        _furnish(sheet, panel, title)


def _tag(name: Name, field: Field, panel: Panel, *, front: bool) -> Tag:
    column, row = field.pixel_of(name.front if front else name.right_side)
    return Tag(name, panel.box.left + column, panel.box.top + row)


def _line_of(sheet: Sheet, panel: Panel, field: Field, axial: Field) -> None:
    """Where the axial picture cuts the sagittal one: dashes."""
    middle = axial.points.shape[1] // 2
    front, back = (field.pixel_of(axial.points[row, middle]) for row in (0, -1))
    for n in range(0, 24, 2):
        ends = [
            (
                panel.box.left + front[0] + (back[0] - front[0]) * share / 24,
                panel.box.top + front[1] + (back[1] - front[1]) * share / 24,
            )
            for share in (n, n + 1)
        ]
        if all(panel.box.left <= x < panel.box.right for x, _ in ends):
            sheet.line(ends, SIDE, 1)


def _furnish(sheet: Sheet, panel: Panel, title: str) -> None:
    """Title above on the left, a scale of 20 mm below on the right."""
    box = panel.box.inset(8)
    sheet.write(title, box.left, box.top, size=19, bold=True, within=box)
    length = 20.0 / panel.pixel_mm
    y = box.bottom - 4
    for colour, width in (((0.0, 0.0, 0.0), 6), ((1.0, 1.0, 1.0), 3)):
        sheet.line([(box.right - length, y), (box.right, y)], colour, width)
    sheet.write("20 mm", box.right - length / 2, y - 5, size=14, anchor="mb", within=box)
