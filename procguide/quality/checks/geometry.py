"""CT and MR: how fine the slices are, how they lie, and how much of the body they cover."""

from __future__ import annotations

import numpy as np

from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planes import slice_axis

__all__ = ["CHECKS"]


def coarsest_step(examined: Examined) -> Score | None:
    """The coarsest of step, thickness and pixels, mm."""
    volume = examined.volume
    if volume is None:
        return None
    thickness = examined.acquisition.thickness_mm or 0.0
    fine, middle, coarse = sorted(float(step) for step in volume.spacing)
    return Score(max(coarse, thickness), None, {"pixel": middle, "finest": fine})


def pixel_size(examined: Examined) -> Score | None:
    """The larger in-plane step, mm."""
    volume = examined.volume
    if volume is None:
        return None
    return Score(float(np.delete(volume.spacing, slice_axis(volume.spacing)).max()))


def gap(examined: Examined) -> Score | None:
    """Share in % of the step between slices that no slice covers."""
    volume, thickness = examined.volume, examined.acquisition.thickness_mm
    if volume is None or not thickness or volume.shape[0] < 2:
        return None
    step = float(volume.spacing[0])
    return Score(max(0.0, 100 * (step - thickness) / step), None, {"step": step, "thickness": thickness})


def tilt(examined: Examined) -> Score | None:
    """Angle between the slices' normal and the line of their centres, degrees."""
    volume = examined.volume
    if volume is None:
        return None
    along, row, column = volume.affine.directions.T
    normal = np.cross(row, column)
    cosine = abs(float(along @ normal)) / float(np.linalg.norm(normal))
    return Score(float(np.degrees(np.arccos(min(cosine, 1.0)))))


def coverage(examined: Examined) -> Score | None:
    """Length of the box along the patient's head-to-feet axis, mm."""
    volume = examined.volume
    if volume is None:
        return None
    return Score(float(np.ptp(volume.grid.corners[:, 2])))


def orientation(examined: Examined) -> Score | None:
    """Angle from the slices' normal to the nearest of left-right and head-feet, degrees; 0 if isotropic."""
    volume = examined.volume
    if volume is None:
        return None
    spacing = np.sort(volume.spacing)
    if spacing[2] <= 1.5 * spacing[1]:
        return Score(0.0)
    normal = np.abs(volume.affine.directions[:, slice_axis(volume.spacing)])
    return Score(float(np.degrees(np.arccos(min(max(normal[0], normal[2]), 1.0)))))


_CT, _MR = frozenset({Kind.CT}), frozenset({Kind.MR})
_ACR = "ACR-ASNR-SPR practice parameter for spine CT: 3 mm or less; stop assumed"

CHECKS = (
    Check(
        "resolution",
        _CT,
        "mm",
        coarsest_step,
        Limits(3.01, 6.01, Worse.ABOVE, _ACR),
        "Slices are {value:.3g} mm: the foramen and the facets are not resolved.",
        "Ask for a reconstruction of 1-1.5 mm.",
        "Slices are {value:.3g} mm.",
    ),
    Check(
        "resolution",
        _MR,
        "mm",
        coarsest_step,
        Limits(5.51, 8.01, Worse.ABOVE, "assumed: lumbar series are 3-5 mm thick"),
        "Slices are {value:.3g} mm: nerve roots and foramina fall between them.",
        "Ask for slices of 4 mm or less, or a 3D sequence of 1 mm.",
        "Slices are {value:.3g} mm.",
    ),
    Check(
        "pixel size",
        _CT | _MR,
        "mm",
        pixel_size,
        Limits(2.0, 3.5, Worse.ABOVE, "assumed: laminae and nerve roots are 3-6 mm across"),
        "Pixels are {value:.2f} mm: laminae, facets and nerve roots are blurred.",
        "Ask for a smaller field of view or a larger matrix.",
        "Pixels are {value:.2f} mm.",
    ),
    Check(
        "gap",
        _MR,
        "%",
        gap,
        Limits(30.0, 60.0, Worse.ABOVE, "assumed"),
        "{value:.0f} % of the body lies between slices ({thickness:.3g} mm thick, {step:.3g} mm apart).",
        "What lies in the gaps is not seen: ask for contiguous slices.",
        "{value:.0f} % lies between slices.",
        "There is one slice only, or the files do not say how thick slices are.",
    ),
    Check(
        "gantry tilt",
        _CT,
        "degrees",
        tilt,
        Limits(1.0, 35.0, Worse.ABOVE, "assumed"),
        "The gantry was tilted by {value:.0f} degrees: slices follow one another aslant.",
        "Angles here allow for it; other software may not: check exported plans against the images.",
        "The gantry was not tilted.",
    ),
    Check(
        "coverage",
        _CT | _MR,
        "mm",
        coverage,
        Limits(100.0, 40.0, Worse.BELOW, "assumed: a lumbar vertebra with its discs is about 40 mm"),
        "Only {value:.0f} mm of the spine's length are in view.",
        "A level with its neighbours needs 100 mm, and counting levels more: give the whole series.",
        "{value:.0f} mm of the spine's length are in view.",
    ),
    Check(
        "orientation",
        _MR,
        "degrees",
        orientation,
        Limits(40.0, None, Worse.ABOVE, "assumed: axial slices follow discs tilted up to 40 degrees"),
        "The slices are neither sagittal nor axial: {value:.0f} degrees off.",
        "Pedicles and foramina are cut aslant: use the sagittal or the axial series.",
        "The slices are sagittal, axial or finely stacked ({value:.0f} degrees off).",
    ),
)
