"""Phantoms that several tests share: built once."""

import pytest

from procguide.phantom import Phantom, PhantomParameters, build, sample_parameters

SEEDS = (3, 11)


@pytest.fixture(scope="session", params=SEEDS)
def phantom(request: pytest.FixtureRequest) -> Phantom:
    """Two subjects at 1.5 mm, the trunk's middle only."""
    return build(sample_parameters(request.param), 1.5, box=((-80, -80, -130), (80, 110, 400)))


@pytest.fixture(scope="session")
def mean_phantom() -> Phantom:
    """The mean subject, whole body, coarse."""
    return build(PhantomParameters(), 2.5)
