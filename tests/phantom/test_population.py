"""The population against the papers."""

import numpy as np
import pytest

from procguide.phantom import PhantomParameters, build, difficult_parameters, sample_parameters
from procguide.phantom.bones.wear import worn_shape
from procguide.phantom.population import prevalence as published
from procguide.phantom.population.balance import lumbar_lordosis, trunk_lean
from procguide.phantom.population.draw_rest import draw_levels
from procguide.phantom.population.findings import FINDINGS
from procguide.phantom.population.liability import shift_for
from procguide.phantom.population.prevalence import Prevalence
from procguide.phantom.population.published import PUBLISHED, Published, measured

SUBJECTS = 500


@pytest.fixture(scope="module")
def subjects() -> list[PhantomParameters]:
    return [sample_parameters(seed) for seed in range(20_000, 20_000 + SUBJECTS)]


class TestSizes:
    @pytest.mark.parametrize("figure", PUBLISHED, ids=lambda f: f"{f.measure} {f.level} {f.mean}")
    def test_mean_and_spread(self, figure: Published, subjects: list[PhantomParameters]) -> None:
        mean, spread, number = measured(figure, subjects)
        noise = 2.5 * spread / number**0.5
        assert abs(mean - figure.mean) <= figure.tolerance + (noise if number < 100 else 0)
        assert spread > 0
        if figure.sd is not None:
            # Measuring adds to a paper's spread, choosing the young and healthy takes from it.
            assert 0.4 < spread / figure.sd < 2.6

    def test_women_are_smaller(self, subjects: list[PhantomParameters]) -> None:
        mean = {
            sex: {
                name: np.mean([getattr(s.vertebrae["L4"], name) * s.size for s in subjects if s.sex == sex])
                for name in ("depth_upper", "body_height", "pedicle_width", "canal_width", "canal_depth")
            }
            for sex in ("female", "male")
        }
        ratio = {name: mean["male"][name] / mean["female"][name] for name in mean["male"]}
        # Int J Spine Surg 2021;15:1072, L5.
        expected = {
            "depth_upper": 1.11, "body_height": 1.04, "pedicle_width": 1.10, "canal_width": 1.03,
            "canal_depth": 1.05,
        }  # fmt: skip
        for name, value in expected.items():
            assert abs(ratio[name] - value) < 0.03, name

    def test_size_follows_stature(self, subjects: list[PhantomParameters]) -> None:
        assert np.corrcoef([s.height_cm for s in subjects], [s.size for s in subjects])[0, 1] > 0.6

    def test_trunk_stands_over_the_pelvis(self, subjects: list[PhantomParameters]) -> None:
        lean = [trunk_lean(s.vertebrae, s.wear, s.pelvis.sacral_slope_deg) for s in subjects]
        assert max(map(abs, lean)) < 16
        assert np.std(lean) < 5
        slopes = [s.pelvis.sacral_slope_deg for s in subjects]
        lordosis = [lumbar_lordosis(s.vertebrae) for s in subjects]
        assert np.corrcoef(slopes, lordosis)[0, 1] > 0.6

    def test_discs_stay_open(self, subjects: list[PhantomParameters]) -> None:
        for subject in subjects:
            for level in subject.levels:
                shape = worn_shape(subject.vertebrae[level], subject.worn(level))
                depth = (shape.depth_upper + shape.depth_lower) / 2
                rim = shape.disc_height - depth * np.tan(np.radians(abs(shape.disc_wedge_deg) / 2))
                assert rim > 0.8, (subject.seed, level)


