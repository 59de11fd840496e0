"""The safe triangle under the pedicle ends where the lateral view shows the foramen's back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from procguide.anatomy import Side
from procguide.planning import Request, load_catalogue
from procguide.planning.site import LocalLabels, find_site
from procguide.planning.structures.foramen import foramen_span
from procguide.planning.zones.subpedicular import sample

if TYPE_CHECKING:
    from tests.planning.conftest import Patient


@pytest.mark.parametrize("level", ["L2-L3", "L3-L4", "L4-L5", "L5-S1"])
def test_no_tip_lies_behind_the_foramen_at_six_oclock(patient: Patient, level: str) -> None:
    """Lateral of the lamina and the articular process no bone bounds the foramen: the lateral view does."""
    procedure = load_catalogue()["transforaminal_esi_subpedicular"].at(level)
    site = find_site(Request(procedure, level, Side.LEFT), patient.spine)
    present = frozenset(int(label) for label in patient.regions.present())
    labels, frame = LocalLabels(patient.levels, patient.regions, present), site.upper.frame
    pedicle = site.upper.pedicles[Side.LEFT]
    under = frame.to_local(pedicle.centre)[2] - pedicle.height_mm / 2
    middle = frame.to_local(site.upper.foramina[Side.LEFT])[1]
    points = frame.to_local(sample(site, labels).points)
    assert len(points)
    for below in np.unique(np.round(under - points[:, 2], 3)):
        _, rear = foramen_span(site.upper, Side.LEFT, float(below), labels.bone, labels.levels)
        here = points[np.abs(under - points[:, 2] - below) < 1e-2, 1]
        assert here.max() <= max(rear, middle) + 0.1
