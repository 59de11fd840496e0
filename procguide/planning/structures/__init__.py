"""What a needle can meet: seen in the labels, or modelled from bone with a spread."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import CANAL_CONTENT, Region, Spine, Vertebra
from procguide.geometry import Vector, vector
from procguide.imaging import LabelMap
from procguide.planning.names import Construction, StructureName
from procguide.planning.nouns import StructureOrigin
from procguide.planning.site import LocalLabels, Site
from procguide.planning.structures.adamkiewicz import adamkiewicz_zone
from procguide.planning.structures.aerated import lung
from procguide.planning.structures.cord import spinal_cord
from procguide.planning.structures.dura import (
    BESIDE_PEDICLE_MM,
    SEEN_SAC,
    beside_pedicles,
    dura_spread_mm,
    model_dura,
    rounded,
)
from procguide.planning.structures.foramen import foramen_depth
from procguide.planning.structures.neck import vertebral_artery
from procguide.planning.structures.nerves import (
    FORAMEN_SPREAD_MM,
    exiting_root,
    foramen_zone,
    nerve_spread_mm,
)
from procguide.planning.structures.nouns import Solid, StructureBuilder
from procguide.planning.structures.organs import organ
from procguide.planning.structures.pedicle import other_bone, pedicle_wall
from procguide.planning.structures.rami import ventral_ramus
from procguide.planning.structures.sacral import (
    bone_with_hiatus,
    presacral_space,
    sacral_foramen,
    sacral_sac,
)
from procguide.planning.structures.vessels import aorta

__all__ = ["BUILDERS", "Solid", "StructureBuilder", "bone", "from_regions"]


def bone(site: Site, labels: LocalLabels) -> Solid:
    """Every bone, labelled or as dense; the sacral hiatus is open where a needle is to pass it."""
    if site.procedure.target.construction is Construction.SACRAL_CANAL:
        return bone_with_hiatus(site, labels)
    return Solid(StructureOrigin.SEGMENTED, mask=labels.hard)


def dura(site: Site, labels: LocalLabels) -> Solid | None:
    """The sac behind which loss of resistance is felt; modelled from the laminae, its end in the sacrum.

    A needle to a disc passes beside its front, where the canal is wider than the sac: drawn as wide as the
    canal, it would close ways that are open.
    """
    if site.procedure.level.names == "sacrum":
        return sacral_sac(site, labels)
    midline = np.array(_midline(site), dtype=np.float64)
    before = site.procedure.target.construction is Construction.DISC_CENTRE
    canal = _one_canal(site.spine, labels, BESIDE_PEDICLE_MM if before else 0.0)
    mask = model_dura(labels.levels, canal, labels.bone, midline)
    if before:
        mask = rounded(mask, labels.regions.spacing) | labels.regions.mask(*SEEN_SAC)
    return Solid(StructureOrigin.MODELLED, mask=mask, spread_mm=dura_spread_mm(site.upper.level))


def nerve_root(site: Site, labels: LocalLabels) -> Solid:
    """The exiting roots with their ganglia beside the needle; modelled from pedicles and foramina."""
    vertebrae, side = _root_vertebrae(site), site.own_side
    tubes = tuple(
        exiting_root(one, side, foramen_depth(one, side, labels.bone, labels.levels)) for one in vertebrae
    )
    spread = max(nerve_spread_mm(one.level) for one in vertebrae)
    return Solid(StructureOrigin.MODELLED, tubes=tubes, spread_mm=spread)


def foramen(site: Site, _labels: LocalLabels) -> Solid:
    """The openings that the roots leave by."""
    tubes = tuple(foramen_zone(one, site.own_side) for one in _root_vertebrae(site))
    return Solid(StructureOrigin.MODELLED, tubes=tubes, spread_mm=FORAMEN_SPREAD_MM)


def from_regions(*regions: Region) -> StructureBuilder:
    """A structure that is labelled as it is."""

    def build(_site: Site, labels: LocalLabels) -> Solid | None:
        if not any(region in labels.present for region in regions):
            return None
        return Solid(StructureOrigin.SEGMENTED, mask=labels.regions.mask(*regions))

    return build


BUILDERS: Mapping[StructureName, StructureBuilder] = MappingProxyType(
    {
        StructureName.BONE: bone,
        StructureName.OTHER_BONE: other_bone,
        StructureName.PEDICLE_WALL: pedicle_wall,
        StructureName.SPINAL_CORD: spinal_cord,
        StructureName.URETER: from_regions(Region.URETER),
        StructureName.ILIAC_VESSELS: from_regions(Region.ILIAC_ARTERY, Region.ILIAC_VEIN),
        StructureName.DURA: dura,
        StructureName.NERVE_ROOT: nerve_root,
        StructureName.VENTRAL_RAMUS: ventral_ramus,
        StructureName.FORAMEN: foramen,
        StructureName.ADAMKIEWICZ_ZONE: adamkiewicz_zone,
        StructureName.DISC: from_regions(Region.DISC),
        StructureName.KIDNEY: organ(Region.KIDNEY),
        StructureName.AORTA: aorta,
        StructureName.VENA_CAVA: organ(Region.VENA_CAVA),
        StructureName.LIVER: organ(Region.LIVER),
        StructureName.BOWEL: organ(Region.BOWEL),
        StructureName.PRESACRAL_SPACE: presacral_space,
        StructureName.SACRAL_FORAMEN: sacral_foramen,
        StructureName.VERTEBRAL_ARTERY: vertebral_artery,
        StructureName.CAROTID_ARTERY: from_regions(Region.CAROTID_ARTERY),
        StructureName.OESOPHAGUS: from_regions(Region.OESOPHAGUS),
        StructureName.TRACHEA: from_regions(Region.TRACHEA),
        StructureName.JUGULAR_VEIN: from_regions(Region.JUGULAR_VEIN),
        StructureName.THYROID: from_regions(Region.THYROID),
        StructureName.LUNG: lung,
    }
)


_BESIDE_A_BODY = (Construction.ANTEROLATERAL_MARGIN, Construction.RETROCRURAL)
"""On its way to a body's front a needle passes the root from one level higher, which runs down beside it."""


