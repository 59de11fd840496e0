"""MR: sudden motion, shading and fat suppression, on the sample and on bodies made for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from procguide.findings import Severity
from procguide.geometry import Affine
from procguide.imaging import Modality, Volume
from procguide.quality import Acquisition, Check, Examined, Kind, Score
from procguide.quality.assess import checks_for
from procguide.quality.faults import mr


def named(name: str) -> Check:
    return next(check for check in checks_for(Kind.MR) if check.name == name)


def score(name: str, examined: Examined, volume: Volume | None = None) -> Score:
    found = named(name).measure(replace(examined, volume=volume or examined.volume, memory={}))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def case(t2_case: Examined) -> Examined:
    volume = t2_case.volume
    assert volume is not None
    middle = volume.shape[0] // 2
    return replace(
        t2_case, volume=volume.crop((middle - 1, 0, 0), (middle + 2, *volume.shape[1:])), memory={}
    )


def body(belly: float, patch: float = 0.0) -> Examined:
    """Two sagittal slices, 2 mm: air behind, 14 mm of suppressed fat, muscle, and a belly of some value.

    ``patch`` is how bright the fat under the skin is along a third of the back.
    """
    rng = np.random.default_rng(4)
    plane = np.full((110, 120), 100.0)
    plane[:, :60] = belly
    plane[:, 100:] = 0.0
    plane[:, 93:100] = 40.0
    plane[30:66, 93:100] += patch
    values = np.hypot(
        plane + rng.normal(scale=4, size=(2, 110, 120)), rng.normal(scale=4, size=(2, 110, 120))
    )
    columns = np.array([[4.0, 0, 0], [0, 0, 2.0], [0, 2.0, 0]]).T  # slices go left, rows down, columns back
    matrix = np.eye(4)
    matrix[:3, :3] = columns
    return Examined(
        Kind.MR,
        volume=Volume(values.astype(np.float32), Affine(matrix), Modality.MR),
        acquisition=Acquisition(fat_suppressed=True),
    )


class TestSuddenMotion:
    def test_a_jolt_is_found_along_either_phase_axis(self, case: Examined) -> None:
        limits = named("sudden motion").limits
        assert case.volume is not None
        assert limits.severity(score("sudden motion", case).value) is Severity.OK
        for phase in (0, 1):
            found = score("sudden motion", case, mr.jolted(case.volume, 0.6, 3, phase=phase))
            assert limits.severity(found.value) is Severity.CAUTION
            assert 2.5 < found.details["apart"] < 12

    @pytest.mark.parametrize("fault", ["noisy", "shaded", "ghosted", "wrapped"])
    def test_other_faults_are_not_taken_for_it(self, fault: str, case: Examined) -> None:
        spoil, _ = mr.FAULTS[fault]
        found = score("sudden motion", case, spoil(case.volume, 0.5, 3))
        assert named("sudden motion").limits.severity(found.value) is Severity.OK

    def test_it_is_not_asked_where_k_space_was_hardly_filled(self, case: Examined) -> None:
        assert case.volume is not None
        coarse = replace(case, volume=mr.zero_filled(case.volume, 0.8), memory={})
        assert named("sudden motion").measure(coarse) is None


class TestShading:
    def test_a_steep_field_is_found_and_the_bare_image_passes(self, case: Examined) -> None:
        limits = named("shading").limits
        assert case.volume is not None
        assert limits.severity(score("shading", case).value) is Severity.OK
        shaded = score("shading", case, mr.shaded(case.volume, 0.9, 1))
        assert limits.severity(shaded.value) is Severity.CAUTION

    def test_tissues_of_different_brightness_are_no_shading(self) -> None:
        assert score("shading", body(belly=700.0)).value < 1.5


class TestFat:
    def test_suppressed_fat_passes_both_checks(self) -> None:
        for name in ("fat suppression", "fat suppression in front"):
            assert named(name).limits.severity(score(name, body(100.0)).value) is Severity.OK

    def test_fat_that_is_bright_along_a_third_of_the_back_is_found(self) -> None:
        assert score("fat suppression", body(100.0, patch=400.0)).value > 80

    def test_a_bright_belly_is_found_though_the_back_is_dark(self) -> None:
        found = score("fat suppression in front", body(250.0))
        assert found.value == pytest.approx(2.5, rel=0.05)
        assert (
            named("fat suppression").limits.severity(score("fat suppression", body(250.0)).value)
            is Severity.OK
        )

    def test_neither_is_asked_where_fat_was_not_to_be_suppressed(self) -> None:
        plain = replace(body(250.0), acquisition=Acquisition(), memory={})
        assert named("fat suppression").measure(plain) is None
        assert named("fat suppression in front").measure(plain) is None
