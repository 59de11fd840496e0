"""Two-dimensional images: one frame or a timed sequence, with what its pixels measure and how it was seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CarmView",
    "Cine",
    "Frame",
    "LookupTable",
    "PixelSize",
    "SpacingPlane",
    "UltrasoundRegion",
    "View",
    "Window",
]


class SpacingPlane(StrEnum):
    """Where a pixel's size holds."""

    PATIENT = "patient"
    """In the patient: tomographic, or calibrated by an object or by the C-arm's distances."""
    DETECTOR = "detector"
    """At the detector: things in the patient are smaller, by the magnification."""
    FILM = "film"
    """On the film or print that was scanned."""
    UNSTATED = "unstated"
    """The file does not say whether detector or patient is meant."""


@dataclass(frozen=True)
class PixelSize:
    """Steps between pixel centres in mm: ``rows_mm`` down a column (j), ``columns_mm`` along a row (i).

    Do not measure in the patient with a size that holds at the detector: see :attr:`View.patient_mm`.
    ``calibration`` is DICOM's Pixel Spacing Calibration Type (0028,0A02): ``"GEOMETRY"``, ``"FIDUCIAL"``.
    """

    rows_mm: float
    columns_mm: float
    plane: SpacingPlane
    calibration: str = ""

    def divided(self, magnification: float) -> PixelSize:
        """The same pixels where things are ``magnification`` times smaller: in the patient."""
        return PixelSize(
            self.rows_mm / magnification, self.columns_mm / magnification, SpacingPlane.PATIENT, "GEOMETRY"
        )


@dataclass(frozen=True)
class CarmView:
    """How a C-arm stood: DICOM's positioner angles (PS3.3 C.8.7.5.1.2) in degrees and distances in mm.

    ``primary_deg`` is positive toward the patient's left (LAO), ``secondary_deg`` toward the head (CRA), of
    the detector, for a supine patient; they are not the angles of :func:`procguide.geometry.view_angles`.
    ``stated_magnification`` is the Estimated Radiographic Magnification Factor (0018,1114).
    """

    primary_deg: float | None = None
    secondary_deg: float | None = None
    detector_primary_deg: float | None = None
    detector_secondary_deg: float | None = None
    source_to_detector_mm: float | None = None
    source_to_patient_mm: float | None = None
    stated_magnification: float | None = None

    @property
    def magnification(self) -> float | None:
        """Detector over patient at the isocentre: as stated, else from both distances, else unknown."""
        if self.stated_magnification is not None:
            return self.stated_magnification
        if self.source_to_detector_mm is None or self.source_to_patient_mm is None:
            return None
        return self.source_to_detector_mm / self.source_to_patient_mm


@dataclass(frozen=True)
class UltrasoundRegion:
    """One calibrated part of an ultrasound frame (PS3.3 C.8.5.5).

    The part is ``top <= j <= bottom``, ``left <= i <= right``. ``deltas`` are the physical steps
    along i and along j in ``units``; a negative one runs against the pixels. ``reference`` is the pixel
    (i, j), from the part's top left, that has the physical ``reference_values``.
    """

    left: int
    top: int
    right: int
    bottom: int
    spatial_format: str
    data_type: str
    units: tuple[str, str]
    deltas: tuple[float, float]
    reference: tuple[int, int] | None = None
    reference_values: tuple[float, float] | None = None
    transducer_mhz: float | None = None

    @property
    def pixel_size(self) -> PixelSize | None:
        """Steps in mm, where both axes are lengths (a 2D image); None for M-mode, Doppler and graphs."""
        if self.spatial_format != "2D" or self.units != ("cm", "cm") or 0.0 in self.deltas:
            return None
        along, down = (abs(delta) * 10 for delta in self.deltas)
        return PixelSize(down, along, SpacingPlane.PATIENT)

    def contains(self, j: float, i: float) -> bool:
        """Whether pixel (j, i) lies in it."""
        return self.top <= j <= self.bottom and self.left <= i <= self.right


