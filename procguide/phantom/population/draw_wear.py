"""What age and disease did to the levels of one subject, as common as published."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from procguide.phantom.population.liability import shift_for
from procguide.phantom.population.parameters import LevelWear
from procguide.phantom.population.person import Person
from procguide.phantom.population.prevalence import (
    BULGE,
    CENTRAL_STENOSIS,
    DISC_DEGENERATION,
    FACET_ARTHROSIS,
    FORAMINAL_STENOSIS,
    FRACTURE,
    OSTEOPHYTES,
    SCHMORL,
    SEVERE_STENOSIS,
    SLIP,
    Prevalence,
)

__all__ = [
    "BULGING",
    "DEGENERATED",
    "FORAMEN_NARROWED",
    "FRACTURED",
    "LIPPED",
    "LOW",
    "NARROWED",
    "SEVERELY_NARROWED",
    "WORN_FACETS",
    "draw_wear",
    "fracture_share",
]

DEGENERATED = 0.35
LOW = 0.48
WORN_FACETS = 0.30
BULGING = 1.5
LIPPED = 2.0
NARROWED = 0.25
SEVERELY_NARROWED = 0.55
FORAMEN_NARROWED = 0.35
FRACTURED = 0.20
"""From these values of :class:`LevelWear` on a reader would call it so (20 %: Genant's grade 1)."""


@dataclass(frozen=True)
class _Hidden:
    """A subject's tendency to wear and that of each level's disc, standard normal."""

    subject: float
    disc: dict[str, float]


def draw_wear(
    rng: np.random.Generator, person: Person, levels: tuple[str, ...], hu_deviation: float
) -> dict[str, LevelWear]:
    """Wear by level. ``hu_deviation``: bone density against age, in SDs (the brittle break)."""
    hidden = _Hidden(rng.normal(), {level: rng.normal() for level in levels})
    wear = {level: LevelWear() for level in levels}
    wear = _discs(rng, person, hidden, wear)
    wear = _facets(rng, person, hidden, wear)
    wear = _stenoses(rng, person, hidden, wear)
    wear = _slip(rng, person, wear)
    wear = _nodes(rng, person, wear)
    return _fractures(rng, person, wear, hu_deviation)


def _liabilities(
    rng: np.random.Generator, finding: Prevalence, person: Person, hidden: _Hidden, levels: list[str],
    common: float = 0.75, disc: float = 0.4, share: float | None = None,
) -> dict[str, float]:  # fmt: skip
    """Liability of each level that can have the finding: above 0 where it has it."""
    own = sqrt(1 - common**2)
    offsets = tuple(finding.levels[level] for level in levels)
    shift = shift_for(finding.share(person.age) if share is None else share, offsets, common)
    return {
        level: common * hidden.subject
        + own * (disc * hidden.disc[level] + sqrt(1 - disc**2) * rng.normal())
        + finding.levels[level]
        + shift
        for level in levels
    }


def _among(wear: dict[str, LevelWear], finding: Prevalence) -> list[str]:
    return [level for level in wear if level in finding.levels]


def _discs(
    rng: np.random.Generator, person: Person, hidden: _Hidden, wear: dict[str, LevelWear]
) -> dict[str, LevelWear]:
    """Degeneration, bulge, lips on the rims. Thoracic discs wear less (assumed)."""
    lumbar = _among(wear, DISC_DEGENERATION)
    disc = _liabilities(rng, DISC_DEGENERATION, person, hidden, lumbar, disc=1.0)
    bulge = _liabilities(rng, BULGE, person, hidden, lumbar, disc=0.7)
    lips = _liabilities(rng, OSTEOPHYTES, person, hidden, _among(wear, OSTEOPHYTES), disc=0.6)
    worn = {}
    for level, before in wear.items():
        high = disc.get(level, 0.7 * hidden.subject + 0.7 * hidden.disc[level] + (person.age - 75) / 22)
        worn[level] = replace(
            before,
            disc=_graded(high, DEGENERATED, 0.20, 1.0),
            bulge=_graded(bulge.get(level, -3.0), BULGING, 1.2, 6.0),
            osteophyte=_graded(lips.get(level, -3.0), LIPPED, 2.2, 11.0),
        )
    return worn


def _graded(liability: float, threshold: float, slope: float, worst: float) -> float:
    """A severity that passes ``threshold`` where the liability passes 0."""
    return float(np.clip(threshold + slope * liability, 0.0, worst))


def _facets(
    rng: np.random.Generator, person: Person, hidden: _Hidden, wear: dict[str, LevelWear]
) -> dict[str, LevelWear]:
    lumbar = _among(wear, FACET_ARTHROSIS)
    high = _liabilities(rng, FACET_ARTHROSIS, person, hidden, lumbar, disc=0.5)
    thoracic = {level: hidden.subject - 2.2 + (person.age - 50) / 40 for level in wear if level not in high}
    return {
        level: replace(w, facets=_graded((high | thoracic)[level], WORN_FACETS, 0.24, 1.0))
        for level, w in wear.items()
    }


def _stenoses(
    rng: np.random.Generator, person: Person, hidden: _Hidden, wear: dict[str, LevelWear]
) -> dict[str, LevelWear]:
    """Central and foraminal narrowing; how severe the central one is follows its own prevalence."""
    levels = _among(wear, CENTRAL_STENOSIS)
    central = _liabilities(rng, CENTRAL_STENOSIS, person, hidden, levels, disc=0.6)
    offsets = tuple(CENTRAL_STENOSIS.levels[level] for level in levels)
    apart = shift_for(CENTRAL_STENOSIS.share(person.age), offsets, 0.75) - shift_for(
        SEVERE_STENOSIS.share(person.age), offsets, 0.75
    )
    slope = (SEVERELY_NARROWED - NARROWED) / apart
    narrow = {level: _graded(value, NARROWED, slope, 1.0) for level, value in central.items()}
    sides = [_foramina(rng, person, hidden, levels) for _ in range(2)]
    return {
        level: replace(
            w,
            central_stenosis=narrow.get(level, 0.0) if narrow.get(level, 0.0) > 0.08 else 0.0,
            foraminal_left=sides[0].get(level, 0.0),
            foraminal_right=sides[1].get(level, 0.0),
        )
        for level, w in wear.items()
    }


def _foramina(
    rng: np.random.Generator, person: Person, hidden: _Hidden, levels: list[str]
) -> dict[str, float]:
    # The paper counts subjects with either side: one side alone has about 0.72 of them.
    share = 0.72 * FORAMINAL_STENOSIS.share(person.age)
    high = _liabilities(rng, FORAMINAL_STENOSIS, person, hidden, levels, disc=0.75, share=share)
    return {level: _graded(value, FORAMEN_NARROWED, 0.25, 1.0) for level, value in high.items()}


def _slip(rng: np.random.Generator, person: Person, wear: dict[str, LevelWear]) -> dict[str, LevelWear]:
    """One level slips forward, where facets are worn."""
    share = SLIP.share(person.age) * (1.5 if person.female else 0.5)
    happens, millimetres = rng.random() < share, float(np.clip(rng.normal(5.5, 1.8), 2.5, 11.0))
    levels = [level for level in _among(wear, SLIP) if level in wear]
    weights = np.exp([1.6 * SLIP.levels[level] + 1.5 * wear[level].facets for level in levels])
    level = str(rng.choice(levels, p=weights / weights.sum()))
    if not happens:
        return wear
    before = wear[level]
    slipped = replace(
        before, slip=millimetres, disc=max(before.disc, 0.5), facets=max(before.facets, 0.5),
        central_stenosis=max(before.central_stenosis, 0.2),
    )  # fmt: skip
    return wear | {level: slipped}


def _nodes(rng: np.random.Generator, person: Person, wear: dict[str, LevelWear]) -> dict[str, LevelWear]:
    """Schmorl's nodes: where a subject has one it has more."""
    levels = _among(wear, SCHMORL)
    lumbar = tuple(SCHMORL.levels[level] for level in levels if level.startswith("L"))
    share = SCHMORL.share(person.age) * (0.76 if person.female else 1.36)
    shift = shift_for(share, (*lumbar, *lumbar), 0.8)
    subject, found = rng.normal(), dict(wear)
    for level in levels:
        depths = []
        for _ in range(2):
            liability = 0.8 * subject + 0.6 * rng.normal() + SCHMORL.levels[level] + shift
            depth = float(np.clip(rng.normal(4.2, 1.3), 2.0, 8.0))
            depths.append(depth if liability > 0 else 0.0)
        found[level] = replace(found[level], schmorl_upper=depths[0], schmorl_lower=depths[1])
    return found


def fracture_share(age: float, hu_deviation: float) -> float:
    """Share of subjects of that age and density with a fracture: each SD less dense doubles it (assumed)."""
    return float(min(0.9, FRACTURE.share(age) * 2.0 ** (-hu_deviation) / np.exp(np.log(2.0) ** 2 / 2)))


def _fractures(
    rng: np.random.Generator, person: Person, wear: dict[str, LevelWear], hu_deviation: float
) -> dict[str, LevelWear]:
    """Wedge fractures for the most part, the rest biconcave; three in ten have more than one."""
    happens = rng.random() < fracture_share(person.age, hu_deviation)
    number = 1 if rng.random() > 0.3 else int(rng.integers(2, 4))
    levels = _among(wear, FRACTURE)
    weights = np.exp([1.8 * FRACTURE.levels[level] for level in levels])
    broken = rng.choice(levels, size=number, replace=False, p=weights / weights.sum())
    lost = np.clip(rng.gamma(2.2, 0.065, number) + FRACTURED, FRACTURED, 0.6)
    wedged = rng.random(number) < 0.65
    if not happens:
        return wear
    found = dict(wear)
    for level, share, wedge in zip(map(str, broken), map(float, lost), wedged, strict=True):
        middle = share if not wedge else 0.4 * share
        found[level] = replace(found[level], wedge=share if wedge else 0.3 * share, biconcave=middle)
    return found
