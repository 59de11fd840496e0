"""Compiled loops of the location of landmarks."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["sample_mask"]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def sample_mask(
    mask: NDArray[np.uint8], matrix: NDArray[np.float64], out: NDArray[np.uint8]
) -> None:  # pragma: no cover (compiled)
    """``out[a, b, c]`` = whether ``mask``, interpolated linearly at ``matrix @ (a, b, c, 1)``, >= 1/2.

    ``matrix`` (3, 4) maps sample index to mask index. Within half a voxel of its border the mask repeats
    its outermost voxel; beyond that it is empty. Without Python's lock: threads may share the vertebrae.
    """
    size_k, size_j, size_i = mask.shape
    for a in range(out.shape[0]):
        for b in range(out.shape[1]):
            for c in range(out.shape[2]):
                k = matrix[0, 0] * a + matrix[0, 1] * b + matrix[0, 2] * c + matrix[0, 3]
                j = matrix[1, 0] * a + matrix[1, 1] * b + matrix[1, 2] * c + matrix[1, 3]
                i = matrix[2, 0] * a + matrix[2, 1] * b + matrix[2, 2] * c + matrix[2, 3]
                outside = k < -0.5 or j < -0.5 or i < -0.5
                if outside or k > size_k - 0.5 or j > size_j - 0.5 or i > size_i - 0.5:
                    out[a, b, c] = 0
                    continue
                k, j, i = (
                    min(max(k, 0.0), size_k - 1.0),
                    min(max(j, 0.0), size_j - 1.0),
                    min(max(i, 0.0), size_i - 1.0),
                )
                k0, j0, i0 = int(k), int(j), int(i)
                k1, j1, i1 = min(k0 + 1, size_k - 1), min(j0 + 1, size_j - 1), min(i0 + 1, size_i - 1)
                fk, fj, fi = k - k0, j - j0, i - i0
                low = (1 - fj) * ((1 - fi) * mask[k0, j0, i0] + fi * mask[k0, j0, i1]) + fj * (
                    (1 - fi) * mask[k0, j1, i0] + fi * mask[k0, j1, i1]
                )
                high = (1 - fj) * ((1 - fi) * mask[k1, j0, i0] + fi * mask[k1, j0, i1]) + fj * (
                    (1 - fi) * mask[k1, j1, i0] + fi * mask[k1, j1, i1]
                )
                out[a, b, c] = (1 - fk) * low + fk * high >= 0.5