class TestPrevalence:
    @pytest.mark.parametrize("name", FINDINGS)
    @pytest.mark.parametrize("ages", [(20, 50), (50, 65), (65, 93)], ids=str)
    def test_by_age(self, name: str, ages: tuple[int, int], subjects: list[PhantomParameters]) -> None:
        ours, expected, number = FINDINGS[name].shares(s for s in subjects if ages[0] <= s.age < ages[1])
        # Height loss follows from degeneration and is not drawn by its own prevalence.
        allowed = 0.10 if name == "loss of disc height" else 0.04
        assert abs(ours - expected) < allowed + 2.5 * np.sqrt(expected * (1 - expected) / number)

    def test_lower_discs_are_worn_most(self, subjects: list[PhantomParameters]) -> None:
        mean = {
            level: np.mean([s.wear[level].disc for s in subjects if level in s.wear])
            for level in ("T10", "L1", "L3", "L4", "L5")
        }
        assert mean["T10"] < mean["L1"] < mean["L3"] < min(mean["L4"], mean["L5"])

    def test_facets_by_level(self, subjects: list[PhantomParameters]) -> None:
        # Kalichman et al., Spine 2008;33:2560, subjects of about 53 years.
        group = [s for s in subjects if 40 <= s.age <= 66 and len(s.levels) == 10]
        for level, share in {"L2": 0.151, "L3": 0.306, "L4": 0.451, "L5": 0.382}.items():
            ours = np.mean([FINDINGS["facet arthrosis"].at(s, level) for s in group])
            assert abs(ours - share) < 0.15, level

    def test_wear_comes_together(self, subjects: list[PhantomParameters]) -> None:
        wear = [s.wear["L4"] for s in subjects if 45 <= s.age <= 65 and "L4" in s.wear]
        disc = [w.disc for w in wear]
        assert np.corrcoef(disc, [w.bulge for w in wear])[0, 1] > 0.3
        assert np.corrcoef(disc, [w.facets for w in wear])[0, 1] > 0.3

    def test_worn_discs_are_low(self, subjects: list[PhantomParameters]) -> None:
        def height(s: PhantomParameters) -> float:
            return worn_shape(s.vertebrae["L4"], s.worn("L4")).disc_height

        kept = {worn: [height(s) for s in subjects if (s.wear["L4"].disc > 0.6) == worn]
                for worn in (False, True)}  # fmt: skip
        assert np.mean(kept[True]) < 0.85 * np.mean(kept[False])

    def test_scoliosis(self, subjects: list[PhantomParameters]) -> None:
        cobb = np.array([np.ptp(list(s.tilts_deg.values())) for s in subjects])
        expected = np.mean([published.SCOLIOSIS.share(s.age) for s in subjects])
        assert abs(np.mean(cobb >= 11) - expected) < 0.05
        assert cobb.max() < 45

    def test_vertebrae_turn_with_the_curve(self, subjects: list[PhantomParameters]) -> None:
        for subject in subjects:
            tilts = np.array(list(subject.tilts_deg.values()))
            if np.ptp(tilts) > 20:
                assert np.ptp(list(subject.turns_deg.values())) > 5

    def test_variants(self) -> None:
        drawn = [draw_levels(np.random.default_rng([seed, 1, 1])) for seed in range(4000)]
        share = {
            "L6": np.mean([levels[-1] == "L6" for levels, _ in drawn]),
            "no L5": np.mean([levels[-1] == "L4" for levels, _ in drawn]),
            "T13": np.mean(["T13" in levels for levels, _ in drawn]),
            "sacralised": np.mean([levels[-1] == "L5" and joined > 0 for levels, joined in drawn]),
        }
        for name, expected in published.VARIANTS.items():
            assert abs(share[name] - expected) < 3 * np.sqrt(expected / len(drawn)) + 0.005, name

    def test_conus_and_artery(self, subjects: list[PhantomParameters]) -> None:
        usual = [s for s in subjects if "T13" not in s.levels]
        place = [s.levels.index(s.neural.conus[0]) - 5 + s.neural.conus[1] for s in usual]
        # Mean in the lower third of L1 (a body is about three quarters of its level).
        assert 0.5 < np.mean(place) < 0.78
        assert min(place) > -0.62
        assert max(place) < 2.25
        left = np.mean([s.neural.adamkiewicz_side == "left" for s in subjects])
        assert abs(left - 0.766) < 0.05
        high = np.mean(
            [s.neural.adamkiewicz_level in ("T8", "T9", "T10", "T11", "T12", "L1") for s in subjects]
        )
        assert high > 0.88

    def test_bone_thins_with_age(self, subjects: list[PhantomParameters]) -> None:
        slope = np.polyfit([s.age for s in subjects], [s.trabecular_hu for s in subjects], 1)[0]
        assert -2.8 < slope < -1.6


class TestBuilt:
    @pytest.mark.parametrize("seed", [46, 47, 220, None], ids=["L6", "no L5", "T13", "difficult"])
    def test_variants_can_be_built(self, seed: int | None) -> None:
        subject = difficult_parameters() if seed is None else sample_parameters(seed)
        phantom = build(subject, 6.0, box=((-45, -70, -40), (45, 90, 130)))
        found = {phantom.levels.names[n] for n in np.unique(phantom.levels.voxels) if n}
        assert {subject.levels[-1], "sacrum"} <= found


class TestLiability:
    @pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
    def test_shift_gives_the_share(self, share: float) -> None:
        offsets, common = (-0.5, 0.0, 0.4), 0.75
        rng = np.random.default_rng(1)
        subject, level = rng.normal(size=(20_000, 1)), rng.normal(size=(20_000, 3))
        high = common * subject + np.sqrt(1 - common**2) * level + offsets + shift_for(share, offsets, common)
        assert abs((high > 0).any(axis=1).mean() - share) < 0.01

    def test_between_ages_it_is_interpolated(self) -> None:
        finding = Prevalence((20.0, 40.0), (0.1, 0.3), {}, "")
        assert finding.share(30) == pytest.approx(0.2)
        assert finding.share(90) == pytest.approx(0.3)
