"""C-arm angles of a line of sight."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from procguide.geometry.vectors import Vector, unit, vector

__all__ = ["beam_direction", "view_angles"]


def view_angles(direction: ArrayLike) -> tuple[float, float]:
    """``(oblique_deg, tilt_deg)`` of the C-arm whose central ray runs along ``direction`` (LPS).

    ``direction`` points into the patient, from the intensifier above the prone patient's back toward
    the table: a needle that runs along it is seen end-on. A straight postero-anterior ray (0, -1, 0) is
    0, 0. Oblique is positive when the intensifier leans toward the patient's left, tilt when it leans
    cranially. Not DICOM's Positioner Primary/Secondary Angle (PS3.3 C.8.7.5.1.2), which a supine
    patient defines and which have opposite signs for prone work.
    """
    left, posterior, superior = (-component for component in unit(direction))
    tilt = np.degrees(np.arcsin(np.clip(superior, -1.0, 1.0)))
    return float(np.degrees(np.arctan2(left, posterior))), float(tilt)


def beam_direction(oblique_deg: float, tilt_deg: float) -> Vector:
    """Unit vector (LPS) into the patient for those angles: the inverse of :func:`view_angles`."""
    oblique, tilt = np.radians(oblique_deg), np.radians(tilt_deg)
    return vector((-np.sin(oblique) * np.cos(tilt), -np.cos(oblique) * np.cos(tilt), -np.sin(tilt)))
