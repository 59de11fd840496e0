"""Metal in the field of an X-ray picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.quality.checks.xray_exposure import field_of
from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planar import XrayField, each_frame, to_box

__all__ = ["CHECKS", "metal_mask"]

_LINE_REACH, _LINE_FALL = 0.03, 0.25
_LINE_LENGTH, _LINE_WIDTH, _LINE_BEND = 0.25, 0.02, 0.03
"""Of a wire or needle: how far is looked for what is round it, by what share it is darker; how long it is at
least, how wide and how far off its straight course at most. Shares of the picture's longer side; assumed."""
_BORDER = 0.02


def metal_mask(field: XrayField) -> NDArray[np.bool_]:
    """Where it is much darker than what is round it within a tenth of the picture, with a hard edge.

    And long straight thin lines, which need not be as dark. Of blocks twice as large as the field's.
    """
    light = _halved(np.where(field.field, field.light, 1).astype(np.float32))
    inner = field.inner[: 2 * light.shape[0] : 2, : 2 * light.shape[1] : 2]
    return _solid(light, inner) | _wires(light, inner)


def _closed(light: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Without what is dark and narrower than that share of the picture."""
    from scipy.ndimage import maximum_filter1d, minimum_filter1d

    size = max(round(share * max(light.shape)) | 1, 5)
    for axis in (0, 1):
        light = maximum_filter1d(light, size, axis=axis)
    for axis in (0, 1):
        light = minimum_filter1d(light, size, axis=axis)
    return light


def _wires(light: NDArray[np.float32], inner: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Wires and needles: long, thin, straight, and clear of the picture's border, where films have frames."""
    from scipy.ndimage import find_objects, label

    closed = _closed(light, _LINE_REACH)
    dark = (closed - light > _LINE_FALL * closed) & (closed - light > 0.08) & inner
    long_side = max(light.shape)
    parts, _ = label(dark, np.ones((3, 3)))
    found = np.zeros_like(dark)
    rim = round(_BORDER * long_side)
    for number, box in enumerate(find_objects(parts), 1):
        within = all(
            rim <= side.start and side.stop <= n - rim for side, n in zip(box, light.shape, strict=True)
        )
        extent = np.hypot(*(side.stop - side.start for side in box))
        if within and extent >= _LINE_LENGTH * long_side and _is_straight(parts[box] == number, long_side):
            found[box] |= parts[box] == number
    return found


def _is_straight(part: NDArray[np.bool_], long_side: int) -> bool:
    """Whether a part is a line: by its extent along and its spread across its main direction."""
    places = np.argwhere(part) - np.argwhere(part).mean(axis=0)
    spread, directions = np.linalg.eigh(np.cov(places.T))
    length = float(np.ptp(places @ directions[:, 1])) + 1
    bend = float(np.sqrt(12 * max(spread[0], 0.0)))
    return (
        length >= _LINE_LENGTH * long_side
        and len(places) <= _LINE_WIDTH * long_side * length
        and bend <= _LINE_BEND * long_side
    )


def _solid(light: NDArray[np.float32], inner: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from scipy.ndimage import label

    closed = _closed(light, 0.09)
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
        "Little or no metal is in the way ({value:.1f} % of the field).",
        live=True,
    ),
)
