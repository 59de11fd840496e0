"""What ``plan`` asks of the image once it has labels and knows the level."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from procguide.anatomy import VERSE_LABELS, Region
from procguide.cli.pipeline import judged_for
from procguide.geometry import Affine
from procguide.imaging import LabelMap, Modality, Volume


@pytest.fixture
def planned() -> tuple[Any, Any]:
    """A CT of 3 mm slices in which L5 touches the lower end and L4 lies 60 mm above it."""
    grid = Affine.axis_aligned([3, 1, 1], [0, 0, 0])
    levels = np.zeros((60, 20, 20), np.uint8)
    levels[:12, 5:15, 5:15] = VERSE_LABELS["L5"]
    levels[20:30, 5:15, 5:15] = VERSE_LABELS["L4"]
    regions = np.where(levels > 0, Region.BODY, Region.BACKGROUND).astype(np.uint8)
    volume = Volume(np.zeros(levels.shape, np.int16), grid, Modality.CT)
    found = SimpleNamespace(levels=LabelMap(levels, grid), regions=LabelMap(regions, grid))
    case = SimpleNamespace(volume=volume, series=SimpleNamespace(volume=volume))
    return case, SimpleNamespace(segmentation=found)


@pytest.mark.parametrize(
    ("procedure", "levels", "names"),
    [
        ("transforaminal_esi_kambin", ("L4",), []),
        ("transforaminal_esi_kambin", ("L4-L5",), ["coverage of the level"]),
        ("facet_joint_injection", ("l4",), ["resolution for the task"]),
        ("celiac_plexus_block", (), []),
    ],
)
def test_only_what_the_task_needs_is_a_finding(
    planned: tuple[Any, Any], procedure: str, levels: tuple[str, ...], names: list[str]
) -> None:
    case, anatomy = planned
    assert [finding.name for finding in judged_for(case, anatomy, procedure, levels)] == names
