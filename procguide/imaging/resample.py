"""From one lattice to another, for any affine, by SimpleITK in index space."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from procguide.geometry import Affine
from procguide.imaging.volume import Grid, LabelMap, Volume

__all__ = ["resample", "working_grid"]

AnyVolume = TypeVar("AnyVolume", bound=Volume)


def working_grid(
    grid: Grid, spacing_mm: float, region: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
) -> Grid:
    """The axis-aligned ``(superior, posterior, left)`` lattice that covers ``grid`` at ``spacing_mm``.

    ``region`` narrows it to the box between two LPS mm corners (low, high); the box is kept within
    the input's own box. Voxel faces, not centres, cover the box.
    """
    low, high = grid.corners.min(axis=0), grid.corners.max(axis=0)
    if region is not None:
        low, high = np.maximum(low, region[0]), np.minimum(high, region[1])
    if (high <= low).any():
        raise ValueError(f"the region {region} lies outside the image")
    size = np.maximum(np.ceil((high - low) / spacing_mm - 1e-6).astype(int), 1)
    k, j, i = (int(n) for n in size[::-1])
    return Grid((k, j, i), Affine.axis_aligned(spacing_mm, low + spacing_mm / 2))


def resample(volume: AnyVolume, grid: Grid, fill: float = 0.0) -> AnyVolume:
    """``volume`` on another lattice: labels by nearest neighbour, images linearly, ``fill`` outside.

    Where the new lattice is coarser, an image is smoothed first (Gaussian, sigma half the excess of
    the new step), so that thin bone is averaged and not skipped. Samples within half a voxel of the
    border repeat the border voxel. SimpleITK works on bare indices here, because its images cannot be
    sheared and patient affines can (gantry tilt).
    """
    if volume.grid.isclose(grid):
        return volume
    labels = isinstance(volume, LabelMap)
    image = SimpleITK.GetImageFromArray(volume.voxels if labels else volume.voxels.astype(np.float32))
    if not labels:
        image = _antialias(image, volume.affine, grid.affine)
    k_first = np.eye(4)[[2, 1, 0, 3]]
    index_map = k_first @ (volume.affine.inverse @ grid.affine).matrix @ k_first
    transform = SimpleITK.AffineTransform(3)
    transform.SetMatrix(index_map[:3, :3].ravel().tolist())
    transform.SetTranslation(index_map[:3, 3].tolist())
    resampler = SimpleITK.ResampleImageFilter()
    resampler.SetSize([int(n) for n in grid.shape[::-1]])
    resampler.SetTransform(transform)
    resampler.SetInterpolator(SimpleITK.sitkNearestNeighbor if labels else SimpleITK.sitkLinear)
    resampler.SetDefaultPixelValue(float(fill))
    voxels = SimpleITK.GetArrayFromImage(resampler.Execute(image))
    return replace(volume, voxels=voxels, affine=grid.affine)


def _antialias(image: SimpleITK.Image, old: Affine, new: Affine) -> SimpleITK.Image:
    """Smooth along each old axis whose step is finer than the new lattice's along it."""
    steps_in_old_voxels = np.abs((old.inverse @ new).matrix[:3, :3]).max(axis=1)
    for array_axis, ratio in enumerate(steps_in_old_voxels):
        if ratio > 1.2 and image.GetSize()[2 - array_axis] >= 4:
            smooth = SimpleITK.RecursiveGaussianImageFilter()
            smooth.SetDirection(2 - array_axis)
            smooth.SetSigma(0.5 * float(np.sqrt(ratio**2 - 1)))
            image = smooth.Execute(image)
    return image
