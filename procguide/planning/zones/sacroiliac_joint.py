"""The lower end of the sacroiliac joint, at its dorsal edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.errors import InputUnfitError
from procguide.geometry import Vector, vector
from procguide.planning.site import LocalLabels, Site
from procguide.planning.zones.nouns import TargetZone

__all__ = ["centre", "sample"]

_CUT_MM = 5.0
"""A joint that ends so near to the labels' lower edge goes on beyond it (assumed)."""


def centre(site: Site) -> Vector:
    """The middle of the zone's stretch of the joint."""
    return vector(_stretch(site)[0].mean(axis=0))


def sample(site: Site, labels: LocalLabels) -> TargetZone:
    """The joint's dorsal edge 10 to 20 mm above its caudal end, at and a little into its opening."""
    edge, above = _stretch(site)
    end = float((edge[:, 2] - above).min())
    if end - float(labels.levels.affine.origin[2]) < _CUT_MM:
        raise InputUnfitError(
            f"the {site.own_side} sacroiliac joint runs to the image's lower edge, so its lower end is not "
            "in view. Load images that show both bones to below the joint."
        )
    low, high = site.number("above_end_low_mm"), site.number("above_end_high_mm")
    off_middle = np.abs(above - (low + high) / 2) / max(high - low, 1.0)
    points, misfit = [], []
    for into in np.linspace(site.number("into_low_mm"), site.number("into_high_mm"), 4):
        for across in (-1.5, 0.0, 1.5):
            points.append(edge + np.array([across, -into, 0.0]))
            misfit.append(off_middle + abs(across) / 6.0 + abs(into) / 20.0)
    return TargetZone(np.concatenate(points), np.clip(np.concatenate(misfit), 0, 1))


def _stretch(site: Site) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The dorsal edge within the limits ``(n, 3)`` LPS mm, and how far above the caudal end ``(n,)``."""
    line = np.array(site.sacrum.joint_lines.get(site.own_side, ()), dtype=np.float64).reshape(-1, 3)
    above = line[:, 2] - line[:, 2].min() if len(line) else np.empty(0)
    low, high = site.number("above_end_low_mm"), site.number("above_end_high_mm")
    inside = (above >= low - 0.5) & (above <= high + 0.5)
    if not inside.any():
        raise InputUnfitError(
            f"the {site.own_side} sacroiliac joint was not found: sacrum and ilium are not labelled beside "
            "each other as a joint down to where the two bones part. Load images that show both to below the "
            "joint. The shipped networks label the ilium near the spine only: labels of a model that knows "
            "the hips may be needed."
        )
    return line[inside], above[inside]
