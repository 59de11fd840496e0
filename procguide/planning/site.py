"""What is asked for, of whom, and the bones that it is about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import BONE, Anchor, Sacrum, Side, Spine, Vertebra, parse_interspace, parse_level
from procguide.errors import InputUnfitError, UsageError
from procguide.findings import Finding
from procguide.geometry import AnatomicalFrame, Vector
from procguide.imaging import LabelMap, Modality, Volume
from procguide.planning.catalogue import Procedure

__all__ = ["LocalLabels", "Request", "Site", "Subject", "canonical_level", "find_site", "required"]


@dataclass(frozen=True)
class Request:
    """One procedure at one level and side. ``target`` and ``entry`` hold an end of the needle, LPS mm.

    ``target`` replaces the procedure's zone by one point, ``entry`` its skin zone.
    """

    procedure: Procedure
    level: str
    side: Side | None
    target: Vector | None = None
    entry: Vector | None = None

    def resolved(self) -> Request:
        """The level by its canonical name, and the procedure as it stands at that level."""
        level = canonical_level(self.procedure, self.level)
        return replace(self, level=level, procedure=self.procedure.at(level))


@dataclass(frozen=True, eq=False)
class Subject:
    """Who is planned for: the spine and its labels on one lattice, the image, and what was found on it.

    ``image`` (CT or MR) gives the skin; without it the labels must show it. ``coarse_organs``: labels are
    those of networks, ours of 4 mm for organs, whose surfaces are some millimetres off.
    """

    spine: Spine
    levels: LabelMap
    regions: LabelMap
    image: Volume | None = None
    findings: tuple[Finding, ...] = ()
    coarse_organs: bool = False

    @property
    def on_mri(self) -> bool:
        """Whether there is an image whose values are not HU."""
        return self.image is not None and self.image.modality is not Modality.CT


@dataclass(frozen=True, eq=False)
class LocalLabels:
    """Labels on the scene's lattice (superior, posterior, left): VerSe integers and regions.

    ``present`` are the regions that occur anywhere in the subject's labels. ``unlabelled`` ``(k, j, i)``
    is what the image shows to be as dense as bone beside them, where there is an image. ``coarse_organs`` as
    the subject has it. ``aerated`` ``(k, j, i)`` is what the image shows to be lung, ``dense`` what it shows
    to be as dense as bone, labelled or not, ``density`` what it shows (HU); None where it cannot, or nobody
    asks.
    """

    levels: LabelMap
    regions: LabelMap
    present: frozenset[int]
    unlabelled: NDArray[np.bool_] | None = None
    coarse_organs: bool = False
    aerated: NDArray[np.bool_] | None = None
    dense: NDArray[np.bool_] | None = None
    density: NDArray[np.float32] | None = None

    @cached_property
    def bone(self) -> NDArray[np.bool_]:
        """Every bone, ``(k, j, i)``."""
        return np.asarray((self.levels.voxels > 0) | self.regions.mask(*BONE))

    @property
    def hard(self) -> NDArray[np.bool_]:
        """Every bone, and what is as dense without a label, ``(k, j, i)``."""
        return self.bone if self.unlabelled is None else self.bone | self.unlabelled


@dataclass(frozen=True)
class Site:
    """The two bones that a procedure is about.

    For an interspace those above and below it; for a nerve the vertebra that it leaves and the bone at
    which it is met; for a vertebra itself and what lies below (None out of view); for the sacrum the last
    vertebra and the sacrum.
    """

    procedure: Procedure
    level: str
    side: Side | None
    upper: Vertebra
    lower: Vertebra | Sacrum | None
    spine: Spine

    @property
    def below(self) -> Vertebra | Sacrum:
        """The bone below; an error where it is out of view."""
        return self.lower if self.lower is not None else self.spine.below(self.upper.level)

    @property
    def lower_name(self) -> str:
        """``"L5"``, or ``"S1"`` for the sacrum."""
        return self.below.level if isinstance(self.below, Vertebra) else "S1"

    @property
    def sacrum(self) -> Sacrum:
        """The sacrum; an error where it is out of view."""
        if self.spine.sacrum is None:
            raise InputUnfitError("the sacrum is not in view. Load images that show it.")
        return self.spine.sacrum

    @property
    def own_side(self) -> Side:
        """The side of a procedure that has one."""
        if self.side is None:
            raise UsageError(f"{self.procedure.id} needs a side; use left or right (the patient's own)")
        return self.side

    @property
    def level_frame(self) -> AnatomicalFrame:
        """The true AP view's axes: the lower bone's endplate squared, spinous process in the midline.

        For a vertebra its own upper endplate is squared.
        """
        bone = self.upper if self.procedure.level.names == "vertebra" else self.below
        endplate = bone.superior_endplate if isinstance(bone, Vertebra) else bone.endplate
        return AnatomicalFrame.from_axes(bone.frame.origin, endplate.normal, self.upper.frame.left)

    def number(self, name: str) -> float:
        """A number of the target's construction at this level."""
        return self.procedure.number(name, self.level)


def find_site(request: Request, spine: Spine) -> Site:
    """Check level and side against the catalogue and find the bones; the error says what is missing."""
    procedure = request.procedure
    level = canonical_level(procedure, request.level)
    if request.side is None and procedure.side == "required":
        raise UsageError(f"{procedure.id} needs a side; use left or right (the patient's own)")
    if request.side is not None and procedure.side == "none":
        raise UsageError(f"{procedure.id} has no side; leave the side out")
    if spine.anchor is Anchor.NONE:
        raise InputUnfitError(
            "the levels are not anchored (neither sacrum, lowest rib nor C2 is in view); give the lowest "
            "level that is wholly in view (--lowest-level) or one at a point (--level-at)."
        )
    names = procedure.level.names
    if names == "sacrum":
        if spine.sacrum is None or not spine.vertebrae:
            raise InputUnfitError("the sacrum is not in view. Load images that show it.")
        return Site(procedure, level, request.side, spine.vertebrae[-1], spine.sacrum, spine)
    upper = spine.vertebra(level.split("-")[0])
    lower: Vertebra | Sacrum | None
    try:
        lower = spine.below(upper.level)
    except InputUnfitError:
        if names != "vertebra":
            raise
        lower = None
    return Site(procedure, level, request.side, upper, lower, spine)


def canonical_level(procedure: Procedure, level: str) -> str:
    """``"L4-L5"``, ``"L3"`` or ``"S2"`` as the procedure names its levels; an error lists what it allows."""
    allowed = ", ".join(procedure.level.allowed)
    try:
        if procedure.level.names == "interspace":
            name = "-".join(parse_interspace(level))
        elif procedure.level.names == "sacrum":
            name = {one.lower(): one for one in procedure.level.allowed}.get(level.strip().lower(), level)
        else:
            name = parse_level(level)
    except UsageError as error:
        raise UsageError(f"{error}. {procedure.id} takes {allowed}: {procedure.level.words}") from error
    if name not in procedure.level.allowed:
        raise UsageError(f"{procedure.id} is not done at {name}; it takes {allowed}: {procedure.level.words}")
    return name


def required(landmark: Vector | None, what: str, level: str) -> Vector:
    """A landmark, or an error that names it."""
    if landmark is None:
        raise InputUnfitError(
            f"the {what} of {level} was not found, and the plan needs it. "
            f"Check the labels of {level}, or load images that show it whole."
        )
    return landmark
