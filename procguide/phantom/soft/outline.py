"""The body's outline, the ring of wall and ribs inside it, and the spine's course, by height.

The subject lies on its back. Outline and ring are polar: radius by angle about a centre that moves with
height, so that furrows, folds, hips and belly are sums of bumps. Shapes were drawn after CTs of adults;
their amounts are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from procguide.anatomy import Side
from procguide.phantom.bones.pose import Pose
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.soft.ilium import ILIUM_STEP_MM, IliumSurface, ilium_surface
from procguide.phantom.soft.muscles import column_back
from procguide.phantom.soft.spine_line import SpineLine, spine_line
from procguide.phantom.tubes import Tube

__all__ = ["ANGLES", "Torso", "torso_of"]

ANGLES = np.radians(np.arange(-180.0, 180.0, 1.0))
"""Angles of the polar tables: 0 toward the left, 90 degrees toward the back."""

_Curve = NDArray[np.float64]


@dataclass(frozen=True)
class Torso:
    """The outline and the spine's course, all functions of height ``z`` (LPS mm, ascending).

    ``centre_x``, ``centre_y`` are the polar tables' origin; ``skin`` ``(n, 360)`` is the distance to the
    skin's surface, ``ring`` that to the outer face of ribs and abdominal wall, mm, at :data:`ANGLES`.
    ``ilia`` are the faces of the ilia, which the outline contains.
    """

    z: _Curve
    midline: _Curve
    wall: _Curve
    body_half_width: _Curve
    half_width: _Curve
    front: _Curve
    back: _Curve
    centre_x: _Curve
    centre_y: _Curve
    skin: _Curve
    ring: _Curve
    ilia: tuple[IliumSurface, ...]

    def at(self, name: str, z: float) -> float:
        """One of the curves at height ``z``."""
        return float(np.interp(z, self.z, getattr(self, name)))

    def radii(self, name: str, z: float) -> _Curve:
        """``skin`` or ``ring`` at height ``z``, one value an angle."""
        table = getattr(self, name)
        place = float(np.interp(z, self.z, np.arange(len(self.z))))
        low = min(int(place), len(self.z) - 2)
        share = place - low
        return np.asarray(table[low] * (1 - share) + table[low + 1] * share)

    def rib_cage(self, z: float, inset: float) -> tuple[float, float, float]:
        """Half-width, half-depth and centre y of the ellipse in which ribs lie.

        ``inset`` is kept for callers that think from the skin; the ring already knows how deep ribs are.
        """
        del inset
        ring = self.radii("ring", z)
        depth = 4.5
        front = self.at("centre_y", z) - float(ring[90])
        across = 0.5 * float(ring[180] + ring[0]) - depth
        # The ring is flat behind: what it has at 45 degrees tells the ellipse that ribs follow.
        behind = self.at("centre_y", z) + float(ring[232]) * np.sin(ANGLES[232]) / np.cos(np.radians(42.0))
        return across, (behind - front) / 2 - depth, (front + behind) / 2


def torso_of(parameters: PhantomParameters, pose: Pose, canal: Tube) -> Torso:
    """The body's outline round this spine."""
    spine = spine_line(pose, canal, parameters.size)
    z = np.arange(spine.z[0], spine.z[-1], 4.0)
    curves = {name: np.interp(z, spine.z, getattr(spine, name)) for name in vars(spine) if name != "z"}
    back, front = _back(parameters, curves), _front(parameters, spine, z)
    half_width = _half_width(parameters, z)
    centre_x = 0.35 * curves["x"]
    centre_y = 0.5 * (front + back) + 6.0
    skin = _skin(parameters, z, half_width, front - centre_y, back - centre_y)
    skin = skin + _features(parameters, spine, z, skin)
    ilia = tuple(ilium_surface(parameters, pose, side) for side in Side)
    bone = _round_bone(parameters, ilia, z, centre_x, centre_y)
    near = np.clip(1 - np.abs(skin - bone) / 16.0, 0, 1)
    skin = np.maximum(skin, bone) + 4.0 * near**2
    ring = _ring(parameters, curves, skin, centre_y)
    flat = (skin * np.cos(ANGLES)).max(axis=1), (skin * np.sin(ANGLES))
    return Torso(
        z, curves["x"], curves["wall"], curves["half_width"], flat[0], centre_y + flat[1].min(axis=1),
        centre_y + flat[1].max(axis=1), centre_x, centre_y, skin, ring, ilia,
    )  # fmt: skip


def _smoothed(values: _Curve, reach: int) -> _Curve:
    kernel = np.hanning(2 * reach + 3)[1:-1]
    return np.asarray(np.convolve(np.pad(values, reach, mode="edge"), kernel / kernel.sum(), mode="valid"))


