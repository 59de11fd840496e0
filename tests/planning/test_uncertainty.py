"""The stated model of placement against a Monte Carlo that shares nothing with it but the words."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.stats import norm

from procguide.anatomy import VERSE_NAMES, Region
from procguide.geometry import Affine
from procguide.imaging import Grid, LabelMap
from procguide.planning import StructureOrigin, Tube, load_catalogue
from procguide.planning._kernels import distance_squared
from procguide.planning.catalogue import StructureRule
from procguide.planning.scene import Scene, Structure
from procguide.planning.site import LocalLabels
from procguide.planning.skin import Body
from procguide.planning.uncertainty import (
    Hazards,
    PlacementError,
    chance_of_violation,
    first_met_ahead,
    simulate,
)

Floats = NDArray[np.float64]
SHAPE = (50, 90, 60)
ERROR = PlacementError(2.0, 1.0, 1.0)
PROCEDURE = load_catalogue()["transforaminal_esi_subpedicular"]
RULES = {rule.name.value: rule for rule in PROCEDURE.structures}
ENTRY, TARGET = np.array([30.0, 84.0, 25.0]), np.array([30.0, 22.0, 25.0])
"""Straight forward, 62 mm, in a box of 60 x 90 x 50 mm whose first voxel lies at 0, 0, 0."""


def hazards(*structures: Structure, margin_mm: float | None = None, error: PlacementError = ERROR) -> Hazards:
    affine = Affine.axis_aligned((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    grid = Grid(SHAPE, affine)
    empty = np.zeros(SHAPE, np.uint8)
    labels = LocalLabels(
        LabelMap(empty, affine, names=VERSE_NAMES),
        LabelMap(empty, affine, names={region.value: region.label for region in Region}),
        frozenset(),
    )
    scene = Scene(
        grid, {one.name: one for one in structures}, Body(np.zeros(SHAPE, np.float32), grid), labels
    )
    rules = [RULES[one.name] for one in structures]
    if margin_mm is not None:
        rules = [_with_margin(rule, margin_mm) for rule in rules]
    uncertainty = PROCEDURE.uncertainty
    stated = uncertainty.model_copy(
        update={
            "tip_sd_mm": uncertainty.tip_sd_mm.model_copy(update={"value": error.tip_mm}),
            "angle_sd_deg": uncertainty.angle_sd_deg.model_copy(update={"value": error.angle_deg}),
            "registration_sd_mm": uncertainty.registration_sd_mm.model_copy(
                update={"value": error.registration_mm}
            ),
        }
    )
    return Hazards.of(scene, PROCEDURE.model_copy(update={"uncertainty": stated}), rules)


def _with_margin(rule: StructureRule, margin_mm: float) -> StructureRule:
    return rule.model_copy(update={"margin_mm": rule.margin_mm.model_copy(update={"value": margin_mm})})


def solid(name: str, mask: NDArray[np.bool_], spread_mm: float = 0.0) -> Structure:
    field = np.sqrt(distance_squared(mask, np.ones(3)))
    field[mask] = -0.5
    return Structure(name, StructureOrigin.MODELLED, mask, field, spread_mm=spread_mm)


def wall_ahead(gap_mm: int, spread_mm: float = 0.0) -> Structure:
    """All that lies in front of y = 22 - gap: its surface is half a voxel behind the last centre."""
    mask = np.zeros(SHAPE, bool)
    mask[:, : 22 - gap_mm] = True
    return solid("dura", mask, spread_mm)


def root(spread_mm: float = 1.5, beside_mm: float = 4.5) -> Structure:
    """A tube across the needle's way, 2.5 mm thick, beside the tip."""
    points = ((24.0 - beside_mm, 24.0, 45.0), (27.5 - beside_mm, 20.0, 25.0), (26.0 - beside_mm, 14.0, 5.0))
    tube = Tube("root", points, (2.5, 2.5))
    return Structure("nerve_root", StructureOrigin.MODELLED, tubes=(tube,), spread_mm=spread_mm)


