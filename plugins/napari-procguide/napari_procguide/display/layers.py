"""The only place that touches napari's layers: image, labels for editing, surfaces, needle, skin.

napari's world is patient LPS reversed, (z, y, x) mm; every layer is put there with units and axis labels. The
canvas shows slices in 2D and surfaces in 3D: a volume is not drawn in 3D, which takes seconds over software
OpenGL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_procguide import DISCLAIMER
from napari_procguide._readers import layer_place
from napari_procguide.display.colours import BROKEN, NEEDLE
from napari_procguide.display.shading import shaded
from napari_procguide.models.plan import Needle
from napari_procguide.models.study import Lattice
from procguide.geometry import Vector

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Layer

__all__ = ["Layers"]

_IMAGE, _LEVELS, _SPINE, _NEEDLE, _SKIN = "image", "vertebrae", "spine", "needle", "skin"
_FLAT, _SOLID = (_IMAGE, _LEVELS), (_SPINE, _NEEDLE, _SKIN)
_POINT = slice(None, None, -1)
_BONE_COLOURS = np.array([(0.93, 0.87, 0.73), (0.78, 0.84, 0.92)])
_NEEDLE_RADIUS_MM = 1.2
_SIDES = 10


class Layers:
    """The layers of one workspace in one viewer.

    A layer is made once and then filled anew: napari takes long to make, draw first and take out a layer.
    What takes long is an iterator of steps, each to be done in a turn of the event loop of its own.
    """

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self._own: dict[str, Layer] = {}
        self._in_use: set[str] = set()
        self._needle: tuple[Vector, Vector, bool] | None = None
        # Left, posterior, superior are right-handed: depth goes away from the eye, else 3D is a mirror image.
        viewer.scene.camera.orientation = ("away", "down", "right")
        text = viewer.canvas.overlays.text
        text.text, text.visible = DISCLAIMER.replace(", ", ",\n"), True
        text.font_size, text.color = 9, "#c86400"  # read on the dark theme and on the light
        text.position = "top_center"
        viewer.canvas.overlays.scale_bar.visible = True

    def warm_up(self) -> Iterator[None]:
        """Make the layers and have each drawn once, a step at a time: shaders are built beforehand."""
        nothing = Lattice(np.zeros((2, 2, 2), np.int16), np.zeros(3), np.ones(3), 0.0)
        yield from self.show_image(nothing, (0.0, 1.0))
        yield from self.edit_levels(nothing)
        yield from self.end_edit()
        self.viewer.dims.ndisplay = 3
        corner, face = np.eye(3), np.array([[0, 1, 2]])
        for name in (_SPINE, _NEEDLE, _SKIN):
            self._surface(name, corner, face, np.ones((3, 3)))
            yield
        self.hide(_SPINE, _NEEDLE, _SKIN, _IMAGE)
        self.viewer.dims.ndisplay = 2

    def _get(self, name: str) -> Any:
        """Our layer of that name; None where there is none, or a person has taken it out."""
        layer = self._own.get(name)
        return layer if layer is not None and layer in self.viewer.layers else None

    def _place(self, name: str, lattice: Lattice) -> dict[str, Any]:
        return layer_place(name, lattice.origin.tolist(), lattice.spacing.tolist())

    def hide(self, *names: str) -> None:
        """Out of sight, not out of the list."""
        for name in names:
            self._in_use.discard(name)
            self._set_visible(name, False)

    def show_image(self, lattice: Lattice | None, window: tuple[float, float]) -> Iterator[None]:
        """Another study's image; all else goes."""
        self.hide(_LEVELS, _SPINE, _NEEDLE, _SKIN)
        if lattice is None:
            return
        level, width = window
        limits = (level - width / 2, level + width / 2)
        yield
        self.viewer.dims.ndisplay = 2
        yield
        layer = self._get(_IMAGE)
        if layer is None:
            place = self._place(_IMAGE, lattice)
            self._own[_IMAGE] = self.viewer.add_image(
                lattice.voxels, contrast_limits=limits, colormap="gray", **place
            )
        else:
            _set_visible(layer, False)
            layer.data = lattice.voxels  # before its place: that is what makes napari measure the layer anew
            layer.scale, layer.translate = lattice.spacing, lattice.origin
            layer.contrast_limits_range = (min(limits[0], lattice.air), max(limits[1], 3000.0))
            layer.contrast_limits = limits
            yield
            layer.visible = True
            yield
            self.viewer.fit_to_view(layers=[layer])
        self._in_use.add(_IMAGE)
        yield

    def show_window(self, window: tuple[float, float]) -> None:
        """Brightness by level and width."""
        layer = self._get(_IMAGE)
        level, width = window
        limits = [level - width / 2, level + width / 2]
        if layer is not None and _IMAGE in self._in_use and layer.contrast_limits != limits:
            layer.contrast_limits = limits

    def show_point(self, point: tuple[float, float, float]) -> None:
        """Bring the canvas's slice to a point, patient LPS mm."""
        if self.viewer.dims.ndisplay == 2 and _IMAGE in self._in_use:
            self.viewer.dims.set_point((0, 1, 2), point[_POINT])

    def show_in_3d(self, wanted: bool) -> Iterator[None]:
        """Surfaces in 3D, or the image's slice. What goes goes first, else napari slices it once more."""
        first, then = (_FLAT, _SOLID) if wanted else (_SOLID, _FLAT)
        for name in first:
            self._set_visible(name, False)
        yield
        self.viewer.dims.ndisplay = 3 if wanted else 2
        yield
        for name in then:
            if name in self._in_use:
                self._set_visible(name, True)
                yield
        if wanted:
            self._look_from_behind()
            self._fit(_SPINE, _SKIN)
            yield

    def _set_visible(self, name: str, visible: bool) -> None:
        layer = self._get(name)
        if layer is not None:
            _set_visible(layer, visible)

    def _fit(self, *names: str) -> None:
        """In 3D: what is in use of these whole in view, the direction stays."""
        shown = [layer for name in names if name in self._in_use and (layer := self._get(name)) is not None]
        if shown and self.viewer.dims.ndisplay == 3:
            self.viewer.fit_to_view(layers=shown)

    def _look_from_behind(self) -> None:
        """The patient's head up, seen from behind and a little from the left."""
        camera = self.viewer.scene.camera
        camera.set_view_direction(view_direction=(-0.25, -1.0, -0.45), up_direction=(1.0, 0.0, 0.0))

    def show_spine(
        self, meshes: Mapping[str, tuple[NDArray[np.float64], NDArray[np.int64]]]
    ) -> Iterator[None]:
        """Bones as one surface, neighbours in two tints."""
        self.hide(_SPINE, _NEEDLE, _SKIN)
        yield
        if not meshes:
            return
        points, faces, colours, count = [], [], [], 0
        for number, (corners, triangles) in enumerate(meshes.values()):
            tint = np.tile(_BONE_COLOURS[number % 2], (len(corners), 1))
            points.append(corners[:, _POINT])
            faces.append(triangles + count)
            colours.append(shaded(corners, triangles, tint))
            count += len(corners)
        self._surface(_SPINE, np.concatenate(points), np.concatenate(faces), np.concatenate(colours))
        yield

    def show_needle(self, needle: Needle | None) -> None:
        """The needle as a rod, wider than it is so that it can be seen."""
        look = None if needle is None else (needle.entry, needle.target, bool(needle.broken))
        if needle is None or look != self._needle or _NEEDLE not in self._in_use:
            self._needle = look
            self._put_needle(needle)

    def _put_needle(self, needle: Needle | None) -> None:
        if needle is None:
            self.hide(_NEEDLE)
            return
        points, faces = _rod(np.array(needle.entry[_POINT]), np.array(needle.target[_POINT]))
        colour = np.array(BROKEN if needle.broken else NEEDLE) / 255
        self._surface(_NEEDLE, points, faces, np.tile(colour, (len(points), 1)))

    def show_skin(
        self, skin: tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.uint8]] | None
    ) -> Iterator[None]:
        """The skin by the quality of its entries."""
        self.hide(_SKIN)
        yield
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
            yield
            self._fit(_SPINE, _SKIN)
            yield

    def _surface(
        self,
        name: str,
        points: NDArray[Any],
        faces: NDArray[Any],
        colours: NDArray[Any],
        opacity: float = 1.0,
        blending: str = "opaque",
    ) -> None:
        data = (points.astype(np.float32), faces.astype(np.int32), np.ones(len(points), np.float32))
        self._in_use.add(name)
        layer = self._get(name)
        if layer is None:
            options = {"vertex_colors": colours, "opacity": opacity, "blending": blending}
            place = layer_place(name, [0.0] * 3, [1.0] * 3)
            self._own[name] = self.viewer.add_surface(data, shading="none", **options, **place)
            self._own[name].visible = self.viewer.dims.ndisplay == 3
            return
        _set_visible(layer, False)
        if len(colours) != len(layer.vertices):
            layer.vertex_colors = None
        layer.data = data
        layer.translate = (0.0, 0.0, 0.0)  # so napari measures the layer anew
        layer.vertex_colors, layer.opacity, layer.blending = colours, opacity, blending
        _set_visible(layer, self.viewer.dims.ndisplay == 3)

    def edit_levels(self, lattice: Lattice) -> Iterator[None]:
        """A Labels layer of the vertebrae, with napari's own tools."""
        self._labels(lattice)
        yield
        layer = self._own[_LEVELS]
        self.viewer.layers.selection.active = layer
        yield
        layer.mode = "paint"

    def _labels(self, lattice: Lattice) -> None:
        layer = self._get(_LEVELS)
        self._in_use.add(_LEVELS)
        if layer is None:
            place = self._place(_LEVELS, lattice)
            voxels = lattice.voxels.astype(np.uint8)
            self._own[_LEVELS] = self.viewer.add_labels(voxels, opacity=0.5, **place)
            return
        _set_visible(layer, False)
        layer.data = lattice.voxels.astype(np.uint8)
        layer.scale, layer.translate = lattice.spacing, lattice.origin
        layer.visible = True

    def edited_levels(self) -> NDArray[Any] | None:
        """The labels as they were edited; None where nobody edits."""
        layer = self._get(_LEVELS)
        return np.asarray(layer.data) if layer is not None and _LEVELS in self._in_use else None

    def end_edit(self) -> Iterator[None]:
        """The editing layer goes out of sight."""
        layer = self._get(_LEVELS)
        if layer is not None:
            layer.mode = "pan_zoom"
            yield
        self.hide(_LEVELS)


def _set_visible(layer: Layer, visible: bool) -> None:
    """Only where it changes: napari goes through its whole scene each time."""
    if layer.visible != visible:
        layer.visible = visible


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
