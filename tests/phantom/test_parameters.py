"""Subjects as numbers."""

import json
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procguide.errors import UsageError
from procguide.phantom import parameters_from_json, parameters_to_json, sample_parameters
from procguide.phantom.population.difficult import difficult_parameters
from procguide.phantom.population.parameters import (
    Hardware,
    LevelWear,
    PhantomParameters,
    SideJitter,
)

SHARE = st.floats(0, 1, allow_nan=False)
WEAR = st.builds(LevelWear, *[SHARE for _ in fields(LevelWear)])
HARDWARE = st.builds(
    Hardware,
    screws=st.lists(st.sampled_from(["L3", "L4", "L5"]), unique=True).map(tuple),
    screw_diameter=st.floats(4, 8),
    cement=st.lists(st.tuples(st.sampled_from(["T12", "L1"]), st.floats(0.5, 8)), max_size=2).map(tuple),
    laminectomy=st.lists(st.sampled_from(["L4", "L5"]), max_size=2).map(tuple),
)


def round_trip(parameters: PhantomParameters) -> PhantomParameters:
    return parameters_from_json(json.loads(json.dumps(parameters_to_json(parameters))))


class TestSeed:
    def test_same_seed_same_subject(self) -> None:
        assert sample_parameters(4) == sample_parameters(4)
        assert sample_parameters(4) != sample_parameters(5)

    def test_healthy_is_the_same_person_without_wear(self) -> None:
        for seed in (11, 46, 47, 54):
            drawn, healthy = sample_parameters(seed), sample_parameters(seed, healthy=True)
            assert (drawn.age, drawn.sex, drawn.size) == (healthy.age, healthy.sex, healthy.size)
            assert drawn.pelvis.sacrum_length == healthy.pelvis.sacrum_length
            assert healthy.wear == {}
            assert healthy.hardware == Hardware()
            assert healthy.levels[-1] == "L5"
            assert healthy.sacralised == 0
            assert max(map(abs, healthy.tilts_deg.values())) < 9

    def test_every_mapping_speaks_of_the_levels_there_are(self) -> None:
        for seed in (0, 46, 47, 54, 220):
            subject = sample_parameters(seed)
            for name in ("vertebrae", "facets", "left", "right", "tilts_deg", "turns_deg", "wear"):
                assert set(getattr(subject, name)) == set(subject.levels), (seed, name)
            assert set(subject.hardware.screws) <= set(subject.levels)
            assert subject.neural.conus[0] in subject.levels


class TestJson:
    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, 2**31), st.booleans())
    def test_round_trip_is_exact(self, seed: int, healthy: bool) -> None:
        parameters = sample_parameters(seed, healthy=healthy)
        assert round_trip(parameters) == parameters

    @settings(max_examples=25, deadline=None)
    @given(st.dictionaries(st.sampled_from(["T12", "L4", "L5"]), WEAR), HARDWARE, SHARE)
    def test_round_trip_of_anything(
        self, wear: dict[str, LevelWear], hardware: Hardware, joined: float
    ) -> None:
        parameters = PhantomParameters(
            wear=wear, hardware=hardware, sacralised=joined, left={"L4": SideJitter(pedicle=joined)}
        )
        assert round_trip(parameters) == parameters

    def test_difficult_subject(self) -> None:
        assert round_trip(difficult_parameters()) == difficult_parameters()

    @pytest.mark.parametrize("data", [{"seed": 1}, {}, {"vertebrae": 3}])
    def test_foreign_json_is_refused(self, data: dict[str, object]) -> None:
        with pytest.raises(UsageError, match="phantom parameters"):
            parameters_from_json(data)

    @pytest.mark.parametrize("place", ["", "pelvis", "body", "neural", "hardware"])
    def test_unknown_names_are_refused(self, place: str) -> None:
        data = parameters_to_json(sample_parameters(1))
        (data[place] if place else data)["shoe_size"] = 43
        with pytest.raises(UsageError, match="shoe_size"):
            parameters_from_json(data)

    @pytest.mark.parametrize("place", ["vertebrae", "facets", "left", "right", "wear"])
    def test_unknown_names_of_a_level_are_refused(self, place: str) -> None:
        data = parameters_to_json(sample_parameters(1))
        data[place]["L3"]["shoe_size"] = 43
        with pytest.raises(UsageError, match="shoe_size"):
            parameters_from_json(data)


class TestDifficult:
    def test_is_difficult(self) -> None:
        subject = difficult_parameters()
        tilts = list(subject.tilts_deg.values())
        assert 20 <= max(tilts) - min(tilts) <= 25
        assert subject.levels[-1] == "L6"
        assert len(subject.hardware.screws) == 2
        assert max(wear.central_stenosis for wear in subject.wear.values()) > 0.7