@dataclass(frozen=True)
class Rod:
    """What the Monte Carlo measures to: points of a surface, or a tube's centre line, and a radius."""

    tree: cKDTree
    radius: float
    name: str
    spread: float


def dense(points: Floats, step: float = 0.2) -> Floats:
    parts = [
        a + np.arange(0, 1, step / np.linalg.norm(b - a))[:, None] * (b - a) for a, b in pairwise(points)
    ]
    return np.concatenate([*parts, points[-1:]])


def rods(case: Hazards) -> list[Rod]:
    found = []
    for name, one in case.scene.structures.items():
        if one.tubes:
            tree = cKDTree(dense(np.array(one.tubes[0].points)))
            found.append(Rod(tree, one.tubes[0].radii_mm[0], name, one.spread_mm))
        else:
            k, j, i = np.nonzero(one.mask)
            near = j > j.max() - 8
            corners = (
                np.stack([i, j, k], axis=1)[near][:, None] + np.indices((2, 2, 2)).reshape(3, -1).T - 0.5
            )
            found.append(Rod(cKDTree(np.unique(corners.reshape(-1, 3), axis=0)), 0.0, name, one.spread_mm))
    return found


def monte_carlo(case: Hazards, entry: Floats, target: Floats, count: int) -> float:
    """Share of needles that break a limit; structures are shifted bodily, not by their surface's normal."""
    rng = np.random.default_rng(7)
    axis = (target - entry) / np.linalg.norm(target - entry)
    length, broken = np.linalg.norm(target - entry), 0
    error, margins = case.error, {one.rule.name.value: one.rule.margin_mm.value for one in case.harmful}
    solids = rods(case)
    for _ in range(count):
        across = np.cross(axis, rng.normal(size=3))
        across /= np.linalg.norm(across)
        other = np.cross(axis, across)
        tilt = np.tan(np.radians(rng.normal(0, error.angle_deg, 2)))
        off = length * (tilt[0] * across + tilt[1] * other) + rng.normal(0, error.tip_mm, 3)
        shift = rng.normal(0, error.registration_mm, 3)
        needle = dense(np.array([entry + shift, target + shift + off]), 0.5)
        for rod in solids:
            moved = needle - rng.normal(0, rod.spread, 3) if rod.spread else needle
            room = rod.tree.query(moved)[0].min() - rod.radius - case.radius_mm - margins[rod.name]
            if room < 0:
                broken += 1
                break
    return broken / count


def test_placed_needles_are_spread_as_stated() -> None:
    entries, targets = ERROR.placed(ENTRY, TARGET, 4096)
    np.testing.assert_allclose(entries.std(axis=0), 1.0, atol=0.03)
    across, along = ERROR.across_mm(62.0), ERROR.along_mm
    assert across == pytest.approx(np.sqrt(1 + 4 + np.radians(62) ** 2))
    np.testing.assert_allclose(targets.std(axis=0), [across, along, across], atol=0.06)
    np.testing.assert_allclose(targets.mean(axis=0), TARGET, atol=0.02)
    middle = (entries + targets) / 2
    assert middle[:, 0].std() == pytest.approx(ERROR.across_mm(62.0, 0.5), abs=0.05)


@pytest.mark.parametrize("gap", [3, 6, 9])
@pytest.mark.parametrize("spread", [0.0, 1.5])
def test_a_wall_ahead_is_met_as_often_as_depth_errs(gap: int, spread: float) -> None:
    """Here the chance is known: room over the deviation in depth."""
    case = hazards(wall_ahead(gap, spread), margin_mm=1.0)
    room = gap + 0.5 - case.radius_mm - 1.0
    expected = norm.sf(room / np.hypot(ERROR.along_mm, spread))
    assert simulate(case, ENTRY, TARGET).p_violation == pytest.approx(expected, abs=0.012)
    assert chance_of_violation(case, ENTRY[None], TARGET[None])[0] == pytest.approx(expected, abs=0.03)


