"""Simulated X-rays of the C-arm's views with the needle where it should come to lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from procguide.anatomy import Spine
from procguide.imaging import Modality, Volume
from procguide.imaging.resample import resample
from procguide.planning.nouns import Trajectory, ViewSetting
from procguide.reporting.plane import Plane, crop_around
from procguide.reporting.scene3d import view_from
from procguide.reporting.slices import (
    SMALL_PIXELS,
    draw_needle,
    encode,
    furnish,
    new_picture,
    show_image,
    text,
)

__all__ = ["draw_radiograph"]

_SIZE_MM = 140.0
_PIXEL_MM = 0.7
_DEEP_MM = 240.0
_STEP_MM = 1.6
_EVENED_MM = 12.0


def draw_radiograph(
    volume: Volume, trajectory: Trajectory, setting: ViewSetting, spine: Spine, title: str
) -> bytes:
    """JPEG of a simulated X-ray at the view's angles: parallel rays, dark bone as on a C-arm.

    Only what lies within some 12 cm of the target is looked through.
    """
    plane = view_from(
        setting.oblique_deg or 0.0, setting.tilt_deg or 0.0, trajectory.target, _SIZE_MM, _PIXEL_MM
    )
    near = crop_around(volume, [trajectory.target], _DEEP_MM * 0.75)
    picture = _radiograph(near, plane)
    figure, axes = new_picture(plane, SMALL_PIXELS)
    low, high = np.percentile(picture, (0.5, 99.5))
    show_image(axes, picture, plane, float(low), float(high))
    half = plane.width_mm / 2
    for vertebra in spine.vertebrae:
        u, v, _ = plane.project(vertebra.frame.origin)
        if np.hypot(u, v) > 12.0 and abs(u) < half * 0.85 and abs(v) < half * 0.84:
            text(
                axes, u, v, vertebra.level, size=24, ha="center", va="center", weight="bold", colour="#FFE9C9"
            )
    draw_needle(axes, trajectory, plane, projected=True)
    furnish(axes, plane, title, "parallel rays")
    return encode(figure)


def _radiograph(volume: Volume, plane: Plane) -> NDArray[np.float32]:
    """Brightness behind the patient: the negative line integral of attenuation, broad shades evened."""
    grid = plane.grid(_DEEP_MM, _STEP_MM)
    fill = -1000.0 if volume.modality == Modality.CT else 0.0
    slab = resample(volume, grid, fill=fill).voxels
    dense = np.clip(slab + 1000.0, 0.0, 3000.0) * 0.0006 + np.clip(slab - 130.0, 0.0, 1400.0) * 0.0016
    integral = dense.sum(axis=0)
    broad = gaussian_filter(integral, _EVENED_MM / plane.pixel_mm, truncate=2.0)
    return np.asarray(0.75 * broad - integral, dtype=np.float32)
