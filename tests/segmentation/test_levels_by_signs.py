"""Names from landmarks, on columns whose signs are written down."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest

from procguide.anatomy import Anchor, Side
from procguide.errors import InputUnfitError, UsageError
from procguide.segmentation.formulas import FORMULAS, Formula, State, states_of
from procguide.segmentation.naming import name_from_signs
from procguide.segmentation.rib_signs import Rib
from procguide.segmentation.signs import ColumnSigns, VertebraSigns
from procguide.segmentation.trellis import MOVES, Labelling, mixed, solve

BOTH, ONE, BARE, UNSEEN = "both", "one", "bare", "unseen"
_RIBS = {
    BOTH: (Rib.SEEN, Rib.SEEN),
    ONE: (Rib.SEEN, Rib.NONE),
    BARE: (Rib.NONE, Rib.NONE),
    UNSEEN: (Rib.HIDDEN, Rib.HIDDEN),
}


def column(
    ribs: list[str],
    *,
    sacrum: bool = True,
    axis: bool = False,
    steps: list[float] | None = None,
    cut_lowest: bool = False,
) -> ColumnSigns:
    """``ribs`` from the lowest vertebra upward; bodies 40 mm wide, 35 mm apart unless ``steps`` says so."""
    heights = np.cumsum([0.0, *(steps or [35.0] * (len(ribs) - 1))])
    vertebrae = tuple(
        VertebraSigns(
            (float(height), 50.0, 50.0),
            40.0,
            not (cut_lowest and n == 0),
            dict(zip(Side, _RIBS[kind], strict=True)),
        )
        for n, (kind, height) in enumerate(zip(ribs, heights, strict=True))
    )
    return ColumnSigns(vertebrae, sacrum, 15.0, axis)


class TestFormulas:
    def test_shares_are_probabilities(self) -> None:
        assert sum(formula.prior for formula in FORMULAS) == pytest.approx(1.0)

    @pytest.mark.parametrize(
        ("formula", "lowest", "count"), [((12, 5), "L5", 24), ((13, 5), "L5", 25), ((12, 6), "L6", 25)]
    )
    def test_names(self, formula: tuple[int, int], lowest: str, count: int) -> None:
        names = Formula(*formula, 0.1).names
        assert (names[-1], len(names), names[1]) == (lowest, count, "C2")

    def test_ribs_are_counted_from_the_lowest_one_up(self) -> None:
        usual = Formula(12, 5, 0.9)
        ribs = [State(usual, position).ribs for position in range(25)]
        assert ribs[:7] == [-1] * 7
        assert ribs[7:19] == list(range(12, 0, -1))
        assert ribs[19:] == [0, -1, -1, -1, -1, -1]


class TestTrellis:
    """Against the sum over every labelling, one by one."""

    STATES = states_of((Formula(1, 2, 0.7), Formula(1, 1, 0.3)))

    def numbers(self, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(5)
        return (
            rng.normal(size=len(self.STATES)),
            rng.normal(size=(count, len(self.STATES))) * 2,
            rng.normal(size=(count - 1, len(MOVES))),
        )

    def test_agrees_with_enumeration(self) -> None:
        start, emission, moves = self.numbers(3)
        found = solve(self.STATES, start, emission, moves)
        assert found is not None
        scores = {}
        for path in product(range(len(self.STATES)), repeat=3):
            states = [self.STATES[n] for n in path]
            up = [lower.position - upper.position for lower, upper in pairwise(states)]
            if len({state.formula for state in states}) > 1 or not set(up) <= set(MOVES):
                continue
            scores[path] = start[path[0]] + sum(emission[n, place] for n, place in enumerate(path))
            scores[path] += sum(moves[n, move] for n, move in enumerate(up))
        best = max(scores, key=lambda path: scores[path])
        total = np.logaddexp.reduce(list(scores.values()))
        assert found.path == tuple(self.STATES[n] for n in best)
        assert found.log_evidence == pytest.approx(total)
        for n in range(3):
            name = found.names[n]
            share = sum(np.exp(v - total) for p, v in scores.items() if self.STATES[p[n]].name == name)
            assert found.certainty[n] == pytest.approx(share)

    def test_nothing_left_is_none(self) -> None:
        start, emission, moves = self.numbers(3)
        assert solve(self.STATES, start, np.full_like(emission, -np.inf), moves) is None

    def test_models_are_weighed_by_what_they_explain(self) -> None:
        usual, other = State(Formula(12, 5, 0.9), 23), State(Formula(12, 6, 0.1), 24)
        likely = Labelling((usual,), (), ({"L5": 0.9, "L6": 0.1},), 0.0)
        unlikely = Labelling((other,), (), ({"L6": 1.0},), np.log(1 / 9))
        found = mixed([likely, unlikely], [0.5, 0.5])
        assert found.names == ("L5",)
        assert found.certainty[0] == pytest.approx(0.9 * 0.9)


class TestAnchors:
    def test_sacrum_alone_leaves_the_variants_open(self) -> None:
        naming = name_from_signs(column([UNSEEN] * 4))
        assert naming.levels == ("L5", "L4", "L3", "L2")
        assert (naming.anchor, naming.anchors) == (Anchor.SACRUM, (Anchor.SACRUM,))
        assert naming.findings == ()
        # Six lumbar vertebrae or four cannot be told from five.
        assert 0.8 < naming.confidence["L5"] < 0.92

    def test_ribs_that_agree_make_it_sure(self) -> None:
        naming = name_from_signs(column([BARE] * 5 + [BOTH] * 3))
        assert naming.levels[:6] == ("L5", "L4", "L3", "L2", "L1", "T12")
        assert naming.anchors == (Anchor.SACRUM, Anchor.LAST_RIB)
        assert naming.findings == ()
        assert naming.confidence["L3"] > 0.97

    def test_the_lowest_rib_alone_is_an_anchor_and_said(self) -> None:
        naming = name_from_signs(column([BARE] * 3 + [BOTH] * 3, sacrum=False))
        assert naming.levels == ("L3", "L2", "L1", "T12", "T11", "T10")
        assert naming.anchor is Anchor.LAST_RIB
        assert [finding.name for finding in naming.findings] == ["level anchor"]
        assert "7% of people" in naming.findings[0].words
        assert 0.85 < naming.confidence["T12"] < 0.97

    @pytest.mark.parametrize(
        "ribs",
        [
            [UNSEEN] * 5,
            [BARE] * 5,
            [BOTH] * 5,
            [BARE, BARE, ONE, BARE, BARE],
            [UNSEEN, UNSEEN, BOTH, BOTH],
            [ONE, BOTH, BOTH],
        ],
    )
    def test_without_a_landmark_nothing_is_guessed(self, ribs: list[str]) -> None:
        with pytest.raises(InputUnfitError, match=r"no sacrum.*--lowest-level.*--level-at"):
            name_from_signs(column(ribs, sacrum=False))
        naming = name_from_signs(column(ribs, sacrum=False), require_anchor=False)
        assert (naming.levels, dict(naming.confidence), naming.anchor) == ((), {}, Anchor.NONE)
        assert [finding.name for finding in naming.findings] == ["level anchor"]

    def test_a_vertebra_cut_below_the_ribs_does_not_show_that_they_are_the_lowest(self) -> None:
        signs = column([BARE, BOTH, BOTH, BOTH], sacrum=False, cut_lowest=True)
        assert name_from_signs(signs, require_anchor=False).anchor is Anchor.NONE

    def test_a_lowest_rib_among_ribs_that_are_hardly_seen_is_not_trusted(self) -> None:
        signs = column([BARE] * 4 + [ONE, ONE, BARE, BARE, ONE], sacrum=False)
        naming = name_from_signs(signs, require_anchor=False)
        assert naming.anchor is Anchor.NONE
        assert "in doubt" in naming.findings[0].words

    def test_axis(self) -> None:
        naming = name_from_signs(column([UNSEEN] * 6, sacrum=False, axis=True, steps=[18.0] * 5))
        assert naming.levels == ("C7", "C6", "C5", "C4", "C3", "C2")
        assert naming.anchor is Anchor.C2
        assert naming.confidence["C7"] > 0.9

    def test_a_whole_spine_is_counted_from_both_ends(self) -> None:
        ribs = [BARE] * 5 + [BOTH] * 12 + [BARE] * 6
        naming = name_from_signs(column(ribs, axis=True))
        assert naming.levels[0] == "L5"
        assert naming.levels[-1] == "C2"
        assert naming.anchors == (Anchor.SACRUM, Anchor.C2, Anchor.LAST_RIB)
        assert min(naming.confidence.values()) > 0.95


class TestVariants:
    def test_six_lumbar(self) -> None:
        naming = name_from_signs(column([BARE] * 6 + [BOTH] * 4))
        assert naming.levels[:7] == ("L6", "L5", "L4", "L3", "L2", "L1", "T12")
        assert "6 lumbar" in naming.findings[0].words

    def test_four_lumbar(self) -> None:
        naming = name_from_signs(column([BARE] * 4 + [BOTH] * 4))
        assert naming.levels[:5] == ("L4", "L3", "L2", "L1", "T12")
        assert "4 lumbar" in naming.findings[0].words

    def test_thirteen_ribs_show_where_the_neck_is_in_view(self) -> None:
        naming = name_from_signs(column([BARE] * 5 + [BOTH] * 13 + [BARE] * 6, axis=True))
        assert naming.levels[5] == "T13"
        assert "13 rib-bearing" in naming.findings[0].words

    def test_eleven_ribs_show_where_the_neck_is_in_view(self) -> None:
        naming = name_from_signs(column([BARE] * 5 + [BOTH] * 11 + [BARE] * 6, axis=True))
        assert naming.levels[4:6] == ("L1", "T11")
        assert "11 rib-bearing" in naming.findings[0].words

    def test_one_rib_more_is_said_and_does_not_move_the_names(self) -> None:
        naming = name_from_signs(column([BARE] * 4 + [ONE] + [BOTH] * 4))
        assert naming.levels[4:6] == ("L1", "T12")
        assert [finding.name for finding in naming.findings] == ["rib count"]
        usual = name_from_signs(column([BARE] * 5 + [BOTH] * 4))
        assert naming.confidence["L5"] < usual.confidence["L5"] - 0.03

    def test_an_image_that_hardly_shows_ribs_does_not_prove_a_sixth_lumbar(self) -> None:
        naming = name_from_signs(column([BARE] * 8 + [ONE, BOTH]))
        assert naming.levels[0] == "L5"
        assert any("no rib was found on T12" in finding.words for finding in naming.findings)

    def test_short_twelfth_ribs_are_no_sixth_lumbar(self) -> None:
        """Six vertebrae without a sure rib: were the highest of them bare, one would be L6."""
        signs = column([BARE] * 6 + [BOTH] * 4)
        assert name_from_signs(signs).levels[0] == "L6"
        naming = name_from_signs(with_ribs(signs, 5, Rib.DOUBTFUL))
        assert naming.levels[5:7] == ("T12", "T11")
        assert min(naming.confidence.values()) > 0.9
        assert not naming.findings


class TestCount:
    def test_a_vertebra_that_was_not_found_is_skipped(self) -> None:
        steps = [35.0, 70.0, 35.0, 34.0, 34.0]
        naming = name_from_signs(column([UNSEEN] * 6, steps=steps))
        assert naming.levels[:3] == ("L5", "L4", "L2")
        assert any("between L2 and L4" in finding.words for finding in naming.findings)

    def test_one_found_twice_has_one_name(self) -> None:
        steps = [35.0, 15.0, 35.0, 34.0, 34.0]
        naming = name_from_signs(column([UNSEEN] * 6, steps=steps))
        assert naming.levels[:4] == ("L5", "L4", "L4", "L3")

    def test_a_low_vertebra_is_one_vertebra(self) -> None:
        """A fracture takes half of a body's height."""
        steps = [35.0, 28.0, 28.0, 34.0, 34.0]
        naming = name_from_signs(column([UNSEEN] * 6, steps=steps))
        assert naming.levels == ("L5", "L4", "L3", "L2", "L1", "T12")


