"""What a folder of images holds: studies' series, and what each can be used for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from procguide.errors import InputUnfitError
from procguide.findings import Finding, Severity
from procguide.imaging import Grid, Modality, View, Volume
from procguide.imaging.frame_source import Pictures, VideoFile
from procguide.imaging.tracked import TrackedSequence

__all__ = ["Series", "SliceReference", "Study"]


@dataclass(frozen=True)
class SliceReference:
    """Where one slice's pixels are: a file, the frame in it from 0, and its own place along k.

    ``index`` is the slice's fractional k on the series' even lattice: a whole number unless the slices
    are uneven. ``instance_uid`` is its SOP Instance UID.
    """

    file: Path
    frame: int
    index: float
    instance_uid: str = ""


@dataclass(frozen=True, eq=False)
class Series:
    """One stack of slices that share orientation and size, or one object without such geometry.

    A DICOM series that mixes orientations, sizes or repeated positions gives several of these with the
    same ``uid``. ``shape`` is that of the even lattice ``(k, j, i)``; ``grid`` is None where the
    images have no place in the patient. ``findings`` with severity stop forbid planning.
    ``patient_position`` is DICOM (0018,5100), such as ``"HFS"``; empty where it is not said.
    ``view`` is what the first image's header says of its pixels: size, window presets, C-arm, ultrasound
    regions; ``times_s`` its frames' times from 0, where it has no place in the patient.
    :func:`procguide.dicom.read_frames` reads such images' pixels.
    ``pictures`` is where the frames come from that are no DICOM: picture files or a video.
    ``description`` is the scanner's free text and may identify the patient: show it, do not store it.
    """

    uid: str
    modality: str
    description: str
    files: tuple[Path, ...]
    shape: tuple[int, int, int]
    grid: Grid | None
    findings: tuple[Finding, ...] = ()
    usable_for: str = ""
    slices: tuple[SliceReference, ...] = ()
    study_uid: str = ""
    patient: str = field(default="", repr=False)
    volume: Volume | None = field(default=None, repr=False)
    patient_position: str = ""
    view: View | None = None
    times_s: tuple[float, ...] | None = None
    pictures: Pictures | VideoFile | TrackedSequence | None = None

    @property
    def spacing_mm(self) -> tuple[float, float, float] | None:
        """Steps along k, j, i in mm, where they are known."""
        if self.grid is None:
            return None
        k, j, i = (float(step) for step in self.grid.affine.spacing)
        return (k, j, i)

    @property
    def orientation(self) -> str:
        """Where k, j, i point in the patient, as ``"SPL"``; empty where it is not known."""
        return self.grid.affine.orientation if self.grid is not None else ""

    @property
    def tilt_deg(self) -> float:
        """Angle between the slices' normal and the line of their centres: gantry tilt; 0 if unknown."""
        if self.grid is None:
            return 0.0
        along, row, column = self.grid.affine.directions.T
        cosine = abs(float(along @ np.cross(row, column)) / float(np.linalg.norm(np.cross(row, column))))
        return float(np.degrees(np.arccos(min(cosine, 1.0))))

    @property
    def stopped(self) -> tuple[Finding, ...]:
        """The findings that forbid planning."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.STOP)

    @property
    def extent_mm(self) -> tuple[float, float, float]:
        """Size of the box round it along left, posterior, superior, mm."""
        if self.grid is None:
            return (0.0, 0.0, 0.0)
        x, y, z = (float(size) for size in np.ptp(self.grid.corners, axis=0))
        return (x, y, z)


_LOST = ("damaged files", "refused files", "missing files")


@dataclass(frozen=True, eq=False)
class Study:
    """All series under one path. ``findings`` are those of the whole: damaged files, mixed patients."""

    series: tuple[Series, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def lost(self) -> tuple[Finding, ...]:
        """The findings on files that belong here and could not be had: the rest is read without them."""
        return tuple(finding for finding in self.findings if finding.name in _LOST)

    def choose(self, modality: Modality | str | None = None) -> Series:
        """The best series for planning, or an error that says why there is none.

        CT comes before MR. Within a modality, of the series that cover at least 80 % of the body
        length that the longest covers: the one with the fewest cautions, then the thinnest slices.
        """
        stops = [finding for finding in self.findings if finding.severity is Severity.STOP]
        if stops:
            raise InputUnfitError(f"{stops[0].words} {stops[0].advice}".strip())
        wanted = [s for s in self.series if modality is None or s.modality == str(modality).upper()]
        fit = [s for s in wanted if s.grid is not None and not s.stopped]
        if fit:
            first = min(_modality_rank(series) for series in fit)
            alike = [series for series in fit if _modality_rank(series) == first]
            longest = max(series.extent_mm[2] for series in alike)
            return min((series for series in alike if series.extent_mm[2] >= 0.8 * longest), key=_rank)
        if not wanted:
            held = ", ".join(sorted({s.modality for s in self.series})) or "nothing"
            raise InputUnfitError(
                f"there is no {modality} series here, only {held}; give a path that holds one"
            )
        raise InputUnfitError(_why_none(wanted))


def _modality_rank(series: Series) -> int:
    return {"CT": 0, "MR": 1}.get(series.modality, 2)


def _rank(series: Series) -> tuple[float, float, float, str]:
    """Fewest cautions, thinnest slices, longest; the UID keeps the choice the same from run to run."""
    cautions = sum(finding.severity is Severity.CAUTION for finding in series.findings)
    step = series.spacing_mm[0] if series.spacing_mm else 0.0
    return (cautions, round(step, 2), -series.extent_mm[2], series.uid)


def _why_none(series: Iterable[Series]) -> str:
    """One sentence for the most promising series that is not fit, with its advice."""
    best = max(series, key=lambda s: (s.grid is not None, s.modality in ("CT", "MR"), s.shape[0]))
    for finding in best.stopped:
        return f"the {best.modality} series cannot be used: {finding.words} {finding.advice}".strip()
    return (
        f"there is no cross-sectional CT or MR series here ({best.modality}: {best.usable_for}); "
        "planning needs one"
    )
