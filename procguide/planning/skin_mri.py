"""The body's surface in an MR image, whose values have no unit and whose air is not always dark."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.errors import InputUnfitError
from procguide.geometry import Affine
from procguide.imaging import Volume
from procguide.imaging.outline import air_of, eroded, outlined
from procguide.planning.skin import Body, Box, signed_distance, whole_slices

__all__ = ["body_from_mri"]

_SMOOTH_MM = 1.0
_AIRWAY_MM = 5.0
"""Half of the widest gap in a dark skin line that lets no air in (assumed)."""
_ABOVE_NOISE, _ABOVE_AIR = 6.0, 0.12
"""Body is what lies this many standard deviations of smoothed air above it, and this share of the way to
tissue: above ghosts of 3 % of the image, below skin where fat is suppressed (phantoms 2000 to 2003)."""
_JOINING = 4.0
"""Standard deviations above air: fat that is suppressed, by which the skin hangs together with the body."""
_PLAIN = 0.035
"""Air varies less than this share of the way to tissue; phantoms: 0.01, very noisy ones 0.03. Assumed."""
_RIM_MM = 4.0
_LEVELLED_MM = 5.0
_NO_DATA_SHARE, _OUTSIDE_SHARE, _HELD_SHARE = 0.01, 0.5, 0.5
_AIR_BEHIND_MM, _AIR_BEHIND_SHARE = 6.0, 0.05
_NEAR_MM, _BAND_MM, _FAR_MM, _THICK_MM, _DOUBTFUL_SHARE = 4.0, 10.0, 40.0, 6.0, 0.25
"""These lengths and shares are assumed."""
_Reals = NDArray[np.float32]
_Mask = NDArray[np.bool_]

_NO_AIR = (
    "no air was found behind the back, so the skin is not seen: it lies beyond the image, or is as dark as "
    "air. Load a series whose field of view ends behind the skin of the back (one in which fat is not "
    "suppressed shows it best), or plan on a CT."
)


@dataclass(frozen=True, eq=False)
class _Outline:
    """``body`` ``(k, j, i)``; ``air`` is its level in each slice, ``(k, 1, 1)``.

    ``limit`` and ``joining`` are what body and what joins it lie above; above ``clear`` nothing but tissue
    lies, and not all of it.
    """

    body: _Mask
    air: _Reals
    limit: _Reals
    joining: _Reals
    clear: float


def body_from_mri(image: Volume, box: Box) -> Body:
    """Skin where the signal falls half-way from the brightest within 4 mm to the air of its own slice.

    Air is the darkest common value about the back, whatever a scanner adds to it; what lies above its noise
    and hangs together is the body, with what a skin line encloses. Beside a narrow image's first and last
    sagittal slice nothing is known, so no air comes in there. On phantoms the skin is found 1 mm too deep to
    1 mm too far out on average, 2 mm too deep where it gives no signal (docs/planning.md).
    :class:`InputUnfitError` where there is no air behind the back.
    """
    slices = whole_slices(_without_padding(image), box, _SMOOTH_MM)
    if slices.affine.directions[1][1] < 0:  # so that the second axis runs to the back
        flipped = slices.affine.shifted((0, slices.shape[1] - 1, 0)).matrix @ np.diag([1, -1, 1, 1])
        slices = Volume(slices.voxels[:, ::-1], Affine(flipped), slices.modality)
    first = max(int(slices.to_index(np.stack(box))[:, 1].min()), 0)
    back = slices.crop((0, first, 0), slices.shape)
    found = _outline(back)
    _check_air_behind(found.body, back.spacing)
    body = signed_distance(back.with_voxels(_half_way(back, found)), box)
    return replace(body, doubt=_doubt(back, found))


def _without_padding(image: Volume) -> Volume:
    """Without what was drawn round the image, or filled in: slices at its ends that hold one value only.

    Where that is the image's least one, only if the next slice is mostly of others: where the body's outline
    ends gradually, it is air that was set to one value.
    """
    for filled in (_drawn, _unmeasured):
        start, stop = [0, 0, 0], list(image.shape)
        for axis in range(3):
            there = np.flatnonzero(~filled(np.moveaxis(image.voxels, axis, 0)))
            if len(there):
                start[axis], stop[axis] = int(there[0]), int(there[-1]) + 1
        image = image.crop((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    return image


def _drawn(slices: NDArray[Any]) -> _Mask:
    """Which of the first and the last slice hold one value that is not the least."""
    drawn = np.zeros(len(slices), dtype=bool)
    for end in (0, -1):
        drawn[end] = slices[end].min() == slices[end].max() > slices.min()
    return drawn


def _unmeasured(slices: NDArray[Any]) -> _Mask:
    """Which slices at either end hold nothing but the least value, up to one that is mostly of others."""
    share = (slices > slices.min()).mean(axis=(1, 2))
    inner = np.flatnonzero(share)
    filled = np.zeros(len(slices), dtype=bool)
    if len(inner) and share[inner[0]] > _HELD_SHARE:
        filled[: inner[0]] = True
    if len(inner) and share[inner[-1]] > _HELD_SHARE:
        filled[inner[-1] + 1 :] = True
    return filled


def _outline(back: Volume) -> _Outline:
    """The body by the noise of measured air, or where none is left by air that was set to one value."""
    voxels = back.voxels
    unmeasured = voxels == voxels.min()
    if unmeasured.mean() <= _NO_DATA_SHARE:
        unmeasured = np.zeros_like(unmeasured)
    else:
        found = _outlined_by(back, ~unmeasured)
        if found is not None:
            dark = (voxels <= found.limit) & ~unmeasured
            if (dark & ~found.body).sum() >= _OUTSIDE_SHARE * dark.sum():
                return found
    found = _outlined_by(back, np.ones_like(unmeasured))
    if found is None:
        raise InputUnfitError(_NO_AIR)
    return found


def _outlined_by(back: Volume, measured: _Mask) -> _Outline | None:
    """Twice, for noise may differ from slice to slice; None where what seems air is too uneven."""
    voxels = back.voxels
    values = voxels[measured]
    air = air_of(values)
    tissue = float(np.median(values[values > air.tissue]))
    if air.deviation >= _PLAIN * (tissue - air.level):
        return None
    above = max(_ABOVE_NOISE * air.deviation, _ABOVE_AIR * (tissue - air.level))
    level = np.full(len(voxels), air.level)
    for _ in range(2):
        slicewise = level[:, None, None].astype(np.float32)
        limit, joining = slicewise + above, slicewise + _JOINING * air.deviation
        body = outlined(voxels > limit, back.spacing, _AIRWAY_MM, voxels > joining)
        outside = ~body & measured
        level = np.array(
            [
                np.median(plane[where]) if where.any() else air.level
                for plane, where in zip(voxels, outside, strict=True)
            ]
        )
        level = ndimage.gaussian_filter1d(level, _LEVELLED_MM / back.spacing[0], mode="nearest")
    return _Outline(body, slicewise, limit, joining, air.half_way)


def _check_air_behind(body: _Mask, spacing: NDArray[np.float64]) -> None:
    deep = max(round(_AIR_BEHIND_MM / float(spacing[1])), 1)
    free = ~body[:, -deep:].any(axis=1)
    if free.mean() < _AIR_BEHIND_SHARE:
        raise InputUnfitError(_NO_AIR)


def _half_way(back: Volume, found: _Outline) -> _Reals:
    """1 in the body; in its outermost 4 mm the signal above air as a share of the brightest within 4 mm."""
    reach = [int(_RIM_MM / step) for step in back.spacing]
    offsets = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), axis=-1)
    ball = np.linalg.norm(offsets * back.spacing, axis=-1) <= _RIM_MM
    signal = back.voxels - found.air
    brightest = ndimage.grey_dilation(np.where(found.body, signal, 0), footprint=ball)
    share = np.clip(signal / np.maximum(brightest, 1e-6), 0, 1) * ndimage.binary_dilation(found.body)
    deep = eroded(found.body, back.spacing, _RIM_MM)
    share = np.where(deep, 1.0, share)
    enclosed = outlined(share > 0.5, back.spacing, 0.0, found.body)
    return np.where(enclosed & (share <= 0.5), 1.0, share).astype(np.float32)


def _doubt(back: Volume, found: _Outline) -> str:
    """Words where over a quarter of the back has a signal behind the skin, or a doubtful one before it.

    That is dim, 6 mm thick or more, and may be fat that is suppressed, or a ghost behind the true skin.
    """
    size, step = back.shape[1], float(back.spacing[1])
    last = _last(found.body)
    behind = (np.arange(size)[None, :, None] - last[:, None]) * step
    band = (behind > _NEAR_MM) & (behind <= _BAND_MM)
    mean = (back.voxels * band).sum(axis=1) / np.maximum(band.sum(axis=1), 1)
    dim = band.any(axis=1) & (mean > found.joining[:, 0])
    beyond = (behind > _NEAR_MM) & (behind <= _FAR_MM) & (back.voxels > found.limit)
    clear = outlined(back.voxels > found.clear, back.spacing, _AIRWAY_MM)
    thick = (last - _last(clear)) * step >= _THICK_MM
    if (dim | beyond.any(axis=1)).mean() <= _DOUBTFUL_SHARE and thick.mean() <= _DOUBTFUL_SHARE:
        return ""
    return (
        "the skin is uncertain on this MRI: beside what was taken for it lies a faint signal, a ghost of the "
        "body or fat that is suppressed; look at the entry on the image, and measure the depth there"
    )


def _last(body: _Mask) -> NDArray[np.intp]:
    """The hindmost voxel of each column, ``(k, i)``."""
    return np.asarray(body.shape[1] - 1 - np.argmax(body[:, ::-1], axis=1))
