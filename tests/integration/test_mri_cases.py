"""Needles on real lumbar MRI, sagittal slabs of 57 to 77 mm: evaluation only, nothing was tuned on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from procguide.anatomy import Side, Spine
from procguide.anatomy.locate import locate_spine
from procguide.dicom import read_study, read_volume
from procguide.errors import InputUnfitError
from procguide.imaging import Volume
from procguide.planning import PlanSet, Request, Subject, load_catalogue, plan
from procguide.planning.skin import skin_points
from procguide.planning.skin_mri import body_from_mri
from procguide.segmentation.segment import Segmentation, segment

pytestmark = [pytest.mark.real, pytest.mark.slow]


def image(folder: Path, name: str) -> Volume:
    return read_volume(read_study(folder / "mri_lumbar" / f"{name}_image.nii.gz").choose())


@pytest.mark.parametrize(
    ("name", "x", "z", "skin_y"),
    [
        ("VB1_02", 28.7, -206.9, 274.0),
        ("VB1_15", 26.5, -190.6, 216.0),
        ("VB2_04", 38.3, -157.7, 261.0),
        ("VB3_01", 38.5, -148.6, 210.0),  # fat is suppressed
        ("VB3_20", 37.6, -143.4, 169.5),  # fat is suppressed
        ("IVD_11", 33.1, -56.2, 154.5),
    ],
)
def test_the_skin_is_where_the_image_shows_it(
    real_data: Path, name: str, x: float, z: float, skin_y: float
) -> None:
    """``skin_y``: where the last bright voxel gives way to air on the line through (x, z), read by eye."""
    box = np.array([x - 60.0, skin_y - 110.0, z - 90.0]), np.array([x + 60.0, skin_y + 90.0, z + 90.0])
    body = body_from_mri(image(real_data, name), box)
    depth = skin_points(body, np.array([[x, skin_y - 60.0, z]]), np.array([[0.0, 1.0, 0.0]]), 250.0)
    assert depth == pytest.approx([60.0], abs=2.5)


def test_air_that_is_as_bright_as_muscle_and_uneven_is_refused(real_data: Path) -> None:
    """IVD_20: no skin is better than one in the wrong place."""
    with pytest.raises(InputUnfitError, match="no air was found behind the back"):
        body_from_mri(
            image(real_data, "IVD_20"), (np.array([0.0, 60.0, -130.0]), np.array([70.0, 230.0, -50.0]))
        )


@pytest.fixture(scope="module")
def case(real_data: Path) -> tuple[Volume, Segmentation, Spine]:
    volume = image(real_data, "VB2_04")
    found = segment(volume)
    spine = locate_spine(found.levels, found.regions, anchor=found.anchor, confidence=found.confidence)
    return volume, found, spine


def planned(
    case: tuple[Volume, Segmentation, Spine], procedure: str, level: str, side: Side | None
) -> PlanSet:
    volume, found, spine = case
    subject = Subject(spine, found.levels, found.regions, volume, coarse_organs=True)
    return plan(Request(load_catalogue()[procedure], level, side), subject)


def test_an_interlaminar_needle_ends_behind_the_sac(case: tuple[Volume, Segmentation, Spine]) -> None:
    found = planned(case, "lumbar_interlaminar_esi", "L3-L4", None)
    assert found.plans, found.reason
    needle = found.plans[0].trajectory
    # On the image, straight back through the tip: sac to y 198, epidural fat 200 to 204, flavum to 209.
    x, y, z = needle.target
    assert (x, z) == pytest.approx((44.5, -219), abs=3)
    assert 200 < y < 209
    assert float(np.linalg.norm(np.subtract(needle.entry, needle.target))) == pytest.approx(56, abs=4)
    assert any("planned on MRI" in words for words in found.warnings)


def test_an_oblique_needle_leaves_the_slab_and_is_refused(case: tuple[Volume, Segmentation, Spine]) -> None:
    found = planned(case, "transforaminal_esi_subpedicular", "L3-L4", Side.LEFT)
    assert not found.plans
    assert "the image's edge before any skin" in found.reason
