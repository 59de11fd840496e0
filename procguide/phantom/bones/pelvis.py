"""The hip bones: a curved wing, the thick part beside the sacrum, the hip's socket, ischium and pubis.

Frame: S1's endplate centre, x left, y posterior, z superior, tilted with the pelvis. Control points are
assumed: placed after anatomy atlases for a mean adult pelvis (bi-iliac width about 275 mm) and compared by
eye with CT. The hip's centre lies 107 mm below and 22 mm before S1's, 89 mm to the side (a pelvic tilt of 12
degrees: Vialle et al., J Bone Joint Surg Am 2005;87:260; the distances are assumed). The sacroiliac joint is
the sacrum's own surface, a gap away: 1.7 mm on average (Demir et al., Kobe J Med Sci 2007;53:165).
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
from procguide.phantom.bones.roughness import unevenness
from procguide.phantom.bones.table import TABLE_LOCK, DistanceTable, tabulate_parts
from procguide.phantom.population.parameters import PelvisShape
from procguide.phantom.solids import (
    Array,
    Part,
    capsule,
    elliptic,
    frame_between,
    smooth_max,
)

__all__ = ["HIP", "IliumModel", "ilium_part"]

LOW, HIGH, STEP = np.array([-105.0, -120.0]), np.array([95.0, 75.0]), 1.0
TABLE_STEP = 1.2
HIP = (89.0, -22.0, -107.0)
"""The hip joint's centre at size 1."""
SOCKET_RADIUS = 27.6

# (y, z) of the wing's outline seen from the side, from the PSIS forward over the crest and back below.
OUTLINE = np.array(
    [(72, -20), (68, -4), (60, 6), (50, 15), (34, 27), (17, 39), (0, 44), (-16, 43), (-31, 35), (-42, 22),
     (-52, 10), (-64, -2), (-73, -13), (-79, -23), (-80, -31), (-74, -39), (-63, -47), (-57, -56), (-58, -66),
     (-57, -76), (-50, -88), (-44, -97), (-20, -102), (8, -98), (20, -90), (19, -80), (17, -70), (23, -61),
     (35, -55), (48, -49), (60, -41), (67, -33)], dtype=float
)  # fmt: skip
# (y, z, x of the mid-surface, thickness), mm.
SURFACE = np.array(
    [(6, 43, 112, 11), (-16, 43, 124, 12), (17, 38, 99, 12), (-31, 34, 125, 12), (-5, 25, 105, 4.5),
     (-38, 25, 125, 13), (-20, 25, 115, 5.5), (10, 25, 91, 6.5), (28, 25, 78, 12),
     (-46, 12, 128, 15), (-28, 12, 117, 5.5), (-10, 12, 104, 4.5), (10, 12, 86, 6.5), (30, 12, 71, 14),
     (50, 12, 67, 11), (-54, 4, 128, 15), (-20, 4, 111, 4.5), (2, 4, 89, 5.5), (22, 4, 71, 14),
     (40, 4, 66, 17), (58, 4, 64, 11), (-62, -4, 124, 13), (-30, -4, 111, 4.5), (-5, -4, 89, 4.5),
     (10, -4, 69, 12),
     (30, -4, 64, 17), (50, -4, 63, 17), (66, -4, 61, 12), (-70, -13, 120, 14), (-30, -13, 110, 4.5),
     (-5, -13, 90, 4.5), (12, -13, 65, 16), (35, -13, 62, 18), (58, -13, 61, 20), (70, -13, 60, 13),
     (-76, -23, 117, 14), (-35, -22, 105, 5.5), (-8, -22, 90, 5.5), (10, -22, 67, 16), (35, -22, 62, 19),
     (55, -22, 60, 19), (70, -22, 58, 13), (-76, -31, 115, 12), (-40, -30, 104, 5.5), (-10, -30, 89, 9),
     (10, -30, 69, 20), (35, -30, 62, 19), (55, -30, 59, 17), (66, -31, 57, 12), (-68, -40, 111, 9),
     (-35, -38, 103, 6.5), (-8, -38, 91, 12), (15, -38, 72, 22), (35, -38, 63, 18), (57, -40, 58, 13),
     (-56, -51, 103, 9), (-25, -51, 93, 13), (0, -51, 81, 19), (25, -51, 68, 17), (45, -50, 61, 11),
     (-54, -66, 98, 12), (-22, -68, 88, 22), (5, -68, 80, 19), (15, -70, 76, 12), (-46, -85, 91, 22),
     (-20, -85, 87, 34), (8, -85, 77, 20), (18, -86, 73, 12)], dtype=float
)  # fmt: skip


