"""What moves while phase is encoded: breathing, the whole subject, pulsating fluid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.phantom.mri.kspace import frequencies
from procguide.phantom.mri.sequence import Sequence
from procguide.phantom.mri.settings import MriFaults

__all__ = ["Motion", "motion_of"]

BREATH_S = 3.9
HEART_S = 0.9


@dataclass(frozen=True, eq=False)
class Motion:
    """Per phase line and average ``(averages, lines)``: displacements in mm and the pulse's factor.

    ``breath`` is along the front-to-back axis, ``bulk`` along the phase axis.
    """

    breath: NDArray[np.float64]
    bulk: NDArray[np.float64]
    pulse: NDArray[np.float64]

    def of_belly(self, along_phase: float, along_readout: float, shape: tuple[int, int],
                 lengths: tuple[float, float]) -> NDArray[np.complex64]:  # fmt: skip
        """What breathing multiplies the belly's k-space with; shares of the motion along both axes."""
        k, q = (frequencies(n) / length for n, length in zip(shape, lengths, strict=True))
        total = np.zeros(shape, dtype=np.complex128)
        for breath in self.breath:
            total += np.exp(-2j * np.pi * breath[:, None] * (along_phase * k[:, None] + along_readout * q))
        return np.asarray(total / len(self.breath), dtype=np.complex64)

    def of_all(self, length: float) -> NDArray[np.complex64]:
        """What bulk motion multiplies each line with, ``(lines, 1)``."""
        k = frequencies(self.bulk.shape[1]) / length
        return np.asarray(np.exp(-2j * np.pi * self.bulk * k).mean(axis=0)[:, None], dtype=np.complex64)

    @property
    def of_fluid(self) -> NDArray[np.complex64]:
        """What to add of the flowing fluid's k-space, ``(lines, 1)``: pulse less its mean."""
        factor = self.pulse.mean(axis=0)
        return np.asarray((factor - 1.0)[:, None], dtype=np.complex64)


def motion_of(
    faults: MriFaults, sequence: Sequence, lines: int, rng: np.random.Generator
) -> Motion:  # fmt: skip
    """Lines are acquired in echo trains, interleaved: neighbours in k-space belong to neighbouring shots."""
    shots = int(np.ceil(lines / sequence.train))
    shot = np.arange(lines) % shots
    start = np.arange(sequence.averages)[:, None] * shots * sequence.tr
    seconds = (start + shot * sequence.tr) / 1000.0
    period = BREATH_S * rng.uniform(0.85, 1.2)
    turn = np.pi * (seconds / period + rng.uniform()) + 0.25 * np.sin(seconds * 0.7)
    # Quick in and out, a rest between: the fourth power of a sine.
    breath = faults.breathing_mm * (np.sin(turn) ** 4 - 0.375) * (1 + 0.15 * np.sin(0.31 * seconds))
    # Bowel moves by itself: a random step from its place with every train.
    breath += faults.breathing_mm * rng.normal(0, 0.16, (sequence.averages, shots))[:, shot]
    total = max(float(seconds.max()), 1e-3)
    moves = rng.uniform(0.1, 0.9, 4) * total
    bulk = sum(faults.bulk_mm * rng.normal(0, 0.6) * (seconds > at) for at in moves)
    beat = 2 * np.pi * seconds / (HEART_S * rng.uniform(0.9, 1.15)) + rng.normal(0, 0.4, seconds.shape)
    return Motion(breath, np.asarray(bulk), 1.0 + faults.pulsation * np.sin(beat))
