"""What an evaluation says: a row a structure, a row a vertebra, and what could not be judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from procguide.evaluation.identification import Identification
from procguide.evaluation.overlap import Overlap
from procguide.findings import Finding

__all__ = ["Evaluation", "overlap_to_json"]


@dataclass(frozen=True)
class Evaluation:
    """``structures`` by name; ``bones`` by the reference's name for each vertebra and the sacrum.

    ``parts`` are the fits of each vertebra's parts. ``not_compared`` says why for each structure of the
    reference that the prediction cannot be judged by. ``identification`` is None where not both sides
    tell vertebrae apart.
    """

    structures: Mapping[str, Overlap]
    bones: Mapping[str, Overlap]
    parts: Mapping[str, Mapping[str, Overlap]]
    identification: Identification | None
    not_compared: Mapping[str, str]
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values; a number that does not exist is null."""
        return {
            "structures": {name: overlap_to_json(overlap) for name, overlap in self.structures.items()},
            "vertebrae": {name: self._bone(name, overlap) for name, overlap in self.bones.items()},
            "identification": self._identification(),
            "not_compared": dict(self.not_compared),
        }

    def _bone(self, name: str, overlap: Overlap) -> dict[str, Any]:
        row = overlap_to_json(overlap)
        if name in self.parts:
            row["parts"] = {part: overlap_to_json(fit) for part, fit in self.parts[name].items()}
        sightings = self.identification.sightings if self.identification else ()
        for one in sightings:
            if one.name == name:
                row |= {
                    "found": one.found,
                    "called": one.match,
                    "distance_mm": _rounded(one.distance_mm, 2),
                    "identified": one.identified,
                }
        return row

    def _identification(self) -> dict[str, Any] | None:
        if self.identification is None:
            return None
        return {
            "vertebrae": len(self.identification.sightings),
            "found_rate": _rounded(self.identification.found_rate, 4),
            "identification_rate": _rounded(self.identification.identification_rate, 4),
            "right_levels_of_found": _rounded(self.identification.right_levels, 4),
            "mean_distance_mm": _rounded(self.identification.mean_distance_mm, 2),
            "extra": list(self.identification.extra),
        }


def overlap_to_json(overlap: Overlap) -> dict[str, Any]:
    """One row's figures."""
    return {
        "dice": _rounded(overlap.dice, 4),
        "hd95_mm": _rounded(overlap.hd95_mm, 2),
        **{f"surface_dice_{mm:g}mm": _rounded(share, 4) for mm, share in overlap.surface_dice.items()},
        "volume_ml": _rounded(overlap.volume_ml, 3),
        "reference_ml": _rounded(overlap.reference_ml, 3),
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