def _root_vertebrae(site: Site) -> list[Vertebra]:
    """The roots near the needle: the level's own, and the next lower or higher where it passes that too."""
    vertebrae = [site.upper]
    if site.procedure.target.construction in _BESIDE_A_BODY:
        above = site.spine.levels.index(site.upper.level) - 1
        higher = [site.spine.vertebrae[above]] if above >= 0 else []
        vertebrae += [one for one in higher if site.own_side in one.pedicles]
    if site.procedure.level.names == "nerve" and isinstance(site.lower, Vertebra):
        vertebrae.append(site.lower)
    return vertebrae


def _midline(site: Site) -> tuple[Vector, ...]:
    """The canal's centre line; where it was not found, the vertebra's own midline."""
    if len(site.spine.canal) >= 2:
        return site.spine.canal
    frame = site.upper.frame
    return tuple(vector(frame.to_patient((0.0, 0.0, z))) for z in (-60.0, 60.0))


def _one_canal(spine: Spine, labels: LocalLabels, medial_mm: float) -> LabelMap:
    """Without the canal's content lateral of the pedicles, or that near to them, and without islands of it.

    Networks leave a few of these in muscle, and each would pass for dura.
    """
    import cc3d

    regions = labels.regions
    content: NDArray[np.bool_] = regions.mask(*CANAL_CONTENT)
    canal = np.asarray(
        content & ~(beside_pedicles(spine, regions.grid, medial_mm) & ~regions.mask(*SEEN_SAC))
    )
    if not canal.any():
        return regions
    largest = cc3d.largest_k(np.ascontiguousarray(canal), k=1, connectivity=6) > 0
    return regions.with_voxels(np.where(content & ~largest, 0, regions.voxels).astype(regions.voxels.dtype))
