"""The centre of a disc, half-way between the endplates that border it."""

from __future__ import annotations

import numpy as np

from procguide.anatomy import BONE, Endplate, Vertebra
from procguide.geometry import AnatomicalFrame, Vector, unit, vector
from procguide.planning.site import LocalLabels, Site
from procguide.planning.zones.body import label_at
from procguide.planning.zones.nouns import TargetZone

__all__ = ["centre", "sample"]


def centre(site: Site) -> Vector:
    """Half-way between the centres of both endplates."""
    upper, lower = _plates(site)
    return vector((np.asarray(upper.centre) + np.asarray(lower.centre)) / 2)


def sample(site: Site, labels: LocalLabels) -> TargetZone:
    """The nucleus: a share of the disc's width, depth and height about its centre, free of bone."""
    upper, lower = _plates(site)
    number = site.number
    plane = AnatomicalFrame.from_axes(
        centre(site), np.asarray(upper.normal) + np.asarray(lower.normal), site.upper.frame.left
    )
    gap = float((np.asarray(upper.centre) - np.asarray(lower.centre)) @ np.asarray(unit(plane.superior)))
    half = (
        number("width_fraction") * (upper.width_mm + lower.width_mm) / 4,
        number("depth_fraction") * (upper.depth_mm + lower.depth_mm) / 4,
        number("height_fraction") * gap / 2,
    )
    ticks = (np.linspace(-1, 1, 5), np.linspace(-1, 1, 5), np.linspace(-1, 1, 3))
    share = np.stack(np.meshgrid(*ticks, indexing="ij"), axis=-1).reshape(-1, 3)
    share = share[np.linalg.norm(share[:, :2], axis=1) <= 1.0]
    points = plane.to_patient(share * half)
    level, region = label_at(labels, points)
    free = (level == 0) & ~np.isin(region, BONE)
    misfit = 0.8 * np.linalg.norm(share[:, :2], axis=1) + 0.2 * np.abs(share[:, 2])
    return TargetZone(points[free], np.clip(misfit[free], 0, 1))


def _plates(site: Site) -> tuple[Endplate, Endplate]:
    """The endplates above and below the disc."""
    below = site.below
    return site.upper.inferior_endplate, (
        below.superior_endplate if isinstance(below, Vertebra) else below.endplate
    )
