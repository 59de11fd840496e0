"""Which subjects a reader would call worn, narrowed or broken: the definitions behind the prevalences."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from procguide.phantom.population import prevalence
from procguide.phantom.population.draw_wear import (
    BULGING,
    DEGENERATED,
    FORAMEN_NARROWED,
    FRACTURED,
    LIPPED,
    LOW,
    NARROWED,
    SEVERELY_NARROWED,
    WORN_FACETS,
)
from procguide.phantom.population.parameters import LevelWear, PhantomParameters
from procguide.phantom.population.prevalence import Prevalence

__all__ = ["FINDINGS", "Finding"]


@dataclass(frozen=True)
class Finding:
    """A finding, when a level has it, and how common it is. ``lumbar``: only lumbar levels count."""

    published: Prevalence
    of: Callable[[LevelWear], bool]
    lumbar: bool = True

    def has(self, subject: PhantomParameters) -> bool:
        """Whether the subject has it anywhere."""
        return any(self.at(subject, level) for level in subject.wear)

    def at(self, subject: PhantomParameters, level: str) -> bool:
        """Whether the subject has it at that level."""
        return (level.startswith("L") or not self.lumbar) and self.of(subject.worn(level))

    def shares(self, subjects: Iterable[PhantomParameters]) -> tuple[float, float, int]:
        """Ours, the published one at the same ages, and the number of subjects."""
        group = list(subjects)
        ours = float(np.mean([self.has(subject) for subject in group]))
        return ours, float(np.mean([self.published.share(s.age) for s in group])), len(group)


FINDINGS = MappingProxyType(
    {
        "disc degeneration": Finding(prevalence.DISC_DEGENERATION, lambda w: w.disc >= DEGENERATED),
        "loss of disc height": Finding(prevalence.HEIGHT_LOSS, lambda w: w.disc >= LOW),
        "disc bulge": Finding(prevalence.BULGE, lambda w: w.bulge >= BULGING),
        "facet arthrosis": Finding(prevalence.FACET_ARTHROSIS, lambda w: w.facets >= WORN_FACETS),
        "central stenosis": Finding(prevalence.CENTRAL_STENOSIS, lambda w: w.central_stenosis >= NARROWED),
        "severe central stenosis": Finding(
            prevalence.SEVERE_STENOSIS, lambda w: w.central_stenosis >= SEVERELY_NARROWED
        ),
        "foraminal stenosis": Finding(
            prevalence.FORAMINAL_STENOSIS,
            lambda w: max(w.foraminal_left, w.foraminal_right) >= FORAMEN_NARROWED,
        ),
        "slip": Finding(prevalence.SLIP, lambda w: w.slip > 0),
        "Schmorl's node": Finding(prevalence.SCHMORL, lambda w: max(w.schmorl_upper, w.schmorl_lower) > 0),
        "osteophytes": Finding(prevalence.OSTEOPHYTES, lambda w: w.osteophyte >= LIPPED, lumbar=False),
        "vertebral fracture": Finding(
            prevalence.FRACTURE, lambda w: max(w.wedge, w.biconcave) >= FRACTURED, lumbar=False
        ),
    }
)
