"""What a scanner knows of an image besides its voxels: whose it is, and how it was acquired."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from pydicom.uid import generate_uid

from procguide.errors import UsageError

__all__ = ["Acquisition", "CtAcquisition", "MrAcquisition", "MrMatrix", "SeriesIdentity", "StudyIdentity"]


@dataclass(frozen=True)
class StudyIdentity:
    """One patient lying once on one table: what all series of a study share.

    All UIDs follow from ``seed``, patient, position and description; without a seed they are new with
    every identity. ``date`` is DICOM's ``YYYYMMDD``; ``sex`` one of M, F, O; ``patient_position`` as
    (0018,5100), such as ``"HFS"``. A patient who has turned over lies in another frame of reference
    (PS3.3 C.7.4.1), so that prone and supine are two studies. ``phantom`` says in every object that the
    subject is none of flesh (Quality Control Subject, 0010,0200; the newer Synthetic Data, 0008,001C, is
    an error to checkers that do not know it).
    """

    patient_name: str = "Phantom^Procguide"
    patient_id: str = "PHANTOM"
    sex: str = "O"
    age_years: int | None = None
    height_m: float | None = None
    weight_kg: float | None = None
    description: str = "Phantom"
    patient_position: str = "HFS"
    date: str = "20260101"
    phantom: bool = True
    seed: int | str | None = None
    key: str = field(default_factory=lambda: secrets.token_hex(16), repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.sex not in ("M", "F", "O", ""):
            raise UsageError(f"DICOM writes a patient's sex as M, F or O, got {self.sex!r}")
        if self.seed is not None:
            object.__setattr__(self, "key", str(self.seed))

    @property
    def study_uid(self) -> str:
        """Study Instance UID."""
        return self.uid("study")

    @property
    def frame_of_reference_uid(self) -> str:
        """Frame of Reference UID: one patient space for all series of the study."""
        return self.uid("frame of reference")

    def uid(self, *parts: object) -> str:
        """A UID under pydicom's root; the same for the same identity and parts."""
        mine = ("procguide", self.key, self.patient_id, self.description, self.patient_position)
        return str(generate_uid(entropy_srcs=[*mine, *(str(part) for part in parts)]))


@dataclass(frozen=True)
class SeriesIdentity:
    """Which series of its study: number and description tell it from its sisters."""

    description: str = "Phantom"
    number: int = 1


@dataclass(frozen=True)
class CtAcquisition:
    """One helical CT scan. ``slice_mm`` is the slices' thickness; None takes their distance.

    The values beside tube voltage, charge and kernel describe a usual adult lumbar protocol and are
    assumed; enhanced CT requires them (PS3.3 C.8.15.3).
    """

    kvp: float = 120.0
    exposure_mas: float = 200.0
    rotation_s: float = 0.5
    pitch: float = 0.8
    collimation_mm: float = 38.4
    single_collimation_mm: float = 0.6
    kernel: str = "STANDARD"
    kernel_group: str = "SOFT_TISSUE"
    slice_mm: float | None = None
    focal_spot_mm: float = 1.0
    ctdi_mgy: float = 13.0
    contrast_agent: str = ""
    body_part: str = "LSPINE"
    source_to_detector_mm: float = 1085.0
    source_to_centre_mm: float = 595.0

    @property
    def tube_current_ma(self) -> float:
        """Mean current during a rotation."""
        return self.exposure_mas / self.rotation_s

    @property
    def table_speed(self) -> float:
        """mm/s."""
        return self.pitch * self.collimation_mm / self.rotation_s


@dataclass(frozen=True)
class MrMatrix:
    """Phase-encoding ``lines`` and ``samples`` along the readout, with the two percentages of C.8.3.1."""

    lines: int
    samples: int
    percent_sampling: float
    percent_phase_field: float


@dataclass(frozen=True)
class MrAcquisition:
    """One (turbo) spin-echo series; times in ms, ``bandwidth_hz`` per pixel, angles in degrees.

    ``phase`` is the in-plane axis along which phase is encoded, ``"ROW"`` or ``"COL"`` (0018,1312).
    ``acquired`` is the measured matrix (rows, columns). ``slice_mm`` None takes the slices' distance; gaps
    show in the distance. ``contrast`` is ``"T1"``, ``"T2"``, ``"PROTON_DENSITY"`` or ``"STIR"``; ``image``
    tells the images of one Dixon measurement apart: ``"WATER"``, ``"FAT"``, else ``"NONE"``.
    """

    sequence_name: str = "tse"
    contrast: str = "T2"
    tr: float = 3500.0
    te: float = 100.0
    ti: float | None = None
    field_t: float = 1.5
    bandwidth_hz: float = 200.0
    flip_deg: float = 90.0
    echo_train: int = 1
    averages: float = 1.0
    phase: str = "COL"
    acquired: tuple[int, int] | None = None
    oversampling: float = 0.0
    partial_fourier: float = 1.0
    slice_mm: float | None = None
    image: str = "NONE"
    receive_coil: str = "SPINE"
    body_part: str = "LSPINE"

    def __post_init__(self) -> None:
        if self.phase not in ("ROW", "COL"):
            raise UsageError(f"phase is encoded along ROW or COL, got {self.phase!r}")

    @property
    def larmor_mhz(self) -> float:
        """Imaging frequency of protons: 42.577 MHz/T."""
        return 42.577 * self.field_t

    def matrix(self, shape: tuple[int, int], field_mm: tuple[float, float]) -> MrMatrix:
        """What was measured of slices of ``shape`` (rows, columns) over ``field_mm`` (down, along)."""
        rows, columns = self.acquired or shape
        down = self.phase == "COL"
        lines, samples = (rows, columns) if down else (columns, rows)
        along, across = field_mm if down else field_mm[::-1]
        return MrMatrix(
            round(lines * (1 + self.oversampling) * self.partial_fourier),
            samples,
            round(100 * (lines / along) / (samples / across), 3),
            round(100 * along / across, 3),
        )


Acquisition = CtAcquisition | MrAcquisition
