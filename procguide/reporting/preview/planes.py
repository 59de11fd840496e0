"""The preview's planes: the image with the labels laid over it, in planes that follow the spine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from procguide.anatomy import Spine, Vertebra
from procguide.imaging import Modality, Volume
from procguide.reporting.preview.layout import Panel
from procguide.reporting.shapes import Group, Shapes
from procguide.reporting.slices import BONE_WINDOW

__all__ = ["Field", "axial_field", "coronal_field", "overlaid", "sagittal_field"]

_AIR_HU = -1000.0
_FILL = 0.34
_EDGE_PX = 1.1
_AXIAL_WIDTH_MM, _AXIAL_HEIGHT_MM = 118.0, 96.0
_ORDER = (
    Group.ORGANS,
    Group.VESSELS,
    Group.RIBS_AND_ILIA,
    Group.SACRUM,
    Group.DISCS,
    Group.EVEN_VERTEBRAE,
    Group.ODD_VERTEBRAE,
    Group.CANAL,
    Group.SAC,
    Group.CORD,
)
"""What is painted first lies under the rest."""


@dataclass(frozen=True, eq=False)
class Field:
    """A picture's sample points ``(rows, columns, 3)``, LPS mm."""

    points: NDArray[np.float64]
    pixel_mm: float

    def pixel_of(self, point: Sequence[float]) -> tuple[float, float]:
        """Column and row of the sample nearest to ``point``, in the picture's own coordinates.

        The row is where the heights agree best at the picture's middle, the column the nearest in it.
        """
        middle = self.points[:, self.points.shape[1] // 2]
        row_step = np.asarray(self.points[1, 0] - self.points[0, 0])
        down = row_step / max(float(np.linalg.norm(row_step)), 1e-9)
        row = int(np.argmin(np.abs((middle - np.asarray(point)) @ down)))
        line = self.points[row]
        across = (line[-1] - line[0]) / max(float(np.linalg.norm(line[-1] - line[0])), 1e-9)
        return float((np.asarray(point) - line[0]) @ across) / self.pixel_mm, float(row)


def sagittal_field(spine: Spine, panel: Panel, centre: NDArray[np.float64]) -> Field:
    """Row by row at the canal's own left-right place; anterior on the left, head up."""
    heights, across = _lattice(panel, centre)
    x = _at_heights(_canal_line(spine, centre), heights, 0)
    y = centre[1] + across
    return Field(_stacked(x[:, None], y[None, :], heights[:, None]), panel.pixel_mm)


def coronal_field(spine: Spine, panel: Panel, centre: NDArray[np.float64]) -> Field:
    """Row by row at the depth of the bodies' back third; the patient's left on the right, head up."""
    heights, across = _lattice(panel, centre)
    y = _at_heights(_body_line(spine, centre), heights, 1)
    x = centre[0] + across
    return Field(_stacked(x[None, :], y[:, None], heights[:, None]), panel.pixel_mm)


def axial_field(vertebra: Vertebra | None, panel: Panel, centre: NDArray[np.float64]) -> Field:
    """Through the pedicles of ``vertebra``, tilted with it, seen from the feet; straight without one."""
    rows, columns = panel.box.shape
    middle, right, down = centre, np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    if vertebra is not None:
        right, down = np.asarray(vertebra.frame.left), np.asarray(vertebra.frame.posterior)
        heights = [vertebra.frame.to_local(one.centre)[2] for one in vertebra.pedicles.values()]
        middle = vertebra.frame.to_patient((0.0, 0.18 * _AXIAL_HEIGHT_MM, float(np.mean(heights or [6.0]))))
    v = (np.arange(rows) - (rows - 1) / 2)[:, None, None] * panel.pixel_mm
    u = (np.arange(columns) - (columns - 1) / 2)[None, :, None] * panel.pixel_mm
    return Field(middle + v * down + u * right, panel.pixel_mm)


def axial_size() -> tuple[float, float]:
    """Width and height in mm of what an axial picture has to show."""
    return _AXIAL_WIDTH_MM, _AXIAL_HEIGHT_MM


def _lattice(panel: Panel, centre: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Heights of the rows, superior first, and places of the columns from the middle, mm."""
    rows, columns = panel.box.shape
    heights = float(centre[2]) + ((rows - 1) / 2 - np.arange(rows, dtype=np.float64)) * panel.pixel_mm
    across = (np.arange(columns, dtype=np.float64) - (columns - 1) / 2) * panel.pixel_mm
    return heights, across


def _stacked(x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack(np.broadcast_arrays(x, y, z), axis=-1)


def _canal_line(spine: Spine, centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """The canal's centre line; without one, the bodies' line."""
    return np.array(spine.canal, dtype=np.float64) if len(spine.canal) > 1 else _body_line(spine, centre)


def _body_line(spine: Spine, centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points somewhat behind the bodies' centres, where pedicles begin; the sacrum's endplate last."""
    points = [vertebra.frame.to_patient((0.0, 6.0, 0.0)) for vertebra in spine.vertebrae]
    if spine.sacrum is not None:
        points += [spine.sacrum.frame.to_patient((0.0, 2.0, z)) for z in (0.0, -25.0)]
    return np.array(points, dtype=np.float64) if points else centre[None]


def _at_heights(line: NDArray[np.float64], heights: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    order = np.argsort(line[:, 2])
    return np.asarray(np.interp(heights, line[order, 2], line[order, axis]), dtype=np.float64)


def overlaid(volume: Volume, shapes: Sequence[Shapes], field: Field) -> NDArray[np.float32]:
    """The image at ``field`` in grey with every structure as a translucent colour and an edge, RGB 0 to 1."""
    picture = np.repeat(_grey(volume, field)[..., None], 3, axis=-1)
    for some in shapes:
        _lay_over(picture, some, field)
    return picture


def _grey(volume: Volume, field: Field) -> NDArray[np.float32]:
    ct = volume.modality is Modality.CT
    index = np.moveaxis(volume.to_index(field.points), -1, 0)
    fill = _AIR_HU if ct else 0.0
    values = map_coordinates(volume.voxels, index, np.float32, order=1, cval=fill, prefilter=False)
    if ct and BONE_WINDOW.low is not None and BONE_WINDOW.high is not None:
        low, high = BONE_WINDOW.low, BONE_WINDOW.high
    else:
        inside = values[values > 0]
        low, high = (float(n) for n in np.percentile(inside if inside.size else values, (1, 99.5)))
    return np.asarray(np.clip((values - low) / max(high - low, 1e-6), 0, 1), dtype=np.float32)


def _lay_over(picture: NDArray[np.float32], shapes: Shapes, field: Field) -> None:
    from procguide.reporting._ray_kernels import sample_fields

    rows, columns = picture.shape[:2]
    places = shapes.affine.inverse.apply(field.points).reshape(-1, 3)
    values = np.zeros((len(places), len(shapes.groups)), dtype=np.float32)
    tints = np.zeros((len(places), len(shapes.groups), 3), dtype=np.float32)
    sample_fields(shapes.fields, shapes.materials, shapes.member, shapes.colours, places, values, tints)
    for group in _ORDER:
        if group not in shapes.groups:
            continue
        n = shapes.groups.index(group)
        inside = values[:, n].reshape(rows, columns) - 127.5
        if inside.max() <= 0:
            continue
        slope = np.hypot(*np.gradient(inside))
        distance = inside / np.maximum(slope, 4.0)  # pixels from the edge, inward
        cover = np.clip(distance + 0.5, 0, 1) * _FILL
        edge = np.clip(_EDGE_PX + 0.5 - np.abs(distance), 0, 1) * 0.85
        share = np.maximum(cover, edge)[..., None]
        picture[:] = picture * (1 - share) + tints[:, n].reshape(rows, columns, 3) * share
