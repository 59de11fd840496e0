"""What window and engine say to each other. Arrays go by files in the engine's scratch folder."""

from __future__ import annotations

import copyreg
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from procguide.findings import Finding
from procguide.geometry import Vector

if TYPE_CHECKING:
    from procguide.anatomy import Spine
    from procguide.planning import Evaluation, PlanSet

__all__ = [
    "BesideShown",
    "Done",
    "Evaluated",
    "Failed",
    "FindingShown",
    "FramesShown",
    "GridShown",
    "Judged",
    "Labelled",
    "Listed",
    "Near",
    "NeedleRead",
    "Opened",
    "Planned",
    "Progress",
    "Request",
    "ResultsRead",
    "SeriesShown",
    "Written",
]


def _frozen(mapping: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(mapping)


# Label maps hold their names in a frozen mapping, which Python does not pickle by itself.
copyreg.pickle(MappingProxyType, lambda proxy: (_frozen, (dict(proxy),)))


@dataclass(frozen=True)
class Request:
    """``task`` is the name of a function of :mod:`napari_procguide.engine.tasks`."""

    number: int
    task: str
    wishes: Mapping[str, Any]


@dataclass(frozen=True)
class Progress:
    """How far a request is: words, and the share done from 0 to 1 (None: not known)."""

    number: int
    words: str
    share: float | None


@dataclass(frozen=True)
class Done:
    """A request's result."""

    number: int
    result: Any


@dataclass(frozen=True)
class Failed:
    """A request came to nothing: ``words`` say what to do, ``trace`` is for a details box."""

    number: int
    words: str
    trace: str


@dataclass(frozen=True)
class GridShown:
    """An array on disk with axes (superior, posterior, left): ``origin`` and ``spacing`` in that order, mm.

    ``origin`` is the place of voxel (0, 0, 0), as (z, y, x) of patient LPS. At the window's end the array is
    read as the message is, on the thread that receives it: the window does not wait for the disk.
    """

    file: Path
    origin: tuple[float, float, float]
    spacing: tuple[float, float, float]

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.air  # noqa: B018 (worked out, and kept)

    @cached_property
    def voxels(self) -> NDArray[Any]:
        """The array, read into memory."""
        return np.asarray(np.load(self.file))

    @cached_property
    def air(self) -> float:
        """The least value: what lies outside."""
        return float(self.voxels.min())


@dataclass(frozen=True)
class SeriesShown:
    """One line of the series browser. ``description`` and ``date`` are shown, never stored."""

    number: int
    modality: str
    description: str
    size: str
    date: str
    usable_for: str
    is_volume: bool
    stopped: str = ""
    thumbnail: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Listed:
    """What a path holds; ``first`` is the series to show first, None where none is a volume."""

    path: Path
    series: tuple[SeriesShown, ...]
    first: int | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class FramesShown:
    """Pictures ``(t, j, i)`` or ``(t, j, i, 3)`` of 0..255 in ``file``; ``rate_hz`` None: not said."""

    series: SeriesShown
    file: Path
    count: int
    rate_hz: float | None
    pixel_words: str


@dataclass(frozen=True)
class Opened:
    """A series as it is shown. ``straightened``: an oblique or uneven one was resampled for display.

    ``key`` is a hash that stays the same when the series is opened again, and tells nothing of it.
    """

    series: SeriesShown
    image: GridShown
    modality: str
    findings: tuple[Finding, ...]
    straightened: bool
    header: str
    identity: str
    window: tuple[float, float]
    key: str = ""


@dataclass(frozen=True)
class BesideShown:
    """Another series of the study, to be looked at beside the one in which is planned.

    ``same_place``: both say the same frame of reference (PS3.3 C.7.4.1), so that a place of one is that of
    the other.
    """

    series: SeriesShown
    image: GridShown
    header: str
    window: tuple[float, float]
    same_place: bool


@dataclass(frozen=True)
class NeedleRead:
    """A needle of a plan that was written before; its ends in patient LPS mm."""

    name: str
    entry: Vector
    target: Vector


@dataclass(frozen=True)
class ResultsRead:
    """A results folder of ``procguide plan``: its needles, the first request, who has approved it.

    ``same_images``: whether it was made of the series shown, by the hash of its files; None: not known.
    """

    path: Path
    needles: tuple[NeedleRead, ...]
    request: Mapping[str, Any]
    same_images: bool | None
    approved: Mapping[str, Any] | None


@dataclass(frozen=True)
class FindingShown:
    """A finding with where it is, patient LPS mm, if it is somewhere."""

    finding: Finding
    where: Vector | None = None


@dataclass(frozen=True)
class Labelled:
    """The spine's labels as they are shown, and what was found."""

    levels: GridShown
    regions: GridShown
    level_names: Mapping[int, str]
    region_names: Mapping[int, str]
    spine: Spine
    findings: tuple[Finding, ...]
    confidence: Mapping[str, float]
    anchor: str
    meshes: Mapping[str, tuple[NDArray[np.float64], NDArray[np.int64]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Near:
    """A structure by the needle: closest points on both, mm between surfaces, its margin (None: none)."""

    name: str
    distance_mm: float
    margin_mm: float | None
    on_needle: Vector
    on_structure: Vector

    @property
    def broken(self) -> bool:
        """Whether the margin is not kept."""
        return self.margin_mm is not None and self.distance_mm < self.margin_mm


@dataclass(frozen=True)
class Judged:
    """The quality of the series shown: findings worst first, and what could not be judged and why."""

    kind: str
    findings: tuple[FindingShown, ...]
    not_judged: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Planned:
    """The plans of a request. ``near`` has the structures near each plan's needle, in the plans' order.

    ``structures`` are the voxels of what was judged, with their names; ``skin`` is the mesh of the skin with
    a colour a point.
    """

    plan_set: PlanSet
    near: tuple[tuple[Near, ...], ...]
    weights: Mapping[str, float]
    structures: GridShown
    names: Mapping[int, str]
    skin: tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.uint8]] | None


@dataclass(frozen=True)
class Written:
    """A folder of results. ``sitting`` are the names of its needles where it holds several requests'."""

    folder: Path
    files: tuple[str, ...]
    sitting: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluated:
    """A dragged needle as the search would judge it."""

    evaluation: Evaluation
    near: tuple[Near, ...]
