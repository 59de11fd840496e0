"""A pulse sequence as numbers, and the signal that it makes of a tissue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from procguide.errors import UsageError
from procguide.phantom.mri.tissue import FAT_LIPID, Tissue

__all__ = [
    "DIXON_FAT",
    "DIXON_WATER",
    "STIR",
    "T1_TSE",
    "T2_TSE",
    "T2_TSE_AXIAL",
    "Echo",
    "Sequence",
    "fat_null_ti",
    "fat_signal",
    "water_signal",
]

LARMOR_MHZ_PER_TESLA = 42.577
FAT_SHIFT_PPM = 3.4
"""Methylene's resonance below water's, ppm: about 217 Hz at 1.5 T."""


class Echo(StrEnum):
    """Which of the two kinds of protons an image shows, and how they add."""

    BOTH = "in phase"
    OPPOSED = "opposed phase"
    WATER = "water"
    FAT = "fat"


@dataclass(frozen=True)
class Sequence:
    """A (turbo) spin echo, with an inversion pulse before it where ``ti`` is given.

    ``tr``, ``te`` (effective), ``ti`` and ``echo_spacing`` in ms; ``train`` is the number of echoes;
    ``field_strength`` 1.5 or 3 T; ``bandwidth`` in Hz per acquired pixel along the readout. ``echo`` other
    than BOTH is one of a Dixon measurement's images: water and fat separated, so neither is displaced.
    """

    name: str
    tr: float
    te: float
    ti: float | None = None
    train: int = 1
    echo_spacing: float = 10.0
    field_strength: float = 1.5
    bandwidth: float = 200.0
    averages: int = 1
    echo: Echo = Echo.BOTH

    def __post_init__(self) -> None:
        if self.field_strength not in (1.5, 3.0):
            raise UsageError(f"tissues are known at 1.5 and 3 T, got {self.field_strength} T")
        if min(self.tr, self.te, self.bandwidth) <= 0 or self.train < 1:
            raise UsageError(f"TR, TE, bandwidth and train must be positive: {self}")
        if self.recovery <= (self.ti or 0.0):
            raise UsageError(f"TR {self.tr} ms leaves no time for {self.train} echoes and TI {self.ti} ms")

    @property
    def recovery(self) -> float:
        """Time from the last refocusing to the next excitation (or inversion), ms."""
        return self.tr - self.train * self.echo_spacing

    @property
    def fat_shift_hz(self) -> float:
        """How far fat resonates below water, Hz."""
        return FAT_SHIFT_PPM * LARMOR_MHZ_PER_TESLA * self.field_strength

    @property
    def fat_shift_pixels(self) -> float:
        """Displacement of fat along the readout in acquired pixels; none once Dixon has told it apart."""
        dixon = self.echo in (Echo.WATER, Echo.FAT)
        return 0.0 if dixon else self.fat_shift_hz / self.bandwidth

    def at(self, field_strength: float) -> Sequence:
        """The same protocol at another field: twice the bandwidth at 3 T, TI that nulls fat there."""
        if field_strength == self.field_strength:
            return self
        changed = replace(
            self,
            field_strength=field_strength,
            bandwidth=self.bandwidth * field_strength / self.field_strength,
        )
        return changed if self.ti is None else replace(changed, ti=fat_null_ti(changed))


def _by_field(sequence: Sequence, values: tuple[float, float]) -> float:
    return values[0] if sequence.field_strength == 1.5 else values[1]


def _relaxed(sequence: Sequence, t1: float, t2: float) -> float:
    """Spin echo, or inversion recovery: signed, so that two signs cancel within a voxel as they do."""
    saturated = np.exp(-sequence.recovery / t1)
    longitudinal = 1.0 - saturated
    if sequence.ti is not None:
        longitudinal = 1.0 - (2.0 - saturated) * np.exp(-sequence.ti / t1)
    return float(longitudinal * np.exp(-sequence.te / t2))


def water_signal(sequence: Sequence, tissue: Tissue) -> float:
    """Signal of one unit of the tissue's water."""
    relaxed = _relaxed(sequence, _by_field(sequence, tissue.t1), _by_field(sequence, tissue.t2))
    return relaxed * tissue.stays


def fat_signal(sequence: Sequence) -> float:
    """Signal of one unit of lipid."""
    return _relaxed(sequence, _by_field(sequence, FAT_LIPID.t1), _by_field(sequence, FAT_LIPID.t2))


def fat_null_ti(sequence: Sequence) -> float:
    """The inversion time at which lipid has no signal, ms."""
    t1 = _by_field(sequence, FAT_LIPID.t1)
    return float(t1 * np.log(2.0 - np.exp(-sequence.recovery / t1)))


# Usual clinical figures for 1.5 T, as scanners' stock protocols have them (assumed within their range).
T1_TSE = Sequence("T1 TSE", tr=550, te=10, train=3, echo_spacing=10, bandwidth=180, averages=2)
T2_TSE = Sequence("T2 TSE", tr=3800, te=100, train=17, echo_spacing=11, bandwidth=190, averages=2)
T2_TSE_AXIAL = replace(T2_TSE, name="T2 TSE", tr=4200, te=105, bandwidth=180)
STIR = Sequence("STIR", tr=4500, te=55, ti=199, train=13, echo_spacing=9, bandwidth=200, averages=2)
DIXON_WATER = Sequence(
    "T2 TSE Dixon water", tr=3500, te=85, train=14, echo_spacing=11, bandwidth=350, averages=2,
    echo=Echo.WATER,
)  # fmt: skip
DIXON_FAT = replace(DIXON_WATER, name="T2 TSE Dixon fat", echo=Echo.FAT)
