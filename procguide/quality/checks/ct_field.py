"""CT: the skin of the back out of the field, and slices shifted against each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from procguide.imaging import Volume
from procguide.quality.nouns import Box, Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planes import slice_axis

__all__ = ["CHECKS"]

_STEP_MM = 4.0
_SKIN_HU = -300.0
_OUTSIDE_HU = -1100.0
"""Below air: where the scanner filled in, outside its round field."""
_MIDDLE_MM = 80.0
"""The skin that posterior and oblique needles enter through lies within this of the midline. Assumed."""
_SHIFT_STEP_MM = 2.5
_NEIGHBOURS = 5
_LEAST_FIELD_MM = 120.0
"""A smaller picture has too little in it to be followed from slice to slice. Assumed."""


def truncated_field(examined: Examined) -> Score | None:
    """Share in % of the back's skin, within 80 mm of the midline, that is outside the field."""
    volume = examined.volume
    if volume is None:
        return None
    body, outside, step = _coarse_body(volume)
    axis, sign, across, along = _axes(volume)
    stacked = np.moveaxis(body, (along, across, axis), (0, 1, 2))
    beyond = np.moveaxis(outside, (along, across, axis), (0, 1, 2))
    if sign < 0:
        stacked, beyond = stacked[..., ::-1], beyond[..., ::-1]
    seen = stacked.any(axis=2)
    if seen.sum() < 20:
        return None
    last = stacked.shape[2] - 1 - stacked[..., ::-1].argmax(axis=2)
    behind = np.minimum(last + 1, stacked.shape[2] - 1)
    filled = np.take_along_axis(beyond, behind[..., None], axis=2)[..., 0]
    cut: NDArray[np.bool_] = np.asarray(seen & ((last >= stacked.shape[2] - 1) | filled))
    columns = np.arange(seen.shape[1])
    centre = (seen * columns).sum() / seen.sum()
    middle: NDArray[np.bool_] = np.abs(columns - centre) * step[across] < _MIDDLE_MM
    inside = middle[None] & seen
    share = 100.0 * float((cut & inside).sum()) / max(float(inside.sum()), 1.0)
    return Score(share, _box_of(cut, volume, body.shape, (along, across)) if cut.any() else None)


def _coarse_body(
    volume: Volume,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64]]:
    """The body, and what the scanner filled in, on voxels of about 4 mm; and their steps."""
    from scipy import ndimage

    factor = np.maximum(1, np.round(_STEP_MM / volume.spacing)).astype(int)
    picked: NDArray[Any] = volume.voxels[tuple(slice(None, None, int(n)) for n in factor)]
    padded = np.pad(np.asarray(picked > _SKIN_HU), 2, mode="edge")
    opened: NDArray[np.bool_] = np.asarray(ndimage.binary_opening(padded, iterations=2))
    body: NDArray[np.bool_] = opened[2:-2, 2:-2, 2:-2]
    labels, count = ndimage.label(body)
    if count > 1:
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        body = labels == sizes.argmax()
    return body, picked < _OUTSIDE_HU, volume.spacing * factor


def _axes(volume: Volume) -> tuple[int, int, int, int]:
    """The axis nearest to front-to-back and whether it grows backwards; those across and along the body."""
    directions = volume.affine.directions
    axis = int(np.argmax(np.abs(directions[1])))
    rest = [n for n in range(3) if n != axis]
    across = max(rest, key=lambda n: abs(directions[0, n]))
    along = next(n for n in rest if n != across)
    return axis, 1 if directions[1, axis] > 0 else -1, across, along


def _box_of(cut: NDArray[np.bool_], volume: Volume, coarse: tuple[int, ...], axes: tuple[int, int]) -> Box:
    index = np.argwhere(cut)
    low, high = [0, 0, 0], list(volume.shape)
    for column, axis in enumerate(axes):
        scale = volume.shape[axis] / coarse[axis]
        low[axis] = int(index[:, column].min() * scale)
        high[axis] = int(np.ceil((index[:, column].max() + 1) * scale))
    return Box(tuple(low), tuple(high))