def _back(parameters: PhantomParameters, curves: dict[str, _Curve]) -> _Curve:
    """Skin behind the midline: the spinous tips, muscle and fat, pressed flat by the table."""
    body, size = parameters.body, parameters.size
    place = curves["place"]
    tips = curves["wall"] + curves["spinous_behind"]
    flesh = 5.0 * size + 0.75 * body.fat_back + np.interp(place, [-3.5, -1.5, 1], [26, 10, 0]) * size
    natural = _smoothed(tips + flesh, 10)
    table = np.quantile(natural[(place > -3.5) & (place < 10)], 0.7)
    pressed = np.where(natural > table, table + 0.35 * (natural - table), natural)
    pressed = pressed + (0.25 + 0.3 * body.flatten) * np.clip(table - pressed, 0.0, 30.0)
    muscle = curves["wall"] + curves["process_behind"] + column_back(parameters, place)
    covered = np.maximum(_smoothed(tips, 3) + 6.0, _smoothed(muscle, 3) + 5.0) + 0.45 * body.fat_back
    return _smoothed(np.maximum(_smoothed(pressed, 8), covered), 3)


def _front(parameters: PhantomParameters, spine: SpineLine, z: _Curve) -> _Curve:
    body, size = parameters.body, parameters.size
    third = spine.at("wall", spine.height(3.0)) - 18.0 * size
    place = np.interp(z, spine.z, spine.place)
    belly = np.interp(place, [-4, -1.5, 0.5, 2.5, 5, 7, 10], [0.80, 0.86, 0.97, 1.0, 0.97, 0.97, 1.0])
    soft = np.interp(place, [-4, -1, 1, 3, 6, 9], [0.7, 1.1, 1.05, 1.0, 0.75, 0.6])
    # The anterior iliac spines have to stay inside.
    pelvis = -(parameters.pelvis.wing_depth + 4.0) * size - 0.5 * body.fat_front
    front = third - body.front * size * belly - body.fat_front * soft
    guard = np.interp(place, [-3, -2, 0, 1], [20.0, 0.0, 0.0, 40.0])
    return _smoothed(np.minimum(front, pelvis + guard), 6)


def _half_width(parameters: PhantomParameters, z: _Curve) -> _Curve:
    body, size, pelvis = parameters.body, parameters.size, parameters.pelvis
    t = z / (100.0 * size)
    waist = np.interp(t, [-1.4, -0.2, 0.4, 1.1, 1.9, 2.6, 3.5], [1.0, 1.0, 0.97, 0.93, 0.97, 0.99, 0.98])
    if parameters.sex == "female":
        waist = waist - 0.035 * np.exp(-(((t - 1.2) / 0.6) ** 2))
    hips = (pelvis.wing_half_width + 22.0) * size + 1.0 * body.fat_side
    wide = np.interp(t, [-1.4, -0.9, -0.3, 0.25, 0.8], [1.10, 1.08, 1.02, 0.97, 0.80])
    return _smoothed(np.maximum(body.half_width * waist, hips * wide), 8)


def _skin(
    parameters: PhantomParameters, z: _Curve, half_width: _Curve, front: _Curve, back: _Curve
) -> _Curve:
    """Superellipses, squarer behind where the body lies; ``(n, 360)``."""
    cos, sin = np.abs(np.cos(ANGLES))[None], np.sin(ANGLES)[None]
    t = (z / (100.0 * parameters.size))[:, None]
    behind = np.interp(t, [-1.3, 0.0, 1.2, 2.2, 3.2], [2.9, 2.9, 2.75, 2.5, 2.35])
    ahead = np.interp(t, [-1.3, 0.0, 1.2, 2.2, 3.2], [2.5, 2.25, 2.15, 2.15, 2.1])
    mix = np.clip(0.5 + 1.2 * sin, 0, 1)
    power = ahead + (behind + 0.5 * parameters.body.flatten - ahead) * mix
    depth = np.where(sin > 0, back[:, None], -front[:, None])
    return np.asarray(((cos / half_width[:, None]) ** power + (np.abs(sin) / depth) ** power) ** (-1 / power))


def _features(parameters: PhantomParameters, spine: SpineLine, z: _Curve, skin: _Curve) -> _Curve:
    """Furrow, cleft, buttocks, navel and unevenness: what is added to the radius, ``(n, 360)`` mm."""
    rng = np.random.default_rng([parameters.seed, 43])
    x, y = skin * np.cos(ANGLES), skin * np.sin(ANGLES)
    place = np.interp(z, spine.z, spine.place)[:, None]
    behind, ahead = y > 0, y < 0
    body = parameters.body
    bump = np.zeros_like(skin)
    furrow = (2.0 + 5.0 * (1 - body.flatten)) * np.clip(body.muscle, 0.6, 1.3)
    bump -= behind * furrow * np.exp(-((x / 13.0) ** 2)) * np.exp(-(((place - 3.0) / 3.2) ** 2))
    cleft = np.interp(place, [-5.2, -4.4, -3.2], [34.0, 16.0, 0.0])
    bump -= behind * cleft * np.exp(-((x / 11.0) ** 2))
    full = (8.0 + 0.3 * body.fat_back) * np.exp(-(((place + 4.0) / 2.2) ** 2))
    bump += behind * full * (1 - body.flatten * 0.5) * np.exp(-(((np.abs(x) - 70) / 45.0) ** 2))
    navel = spine.height(2.0) + rng.normal(0.0, 8.0)
    dent = (5.0 + 0.15 * body.fat_front) * np.exp(-(((z[:, None] - navel) / 8.0) ** 2))
    bump -= ahead * dent * np.exp(-(((x - 0.3 * spine.at("x", navel)) / 7.5) ** 2))
    if parameters.sex == "female":
        top = spine.z[-1] - 105.0
        breast = (10 + 1.0 * body.fat_front) * np.clip((z[:, None] - top + 45.0) / 60.0, 0, 1) ** 1.5
        bump += ahead * breast * np.exp(-(((np.abs(x) - 82) / 38.0) ** 2))
    # Flesh is not quite even: a few slow waves over angle and height.
    for m in range(1, 6):
        phase, length = rng.uniform(0, 2 * np.pi), rng.uniform(60, 150)
        amount = rng.normal(0.0, 2.2 / m**0.5)
        bump += amount * np.sin(m * ANGLES[None] + phase + np.sin(z[:, None] / length + phase))
    return bump


