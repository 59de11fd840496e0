"""Round the sacrum: bone with its hiatus open, the end of the sac, the foramina, what lies in front."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import CANAL_CONTENT, SACRUM, VERSE_LABELS, Region
from procguide.geometry import vector
from procguide.planning.nouns import StructureOrigin, Tube
from procguide.planning.sacral import CanalEnd, canal_end, lie_of_the_back
from procguide.planning.site import LocalLabels, Site
from procguide.planning.structures.nouns import Solid

__all__ = ["bone_with_hiatus", "presacral_space", "sacral_foramen", "sacral_sac"]

_LIGAMENT_HALF_MM = 3.0
_LIGAMENT_UP_MM, _LIGAMENT_DOWN_MM, _LIGAMENT_DEEP_MM = 2.0, 12.0, 9.0
"""Where the ligament over the hiatus is taken to lie: coarse labels show bone there (assumed)."""
_SAC_END_MM = 50.0
"""Down the canal from the S1 endplate: at S2's foramina, 5 cm below the promontory. The sac mostly ends at
upper S2, and below S3 in 0.1 % (PubMed 23515954)."""
_SAC_SPREAD_MM = 5.0
_SEEN_SPREAD_MM, _PLACED_SPREAD_MM = 1.0, 4.0
_INTO_MM = 12.0
_PRESACRAL_MM = 25.0
_PRESACRAL_SPREAD_MM = 1.0
_CANAL_FRONT_MM, _LOWER_CANAL_MM = 4.0, 20.0


def bone_with_hiatus(site: Site, labels: LocalLabels) -> Solid:
    """Every bone, without what closes the hiatus in the labels."""
    return Solid(StructureOrigin.SEGMENTED, mask=labels.bone & ~_ligament(canal_end(site), labels))


def _ligament(end: CanalEnd, labels: LocalLabels) -> NDArray[np.bool_]:
    """The block behind the canal's end in which the ligament lies."""
    levels = labels.levels
    mask = np.zeros(levels.shape, dtype=bool)
    index = np.argwhere(labels.bone)
    off = levels.to_patient(index) - end.hiatus
    down, back, across = off @ end.caudal, off @ end.behind, np.abs(off @ end.left)
    inside = (down >= -_LIGAMENT_UP_MM) & (down <= _LIGAMENT_DOWN_MM) & (across <= _LIGAMENT_HALF_MM)
    inside &= (back >= -1.5) & (back <= _LIGAMENT_DEEP_MM)
    mask[tuple(index[inside].T)] = True
    return mask


def sacral_sac(site: Site, labels: LocalLabels) -> Solid | None:
    """The thecal sac in the sacral canal, down to S2; None where no canal is labelled."""
    content = labels.regions.mask(*CANAL_CONTENT)
    if not any(region in labels.present for region in CANAL_CONTENT):
        return None
    sacrum = site.sacrum
    line = np.array(sacrum.canal, dtype=np.float64).reshape(-1, 3)
    if not len(line):
        return None
    below = np.asarray(sacrum.frame.to_local(line))[:, 2]
    first = -float(below[0])
    lengths = first + np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    last = line[int(np.argmin(np.abs(lengths - _SAC_END_MM)))]
    way = last - line[max(int(np.argmin(np.abs(lengths - _SAC_END_MM))) - 10, 0)]
    index = np.argwhere(content)
    above = (labels.levels.to_patient(index) - last) @ way <= 0
    mask = np.zeros(content.shape, dtype=bool)
    mask[tuple(index[above].T)] = True
    return Solid(StructureOrigin.MODELLED, mask=mask, spread_mm=_SAC_SPREAD_MM)


def sacral_foramen(site: Site, _labels: LocalLabels) -> Solid | None:
    """The posterior foramina S1 to S3 of the side, as short tubes into the bone."""
    row = site.sacrum.posterior_foramina.get(site.own_side, {})
    if not row:
        return None
    tubes = []
    for name, one in row.items():
        _, inward = lie_of_the_back(site, name)
        mouth = np.asarray(one.centre)
        ends = (vector(mouth - inward), vector(mouth + _INTO_MM * inward))
        tubes.append(Tube(f"{name} posterior foramen {site.own_side}", ends, (one.radius_mm,)))
    seen = all(one.seen for one in row.values())
    spread = _SEEN_SPREAD_MM if seen else _PLACED_SPREAD_MM
    return Solid(StructureOrigin.MODELLED, tubes=tuple(tubes), spread_mm=spread)


def presacral_space(site: Site, labels: LocalLabels) -> Solid | None:
    """What lies in front of the sacrum (rectum, vessels, plexus), within 25 mm of it.

    Stray pieces of its label count for nothing; nor does what lies behind the canal's lower end.
    """
    import cc3d

    sacrum = (labels.levels.voxels == VERSE_LABELS[SACRUM]) | (labels.regions.voxels == Region.SACRUM)
    if not sacrum.any():
        return None
    whole = cc3d.largest_k(np.ascontiguousarray(sacrum), k=1, connectivity=6) > 0
    front = np.argmax(whole, axis=1)[:, None, :]
    row = np.arange(sacrum.shape[1])[None, :, None]
    reach = round(_PRESACRAL_MM / float(labels.levels.spacing[1]))
    space = whole.any(axis=1)[:, None, :] & (row < front) & (row >= front - reach) & ~labels.bone
    if site.sacrum.hiatus is not None:
        space &= ~_behind_the_end(canal_end(site), labels, np.asarray(space))
    return Solid(StructureOrigin.MODELLED, mask=np.asarray(space), spread_mm=_PRESACRAL_SPREAD_MM)


def _behind_the_end(end: CanalEnd, labels: LocalLabels, space: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of ``space``, what lies in and behind the canal's lower end and its line on to the skin."""
    index = np.argwhere(space)
    off = labels.levels.to_patient(index) - end.hiatus
    inside = (off @ end.behind > -_CANAL_FRONT_MM) & (off @ end.caudal > -_LOWER_CANAL_MM)
    mask = np.zeros(space.shape, dtype=bool)
    mask[tuple(index[inside].T)] = True
    return mask
