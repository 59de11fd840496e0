"""CT and MR, where labels and the task are known: what the needle depends on, seen and whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy.levels import VERSE_LABELS
from procguide.anatomy.regions import Region
from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.tasks import STRUCTURES

__all__ = ["CHECKS"]

_LEAST_VOXELS = 60
_LEAST_BODIES = 3


def task_resolution(examined: Examined) -> Score | None:
    """How many samples the structure that the task depends on has across, at the coarsest."""
    volume = examined.volume
    if volume is None or examined.task not in STRUCTURES:
        return None
    name, width = STRUCTURES[examined.task]
    coarsest = max(float(volume.spacing.max()), examined.acquisition.thickness_mm or 0.0)
    return Score(width / coarsest, None, {"structure": name, "width": width, "step": coarsest})


def site_coverage(examined: Examined) -> Score | None:
    """From the needed vertebrae to the nearer end of the image along the body, mm; 0 where one is cut off."""
    volume, levels = examined.volume, examined.levels
    names = [site for site in examined.sites if site in VERSE_LABELS]
    if volume is None or levels is None or not names:
        return None
    held = np.argwhere(levels.mask(*(VERSE_LABELS[name] for name in names)))
    if not len(held):
        return None
    heights = levels.to_patient(held[:: max(1, len(held) // 20_000)])[:, 2]
    half = 0.5 * float(levels.spacing.max())
    low, high = float(volume.grid.corners[:, 2].min()), float(volume.grid.corners[:, 2].max())
    room = min(float(heights.min()) - half - low, high - float(heights.max()) - half)
    return Score(max(room, 0.0), None, {"sites": " and ".join(names)})


def vertebral_shading(examined: Examined) -> Score | None:
    """How many times brighter vertebral bodies at one end of the image are than at the other.

    Their marrow is one tissue: a line through the logs of their medians, over height, is the coil's doing.
    """
    bodies = _bodies(examined)
    if bodies is None or len(bodies) < _LEAST_BODIES:
        return None
    heights, values = bodies.T
    slope = np.polyfit(heights, np.log(np.maximum(values, 1e-6)), 1)[0]
    return Score(float(np.exp(abs(slope) * np.ptp(heights))))


def canal_contrast(examined: Examined) -> Score | None:
    """How far the canal's brightness is from the vertebral bodies', over the bodies' own spread."""
    labels = examined.labels
    if labels is None:
        return None
    canal = labels.mask(Region.CANAL, Region.THECAL_SAC, Region.CEREBROSPINAL_FLUID, Region.CAUDA_EQUINA)
    inside, marrow = _sampled(examined, canal), _sampled(examined, labels.mask(Region.BODY))
    if inside is None or marrow is None:
        return None
    spread = 1.4826 * float(np.median(np.abs(marrow - np.median(marrow))))
    return Score(abs(float(np.median(inside) - np.median(marrow))) / max(spread, 1e-6))


def _bodies(examined: Examined) -> NDArray[np.float64] | None:
    """Height (mm) and median brightness of each named vertebra's body, ``(n, 2)``."""
    labels, levels = examined.labels, examined.levels
    if labels is None or levels is None or not labels.grid.isclose(levels.grid):
        return None
    rows = []
    for level in levels.present():
        body = labels.mask(Region.BODY) & levels.mask(level)
        values = _sampled(examined, body)
        if values is not None:
            height = float(levels.to_patient(np.argwhere(body).mean(axis=0))[2])
            rows.append((height, float(np.median(values))))
    return np.array(rows) if rows else None


def _sampled(examined: Examined, mask: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    """The image at a mask of the labels' lattice, a voxel in from its surface; None where that is little."""
    from scipy import ndimage

    volume, labels = examined.volume, examined.labels
    if volume is None or labels is None or not mask.any():
        return None
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    inner = np.argwhere(ndimage.binary_erosion(mask[box])) + [part.start for part in box]
    if len(inner) < _LEAST_VOXELS:
        return None
    places = volume.to_index(labels.to_patient(inner[:: max(1, len(inner) // 20_000)])).T
    within = np.all((places >= 0) & (places <= np.array(volume.shape)[:, None] - 1), axis=0)
    if within.sum() < _LEAST_VOXELS:
        return None
    return np.asarray(ndimage.map_coordinates(volume.voxels, places[:, within], np.float32, order=0))


_BOTH, _MR = frozenset({Kind.CT, Kind.MR}), frozenset({Kind.MR})

CHECKS = (
    Check(
        "resolution for the task",
        _BOTH,
        "samples",
        task_resolution,
        Limits(1.5, None, Worse.BELOW, "assumed; the structures' widths too"),
        "Slices of {step:.3g} mm give the {structure}, {width:.0f} mm wide, {value:.1f} samples.",
        "Its place is known to no better than a slice: ask for slices of half its width, or finer.",
        "The {structure}, {width:.0f} mm wide, has {value:.1f} samples across.",
        "It is not said what the image is for, or that depends on no fine structure.",
        needs=frozenset({"task"}),
    ),
    Check(
        "coverage of the level",
        _BOTH,
        "mm",
        site_coverage,
        Limits(10.0, None, Worse.BELOW, "assumed"),
        "The image ends {value:.0f} mm from {sites}: part of it, or of what lies round it, is not in view.",
        "Needles that tilt to head or feet leave the image: give a series that goes on beyond the level.",
        "The image goes on for {value:.0f} mm beyond {sites}.",
        "It is not said which level the image is for, or that level was not found.",
        needs=frozenset({"labels", "task"}),
    ),
    Check(
        "vertebral shading",
        _MR,
        "ratio",
        vertebral_shading,
        Limits(1.8, None, Worse.ABOVE, "calibrated on phantoms: docs/quality.md"),
        "Vertebral bodies at one end of the image are {value:.1f} times as bright as at the other.",
        "Segmentation may fail at the dark end: ask for the scanner's normalisation.",
        "Vertebral bodies are alike in brightness ({value:.1f}-fold).",
        "Fewer than three vertebral bodies are known.",
        needs=frozenset({"labels"}),
    ),
    Check(
        "contrast of the canal",
        _MR,
        "ratio",
        canal_contrast,
        Limits(2.0, None, Worse.BELOW, "calibrated on phantoms: docs/quality.md"),
        "The canal differs from the vertebral bodies by only {value:.1f} times their own spread.",
        "The dura is hardly seen: plan on a T2-weighted series.",
        "The canal differs from the vertebral bodies by {value:.0f} times their own spread.",
        "The canal or the vertebral bodies are not known.",
        needs=frozenset({"labels"}),
    ),
)
