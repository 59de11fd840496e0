"""What is read from the geometry alone: gap, orientation, pixels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from procguide.findings import Severity
from procguide.geometry import Affine
from procguide.imaging import Modality, Volume
from procguide.quality import Acquisition, Examined, Kind
from procguide.quality.assess import assess_quality, checks_for

STEP_MM = 4.0


def case(
    pixel_mm: float = 0.8, thickness_mm: float | None = None, turned: Rotation | None = None
) -> Examined:
    """Sagittal MR slices, 4 mm apart, turned as a whole."""
    directions = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]) @ np.diag([STEP_MM, pixel_mm, pixel_mm])
    matrix = np.eye(4)
    matrix[:3, :3] = (turned or Rotation.identity()).as_matrix() @ directions
    volume = Volume(np.zeros((9, 60, 60), np.int16), Affine(matrix), Modality.MR)
    return Examined(Kind.MR, volume=volume, acquisition=Acquisition(thickness_mm=thickness_mm))


def verdict(name: str, given: Examined) -> tuple[float, Severity]:
    (check,) = (check for check in checks_for(Kind.MR) if check.name == name)
    (answer,) = assess_quality(given, [check]).answers
    assert answer.finding is not None
    assert answer.finding.score is not None
    return answer.finding.score, answer.finding.severity


@pytest.mark.parametrize(
    ("percent", "expected"),
    [
        (0, Severity.OK),
        (10, Severity.OK),
        (31, Severity.CAUTION),
        (59, Severity.CAUTION),
        (61, Severity.STOP),
    ],
)
def test_the_gap_is_what_no_slice_covers(percent: float, expected: Severity) -> None:
    score, severity = verdict("gap", case(thickness_mm=STEP_MM * (1 - percent / 100)))
    assert score == pytest.approx(percent)
    assert severity is expected


def test_overlapping_slices_leave_no_gap() -> None:
    assert verdict("gap", case(thickness_mm=6.0)) == (0.0, Severity.OK)


def test_a_gap_is_not_judged_where_the_thickness_is_not_said() -> None:
    (check,) = (check for check in checks_for(Kind.MR) if check.name == "gap")
    assert assess_quality(case(), [check]).answers[0].why_not == check.passes


@pytest.mark.parametrize("axis", "yz")
@pytest.mark.parametrize(
    ("degrees", "score", "expected"),
    [(0, 0, Severity.OK), (25, 25, Severity.OK), (39, 39, Severity.OK), (45, 45, Severity.CAUTION)],
)
def test_slices_between_the_planes_are_oblique(
    axis: str, degrees: float, score: float, expected: Severity
) -> None:
    found = verdict("orientation", case(turned=Rotation.from_euler(axis, degrees, degrees=True)))
    assert found == (pytest.approx(score, abs=1e-6), expected)


def test_axial_is_no_fault_and_coronal_is() -> None:
    def turned(axis: str) -> tuple[float, Severity]:
        return verdict("orientation", case(turned=Rotation.from_euler(axis, 90, degrees=True)))

    assert turned("y") == (pytest.approx(0, abs=1e-6), Severity.OK)
    assert turned("z") == (pytest.approx(90, abs=1e-6), Severity.CAUTION)


@pytest.mark.parametrize(
    ("pixel_mm", "expected"), [(1.9, Severity.OK), (2.1, Severity.CAUTION), (3.6, Severity.STOP)]
)
def test_coarse_pixels(pixel_mm: float, expected: Severity) -> None:
    assert verdict("pixel size", case(pixel_mm)) == (pytest.approx(pixel_mm), expected)
