"""C-arm angles by hand, the room a C-arm leaves, and its settings from a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from procguide.anatomy import Anchor, Endplate, Side, Spine, Vertebra
from procguide.errors import UsageError
from procguide.geometry import AnatomicalFrame, Vector, vector
from procguide.planning import Needle, Trajectory, load_catalogue
from procguide.planning.carm import CArm, Surroundings, read_carm, room_mm
from procguide.planning.catalogue import ViewName, ViewRule
from procguide.planning.nouns import CArmReach, View, ViewSetting
from procguide.planning.posture import Lying, lying_of
from procguide.planning.site import Site
from procguide.planning.views import Viewing, level_squared, view_direction, viewing_frame, views_of

STRAIGHT = AnatomicalFrame((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def leaning(degrees: float) -> Vector:
    """The normal of an endplate that leans forward: it faces up and to the front."""
    radians = np.radians(degrees)
    return vector((0.0, -np.sin(radians), np.cos(radians)))


def vertebra(level: str, z: float, normal: Vector, left: Vector = (1.0, 0.0, 0.0)) -> Vertebra:
    frame = AnatomicalFrame.from_axes((0.0, 0.0, z), (0.0, 0.0, 1.0), left)
    plate = Endplate((0.0, 0.0, z + 13.0), normal, 44.0, 32.0)
    return Vertebra(level, 1.0, frame, plate, plate)


def site(
    procedure: str = "transforaminal_esi_subpedicular",
    side: Side | None = Side.LEFT,
    lean_deg: float = 0.0,
    left: Vector = (1.0, 0.0, 0.0),
) -> Site:
    """L4-L5 with L5's upper endplate leaning forward and the vertebrae turned so that ``left`` is left."""
    bones = (vertebra("L4", 36.0, (0.0, 0.0, 1.0), left), vertebra("L5", 0.0, leaning(lean_deg), left))
    entry = load_catalogue()[procedure]
    return Site(entry, "L4-L5", side, *bones, Spine(bones, None, (), Anchor.USER))


def needle(direction: Vector, target: Vector = (15.0, 20.0, 0.0)) -> Trajectory:
    entry = np.asarray(target) - 80.0 * np.asarray(direction) / np.linalg.norm(direction)
    return Trajectory(vector(entry), target, Needle(22, 0.718, 90.0))


STRAIGHT_DOWN = needle((0.0, -1.0, 0.0))


def by_name(at: Site, trajectory: Trajectory = STRAIGHT_DOWN) -> dict[ViewName, ViewSetting]:
    return {view.name: view for view in views_of(at, trajectory, CArm())}


def angles(view: ViewSetting) -> tuple[float, float]:
    assert view.oblique_deg is not None
    assert view.tilt_deg is not None
    return view.oblique_deg, view.tilt_deg