@dataclass(frozen=True)
class Window:
    """A window preset (PS3.3 C.11.2.1.2): centre and width in the frame's values, function and name."""

    centre: float
    width: float
    name: str = ""
    function: str = "LINEAR"

    def apply(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Values to brightness 0..1, lowest first."""
        if self.function == "SIGMOID":
            return np.asarray(
                1 / (1 + np.exp(-4 * (values.astype(np.float32) - self.centre) / self.width)), np.float32
            )
        exact = self.function == "LINEAR_EXACT"
        centre, width = (self.centre, self.width) if exact else (self.centre - 0.5, max(self.width - 1, 1e-6))
        shown = (values.astype(np.float32) - np.float32(centre)) / np.float32(width) + np.float32(0.5)
        return np.asarray(np.clip(shown, 0, 1), np.float32)


@dataclass(frozen=True, eq=False)
class LookupTable:
    """A table in a window's place (PS3.3 C.11.2.1.1): ``shades`` 0..1 of the values from ``first`` upward."""

    first: int
    shades: NDArray[np.float32]
    name: str = ""

    def apply(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Values to brightness 0..1; those beyond the table's ends take its ends'."""
        place = np.clip(np.rint(values).astype(np.int64) - self.first, 0, len(self.shades) - 1)
        return np.asarray(self.shades[place])


@dataclass(frozen=True)
class View:
    """What is known of a frame without its pixels.

    ``inverted``: the lowest value is shown white (MONOCHROME1). ``windows`` are the presets of the file, the
    default first. ``why_unmeasurable`` says in words why no length may be taken from it; empty if one may.
    ``laterality`` is the side of a paired part, ``"L"`` or ``"R"``, where the file says it; ``orientation``
    where rows and columns run in the patient (Patient Orientation (0020,0020)).
    """

    modality: str
    pixel_size: PixelSize | None = None
    imager_size: PixelSize | None = None
    carm: CarmView | None = None
    regions: tuple[UltrasoundRegion, ...] = ()
    windows: tuple[Window | LookupTable, ...] = ()
    inverted: bool = False
    colour: bool = False
    why_unmeasurable: str = ""
    laterality: str = ""
    orientation: tuple[str, ...] = ()

    @property
    def magnification(self) -> float | None:
        """Of the C-arm or X-ray tube, where it is known."""
        return self.carm.magnification if self.carm is not None else None

    @property
    def patient_mm(self) -> PixelSize | None:
        """Pixel size in the patient: calibrated, or the detector's over the magnification; else None.

        For a projection it holds at the isocentre only: nearer to the source things look larger.
        """
        if self.why_unmeasurable:
            return None
        if self.pixel_size is not None and self.pixel_size.plane is SpacingPlane.PATIENT:
            return self.pixel_size
        detector = self.imager_size or self.pixel_size
        if detector is None or detector.plane is not SpacingPlane.DETECTOR or self.magnification is None:
            return None
        return detector.divided(self.magnification)

    def region_at(self, j: float, i: float) -> UltrasoundRegion | None:
        """The ultrasound region that pixel (j, i) lies in: the smallest, where they overlap."""
        found = [region for region in self.regions if region.contains(j, i)]
        return min(found, key=lambda r: (r.right - r.left) * (r.bottom - r.top), default=None)


@dataclass(frozen=True, eq=False)
class Frame:
    """One 2D image: ``pixels`` ``(j, i)`` grey values or ``(j, i, 3)`` RGB, read-only.

    Grey values are as after the modality transformation (PS3.3 C.11.1); :meth:`shown` makes them
    brightness. ``time_s`` counts from the first frame of the sequence it is of. ``padding`` is where the
    device filled in, ``(j, i)``.
    """

    pixels: NDArray[Any]
    view: View
    time_s: float | None = None
    source: str = ""
    padding: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "pixels", _read_only(self.pixels, 2))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.pixels.shape[:2]
        return (rows, columns)

    def shown(self, window: Window | LookupTable | None = None) -> NDArray[np.uint8]:
        """As a viewer shows it, ``(j, i)`` or ``(j, i, 3)`` of 0..255.

        With ``window``, else the file's first preset, else the whole range of values without padding.
        """
        if self.pixels.ndim == 3:
            return np.asarray(self.pixels >> (self.pixels.dtype.itemsize * 8 - 8), np.uint8)
        chosen = window or next(iter(self.view.windows), None) or _whole_range(self.pixels, self.padding)
        bright = chosen.apply(self.pixels)
        bright = 1 - bright if self.view.inverted else bright
        if self.padding is not None:
            bright = np.where(self.padding, 0, bright)
        return np.asarray(np.rint(bright * 255), np.uint8)


@dataclass(frozen=True, eq=False)
class Cine:
    """A timed sequence: ``pixels`` ``(t, j, i)`` or ``(t, j, i, 3)``, read-only; ``times_s`` ``(t,)`` from 0.

    ``times_s`` is None where the file does not say the frames' times. ``views`` has one entry for all frames
    or one for each, as in a rotational run.
    """

    pixels: NDArray[Any]
    views: tuple[View, ...]
    times_s: NDArray[np.float64] | None = None
    source: str = ""
    padding: NDArray[np.bool_] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pixels", _read_only(self.pixels, 3))
        if len(self.views) not in (1, len(self.pixels)):
            raise ValueError(f"{len(self.pixels)} frames have one view or as many, got {len(self.views)}")
        if self.times_s is not None and self.times_s.shape != (len(self.pixels),):
            raise ValueError(f"{len(self.pixels)} frames have as many times, got {self.times_s.shape}")

    def __len__(self) -> int:
        return len(self.pixels)

    def __iter__(self) -> Iterator[Frame]:
        return (self.frame(n) for n in range(len(self)))

    @property
    def view(self) -> View:
        """The first frame's view."""
        return self.views[0]

    @property
    def rate_hz(self) -> float | None:
        """Frames a second, by the median step; None where times are not known."""
        if self.times_s is None or len(self) < 2:
            return None
        step = float(np.median(np.diff(self.times_s)))
        return 1 / step if step > 0 else None

    def frame(self, n: int) -> Frame:
        """Frame ``n`` from 0."""
        view = self.views[n if len(self.views) > 1 else 0]
        time = None if self.times_s is None else float(self.times_s[n])
        return Frame(
            self.pixels[n], view, time, self.source, None if self.padding is None else self.padding[n]
        )

    def with_pixels(self, pixels: NDArray[Any]) -> Cine:
        """The same times and views with other pixels of as many frames."""
        return replace(self, pixels=pixels, padding=None)


def _read_only(pixels: NDArray[Any], dimensions: int) -> NDArray[Any]:
    array = np.asarray(pixels)
    colour = array.ndim == dimensions + 1 and array.shape[-1] == 3
    if (array.ndim != dimensions and not colour) or min(array.shape) < 1:
        axes = "(j, i)" if dimensions == 2 else "(t, j, i)"
        raise ValueError(f"pixels are {axes}, or with 3 colours last; got shape {array.shape}")
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array


def _whole_range(pixels: NDArray[Any], padding: NDArray[np.bool_] | None) -> Window:
    values = pixels if padding is None or padding.all() else pixels[~padding]
    low, high = float(values.min()), float(values.max())
    return Window((low + high) / 2, max(high - low, 1e-6), "WHOLE RANGE", "LINEAR_EXACT")