def slice_shift(examined: Examined) -> Score | None:
    """Largest shift in mm between neighbouring slices, less the middle one of the five round it."""
    volume = examined.volume
    if volume is None:
        return None
    axis = slice_axis(volume.spacing)
    stack = np.moveaxis(volume.voxels, axis, 0)
    pixel = np.delete(volume.spacing, axis)
    if len(stack) < _NEIGHBOURS + 2 or min(pixel * stack.shape[1:]) < _LEAST_FIELD_MM:
        return None
    factor = [max(1, round(_SHIFT_STEP_MM / float(step))) for step in pixel]
    shifts = np.array(_shifts(stack, factor)) * pixel * factor
    from scipy import ndimage

    usual = ndimage.median_filter(shifts, (_NEIGHBOURS, 1), mode="nearest")
    jumps = np.hypot(*(shifts - usual).T)
    worst = int(jumps.argmax())
    low, high = [0, 0, 0], list(volume.shape)
    low[axis], high[axis] = worst, worst + 2
    return Score(float(jumps[worst]), Box(tuple(low), tuple(high)), {"slice": worst + 2})


def _shifts(stack: NDArray[np.generic], factor: list[int]) -> list[NDArray[np.float64]]:
    """From each slice to the next in coarse pixels, by the peak of their phase correlation."""
    found = []
    before: NDArray[np.complex128] | None = None
    for plane in stack:
        rows, columns = plane.shape[0] // factor[0], plane.shape[1] // factor[1]
        cut = plane[: rows * factor[0], : columns * factor[1]].astype(np.float32)
        coarse = cut.reshape(rows, factor[0], columns, factor[1]).mean(axis=(1, 3))
        taper = np.outer(np.hanning(rows), np.hanning(columns))
        spectrum = np.fft.fft2((np.clip(coarse, -200, 500) + 200) * taper)
        if before is not None:
            found.append(_peak(before * spectrum.conj()))
        before = spectrum
    return found


def _peak(cross: NDArray[np.complex128]) -> NDArray[np.float64]:
    """The correlation's peak, by a parabola between pixels along each axis."""
    surface = np.fft.ifft2(cross / np.sqrt(np.abs(cross) + 1e-9)).real
    at = np.unravel_index(int(surface.argmax()), surface.shape)
    place = []
    for axis, size in enumerate(surface.shape):
        near = [
            surface[tuple((np.array(at) + step * (np.arange(2) == axis)) % surface.shape)]
            for step in (-1, 0, 1)
        ]
        bend = near[0] - 2 * near[1] + near[2]
        fine = 0.0 if bend == 0 else 0.5 * (near[0] - near[2]) / bend
        place.append((at[axis] + size // 2) % size - size // 2 + fine)
    return np.array(place, np.float64)


_CT = frozenset({Kind.CT})

CHECKS = (
    Check(
        "truncated field",
        _CT,
        "%",
        truncated_field,
        Limits(5.0, None, Worse.ABOVE, "assumed"),
        "The skin of the back is outside the field over {value:.0f} % of it.",
        "Entries cannot be placed where the skin is not seen: reconstruct a larger field of view.",
        "The skin of the back is in the field ({value:.0f} % outside).",
        "There is no body in view.",
    ),
    Check(
        "slice shift",
        _CT,
        "mm",
        slice_shift,
        Limits(2.0, 6.0, Worse.ABOVE, "calibrated on phantoms: docs/quality.md"),
        "The patient moved while being scanned: slice {slice} lies {value:.1f} mm aside of the one before.",
        "Distances across the step are wrong by as much: scan again, or plan on one side of it only.",
        "Slices follow one another smoothly ({value:.1f} mm).",
        "There are too few slices, or too little in them, to see a step between them.",
    ),
)
