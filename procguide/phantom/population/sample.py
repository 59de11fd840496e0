"""A subject drawn from the population: the same seed gives the same subject."""

from __future__ import annotations

import numpy as np

from procguide.phantom.population.balance import TRUNK_LEAN_DEG, draw_lordosis, settled
from procguide.phantom.population.draw_bones import (
    draw_facets,
    draw_jitters,
    draw_pelvis,
    draw_scoliosis,
    draw_vertebrae,
)
from procguide.phantom.population.draw_rest import draw_body, draw_hardware, draw_levels, draw_neural
from procguide.phantom.population.draw_wear import draw_wear
from procguide.phantom.population.morphometry import PHANTOM_LEVELS, mean_shapes
from procguide.phantom.population.parameters import Hardware, PhantomParameters
from procguide.phantom.population.person import draw_person
from procguide.phantom.population.prevalence import trabecular_hu_of

__all__ = ["sample_parameters"]

_PERSON, _LEVELS, _WEAR, _BONES, _PELVIS, _CURVE, _NEURAL, _BODY, _HARDWARE, _DENSITY = range(10)


def sample_parameters(seed: int, *, healthy: bool = False) -> PhantomParameters:
    """A subject drawn from the population; the same seed gives the same subject.

    ``healthy``: the same person with the usual 24 presacral vertebrae, without wear, injury, scoliosis and
    hardware. Every part has random numbers of its own, so that a change to one leaves the others.
    """
    rng = [np.random.default_rng([seed, 1, part]) for part in range(10)]
    person = draw_person(rng[_PERSON])
    levels, sacralised = draw_levels(rng[_LEVELS])
    if healthy:
        levels, sacralised = PHANTOM_LEVELS, 0.0
    deviation = float(np.clip(rng[_DENSITY].normal(), -2.5, 2.5))
    wear = {} if healthy else draw_wear(rng[_WEAR], person, levels, deviation)
    bones, joints = mean_shapes(levels)
    pelvis = draw_pelvis(rng[_PELVIS], person)
    shapes = draw_vertebrae(rng[_BONES], person, bones)
    lordosis, lean = draw_lordosis(rng[_PELVIS], pelvis), float(rng[_PELVIS].normal(*TRUNK_LEAN_DEG))
    pelvis, shapes = settled(pelvis, shapes, wear, lordosis, lean)
    tilts, turns = draw_scoliosis(rng[_CURVE], person, levels, healthy=healthy)
    mean_hu, spread_hu = trabecular_hu_of(person.age)
    return PhantomParameters(
        seed=seed,
        age=person.age,
        sex=person.sex,
        height_cm=person.height_cm,
        weight_kg=person.weight_kg,
        size=person.size,
        levels=levels,
        vertebrae=shapes,
        facets=draw_facets(rng[_BONES], person, joints),
        left=draw_jitters(rng[_BONES], levels),
        right=draw_jitters(rng[_BONES], levels),
        tilts_deg=tilts,
        turns_deg=turns,
        wear=wear,
        sacralised=sacralised,
        trabecular_hu=float(max(20.0, mean_hu + spread_hu * deviation)),
        spinous_thickness=float(rng[_BONES].normal(7.0, 0.8)),
        rib_lengths=(
            float(rng[_BODY].uniform(150, 230)),
            float(np.clip(rng[_BODY].normal(110, 30), 35, 170)),
        ),
        pelvis=pelvis,
        body=draw_body(rng[_BODY], person),
        neural=draw_neural(rng[_NEURAL], person, levels),
        hardware=Hardware() if healthy else draw_hardware(rng[_HARDWARE], person, wear),
    )