class TestAngles:
    def test_a_needle_straight_down_is_seen_end_on_at_zero(self) -> None:
        assert angles(by_name(site())[ViewName.BULLS_EYE]) == pytest.approx((0, 0), abs=1e-9)

    def test_a_needle_from_the_left_and_from_above(self) -> None:
        """Entry 50 mm left, 60 mm behind and 30 mm above the target: atan(50/60), asin(30/|.|)."""
        view = by_name(site(), needle((-50.0, -60.0, -30.0)))[ViewName.BULLS_EYE]
        assert angles(view) == pytest.approx((39.806, np.degrees(np.arcsin(30 / np.sqrt(7000)))), abs=1e-3)

    @pytest.mark.parametrize("lean", [-12.0, 0.0, 25.0])
    def test_the_true_ap_squares_the_endplate(self, lean: float) -> None:
        """An endplate that faces forward by 25 degrees is squared by 25 degrees of cranial tilt."""
        at = site(lean_deg=lean)
        view = by_name(at)[ViewName.TRUE_AP]
        assert angles(view) == pytest.approx((0.0, lean), abs=1e-9)
        assert level_squared(at) == pytest.approx((0.0, lean), abs=1e-9)
        beam = view_direction(ViewRule(name=ViewName.TRUE_AP, look_for="x"), viewing_frame(at), STRAIGHT_DOWN)
        assert np.dot(beam, leaning(lean)) == pytest.approx(0, abs=1e-12)

    def test_the_true_ap_turns_with_the_vertebra(self) -> None:
        """Turned by 8 degrees about the long axis so that its back looks to the patient's left."""
        left = vector((np.cos(np.radians(8)), -np.sin(np.radians(8)), 0.0))
        assert angles(by_name(site(left=left))[ViewName.TRUE_AP]) == pytest.approx((8.0, 0.0), abs=1e-9)

    @pytest.mark.parametrize("side", list(Side))
    @pytest.mark.parametrize("lean", [0.0, 25.0])
    def test_the_true_lateral_is_ninety_from_the_true_ap(self, side: Side, lean: float) -> None:
        views = by_name(site(side=side, lean_deg=lean))
        assert angles(views[ViewName.TRUE_LATERAL]) == pytest.approx((90.0 * side.sign, 0.0), abs=1e-9)
        assert views[ViewName.TRUE_LATERAL].reachable

    @pytest.mark.parametrize("side", list(Side))
    def test_the_contralateral_oblique_is_the_catalogues_angle_away_from_the_needle(self, side: Side) -> None:
        at = site("lumbar_interlaminar_esi", side)
        rule = next(rule for rule in at.procedure.views if rule.name is ViewName.CONTRALATERAL_OBLIQUE)
        assert rule.oblique_deg is not None
        expected = -side.sign * rule.oblique_deg.value
        view = by_name(at)[ViewName.CONTRALATERAL_OBLIQUE]
        assert angles(view) == pytest.approx((expected, 0.0), abs=1e-9)

    def test_without_a_side_the_contralateral_oblique_is_away_from_the_tip(self) -> None:
        at = site("lumbar_interlaminar_esi", None)
        right = by_name(at, needle((0, -1, 0), (-2.0, 30.0, 0.0)))[ViewName.CONTRALATERAL_OBLIQUE]
        left = by_name(at, needle((0, -1, 0), (2.0, 30.0, 0.0)))[ViewName.CONTRALATERAL_OBLIQUE]
        assert angles(right)[0] == pytest.approx(-angles(left)[0])
        assert angles(right)[0] > 0

    def test_an_oblique_view_turns_about_the_levels_own_axis(self) -> None:
        """With the endplate 20 degrees forward the oblique view still sees it squared, edge on."""
        at = site("lumbar_interlaminar_esi", Side.LEFT, lean_deg=20.0)
        rule = next(rule for rule in at.procedure.views if rule.name is ViewName.CONTRALATERAL_OBLIQUE)
        beam = view_direction(rule, viewing_frame(at), STRAIGHT_DOWN)
        assert np.dot(beam, leaning(20.0)) == pytest.approx(0, abs=1e-12)
        # asin(sin 20 cos 45): the tilt is less than in the AP view, for the beam has turned from it.
        assert angles(by_name(at)[ViewName.CONTRALATERAL_OBLIQUE])[1] == pytest.approx(13.997, abs=2e-3)

    def test_a_rules_own_tilt_is_added(self) -> None:
        fields = {"value": 10.0, "mark": "assumed"}
        rule = ViewRule.model_validate({"name": "true_ap", "look_for": "x", "tilt_deg": fields})
        beam = view_direction(rule, Viewing(STRAIGHT, Side.LEFT, Lying.PRONE), STRAIGHT_DOWN)
        assert beam == pytest.approx((0, -np.cos(np.radians(10)), -np.sin(np.radians(10))))

    def test_supine_the_ap_beam_comes_from_the_front(self) -> None:
        rule = ViewRule(name=ViewName.TRUE_AP, look_for="x")
        viewing = Viewing(STRAIGHT, Side.LEFT, Lying.SUPINE)
        assert view_direction(rule, viewing, STRAIGHT_DOWN) == pytest.approx((0, 1, 0))

    def test_every_view_of_every_procedure_has_a_setting(self) -> None:
        for entry in load_catalogue().values():
            level = entry.level.allowed[0]
            at = replace(site(), procedure=entry, level=level)
            settings = views_of(at, STRAIGHT_DOWN, CArm())
            assert [one.name for one in settings] == [rule.name for rule in entry.at(level).views]
            assert all(one.look_for for one in settings)