def test_a_needle_through_the_middle_of_a_structure_violates_for_sure() -> None:
    """However wide its spread: depth inside counts."""
    mask = np.zeros(SHAPE, bool)
    mask[:, 30:50] = True
    case = hazards(solid("dura", mask, 2.0))
    done = simulate(case, ENTRY, TARGET)
    assert done.p_violation > 0.999
    assert done.p_touch > 0.999


@pytest.mark.parametrize(
    "structures",
    [
        (root(),),
        (root(0.0),),
        (wall_ahead(6, 1.0), root(1.5)),
        (wall_ahead(5, 0.0), root(2.0, 6.5)),
    ],
    ids=["root", "root without spread", "root and wall", "wall and far root"],
)
def test_the_model_agrees_with_a_monte_carlo(structures: tuple[Structure, ...]) -> None:
    case = hazards(*structures)
    truth = monte_carlo(case, ENTRY, TARGET, 3000)
    noise = 3 * np.sqrt(truth * (1 - truth) / 3000)
    assert 0.03 < truth < 0.9
    assert simulate(case, ENTRY, TARGET).p_violation == pytest.approx(truth, abs=noise + 0.015)
    assert chance_of_violation(case, ENTRY[None], TARGET[None])[0] == pytest.approx(truth, abs=noise + 0.04)


def test_the_quick_chance_ranks_needles_like_the_simulation() -> None:
    case = hazards(wall_ahead(6, 1.0), root(1.5, 6.0))
    rng = np.random.default_rng(3)
    targets = TARGET + rng.uniform(-4, 4, (60, 3))
    entries = ENTRY + rng.uniform(-15, 15, (60, 3)) * (1, 0, 1)
    quick = chance_of_violation(case, entries, targets)
    slow = np.array([simulate(case, *ends).p_violation for ends in zip(entries, targets, strict=True)])
    assert np.ptp(slow) > 0.4
    assert np.abs(quick - slow).max() < 0.05
    assert np.corrcoef(quick, slow)[0, 1] > 0.99


def test_more_error_or_more_margin_is_more_risk_and_touch_is_rarer_than_a_broken_margin() -> None:
    near = hazards(root())
    base = simulate(near, ENTRY, TARGET)
    assert set(base.by_structure) == {"nerve_root"}
    assert base.p_touch < base.p_violation == pytest.approx(base.by_structure["nerve_root"])
    sloppy = hazards(root(), error=PlacementError(3.0, 1.0, 1.0))
    strict = hazards(root(), margin_mm=4.0)
    for worse in (sloppy, strict):
        assert simulate(worse, ENTRY, TARGET).p_violation > base.p_violation + 0.02
    assert simulate(near, ENTRY, TARGET) == base


def test_an_error_at_the_tip_matters_less_near_the_entry() -> None:
    """The same room, once beside the tip and once beside the shaft near the skin."""

    def beside(low: int, high: int) -> Structure:
        mask = np.zeros(SHAPE, bool)
        mask[:, low:high, :26] = True
        return solid("dura", mask)

    at_tip, near_skin = (simulate(hazards(beside(*span)), ENTRY, TARGET) for span in ((22, 27), (75, 80)))
    assert at_tip.p_violation > 0.05
    assert near_skin.p_violation < at_tip.p_violation / 2


def test_harmless_structures_do_not_count() -> None:
    case = hazards(solid("bone", wall_ahead(1).mask))
    assert case.harmful == ()
    assert simulate(case, ENTRY, TARGET).p_violation == 0.0
    assert chance_of_violation(case, ENTRY[None], TARGET[None])[0] == 0.0


def test_what_an_overshoot_meets_first() -> None:
    case = hazards(wall_ahead(8), solid("bone", wall_ahead(12).mask))
    inward = np.array([[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]])
    tips = np.stack([TARGET, TARGET])
    met = first_met_ahead(case, case.harmful, tips, inward, 20.0)
    np.testing.assert_allclose(met, [8.5 - case.radius_mm, 20.0], atol=0.05)
    behind = first_met_ahead(case, case.harmless, tips, inward, 20.0)
    np.testing.assert_allclose(behind, [12.5 - case.radius_mm, 20.0], atol=0.05)
