"""Targets on bone are kept to where the image shows bone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from procguide.anatomy import Side
from procguide.errors import InputUnfitError
from procguide.geometry import Affine
from procguide.imaging import Modality, Volume
from procguide.planning import load_catalogue
from procguide.planning.site import Request, Site, find_site
from procguide.planning.zones.nouns import TargetZone
from procguide.planning.zones.seen_bone import where_bone_shows

if TYPE_CHECKING:
    from tests.planning.conftest import Patient


def plate(modality: Modality, hu: int = 400) -> Volume:
    """Soft tissue of 40 HU; a plate of bone where the first index is below 10. Voxels of 1 mm."""
    voxels = np.full((40, 40, 40), 40, dtype=np.int16)
    voxels[:10] = hu
    return Volume(voxels, Affine(np.eye(4)), modality)


def zone_at(*heights: float) -> TargetZone:
    """Points so many mm along the plate's normal, over its middle."""
    points = np.array([(height, 20.0, 20.0) for height in heights])
    return TargetZone(points, np.linspace(0, 0.9, len(heights)))


@pytest.fixture
def site(patient: Patient) -> Site:
    request = Request(load_catalogue()["lumbar_medial_branch_block"], "L3", Side.LEFT).resolved()
    return find_site(request, patient.spine)


def test_points_off_the_bone_are_left_out(site: Site) -> None:
    kept = where_bone_shows(zone_at(10.0, 12.0, 13.0, 16.0), site, plate(Modality.CT))
    assert kept.points[:, 0].tolist() == [10.0, 12.0, 13.0]
    assert kept.misfit == pytest.approx([0.0, 0.3, 0.6])


def test_soft_tissue_labelled_as_bone_is_refused(site: Site) -> None:
    with pytest.raises(InputUnfitError, match=r"shows no bone .* at L3 left"):
        where_bone_shows(zone_at(10.0, 16.0, 18.0), site, plate(Modality.CT))
    with pytest.raises(InputUnfitError, match="shows no bone"):
        where_bone_shows(zone_at(10.0), site, plate(Modality.CT, hu=120))
    with pytest.raises(InputUnfitError, match="shows no bone"):
        where_bone_shows(zone_at(-30.0), site, plate(Modality.CT))


def test_what_cannot_show_bone_is_not_asked(site: Site) -> None:
    zone = zone_at(30.0)
    assert where_bone_shows(zone, site, plate(Modality.MR)) is zone
    empty = TargetZone(np.empty((0, 3)), np.empty(0))
    assert where_bone_shows(empty, site, plate(Modality.CT)) is empty
