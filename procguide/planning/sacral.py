"""The sacrum's landmarks as procedures use them; what is missing is an error that says what to do."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import SacralForamen
from procguide.anatomy.locate_sacral import foramina_on_ct
from procguide.errors import InputUnfitError
from procguide.geometry import Vector
from procguide.planning.site import Site, Subject

__all__ = ["CanalEnd", "canal_end", "foramen_of", "hiatus_of", "lie_of_the_back", "with_foramina_seen"]

_STRAIGHT_MM = 12
_Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CanalEnd:
    """The lowest part of the sacral canal.

    ``line`` ``(n, 3)`` LPS mm from the hiatus upward in 1 mm steps; ``caudal``, ``behind`` and ``left`` are
    unit vectors down its last centimetre and square to that.
    """

    line: _Reals
    caudal: _Reals
    behind: _Reals
    left: _Reals

    @property
    def hiatus(self) -> _Reals:
        """Where it opens."""
        return np.asarray(self.line[0])


def hiatus_of(site: Site) -> Vector:
    """The hiatus of the sacral canal."""
    hiatus = site.sacrum.hiatus
    if hiatus is None:
        raise InputUnfitError(
            "the sacral hiatus was not found: the labels do not follow the sacral canal down to it. Load "
            "images that show the whole sacrum, or mend the labels of the canal there."
        )
    return hiatus


def canal_end(site: Site) -> CanalEnd:
    """The sacral canal above its hiatus."""
    hiatus = np.array(hiatus_of(site))
    line = np.array(site.sacrum.canal, dtype=np.float64)
    upward = line[: int(np.argmin(np.linalg.norm(line - hiatus, axis=1))) + 1][::-1]
    # Over a centimetre: the line of a few voxels wavers.
    caudal = upward[0] - upward[min(_STRAIGHT_MM, len(upward) - 1)]
    caudal = caudal / max(float(np.linalg.norm(caudal)), 1e-6)
    left = np.asarray(site.sacrum.frame.left)
    behind = np.cross(left, caudal)
    behind /= np.linalg.norm(behind)
    return CanalEnd(upward, caudal, behind if behind[1] > 0 else -behind, left)


def foramen_of(site: Site) -> SacralForamen:
    """The posterior foramen of the level and side."""
    foramen = site.sacrum.posterior_foramina.get(site.own_side, {}).get(site.level)
    if foramen is None:
        raise InputUnfitError(
            f"the {site.own_side} posterior foramen of {site.level} cannot be placed: the labels do not "
            f"follow the sacral canal so far down. Load images that show the sacrum to below {site.level}."
        )
    return foramen


def with_foramina_seen(site: Site, subject: Subject) -> Site:
    """The site with its posterior foramina as a CT shows them, where the labels do not tell them apart."""
    sacrum, image = site.sacrum, subject.image
    known = sacrum.posterior_foramina.values()
    if image is None or (known and all(one.seen for row in known for one in row.values())):
        return site
    found = foramina_on_ct(subject.levels, subject.regions, subject.spine, image)
    if found is None:
        return site
    sacrum = replace(sacrum, posterior_foramina=found)
    return replace(site, lower=sacrum, spine=replace(site.spine, sacrum=sacrum))


def lie_of_the_back(site: Site, segment: str) -> tuple[_Reals, _Reals]:
    """Unit vectors up along the sacrum's back at the segment, and forward into it."""
    row = site.sacrum.posterior_foramina[site.own_side]
    names = list(row)
    here = names.index(segment)
    upper, lower = row[names[max(here - 1, 0)]], row[names[min(here + 1, len(names) - 1)]]
    along = np.subtract(upper.centre, lower.centre) if upper != lower else site.sacrum.frame.superior
    along = np.asarray(along) / np.linalg.norm(along)
    inward = np.cross(np.asarray(site.sacrum.frame.left), along)
    inward /= np.linalg.norm(inward)
    return along, inward if inward[1] < 0 else -inward
