"""A subject drawn from the population: the same seed gives the same subject."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from procguide.phantom.population.morphometry import (
    FACETS,
    PHANTOM_LEVELS,
    VERTEBRAE,
    FacetShape,
    VertebraShape,
)
from procguide.phantom.population.parameters import (
    BodyShape,
    LevelWear,
    PelvisShape,
    PhantomParameters,
    SideJitter,
)

__all__ = ["sample_parameters"]


def _vary_vertebrae(rng: np.random.Generator, age: int) -> dict[str, VertebraShape]:
    """Level shapes with a subject's own factor per measure and a smaller one per level.

    Spreads are the between-subject standard deviations of the tables' sources, 5-12 %.
    """
    spread = {
        "width": 0.03, "depth": 0.035, "body_height": 0.035, "canal_width": 0.06, "canal_depth": 0.09,
        "pedicle_width": 0.13, "pedicle_height": 0.07, "lamina": 0.06, "spinous_length": 0.10,
        "spinous_height": 0.14, "process_span": 0.07, "process_height": 0.12, "disc_height": 0.13,
    }  # fmt: skip
    subject = {name: rng.normal(1.0, s) for name, s in spread.items()}
    slope, back, up, angle = rng.normal(0, 4), rng.normal(0, 4), rng.normal(0, 5), rng.normal(0, 3)
    lordosis = float(np.clip(rng.normal(1.0, 0.18), 0.5, 1.4))
    shapes = {}
    for level, mean in VERTEBRAE.items():
        changes: dict[str, float] = {}
        for item in fields(mean):
            value = getattr(mean, item.name)
            match = next((n for n in spread if item.name.startswith(n)), None)
            if match is not None:
                changes[item.name] = value * subject[match] * rng.normal(1.0, spread[match] * 0.35)
        changes["width_lower"] = changes["width_upper"] * mean.width_lower / mean.width_upper
        changes["depth_lower"] = changes["depth_upper"] * mean.depth_lower / mean.depth_upper
        worn = rng.uniform(0.45, 0.8) if rng.random() < max(0.0, (age - 35) / 160) else 1.0
        changes["disc_height"] = max(4.0, changes["disc_height"] * worn)
        changes["disc_wedge_deg"] = mean.disc_wedge_deg * lordosis * (0.5 + 0.5 * worn) + rng.normal(0, 1)
        wedge = mean.body_wedge_deg * (0.6 + 0.4 * lordosis) + rng.normal(0, 1.2)
        if rng.random() < max(0.0, (age - 60) / 350):
            wedge -= rng.uniform(4, 12)
        changes["body_wedge_deg"] = wedge
        changes["spinous_slope_deg"] = mean.spinous_slope_deg + slope + rng.normal(0, 3)
        changes["process_back_deg"] = mean.process_back_deg + back + rng.normal(0, 3)
        changes["process_up_deg"] = mean.process_up_deg + up + rng.normal(0, 3)
        changes["pedicle_angle_deg"] = mean.pedicle_angle_deg + angle + rng.normal(0, 1.5)
        shapes[level] = replace(mean, **{name: float(v) for name, v in changes.items()})
    return shapes


def _balance(
    shapes: dict[str, VertebraShape], sacral_slope_deg: float, top_lean_deg: float
) -> dict[str, VertebraShape]:
    """Disc wedges changed so that L1's upper endplate leans by ``top_lean_deg`` (negative is backward).

    Whoever has a steep sacrum has more lordosis (Stagnara et al., Spine 1982;7:335; Roussouly et al.,
    Spine 2005;30:346); without this the trunk would tip over.
    """
    lumbar = [level for level in shapes if level.startswith("L")]
    lordosis = sum(shapes[level].disc_wedge_deg + shapes[level].body_wedge_deg for level in lumbar)
    excess = lordosis - (sacral_slope_deg - top_lean_deg)
    weight = {level: VERTEBRAE[level].disc_wedge_deg + 2.0 for level in lumbar}
    total = sum(weight.values())
    return shapes | {
        level: replace(
            shapes[level], disc_wedge_deg=shapes[level].disc_wedge_deg - excess * weight[level] / total
        )
        for level in lumbar
    }


def _vary_facets(rng: np.random.Generator, age: int) -> tuple[dict[str, FacetShape], float]:
    bulk = float(np.clip(rng.normal(1.0 + max(0, age - 50) * 0.004, 0.07), 0.85, 1.4))
    angle, wide = rng.normal(0, 5), rng.normal(1, 0.05)
    facets = {
        level: replace(
            mean,
            half_distance=float(mean.half_distance * wide + rng.normal(0, 0.5)),
            behind=float(mean.behind + rng.normal(0, 0.6)),
            angle_deg=float(np.clip(mean.angle_deg + angle + rng.normal(0, 3.5), 5, 80)),
            width=float(mean.width * rng.normal(1, 0.07)),
            height=float(mean.height * rng.normal(1, 0.07)),
            gap=float(rng.uniform(1.2, 2.0)),
        )
        for level, mean in FACETS.items()
    }
    return facets, bulk


def _jitters(rng: np.random.Generator) -> dict[str, SideJitter]:
    return {
        level: SideJitter(
            pedicle=float(rng.normal(1, 0.04)),
            process_length=float(rng.normal(1, 0.05)),
            process_up_deg=float(rng.normal(0, 4)),
            facet_size=float(rng.normal(1, 0.05)),
            facet_angle_deg=float(rng.normal(0, 4)),
        )
        for level in PHANTOM_LEVELS
    }


def _scoliosis(rng: np.random.Generator) -> tuple[dict[str, float], dict[str, float]]:
    """Lateral tilt and coupled axial rotation per level: mostly straight, one in eight visibly curved."""
    cobb = rng.normal(0, 3.0) if rng.random() > 0.12 else rng.choice([-1, 1]) * rng.uniform(8, 25)
    apex, length = rng.uniform(4.5, 8.0), rng.uniform(3.0, 5.0)
    place = np.arange(len(PHANTOM_LEVELS))
    tilts = cobb / 2 * np.sin(np.pi * (place - apex) / length) + rng.normal(0, 0.8, len(place))
    # The head stays over the pelvis: the curve above is answered by one below.
    tilts -= 0.85 * tilts.mean()
    turns = cobb * 0.45 * np.cos(np.pi * (place - apex) / length / 1.4) + rng.normal(0, 1.0, len(place))
    return (
        {level: float(t) for level, t in zip(PHANTOM_LEVELS, tilts, strict=True)},
        {level: float(t) for level, t in zip(PHANTOM_LEVELS, turns, strict=True)},
    )


def _pelvis(rng: np.random.Generator, sex: str) -> PelvisShape:
    female = sex == "female"
    return PelvisShape(
        sacral_slope_deg=float(np.clip(rng.normal(38, 7), 22, 56)),
        sacrum_length=float(rng.normal(106 if female else 114, 6)),
        sacrum_half_width=float(rng.normal(57 if female else 56, 2.2)),
        sacrum_curve_deg=float(np.clip(rng.normal(62, 14), 30, 95)),
        foramen_size=float(rng.normal(1, 0.1)),
        joint_gap=float(rng.uniform(1.4, 2.4)),
        wing_flare=float(rng.normal(0.42 if female else 0.34, 0.06)),
        wing_height=float(rng.normal(44 if female else 50, 6)),
        wing_depth=float(rng.normal(90, 5)),
        wing_half_width=float(rng.normal(130 if female else 128, 5)),
    )


def _body(rng: np.random.Generator, sex: str, age: int) -> BodyShape:
    habitus = float(np.clip(rng.normal(0.4, 0.45), -0.3, 1.7))
    fat = 8 + 16 * max(habitus, 0) * (1.25 if sex == "female" else 0.9)
    return BodyShape(
        half_width=float(150 + 32 * habitus + rng.normal(0, 6)),
        front=float(92 + 38 * habitus + rng.normal(0, 8)),
        fat_back=float(max(4.0, fat * rng.uniform(0.6, 1.3))),
        fat_front=float(max(4.0, fat * rng.uniform(0.7, 1.5))),
        fat_side=float(max(4.0, fat * rng.uniform(0.6, 1.3))),
        muscle=float(np.clip(rng.normal(1.0 if sex == "female" else 1.1, 0.1), 0.75, 1.35)),
        muscle_fat=float(np.clip(rng.normal(0.05 + age * 0.003, 0.08), 0.0, 0.5)),
        flatten=float(rng.uniform(0.0, 1.0)),
        visceral_fat=float(np.clip(rng.normal(0.35 + 0.15 * habitus, 0.12), 0.05, 0.8)),
        lung_bases=float(rng.uniform(-10, 45)),
        aorta_radius=float(rng.normal(8.5 if sex == "female" else 9.8, 1.0)),
        kidney_scale=float(rng.normal(1, 0.08)),
    )


def sample_parameters(seed: int) -> PhantomParameters:
    """A subject drawn from the population; the same seed gives the same subject."""
    rng = np.random.default_rng([seed, 1])
    sex = str(rng.choice(["female", "male"]))
    age = int(np.clip(rng.normal(55, 16), 20, 90))
    height = float(rng.normal(164 if sex == "female" else 177, 7))
    # Stature explains part of vertebral size; the rest is sex and chance.
    size = 1 + 0.55 * (height - 172) / 172 + (-0.03 if sex == "female" else 0.03) + rng.normal(0, 0.025)
    facets, bulk = _vary_facets(rng, age)
    pelvis = _pelvis(rng, sex)
    top_lean = float(np.clip(rng.normal(-13, 5), -24, -2))
    shapes = _balance(_vary_vertebrae(rng, age), pelvis.sacral_slope_deg, top_lean)
    tilts, turns = _scoliosis(rng)
    return PhantomParameters(
        seed=seed,
        age=age,
        sex=sex,
        height_cm=height,
        size=float(np.clip(size, 0.86, 1.15)),
        vertebrae=shapes,
        facets=facets,
        left=_jitters(rng),
        right=_jitters(rng),
        tilts_deg=tilts,
        turns_deg=turns,
        wear={level: LevelWear(facets=float(np.clip((bulk - 1) / 0.4, 0, 1))) for level in PHANTOM_LEVELS},
        spinous_thickness=float(rng.normal(7.0, 0.8)),
        rib_lengths=(float(rng.uniform(150, 230)), float(np.clip(rng.normal(110, 30), 35, 170))),
        pelvis=pelvis,
        body=_body(rng, sex, age),
    )
