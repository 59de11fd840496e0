"""Everything that is not bone: skin, fat, muscles, abdominal content, kidneys, aorta, lung bases.

Painted slice by slice. ``u`` is the distance from the spine's midline, ``v`` that behind the posterior
body wall, mm; the outline is a superellipse flattened where the body lies.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region
from procguide.phantom.assemble import Anatomy
from procguide.phantom.canvas import Canvas
from procguide.phantom.noise import SmoothNoise
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.soft.outline import Torso
from procguide.phantom.solids import Array

__all__ = ["paint_torso"]

SKIN_MM = 2.0


def paint_torso(canvas: Canvas, anatomy: Anatomy) -> None:
    """Fill the canvas with soft tissue; bone is painted over it later."""
    grid, regions = canvas.grid, canvas.tissues
    parameters, torso, pose = anatomy.parameters, anatomy.torso, anatomy.pose
    spacing, origin = grid.affine.spacing, grid.affine.origin
    x = (origin[0] + spacing[2] * np.arange(grid.shape[2])).astype(np.float32)[None, :]
    y = (origin[1] + spacing[1] * np.arange(grid.shape[1])).astype(np.float32)[:, None]
    lumps = SmoothNoise(parameters.seed, 0, grid, 16.0)
    streaks = SmoothNoise(parameters.seed, 1, grid, 6.0)
    heights = {level: pose.frames[level].origin[2] for level in parameters.levels}
    for k in range(grid.shape[0]):
        z = float(origin[2] + spacing[0] * k)
        _paint_slice(regions[k], parameters, torso, heights, (x, y, z), (lumps.slice(k), streaks.slice(k)))


def _paint_slice(
    out: NDArray[np.uint8], parameters: PhantomParameters, torso: Torso, heights: dict[str, float],
    at: tuple[Array, Array, float], noise: tuple[Array, Array],
) -> None:  # fmt: skip
    x, y, z = at
    # At least one voxel thick, so that the skin stays closed on a coarse lattice.
    skin = max(SKIN_MM, 1.1 * float(x[0, 1] - x[0, 0])) if x.size > 1 else SKIN_MM
    body, size = parameters.body, parameters.size
    lumps, streaks = noise
    depth, behind = _depth(parameters, torso, x, y, z)
    inside = depth > 0
    out[inside] = Region.FAT
    u = np.abs(x - torso.at("midline", z))
    v = y - torso.at("wall", z)
    fat = body.fat_front + (body.fat_back - body.fat_front) * behind
    fat = fat + (body.fat_side - fat) * np.clip(1 - np.abs(2 * behind - 1) * 1.5, 0, 1) * 0.7
    under = depth - fat
    wall = (11.0 + 5 * np.clip(1 - np.abs(2 * behind - 1), 0, 1)) * body.muscle
    cavity = (under > wall) & (v < 22 * size - 0.12 * u + 4 * lumps)
    out[(under > 0) & (under <= wall * np.clip((42 - v) / 34, 0, 1))] = Region.MUSCLE
    pelvic = np.clip(-z / 40.0, 0, 1)
    # Inside the wall: fat next to it and behind, loops and organs in front.
    mesentery = lumps < (body.visceral_fat - 0.5) * 2.2
    near = np.hypot(u / 1.25, np.minimum(v + 6, 0) * 0.9) < (48 + 10 * pelvic) * size
    content = cavity & (under > wall + 5 + 6 * body.visceral_fat) & ~mesentery & ~near & (v < -6 + 5 * lumps)
    out[content] = Region.SOFT_TISSUE
    # The liver on the right, its lower edge falling to the side.
    left = x - torso.at("midline", z)
    if z > heights["L4"]:
        solid = cavity & (under > wall + 3) & (left < 18 + 22 * lumps) & (v < -8) & ~near
        solid &= z - heights["L1"] > 0.55 * (left + 45) + 7 * lumps
        out[solid] = Region.SOFT_TISSUE
    _organs(out, parameters, torso, heights, (x, y, z), under > wall + 3)
    _muscles(out, parameters, heights, z, (u, v, under, streaks))
    _lungs(out, parameters, heights, z, (u, v, under))
    out[inside & (depth < skin)] = Region.SKIN


def _depth(parameters: PhantomParameters, torso: Torso, x: Array, y: Array, z: float) -> tuple[Array, Array]:
    """Depth under the skin, and 0 in front to 1 behind."""
    half_width = torso.at("half_width", z)
    front, back = torso.at("front", z), torso.at("back", z)
    middle, half = (front + back) / 2 + 12, (back - front) / 2
    yy = y - middle
    half_y = np.where(yy > 0, half - 12, half + 12)
    a = np.abs(x - 0.3 * torso.at("midline", z)) / half_width
    b = np.abs(yy) / half_y
    flat = 0.7 * parameters.body.flatten
    behind = yy > 0
    power = np.where(behind, 2.3 + flat, 2.25)
    r = np.maximum((a**power + b**power) ** (1 / power), 0.02)
    length = np.hypot(x, yy)
    gradient = np.clip(length / r, 1, None)
    return np.asarray((1 - r) * np.minimum(gradient, half_width)), np.asarray(
        np.clip(0.5 + yy / (2 * half), 0, 1)
    )


def _organs(
    out: NDArray[np.uint8], parameters: PhantomParameters, torso: Torso, heights: dict[str, float],
    at: tuple[Array, Array, float], cavity: NDArray[np.bool_],
) -> None:  # fmt: skip
    x, y, z = at
    body, size = parameters.body, parameters.size * parameters.body.kidney_scale
    mid, wall = torso.at("midline", z), torso.at("wall", z)
    # Aorta left of the midline in front of the bodies, dividing at L4.
    fork = heights["L4"]
    depth = 2 * 17.0 * parameters.size
    aorta_y = wall - depth - 4 - body.aorta_radius
    if z > fork:
        r = body.aorta_radius * (1 + 0.08 * np.sin(z / 25))
        out[np.hypot(x - mid - 8, y - aorta_y) < r] = Region.AORTA
        out[np.hypot((x - mid + 17) / 1.15, (y - aorta_y - 5) / 0.85) < r * 1.05] = Region.SOFT_TISSUE
    else:
        spread = min((fork - z) * 0.42, 60.0)
        drop = min((fork - z) * 0.15, 25.0)
        for s in (-1, 1):
            out[np.hypot(x - mid - s * (5 + spread), y - aorta_y - 4 - drop) < 0.55 * body.aorta_radius] = (
                Region.AORTA
            )
            out[np.hypot(x - mid - s * (6 + spread), y - aorta_y - 16 - drop) < 0.7 * body.aorta_radius] = (
                Region.SOFT_TISSUE
            )
    # Kidneys T12-L3, the right lower; poles lean in, hilum toward the spine.
    for s, shift in ((1, 6.0), (-1, -8.0)):
        centre_z = (heights["L1"] + heights["L2"]) / 2 + shift
        t = (z - centre_z) / (54.0 * size)
        if abs(t) >= 1:
            continue
        r = np.sqrt(1 - t * t)
        cx = mid + s * (64.0 - 9 * t) * parameters.size
        cy = wall - 14 + 8 * t
        kx, ky = (x - cx) * 0.80 + s * (y - cy) * 0.60, (y - cy) * 0.80 - s * (x - cx) * 0.60
        reach = np.hypot(kx / (25 * size * r), ky / (29 * size * r))
        kidney = reach < 1
        out[(reach < 1.1 + 0.5 * body.visceral_fat) & cavity] = Region.FAT
        sinus = np.hypot((kx + s * 14) / (13 * size), (ky + 5) / (9 * size)) < np.sqrt(
            max(0, 1 - 2.5 * t * t)
        )
        out[kidney & ~sinus & cavity] = Region.KIDNEY


def _muscles(
    out: NDArray[np.uint8], parameters: PhantomParameters, heights: dict[str, float], z: float,
    place: tuple[Array, Array, Array, Array],
) -> None:  # fmt: skip
    u, v, under, streaks = place
    size, bulk = parameters.size, parameters.body.muscle
    marbling = parameters.body.muscle_fat
    fatty = streaks > 2.6 - 3.2 * marbling
    low = np.clip((heights["L1"] - z) / (heights["L1"] - heights["L5"]), 0, 1.5)
    sacral = np.clip(-z / 90.0, 0, 1)
    # Erector spinae and multifidus behind the transverse processes, thinning over the sacrum.
    deep = (12 - 4 * sacral) * size
    spread = (36 - 14 * sacral) * size * bulk**0.5
    column = (
        np.hypot(
            (u - spread * 0.98) / spread, (v - deep - 20 * size) / (26 * size * bulk * (1 - 0.35 * sacral))
        )
        < 1
    )
    column |= (u < 30 * size) & (v > deep) & (v < deep + 36 * size * (1 - 0.4 * sacral)) & (u > 1.5)
    column &= (under > 0) & (v > 4)
    between = np.abs(u - (20 + 4 * low) * size - 0.25 * v) < 0.8 + 1.8 * marbling
    out[column] = Region.MUSCLE
    out[column & ((fatty & (v < 40)) | (between & (v > deep)))] = Region.FAT
    # Psoas from T12-L1 beside the bodies, leaving forward and outward into the pelvis.
    if low > 0.0:
        radius = (5 + 15 * np.clip(low, 0, 1)) * size * bulk
        out_u = (24 + 0.55 * radius + 10 * np.clip(low, 0, 1) + 30 * sacral) * size
        psoas = (
            np.hypot(
                (u - out_u) / radius, (v + 12 + 16 * np.clip(low - 0.8, 0, 1) + 40 * sacral) / (1.30 * radius)
            )
            < 1
        )
        out[psoas & (under > 6)] = Region.MUSCLE
    # Quadratus lumborum from the twelfth rib to the crest.
    if heights["L1"] - 10 < z + 20 and z > 15 and z < heights["T12"]:
        lean = 0.12 * (heights["L1"] - z)
        quadratus = (
            np.hypot((u - (52 + lean * 1.2) * size) / (19 * size * bulk), (v - 7) / (7.5 * size * bulk)) < 1
        )
        out[quadratus & (under > 0)] = Region.MUSCLE
    # Gluteal muscles behind and beside the ilia, iliacus in the fossa: bone is painted over later.
    if z < 40 * size:
        height = np.clip((40 * size - z) / 60, 0, 1)
        gluteal = (
            (under > 2) & (u > 42) & (under < (6 + 54 * height) * bulk - np.clip(-20 - v, 0, 200) * 0.55)
        )
        out[gluteal] = Region.MUSCLE
        iliacus = np.hypot((u - 92 + 8 * sacral) / (24 * height + 4), (v + 32) / (34 * height + 4)) < 1
        out[iliacus & (under > 20)] = Region.MUSCLE


def _lungs(
    out: NDArray[np.uint8], parameters: PhantomParameters, heights: dict[str, float], z: float,
    place: tuple[Array, Array, Array],
) -> None:  # fmt: skip
    """Posterior recesses: air, that is background. Diaphragm and liver lie in front of them."""
    u, v, under = place
    above = z - heights["L1"] + parameters.body.lung_bases - 25.0
    if above <= 0:
        return
    thick = min(6 + 0.8 * above, 60.0)
    air = (under > 14) & (under < 14 + thick) & (v < 26) & (v > -60) & (u > 36)
    out[air & (np.hypot((u - 75) / 60, (v + 15) / 55) < min(1.0, above / 45))] = Region.BACKGROUND
