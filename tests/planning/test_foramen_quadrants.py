"""The foramen's quadrants against what a phantom's truth has in them and round them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from procguide.anatomy import Region, Side
from procguide.geometry import AnatomicalFrame
from procguide.phantom import Phantom, PhantomParameters, build, sample_parameters
from procguide.phantom.assemble import assemble
from procguide.phantom.population.parameters import NeuralShape
from procguide.phantom.truth.spine import true_spine
from procguide.planning.structures.quadrants import Quadrant, foramen_frame, quadrant_at

SEEDS = (2, 7)
LEVELS = ("L1", "L2", "L3", "L4", "L5")
FORAMINA = [(seed, level, side) for seed in SEEDS for level in LEVELS for side in Side]


@lru_cache(maxsize=2)
def subject(seed: int) -> Phantom:
    return build(sample_parameters(seed), 1.25, box=((-50, -45, -40), (50, 95, 190)))


def frame_of(phantom: Phantom, level: str, side: Side) -> AnatomicalFrame:
    spine = phantom.spine
    return foramen_frame(spine.vertebra(level), spine.below(level), side)


def shares(phantom: Phantom, frame: AnatomicalFrame, *regions: Region) -> dict[Quadrant, float]:
    """Of tissues about the opening (6 mm to either side of its middle, 13 mm round it), by quadrant."""
    points = phantom.tissues.to_patient(np.argwhere(phantom.tissues.mask(*regions)))
    left, posterior, superior = frame.to_local(points).T
    points = points[(np.abs(left) < 6) & (np.hypot(posterior, superior) < 13)]
    found = [quadrant_at(frame, point) for point in points]
    return {quadrant: found.count(quadrant) / max(len(found), 1) for quadrant in Quadrant}


@pytest.mark.parametrize(("seed", "level", "side"), FORAMINA)
def test_ganglion_lies_above_disc_before_and_joint_behind(seed: int, level: str, side: Side) -> None:
    phantom = subject(seed)
    frame = frame_of(phantom, level, side)
    ganglion = shares(phantom, frame, Region.GANGLION)
    assert ganglion[Quadrant.ANTEROSUPERIOR] + ganglion[Quadrant.POSTEROSUPERIOR] > 0.98
    disc = shares(phantom, frame, Region.DISC, Region.ANNULUS_FIBROSUS)
    assert disc[Quadrant.ANTEROINFERIOR] > 0.8
    assert disc[Quadrant.ANTEROSUPERIOR] + disc[Quadrant.ANTEROINFERIOR] > 0.98
    if level != "L5":  # the sacrum's process stands farther back
        process = shares(phantom, frame, Region.SUPERIOR_ARTICULAR_PROCESS)
        assert process[Quadrant.POSTEROINFERIOR] > 0.7
        assert process[Quadrant.POSTEROSUPERIOR] + process[Quadrant.POSTEROINFERIOR] > 0.98


@pytest.mark.parametrize(("seed", "level", "side"), FORAMINA)
def test_kambins_zone_lies_below(seed: int, level: str, side: Side) -> None:
    phantom = subject(seed)
    wanted = ("transforaminal_esi_kambin", level, side)
    zone = next(one for one in phantom.zones if (one.procedure, one.level, one.side) == wanted)
    quadrant = quadrant_at(frame_of(phantom, level, side), zone.centre)
    assert quadrant in (Quadrant.ANTEROINFERIOR, Quadrant.POSTEROINFERIOR)


@pytest.mark.parametrize("level", ["T12", "L1", "L2"])
@pytest.mark.parametrize("side", list(Side))
def test_artery_of_adamkiewicz_enters_anterosuperior(level: str, side: Side) -> None:
    neural = NeuralShape(adamkiewicz_level=level, adamkiewicz_side=side.value)
    anatomy = assemble(replace(PhantomParameters(), neural=neural))
    spine = true_spine(anatomy)
    artery = next(course for course in anatomy.nerves.courses if "Adamkiewicz" in course.name)
    frame = foramen_frame(spine.vertebra(level), spine.below(level), side)
    assert quadrant_at(frame, artery.points[0]) is Quadrant.ANTEROSUPERIOR


@pytest.mark.parametrize("side", list(Side))
def test_names_do_not_change_with_the_side(side: Side) -> None:
    phantom = subject(SEEDS[0])
    frame = frame_of(phantom, "L3", side)
    corners = {(-1, 1): "anterosuperior", (1, 1): "posterosuperior", (-1, -1): "anteroinferior"}
    corners[1, -1] = "posteroinferior"
    for (back, up), name in corners.items():
        assert quadrant_at(frame, frame.to_patient((5.0 * side.sign, 3.0 * back, 3.0 * up))) == name