@dataclass(frozen=True)
class IliumModel:
    """``frame`` at S1 as above; ``seed`` makes the sides differ a little."""

    frame: AnatomicalFrame
    pelvis: PelvisShape
    size: float
    seed: int = 0

    @classmethod
    def under(cls, sacrum: AnatomicalFrame, pelvis: PelvisShape, size: float, seed: int = 0) -> IliumModel:
        """The ilia that go with a sacrum: they tilt with it."""
        # Half of the sacral slope's variety is the pelvis's tilt, half the sacrum's own shape.
        fixed = np.radians(38.0 + 0.5 * (pelvis.sacral_slope_deg - 38.0))
        local_up = np.array([0, np.sin(fixed), np.cos(fixed)])
        up = sacrum.rotation @ local_up
        return cls(AnatomicalFrame.from_axes(sacrum.origin, up, sacrum.left), pelvis, size, seed)

    @property
    def hip(self) -> NDArray[np.float64]:
        """The left hip's centre in this frame, mm; the right one's is its mirror image."""
        return _hip(self.pelvis) * self.size


def _hip(pelvis: PelvisShape) -> NDArray[np.float64]:
    """The joint's centre at size 1: wide hips stand further apart."""
    return np.asarray(np.array(HIP) + np.array([0.35 * (pelvis.wing_half_width - 128.0), 0.0, 0.0]))


@lru_cache(maxsize=8)
def _sheet(pelvis: PelvisShape) -> NDArray[np.float32]:
    """``(4, ny, nz)``: mid-surface x, thickness, distance outside the outline, and the plate's lean."""
    stretch_z, stretch_y = pelvis.wing_height / 50.0, pelvis.wing_depth / 92.0

    def adjust(points: NDArray[np.float64]) -> NDArray[np.float64]:
        out = points.copy()
        out[:, 1] *= np.where(points[:, 1] > 0, stretch_z, 1.0)
        out[:, 0] *= np.where(points[:, 0] < 0, stretch_y, 1.0)
        out[:, 0] -= 0.25 * np.maximum(points[:, 0] - 42.0, 0.0)
        return out

    outline = adjust(OUTLINE)
    closed = np.vstack([outline, outline[:1]])
    smooth = np.array(splev(np.linspace(0, 1, 400), splprep(closed.T, s=0, per=True)[0])).T
    lateral = SURFACE[:, 2].copy()
    wing = np.clip((lateral - 62) / 70, 0, 1)
    flare = (pelvis.wing_flare - 0.36) * np.clip(SURFACE[:, 1] + 20, 0, 60)
    lateral += wing * ((pelvis.wing_half_width - 128) + flare)
    lateral += (1 - wing) * (pelvis.sacrum_half_width - 56.0)
    y, z = (np.arange(a, b, STEP) for a, b in zip(LOW, HIGH, strict=True))
    plane = np.stack(np.meshgrid(y[::2], z[::2], indexing="ij"), axis=-1)
    fit = RBFInterpolator(adjust(SURFACE[:, :2]), np.column_stack([lateral, SURFACE[:, 3]]), smoothing=0.4)
    coarse = fit(plane.reshape(-1, 2)).T.reshape(2, *plane.shape[:2])
    index = np.meshgrid(np.arange(len(y)) / 2, np.arange(len(z)) / 2, indexing="ij")
    middle, thick = (map_coordinates(values, index, order=1, mode="nearest") for values in coarse)
    inside = polygon2mask((len(y), len(z)), (smooth - LOW) / STEP)
    outside = (distance_transform_edt(~inside) - distance_transform_edt(inside)) * STEP
    lean = np.sqrt(1 + np.clip((np.stack(np.gradient(middle, STEP)) ** 2).sum(axis=0), 0, 6.0))
    return np.stack([middle, np.maximum(thick, 4.0), outside, lean]).astype(np.float32)


def _frame(origin: tuple[float, float, float]) -> AnatomicalFrame:
    return AnatomicalFrame(vector(origin), vector((1, 0, 0)), vector((0, 1, 0)), vector((0, 0, 1)))


def _wing(pelvis: PelvisShape) -> Part:
    sheet = _sheet(pelvis)

    def distance(x: Array, y: Array, z: Array) -> Array:
        # One look-up a (y, z): the sheet knows no x.
        at = np.stack([(y[..., 0] - 5.0 - LOW[0]) / STEP, (z[..., 0] - 28.0 - LOW[1]) / STEP])
        middle, thick, outside, lean = (
            map_coordinates(t, at, order=1, mode="nearest")[..., None] for t in sheet
        )
        plate = np.abs(x + np.float32(90.0) - middle) / lean - thick / 2
        return smooth_max(np.asarray(plate, np.float32), np.broadcast_to(outside, x.shape), 5.0)

    return Part(Region.ILIUM, _frame((90.0, -5.0, -28.0)), (66.0, 88.0, 88.0), distance, 0.0)


def _rod(
    start: tuple[float, float, float], end: tuple[float, float, float],
    first: tuple[float, float], last: tuple[float, float], blend: float = 8.0,
) -> Part:  # fmt: skip
    """A bar between two points with half-sizes (fore and aft, up and down) at each end."""
    frame, length = frame_between(_frame((0.0, 0.0, 0.0)), start, end, (0, -0.3, 1))
    widest = max(*first, *last)

    def distance(x: Array, y: Array, z: Array) -> Array:
        return capsule(x, y, z, length, first, last)

    return Part(Region.ILIUM, frame, (length + widest, widest, widest), distance, blend)


