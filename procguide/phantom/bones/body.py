"""The vertebral body: waist, rims and dished endplates, heart-shaped in the chest, worn or broken.

Shape after Bogduk, Clinical and Radiological Anatomy of the Lumbar Spine. Endplate concavity depths and
the waist's depth are assumed (about 2 mm and a tenth of the width).
"""

from __future__ import annotations

import numpy as np

from procguide.anatomy import Region, Side
from procguide.geometry import AnatomicalFrame, vector
from procguide.phantom.bones.model import VertebraModel
from procguide.phantom.solids import Array, Part, elliptic, radial, smooth_max

__all__ = ["body_parts", "dish", "dish_depth"]

DISH_MM = (2.1, 1.7)
DISH_BACK = (0.22, 0.05)
"""Depth of the lower and upper endplate's dish, mm, and how far behind the centre it is deepest (shares)."""
RIM = 0.80
WAIST = (0.085, 0.105)
"""Share of the half-width that the waist lacks, thoracic and lumbar."""


def dish(u: Array, v: Array, upper: bool) -> Array:
    """The endplate's hollow from 0 on the rim to 1, by place in shares of the half-sizes."""
    r2 = (u * u + (v - DISH_BACK[int(upper)]) ** 2) / np.float32(RIM)
    hollow = np.clip(1 - r2, 0, 1)
    return np.asarray(hollow * (1.35 - 0.35 * hollow), dtype=np.float32)


def dish_depth(model: VertebraModel, upper: bool) -> float:
    """Depth of the endplate's floor under its rim at the centre, mm, without a Schmorl's node."""
    zero = np.zeros(1, dtype=np.float32)
    return float(_depth(model, upper) * dish(zero, zero, upper)[0])


def _depth(model: VertebraModel, upper: bool) -> float:
    return DISH_MM[int(upper)] * model.size + model.body.sunk


def _taper(model: VertebraModel) -> float:
    """How much narrower the front is: the heart shape of the chest."""
    return {"T8": 0.26, "T9": 0.24, "T10": 0.20, "T11": 0.15, "T12": 0.11}.get(model.level, 0.10)


def _endplates(model: VertebraModel, place: tuple[Array, Array, Array], half: tuple[Array, Array]) -> Array:
    """Outside the two endplates, mm."""
    x, y, z = place
    u, v = x / half[0], y / half[1]
    slope = np.float32(np.tan(np.radians(model.shape.body_wedge_deg / 2)))
    rim = model.shape.body_height / 2 - y * slope
    outside = np.clip((np.hypot(u, v) - 0.88) * 5, 0, 1)
    faces = []
    for upper, sign in ((True, 1.0), (False, -1.0)):
        face = sign * z - rim + _depth(model, upper) * dish(u, v, upper)
        node = model.body.nodes[int(upper)]
        if node is not None:
            face = face + node.dent(x, y, half)
        if model.wear.osteophyte > 0:
            face = face - 0.30 * outside * model.body.lip(upper, np.arctan2(x, -y))
        if upper and model.wear.wedge > 0:
            # A broken upper endplate is pressed in most just behind the front rim.
            pressed = np.exp(-(((v + 0.45) / 0.35) ** 2) - (u / 0.7) ** 2)
            face = face + 5.0 * np.float32(model.wear.wedge) * pressed
        faces.append(face)
    return smooth_max(faces[0], faces[1], 1.0)


def _wall(
    model: VertebraModel, place: tuple[Array, Array, Array], t: Array, half: tuple[Array, Array]
) -> Array:
    """Outside the body's wall all round, mm."""
    x, y, _ = place
    size, lumbar = np.float32(model.size), not model.thoracic
    low = 1 - np.abs(t) ** 2.2
    waist = 1 - WAIST[int(lumbar)] * low
    a, b = half[0] * waist, half[1]
    forward = np.clip(-y / b, 0, 1.2)
    x = x / (1 - _taper(model) * forward * np.sqrt(forward))
    # Behind, the wall is hollow from side to side and, less, from above to below.
    deep = {"L5": 0.8, "L6": 0.8, "L4": 1.7}.get(model.level, 2.6) * size
    hollow = (deep + 0.9 * low) * np.maximum(1 - (x / (0.62 * a)) ** 2, 0)
    hole = np.exp(-((x / (3.4 * size)) ** 2) - (t / 0.17) ** 2)
    back = np.where(y > 0, y + (hollow + 5.0 * size * hole) * np.clip(y / b, 0, 1) ** 2, y)
    power = np.float32(2.0) + np.float32(0.9) * np.clip(0.5 + 0.8 * y / b, 0, 1)
    front = np.where(y > 0, b, b * waist)
    u, v = np.abs(x) / a, np.abs(back) / front
    r = np.maximum((u**power + v**power) ** (1 / power), np.float32(0.05))
    return np.asarray(np.maximum(np.hypot(x, back), np.float32(0.3)) * (1 - 1 / r), dtype=np.float32)


