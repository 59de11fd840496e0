"""What 2D images can be used for, and what may be measured on them: the findings."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from procguide.dicom.frame_view import PROJECTIONS, is_secondary_capture
from procguide.dicom.headers import SliceHeader
from procguide.findings import Finding, Severity
from procguide.imaging import PixelSize, SpacingPlane, View

__all__ = ["SHORT_WORDS", "assess_frames"]

_DISAGREE = 0.05
"""Spacings whose ratio differs by more from the stated magnification are said. Assumed."""

SHORT_WORDS = {
    "projection": "viewing only: X-ray projection",
    "ultrasound": "viewing only: ultrasound",
    "secondary capture": "viewing only: secondary capture, not measurable",
    "picture": "viewing only: picture or video, not measurable",
}


def assess_frames(header: SliceHeader, view: View, times: NDArray[np.float64] | None) -> list[Finding]:
    """What kind of image this is, and whether lengths and times may be taken from it."""
    if is_secondary_capture(header.sop_class):
        return [_secondary_capture()]
    if view.modality in PROJECTIONS:
        findings = [_projection(), *_detector(view)]
    elif view.modality == "US":
        findings = [_ultrasound(), *_regions(view)]
    else:
        return []
    if header.frames > 1 and times is None:
        findings.append(
            Finding(
                "frame times unknown",
                Severity.CAUTION,
                "The file does not say when its frames were taken.",
                "Take no speed or delay from it.",
            )
        )
    return findings


def _secondary_capture() -> Finding:
    return Finding(
        "secondary capture",
        Severity.STOP,
        "This is a picture of a screen or film: its pixels measure nothing.",
        "Give the original images.",
    )


def _projection() -> Finding:
    return Finding(
        "projection",
        Severity.STOP,
        "These are X-ray projections: they have no place in the patient.",
        "Give a CT series to plan on.",
    )


def _ultrasound() -> Finding:
    return Finding(
        "ultrasound",
        Severity.STOP,
        "These are ultrasound frames: they have no place in the patient.",
        "Give a CT series to plan on.",
    )


def _detector(view: View) -> list[Finding]:
    """Where a projection's pixel size holds, and what it is in the patient."""
    size, magnification = view.pixel_size, view.magnification
    if size is None or view.why_unmeasurable:
        return [_unmeasurable(view)]
    if size.plane is SpacingPlane.PATIENT:
        return [_calibrated(view, size), *_disagreement(view, size)]
    if size.plane is SpacingPlane.DETECTOR and magnification is not None:
        patient = size.divided(magnification)
        words = (
            f"Pixels are {_mm(size)} at the detector; by the file's magnification of {magnification:.3g} "
            f"they are {_mm(patient)} at the isocentre."
        )
        advice = "What lies nearer to the tube looks larger: take lengths at the isocentre's depth only."
        return [Finding("spacing at the detector", Severity.CAUTION, words, advice)]
    where = {
        SpacingPlane.DETECTOR: "at the detector, and the magnification is not stated",
        SpacingPlane.FILM: "on the film that was scanned",
        SpacingPlane.UNSTATED: "by a spacing that may hold at the detector or in the patient",
    }[size.plane]
    return [
        Finding(
            "spacing not in the patient",
            Severity.CAUTION,
            f"Pixels are {_mm(size)} {where}.",
            "Take no length from it without an object of known size in the picture.",
        )
    ]


def _calibrated(view: View, size: PixelSize) -> Finding:
    how = {
        "GEOMETRY": "by the device's geometry",
        "FIDUCIAL": "on an object of known size",
    }.get(size.calibration, "in a way the file does not name")
    at = "" if view.imager_size is None else f"; at the detector they are {_mm(view.imager_size)}"
    return Finding(
        "calibrated spacing",
        Severity.OK if size.calibration else Severity.CAUTION,
        f"Pixels are {_mm(size)} in the patient, calibrated {how}{at}.",
        "It holds at the depth of the calibration.",
    )


def _disagreement(view: View, size: PixelSize) -> list[Finding]:
    if view.imager_size is None or view.magnification is None:
        return []
    ratio = view.imager_size.rows_mm / size.rows_mm
    if math.isclose(ratio, view.magnification, rel_tol=_DISAGREE):
        return []
    return [
        Finding(
            "spacings disagree",
            Severity.CAUTION,
            f"Imager and pixel spacing differ by {ratio:.3g}, but the stated magnification is "
            f"{view.magnification:.3g}.",
            "Take no length from it before one of them is confirmed.",
            score=ratio / view.magnification,
            limit=1 + _DISAGREE,
            unit="ratio",
        )
    ]


def _regions(view: View) -> list[Finding]:
    if view.why_unmeasurable or not any(region.pixel_size for region in view.regions):
        return [_unmeasurable(view)]
    return []


def _unmeasurable(view: View) -> Finding:
    words = view.why_unmeasurable or "no part of it is calibrated in mm"
    return Finding(
        "no pixel size",
        Severity.CAUTION,
        f"{words[0].upper()}{words[1:]}.",
        "Take no length from it.",
    )


def _mm(size: PixelSize) -> str:
    if math.isclose(size.rows_mm, size.columns_mm, rel_tol=1e-3):
        return f"{size.rows_mm:.3g} mm"
    return f"{size.columns_mm:.3g} x {size.rows_mm:.3g} mm"
