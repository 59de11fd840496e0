"""Bones of one subject: vertebrae, facet joints, their asymmetry, the spine's curves, the pelvis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace

import numpy as np

from procguide.phantom.population.morphometry import FacetShape, VertebraShape
from procguide.phantom.population.parameters import PelvisShape, SideJitter
from procguide.phantom.population.person import Person
from procguide.phantom.population.prevalence import SCOLIOSIS
from procguide.phantom.population.spread import ANGLES, DISC_WEDGE, LENGTHS, spread_of

__all__ = [
    "curve_of",
    "draw_facets",
    "draw_jitters",
    "draw_pelvis",
    "draw_scoliosis",
    "draw_vertebrae",
]


def draw_vertebrae(
    rng: np.random.Generator, person: Person, means: Mapping[str, VertebraShape]
) -> dict[str, VertebraShape]:
    """Shapes that vary by subject and by level, before wear: discs have the height they had in youth."""
    common = {name: rng.normal(1.0, spread.subject) for name, spread in LENGTHS.items()}
    turned = {name: rng.normal(0.0, spread.subject) for name, spread in ANGLES.items()}
    wedged = 1.0 if person.female else -1.0
    shapes = {}
    for level, mean in means.items():
        changed = {name: value * rng.normal(1.0, LENGTHS[name].level) for name, value in common.items()}
        values: dict[str, float] = {}
        for item in fields(mean):
            value = getattr(mean, item.name)
            if item.name in ANGLES:
                value += turned[item.name] + rng.normal(0.0, ANGLES[item.name].level)
            elif (spread := spread_of(item.name)) is not None:
                name = next(n for n in LENGTHS if item.name.startswith(n))
                value *= changed[name] * person.size ** (spread.size_power - 1.0)
            values[item.name] = float(value)
        values["body_wedge_deg"] += wedged
        values["disc_wedge_deg"] += float(rng.normal(0.0, DISC_WEDGE.get(level, 1.2)))
        shapes[level] = VertebraShape(**values)
    return shapes


def draw_facets(
    rng: np.random.Generator, person: Person, means: Mapping[str, FacetShape]
) -> dict[str, FacetShape]:
    """Facet joints: orientation, size, gap.

    Angles of a level differ by 8.3 (T12-L1) to 12.4 degrees (L5-S1) between sides and subjects (Spine
    2016;41:E1138, 599 spines); other spreads are assumed.
    """
    angle, wide, bulk = rng.normal(0, 6.0), rng.normal(1, 0.05), rng.normal(1, 0.06)
    gap = rng.uniform(1.2, 2.1) - 0.004 * max(0, person.age - 40)
    joints = {}
    for level, mean in means.items():
        # The lower lumbar joints differ most.
        turned = (angle + rng.normal(0, 5.0)) * (1.3 if level in ("L4", "L5", "L6") else 1.0)
        joints[level] = replace(
            mean,
            half_distance=float(mean.half_distance * wide + rng.normal(0, 0.5)),
            behind=float(mean.behind + rng.normal(0, 0.6)),
            angle_deg=float(np.clip(mean.angle_deg + turned, 5, 82)),
            width=float(mean.width * bulk * rng.normal(1, 0.05)),
            height=float(mean.height * bulk * rng.normal(1, 0.05)),
            gap=float(np.clip(gap + rng.normal(0, 0.15), 0.8, 2.4)),
        )
    return joints


def draw_jitters(rng: np.random.Generator, levels: tuple[str, ...]) -> dict[str, SideJitter]:
    """What makes one side differ from the other."""
    return {
        level: SideJitter(
            pedicle=float(rng.normal(1, 0.04)),
            process_length=float(rng.normal(1, 0.05)),
            process_up_deg=float(rng.normal(0, 4)),
            facet_size=float(rng.normal(1, 0.05)),
            facet_angle_deg=float(rng.normal(0, 3.7)),
        )
        for level in levels
    }


def draw_pelvis(rng: np.random.Generator, person: Person) -> PelvisShape:
    """Sacrum and ilia.

    Incidence 50.5 +- 11.4 degrees: Sci Rep 2022 (doi 10.1038/s41598-022-21840-x, 324 subjects); slope = 0.54
    incidence + 11.9: Eur Spine J 2016;25:3630. Sacrum: height 98 +- 9 mm in 78 women (Oman Med J,
    PMC5799488), 107 +- 10 and width 104 +- 7 in 30 bones, 103 +- 10 and 108 +- 6 in 32 (of unknown sex).
    Lengths grow with ``size`` later on. The rest is assumed; women's wings flare more.
    """
    female = person.female
    incidence = float(np.clip(rng.normal(51.0 if female else 50.0, 11.0), 25, 80))
    slope = 0.54 * incidence + 11.9 + rng.normal(0, 5.0)
    return PelvisShape(
        sacral_slope_deg=float(np.clip(slope, 18, 60)),
        incidence_deg=incidence,
        sacrum_length=float(np.clip(rng.normal(103 if female else 105, 7.5), 82, 130)),
        sacrum_half_width=float(rng.normal(55.5 if female else 53, 2.8)),
        sacrum_curve_deg=float(np.clip(rng.normal(62, 14), 30, 95)),
        foramen_size=float(rng.normal(1, 0.1)),
        joint_gap=float(np.clip(rng.normal(2.1 - 0.006 * (person.age - 30), 0.3), 1.0, 2.8)),
        wing_flare=float(rng.normal(0.42 if female else 0.34, 0.06)),
        wing_height=float(rng.normal(44 if female else 50, 6)),
        wing_depth=float(rng.normal(90, 5)),
        wing_half_width=float(rng.normal(130 if female else 128, 5)),
        remnant_disc=float(np.clip(rng.normal(0.4, 0.2), 0, 1)),
        coccyx_curve_deg=float(np.clip(rng.normal(40, 14), 5, 80)),
    )


def draw_scoliosis(
    rng: np.random.Generator, person: Person, levels: tuple[str, ...], *, healthy: bool
) -> tuple[dict[str, float], dict[str, float]]:
    """Lateral tilt and coupled axial turn by level, degrees."""
    curved = rng.random() < SCOLIOSIS.share(person.age)
    slight = float(np.clip(rng.normal(0, 3.0), -8, 8))
    severe = rng.uniform(20, 38) if rng.random() < 0.194 else rng.uniform(11, 20)
    strong = float(rng.choice([-1, 1]) * severe)
    apex, length = float(rng.uniform(4.5, 8.0)), float(rng.uniform(3.2, 5.0))
    return curve_of(
        levels,
        strong if curved and not healthy else slight,
        apex,
        length,
        rng.normal(0, 0.6, (2, len(levels))),
    )


def curve_of(
    levels: tuple[str, ...], cobb_deg: float, apex: float, length: float, noise: np.ndarray
) -> tuple[dict[str, float], dict[str, float]]:
    """Tilts and turns of a curve with this Cobb angle (positive: convex to the left).

    ``apex`` counts levels from the top, ``length`` is half the curve in levels. Vertebrae turn toward the
    convex side, at the apex by 0.45 of the Cobb angle (assumed).
    """
    place = np.arange(len(levels))
    shape = np.sin(np.pi * np.clip((place - apex) / length, -1.5, 1.5))
    # The head stays over the pelvis: the curve above is answered by one below.
    shape = shape - 0.85 * shape.mean()
    tilts = cobb_deg * shape / np.ptp(shape) + noise[0]
    turns = cobb_deg * 0.45 * np.cos(np.pi * (place - apex) / length / 1.4) + noise[1]
    names = dict(zip(levels, range(len(levels)), strict=True))
    return {level: float(tilts[i]) for level, i in names.items()}, {
        level: float(turns[i]) for level, i in names.items()
    }
