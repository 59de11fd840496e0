"""A small lumbar spine of simple solids, its CT, and a plan set made by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from procguide.anatomy import (
    VERSE_LABELS,
    Anchor,
    Endplate,
    Pedicle,
    Region,
    Sacrum,
    Side,
    Spine,
    Vertebra,
)
from procguide.findings import Finding, Severity
from procguide.geometry import Affine, AnatomicalFrame, Vector, beam_direction, vector
from procguide.imaging import LabelMap, Modality, Volume
from procguide.planning.catalogue import Mark
from procguide.planning.nouns import (
    Needle,
    Plan,
    PlanSet,
    Robustness,
    StructureLimit,
    StructureOrigin,
    Trajectory,
    Tube,
    View,
)
from procguide.provenance import Provenance

SPACING = 2.0
HEIGHTS = {"L3": 72.0, "L4": 36.0, "L5": 0.0}


@dataclass(frozen=True)
class Case:
    volume: Volume
    levels: LabelMap
    regions: LabelMap
    spine: Spine


def _vertebra(level: str, z: float) -> Vertebra:
    def at(x: float, y: float, dz: float) -> Vector:
        return (x, y, z + dz)

    return Vertebra(
        level=level,
        confidence=0.95,
        frame=AnatomicalFrame(at(0, 0, 0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
        superior_endplate=Endplate(at(0, 0, 13), (0.0, 0.0, 1.0), 44.0, 32.0),
        inferior_endplate=Endplate(at(0, 0, -13), (0.0, 0.0, 1.0), 44.0, 32.0),
        pedicles={side: Pedicle(at(side.sign * 15, 20, 5), (0.0, -1.0, 0.0), 10, 14) for side in Side},
        foramina={side: at(side.sign * 16, 20, -10) for side in Side},
        spinous_process_tip=at(0, 62, -6),
        canal_centre=at(0, 26, 0),
    )


@pytest.fixture(scope="session")
def case() -> Case:
    """L3-L5, sacrum, canal and skin, 2 mm, without left-right symmetry: a rod only on the left."""
    shape = (84, 84, 92)
    affine = Affine.axis_aligned(SPACING, (-91.0, -60.0, -50.0))
    k, j, i = np.indices(shape, dtype=np.float32)
    x, y, z = i * SPACING - 91.0, j * SPACING - 60.0, k * SPACING - 50.0
    regions = np.zeros(shape, dtype=np.uint8)
    levels = np.zeros(shape, dtype=np.uint8)
    regions[np.hypot(x / 88, (y - 20) / 76) < 1] = Region.SOFT_TISSUE
    for level, height in HEIGHTS.items():
        tall = np.abs(z - height) < 13
        body = (np.hypot(x / 23, y / 17) < 1) & tall
        ring = (np.hypot(x / 19, (y - 26) / 16) < 1) & (np.abs(z - height - 3) < 8)
        spinous = (np.abs(x) < 4) & (y > 36) & (y < 62) & (np.abs(z - height) < 7)
        for mask, region in ((ring | spinous, Region.ARCH), (body, Region.BODY)):
            regions[mask] = region
            levels[mask] = VERSE_LABELS[level]
    sacrum = (np.abs(x) < 34) & (np.abs(y - 10) < 22) & (z < -20)
    regions[sacrum], levels[sacrum] = Region.SACRUM, VERSE_LABELS["sacrum"]
    canal = (np.hypot(x / 10, (y - 26) / 8) < 1) & (z > -18)
    regions[canal] = Region.CANAL
    levels[canal] = 0
    tissue = np.array([-1000.0, 250.0, *[300.0] * 7, 80.0, 280.0, 20.0, 300.0, 300.0, *[40.0] * 6])
    voxels = tissue[regions]
    voxels[np.hypot(x - 60, y - 10) < 6] = 1500  # the marker of the patient's left
    volume = Volume(voxels.astype(np.int16), affine, Modality.CT, "made for a test")
    vertebrae = tuple(_vertebra(level, height) for level, height in HEIGHTS.items())
    frame = AnatomicalFrame((0.0, 0.0, -20.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    below = Sacrum(frame, Endplate((0.0, 0.0, -20.0), (0.0, 0.0, 1.0), 46.0, 32.0), (0.0, -12.0, -20.0))
    spine = Spine(vertebrae, below, tuple(one.frame.origin for one in vertebrae), Anchor.SACRUM)
    return Case(volume, LabelMap(levels, affine), LabelMap(regions, affine), spine)


def make_plan(
    rank: int, oblique_deg: float, tilt_deg: float, root_mm: float, trade_offs: tuple[str, ...] = ()
) -> Plan:
    target = np.array([16.0, 20.0, 26.0])
    entry = target - np.array(beam_direction(oblique_deg, tilt_deg)) * 80.0
    trajectory = Trajectory(vector(entry), vector(target), Needle(22, 0.718, 90.0))
    return Plan(
        rank=rank,
        trajectory=trajectory,
        clearance_mm={"nerve_root": root_mm, "dura": 6.4, "bone": 0.3},
        robustness=Robustness(2.0, 0.21),
        view=View(oblique_deg, tilt_deg, reachable=True),
        scores={"total": 0.8},
        warnings=("little room at the nerve root",),
        trade_offs=trade_offs,
    )


@pytest.fixture(scope="session")
def right_sided_plan() -> Plan:
    return make_plan(1, -25.0, 0.0, 3.0)


@pytest.fixture(scope="session")
def plan_set() -> PlanSet:
    limits = (
        StructureLimit("nerve_root", 2.0, Mark.ASSUMED, "assumed", StructureOrigin.MODELLED, 1.5),
        StructureLimit("dura", 3.0, Mark.PUBLISHED, "A paper, 2015", StructureOrigin.MODELLED, 1.0),
        StructureLimit("bone", 0.0, Mark.ASSUMED, "assumed", StructureOrigin.SEGMENTED, harmless=True),
        StructureLimit("kidney", 5.0, Mark.ASSUMED, "assumed", StructureOrigin.ABSENT),
    )
    root = Tube("L4 root left", ((10.0, 22.0, 40.0), (16.0, 16.0, 26.0), (34.0, 8.0, 8.0)), (2.0, 2.8))
    return PlanSet(
        procedure="transforaminal_esi_subpedicular",
        level="L4-L5",
        side=Side.LEFT,
        plans=(
            make_plan(1, 25.0, 5.0, 2.4, ("best of the plans in: length",)),
            make_plan(
                2, 33.0, -4.0, 3.9, ("better than plan 1: 4 mm shorter", "worse: less central in the zone")
            ),
        ),
        considered=12345,
        feasible=678,
        exclusions={"nerve_root": 9000, "dura": 400},
        warnings=("kidney not judged: it is not in the labels",),
        limits=limits,
        target_zone=((16.0, 20.0, 26.0),),
        modelled=(root,),
    )


@pytest.fixture(scope="session")
def findings() -> tuple[Finding, ...]:
    return (
        Finding("slices", Severity.OK, "slices are even", score=2.0, limit=5.0, unit="mm"),
        Finding("noise", Severity.CAUTION, "soft tissue is noisy", "Trust bone.", 28.0, 25.0, "HU"),
    )


@pytest.fixture(scope="session")
def provenance() -> Provenance:
    return Provenance("ab" * 32, "procguide 0", "2026-11-21T02:00:00+00:00", {"spine": "none"}, "test")
