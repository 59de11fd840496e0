"""MR: fat that should be dark and is not, under the skin and in front of the spine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planes import Planes, planes_of

__all__ = ["CHECKS"]

_LAYER_MM = (3.0, 12.0)
"""Below the skin, where fat is in nearly everybody's back."""
_BRIGHT = 2.0
_PARTS, _LEAST_PIXELS = 12, 60
_BACK_MM, _FRONT_MM = (15.0, 55.0), (90.0, 200.0)
"""Depths below the skin of the back: muscle beside the spine, and the belly with the fat round its organs.
Assumed."""


def fat_suppression(examined: Examined) -> Score | None:
    """Share in % of the layer under the skin that is twice as bright as the body's median.

    The layer is judged in twelve parts round the body, as suppression fails in places; the worst counts.
    """
    if not examined.acquisition.fat_suppressed:
        return None
    planes = planes_of(examined)
    found = {n: share for n in range(len(planes.values)) if (share := _under_skin(planes, n)) is not None}
    if not found:
        return None
    worst = max(found, key=lambda n: found[n])
    return Score(float(np.median(list(found.values()))), planes.whole(worst))


def _under_skin(planes: Planes, n: int) -> float | None:
    from scipy import ndimage

    plane, body = planes.values[n], planes.body[n]
    air = np.pad(~body, 1, constant_values=False)  # the border of the image is no skin
    if not air.any():
        return None
    depth = ndimage.distance_transform_edt(~air, planes.pixel_mm)[1:-1, 1:-1]
    layer = body & (depth > _LAYER_MM[0]) & (depth < _LAYER_MM[1])
    deep = body & (depth > 2 * _LAYER_MM[1])
    if layer.sum() < 100 or deep.sum() < 400:
        return None
    bright = ndimage.gaussian_filter(plane, 1.0) > _BRIGHT * float(np.median(plane[deep]))
    j, i = np.nonzero(layer)
    middle = np.argwhere(body).mean(axis=0)
    angle = np.arctan2((j - middle[0]) * planes.pixel_mm[0], (i - middle[1]) * planes.pixel_mm[1])
    part = ((angle + np.pi) / (2 * np.pi) * _PARTS).astype(int) % _PARTS
    size = np.bincount(part, minlength=_PARTS)
    shares = np.bincount(part, bright[j, i].astype(float), _PARTS)[size >= _LEAST_PIXELS]
    kept = size[size >= _LEAST_PIXELS]
    return 100.0 * float((shares / kept).max()) if len(kept) else 100.0 * float(bright[layer].mean())


def fat_in_front(examined: Examined) -> Score | None:
    """How many times brighter the belly is than the back's muscle (70th percentiles of both)."""
    volume = examined.volume
    if not examined.acquisition.fat_suppressed or volume is None:
        return None
    planes = planes_of(examined)
    backward = np.delete(volume.affine.directions, planes.axis, axis=1)[1]
    axis = int(np.argmax(np.abs(backward)))
    if abs(backward[axis]) < 0.7:  # coronal slices
        return None
    back = bool(backward[axis] > 0)
    stacks = (_from_behind(stack, axis, back) for stack in (planes.values, planes.body))
    step = planes.pixel_mm[axis]
    ratios = [_front_to_back(plane, body, step) for plane, body in zip(*stacks, strict=True)]
    known = {n: ratio for n, ratio in enumerate(ratios) if ratio is not None}
    if not known:
        return None
    return Score(float(np.median(list(known.values()))), planes.whole(max(known, key=lambda n: known[n])))


def _from_behind(stack: NDArray[Any], axis: int, grows_backward: bool) -> NDArray[Any]:
    """Planes ``(n, depth, along)`` whose second axis starts behind the patient."""
    turned = np.moveaxis(stack, 1 + axis, 1)
    return turned[:, ::-1] if grows_backward else turned


def _front_to_back(plane: NDArray[np.float32], body: NDArray[np.bool_], step: float) -> float | None:
    depth = (np.arange(len(plane))[:, None] - body.argmax(axis=0)[None]) * step
    back = body & (depth > _BACK_MM[0]) & (depth < _BACK_MM[1])
    front = body & (depth > _FRONT_MM[0]) & (depth < _FRONT_MM[1])
    if back.sum() < 400 or front.sum() < 400:
        return None
    return float(np.percentile(plane[front], 70) / max(float(np.percentile(plane[back], 70)), 1e-6))


CHECKS = (
    Check(
        "fat suppression",
        frozenset({Kind.MR}),
        "%",
        fat_suppression,
        Limits(10.0, None, Worse.ABOVE, "calibrated on phantoms: docs/quality.md"),
        "Fat under the skin is bright over {value:.0f} % of one part of it though it was to be suppressed.",
        "Bright fat may look like oedema or fluid: ask for STIR or Dixon in its place.",
        "Fat is suppressed ({value:.0f} % of the layer under the skin is bright where it is worst).",
        "The files do not say that fat was to be suppressed, or no skin is in view.",
    ),
    Check(
        "fat suppression in front",
        frozenset({Kind.MR}),
        "ratio",
        fat_in_front,
        Limits(1.4, None, Worse.ABOVE, "calibrated on phantoms: docs/quality.md"),
        "The belly is {value:.1f} times as bright as the back's muscle: fat in front is not suppressed.",
        "Vertebral bodies may be in it and look like oedema: ask for STIR or Dixon in its place.",
        "The belly is no brighter than the back's muscle ({value:.1f}-fold).",
        "The files do not say that fat was to be suppressed, or too little of the belly is in view.",
    ),
)
