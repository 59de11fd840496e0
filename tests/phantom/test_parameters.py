"""Subjects as numbers."""

import json

import numpy as np
import pytest

from procguide.errors import UsageError
from procguide.phantom import parameters_from_json, parameters_to_json, sample_parameters
from procguide.phantom.population.morphometry import VERTEBRAE


def test_same_seed_same_subject() -> None:
    assert sample_parameters(4) == sample_parameters(4)
    assert sample_parameters(4) != sample_parameters(5)


def test_json_round_trip() -> None:
    parameters = sample_parameters(9)
    text = json.dumps(parameters_to_json(parameters))
    assert parameters_from_json(json.loads(text)) == parameters


def test_foreign_json_is_refused() -> None:
    with pytest.raises(UsageError, match="phantom parameters"):
        parameters_from_json({"seed": 1})


def test_population_keeps_to_the_published_means() -> None:
    subjects = [sample_parameters(seed) for seed in range(200)]
    for level, mean in VERTEBRAE.items():
        for name in ("width_upper", "body_height", "canal_width", "pedicle_width", "pedicle_height"):
            values = np.array([getattr(s.vertebrae[level], name) for s in subjects if level in s.vertebrae])
            assert abs(values.mean() / getattr(mean, name) - 1) < 0.04, (level, name)
            assert values.std() > 0.01 * values.mean()


def test_women_are_smaller_on_the_mean() -> None:
    subjects = [sample_parameters(seed) for seed in range(200)]
    size = {sex: np.mean([s.size for s in subjects if s.sex == sex]) for sex in ("female", "male")}
    assert 1.03 < size["male"] / size["female"] < 1.20


def test_trunk_stands_over_the_pelvis() -> None:
    for seed in range(60):
        subject = sample_parameters(seed)
        lean = subject.pelvis.sacral_slope_deg - sum(
            shape.disc_wedge_deg + shape.body_wedge_deg
            for level, shape in subject.vertebrae.items()
            if level.startswith("L")
        )
        assert -24.1 <= lean <= -1.9
