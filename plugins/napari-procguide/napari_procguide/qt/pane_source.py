"""What panes show, of which plane, and what their hands do: models in, no drawing here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_procguide.display.colours import structure_colour
from napari_procguide.display.levels import level_tags
from napari_procguide.display.overlay import Mark, plan_marks
from napari_procguide.display.planes import AXIAL, CORONAL, SAGITTAL, Plane, along_needle, down_needle
from napari_procguide.display.rulers import ruler_marks
from napari_procguide.models.study import Lattice
from napari_procguide.models.view import LabelMode
from procguide.geometry import Vector

if TYPE_CHECKING:
    from napari_procguide.models.assistant import Assistant

__all__ = ["AlongNeedleSource", "DownNeedleSource", "PaneSource", "PlaneSource"]

_LABEL_OPACITY = {LabelMode.SHOWN: 0.55, LabelMode.DIMMED: 0.22, LabelMode.HIDDEN: 0.0}
_SCROLL_MM = 1.0


class PaneSource:
    """One pane's plane and marks. The base of the kinds of pane."""

    why_empty = "Open a study: drag it here, or File > Open"
    crosshair: ClassVar[bool] = True
    may_drag: ClassVar[bool] = True
    half_mm = 60.0

    def __init__(self, assistant: Assistant, name: str) -> None:
        self.assistant, self.name = assistant, name
        self.view, self.plan, self.study = assistant.view, assistant.plan, assistant.study
        self.look = self.view
        """Whose window and slab it has; ``view`` has the place."""

    @property
    def image(self) -> Lattice | None:
        """The image in view."""
        return self.study.compared or self.study.image

    def plane(self) -> Plane | None:
        """The plane in view."""
        raise NotImplementedError

    def extent_mm(self) -> tuple[float, float, float, float]:
        """Left, top, width and height about the plane's centre that are to fit the pane."""
        return (-self.half_mm, -self.half_mm, 2 * self.half_mm, 2 * self.half_mm)

    def scroll(self, steps: float) -> None:
        """Move the plane along its normal."""
        raise NotImplementedError

    def point_to(self, point: Vector | None) -> None:
        """Put the crosshair on a place."""
        if point is not None:
            self.view.point = point

    def drag(self, entry: Vector, target: Vector) -> None:
        """A needle's end is dragged."""
        self.assistant.drag(entry, target)

    def dropped(self) -> None:
        """It was let go."""

    def marks(self, plane: Plane) -> Iterator[Mark]:
        """What lies over the picture."""
        labelled = self.study.labelled
        if labelled is not None and plane.is_orthogonal and self.view.labels is not LabelMode.HIDDEN:
            yield from level_tags(plane, labelled.spine)
        yield from plan_marks(plane, self.plan)
        yield from ruler_marks(plane, self.assistant.measurements)

    def label_layers(self) -> Iterator[tuple[Lattice, NDArray[np.uint8], float]]:
        """Label lattices with colours by label, and their opacity."""
        opacity = _LABEL_OPACITY[self.view.labels]
        if self.study.levels is not None and opacity > 0:
            yield self.study.levels, _LEVEL_TABLE, opacity
        near = () if self.plan.needle is None else self.plan.needle.near[:4]
        planned = self.plan.planned
        if planned is not None and self.plan.structures is not None and near:
            table = np.zeros((max(planned.names) + 2, 4), np.uint8)
            wanted = {one.name for one in near} - {"bone"}
            for number, name in planned.names.items():
                if str(name) in wanted:
                    table[number] = (*structure_colour(str(name)), 255)
            yield self.plan.structures, table, 0.45

    def title(self) -> str:
        """Top left."""
        opened = self.study.opened
        words = [self.name]
        if opened is not None:
            words.append(opened.identity if self.view.identity and opened.identity else opened.header)
        return "\n".join(words)

    def corner(self) -> str:
        """Top right."""
        level, width = self.look.window
        words = [f"WL {level:.0f}  WW {width:.0f}"]
        if self.look.slab_mm > 0:
            words.append(f"slab maximum {self.look.slab_mm:g} mm")
        if self.study.compared is not None:
            words.append("without ringing")
        return "\n".join(words)


