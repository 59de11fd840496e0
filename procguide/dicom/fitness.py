"""What a series can be used for, in short words, and the findings behind them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from procguide.dicom.frame_fitness import SHORT_WORDS, assess_frames
from procguide.dicom.frame_view import is_secondary_capture
from procguide.dicom.headers import SliceHeader
from procguide.findings import Finding, Severity
from procguide.imaging import Grid, View

__all__ = ["assess_fitness", "usable_for"]

CAUTION_STEP_MM = 3.0
"""Steps above this blur pedicles and facets (ACR-ASNR-SPR practice parameter for spine CT: <= 3 mm)."""
STOP_STEP_MM = 6.0
"""A lumbar pedicle is about 14 mm high: fewer than three slices through it are not planned on. Assumed."""
CAUTION_EXTENT_MM = 60.0
"""Less than about two lumbar vertebrae with their discs. Assumed."""
STOP_SLICES = 5


def assess_fitness(
    grid: Grid | None,
    modality: str,
    headers: Sequence[SliceHeader] = (),
    view: View | None = None,
    times: NDArray[np.float64] | None = None,
) -> list[Finding]:
    """Findings on what kind of series this is, on its slices' thickness and on its coverage.

    ``view`` and ``times`` are those of 2D images, which have no ``grid``.
    """
    if grid is None:
        two_dimensional = assess_frames(headers[0], view, times) if view is not None and headers else []
        return two_dimensional or [_not_cross_sectional(headers)]
    findings = [*_kind(headers), *_modality(modality, headers)]
    if grid.shape[0] > 1:
        findings += _coverage(grid)
    return findings


def _kind(headers: Sequence[SliceHeader]) -> list[Finding]:
    """What the slices are besides their modality, where that forbids planning."""
    findings = []
    captured = [header for header in headers if is_secondary_capture(header.sop_class)]
    if captured:
        findings += assess_frames(captured[0], View("OT"), None)
    if any(header.samples > 1 for header in headers):
        words, advice = "The images are in colour.", "Give the original CT or MR series."
        findings.append(Finding("colour", Severity.STOP, words, advice))
    if any(header.is_localizer for header in headers):
        words, advice = "This is a localizer (scout).", "Give the folder of the whole study."
        findings.append(Finding("localizer", Severity.STOP, words, advice))
    return findings


def _modality(modality: str, headers: Sequence[SliceHeader]) -> list[Finding]:
    if modality not in ("CT", "MR", "OT"):
        words = f"{modality} images are not planned on."
        return [Finding("modality", Severity.STOP, words, "Give a CT or MR series.")]
    if modality == "MR":
        words = "MR shows cortical bone and skin less reliably than CT, and no organ is labelled on it."
        advice = "Plan on a CT where bone or organs lie beside the needle; else look for them on the image."
        return [Finding("modality", Severity.CAUTION, words, advice)]
    if modality == "CT" and not all(header.rescaled for header in headers):
        words = "The files do not say how their values become Hounsfield units; they are taken as they are."
        advice = "Check that fat is near -100 and muscle near 50, or export the original series."
        return [Finding("no Hounsfield units", Severity.CAUTION, words, advice)]
    return []


def _coverage(grid: Grid) -> list[Finding]:
    findings = []
    step = float(max(grid.affine.spacing))
    if step > CAUTION_STEP_MM + 0.01:
        findings.append(_thick(step))
    extent = float(np.min(np.asarray(grid.shape) * grid.affine.spacing))
    if 1 < grid.shape[0] < STOP_SLICES or min(grid.shape) < STOP_SLICES:
        findings.append(
            Finding(
                "few slices",
                Severity.STOP,
                f"There are only {grid.shape[0]} slices.",
                "Give the folder of the whole series.",
                score=grid.shape[0],
                limit=STOP_SLICES,
                unit="slices",
            )
        )
    elif extent < CAUTION_EXTENT_MM:
        findings.append(
            Finding(
                "small coverage",
                Severity.CAUTION,
                f"The images cover only {extent:.0f} mm in one direction.",
                "Check that the level, the skin and the needle's path are in view.",
                score=extent,
                limit=CAUTION_EXTENT_MM,
                unit="mm",
            )
        )
    return findings


def _thick(step: float) -> Finding:
    stop = step > STOP_STEP_MM
    what = "too far to tell pedicles and facets." if stop else "small structures may be lost."
    return Finding(
        "thick slices",
        Severity.STOP if stop else Severity.CAUTION,
        f"Slices are {step:.3g} mm apart: {what}",
        f"Prefer a reconstruction of {CAUTION_STEP_MM:g} mm or less.",
        score=step,
        limit=STOP_STEP_MM if stop else CAUTION_STEP_MM,
        unit="mm",
    )


def _not_cross_sectional(headers: Sequence[SliceHeader]) -> Finding:
    if headers and not all(headers[0].size):
        return Finding("no image", Severity.STOP, "This is not an image.", "Give a CT or MR series.")
    return Finding(
        "not cross-sectional",
        Severity.STOP,
        "The images have no place in the patient: this is not a cross-sectional series.",
        "Give a CT or MR series.",
    )


_SHORT = {
    **SHORT_WORDS,
    "no image": "not an image",
    "not cross-sectional": "not a cross-sectional series",
    "localizer": "localizer",
    "one slice": "viewing only: one slice",
    "modality": "MR",
    "small coverage": "small coverage",
}


def usable_for(findings: Sequence[Finding]) -> str:
    """``"planning"``, ``"planning with caution: ..."``, or what forbids planning, in short words."""
    for finding in findings:
        if finding.severity is Severity.STOP:
            words = _SHORT.get(finding.name)
            return words if words and finding.name != "modality" else f"not for planning: {_short(finding)}"
    cautions = [finding for finding in findings if finding.severity is Severity.CAUTION]
    if not cautions:
        return "planning"
    return f"planning with caution: {', '.join(map(_short, cautions))}"


def _short(finding: Finding) -> str:
    if finding.name == "thick slices":
        return f"{finding.score:.3g} mm slices"
    if finding.name == "modality" and finding.severity is Severity.STOP:
        return finding.words.split()[0]
    return _SHORT.get(finding.name, finding.name)
