"""The only place that touches napari's layers: image, labels for editing, surfaces, needle, skin.

napari's world is patient LPS reversed, (z, y, x) mm; every layer is put there with units and axis labels. The
canvas shows slices in 2D and surfaces in 3D: a volume is not drawn in 3D, which takes seconds over software
OpenGL.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_procguide import DISCLAIMER
from napari_procguide._readers import layer_place
from napari_procguide.display.colours import BROKEN, NEEDLE
from napari_procguide.models.plan import Needle
from napari_procguide.models.study import Lattice

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Labels

__all__ = ["Layers"]

_IMAGE, _LEVELS, _SPINE, _NEEDLE, _SKIN = "image", "vertebrae", "spine", "needle", "skin"
_POINT = slice(None, None, -1)
_BONE_COLOURS = np.array([(0.93, 0.87, 0.73), (0.78, 0.84, 0.92)])
_NEEDLE_RADIUS_MM = 1.2
_SIDES = 10


class Layers:
    """The layers of one workspace in one viewer."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        # Left, posterior, superior are right-handed: depth goes away from the eye, else 3D is a mirror image.
        viewer.scene.camera.orientation = ("away", "down", "right")
        text = viewer.canvas.overlays.text
        text.text, text.visible = DISCLAIMER.replace(", ", ",\n"), True
        text.font_size, text.color = 9, "#ffc878"
        text.position = "top_center"
        viewer.canvas.overlays.scale_bar.visible = True

    def _remove(self, *names: str) -> None:
        for name in names:
            if name in self.viewer.layers:
                self.viewer.layers.remove(name)

    def _place(self, name: str, lattice: Lattice) -> dict[str, Any]:
        return layer_place(name, lattice.origin.tolist(), lattice.spacing.tolist())

    def show_image(self, lattice: Lattice | None, window: tuple[float, float]) -> None:
        """Another study's image; all else goes."""
        self._remove(_IMAGE, _LEVELS, _SPINE, _NEEDLE, _SKIN)
        if lattice is None:
            return
        level, width = window
        self.viewer.dims.ndisplay = 2
        self.viewer.add_image(
            lattice.voxels,
            contrast_limits=(level - width / 2, level + width / 2),
            colormap="gray",
            **self._place(_IMAGE, lattice),
        )

    def show_window(self, window: tuple[float, float]) -> None:
        """Brightness by level and width."""
        if _IMAGE in self.viewer.layers:
            level, width = window
            self.viewer.layers[_IMAGE].contrast_limits = (level - width / 2, level + width / 2)

    def show_point(self, point: tuple[float, float, float]) -> None:
        """Bring the canvas's slice to a point, patient LPS mm."""
        if self.viewer.dims.ndisplay == 2 and _IMAGE in self.viewer.layers:
            self.viewer.dims.set_point((0, 1, 2), point[_POINT])

    def show_in_3d(self, wanted: bool) -> None:
        """Surfaces in 3D, or the image's slice."""
        self.viewer.dims.ndisplay = 3 if wanted else 2
        for name in (_IMAGE, _LEVELS):
            if name in self.viewer.layers:
                self.viewer.layers[name].visible = not wanted and name == _IMAGE
        for name in (_SPINE, _NEEDLE, _SKIN):
            if name in self.viewer.layers:
                self.viewer.layers[name].visible = wanted
        if wanted:
            self.viewer.fit_to_view()
            self._look_from_behind()

    def _look_from_behind(self) -> None:
        """The patient's head up, seen from behind and a little from the left."""
        camera = self.viewer.scene.camera
        camera.set_view_direction(view_direction=(-0.25, -1.0, -0.45), up_direction=(1.0, 0.0, 0.0))

    def show_spine(self, meshes: Mapping[str, tuple[NDArray[np.float64], NDArray[np.int64]]]) -> None:
        """Bones as one surface, neighbours in two tints."""
        self._remove(_SPINE, _NEEDLE, _SKIN)
        if not meshes:
            return
        points, faces, colours, count = [], [], [], 0
        for number, (corners, triangles) in enumerate(meshes.values()):
            points.append(corners[:, _POINT])
            faces.append(triangles + count)
            colours.append(np.tile(_BONE_COLOURS[number % 2], (len(corners), 1)))
            count += len(corners)
        self._surface(_SPINE, np.concatenate(points), np.concatenate(faces), np.concatenate(colours))

    def show_needle(self, needle: Needle | None) -> None:
        """The needle as a rod, wider than it is so that it can be seen."""
        if needle is None:
            self._remove(_NEEDLE)
            return
        points, faces = _rod(np.array(needle.entry[_POINT]), np.array(needle.target[_POINT]))
        colour = np.array(BROKEN if needle.broken else NEEDLE) / 255
        self._surface(_NEEDLE, points, faces, np.tile(colour, (len(points), 1)))

    def show_skin(
        self, skin: tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.uint8]] | None
    ) -> None:
        """The skin by the quality of its entries."""
        self._remove(_SKIN)
        if skin is not None:
            points, faces, colours = skin
            self._surface(
                _SKIN,
                points[:, _POINT],
                faces,
                colours / 255,
                opacity=0.35,
                blending="translucent_no_depth",
            )

    def _surface(
        self,
        name: str,
        points: NDArray[Any],
        faces: NDArray[Any],
        colours: NDArray[Any],
        opacity: float = 1.0,
        blending: str = "opaque",
    ) -> None:
        data = (points.astype(np.float32), faces.astype(np.int32))
        visible = self.viewer.dims.ndisplay == 3
        if name in self.viewer.layers and len(self.viewer.layers[name].vertices) == len(points):
            layer = self.viewer.layers[name]
            layer.data = (*data, np.ones(len(points), np.float32))
            layer.vertex_colors = colours
            return
        self._remove(name)
        place = layer_place(name, [0.0] * 3, [1.0] * 3)
        options = {"vertex_colors": colours, "opacity": opacity, "visible": visible, "blending": blending}
        self.viewer.add_surface(data, shading="smooth", **options, **place)

    def edit_levels(self, lattice: Lattice) -> None:
        """A Labels layer of the vertebrae, with napari's own tools."""
        self._remove(_LEVELS)
        self.show_in_3d(False)
        layer = self.viewer.add_labels(lattice.voxels.copy(), opacity=0.5, **self._place(_LEVELS, lattice))
        self.viewer.layers.selection.active = layer
        layer.mode = "paint"

    def edited_levels(self) -> NDArray[Any] | None:
        """The labels as they were edited; None where nobody edits."""
        if _LEVELS not in self.viewer.layers:
            return None
        layer: Labels = self.viewer.layers[_LEVELS]
        return np.asarray(layer.data)

    def end_edit(self) -> None:
        """The editing layer goes."""
        self._remove(_LEVELS)


def _rod(start: NDArray[np.float64], end: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
    """A closed rod between two points."""
    along = (end - start) / max(float(np.linalg.norm(end - start)), 1e-6)
    side = np.cross(along, np.eye(3)[int(np.argmin(np.abs(along)))])
    side /= np.linalg.norm(side)
    other = np.cross(along, side)
    turns = np.linspace(0, 2 * np.pi, _SIDES, endpoint=False)
    ring = _NEEDLE_RADIUS_MM * (np.cos(turns)[:, None] * side + np.sin(turns)[:, None] * other)
    points = np.concatenate([start + ring, end + ring, [start, end]])
    here = np.arange(_SIDES)
    following = (here + 1) % _SIDES
    sides = np.concatenate(
        [
            np.column_stack([here, following, here + _SIDES]),
            np.column_stack([following, following + _SIDES, here + _SIDES]),
            np.column_stack([following, here, np.full(_SIDES, 2 * _SIDES)]),
            np.column_stack([here + _SIDES, following + _SIDES, np.full(_SIDES, 2 * _SIDES + 1)]),
        ]
    )
    return points, sides
