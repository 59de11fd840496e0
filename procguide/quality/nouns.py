"""What an image is examined as, what a check is, and what it measures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from procguide.findings import Severity
from procguide.imaging import Cine, Frame, LabelMap, Volume

__all__ = ["Acquisition", "Box", "Check", "Examined", "Kind", "Limits", "Score", "Worse"]


class Kind(StrEnum):
    """What a check fits: how the image was made and whether it stands alone or moves."""

    CT = "CT"
    MR = "MR"
    FLUOROSCOPY = "fluoroscopy"
    RADIOGRAPH = "radiograph"
    ULTRASOUND = "ultrasound"


@dataclass(frozen=True)
class Acquisition:
    """How the image was made, by its headers; None or empty where they do not say. No identifiers.

    Times are in ms, lengths in mm, angles in degrees. ``matrix`` is how many samples were measured along
    (j, i) for MR (0018,1310); ``phase_axis`` is ``"ROW"`` or ``"COL"`` (0018,1312).
    ``partial_fourier`` is whether less than all of k-space was measured (0018,9081). ``thickness_mm`` is a
    slice's own (0018,0050), not the step between slices.
    """

    kernel: str = ""
    thickness_mm: float | None = None
    tube_kv: float | None = None
    exposure_mas: float | None = None
    gantry_tilt_deg: float | None = None
    field_diameter_mm: float | None = None
    matrix: tuple[int, int] | None = None
    phase_axis: str = ""
    partial_fourier: bool | None = None
    scan_options: tuple[str, ...] = ()
    sequence: str = ""
    fat_suppressed: bool | None = None
    field_strength_t: float | None = None
    echo_ms: float | None = None
    repetition_ms: float | None = None
    image_type: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Examined:
    """One image under examination: a ``volume``, a ``frame`` or a ``cine``, and what is known of it.

    ``labels`` are regions and ``levels`` vertebrae (names as in :mod:`procguide.anatomy`) that the caller has
    had made, on any lattice: a check that needs them passes where they are absent. ``task`` is what the image
    is for, such as a procedure's identifier, and ``sites`` the levels that it is at (``"L4"``); empty for
    planning in general. ``memory`` keeps what several checks would each work out
    again; see :meth:`once`.
    """

    kind: Kind
    volume: Volume | None = None
    frame: Frame | None = None
    cine: Cine | None = None
    acquisition: Acquisition = Acquisition()
    labels: LabelMap | None = None
    levels: LabelMap | None = None
    task: str = ""
    sites: tuple[str, ...] = ()
    memory: dict[str, Any] = field(default_factory=dict, repr=False)

    def once(self, name: str, work: Callable[[Examined], Any]) -> Any:
        """The result of ``work``, done the first time only: ``name`` is what it is remembered by."""
        if name not in self.memory:
            self.memory[name] = work(self)
        return self.memory[name]


@dataclass(frozen=True)
class Box:
    """A part of the image in index space, ``low <= index < high``: ``(k, j, i)``, or ``(j, i)`` of a frame.

    One thick axis may span the whole image.
    """

    low: tuple[int, ...]
    high: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Score:
    """What a check measured. ``details`` fill the check's words; ``where`` is the worst place.

    ``where`` is a box, or a mask of the image's shape; None where it is everywhere. ``frame`` is the number
    of the worst frame of a cine.
    """

    value: float
    where: Box | NDArray[np.bool_] | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    frame: int | None = None


class Worse(StrEnum):
    """On which side of its limit a score is worse."""

    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True)
class Limits:
    """From where a score is a caution, and a stop (None: never by itself).

    ``source`` is a paper, a guideline, or "calibrated: docs/quality.md", or "assumed".
    """

    caution: float
    stop: float | None
    worse: Worse
    source: str

    def severity(self, value: float) -> Severity:
        """What ``value`` weighs; exactly on the limit is still good."""
        sign = 1 if self.worse is Worse.ABOVE else -1
        if self.stop is not None and sign * value > sign * self.stop:
            return Severity.STOP
        return Severity.CAUTION if sign * value > sign * self.caution else Severity.OK


@dataclass(frozen=True)
class Check:
    """One question asked of an image.

    ``measure`` returns None where it cannot be judged, and must then say why in ``passes`` (a sentence).
    ``words`` is what is said when the limit is passed and ``fine`` when not: templates over ``value``,
    ``unit``, ``limit`` and the score's ``details``. ``advice`` is what to do, in plain words. ``needs`` names
    what ``measure`` needs besides the pixels: ``"labels"``, ``"cine"``, ``"task"``. ``live`` checks are cheap
    enough for every frame of a stream.
    """

    name: str
    kinds: frozenset[Kind]
    unit: str
    measure: Callable[[Examined], Score | None]
    limits: Limits
    words: str
    advice: str
    fine: str = ""
    passes: str = "There is nothing in the image that it could be judged by."
    needs: frozenset[str] = frozenset()
    live: bool = False
