"""MR: fat that should be dark and is not."""

from __future__ import annotations

import numpy as np

from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planes import planes_of

__all__ = ["CHECKS"]

_LAYER_MM = (3.0, 12.0)
"""Below the skin, where fat is in nearly everybody's back."""
_BRIGHT = 2.0


def fat_suppression(examined: Examined) -> Score | None:
    """Share in % of the layer under the skin that is twice as bright as the body's median."""
    from scipy import ndimage

    if not examined.acquisition.fat_suppressed:
        return None
    planes = planes_of(examined)
    shares = []
    for plane, body in zip(planes.values, planes.body, strict=True):
        air = np.pad(~body, 1, constant_values=False)  # the border of the image is no skin
        depth = ndimage.distance_transform_edt(~air, planes.pixel_mm)[1:-1, 1:-1] if air.any() else None
        if depth is None:
            continue
        layer = body & (depth > _LAYER_MM[0]) & (depth < _LAYER_MM[1])
        deep = body & (depth > 2 * _LAYER_MM[1])
        if layer.sum() < 100 or deep.sum() < 400:
            continue
        bright = ndimage.gaussian_filter(plane, 1.0) > _BRIGHT * float(np.median(plane[deep]))
        shares.append(100.0 * float(bright[layer].mean()))
    if not shares:
        return None
    return Score(float(np.median(shares)), planes.whole(int(np.argmax(shares))))


CHECKS = (
    Check(
        "fat suppression",
        frozenset({Kind.MR}),
        "%",
        fat_suppression,
        Limits(8.0, None, Worse.ABOVE, "assumed: clean phantoms have none"),
        "Fat under the skin is bright over {value:.0f} % of it though it was to be suppressed.",
        "Bright fat may look like oedema or fluid: ask for STIR or Dixon in its place.",
        "Fat is suppressed ({value:.0f} % of the layer under the skin is bright).",
        "The files do not say that fat was to be suppressed, or no skin is in view.",
    ),
)
