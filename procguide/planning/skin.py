"""The body's surface: where a needle can enter."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region
from procguide.errors import InputUnfitError
from procguide.geometry import Affine
from procguide.imaging import Grid, LabelMap, Volume
from procguide.imaging.resample import resample, working_grid
from procguide.planning.parallel import in_parts

__all__ = [
    "Body",
    "body_from_ct",
    "body_from_labels",
    "depth_inside",
    "signed_distance",
    "skin_points",
    "whole_slices",
]

_SPACING_MM = 2.0
_AIR_HU = -300
_MARGIN_MM = 20.0
_EDGE_MM = 2.0
"""A body that ends this near to the image's outermost voxel faces is cut off by them (assumed)."""
_SUPERFICIAL = (Region.SKIN, Region.FAT, Region.SOFT_TISSUE)
Box = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Body:
    """Signed distance to the body's surface, negative inside, ``(k, j, i)`` float32 mm, on its own grid.

    ``image`` is what the surface was read from: where that ends, no skin is in view, though the field has
    a surface there. None: nothing is known of an end. ``doubt`` says why it may not be the skin.
    """

    field: NDArray[np.float32]
    grid: Grid
    image: Grid | None = None
    doubt: str = ""


def body_from_ct(image: Volume, box: Box) -> Body:
    """Skin by threshold (-300 HU), without table and arms: largest component after an opening.

    Works on whole slices, so that lung and bowel gas can be told from the air outside.
    """
    thinned = whole_slices(image, box)
    inside = _without_air(thinned.voxels > _AIR_HU).astype(np.float32)
    return signed_distance(thinned.with_voxels(inside), box)


def body_from_labels(regions: LabelMap, box: Box) -> Body:
    """Skin from labels that cover the whole body, as a phantom's do."""
    heights = regions.grid.corners[:, 2]
    if heights.max() <= box[0][2] or heights.min() >= box[1][2]:
        raise InputUnfitError("the labels do not cover the target. Give labels that show it.")
    region = (np.array([-1e6, -1e6, box[0][2]]), np.array([1e6, 1e6, box[1][2]]))
    grid = working_grid(regions.grid, _SPACING_MM, region)
    if not np.isin(regions.present(), _SUPERFICIAL).any():
        raise InputUnfitError(
            "the labels do not show the skin: plan on a CT or MRI of the patient, or give labels of the "
            "whole body."
        )
    inside = _without_air(resample(regions, grid).voxels > 0).astype(np.float32)
    return signed_distance(Volume(inside, grid.affine), box)


def whole_slices(image: Volume, box: Box, smooth_mm: float = 0.0) -> Volume:
    """Whole slices about ``box`` as (slice, back or front, across), in steps of at most 2 mm.

    Every n-th voxel is taken, after a Gaussian of ``smooth_mm`` (sigma) along axes that are fine enough.
    """
    from scipy.ndimage import gaussian_filter

    corners = np.array(np.meshgrid(*np.stack(box).T)).reshape(3, -1).T
    index = image.to_index(corners)
    slice_axis = int(np.argmax(np.abs(image.affine.directions[2])))
    start = [0, 0, 0]
    stop = list(image.shape)
    start[slice_axis] = max(int(np.floor(index[:, slice_axis].min())), 0)
    stop[slice_axis] = min(int(np.ceil(index[:, slice_axis].max())) + 1, image.shape[slice_axis])
    if stop[slice_axis] <= start[slice_axis]:
        raise InputUnfitError("the image does not cover the target. Load images that show it.")
    near = image.crop((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    voxels = near.voxels
    if smooth_mm:
        sigma = np.where(near.spacing < 2 * smooth_mm, smooth_mm / near.spacing, 0.0)
        voxels = gaussian_filter(voxels.astype(np.float32), sigma)
    steps = np.maximum((_SPACING_MM / near.spacing + 0.01).astype(int), 1)
    voxels = voxels[tuple(slice(None, None, int(step)) for step in steps)]
    backward = np.abs(image.affine.directions[1])
    across, back = sorted({0, 1, 2} - {slice_axis}, key=lambda axis: float(backward[axis]))
    order = [slice_axis, back, across]
    scale = np.diag([*steps.astype(float), 1.0])[:, [*order, 3]]
    return Volume(voxels.transpose(order), near.affine @ Affine(scale), image.modality)


def _without_air(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest component of ``mask`` ``(k, j, i)``, in each plane with what it encloses."""
    import cc3d

    from procguide.planning._skin_kernels import fill_planes, opened

    largest = cc3d.largest_k(opened(np.ascontiguousarray(mask)), k=1, connectivity=6) > 0
    if not largest.any():
        raise InputUnfitError("no body was found in the image: nothing denser than -300 HU.")
    fill_planes(largest)
    return np.asarray(largest)


def signed_distance(inside: Volume, box: Box) -> Body:
    """The body about ``box`` whose surface lies where ``inside`` is one half."""
    from procguide.planning._kernels import distance_squared

    grid = working_grid(inside.grid, _SPACING_MM, (box[0] - _MARGIN_MM, box[1] + _MARGIN_MM))
    mask = resample(inside, grid).voxels > 0.5

    def distance(of: NDArray[np.bool_]) -> NDArray[np.float32]:
        squared: NDArray[np.float32] = distance_squared(of, grid.affine.spacing)
        return np.minimum(np.sqrt(squared, out=squared), np.float32(1e3))

    with ThreadPoolExecutor(2) as pool:
        to_body, to_air = pool.map(distance, (mask, ~mask))
    return Body(np.subtract(to_body, to_air, out=to_body), grid, inside.grid)


def skin_points(
    body: Body, targets: NDArray[np.float64], outward: NDArray[np.float64], longest_mm: float
) -> NDArray[np.float64]:
    """Depth of each target under the skin along ``outward`` ((n, 3) unit LPS), mm; -1 where no skin is met.

    Fifteen millimetres of air must follow (or air to the image's edge), so that a fold is not taken for
    the outside. Where the body is cut off by the image's edge there is no skin.
    """
    from procguide.planning._skin_kernels import skin_exit

    spacing = body.grid.affine.spacing
    starts = body.grid.affine.inverse.apply(targets) * spacing
    directions = np.ascontiguousarray(outward[:, ::-1])
    depth = np.empty(len(targets))

    def part(some: slice) -> None:
        depth[some] = skin_exit(body.field, spacing, starts[some], directions[some], 15.0, longest_mm)

    in_parts(part, len(targets))
    if body.image is not None:
        depth[_at_edge(body.image, targets + outward * depth[:, None])] = -1.0
    return depth


def _at_edge(image: Grid, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of ``points`` ``(n, 3)`` LPS mm lie within 2 mm of the outermost voxel faces, or beyond them."""
    index = image.affine.inverse.apply(points)
    room = np.minimum(index + 0.5, np.asarray(image.shape) - 0.5 - index) * image.affine.spacing
    return np.asarray(room.min(axis=-1) < _EDGE_MM)


def depth_inside(body: Body, point: NDArray[np.float64]) -> float:
    """How deep a point (LPS mm) lies under the nearest skin, mm; negative outside the body."""
    from scipy.ndimage import map_coordinates

    index = body.grid.affine.inverse.apply(point)
    return -float(map_coordinates(body.field, index[:, None], order=1, mode="nearest")[0])
