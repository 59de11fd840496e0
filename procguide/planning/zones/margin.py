"""Beside a body's front: points a little off its anterolateral surface, read from the labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.anatomy import BONE, VERSE_LABELS, Region
from procguide.geometry import Vector, vector
from procguide.planning.site import LocalLabels, Site
from procguide.planning.zones.body import BodyBox, label_at, near
from procguide.planning.zones.nouns import TargetZone

__all__ = ["about_margin", "beside_margin"]

_STEP_MM = 0.5
_FREE_MM = 1.0
_TICKS = (5, 3, 3)


def about_margin(site: Site) -> Vector:
    """About where :func:`beside_margin` will lie: off the body taken as an ellipse."""
    box, number = BodyBox.of(site.upper), site.number
    angle = np.radians((number("angle_low_deg") + number("angle_high_deg")) / 2)
    height = (number("height_low_fraction") + number("height_high_fraction")) / 2
    radius = 1 / np.hypot(np.cos(angle) / box.half_width_mm, np.sin(angle) / box.half_depth_mm)
    radius += (number("off_bone_low_mm") + number("off_bone_high_mm")) / 2
    return vector(box.between(*_on_ray(site, radius, angle), height))


def beside_margin(site: Site, labels: LocalLabels) -> TargetZone:
    """Points off the surface along rays from the body's middle, best in the middle of each range.

    Angles count from straight lateral toward the front, heights are shares of the body's own from its lower
    endplate. Points near any bone, or farther forward than the catalogue lets the tip come, are left out.
    """
    number, box = site.number, BodyBox.of(site.upper)
    ranges = [
        np.linspace(number(low), number(high), ticks)
        for (low, high), ticks in zip(
            (
                ("angle_low_deg", "angle_high_deg"),
                ("height_low_fraction", "height_high_fraction"),
                ("off_bone_low_mm", "off_bone_high_mm"),
            ),
            _TICKS,
            strict=True,
        )
    ]
    angle, height, off = (axis.ravel() for axis in np.meshgrid(*ranges, indexing="ij"))
    angle = np.radians(angle)
    radius = _surface(site, labels, box, angle, height) + off
    x, y = _on_ray(site, radius, angle)
    points = box.between(x, y, height)
    share = np.linalg.norm(
        [
            (axis - one.mean()) / max(float(np.ptp(one)), 1e-6)
            for axis, one in zip((np.degrees(angle), height, off), ranges, strict=True)
        ],
        axis=0,
    )
    _, region = label_at(labels, near(points, _FREE_MM))
    kept = ~np.isin(region, BONE).any(axis=1) & np.isfinite(radius)
    kept &= y >= -box.half_depth_mm - number("past_front_mm")
    return TargetZone(points[kept], np.clip(share[kept], 0, 1))


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
