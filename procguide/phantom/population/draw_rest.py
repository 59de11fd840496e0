"""Nerves, body and hardware of one subject, and how many vertebrae it has."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from procguide.phantom.population.morphometry import PHANTOM_LEVELS
from procguide.phantom.population.parameters import BodyShape, Hardware, LevelWear, NeuralShape
from procguide.phantom.population.person import Person
from procguide.phantom.population.prevalence import ADAMKIEWICZ, ADAMKIEWICZ_LEFT, VARIANTS

__all__ = ["draw_body", "draw_hardware", "draw_levels", "draw_neural"]


def draw_levels(rng: np.random.Generator) -> tuple[tuple[str, ...], float]:
    """Presacral levels and how far the lowest one has joined the sacrum."""
    chance, joined = rng.random(), rng.uniform(0.3, 0.9)
    partly = rng.random() < 0.4
    edges = np.cumsum([VARIANTS[name] for name in ("L6", "sacralised", "no L5", "T13")])
    if chance < edges[0]:
        return (*PHANTOM_LEVELS, "L6"), float(joined) if partly else 0.0
    if chance < edges[1]:
        return PHANTOM_LEVELS, float(joined)
    if chance < edges[2]:
        return PHANTOM_LEVELS[:-1], 0.0
    if chance < edges[3]:
        return (*PHANTOM_LEVELS[:5], "T13", *PHANTOM_LEVELS[5:]), 0.0
    return PHANTOM_LEVELS, 0.0


def draw_neural(rng: np.random.Generator, person: Person, levels: tuple[str, ...]) -> NeuralShape:
    """Conus, sac and artery.

    Conus: mean in L1's lower third, middle third of T12 to upper third of L3, normal (Saifuddin et al.,
    Spine 1998;23:1452, 504 subjects); 20.2 % at L1's middle third, 18.9 % at its lower, 19.8 % at the disc
    below it (Joo et al., J Korean Neurosurg Soc 2001;30:451). Sac: mean in S2's upper third, L5-S1 to upper
    third of S3 (Binokay et al., Acta Radiol 2006;47:397). Cord and fat: assumed; epidural fat wanes with age
    and grows with weight.
    """
    # One more vertebra above lets the cord end relatively higher (assumed).
    conus = float(np.clip(rng.normal(0.66, 0.47), -0.6, 2.2)) - (0.5 if "T13" in levels else 0.0)
    first = levels.index("L1")
    down = int(np.floor(conus))
    sac = float(np.clip(rng.normal(1.20, 0.42), 0.03, 2.35))
    side = "left" if rng.random() < ADAMKIEWICZ_LEFT else "right"
    artery = str(
        rng.choice(list(ADAMKIEWICZ), p=np.array(list(ADAMKIEWICZ.values())) / sum(ADAMKIEWICZ.values()))
    )
    fat = 1.0 + 0.12 * person.habitus - 0.004 * (person.age - 55) + rng.normal(0, 0.15)
    return NeuralShape(
        conus=(levels[first + down], conus - down),
        sac_end=(f"S{1 + int(sac)}", sac - int(sac)),
        cord_diameter=float(np.clip(rng.normal(9.0, 0.6), 7.2, 11.0)),
        epidural_fat=float(np.clip(fat, 0.5, 1.7)),
        adamkiewicz_level=artery,
        adamkiewicz_side=side,
    )


def draw_body(rng: np.random.Generator, person: Person) -> BodyShape:
    """The torso, from body mass index, sex and age.

    Fat behind the spine grows by 1.4 mm for a unit of body mass index, as the depth of the epidural space
    does (Lee and Kim, Korean J Anesthesiol 2004;47:34). Fat in the back muscles, 12.4 % in the third decade
    to 18.1 % in the sixth: Crawford et al. 2015 after Scoliosis 2016;11:21. Width and depth were chosen so
    that waists are about those that go with an index of 25 and 30, 90 and 100 cm in men, 83 and 93 in women
    (Zhu et al., Am J Clin Nutr 2002;76:743). The rest is assumed.
    """
    habitus, female, age = float(np.clip(person.habitus, -0.5, 2.3)), person.female, person.age
    fat = 8 + 15 * max(habitus, -0.2) * (1.25 if female else 0.9)
    back = 11.0 + 1.4 * (person.bmi - 23.0) + (2.0 if female else 0.0)
    stature = person.height_cm / 171.0
    wide, wider, deep, deeper = (146.0, 26.0, 88.0, 31.0) if female else (150.0, 30.0, 91.0, 36.0)
    muscle_fat = 0.12 + 0.0019 * (age - 25) + 0.03 * habitus + (0.02 if female else -0.01)
    return BodyShape(
        half_width=float(max(124.0, (wide + wider * habitus) * stature**0.5 + rng.normal(0, 5))),
        front=float(max(68.0, (deep + deeper * habitus) * stature**0.5 + rng.normal(0, 7))),
        fat_back=float(max(4.0, back * rng.normal(1, 0.22))),
        fat_front=float(max(4.0, fat * rng.normal(1.1, 0.2))),
        fat_side=float(max(4.0, fat * rng.normal(0.95, 0.2))),
        muscle=float(
            np.clip(rng.normal(1.10 if not female else 1.0, 0.09) - 0.003 * max(0, age - 50), 0.7, 1.35)
        ),
        muscle_fat=float(np.clip(rng.normal(muscle_fat, 0.055), 0.02, 0.55)),
        flatten=float(rng.uniform(0.0, 1.0)),
        visceral_fat=float(
            np.clip(rng.normal(0.36 + 0.15 * habitus + (0 if female else 0.06), 0.10), 0.05, 0.85)
        ),
        lung_bases=float(rng.uniform(-10, 45)),
        aorta_radius=float(
            np.clip(rng.normal((8.0 if female else 9.2) + 0.025 * (age - 50), 0.9), 6.0, 14.0)
        ),
        kidney_scale=float(rng.normal(1, 0.08)),
        bowel_gas=float(np.clip(rng.gamma(3.0, 0.11), 0.03, 0.95)),
    )


def draw_hardware(rng: np.random.Generator, person: Person, wear: Mapping[str, LevelWear]) -> Hardware:
    """What surgeons left.

    Screws and rods in 3 of 100 adults over 35, laminectomy alone in 2, cement in a quarter of those with a
    fracture. All assumed: a clinic's patients rather than the street's.
    """
    chance, more, decompressed = rng.random(), rng.random() < 0.3, rng.random() < 0.6
    diameter, cemented = float(rng.choice([5.5, 6.0, 6.5, 7.0])), rng.random() < 0.25
    volume = rng.uniform(2.0, 5.0, 3)
    lumbar = [level for level in wear if level.startswith("L")]
    trouble = [wear[a].slip / 4 + 2 * wear[a].central_stenosis + wear[a].disc for a in lumbar[:-1]]
    worst = int(np.argmax(trouble))
    fused = lumbar[worst : worst + 2] if not more or worst == 0 else lumbar[worst - 1 : worst + 2]
    operated = person.age > 35
    screws = tuple(fused) if operated and chance < 0.03 else ()
    opened = (screws and decompressed) or (operated and 0.03 <= chance < 0.05)
    broken = [level for level, w in wear.items() if max(w.wedge, w.biconcave) >= 0.2]
    cement = tuple((a, round(float(v), 1)) for a, v in zip(broken, volume, strict=False)) if cemented else ()
    return Hardware(screws, diameter, cement, (lumbar[worst],) if opened else ())
