"""The ilia: a curved plate whose mid-surface and thickness are smooth functions of height and depth.

Frame: S1's endplate centre, x left, y posterior, z superior, tilted with the pelvis. Control points were
placed after anatomy atlases for a mean adult pelvis (bi-iliac width about 275 mm); the sacroiliac joint is
the sacrum's own surface, a gap away.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator, splev, splprep
from scipy.ndimage import distance_transform_edt, map_coordinates
from skimage.draw import polygon2mask

from procguide.anatomy import Region, Side
from procguide.geometry import AnatomicalFrame, vector
from procguide.phantom.population.parameters import PelvisShape
from procguide.phantom.solids import Array, Part, smooth_max

__all__ = ["IliumModel", "ilium_part"]

LOW, HIGH, STEP = np.array([-105.0, -150.0]), np.array([95.0, 85.0]), 1.0

# (y, z) of the wing's outline seen from the side, PSIS forward over the crest and back below.
OUTLINE = np.array(
    [(64, -26), (58, -4), (46, 18), (28, 34), (6, 43), (-16, 43), (-38, 34), (-58, 14), (-72, -8), (-80, -26),
     (-77, -38), (-68, -46), (-66, -60), (-64, -78), (-62, -100), (-56, -125), (-20, -135), (2, -125),
     (6, -105), (8, -88), (14, -72), (24, -63), (36, -58), (48, -56), (57, -46)], dtype=float
)  # fmt: skip
# (y, z, x of the mid-surface, thickness), mm.
SURFACE = np.array(
    [(64, -26, 46, 13), (50, -52, 51, 12), (25, -25, 59, 24),
     (10, -22, 68, 16), (28, -60, 57, 11), (40, 0, 59, 24),
     (22, -8, 68, 22),
     (46, 18, 66, 15), (28, 34, 80, 12), (6, 43, 110, 11), (-16, 43, 126, 12), (-38, 34, 134, 12),
     (-58, 14, 134, 11), (-72, -8, 126, 12), (-80, -26, 118, 13), (5, 15, 91, 6), (-15, 5, 103, 5),
     (-20, 25, 116, 6), (-40, 5, 118, 6), (-5, -15, 82, 8), (-30, -25, 100, 9), (0, -45, 71, 15),
     (5, -70, 70, 13), (-55, -30, 110, 9), (-68, -50, 100, 15), (-35, -60, 88, 24), (0, -100, 78, 22),
     (-30, -95, 88, 34), (-55, -90, 92, 26), (-30, -125, 88, 34)], dtype=float
)  # fmt: skip


@dataclass(frozen=True)
class IliumModel:
    """``frame`` at S1 as above."""

    frame: AnatomicalFrame
    pelvis: PelvisShape
    size: float

    @classmethod
    def under(cls, sacrum: AnatomicalFrame, pelvis: PelvisShape, size: float) -> IliumModel:
        """The ilia that go with a sacrum: they tilt with it."""
        # Half of the sacral slope's variety is the pelvis's tilt, half the sacrum's own shape.
        fixed = np.radians(38.0 + 0.5 * (pelvis.sacral_slope_deg - 38.0))
        local_up = np.array([0, np.sin(fixed), np.cos(fixed)])
        up = sacrum.rotation @ local_up
        return cls(AnatomicalFrame.from_axes(sacrum.origin, up, sacrum.left), pelvis, size)


@lru_cache(maxsize=8)
def _tables(flare: float, height: float, depth: float, half_width: float) -> NDArray[np.float32]:
    """``(3, ny, nz)``: mid-surface x, thickness, and distance outside the outline, mm."""
    stretch_z, stretch_y = height / 50.0, depth / 92.0

    def adjust(points: NDArray[np.float64]) -> NDArray[np.float64]:
        out = points.copy()
        out[:, 1] *= np.where(points[:, 1] > 0, stretch_z, 1.0)
        out[:, 0] *= np.where(points[:, 0] < 0, stretch_y, 1.0)
        return out

    outline = adjust(OUTLINE)
    closed = np.vstack([outline, outline[:1]])
    smooth = np.array(splev(np.linspace(0, 1, 300), splprep(closed.T, s=0, per=True)[0])).T
    control = adjust(SURFACE[:, :2])
    lateral = SURFACE[:, 2].copy()
    wing = np.clip((lateral - 62) / 70, 0, 1)
    lateral += wing * ((half_width - 128) + (flare - 0.36) * np.clip(SURFACE[:, 1] + 20, 0, 60))
    y, z = (np.arange(a, b, STEP) for a, b in zip(LOW, HIGH, strict=True))
    plane = np.stack(np.meshgrid(y, z, indexing="ij"), axis=-1)
    values = RBFInterpolator(control, np.column_stack([lateral, SURFACE[:, 3]]), smoothing=2.0)(
        plane.reshape(-1, 2)
    )
    middle, thick = values.T.reshape(2, len(y), len(z))
    inside = polygon2mask((len(y), len(z)), (smooth - LOW) / STEP)
    outside = (distance_transform_edt(~inside) - distance_transform_edt(inside)) * STEP
    return np.stack([middle, np.maximum(thick, 4.0), outside]).astype(np.float32)


def ilium_part(model: IliumModel, side: Side) -> Part:
    """One ilium, still without the sacroiliac joint: the sacrum has to be cut from it."""
    pelvis, size, s = model.pelvis, model.size, side.sign
    table = _tables(pelvis.wing_flare, pelvis.wing_height, pelvis.wing_depth, pelvis.wing_half_width)
    slope = np.stack(np.gradient(table[0], STEP))
    lean = np.sqrt(1 + np.clip((slope**2).sum(axis=0), 0, 4.0)).astype(np.float32)
    centre_local = np.array([s * 92.0, -8.0, -45.0]) * size
    frame = AnatomicalFrame(
        vector(model.frame.to_patient(centre_local)),
        model.frame.left, model.frame.posterior, model.frame.superior,
    )  # fmt: skip

    def distance(x: Array, y: Array, z: Array) -> Array:
        x, y, z = (
            v / np.float32(size) + np.float32(c / size) for v, c in zip((x, y, z), centre_local, strict=True)
        )
        index = np.stack([(y - LOW[0]) / STEP, (z - LOW[1]) / STEP])
        middle, thick, outside, tilt = (
            map_coordinates(t, index, order=1, mode="nearest") for t in (*table, lean)
        )
        plate = np.abs(s * x - middle) / tilt - thick / 2
        return smooth_max(plate, outside, 4.0) * np.float32(size)

    return Part(Region.ILIUM, frame, (62.0 * size, 90.0 * size, 98.0 * size), distance, 0.0)
