"""One fixed subject with most of what makes a procedure difficult."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from procguide.phantom.population.balance import settled
from procguide.phantom.population.draw_bones import curve_of, draw_vertebrae
from procguide.phantom.population.morphometry import PHANTOM_LEVELS, mean_shapes
from procguide.phantom.population.parameters import Hardware, LevelWear, PhantomParameters, SideJitter
from procguide.phantom.population.person import Person
from procguide.phantom.population.sample import sample_parameters

__all__ = ["difficult_parameters"]

SEED = 90_001
_WEAR = {
    "T8": LevelWear(disc=0.40, osteophyte=3.5),
    "T9": LevelWear(disc=0.45, osteophyte=4.5),
    "T10": LevelWear(disc=0.40, osteophyte=4.0),
    "T11": LevelWear(disc=0.40, osteophyte=3.0),
    "T12": LevelWear(disc=0.45, osteophyte=3.0, wedge=0.28, biconcave=0.10),
    "L1": LevelWear(disc=0.55, bulge=2.0, schmorl_upper=4.5, osteophyte=3.5, facets=0.3),
    "L2": LevelWear(
        disc=0.75, bulge=3.0, schmorl_lower=5.0, osteophyte=6.5, facets=0.55, central_stenosis=0.45,
        foraminal_right=0.55,
    ),
    "L3": LevelWear(
        disc=0.85, bulge=4.0, osteophyte=8.0, facets=0.85, central_stenosis=0.85, foraminal_left=0.4,
        foraminal_right=0.75, slip=3.0,
    ),
    "L4": LevelWear(disc=0.70, bulge=2.0, osteophyte=5.0, facets=0.6, central_stenosis=0.2),
    "L5": LevelWear(disc=0.60, bulge=2.5, osteophyte=3.5, facets=0.5, foraminal_left=0.5),
    "L6": LevelWear(disc=0.35, bulge=1.0, osteophyte=1.5, facets=0.35),
}  # fmt: skip


def difficult_parameters() -> PhantomParameters:
    """A woman of 72: lumbar scoliosis, six lumbar vertebrae, stenosis above a fusion of L4 and L5.

    Scoliosis of 22 degrees, convex to the left with its apex at L2, vertebrae turned with it; central
    stenosis worst at L3-L4, next to the screws; a wedged T12; thin bone. Always the same.
    """
    base = sample_parameters(SEED, healthy=True)
    person = Person(72, "female", 160.0, 70.0, 0.955)
    levels = (*PHANTOM_LEVELS, "L6")
    bones, joints = mean_shapes(levels)
    rng = np.random.default_rng([SEED, 2])
    pelvis = replace(base.pelvis, sacral_slope_deg=36.0, incidence_deg=54.0, sacrum_length=103.0)
    pelvis, shapes = settled(pelvis, draw_vertebrae(rng, person, bones), _WEAR, 44.0, 2.0)
    tilts, turns = curve_of(levels, 23.0, 6.0, 4.2, rng.normal(0, 0.4, (2, len(levels))))
    return replace(
        base, age=72, sex="female", height_cm=160.0, weight_kg=70.0, size=person.size, levels=levels,
        vertebrae=shapes, facets=joints, left=_sides(base.left), right=_sides(base.right), tilts_deg=tilts,
        turns_deg=turns, wear=dict(_WEAR), trabecular_hu=92.0, pelvis=pelvis,
        body=replace(base.body, half_width=160.0, front=104.0, fat_back=20.0, fat_front=24.0, fat_side=18.0,
                     muscle=0.9, muscle_fat=0.34, visceral_fat=0.5),
        neural=replace(base.neural, conus=("L1", 0.55), sac_end=("S2", 0.1), epidural_fat=0.9),
        hardware=Hardware(screws=("L4", "L5"), screw_diameter=6.5, laminectomy=("L4",)),
    )  # fmt: skip


def _sides(drawn: Mapping[str, SideJitter]) -> dict[str, SideJitter]:
    """The sixth lumbar vertebra is as uneven as the fifth."""
    return dict(drawn) | {"L6": drawn["L5"]}
