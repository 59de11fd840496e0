"""Before the longus colli, where the stellate ganglion is blocked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import VERSE_LABELS
from procguide.errors import InputUnfitError
from procguide.geometry import Vector, vector
from procguide.planning.site import LocalLabels, Site
from procguide.planning.zones.body import require_whole
from procguide.planning.zones.nouns import TargetZone

__all__ = ["centre", "sample"]

_LEAST_OFF_MM = 2.0
_DEPTH_SHARE = 1 / 8
"""The muscle lies at least so much of the body's depth before its middle, where the front bar springs from
it: that bar is thin, and at C7 labels may miss it (assumed)."""


def centre(site: Site) -> Vector:
    """Before the root of the transverse process."""
    vertebra = site.upper
    plate = vertebra.superior_endplate
    local = (site.own_side.sign * plate.width_mm / 2, -plate.depth_mm / 4, 0.0)
    return vector(vertebra.frame.to_patient(local))


def sample(site: Site, labels: LocalLabels) -> TargetZone:
    """Before the groove of bone where body and transverse process meet, by the muscle's thickness.

    The muscle lies in that groove and the fascia on the muscle; neither is labelled, so the distance from
    bone is the catalogue's.
    """
    vertebra, side, number = site.upper, site.own_side, site.number
    require_whole(vertebra)
    own = labels.levels.voxels == VERSE_LABELS[vertebra.level]
    points = vertebra.frame.to_local(labels.levels.to_patient(np.argwhere(own))) * (side.sign, 1.0, 1.0)
    half = min(vertebra.superior_endplate.width_mm, number("widest_body_mm")) / 2
    columns = [
        (lateral, up, _front(points, half + lateral, up))
        for lateral in np.linspace(number("lateral_low_mm"), number("lateral_high_mm"), 4)
        for up in (-3.0, 0.0, 3.0)
    ]
    fronts = [front for *_, front in columns if front is not None]
    found, misfit = [], []
    # The muscle fills the groove between body and process: its front is as far before the groove everywhere.
    groove = min(max(fronts, default=0.0), -_DEPTH_SHARE * vertebra.superior_endplate.depth_mm)
    for lateral, up, front in columns:
        if front is None:
            continue
        for n, off in enumerate(np.linspace(number("off_bone_low_mm"), number("off_bone_high_mm"), 4)):
            found.append((side.sign * (half + lateral), min(groove - off, front - _LEAST_OFF_MM), up))
            misfit.append(abs(up) / 12.0 + abs(lateral) / 10.0 + abs(n - 1) / 4.0)
    if not found:
        raise InputUnfitError(
            f"the front of {vertebra.level}'s transverse process on the {side} is not in the labels, or "
            f"cut off by the image. Load images that show {vertebra.level} whole."
        )
    return TargetZone(vertebra.frame.to_patient(np.array(found)), np.clip(np.array(misfit), 0, 1))


def _front(points: NDArray[np.float64], lateral: float, up: float) -> float | None:
    """Front of the bone's column at a place, local mm; None where there is none."""
    column = points[(np.abs(points[:, 0] - lateral) <= 1.2) & (np.abs(points[:, 2] - up) <= 1.5)]
    return float(column[:, 1].min()) if len(column) else None
