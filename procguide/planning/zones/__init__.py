"""Target zones by construction: from landmarks and labels to sampled points, patient LPS mm."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from procguide.planning.names import Construction
from procguide.planning.zones import interlaminar, junction, subpedicular
from procguide.planning.zones.nouns import TargetZone, ZoneConstruction

__all__ = ["CONSTRUCTIONS", "TargetZone", "ZoneConstruction"]

CONSTRUCTIONS: Mapping[Construction, ZoneConstruction] = MappingProxyType(
    {
        Construction.INTERLAMINAR: ZoneConstruction(interlaminar.centre, interlaminar.sample),
        Construction.SUBPEDICULAR: ZoneConstruction(subpedicular.centre, subpedicular.sample),
        Construction.ARTICULAR_TRANSVERSE_JUNCTION: ZoneConstruction(junction.centre, junction.sample),
    }
)
