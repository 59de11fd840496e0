"""Where a CT shows a joint's cleft, its two bones are parted there, whatever the labels say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["parted"]

_CORE_MM = 2.0
"""So far under its label's surface a bone is surely itself."""
_SPECK_MM3 = 60.0
_BRIGHT_HU, _BESIDE_MM = 250.0, 2.5
"""What is as bright as bone so near to either label is one of them."""
_NARROW_MM, _FAINT_HU, _CORTEX_HU = 3.6, 60.0, 1000.0
"""A cleft is narrower than so much, and darker than both sides by more than noise; denser is all the same.
All these are assumed."""

Mask = NDArray[np.bool_]


def parted(
    first: Mask, second: Mask, free: Mask, density: NDArray[np.float32], spacing: NDArray[np.float64]
) -> tuple[Mask, Mask]:
    """Two bones ``(k, j, i)`` anew on a CT's ``density`` (HU); as they are where one of them has no core.

    From the core of each label both grow over what is bone, labelled or bright among what is ``free``, narrow
    dark clefts last: they meet in the one between them (watershed). Networks let a bone reach across it.
    """
    import cc3d
    from scipy.ndimage import distance_transform_edt, grey_closing
    from skimage.segmentation import watershed

    bright = np.minimum(density, _CORTEX_HU)
    narrow = np.maximum(np.round(_NARROW_MM / spacing), 2).astype(int)
    cleft = grey_closing(bright, size=tuple(narrow.tolist())) - bright
    cleft[cleft < _FAINT_HU] = 0.0
    least = int(_SPECK_MM3 / float(np.prod(spacing)))
    cores = np.zeros(first.shape, np.int32)
    for number, bone in enumerate((first, second), start=1):
        deep = (distance_transform_edt(bone, sampling=spacing) > _CORE_MM) & (cleft == 0)
        cores[cc3d.dust(np.ascontiguousarray(deep), threshold=least) > 0] = number
        if not (cores == number).any():
            return first, second
    beside = distance_transform_edt(~(first | second), sampling=spacing) <= _BESIDE_MM
    solid = first | second | (free & beside & (density >= _BRIGHT_HU))
    grown = watershed(cleft, cores, mask=solid)
    return np.asarray(grown == 1), np.asarray(grown == 2)
