"""Whether an MR image rings, with a stated rate of false alarms.

Each axis within the slices is weighed by itself (:mod:`procguide.quality.gibbs.evidence`), at the matrix it
was measured at; the image rings as its worse axis does. How often an image without ringing scores as high is
read from such images of about the same noise (conformal prediction within noise strata; Vovk, Machine
Learning 2013;92:349). How the weights and those scores came about: ``docs/gibbs.md``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from procguide.quality.gibbs.evidence import Evidence, evidence_of
from procguide.quality.gibbs.native import Sampling, SamplingKind, at_matrix, sampling_of

__all__ = ["AxisRinging", "Model", "Ringing", "evidence_by_axis", "ringing_of", "shipped_model", "weighed"]

_MOST_PLANES = 8

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Model:
    """How evidence is weighed, and sorted scores of images that do not ring, by noise stratum.

    ``questions`` have weights of all features and a last one that stands alone: log odds that finest detail
    is all there, and that it does not favour the voxels' places. Strata are parted at ``noise_percent``.
    """

    questions: Array
    noise_percent: tuple[float, ...]
    clean_scores: tuple[Array, ...]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Model:
        """From its JSON document."""
        return cls(
            np.array(list(document["questions"].values())),
            tuple(document["noise_percent"]),
            tuple(np.sort(scores) for scores in document["clean_scores"]),
        )

    def stratum(self, noise_percent: float) -> int:
        """Which stratum an image of that noise belongs to."""
        return int(np.searchsorted(self.noise_percent, noise_percent))

    def chance(self, score: float, noise_percent: float) -> float:
        """Share of images without ringing that score as high, counting this one as one of them.

        1 where the score itself speaks against ringing.
        """
        if score <= 0:
            return 1.0
        clean = self.clean_scores[self.stratum(noise_percent)]
        as_high = len(clean) - int(np.searchsorted(clean, score, side="left"))
        return (1 + as_high) / (1 + len(clean))


@lru_cache(maxsize=1)
def shipped_model() -> Model:
    """The weights that come with the package."""
    text = (files("procguide.quality.gibbs") / "ringing_model.json").read_text(encoding="utf-8")
    return Model.of(json.loads(text))


@dataclass(frozen=True)
class AxisRinging:
    """One axis: how it was sampled, its evidence, and its score (log odds; above 0 it rather rings).

    Without ``evidence`` it could not be judged, and the score is minus infinity.
    """

    axis: int
    sampling: Sampling
    evidence: Evidence | None
    score: float


@dataclass(frozen=True)
class Ringing:
    """What was found. ``chance`` is how often an image without ringing scores as high: a p-value."""

    axes: tuple[AxisRinging, ...]
    chance: float

    @property
    def worst(self) -> AxisRinging:
        """The axis that rings most."""
        return max(self.axes, key=lambda one: one.score)


def ringing_of(
    image: NDArray[np.floating], stated: tuple[int | None, int | None] = (None, None)
) -> Ringing | None:
    """How slices ``(k, j, i)`` of an MR magnitude image ring along j and i.

    Up to 8 slices are looked at, spread evenly. ``stated`` is the acquisition's matrix, where the header
    says it. None where neither axis can be judged: interpolated since, too few samples, no edges.
    """
    found = tuple(
        AxisRinging(axis, sampling, evidence, weighed(evidence, shipped_model()))
        for axis, (sampling, evidence) in zip((1, 2), evidence_by_axis(image, stated), strict=True)
    )
    judged = [(one.score, one.evidence.noise_percent) for one in found if one.evidence is not None]
    return Ringing(found, shipped_model().chance(*max(judged))) if judged else None


def evidence_by_axis(
    image: NDArray[np.floating], stated: tuple[int | None, int | None] = (None, None)
) -> list[tuple[Sampling, Evidence | None]]:
    """For j and i: how it was sampled, and what it shows at the matrix it was measured at.

    An axis that was interpolated or filtered shows nothing: ringing is no longer there, or not where it was.
    """
    count = len(image)
    chosen = np.unique(np.linspace(0, count - 1, min(count, _MOST_PLANES)).round().astype(int))
    planes = np.asarray(image[chosen], dtype=np.float64)
    samplings = [sampling_of(planes, axis, said) for axis, said in zip((1, 2), stated, strict=True)]
    kinds = [sampling.kind for sampling in samplings]
    if SamplingKind.ZERO_FILLED in kinds:
        planes = at_matrix(planes, (len(planes), samplings[0].count, samplings[1].count))
        kinds = [sampling_of(planes, axis).kind for axis in (1, 2)]
    spoilt = (SamplingKind.INTERPOLATED, SamplingKind.FILTERED)
    return [
        (sampling, None if kind in spoilt else evidence_of(planes, axis))
        for axis, sampling, kind in zip((1, 2), samplings, kinds, strict=True)
    ]


def weighed(evidence: Evidence | None, model: Model) -> float:
    """Log odds of ringing: of the question that is answered worse; minus infinity without evidence."""
    if evidence is None:
        return -np.inf
    return float((model.questions[:, :-1] @ np.array(evidence.values) + model.questions[:, -1]).min())
