"""A volume turned so that its axes run as a model was trained for; voxels are not resampled."""

from __future__ import annotations

import numpy as np

from procguide.errors import UsageError
from procguide.geometry import Affine
from procguide.imaging import Volume

__all__ = ["turned"]

_OPPOSITE = {"L": "R", "R": "L", "P": "A", "A": "P", "S": "I", "I": "S"}


def turned(volume: Volume, axes: str) -> Volume:
    """``volume`` with its array axes (k, j, i) nearest to ``axes``, where each *points*.

    ``"SAR"`` is what a reader of a NIfTI file in RAS+ order gives as (k, j, i). Axes are swapped and
    flipped only, so an oblique volume stays oblique. Misuse to avoid: nibabel writes the same as "RAS",
    i first.
    """
    wanted = axes.upper()
    if sorted(_axis(letter) for letter in wanted) != ["x", "y", "z"]:
        raise UsageError(f"{axes!r} is not an orientation; three letters, one each of L/R, P/A, S/I")
    own = volume.affine.orientation
    order = [next(n for n in range(3) if own[n] in (letter, _OPPOSITE[letter])) for letter in wanted]
    voxels = volume.voxels.transpose(order)
    matrix = np.eye(4)
    matrix[:3] = volume.affine.matrix[:3][:, [*order, 3]]
    for axis, letter in enumerate(wanted):
        if own[order[axis]] != letter:
            voxels = np.flip(voxels, axis)
            matrix[:3, 3] += matrix[:3, axis] * (voxels.shape[axis] - 1)
            matrix[:3, axis] *= -1
    return Volume(np.ascontiguousarray(voxels), Affine(matrix), volume.modality, volume.source)


def _axis(letter: str) -> str:
    return {"L": "x", "R": "x", "P": "y", "A": "y", "S": "z", "I": "z"}.get(letter, "?")
