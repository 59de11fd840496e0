"""Which vertebrae were found, and whether they were called by their names.

A reference vertebra is *found* where a predicted one, of whatever name, has its centroid within 10 mm,
each serving once. It is *identified* where the predicted vertebra of the same name is, of all predicted
ones, the nearest to it, and nearer than 20 mm: the identification rate of VerSe (Sekuboyina et al., Med
Image Anal 2021). VerSe marks points within the bodies; here both points are centroids of the labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from procguide.geometry import Vector

__all__ = ["FOUND_WITHIN_MM", "IDENTIFIED_WITHIN_MM", "Identification", "Sighting", "identify"]

FOUND_WITHIN_MM = 10.0
IDENTIFIED_WITHIN_MM = 20.0


@dataclass(frozen=True)
class Sighting:
    """What became of one reference vertebra.

    ``match`` is the predicted vertebra that was found for it, by its name in the prediction, and
    ``distance_mm`` how far apart their centroids are; both None where none was found. ``identified`` is
    None where the reference does not name its vertebrae.
    """

    name: str
    match: str | None
    distance_mm: float | None
    identified: bool | None

    @property
    def found(self) -> bool:
        """Whether a vertebra is there in the prediction."""
        return self.match is not None


@dataclass(frozen=True)
class Identification:
    """All reference vertebrae, and the ``extra`` predicted ones that none of them was found in."""

    sightings: tuple[Sighting, ...]
    extra: tuple[str, ...]

    @property
    def found_rate(self) -> float | None:
        """Share of reference vertebrae that were found; None where there are none."""
        return _share([sighting.found for sighting in self.sightings])

    @property
    def identification_rate(self) -> float | None:
        """VerSe's identification rate; None where the reference does not name its vertebrae."""
        return _share([one.identified for one in self.sightings if one.identified is not None])

    @property
    def right_levels(self) -> float | None:
        """Share of the found vertebrae that bear the reference's name; None where that has no names."""
        named = [one for one in self.sightings if one.identified is not None and one.found]
        return _share([one.match == one.name for one in named])

    @property
    def mean_distance_mm(self) -> float | None:
        """Mean distance of the centroids of those found."""
        distances = [one.distance_mm for one in self.sightings if one.distance_mm is not None]
        return float(np.mean(distances)) if distances else None


def _share(answers: list[bool]) -> float | None:
    return sum(answers) / len(answers) if answers else None


def identify(
    prediction: Mapping[str, Vector], reference: Mapping[str, Vector], *, named: bool = True
) -> Identification:
    """Compare centroids in LPS mm by vertebra; ``named`` is whether the reference's names count."""
    matches = _matches(prediction, reference)
    sightings = tuple(
        Sighting(
            name,
            match=matches[name][0] if name in matches else None,
            distance_mm=matches[name][1] if name in matches else None,
            identified=_identified(name, prediction, centre) if named else None,
        )
        for name, centre in reference.items()
    )
    taken = {match for match, _ in matches.values()}
    return Identification(sightings, tuple(name for name in prediction if name not in taken))


def _matches(
    prediction: Mapping[str, Vector], reference: Mapping[str, Vector]
) -> dict[str, tuple[str, float]]:
    """Reference name to the predicted one found for it, and their distance; each serves once."""
    if not prediction or not reference:
        return {}
    ours, theirs = list(prediction), list(reference)
    apart = np.linalg.norm(
        np.array([reference[name] for name in theirs])[:, None]
        - np.array([prediction[name] for name in ours])[None],
        axis=-1,
    )
    # Pairs too far apart cost the same, more than all near ones together: they never displace a near pair.
    far = FOUND_WITHIN_MM * (len(ours) + len(theirs) + 1)
    rows, columns = linear_sum_assignment(np.where(apart <= FOUND_WITHIN_MM, apart, far))
    return {
        theirs[row]: (ours[column], float(apart[row, column]))
        for row, column in zip(rows, columns, strict=True)
        if apart[row, column] <= FOUND_WITHIN_MM
    }


def _identified(name: str, prediction: Mapping[str, Vector], centre: Vector) -> bool:
    if name not in prediction:
        return False
    apart = {other: float(np.linalg.norm(np.subtract(point, centre))) for other, point in prediction.items()}
    return apart[name] < IDENTIFIED_WITHIN_MM and apart[name] <= min(apart.values())
