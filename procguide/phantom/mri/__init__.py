"""MR images of a phantom: tissue parameters, signal equation, k-space."""

from procguide.phantom.mri.composition import Composition, compose
from procguide.phantom.mri.geometry import (
    Geometry,
    PhaseAxis,
    axial_block,
    axial_disc,
    coronal,
    sagittal,
)
from procguide.phantom.mri.sequence import (
    DIXON_FAT,
    DIXON_WATER,
    STIR,
    T1_TSE,
    T2_TSE,
    T2_TSE_AXIAL,
    Echo,
    Sequence,
)
from procguide.phantom.mri.settings import FAULTLESS, MriFaults, MriSettings
from procguide.phantom.mri.simulate import simulate_mri

__all__ = [
    "DIXON_FAT",
    "DIXON_WATER",
    "FAULTLESS",
    "STIR",
    "T1_TSE",
    "T2_TSE",
    "T2_TSE_AXIAL",
    "Composition",
    "Echo",
    "Geometry",
    "MriFaults",
    "MriSettings",
    "PhaseAxis",
    "Sequence",
    "axial_block",
    "axial_disc",
    "compose",
    "coronal",
    "sagittal",
    "simulate_mri",
]