def _socket(centre: NDArray[np.float64]) -> Part:
    """The thick wall round the hip joint; its hollow is cut afterwards."""

    def distance(x: Array, y: Array, z: Array) -> Array:
        ball = elliptic(x + 5, y, z, (31.0, 33.0, 33.0))
        # Open to the side, downward and a little forward.
        mouth = 0.72 * x - 0.22 * y - 0.66 * z
        return smooth_max(ball, mouth - np.float32(9.0), 4.0)

    return Part(Region.ILIUM, _frame(tuple(centre)), (40.0, 37.0, 37.0), distance, 9.0)


def _parts(pelvis: PelvisShape) -> list[Part]:
    centre = _hip(pelvis)
    out = float(centre[0]) - HIP[0]
    return [
        _wing(pelvis),
        _socket(centre),
        # Posterior column with the spine, tuber, ramus of the ischium, both rami of the pubis.
        _rod((76 + out, 8, -88), (70 + out, 14, -122), (9, 11), (12, 13)),
        _rod((68 + out, 14, -108), (58 + out, 36, -113), (5, 8), (3, 4), 4.0),
        _rod((70 + out, 12, -122), (60 + out, 20, -158), (13, 12), (15, 13)),
        _rod((60 + out, 8, -165), (22, -44, -158), (7, 9), (6, 7)),
        _rod((76 + out, -44, -100), (24, -66, -128), (9, 10), (7, 8)),
        _rod((20, -64, -130), (14, -55, -156), (8, 9), (7, 8)),
        _rod((82 + out, -40, -88), (72 + out, -46, -104), (9, 9), (9, 9)),
    ]


@lru_cache(maxsize=6)
def _table(pelvis: PelvisShape, seed: int) -> DistanceTable:
    """One hip bone at size 1, the sacroiliac joint not yet cut."""
    high = np.array([pelvis.wing_half_width + 14.0, 78.0, pelvis.wing_height + 2.0])
    low = np.array([1.0, -88.0 * pelvis.wing_depth / 92.0, -182.0])
    table = tabulate_parts(
        _parts(pelvis), low, high, TABLE_STEP, lambda grid: unevenness(grid, None, seed, 3)
    )
    axes = [low[n] + TABLE_STEP * np.arange(table.values.shape[n], dtype=np.float32) for n in range(3)]
    x, y, z = np.ix_(*axes)
    centre = _hip(pelvis)
    head = np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2)
    hollow = (head - SOCKET_RADIUS).astype(np.float32)
    obturator = np.float32(3.0) - x  # the symphysis: half its gap
    values = np.maximum(smooth_max(table.values, -hollow, 2.0), obturator)
    return DistanceTable(np.ascontiguousarray(values, dtype=np.float32), table.low, table.step)


def ilium_part(model: IliumModel, side: Side) -> Part:
    """One hip bone, still without the sacroiliac joint: the sacrum has to be cut from it."""
    size, s = np.float32(model.size), side.sign
    shape = _form(model.pelvis)
    with TABLE_LOCK:
        table = _table(shape, model.seed)
    low = table.low
    high = low + (np.array(table.values.shape) - 1) * table.step
    middle, half = (low + high) / 2, (high - low) / 2
    frame = AnatomicalFrame(
        vector(model.frame.to_patient(middle * np.array([s, 1, 1]) * model.size)),
        model.frame.left, model.frame.posterior, model.frame.superior,
    )  # fmt: skip
    rng = np.random.default_rng([model.seed, 59, side.sign + 1])
    wide, high_shift, phase = rng.normal(0, 0.008), rng.normal(0, 0.8), rng.uniform(0, 6)
    offset = [np.float32(v) for v in middle]

    def distance(x: Array, y: Array, z: Array) -> Array:
        across = (x * s) / size + offset[0]
        # Sides differ by a millimetre or so, less beside the sacrum.
        away = np.clip((across - 60) / 40, 0, 1)
        across = across * (1 - np.float32(wide) * away)
        deep = y / size + offset[1]
        up = z / size + offset[2] + away * np.float32(high_shift) * np.cos(deep / 23 + np.float32(phase))
        return table(across, deep, up) * size

    reach = tuple(float(v) for v in half * model.size)
    return Part(Region.ILIUM, frame, (reach[0], reach[1], reach[2]), distance, 0.0, side)


def _form(pelvis: PelvisShape) -> PelvisShape:
    """The fields that the hip bone hangs on, the rest as default: so that tables are shared."""
    return PelvisShape(
        sacrum_half_width=pelvis.sacrum_half_width,
        wing_flare=pelvis.wing_flare,
        wing_height=pelvis.wing_height,
        wing_depth=pelvis.wing_depth,
        wing_half_width=pelvis.wing_half_width,
    )