class PlaneSource(PaneSource):
    """An axial, sagittal or coronal plane through the crosshair."""

    def __init__(self, assistant: Assistant, name: str) -> None:
        super().__init__(assistant, name)
        self._plane = {"axial": AXIAL, "sagittal": SAGITTAL, "coronal": CORONAL}[name]

    def plane(self) -> Plane | None:
        """Through the crosshair."""
        return None if self.image is None else self._plane.at(self.view.point)

    def extent_mm(self) -> tuple[float, float, float, float]:
        """The whole image."""
        plane, image = self.plane(), self.image
        if plane is None or image is None:
            return super().extent_mm()
        corners = plane.to_plane([image.low, image.high])[:, :2]
        low, high = corners.min(axis=0), corners.max(axis=0)
        width, height = high - low
        return float(low[0]), float(low[1]), float(width), float(height)

    def scroll(self, steps: float) -> None:
        """By voxels toward the head, the left, the front."""
        if self.image is None:
            return
        axis = int(np.argmax(np.abs(self._plane.normal)))
        step = float(self.image.spacing[2 - axis]) * steps * (-1 if axis == 1 else 1)
        point = list(self.view.point)
        point[axis] += step
        self.view.point = (point[0], point[1], point[2])

    def title(self) -> str:
        """With where the plane lies."""
        axis = int(np.argmax(np.abs(self._plane.normal)))
        letter = ("RL", "AP", "IS")[axis][int(self.view.point[axis] > 0)]
        first, *rest = super().title().split("\n")
        return "\n".join([f"{first}  {letter} {abs(self.view.point[axis]):.1f} mm", *rest])


class DownNeedleSource(PaneSource):
    """Across the needle, as seen from the skin; the wheel goes along it."""

    why_empty = "Down the needle: plan one first"
    may_drag: ClassVar[bool] = False
    crosshair: ClassVar[bool] = False
    half_mm = 40.0

    def __init__(self, assistant: Assistant, name: str) -> None:
        super().__init__(assistant, name)
        self.before_tip_mm = 0.0

    def _place(self) -> tuple[Vector, Vector, Vector] | None:
        needle = self.plan.needle
        if needle is None or self.image is None:
            return None
        entry, target = np.array(needle.entry), np.array(needle.target)
        along = (target - entry) / max(float(np.linalg.norm(target - entry)), 1e-6)
        x, y, z = (float(value) for value in target - along * self.before_tip_mm)
        return needle.entry, needle.target, (x, y, z)

    def plane(self) -> Plane | None:
        """At the place along the needle."""
        ends = self._place()
        return None if ends is None else down_needle(*ends)

    def scroll(self, steps: float) -> None:
        """Along the needle, toward the tip and beyond it by up to 20 mm."""
        needle = self.plan.needle
        if needle is not None:
            length = float(np.linalg.norm(np.subtract(needle.target, needle.entry)))
            self.before_tip_mm = float(np.clip(self.before_tip_mm - steps * _SCROLL_MM, -20.0, length))
            ends = self._place()
            assert ends is not None
            self.view.point = ends[2]
            self.view.look_changed.emit()

    def corner(self) -> str:
        """Nothing: there is little room, and the window is said in the other panes."""
        return ""

    def title(self) -> str:
        """With how far from the tip."""
        past = "past the tip" if self.before_tip_mm < 0 else "to the tip"
        return f"down the needle\n{abs(self.before_tip_mm):.0f} mm {past}"


class AlongNeedleSource(PaneSource):
    """The plane that holds the needle, the skin at the top."""

    why_empty = "Along the needle: plan one first"
    crosshair: ClassVar[bool] = False

    def plane(self) -> Plane | None:
        """Through the needle's middle."""
        needle = self.plan.needle
        if needle is None or self.image is None:
            return None
        length = float(np.linalg.norm(np.subtract(needle.target, needle.entry)))
        self.half_mm = max(30.0, 0.62 * length)
        return along_needle(needle.entry, needle.target)

    def scroll(self, steps: float) -> None:
        """Nothing to scroll: the plane is the needle's."""

    def corner(self) -> str:
        """Nothing: there is little room, and the window is said in the other panes."""
        return ""

    def title(self) -> str:
        """What it is."""
        return "along the needle"


def _level_table() -> NDArray[np.uint8]:
    """Neighbouring vertebrae in colours that differ, also in lightness."""
    colours = [(86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167), (240, 228, 66), (0, 114, 178)]
    table = np.zeros((64, 4), np.uint8)
    for label in range(1, 64):
        table[label] = (*colours[label % len(colours)], 255)
    return table


_LEVEL_TABLE = _level_table()
