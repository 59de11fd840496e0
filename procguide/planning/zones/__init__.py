"""Target zones by construction: from landmarks and labels to sampled points, patient LPS mm."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from procguide.planning.names import Construction
from procguide.planning.zones import (
    anterolateral_margin,
    articular_neck,
    disc_centre,
    facet_joint,
    interlaminar,
    junction,
    kambin,
    longus_colli,
    pillar,
    retrocrural,
    sacral_canal,
    sacral_lateral_branches,
    sacroiliac_joint,
    subpedicular,
    transpedicular_anterior,
    transpedicular_central,
)
from procguide.planning.zones.nouns import TargetZone, ZoneConstruction

__all__ = ["CONSTRUCTIONS", "TargetZone", "ZoneConstruction"]

CONSTRUCTIONS: Mapping[Construction, ZoneConstruction] = MappingProxyType(
    {
        Construction.INTERLAMINAR: ZoneConstruction(interlaminar.centre, interlaminar.sample),
        Construction.SUBPEDICULAR: ZoneConstruction(subpedicular.centre, subpedicular.sample),
        Construction.ARTICULAR_TRANSVERSE_JUNCTION: ZoneConstruction(junction.centre, junction.sample),
        Construction.KAMBIN: ZoneConstruction(kambin.centre, kambin.sample),
        Construction.FACET_JOINT_LINE: ZoneConstruction(facet_joint.centre, facet_joint.sample),
        Construction.ARTICULAR_NECK: ZoneConstruction(articular_neck.centre, articular_neck.sample),
        Construction.TRANSPEDICULAR_ANTERIOR: ZoneConstruction(
            transpedicular_anterior.centre, transpedicular_anterior.sample
        ),
        Construction.TRANSPEDICULAR_CENTRAL: ZoneConstruction(
            transpedicular_central.centre, transpedicular_central.sample
        ),
        Construction.DISC_CENTRE: ZoneConstruction(disc_centre.centre, disc_centre.sample),
        Construction.ANTEROLATERAL_MARGIN: ZoneConstruction(
            anterolateral_margin.centre, anterolateral_margin.sample
        ),
        Construction.RETROCRURAL: ZoneConstruction(retrocrural.centre, retrocrural.sample),
        Construction.SACRAL_CANAL: ZoneConstruction(sacral_canal.centre, sacral_canal.sample),
        Construction.SACROILIAC_JOINT: ZoneConstruction(sacroiliac_joint.centre, sacroiliac_joint.sample),
        Construction.SACRAL_LATERAL_BRANCHES: ZoneConstruction(
            sacral_lateral_branches.centre, sacral_lateral_branches.sample
        ),
        Construction.ARTICULAR_PILLAR: ZoneConstruction(pillar.centre, pillar.sample),
        Construction.LONGUS_COLLI: ZoneConstruction(longus_colli.centre, longus_colli.sample),
    }
)
