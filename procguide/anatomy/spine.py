"""The spine as objects: levels, frames and landmarks. All points are patient LPS mm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from procguide.anatomy.levels import level_below
from procguide.anatomy.regions import Side
from procguide.errors import InputUnfitError
from procguide.geometry import AnatomicalFrame, Vector

__all__ = ["Anchor", "Endplate", "Pedicle", "SacralForamen", "Sacrum", "Spine", "Vertebra"]


class Anchor(StrEnum):
    """What the level names hang on. ``NONE`` means they are not known and must be asked for.

    ``LAST_RIB``: the lowest rib-bearing vertebra with the next below it in view, taken for T12.
    ``MODEL``: a model other than the shipped ones names them, and says not by what.
    """

    SACRUM = "sacrum"
    C2 = "c2"
    LAST_RIB = "last_rib"
    USER = "user"
    MODEL = "model"
    NONE = "none"


@dataclass(frozen=True)
class Endplate:
    """A disc's bony border: centre, unit normal (toward cranial), width (left-right) and depth, mm."""

    centre: Vector
    normal: Vector
    width_mm: float
    depth_mm: float


@dataclass(frozen=True)
class Pedicle:
    """The isthmus between body and arch: its centre, unit axis (from posterior to anterior), and size.

    ``width_mm`` is transverse, ``height_mm`` sagittal, both measured across the axis at the isthmus.
    """

    centre: Vector
    axis: Vector
    width_mm: float
    height_mm: float


@dataclass(frozen=True)
class Vertebra:
    """One presacral vertebra. A landmark that was not found is absent from its mapping, or None.

    ``foramina`` are those *below* this vertebra's pedicles (the L4 foramen is that of L4-L5, where the
    L4 root leaves): the centre of the opening. ``facet_joints`` are those with the vertebra below.
    ``confidence`` is that of the level's name, 0 to 1. ``complete`` is False where the image cuts the
    vertebra off.
    """

    level: str
    confidence: float
    frame: AnatomicalFrame
    superior_endplate: Endplate
    inferior_endplate: Endplate
    pedicles: Mapping[Side, Pedicle] = field(default_factory=dict)
    laminae: Mapping[Side, Vector] = field(default_factory=dict)
    superior_articular_processes: Mapping[Side, Vector] = field(default_factory=dict)
    inferior_articular_processes: Mapping[Side, Vector] = field(default_factory=dict)
    facet_joints: Mapping[Side, Vector] = field(default_factory=dict)
    transverse_process_tips: Mapping[Side, Vector] = field(default_factory=dict)
    foramina: Mapping[Side, Vector] = field(default_factory=dict)
    spinous_process_tip: Vector | None = None
    canal_centre: Vector | None = None
    complete: bool = True


@dataclass(frozen=True)
class SacralForamen:
    """A posterior sacral foramen's opening. ``seen`` is False where published distances placed it."""

    centre: Vector
    radius_mm: float
    seen: bool


@dataclass(frozen=True)
class Sacrum:
    """The sacrum as needles see it. ``frame`` has its origin at the centre of the S1 endplate.

    ``canal`` is the sacral canal's centre line, ``hiatus`` the place on it where its roof ends;
    ``posterior_foramina`` are by side and segment (``"S1"``); ``joint_lines`` the dorsal edges of the
    sacroiliac joints, from caudal to cranial. What was not found is absent.
    """

    frame: AnatomicalFrame
    endplate: Endplate
    promontory: Vector
    superior_articular_processes: Mapping[Side, Vector] = field(default_factory=dict)
    alae: Mapping[Side, Vector] = field(default_factory=dict)
    canal: tuple[Vector, ...] = ()
    hiatus: Vector | None = None
    posterior_foramina: Mapping[Side, Mapping[str, SacralForamen]] = field(default_factory=dict)
    joint_lines: Mapping[Side, tuple[Vector, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Spine:
    """``vertebrae`` from cranial to caudal, the sacrum if in view, and the canal's centre line.

    ``canal`` holds the points of that line from cranial to caudal.
    """

    vertebrae: tuple[Vertebra, ...]
    sacrum: Sacrum | None
    canal: tuple[Vector, ...]
    anchor: Anchor

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels in view, cranial to caudal."""
        return tuple(vertebra.level for vertebra in self.vertebrae)

    def vertebra(self, level: str) -> Vertebra:
        """The vertebra of that level; one that is not in view is an error that lists what is."""
        for vertebra in self.vertebrae:
            if vertebra.level == level:
                return vertebra
        seen = ", ".join(self.levels) or "none"
        raise InputUnfitError(
            f"{level} is not in view; levels in view: {seen}. Load images that show {level}."
        )

    def below(self, level: str) -> Vertebra | Sacrum:
        """The bone under that level: the next vertebra, or the sacrum under the last."""
        order = self.levels
        position = order.index(self.vertebra(level).level)
        if position + 1 < len(order):
            return self.vertebrae[position + 1]
        if self.sacrum is not None:
            return self.sacrum
        raise InputUnfitError(f"{level_below(level)} is not in view. Load images that show it.")
