"""An MR image without Gibbs ringing, where it is safe to take it out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.errors import InputUnfitError
from procguide.imaging import Modality, Volume
from procguide.quality.gibbs.native import Sampling, SamplingKind, at_matrix, sampling_of
from procguide.quality.gibbs.unring import unring
from procguide.quality.nouns import Acquisition

__all__ = ["Unrung", "degibbs", "encoded_axes"]

_LEAST_VOXELS = 16
_THIN = 1.5
"""A step this much longer than the others is that between slices. Assumed."""


@dataclass(frozen=True, eq=False)
class Unrung:
    """The corrected ``volume``, along which of its axes (k, j, i), how each was sampled, and what to know."""

    volume: Volume
    axes: tuple[int, ...]
    samplings: tuple[Sampling, ...]
    cautions: tuple[str, ...]


def encoded_axes(volume: Volume, slice_axis: int | None, *, from_dicom: bool) -> tuple[int, int]:
    """The two axes within the slices; DICOM stacks slices along k, of other files the longest step tells.

    ``slice_axis`` says it against both. :class:`InputUnfitError` where nothing tells.
    """
    if slice_axis is None and from_dicom:
        slice_axis = 0
    if slice_axis is None:
        steps = volume.spacing
        longest = int(np.argmax(steps))
        if steps[longest] < _THIN * np.sort(steps)[-2]:
            raise InputUnfitError(
                f"the steps of this image ({', '.join(f'{s:.2g}' for s in steps)} mm) do not tell which way "
                "its slices are stacked; say so with --slice-axis k, j or i, or --slice-axis none for a 3D "
                "acquisition"
            )
        slice_axis = longest
    j, i = (axis for axis in range(3) if axis != slice_axis)
    return j, i


def degibbs(
    volume: Volume, axes: tuple[int, ...], acquisition: Acquisition | None = None, *, threads: int = 2
) -> Unrung:
    """``volume`` unrung along ``axes`` (two within slices, or all three of a 3D acquisition).

    Zero-filled axes are unrung at the matrix they were acquired with, and the correction is filled with zeros
    again. Geometry and type are kept; integers are rounded and kept in their range. Refused
    (:class:`InputUnfitError`) are CT, partial Fourier, interpolated axes, and few voxels.
    """
    acquisition = acquisition or Acquisition()
    _refuse(volume, axes, acquisition)
    image = np.asarray(volume.voxels, dtype=np.float64)
    stated = dict(zip((1, 2), acquisition.matrix or (), strict=False))
    samplings = tuple(sampling_of(image, axis, stated.get(axis)) for axis in axes)
    for axis, sampling in zip(axes, samplings, strict=True):
        if sampling.kind is SamplingKind.INTERPOLATED:
            raise InputUnfitError(
                f"axis {'kji'[axis]} was interpolated after acquisition (its finest detail lies "
                f"{sampling.lost_db:.0f} dB down): ringing is no longer where sub-voxel shifts look for it; "
                "give the images as the scanner reconstructs them"
            )
    counts = list(volume.shape)
    for axis, sampling in zip(axes, samplings, strict=True):
        counts[axis] = sampling.count
    corrected = _unrung_at(image, (counts[0], counts[1], counts[2]), axes, threads)
    return Unrung(_like(volume, corrected), axes, samplings, _cautions(acquisition, samplings))


def _refuse(volume: Volume, axes: tuple[int, ...], acquisition: Acquisition) -> None:
    if volume.modality is Modality.CT:
        raise InputUnfitError("CT has no Gibbs ringing of this kind; give an MR series")
    if acquisition.partial_fourier:
        raise InputUnfitError(
            "this series was acquired with partial Fourier: its ringing is asymmetric, and sub-voxel shifts "
            "would leave part of it; give a series with full k-space"
        )
    short = [f"{'kji'[axis]} has {volume.shape[axis]}" for axis in axes if volume.shape[axis] < _LEAST_VOXELS]
    if short:
        raise InputUnfitError(f"too few voxels to unring ({', '.join(short)}; {_LEAST_VOXELS} are needed)")


def _unrung_at(
    image: NDArray[np.float64], counts: tuple[int, int, int], axes: tuple[int, ...], threads: int
) -> NDArray[np.float64]:
    if counts == image.shape:
        return unring(image, axes, threads=threads)
    k, j, i = image.shape
    native = at_matrix(image, counts)
    return image + at_matrix(unring(native, axes, threads=threads) - native, (k, j, i))


def _like(volume: Volume, image: NDArray[np.float64]) -> Volume:
    """``image`` in the type of ``volume``."""
    kind = volume.voxels.dtype
    if np.issubdtype(kind, np.integer):
        limits = np.iinfo(kind)
        image = np.clip(np.rint(image), limits.min, limits.max)
    return volume.with_voxels(image.astype(kind))


def _cautions(acquisition: Acquisition, samplings: tuple[Sampling, ...]) -> tuple[str, ...]:
    kinds = {sampling.kind for sampling in samplings}
    said = []
    if acquisition.partial_fourier is None:
        said.append("The file does not say whether all of k-space was measured; part of it leaves ringing.")
    if SamplingKind.FILTERED in kinds:
        said.append("The scanner filtered this image: some ringing may stay, and detail was lost before.")
    if SamplingKind.UNKNOWN in kinds:
        said.append("Too little of the image is bright to tell whether it was interpolated or filtered.")
    return tuple(said)