def _round_bone(
    parameters: PhantomParameters, ilia: tuple[IliumSurface, ...], z: _Curve, centre_x: _Curve,
    centre_y: _Curve,
) -> _Curve:  # fmt: skip
    """The radius that the skin needs to cover the ilia: their convex hull and flesh, ``(n, 360)`` mm."""
    cover = 6.0 + 0.35 * parameters.body.fat_side
    rays = np.stack([np.cos(ANGLES), np.sin(ANGLES)])
    needed = np.zeros((len(z), len(ANGLES)))
    for row, height in enumerate(z):
        points = [np.zeros((1, 2))]
        for ilium in ilia:
            k = round((height - ilium.low[1]) / ILIUM_STEP_MM)
            if 0 <= k < len(ilium.beyond):
                j = np.nonzero(ilium.beyond[k] == 0)[0]
                x, y = ilium.side.sign * ilium.outer[k, j], ilium.low[0] + ILIUM_STEP_MM * j
                points.append(np.column_stack([x - centre_x[row], y - centre_y[row]]))
        cloud = np.vstack(points)
        if len(cloud) > 4:
            sides = ConvexHull(cloud).equations
            facing = sides[:, :2] @ rays
            reach = (cover - sides[:, 2:]) / np.where(facing > 1e-3, facing, np.nan)
            needed[row] = np.nanmin(reach, axis=0)
    # What covers a bone goes on above and below it: 8 mm less at 32 mm.
    hills = [np.roll(needed, n, axis=0) - 0.125 * n * n for n in range(-28, 29)]
    kernel = np.hanning(15)[1:-1, None] / np.hanning(15).sum()
    turned = [np.roll(np.max(hills, axis=0), n, axis=1) for n in range(-6, 7)]
    return np.asarray((kernel[:, None] * np.array(turned)).sum(axis=0))


def _ring(parameters: PhantomParameters, curves: dict[str, _Curve], skin: _Curve, centre_y: _Curve) -> _Curve:
    """Outer face of ribs and abdominal wall: under the fat, flat behind before the spine's processes."""
    body, size = parameters.body, parameters.size
    sin, cos = np.sin(ANGLES)[None], np.cos(ANGLES)[None]
    place = curves["place"][:, None]
    ahead, behind = np.clip(-sin, 0, 1) ** 1.5, np.clip(sin, 0, 1) ** 1.5
    side = np.clip(1 - ahead - behind, 0, 1)
    fat = (
        body.fat_front * ahead * np.interp(place, [-3, -1, 1, 3, 6, 9], [0.9, 1.1, 1.05, 1.0, 0.7, 0.55])
        + body.fat_side * side * np.interp(place, [-3, 0, 2, 4, 6, 9], [1.1, 1.15, 1.1, 1.0, 0.65, 0.5])
        + body.fat_back * behind
    )
    layer = np.interp(place, [4.5, 6.5, 9], [0.0, 5.0, 8.0]) * (0.35 + 0.65 * (1 - ahead)) * body.muscle
    under = skin - (fat + layer + 2.0)
    clearance = np.interp(place, [0.0, 2, 4, 5.5, 7, 10], [4.0, 4.0, 6.0, 11.0, 15.0, 20.0]) * size
    plane = curves["wall"][:, None] + curves["process_behind"][:, None] + clearance - centre_y[:, None]
    # Above the pelvis an oval: as wide and deep as the flesh under the fat, but flat behind.
    half = 0.5 * (under[:, :1] + under[:, 180:181])
    depth = np.where(sin > 0, np.minimum(plane, under[:, 270:271]), under[:, 90:91])
    power = np.where(sin > 0, np.interp(place, [1.0, 4.0, 6.0], [2.35, 2.3, 2.15]), 2.2)
    oval = ((np.abs(cos) / half) ** power + (np.abs(sin) / depth) ** power) ** (-1 / power)
    pelvic = np.clip((1.1 - place) / 1.0, 0, 1) * np.clip(0.4 + 1.2 * sin, 0, 1)
    ring = np.minimum(oval, under)
    return np.asarray(np.maximum(ring * (1 - pelvic) + under * pelvic, 20.0))
