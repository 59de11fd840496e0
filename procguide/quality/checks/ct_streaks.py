"""CT: streaks through tissue (metal, starved rays, motion within a rotation), and metal itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.quality.nouns import Box, Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planes import Planes, planes_of

__all__ = ["CHECKS"]

_DENSE_HU = 2800.0
"""Above enamel and the densest cortical bone; titanium and steel reach the scanner's last value. Assumed."""
_DARK_HU = -165.0
"""Fat is about -100: no tissue is darker, save where gas or lung is mixed in. Assumed."""
_GAS_HU = -350.0
_AROUND_GAS_MM, _WITHIN_SKIN_MM = 9.0, 7.0
_STEP_MM = 1.6


def streaks(examined: Examined) -> Score | None:
    """Share in % of the body, away from gas and skin, that is darker than any tissue."""
    planes = planes_of(examined)
    factor = tuple(max(1, round(_STEP_MM / step)) for step in planes.pixel_mm)
    shares, boxes = [], []
    for n in range(len(planes.values)):
        dark, judged = _dark(planes, n, (factor[0], factor[1]))
        enough = judged.sum() > 400
        shares.append(100.0 * float(dark.sum()) / float(judged.sum()) if enough else np.nan)
        boxes.append(_round(dark, (factor[0], factor[1])) if enough and dark.any() else None)
    if not np.isfinite(shares).any():
        return None
    worst = int(np.nanargmax(shares))
    extent = boxes[worst]
    where = planes.whole(worst) if extent is None else planes.box(worst, *extent)
    return Score(float(np.nanpercentile(shares, 80)), where, {"worst": shares[worst]})


def _dark(planes: Planes, n: int, factor: tuple[int, int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where one plane is too dark, and where it is judged, both on pixels of about 1.6 mm."""
    from scipy import ndimage

    plane = _coarse(planes.values[n], factor)
    body = _coarse(planes.body[n].astype(np.float32), factor) > 0.99
    step = planes.pixel_mm[0] * factor[0]
    smooth = ndimage.gaussian_filter(plane, 1.6 / step)
    gas = ndimage.binary_opening(smooth < _GAS_HU, iterations=1)
    near_gas = ndimage.binary_dilation(gas, iterations=max(1, round(_AROUND_GAS_MM / step)))
    inner = ndimage.binary_erosion(body, iterations=max(1, round(_WITHIN_SKIN_MM / step)))
    judged = inner & ~near_gas
    return (smooth < _DARK_HU) & judged, judged


def _coarse(plane: NDArray[np.float32], factor: tuple[int, int]) -> NDArray[np.float32]:
    rows, columns = plane.shape[0] // factor[0], plane.shape[1] // factor[1]
    cut = plane[: rows * factor[0], : columns * factor[1]]
    return np.asarray(cut.reshape(rows, factor[0], columns, factor[1]).mean(axis=(1, 3)))


def _round(mask: NDArray[np.bool_], factor: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Corners of the box round a coarse mask, in pixels of the plane."""
    index = np.argwhere(mask)
    low, high = index.min(axis=0) * factor, (index.max(axis=0) + 1) * factor
    return (int(low[0]), int(low[1])), (int(high[0]), int(high[1]))


def metal(examined: Examined) -> Score | None:
    """Volume in ml of what is denser than any bone, in pieces of 20 cubic mm or more."""
    from scipy import ndimage

    volume = examined.volume
    if volume is None:
        return None
    dense = volume.voxels > _DENSE_HU
    voxel = float(np.prod(volume.spacing))
    if not dense.any():
        return Score(0.0)
    labels, _ = ndimage.label(dense)
    sizes = np.bincount(labels.ravel()) * voxel
    sizes[0] = 0
    kept = sizes >= max(20.0, 2 * voxel)
    if not kept.any():
        return Score(0.0)
    index = np.argwhere(labels == np.where(kept, sizes, 0).argmax())  # the largest piece
    low, high = index.min(axis=0), index.max(axis=0) + 1
    where = Box(tuple(int(n) for n in low), tuple(int(n) for n in high))
    return Score(float(sizes[kept].sum() / 1000), where, {"pieces": int(kept.sum())})


_CT = frozenset({Kind.CT})

CHECKS = (
    Check(
        "streaks",
        _CT,
        "%",
        streaks,
        Limits(0.8, 6.0, Worse.ABOVE, "calibrated on phantoms: docs/quality.md"),
        "Dark streaks: {value:.1f} % of the body is darker than any tissue ({worst:.1f} % at worst).",
        "Structures under them are hidden or false: ask for metal artefact reduction, or scan again at rest.",
        "There are no dark streaks ({value:.1f} % of the body).",
        "There is too little tissue in view, away from gas and skin.",
    ),
    Check(
        "metal",
        _CT,
        "ml",
        metal,
        Limits(0.05, None, Worse.ABOVE, "assumed"),
        "There is metal, or contrast agent as dense: {value:.1f} ml in {pieces} pieces.",
        "Check that the needle's path is clear of it, and that what lies round it is no artefact.",
        "There is no metal.",
    ),
)