class TestWhatTheUserSays:
    def test_one_name_is_enough(self) -> None:
        naming = name_from_signs(column([UNSEEN] * 4, sacrum=False), stated={2: "L1"})
        assert naming.levels == ("L3", "L2", "L1", "T12")
        assert naming.anchors == (Anchor.USER,)
        assert naming.confidence["L1"] == 1.0
        assert naming.confidence["L3"] > 0.95

    def test_lowest_and_another_that_agree(self) -> None:
        naming = name_from_signs(column([UNSEEN] * 4, sacrum=False), "L3", {2: "L1"})
        assert naming.levels == ("L3", "L2", "L1", "T12")

    @pytest.mark.parametrize("stated", [{0: "L3", 2: "L2"}, {0: "L2", 1: "L3"}, {0: "T3", 3: "T2"}])
    def test_names_that_cannot_all_hold_are_refused(self, stated: dict[int, str]) -> None:
        with pytest.raises(UsageError, match="cannot all hold"):
            name_from_signs(column([UNSEEN] * 4, sacrum=False), None, stated)

    def test_two_names_for_the_lowest_are_refused(self) -> None:
        with pytest.raises(UsageError, match="says L3 and --level-at says L4"):
            name_from_signs(column([UNSEEN] * 3), "L3", {0: "L4"})

    def test_no_formula_has_so_many_below(self) -> None:
        with pytest.raises(UsageError, match="cannot all hold"):
            name_from_signs(column([UNSEEN] * 6, sacrum=False), None, {3: "L5"})

    def test_against_the_landmarks_it_holds_and_is_said(self) -> None:
        naming = name_from_signs(column([BARE] * 5 + [BOTH] * 3), "L3")
        assert naming.levels[0] == "L3"
        assert naming.anchor is Anchor.USER
        assert naming.findings[0].name == "level anchor"
        assert "would be L5 by the sacrum and the ribs" in naming.findings[0].words

    def test_a_sixth_lumbar_that_the_user_names_is_no_contradiction(self) -> None:
        naming = name_from_signs(column([UNSEEN] * 5), "L6")
        assert naming.levels == ("L6", "L5", "L4", "L3", "L2")
        assert [finding.name for finding in naming.findings] == ["vertebral count"]


def with_ribs(signs: ColumnSigns, place: int, rib: Rib) -> ColumnSigns:
    """The same column with another sign on both sides of one vertebra."""
    vertebrae = list(signs.vertebrae)
    vertebrae[place] = replace(vertebrae[place], ribs=dict.fromkeys(Side, rib))
    return replace(signs, vertebrae=tuple(vertebrae))


class TestRibsAtTheBorders:
    def test_a_doubtful_rib_on_a_cut_vertebra_tells_nothing(self) -> None:
        ribs = [BARE, BARE, BARE, BOTH, BOTH, BOTH]
        cut = column(ribs, sacrum=False, cut_lowest=True)
        assert name_from_signs(with_ribs(cut, 0, Rib.DOUBTFUL)) == name_from_signs(cut)
        whole = column(ribs, sacrum=False)
        assert name_from_signs(with_ribs(whole, 0, Rib.DOUBTFUL)) != name_from_signs(whole)

    def test_a_first_rib_out_of_view_makes_no_eleven(self) -> None:
        named = name_from_signs(column([BARE, BARE, BARE, *[BOTH] * 11, BARE], sacrum=False))
        assert named.levels[0] == "L3"
        assert named.levels[3] == "T12"
        assert named.levels[-1] == "T1"
