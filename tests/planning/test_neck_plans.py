"""Needles for the neck's three procedures, planned on a phantom's true labels and held against its truth."""

from __future__ import annotations

import numpy as np
import pytest

from procguide.anatomy import BROAD, Anchor, Region, Side
from procguide.anatomy.locate import locate_spine
from procguide.phantom.neck import NeckPhantom, build_neck, sample_neck
from procguide.planning import Request, Subject, load_catalogue, plan
from procguide.segmentation.classes import class_of

VISCERA = (
    Region.CAROTID_ARTERY,
    Region.JUGULAR_VEIN,
    Region.TRACHEA,
    Region.OESOPHAGUS,
    Region.THYROID,
)
GRAVE = (*VISCERA, Region.VERTEBRAL_ARTERY, Region.SPINAL_CORD, Region.CEREBROSPINAL_FLUID, Region.LUNG)


@pytest.fixture(scope="module")
def neck() -> NeckPhantom:
    return build_neck(sample_neck(2003), 1.2, box=((-110, -110, -80), (110, 110, 90)))


@pytest.fixture(scope="module")
def subject(neck: NeckPhantom) -> Subject:
    """What networks tell apart, ours and public ones; the vertebral artery is not among it."""
    table = np.arange(256, dtype=np.uint8)
    for region in Region:
        table[region] = class_of(region).region or BROAD.get(region, region)
    table[list(VISCERA)] = VISCERA
    regions = neck.tissues.with_voxels(table[neck.tissues.voxels])
    certain = dict.fromkeys(neck.spine.levels, 1.0)
    return Subject(
        locate_spine(neck.levels, regions, anchor=Anchor.C2, confidence=certain), neck.levels, regions
    )


def test_small_bodies_are_located(neck: NeckPhantom, subject: Subject) -> None:
    assert {"C3", "C4", "C5", "C6", "C7", "T1", "T2"} <= set(subject.spine.levels)
    for level in ("C4", "C6", "T1"):
        off = np.subtract(subject.spine.vertebra(level).frame.origin, neck.spine.vertebra(level).frame.origin)
        assert np.linalg.norm(off) < 2.5, level


@pytest.mark.parametrize(
    ("procedure", "level", "side"),
    [
        ("cervical_interlaminar_esi", "C7-T1", None),
        ("cervical_medial_branch_block", "C5", Side.LEFT),
        ("stellate_ganglion_block", "C6", Side.RIGHT),
    ],
)
def test_the_tip_lies_in_the_true_zone_and_nothing_grave_is_met(
    neck: NeckPhantom, subject: Subject, procedure: str, level: str, side: Side | None
) -> None:
    found = plan(Request(load_catalogue()[procedure], level, side), subject)
    needle = found.plans[0].trajectory
    entry, tip = np.array(needle.entry), np.array(needle.target)
    zone = next(
        one
        for one in neck.zones
        if one.procedure == procedure and one.level == level.split("-", maxsplit=1)[0] and one.side is side
    )
    assert np.linalg.norm(zone.points - tip, axis=1).min() < 2.0
    along = tip + np.linspace(0, 1, 400)[:, None] * (entry - tip)
    index = np.round(neck.tissues.to_index(along)).astype(int)
    inside = ((index >= 0) & (index < neck.tissues.shape)).all(axis=1)
    met = set(neck.tissues.voxels[tuple(index[inside].T)].tolist())
    assert not met & {int(region) for region in GRAVE}


def test_a_carotid_all_round_leaves_no_way(subject: Subject) -> None:
    voxels = subject.regions.voxels.copy()
    voxels[np.isin(voxels, (Region.FAT, Region.MUSCLE))] = Region.CAROTID_ARTERY
    closed = Subject(subject.spine, subject.levels, subject.regions.with_voxels(voxels))
    found = plan(Request(load_catalogue()["stellate_ganglion_block"], "C6", Side.LEFT), closed)
    assert not found.plans
    assert "carotid artery" in found.reason