class TestDial:
    @pytest.mark.parametrize(
        ("lying", "oblique", "dial"),
        [
            (Lying.PRONE, 30.0, 30.0),
            (Lying.SUPINE, 180.0, 0.0),
            (Lying.SUPINE, -160.0, -20.0),  # from the front and the patient's right
            (Lying.SUPINE, 150.0, 30.0),
            (Lying.LEFT_UP, 90.0, 0.0),
            (Lying.LEFT_UP, 60.0, 30.0),
            (Lying.RIGHT_UP, -90.0, 0.0),
            (Lying.RIGHT_UP, -60.0, 30.0),
        ],
    )
    def test_counts_from_vertical(self, lying: Lying, oblique: float, dial: float) -> None:
        assert lying.dial_deg(oblique) == pytest.approx(dial)

    @pytest.mark.parametrize(
        ("position", "lying"),
        [
            ("prone, pillow under the abdomen", Lying.PRONE),
            ("supine, neck extended", Lying.SUPINE),
            ("on the left side, knees drawn up", Lying.RIGHT_UP),
            ("on the right side", Lying.LEFT_UP),
            ("lateral, the side to be treated up, or prone", Lying.LEFT_UP),
        ],
    )
    def test_position_says_how_the_patient_lies(self, position: str, lying: Lying) -> None:
        assert lying_of(position, Side.LEFT) is lying

    def test_the_side_that_is_treated_is_up(self) -> None:
        assert lying_of("on the side", Side.RIGHT) is Lying.RIGHT_UP

    def test_a_needle_from_the_front_is_reachable_supine_only(self) -> None:
        front = needle((0.0, 1.0, 0.0))
        assert View.down(front, CArmReach(lying=Lying.SUPINE)).reachable
        assert not View.down(front, CArmReach()).reachable


class TestReach:
    def test_beyond_the_range_is_said(self) -> None:
        (view, *_) = views_of(site(), needle((0.0, -1.0, -1.0)), CArm(tilt_deg=40))
        assert not view.reachable
        assert "tilt of 45 degrees: beyond the C-arm's 40" in view.warnings
        (view, *_) = views_of(site(), needle((0.0, -1.0, -1.0)), CArm(tilt_deg=46))
        assert view.reachable
        assert view.warnings == ()

    def test_a_lateral_may_be_out_of_range(self) -> None:
        views = {view.name: view for view in views_of(site(), STRAIGHT_DOWN, CArm(far_deg=80))}
        assert not views[ViewName.TRUE_LATERAL].reachable
        assert views[ViewName.TRUE_AP].reachable


class TestRoom:
    """A patient of two points, 100 mm behind and 150 mm before the target."""

    around = Surroundings(np.array([[0.0, 100.0, 0.0], [0.0, -150.0, 0.0], [400.0, 0.0, 0.0]]))
    down = (0.0, -1.0, 0.0)

    def test_is_the_gap_less_what_lies_between(self) -> None:
        arm = CArm(gap_mm=700, spare_mm=10)
        assert room_mm(arm, self.around, (0, 0, 0), self.down) == pytest.approx(700 - 250 - 20)

    def test_a_long_needle_takes_its_share(self) -> None:
        arm = CArm(gap_mm=700, spare_mm=10)
        assert room_mm(arm, self.around, (0, 0, 0), self.down, 90) == pytest.approx(700 - 250 - 20)
        assert room_mm(arm, self.around, (0, 0, 0), self.down, 190) == pytest.approx(700 - 340 - 20)

    def test_what_lies_beside_the_beam_is_not_in_the_way(self) -> None:
        arm = CArm(gap_mm=700, spare_mm=10)
        assert room_mm(arm, self.around, (0, 0, 0), (-1.0, 0.0, 0.0)) == pytest.approx(700 - 400 - 20)

    def test_a_view_that_does_not_fit_is_not_reachable(self) -> None:
        views = views_of(site(), STRAIGHT_DOWN, CArm(gap_mm=200), self.around)
        down = next(view for view in views if view.name is ViewName.BULLS_EYE)
        assert down.room_mm is not None
        assert down.room_mm < 0
        assert not down.reachable
        assert "more than the C-arm leaves free" in down.warnings[0]


class TestSettingsFile:
    def test_keeps_what_it_leaves_out(self, tmp_path: Path) -> None:
        path = tmp_path / "carm.yaml"
        path.write_text("tilt_deg: 45\n")
        assert read_carm(path) == CArm(tilt_deg=45.0)
        path.write_text("")
        assert read_carm(path) == CArm()

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("tilt_deg: -3", "tilt_deg"),
            ("tilt: 3", "What it may hold: oblique_deg"),
            ("[1, 2", "is not YAML"),
            ("- 3", "dictionary"),
        ],
    )
    def test_faults_name_the_file_and_the_field(self, tmp_path: Path, text: str, words: str) -> None:
        path = tmp_path / "carm.yaml"
        path.write_text(text)
        with pytest.raises(UsageError, match=r"carm\.yaml") as caught:
            read_carm(path)
        assert words in str(caught.value)

    def test_a_missing_file_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"none\.yaml"):
            read_carm(tmp_path / "none.yaml")
