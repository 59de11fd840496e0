"""Kernels by their makers' names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from procguide.geometry import Affine
from procguide.imaging import Modality, Volume
from procguide.quality import Acquisition, Examined, Kind
from procguide.quality.assess import assess_quality, checks_for

(CHECK,) = (check for check in checks_for(Kind.CT) if check.name == "kernel")
CASE = Examined(
    Kind.CT,
    volume=Volume(np.zeros((2, 2, 2), np.int16), Affine.axis_aligned([1, 1, 1], [0, 0, 0]), Modality.CT),
)


@pytest.mark.parametrize(
    "name", ["BONE", "BONEPLUS", "LUNG", "B70f", "Br59d\\3", "I70f 3", "FC30", "FC81", "YC"]
)
def test_kernels_for_bone_and_lung_are_a_caution(name: str) -> None:
    quality = assess_quality(replace(CASE, acquisition=Acquisition(kernel=name)), [CHECK])
    assert quality.faults[0].words == f"The kernel, {name}, is one for bone or lung."


@pytest.mark.parametrize(
    "name", ["STANDARD", "SOFT", "B30f", "Br40d\\3", "I26f", "FC08", "FC17", "B", "DETAIL"]
)
def test_others_pass(name: str) -> None:
    assert not assess_quality(replace(CASE, acquisition=Acquisition(kernel=name)), [CHECK]).faults


def test_a_kernel_without_a_name_is_not_judged() -> None:
    assert assess_quality(CASE, [CHECK]).answers[0].why_not == "The files do not name the kernel."
