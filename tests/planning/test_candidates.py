from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from procguide.anatomy import Side
from procguide.errors import UsageError
from procguide.geometry import Affine, AnatomicalFrame, view_angles
from procguide.imaging import Grid
from procguide.planning import Request, Subject, build_case, load_catalogue, plan
from procguide.planning.bearings import Bearings
from procguide.planning.candidates import ANGLES, GATE, LATERAL, STEEP, generate
from procguide.planning.catalogue import AngleLimit, Approach, Mark, Span
from procguide.planning.skin import Body
from procguide.planning.zones import TargetZone

if TYPE_CHECKING:
    from tests.planning.conftest import Patient

TRANSFORAMINAL = "transforaminal_esi_subpedicular"
SKIN_Y = 60.0


@pytest.fixture
def body() -> Body:
    """Flat skin at y = 60 mm, the body in front of it."""
    affine = Affine.axis_aligned((2.0, 2.0, 2.0), (-120.0, -20.0, -120.0))
    y = np.arange(80) * 2.0 - 20.0
    field = np.broadcast_to((y - SKIN_Y)[None, :, None], (121, 80, 121)).astype(np.float32)
    return Body(np.ascontiguousarray(field), Grid((121, 80, 121), affine))


def bearings(lateral: tuple[float, float] | None = None, sign: int = 1) -> Bearings:
    span = Span(low=lateral[0], high=lateral[1], preferred=lateral[0], mark=Mark.ASSUMED) if lateral else None
    approach = Approach(
        oblique_deg=AngleLimit(low=10, high=40, preferred=20, mark=Mark.ASSUMED),
        tilt_deg=AngleLimit(low=-20, high=10, preferred=0, mark=Mark.ASSUMED),
        lateral_mm=span,
    )
    level = AnatomicalFrame.from_axes((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
    return Bearings(approach, sign, np.eye(3), level)


def zone(
    *points: tuple[float, float, float], gates: list[tuple[float, float, float]] | None = None
) -> TargetZone:
    return TargetZone(np.array(points), np.zeros(len(points)), np.array(gates) if gates else None)


@pytest.mark.parametrize("sign", [1, -1])
def test_angles_of_the_grid_keep_their_limits_and_their_side(body: Body, sign: int) -> None:
    found = generate(body, zone((0.0, 0.0, 0.0)), bearings(sign=sign))
    angles = np.array([view_angles(found.targets[n] - found.entries[n]) for n in range(len(found))])
    assert (angles[:, 0] * sign >= 10 - 1e-6).all()
    assert (angles[:, 0] * sign <= 40 + 1e-6).all()
    assert angles[:, 1].min() == pytest.approx(-20)
    assert len(found) == 31 * 31
    np.testing.assert_allclose(found.entries[:, 1], SKIN_Y, atol=0.6)
    best = int(np.argmin(found.view_misfit))
    np.testing.assert_allclose(angles[best], (20 * sign, 0), atol=1e-6)


def test_no_needle_leans_farther_than_the_steepest(body: Body) -> None:
    square = bearings()
    tilted = replace(square, rotation=_about_x(30.0), steepest_deg=35.0)
    found = generate(body, zone((0.0, 0.0, 0.0)), tilted)
    inward = found.targets - found.entries
    lean = np.degrees(np.arcsin(np.abs(inward[:, 2]) / np.linalg.norm(inward, axis=1)))
    known = found.depth_mm > 0
    assert np.array_equal(found.excluded[STEEP][known], (lean > 35.0 + 1e-3)[known])
    assert found.excluded[STEEP].any()
    assert STEEP not in generate(body, zone((0.0, 0.0, 0.0)), square).excluded


def _about_x(degrees: float) -> np.ndarray:
    """Turns the true AP view's axes toward the head."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def test_a_gate_gives_the_directions_and_the_angles_sort_them(body: Body) -> None:
    """The first gate is seen from the tip at 26 degrees, the second at 63."""
    found = generate(body, zone((0.0, 0.0, 0.0), gates=[(10.0, 20.0, 0.0), (20.0, 10.0, 0.0)]), bearings())
    np.testing.assert_allclose(found.entries[0], (SKIN_Y / 2, SKIN_Y, 0.0), atol=0.6)
    assert found.excluded[ANGLES].tolist() == [False, True]


def test_a_gate_beyond_the_tip_leads_nowhere(body: Body) -> None:
    found = generate(body, zone((0.0, 0.0, 0.0), gates=[(-10.0, -15.0, 0.0)]), bearings())
    assert found.excluded[ANGLES].all()


def test_an_entry_is_held(body: Body) -> None:
    points = [(0.0, 0.0, z) for z in (-4.0, 0.0, 4.0)]
    found = generate(body, zone(*points), bearings(), (30.0, SKIN_Y + 3, 0.0))
    assert len(found) == 3
    assert np.ptp(found.entries, axis=0) == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(found.entries[0], (30.0, SKIN_Y, 0.0), atol=2)
    np.testing.assert_allclose(found.targets, points)
    assert not found.excluded[ANGLES].any()


def test_an_entry_off_the_skin_is_refused(body: Body) -> None:
    with pytest.raises(UsageError, match="20 mm under the skin"):
        generate(body, zone((0.0, 0.0, 0.0)), bearings(), (30.0, SKIN_Y - 20, 0.0))


def test_an_entry_beyond_the_angles_is_excluded_by_them(body: Body) -> None:
    found = generate(body, zone((0.0, 0.0, 0.0)), bearings(), (-30.0, SKIN_Y, 0.0))
    assert found.excluded[ANGLES].tolist() == [True]


def test_from_an_entry_only_what_passes_a_gate_is_left(body: Body) -> None:
    points = [(0.0, 0.0, 0.0), (0.0, 0.0, 8.0)]
    found = generate(body, zone(*points, gates=[(10.0, 20.0, 0.0)]), bearings(), (30.0, SKIN_Y, 0.0))
    assert found.excluded[GATE].tolist() == [False, True]


def test_the_grid_is_as_fine_as_the_number_of_targets_allows(body: Body) -> None:
    for count in (1, 200, 1000):
        found = generate(body, zone(*[(0.0, 0.0, 0.01 * n) for n in range(count)]), bearings())
        assert len(found) == {1: 31**2, 200: 200 * 20**2, 1000: 1000 * 16**2}[count]


@pytest.mark.parametrize("sign", [1, -1])
def test_the_entry_keeps_its_distance_from_the_midline(body: Body, sign: int) -> None:
    found = generate(body, zone((0.0, 0.0, 0.0)), bearings((20.0, 30.0), sign))
    across = found.entries[:, 0] * sign
    np.testing.assert_array_equal(found.excluded[LATERAL], (across < 20) | (across > 30))
    assert 0 < found.excluded[LATERAL].sum() < len(found)


def test_a_plan_from_a_held_entry(patient: Patient) -> None:
    request = Request(load_catalogue()[TRANSFORAMINAL], "L3-L4", Side.LEFT)
    subject = Subject(patient.spine, patient.levels, patient.regions)
    free = plan(request, subject).plans[0].trajectory
    held = plan(replace(request, entry=free.entry), subject)
    assert held.plans
    for one in held.plans:
        np.testing.assert_allclose(one.trajectory.entry, free.entry, atol=2.0)
    both = plan(replace(request, entry=free.entry, target=free.target), subject)
    assert both.considered == 1
    assert both.plans[0].trajectory.target == free.target


def test_a_target_given_by_hand_keeps_the_gates_before_it(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from procguide.planning import planner
    from procguide.planning.zones import CONSTRUCTIONS

    subject = Subject(patient.spine, patient.levels, patient.regions)
    request = Request(load_catalogue()[TRANSFORAMINAL], "L3-L4", Side.LEFT)
    best = plan(request, subject).plans[0].trajectory
    gate = np.array(best.target) - 15 * np.array(best.direction)
    name = request.procedure.target.construction
    usual = CONSTRUCTIONS[name]
    gated = replace(usual, sample=lambda *given: replace(usual.sample(*given), gates=gate[None]))
    monkeypatch.setattr(planner, "CONSTRUCTIONS", {name: gated})
    case = build_case(replace(request, target=best.target), subject)
    assert case.zone.gates is not None
    found = planner.plan_case(case)
    assert found.considered == 1
    np.testing.assert_allclose(found.plans[0].trajectory.direction, best.direction, atol=1e-6)
