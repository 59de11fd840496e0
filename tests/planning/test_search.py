"""Needles in random scenes: every verdict against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from procguide.geometry import distance_to_segment
from procguide.planning import load_catalogue
from procguide.planning.candidates import Candidates
from procguide.planning.catalogue import Mark, Number, Procedure, StructureRule
from procguide.planning.names import StructureName
from procguide.planning.nouns import StructureOrigin, Tube
from procguide.planning.parallel import in_parts
from procguide.planning.scene import Scene, Structure
from procguide.planning.search import LENGTH, SKIN, judge
from tests.planning.test_clearance import brute_force, random_mask, scene_with

Floats = NDArray[np.float64]
TUBE = Tube("root", ((2.0, 22.0, 10.0), (6.0, 30.0, 14.0), (14.0, 33.0, 12.0)), (1.0, 1.5))


def rule(name: StructureName, margin_mm: float, contact_mm: float | None = None) -> StructureRule:
    def number(value: float) -> Number:
        return Number(value=value, mark=Mark.ASSUMED)

    contact = number(contact_mm) if contact_mm is not None else None
    return StructureRule(name=name, margin_mm=number(margin_mm), contact_mm=contact)


def procedure(*rules: StructureRule) -> Procedure:
    return load_catalogue()["lumbar_interlaminar_esi"].model_copy(update={"structures": rules})


def candidates(entries: Floats, targets: Floats) -> Candidates:
    depth = np.linalg.norm(targets - entries, axis=1)
    return Candidates(entries, targets, depth, np.zeros(len(depth)), np.zeros(len(depth)))


def random_needles(rng: np.random.Generator, scene: Scene, count: int) -> tuple[Floats, Floats]:
    low, high = scene.grid.corners.min(axis=0), scene.grid.corners.max(axis=0)
    entries, targets = rng.uniform(low + 1, high - 1, (2, count, 3))
    return entries, targets


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 4), st.sampled_from([(1.0, 1.0, 1.0), (1.5, 0.9, 1.2)]))
def test_verdicts_and_clearances_are_those_of_brute_force(
    seed: int, margin: float, spacing: tuple[float, float, float]
) -> None:
    rng = np.random.default_rng(seed)
    mask = random_mask(rng, (24, 26, 28))
    scene, bone = scene_with(mask, spacing)
    root = Structure("nerve_root", StructureOrigin.MODELLED, tubes=(TUBE,))
    scene = Scene(
        scene.grid, {StructureName.BONE: bone, StructureName.NERVE_ROOT: root}, scene.body, scene.labels
    )
    rules = rule(StructureName.BONE, margin), rule(StructureName.NERVE_ROOT, 1.0)
    asked = procedure(*rules)
    entries, targets = random_needles(rng, scene, 40)
    judged = judge(scene, asked, rules, candidates(entries, targets))
    radius = asked.needle.radius_mm
    for n in range(len(entries)):
        to_bone = brute_force(scene, mask, entries[n], targets[n]) - radius
        needle = entries[n] + np.linspace(0, 1, 1001)[:, None] * (targets[n] - entries[n])
        parts = zip(TUBE.points, TUBE.points[1:], TUBE.radii_mm, strict=False)
        to_root = min(distance_to_segment(needle, np.array(a), np.array(b)).min() - r for a, b, r in parts)
        for name, truth, limit in (("bone", to_bone, margin), ("nerve_root", to_root - radius, 1.0)):
            if judged.broken[name][n]:
                assert truth < limit + 0.06
            elif truth < limit - 0.06:  # only just, and another limit is broken: not looked for
                assert not judged.feasible[n]
            if judged.feasible[n]:
                assert judged.clearances[name][n] <= truth + 0.25
                assert judged.clearances[name][n] >= min(truth, limit + 10) - max(spacing) / 2


def wall() -> tuple[Scene, Floats]:
    """Bone fills the scene in front of y = 32 mm; the place where it begins, LPS mm."""
    mask = np.zeros((24, 40, 24), bool)
    mask[:, :20] = True
    scene, _ = scene_with(mask, (1.0, 1.0, 1.0))
    return scene, scene.grid.affine.apply((12, 19.5, 12))


@pytest.mark.parametrize(
    ("past_mm", "broken"),
    [(-0.5, set()), (1.5, {"bone"}), (-4.5, {"bone behind the tip"})],
    ids=["on it", "in it", "before it"],
)
def test_a_tip_may_rest_on_bone_not_enter_it_and_not_hang_before_it(past_mm: float, broken: set[str]) -> None:
    scene, surface = wall()
    back = np.array([0.0, 1.0, 0.0])
    target = surface - past_mm * back
    asked = rule(StructureName.BONE, 0.0, contact_mm=3.0)
    judged = judge(scene, procedure(asked), (asked,), candidates((surface + 18 * back)[None], target[None]))
    assert {name for name, off in judged.broken.items() if off[0]} == broken


def test_without_skin_or_beyond_the_approach_nothing_else_is_judged() -> None:
    scene, surface = wall()
    entries = np.repeat((surface + np.array([0, 15, 0]))[None], 3, axis=0)
    targets = np.repeat((surface - np.array([0, 5, 0]))[None], 3, axis=0)
    depth = np.array([20.0, -1.0, 20.0])
    excluded = {"angles": np.array([False, False, True])}
    asked = rule(StructureName.BONE, 0.0)
    found = judge(
        scene,
        procedure(asked),
        (asked,),
        Candidates(entries, targets, depth, np.zeros(3), np.zeros(3), excluded),
    )
    assert found.broken["bone"].tolist() == [True, False, False]
    assert found.broken[SKIN].tolist() == [False, True, False]
    assert found.broken["angles"].tolist() == [False, False, True]
    assert not found.feasible.any()


def test_a_needle_that_is_too_short_is_named() -> None:
    scene, surface = wall()
    asked = rule(StructureName.BONE, 0.0)
    short = procedure(asked)
    short = short.model_copy(update={"needle": short.needle.model_copy(update={"lengths_mm": (20.0,)})})
    found = candidates((surface + np.array([0, 18, 0]))[None], (surface + np.array([0, 3, 0]))[None])
    judged = judge(scene, short, (asked,), found)
    assert judged.broken[LENGTH].all()
    assert not judged.broken["bone"].any()


def test_parts_cover_everything_once() -> None:
    counts = np.zeros(10_000, int)

    def work(some: slice) -> None:
        counts[some] += 1

    in_parts(work, len(counts))
    assert (counts == 1).all()
