"""Metal in the field of an X-ray picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.quality.checks.xray_exposure import field_of
from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planar import XrayField, each_frame, to_box

__all__ = ["CHECKS", "metal_mask"]


def metal_mask(field: XrayField) -> NDArray[np.bool_]:
    """Where it is much darker than what is round it within a tenth of the picture, with a hard edge.

    Of blocks twice as large as the field's.
    """
    from scipy.ndimage import label, maximum_filter1d, minimum_filter1d

    light = _halved(np.where(field.field, field.light, 1).astype(np.float32))
    inner = field.inner[: 2 * light.shape[0] : 2, : 2 * light.shape[1] : 2]
    size = max(round(0.09 * max(light.shape)) | 1, 5)
    closed: NDArray[np.float32] = light
    for axis in (0, 1):
        closed = maximum_filter1d(closed, size, axis=axis)
    for axis in (0, 1):
        closed = minimum_filter1d(closed, size, axis=axis)
    deep = (closed - light > 0.5 * closed) & (closed - light > 0.15) & inner
    if not deep.any():
        return np.asarray(deep)
    parts, count = label(deep)
    steep = _steepness(light)
    ring = deep & ~_shrunk(deep)
    edge = np.bincount(parts[ring], steep[ring], minlength=count + 1) / np.maximum(
        np.bincount(parts[ring], minlength=count + 1), 1
    )
    fall = np.bincount(parts[deep], (closed - light)[deep], minlength=count + 1) / np.maximum(
        np.bincount(parts[deep], minlength=count + 1), 1
    )
    large = np.bincount(parts.ravel(), minlength=count + 1) > 3
    hard = (edge > 0.3 * fall) & large
    hard[0] = False
    return np.asarray(hard[parts])


def _halved(light: NDArray[np.float32]) -> NDArray[np.float32]:
    rows, columns = (n // 2 * 2 for n in light.shape)
    cells = light[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2)
    return np.asarray(cells.mean(axis=(1, 3)), np.float32)


def _steepness(light: NDArray[np.float32]) -> NDArray[np.float32]:
    down, along = np.gradient(light)
    return np.asarray(np.hypot(down, along), np.float32)


def _shrunk(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from scipy.ndimage import binary_erosion

    return np.asarray(binary_erosion(mask))


def _metal(examined: Examined) -> Score | None:
    field = field_of(examined)
    if field is None:
        return None
    mask = metal_mask(field)
    return Score(400 * float(mask.sum() / field.inner.sum()), to_box(mask, 2 * field.factor))


CHECKS = (
    Check(
        "metal",
        frozenset((Kind.FLUOROSCOPY, Kind.RADIOGRAPH)),
        "%",
        lambda examined: each_frame(examined, _metal),
        Limits(2.0, None, Worse.ABOVE, "calibrated: docs/quality_2d.md"),
        "Metal covers {value:.1f} % of the field; what lies behind it is not seen, and the automatic exposure"
        " follows it.",
        "Turn so that it does not overlie the target, or move it out of the measured field.",
        "There is no metal in the way ({value:.1f} % of the field).",
        live=True,
    ),
)
