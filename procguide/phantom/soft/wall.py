"""Skin, fat, wall and lungs of one slab: the tables that the compiled loop needs, slice by slice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.phantom.assemble import Anatomy
from procguide.phantom.canvas import Canvas
from procguide.phantom.noise import noise_table
from procguide.phantom.soft._wall_kernel import fill_wall
from procguide.phantom.soft.outline import ANGLES, Torso
from procguide.phantom.solids import Array

__all__ = ["fill_torso", "lattice_of"]

SKIN_MM = 2.0
_Table = NDArray[np.float64]


def lattice_of(canvas: Canvas) -> tuple[Array, Array]:
    """Origin and spacing (x, y, z), mm, as the compiled loops want them."""
    affine = canvas.grid.affine
    return np.asarray(affine.origin, dtype=np.float64), np.asarray(affine.spacing[::-1], dtype=np.float64)


def fill_torso(canvas: Canvas, anatomy: Anatomy) -> None:
    """Fill the slab from the outline inward; later structures are painted over it."""
    parameters, torso = anatomy.parameters, anatomy.torso
    origin, spacing = lattice_of(canvas)
    z = origin[2] + spacing[2] * np.arange(canvas.grid.shape[0])
    rows = np.interp(z, torso.z, np.arange(len(torso.z)))
    low = np.minimum(rows.astype(int), len(torso.z) - 2)
    share = (rows - low)[:, None]
    skin, ring = (t[low] * (1 - share) + t[low + 1] * share for t in (torso.skin, torso.ring))
    slope, rise = (table[low] for table in _slope(torso))
    place = np.interp(z, anatomy.soft.spine.z, anatomy.soft.spine.place)[:, None]
    wall, layer, lateral = _wall_tables(anatomy, place)
    f32 = np.float32
    # At least one voxel thick, so that the skin stays closed on a coarse lattice.
    under = _underside(skin, max(SKIN_MM, 1.15 * float(spacing.max())) * np.sqrt(1 + rise**2))
    fill_wall(
        canvas.tissues, canvas.instances, origin, spacing, under.astype(f32), _slices(anatomy, z).astype(f32),
        skin.astype(f32), slope.astype(f32), ring.astype(f32), wall.astype(f32), layer.astype(f32),
        lateral.astype(f32), _lungs(anatomy).astype(f32), noise_table(parameters.seed, 20),
    )  # fmt: skip


def _underside(skin: _Table, thick: _Table) -> _Table:
    """Radius of the skin's inner face: what lies within ``thick`` mm of any point of the outline is skin.

    Looked for along the outline every third of a degree: in the cleft it runs nearly along the radius.
    """
    fine = np.arange(3 * len(ANGLES)) / 3.0
    low, share = fine.astype(int), fine % 1.0
    dense = skin[:, low] * (1 - share) + np.roll(skin, -1, axis=1)[:, low] * share
    under, steep = skin - thick, np.abs(np.diff(skin, axis=1, append=skin[:, :1])).max(axis=1) > 1.5
    reach = np.where(steep.any(), 18, 6)
    for step in range(-reach, reach + 1):
        beside = np.roll(dense, step, axis=1)[:, ::3]
        turn = np.radians(step / 3.0)
        sideways = np.abs(beside * np.sin(turn))
        near = beside * np.cos(turn) - np.sqrt(np.maximum(thick**2 - sideways**2, 0.0))
        under = np.where(sideways < thick, np.minimum(under, near), under)
    return under


def _slope(torso: Torso) -> tuple[_Table, _Table]:
    """Cosine between the outline's radius and its normal in space, and the outline's rise, ``(n, 360)``."""
    bend = (np.roll(torso.skin, -1, axis=1) - np.roll(torso.skin, 1, axis=1)) / np.radians(2.0)
    step = torso.z[1] - torso.z[0]
    shift = [np.gradient(curve, step)[:, None] for curve in (torso.centre_x, torso.centre_y)]
    rise = np.gradient(torso.skin, step, axis=0) + shift[0] * np.cos(ANGLES) + shift[1] * np.sin(ANGLES)
    return np.asarray(1 / np.sqrt(1 + (bend / torso.skin) ** 2 + rise**2)), rise


def _wall_tables(anatomy: Anatomy, place: _Table) -> tuple[_Table, _Table, _Table]:
    """Wall thickness, muscle outside the ring, and how far the wall is layered, ``(k, 360)``."""
    body, size = anatomy.parameters.body, anatomy.parameters.size
    sin = np.sin(ANGLES)[None]
    # 0 in front, 90 at the side, 180 behind; rounded, so that no comparison hangs on the processor.
    degrees = np.round(np.degrees(np.arccos(np.clip(-sin, -1, 1))), 9)
    bulk = body.muscle * size * (0.75 if body.muscle_fat > 0.3 else 1.0)
    ribs = np.clip((place - 4.6) / 1.2, 0, 1)
    rectus = 10.0 * np.exp(-((np.abs(degrees - 17.0) / 15.0) ** 4)) + 2.0
    flank = 20.0 * np.exp(-((np.abs(degrees - 88.0) / 50.0) ** 4))
    # Below the crest the flank's muscles end on it, in front of the anterior spine.
    reach = np.interp(place, [-1.5, -0.3, 0.6, 1.4, 2.2], [38.0, 52.0, 75.0, 100.0, 180.0])
    flank = flank * np.clip((reach - degrees) / 18.0, 0, 1)
    lumbar = np.maximum(rectus, flank) * bulk
    lumbar = np.where((degrees > 128) & (place < 4.6), 0.0, np.maximum(lumbar, 1.6))
    # The seat: gluteus maximus from the sacrum round to the side.
    seat = np.interp(place, [-4.0, -2.6, -1.2, -0.2, 0.4], [48.0, 42.0, 27.0, 8.0, 0.0]) * bulk
    round_ = np.interp(degrees, [80, 100, 125, 150, 170, 176, 180], [0.0, 0.35, 0.8, 1.0, 0.8, 0.3, 0.0])
    seated = seat * round_ > np.maximum(lumbar, 3.0)
    lumbar = np.maximum(lumbar, seat * round_)
    intercostal = np.interp(degrees, [0, 40, 60, 180], [6.5, 7.0, 7.6, 7.6]) * size
    wall = lumbar * (1 - ribs) + intercostal * ribs
    layer = np.interp(degrees, [0, 25, 60, 110, 150, 172, 180], [2.0, 2.0, 6.0, 7.5, 7.5, 4.0, 4.0])
    layer = layer * np.interp(place, [3.4, 5.0, 7.0, 10.0], [0.0, 0.6, 1.0, 1.3]) * bulk
    lateral = np.clip(1.4 - np.abs(degrees - 85.0) / 45.0, 0, 1) * (1 - ribs) * (place > -0.2)
    return wall, layer, np.where(seated, -1.0, lateral)


def _slices(anatomy: Anatomy, z: _Table) -> _Table:
    """One row a slice, in the order of the loop's columns."""
    torso, spine, body = anatomy.torso, anatomy.soft.spine, anatomy.parameters.body

    def curve(name: str) -> _Table:
        return np.asarray(np.interp(z, spine.z, getattr(spine, name)))

    place = curve("place")
    # Great vessels and what lies round them keep the bowel off the spine, but not off the sacrum.
    depth = (curve("wall") - curve("front") + 21.0) * np.interp(place, [-1.6, 0.2], [0.0, 1.0])
    return np.column_stack([
        np.interp(z, torso.z, torso.centre_x), np.interp(z, torso.z, torso.centre_y), curve("x"),
        curve("wall"), curve("half_width"), curve("front"), place,
        np.full(len(z), 0.7 + 2.0 * body.muscle_fat),
        curve("wall") - 3.0, np.full(len(z), 4.3), depth,
    ])  # fmt: skip


def _lungs(anatomy: Anatomy) -> _Table:
    """The domes: where they stand and how deep their recesses reach."""
    parameters, torso, spine = anatomy.parameters, anatomy.torso, anatomy.soft.spine
    rng = np.random.default_rng([parameters.seed, 47])
    z = spine.height(8.0)
    ring = torso.radii("ring", z)
    inspired = (parameters.body.lung_bases - 25.0) * 0.5
    right = spine.height(8.9) - inspired + rng.normal(0, 4)
    left = right - rng.uniform(4.0, 16.0)
    posterior = right - spine.height(5.9) + rng.normal(0, 6) + 0.5 * inspired
    back = torso.at("centre_y", z) + float(ring[270]) - 11.0
    front = torso.at("centre_y", z) - float(ring[90]) + 11.0
    return np.array([
        float(ring[0] + ring[180]) / 2 - 11.0, (back - front) / 2, torso.at("centre_x", z),
        (back + front) / 2, left, right, posterior, 0.8 * posterior, 50.0, right - posterior - 8.0,
    ])  # fmt: skip
