"""A neck drawn from a seed: means from published morphometry, spreads from it or assumed.

Bones: Panjabi et al., Spine 1991;16:861 (cervical) and 888 (thoracic), from memory, and as one check the
100 typical vertebrae of Eur J Anat 2020;24:9 (body 23.2 mm wide above and 19.9 below, 14.8 and 15.6 deep,
10.9 high; these are dry bones, and ours a tenth higher). Canal depth and width are those of CT in the
living (14 to 15 mm), assumed with the slopes of joints (Panjabi et al., Spine 1993;18:1298, from memory),
laminae and processes. Epidural depth 3, 4, 5, 4 mm from C6-C7 to T2-T3 and skin to epidural space 57 mm:
Aldrete et al., J Clin Anesth 1998;10:309 (100 on MRI). Vertebral artery: it enters C6 in 93.4 % (Uchino et
al., Neuroradiology 2013;55:585, 2,287 people), C5 in about 6 % and C4 in 1 % (Tasdemir and Cihan, Folia
Morphol 2023;82:274); C7 in one of two hundred is assumed. Longus colli 8 to 10 mm thick at C6 and C7 (Ates
et al., Reg Anesth Pain Med 2009;34:219, 40 on MRI). The medial branch crosses the middle of C5's pillar,
and somewhat higher at C3, C4 and C6; C7's lies between the root of the transverse process and the articular
process's tip (Lord, McDonald, Bogduk, Neurosurg Q 1998;8:288, as redrawn by Furman). Carotid and
vertebral artery at C7 lie about as on one chest CT with contrast. Wear by age, lordosis (12 degrees lying),
the slope of T1 (22) and sizes of soft tissues: assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType

import numpy as np

from procguide.anatomy import Side
from procguide.phantom.neck.parameters import NECK_LEVELS, NeckParameters, NeckShape

__all__ = ["MEANS", "sample_neck"]

MEANS: Mapping[str, NeckShape] = MappingProxyType(
    {
        level: NeckShape(*row)
        for level, row in {
            # body: width, depth, height, disc; canal;
            # pedicle; pillar; slope; lamina; spinous; span; fat
            "C2": (17, 18, 15, 15.6, 17, 5, 24, 17,
                   7, 9, 12, 11, 42, 13, 5, 17, 18, 50, 1.2),
            "C3": (21, 18, 15, 15.6, 12.4, 5.1, 23.4, 14.6,
                   5.4, 7.3, 12, 11, 44, 11.3, 3.4, 14, 18, 51, 1.2),
            "C4": (21.8, 18.6, 15.3, 15.9, 12.2, 5.2, 23.8, 14.6,
                   5.4, 7.4, 12.2, 11, 45, 11.2, 3.2, 14.5, 18, 53, 1.4),
            "C5": (22.6, 20, 15.5, 16.8, 12.1, 5.4, 24.2, 14.8,
                   5.6, 7.1, 12.4, 10.6, 46, 11.4, 3.2, 16, 20, 55, 1.9),
            "C6": (24, 22.4, 16.4, 17.8, 12.2, 5.6, 24.4, 14.9,
                   5.9, 7.3, 12.4, 10, 51, 12.4, 3.8, 22, 22, 58, 3),
            "C7": (26.2, 25.2, 17.4, 17.4, 13.6, 5.2, 23.6, 15,
                   6.6, 7.6, 12, 9.2, 59, 14, 4.8, 29, 27, 66, 4),
            "T1": (28.2, 28, 17.8, 18.4, 15.2, 4.6, 21.2, 15.4,
                   8, 9.4, 10.6, 8, 68, 15.6, 5.4, 31, 32, 75, 5),
            "T2": (28, 27.4, 18.6, 19.8, 16.6, 4.2, 18.8, 15.4,
                   7.8, 11, 9.4, 7.2, 73, 17.4, 5.8, 30, 38, 70, 4),
            "T3": (26.8, 26, 20.2, 21.4, 17, 4.2, 17.8, 15.6,
                   6.8, 11.4, 9, 7, 75, 18, 5.8, 30, 42, 62, 4),
        }.items()
    }
)  # fmt: skip
"""Of a person of size 1, between the mean man (1.04) and woman (0.95)."""

_BRANCH_UP = {"C3": 1.2, "C4": 0.7, "C5": 0.0, "C6": 1.0, "C7": 4.8}
_BRANCH_SPREAD = {"C7": 1.2}
_WORN_BY_LEVEL = {"C2": 0.3, "C3": 0.6, "C4": 0.9, "C5": 1.2, "C6": 1.1, "C7": 0.5}
_ENTRIES, _ENTRY_SHARES = ("C4", "C5", "C6", "C7"), (0.007, 0.054, 0.934, 0.005)
_LENGTH_SPREAD, _ANGLE_SPREAD = 0.04, 4.0


def sample_neck(seed: int) -> NeckParameters:
    """The neck of that seed; independent of the trunk of the same seed."""
    rng = np.random.default_rng([seed, 71])
    man = bool(rng.random() < 0.5)
    age = float(rng.uniform(22, 88))
    size = float((1.04 if man else 0.95) * rng.normal(1.0, 0.035))
    weight = float(rng.normal(0.0, 1.0))
    depth = float(np.clip((58.5 if man else 55.5) + 5.0 * weight + rng.normal(0.0, 3.0), 40, 85))
    return NeckParameters(
        seed=seed,
        sex="male" if man else "female",
        age=age,
        size=size,
        shapes={level: _shape(rng, level, size) for level in NECK_LEVELS},
        t1_slope_deg=float(np.clip(rng.normal(22, 6), 8, 38)),
        lordosis_deg=float(np.clip(rng.normal(12, 8), -8, 30)),
        **_bends(rng),
        wear=_wear(rng, age),
        bifid={level: bool(rng.random() < share) for level, share in _BIFID.items()},
        artery_entry={side: str(rng.choice(_ENTRIES, p=_ENTRY_SHARES)) for side in Side},
        artery_radius={side: float(np.clip(rng.normal(1.9, 0.35), 1.1, 2.7)) for side in Side},
        branch_up={
            (level, side): float(rng.normal(mean, _BRANCH_SPREAD.get(level, 0.7)) * size)
            for level, mean in _BRANCH_UP.items()
            for side in Side
        },
        carotid={side: (_within(rng, 23.0, 2.5), _within(rng, 11.0, 2.0)) for side in Side},
        carotid_radius=float(rng.normal(3.4, 0.35)),
        jugular_radius={side: float(np.clip(rng.normal(5.4, 1.3), 2.5, 8.5)) for side in Side},
        thyroid=float(np.clip(rng.normal(1.0, 0.15), 0.7, 1.6)),
        longus=float(np.clip(rng.normal(9.6 if man else 8.4, 1.0), 6.0, 12.5)),
        sac_gap=float(np.clip(rng.normal(0.9, 0.25), 0.4, 1.6)),
        skin_depth=depth,
        fat=float(np.clip(6.0 + 2.8 * weight + rng.normal(0.0, 1.0), 2.5, 18)),
        girth=float((60.0 if man else 54.0) + 4.0 * weight + rng.normal(0.0, 2.0)),
        shoulder=float((195.0 if man else 172.0) * rng.normal(1.0, 0.05) + 6.0 * weight),
    )


_BIFID = {"C2": 1.0, "C3": 0.95, "C4": 0.95, "C5": 0.9, "C6": 0.5, "C7": 0.05}


def _within(rng: np.random.Generator, mean: float, deviation: float) -> float:
    """Normal, within two deviations."""
    return float(mean + deviation * np.clip(rng.normal(), -2, 2))


def _shape(rng: np.random.Generator, level: str, size: float) -> NeckShape:
    """The mean, each length and angle with its own deviation; epidural depth, in mm as it is, with 0.9."""
    together = rng.normal(1.0, _LENGTH_SPREAD)
    drawn = {}
    for field in fields(NeckShape):
        mean = getattr(MEANS[level], field.name)
        if field.name == "epidural":
            drawn[field.name] = float(np.clip(rng.normal(mean, 0.22 * mean), 0.5 * mean, 1.6 * mean)) / size
        elif field.name.endswith("_deg"):
            drawn[field.name] = float(mean + rng.normal(0.0, _ANGLE_SPREAD))
        else:
            own = 2.0 * _LENGTH_SPREAD if field.name in ("canal_depth", "spinous_length") else _LENGTH_SPREAD
            drawn[field.name] = float(mean * np.clip(together * rng.normal(1.0, own), 0.8, 1.25))
    return NeckShape(**drawn)


def _bends(rng: np.random.Generator) -> dict[str, dict[str, float]]:
    """Lateral bend and turn along the neck: little in most, a curve in one of eight."""
    curve = rng.normal(0.0, 1.5) + (rng.normal(0.0, 7.0) if rng.random() < 0.12 else 0.0)
    phase, twist = rng.uniform(0, 2 * np.pi), rng.normal(0.0, 1.2)
    tilts, turns = {}, {}
    for n, level in enumerate(NECK_LEVELS):
        tilts[level] = float(curve * np.sin(phase + 0.6 * n) + rng.normal(0.0, 0.5))
        turns[level] = float(twist * (4 - n) + 0.4 * tilts[level] + rng.normal(0.0, 0.7))
    return {"tilts_deg": tilts, "turns_deg": turns}


def _wear(rng: np.random.Generator, age: float) -> dict[str, float]:
    """More with age and at C5-C6 and C6-C7; none below T1."""
    wear = {}
    for level in NECK_LEVELS:
        liability = (age - 45) / 45 * _WORN_BY_LEVEL.get(level, 0.1) + rng.normal(0.0, 0.22)
        wear[level] = float(np.clip(liability, 0.0, 1.0)) if level in _WORN_BY_LEVEL else 0.0
    return wear
