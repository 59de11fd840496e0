"""Beside a body's front: points a little off its anterolateral surface, read from the labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.anatomy import BONE, VERSE_LABELS, Region
from procguide.geometry import Vector, vector
from procguide.planning.names import StructureName
from procguide.planning.site import LocalLabels, Site
from procguide.planning.structures.organs import organ
from procguide.planning.structures.vessels import aorta
from procguide.planning.zones.body import BodyBox, label_at, near, require_whole
from procguide.planning.zones.nouns import TargetZone

__all__ = ["about_margin", "beside_margin"]

_STEP_MM = 0.5
_FREE_MM = 1.0
_POOR_MM = 4.0
"""From this distance from the best place on, one is as good as the next (assumed)."""
_TICKS = ((9, 5, 3), (13, 7, 5))
"""Places along angle, height and distance off the bone; the closer ones where a vessel leaves few."""
_ENOUGH = 60
_ALIKE = 0.5
"""So much of a way up or down the body, or off it, counts as one along its surface: within their ranges these
are all meant. Assumed."""
_VESSELS = {StructureName.AORTA: aorta, StructureName.VENA_CAVA: organ(Region.VENA_CAVA)}


def about_margin(site: Site) -> Vector:
    """About where :func:`beside_margin` is best: off the body taken as an ellipse."""
    box, angle = BodyBox.of(site.upper), _best_angle(site)
    radius = 1 / np.hypot(np.cos(angle) / box.half_width_mm, np.sin(angle) / box.half_depth_mm)
    radius += _middle(site, "off_bone_low_mm", "off_bone_high_mm")
    height = _middle(site, "height_low_fraction", "height_high_fraction")
    return vector(box.between(*_on_ray(site, radius, angle), height))


def beside_margin(site: Site, labels: LocalLabels) -> TargetZone:
    """Points off the surface along rays from the body's middle, the misfit by their distance from the best.

    The best ray leads to where the tip stands in two views: by its share of the body's half-width in the AP
    one, so far behind the anterior border in the lateral one. Others lie some degrees behind or before it.
    Heights are shares of the body's own from its lower endplate, best in the middle of their range; that
    distance off the bone is best that leads to where those views show the tip. Points near any bone, farther
    forward than the catalogue lets the tip come, or within the margin of aorta or vena cava are left out;
    where these vessels leave none, they stay, to say why there is no needle.
    """
    require_whole(site.upper)
    zones = (_sampled(site, labels, ticks) for ticks in _TICKS)
    coarse = next(zones)
    free = _beside_vessels(site, labels, coarse)
    if len(free.points) < min(_ENOUGH, len(coarse.points)):
        free = _beside_vessels(site, labels, next(zones))
    return free if len(free.points) else coarse


def _sampled(site: Site, labels: LocalLabels, ticks: tuple[int, int, int]) -> TargetZone:
    number, box, best = site.number, BodyBox.of(site.upper), _best_angle(site)
    back, forward = np.radians(number("angle_back_deg")), np.radians(number("angle_forward_deg"))
    ends = (
        (best - back, best + forward),
        (number("height_low_fraction"), number("height_high_fraction")),
        (number("off_bone_low_mm"), number("off_bone_high_mm")),
    )
    ranges = [np.linspace(*end, count) for end, count in zip(ends, ticks, strict=True)]
    angle, height, off = (axis.ravel() for axis in np.meshgrid(*ranges, indexing="ij"))
    surface = _surface(site, labels, box, angle, height)
    radius = surface + off
    x, y = _on_ray(site, radius, angle)
    points = box.between(x, y, height)
    _, region = label_at(labels, near(points, _FREE_MM))
    kept = ~np.isin(region, BONE).any(axis=1) & np.isfinite(radius)
    kept &= y >= -box.half_depth_mm - number("past_front_mm")
    along = radius * (angle - best)
    tall_mm = float(np.linalg.norm(box.between(0, 0, 1) - box.between(0, 0, 0)))
    up = tall_mm * (height - _middle(site, "height_low_fraction", "height_high_fraction"))
    out = off - np.clip(_best_radius(site) - surface, *ends[2])
    off_best = np.linalg.norm([along, _ALIKE * up, _ALIKE * out], axis=0)[kept]
    return TargetZone(points[kept], np.clip(off_best / _POOR_MM, 0, 1))


def _beside_vessels(site: Site, labels: LocalLabels, zone: TargetZone) -> TargetZone:
    """The places of ``zone`` whose own distance from the great vessels is not less than their margins."""
    from scipy.spatial import cKDTree

    kept = np.ones(len(zone.points), bool)
    half_mm = float(labels.regions.spacing.max()) / 2
    for rule in site.procedure.structures:
        solid = _VESSELS[rule.name](site, labels) if rule.name in _VESSELS else None
        if solid is None or solid.mask is None or not solid.mask.any():
            continue
        voxels = cKDTree(labels.regions.to_patient(np.argwhere(solid.mask)))
        away = voxels.query(zone.points)[0] - half_mm
        kept &= away >= rule.margin_mm.value + site.procedure.needle.radius_mm
    return TargetZone(zone.points[kept], zone.misfit[kept])


def _in_both_views(site: Site) -> tuple[float, float]:
    """Where the tip is to stand, mm from the body's middle: aside in the AP view, forward in the lateral."""
    box, number = BodyBox.of(site.upper), site.number
    return number("lateral_fraction") * box.half_width_mm, box.half_depth_mm - number("behind_front_mm")


def _best_angle(site: Site) -> float:
    """About the body's middle, from straight lateral toward the front, radians."""
    lateral_mm, forward_mm = _in_both_views(site)
    return float(np.arctan2(forward_mm, lateral_mm))


def _best_radius(site: Site) -> float:
    """From the body's middle, mm."""
    return float(np.hypot(*_in_both_views(site)))


def _middle(site: Site, low: str, high: str) -> float:
    return (site.number(low) + site.number(high)) / 2


def _on_ray(
    site: Site, radius: ArrayLike, angle: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Left and posterior in the vertebra's frame, on the procedure's side."""
    outward, turn = np.asarray(radius, dtype=np.float64), np.asarray(angle, dtype=np.float64)
    return site.own_side.sign * outward * np.cos(turn), -outward * np.sin(turn)


def _surface(
    site: Site,
    labels: LocalLabels,
    box: BodyBox,
    angle: NDArray[np.float64],
    height: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Where each ray leaves the body, mm from its middle, ``(n,)``; NaN where no label of it is met."""
    along = np.arange(0.3, 1.6, _STEP_MM / box.half_width_mm) * box.half_width_mm
    x, y = _on_ray(site, along, angle[:, None])
    level, region = label_at(labels, box.between(x, y, height[:, None]))
    body = (level == VERSE_LABELS[site.upper.level]) & (region == Region.BODY)
    last = along[along.size - 1 - np.argmax(body[:, ::-1], axis=1)] + _STEP_MM / 2
    return np.where(body.any(axis=1), last, np.nan)
