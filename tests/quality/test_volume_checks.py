"""CT and MR checks: clean sample images pass, and each fault is found by the check that is for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from procguide.findings import Severity
from procguide.imaging import Volume
from procguide.quality import Acquisition, Check, Examined, Kind
from procguide.quality.assess import assess_quality, checks_for
from procguide.quality.faults import ct, mr


def check_named(name: str, kind: Kind) -> Check:
    return next(check for check in checks_for(kind) if check.name == name)


def volume_of(examined: Examined) -> Volume:
    assert examined.volume is not None
    return examined.volume


def severity(examined: Examined, volume: Volume, name: str) -> Severity | None:
    case = replace(examined, volume=volume, memory={})
    (answer,) = assess_quality(case, [check_named(name, examined.kind)]).answers
    return answer.finding.severity if answer.finding is not None else None


def slab(examined: Examined, slices: int) -> Volume:
    volume = volume_of(examined)
    start = volume.shape[0] // 2 - slices // 2
    return volume.crop((start, 0, 0), (start + slices, *volume.shape[1:]))


@pytest.fixture(scope="module")
def clean_ct(ct_case: Examined) -> Volume:
    return slab(ct_case, 14)


@pytest.fixture(scope="module")
def clean_t2(t2_case: Examined) -> Volume:
    return slab(t2_case, 5)


CT_STRENGTHS = {
    "noisy": 0.8,
    "blurred": 0.8,
    "thickened": 0.7,
    "coarsened": 0.6,
    "shortened": 0.9,
    "tilted": 0.4,
    "truncated": 0.6,
    "jerked": 0.8,
    "moving": 0.9,
    "metallic": 0.9,
}
MR_STRENGTHS = {
    "noisy": 0.6,
    "ghosted": 0.6,
    "wrapped": 0.5,
    "zero_filled": 0.8,
    "shortened": 0.9,
    "coarsened": 0.6,
    "gapped": 0.4,
    "turned": 0.5,
}


@pytest.mark.parametrize("fault", CT_STRENGTHS)
def test_a_ct_fault_is_found(fault: str, ct_case: Examined, clean_ct: Volume) -> None:
    spoil, name = ct.FAULTS[fault]
    whole = volume_of(ct_case) if fault == "shortened" else clean_ct
    assert severity(ct_case, whole, name) is Severity.OK
    assert severity(ct_case, spoil(whole, CT_STRENGTHS[fault], 1), name) is not Severity.OK


@pytest.mark.parametrize("fault", MR_STRENGTHS)
def test_an_mr_fault_is_found(fault: str, t2_case: Examined, clean_t2: Volume) -> None:
    spoil, name = mr.FAULTS[fault]
    assert severity(t2_case, clean_t2, name) is Severity.OK
    assert severity(t2_case, spoil(clean_t2, MR_STRENGTHS[fault], 1), name) is not Severity.OK


@pytest.mark.parametrize("fault", ct.FAULTS)
def test_ct_faults_are_seeded_and_leave_the_original(fault: str, clean_ct: Volume) -> None:
    spoil, _ = ct.FAULTS[fault]
    small = clean_ct.crop((0, 0, 0), (6, *clean_ct.shape[1:]))
    before = small.voxels.copy()
    once, again = spoil(small, 0.5, 3), spoil(small, 0.5, 3)
    assert np.array_equal(once.voxels, again.voxels)
    assert np.array_equal(small.voxels, before)
    assert once.affine.isclose(again.affine)


@pytest.mark.parametrize("fault", mr.FAULTS)
def test_mr_faults_of_no_strength_change_next_to_nothing(fault: str, clean_t2: Volume) -> None:
    spoil, _ = mr.FAULTS[fault]
    same = spoil(clean_t2, 0.0, 3)
    assert same.shape == clean_t2.shape
    assert np.abs(same.voxels.astype(int) - clean_t2.voxels).max() <= 1


def test_clean_sample_images_raise_no_alarm(ct_case: Examined, t2_case: Examined) -> None:
    for case in (ct_case, t2_case):
        checks = [check for check in checks_for(case.kind) if check.name not in ("Gibbs ringing",)]
        faults = assess_quality(replace(case, memory={}), checks).faults
        assert not faults, [finding.words for finding in faults]


def test_metal_is_measured_and_placed(ct_case: Examined, clean_ct: Volume) -> None:
    spoilt = ct.metallic(clean_ct, 1.0, 1)
    score = check_named("metal", Kind.CT).measure(replace(ct_case, volume=spoilt, memory={}))
    assert score is not None
    expected = 2 * np.pi * 0.7**2 * 14 * float(clean_ct.spacing[0]) / 10
    assert score.value == pytest.approx(expected, rel=0.1)
    assert score.details["pieces"] == 2


def test_headers_reach_the_checks(ct_case: Examined, t2_case: Examined) -> None:
    assert ct_case.acquisition.kernel == "STANDARD"
    assert t2_case.acquisition.phase_axis == "COL"
    assert t2_case.acquisition.matrix is not None
    assert t2_case.acquisition.thickness_mm == 4.0
    assert not t2_case.acquisition.fat_suppressed


def test_fat_is_judged_only_where_it_was_to_be_suppressed(t2_case: Examined, clean_t2: Volume) -> None:
    case = replace(t2_case, volume=clean_t2, memory={})
    check = check_named("fat suppression", Kind.MR)
    assert check.measure(case) is None
    told = replace(case, acquisition=Acquisition(fat_suppressed=True), memory={})
    found = check.measure(told)  # T2 without suppression, said to have it
    assert found is not None
    assert check.limits.severity(found.value) is Severity.CAUTION


def test_a_small_crop_is_not_judged_for_noise(t2_case: Examined, clean_t2: Volume) -> None:
    crop = clean_t2.crop((0, 150, 150), (5, 220, 220))
    assert severity(t2_case, crop, "signal to noise") is None
    assert severity(t2_case, crop, "motion") is None
