"""Truth as JSON: courses, zones and parameters. All points patient LPS mm, to a hundredth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from procguide.phantom.population.parameters import PhantomParameters, parameters_to_json
from procguide.phantom.truth.nouns import Course, TrueZone

__all__ = ["courses_to_json", "subject_to_json", "zones_to_json"]

_SPACE = "patient LPS, mm"


def courses_to_json(courses: Iterable[Course]) -> dict[str, Any]:
    """Schema ``procguide.phantom.courses/1``: each from proximal to distal with its radius at each point."""
    return {
        "schema": "procguide.phantom.courses/1",
        "space": _SPACE,
        "courses": [
            {
                "name": course.name,
                "region": course.region.label,
                "level": course.level,
                "side": course.side.value if course.side else None,
                "points": _rounded(course.points),
                "radius_mm": _rounded(course.radius),
            }
            for course in courses
        ],
    }


def zones_to_json(zones: Iterable[TrueZone]) -> dict[str, Any]:
    """Schema ``procguide.phantom.zones/1``: where each procedure's tip belongs; points sample the zone."""
    return {
        "schema": "procguide.phantom.zones/1",
        "space": _SPACE,
        "zones": [
            {
                "procedure": zone.procedure,
                "level": zone.level,
                "side": zone.side.value if zone.side else None,
                "centre": _rounded(zone.centre),
                "points": _rounded(zone.points),
            }
            for zone in zones
        ],
    }


def subject_to_json(parameters: PhantomParameters, posture: str) -> dict[str, Any]:
    """Schema ``procguide.phantom.parameters/1``: the subject as numbers, and how it lay."""
    return {
        "schema": "procguide.phantom.parameters/1",
        "posture": posture,
        "parameters": parameters_to_json(parameters),
    }


def _rounded(values: ArrayLike) -> list[Any]:
    listed: list[Any] = (np.round(np.asarray(values, dtype=np.float64), 2) + 0.0).tolist()
    return listed