def _rims(model: VertebraModel, place: tuple[Array, Array, Array], t: Array) -> Array:
    """How far osteophytes and a buckled cortex push the wall out, mm."""
    x, y, _ = place
    angle = np.arctan2(x, -y)
    broad = 0.13 + 0.02 * min(model.wear.osteophyte, 6.0)
    out = np.zeros_like(x)
    for upper, sign in ((True, 1.0), (False, -1.0)):
        out += model.body.lip(upper, angle) * np.exp(-(((1 - sign * t) / broad) ** 2))
    if model.body.buckle > 0:
        # The cortex is pushed out under a step, above which it is bent in.
        step = np.clip((0.60 - t) / 0.08, -0.5, 1) * np.clip((t + 0.15) / 0.6, 0, 1) * (t < 0.97)
        out += np.float32(model.body.buckle) * step * np.clip(np.cos(angle), 0, 1)
    return out


def body_parts(model: VertebraModel) -> list[Part]:
    """The body, then the swellings that bear the ribs."""
    shape = model.shape
    half = shape.body_height / 2

    def distance(x: Array, y: Array, z: Array) -> Array:
        slope = np.float32(np.tan(np.radians(shape.body_wedge_deg / 2)))
        t = np.clip(z / np.maximum(half - y * slope, 2.0), -1, 1)
        a = (shape.width_lower + shape.width_upper + t * (shape.width_upper - shape.width_lower)) / 4
        b = (shape.depth_lower + shape.depth_upper + t * (shape.depth_upper - shape.depth_lower)) / 4
        place = (x, y, z)
        wall = _wall(model, place, t, (a, b)) - _rims(model, place, t)
        return smooth_max(wall, _endplates(model, place, (a, b)), 2.2)

    lip = (
        1.25 * model.wear.osteophyte
        + model.body.buckle
        + 3.5 * max(model.wear.foraminal_left, model.wear.foraminal_right)
    )
    widest, deepest = max(shape.width_lower, shape.width_upper), max(shape.depth_lower, shape.depth_upper)
    slant = deepest / 2 * abs(np.tan(np.radians(shape.body_wedge_deg / 2)))
    reach = (widest / 2 + 2 + lip, deepest / 2 + 2 + lip, half + slant + 1 + 0.3 * lip)
    return [Part(Region.BODY, model.frame, reach, distance, 0.0), *_rib_seats(model)]


def _rib_seats(model: VertebraModel) -> list[Part]:
    """Swellings under the costal facets: demifacets above and below to T9, one above at T10 to T12."""
    if not model.thoracic:
        return []
    shape, size, half = model.shape, model.size, model.shape.body_height / 2
    whole = model.level in ("T11", "T12", "T13")
    seats = [(shape.width_upper, shape.depth_upper, half - (7.0 if whole else 3.4) * size, 4.6)]
    if model.level in ("T8", "T9"):
        seats.append((shape.width_lower, shape.depth_lower, -half + 3.0 * size, 3.6))
    parts = []
    for side in Side:
        for width, depth, z, radius in seats:
            centre = (side.sign * (width / 2 - 3.6 * size), depth / 2 - (1.0 if whole else 3.0) * size, z)
            parts.append(_seat(model, side, centre, (3.4 * size, radius * size, radius * size)))
    return parts


def _seat(
    model: VertebraModel, side: Side, centre: tuple[float, float, float], half: tuple[float, float, float]
) -> Part:
    base = model.frame
    frame = AnatomicalFrame(vector(base.to_patient(centre)), base.left, base.posterior, base.superior)

    def distance(x: Array, y: Array, z: Array) -> Array:
        # The facet itself is a shallow hollow that looks outward.
        ball = elliptic(x, y, z, half)
        outward = side.sign * x - half[0] * 0.72
        return smooth_max(ball, outward + 0.6 * (1 - radial(y, z, half[1], half[2]) / half[1]), 1.0)

    return Part(Region.BODY, frame, half, distance, 2.5)
