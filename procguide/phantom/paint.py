"""From parameters to label maps: every part on one lattice, in the order in which it hides the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.anatomy import SACRUM, VERSE_LABELS, VERSE_NAMES, Region, Side
from procguide.geometry import Affine, AnatomicalFrame
from procguide.imaging import Grid, LabelMap
from procguide.phantom.canal import canal_tube
from procguide.phantom.morphometry import PHANTOM_LEVELS
from procguide.phantom.parameters import PhantomParameters
from procguide.phantom.pelvis import IliumModel, ilium_part
from procguide.phantom.pose import Pose, pose_spine
from procguide.phantom.ribs import floating_rib, rib_of
from procguide.phantom.sacrum import SacrumModel, sacrum_parts, to_straight
from procguide.phantom.solids import FAR, Array, Field, Part, carve, radial
from procguide.phantom.torso import Torso, paint_torso, torso_of
from procguide.phantom.tubes import Tube, tube_distance
from procguide.phantom.vertebra import VertebraModel, vertebra_parts

__all__ = ["Anatomy", "Labels", "assemble", "default_grid", "paint"]

BONE_GAP_MM = 1.1


@dataclass(frozen=True)
class Anatomy:
    """One subject's geometry before any lattice."""

    parameters: PhantomParameters
    pose: Pose
    vertebrae: dict[str, VertebraModel]
    sacrum: SacrumModel
    canal: Tube
    torso: Torso


@dataclass(frozen=True)
class Labels:
    """``levels`` (VerSe integers) and ``regions`` on one grid, ``(k, j, i)``, with bone's distance field.

    ``bone`` is the distance to the nearest bone surface in mm, negative inside, 1000 where unknown.
    """

    levels: LabelMap
    regions: LabelMap
    bone: Array


def assemble(parameters: PhantomParameters) -> Anatomy:
    """All frames, models and curves."""
    pose = pose_spine(parameters)
    vertebrae = {}
    for n, level in enumerate(PHANTOM_LEVELS):
        above = {side: pose.facets[PHANTOM_LEVELS[n - 1], side] for side in Side} if n else {}
        vertebrae[level] = VertebraModel(
            level,
            pose.frames[level],
            pose.shapes[level],
            parameters.size,
            {side: parameters.jitter(level, side.sign) for side in Side},
            above,
            {side: pose.facets[level, side] for side in Side},
            parameters.spinous_thickness,
        )
    last = pose.shapes["L5"]
    sacrum = SacrumModel(
        pose.sacrum,
        parameters.pelvis,
        parameters.size,
        last.width_lower,
        last.depth_lower,
        {side: pose.facets["L5", side] for side in Side},
    )
    canal = canal_tube(pose, sacrum)
    return Anatomy(parameters, pose, vertebrae, sacrum, canal, torso_of(parameters, pose, canal))


def default_grid(anatomy: Anatomy, spacing_mm: float, box: tuple[ArrayLike, ArrayLike] | None = None) -> Grid:
    """T11's top to the sacrum's tip, the whole body round it with some air; or the given LPS mm box."""
    torso = anatomy.torso
    top = anatomy.pose.frames["T11"].origin[2] + 26.0 * anatomy.parameters.size
    tip = anatomy.sacrum.frame.to_patient(
        (
            0,
            *to_straight(
                anatomy.sacrum, anatomy.parameters.pelvis.sacrum_length * anatomy.parameters.size, 0.0
            ),
        )
    )
    inside = (torso.z > tip[2]) & (torso.z < top)
    half = float(torso.half_width[inside].max()) + 12
    low = np.array([-half, float(torso.front[inside].min()) - 12, float(tip[2]) - 8])
    high = np.array([half, float(torso.back[inside].max()) + 12, top])
    if box is not None:
        low, high = np.maximum(low, np.asarray(box[0], float)), np.minimum(high, np.asarray(box[1], float))
    k, j, i = (max(1, int(n)) for n in np.ceil((high - low) / spacing_mm)[::-1])
    return Grid((k, j, i), Affine.axis_aligned(spacing_mm, low + spacing_mm / 2))


def paint(anatomy: Anatomy, grid: Grid) -> Labels:
    """The subject on a lattice."""
    regions = np.zeros(grid.shape, dtype=np.uint8)
    levels = np.zeros(grid.shape, dtype=np.uint8)
    bone = np.full(grid.shape, FAR, dtype=np.float32)
    paint_torso(grid, regions, anatomy.parameters, anatomy.torso, anatomy.pose)
    for disc in _discs(anatomy):
        field = carve(grid, [disc])
        if field is not None:
            regions[field.window][field.distance < 0] = Region.DISC
    canal = np.full(grid.shape, FAR, dtype=np.float32)
    tube = tube_distance(grid, anatomy.canal)
    if tube is not None:
        canal[tube[0]] = tube[1]
        regions[tube[0]][tube[1] < 0] = Region.CANAL
    _paint_bones(anatomy, grid, canal, (regions, levels, bone))
    names = {label: VERSE_NAMES[label] for label in (*(VERSE_LABELS[lv] for lv in PHANTOM_LEVELS), 26)}
    return Labels(
        LabelMap(levels, grid.affine, names=names, source="phantom"),
        LabelMap(regions, grid.affine, names={int(r): r.label for r in Region if r}, source="phantom"),
        bone,
    )


def _paint_bones(
    anatomy: Anatomy, grid: Grid, canal: Array, maps: tuple[NDArray[np.uint8], NDArray[np.uint8], Array]
) -> None:
    """Spine, ilia and ribs; where two bones would touch, both draw back by half the gap."""
    regions, levels, bone = maps
    owned: list[tuple[int, Field]] = []
    for level in PHANTOM_LEVELS:
        field = carve(grid, vertebra_parts(anatomy.vertebrae[level]))
        if field is not None:
            owned.append((VERSE_LABELS[level], field))
    sacrum = carve(grid, sacrum_parts(anatomy.sacrum))
    if sacrum is not None:
        owned.append((VERSE_LABELS[SACRUM], sacrum))
    first, second = np.full((2, *grid.shape), FAR, dtype=np.float32)
    for _, field in owned:
        a, b = first[field.window], second[field.window]
        np.minimum(b, np.maximum(a, field.distance), out=b)
        np.minimum(a, field.distance, out=a)
    for label, field in owned:
        where = field.window
        mine = field.distance <= first[where]
        d = np.maximum(field.distance, -canal[where])
        d = np.where(mine, np.maximum(d, BONE_GAP_MM / 2 - (second[where] - d) / 2), FAR)
        inside = d < 0
        regions[where][inside] = field.region[inside]
        levels[where][inside] = label
        np.minimum(bone[where], d, out=bone[where])
    spine = first
    ilium = IliumModel.under(anatomy.pose.sacrum, anatomy.parameters.pelvis, anatomy.parameters.size)
    gap = anatomy.parameters.pelvis.joint_gap
    for side in Side:
        field_ = carve(grid, [ilium_part(ilium, side)])
        if field_ is not None:
            d = np.maximum(field_.distance, gap - spine[field_.window])
            regions[field_.window][d < 0] = Region.ILIUM
            np.minimum(bone[field_.window], d, out=bone[field_.window])
    for rib in _ribs(anatomy):
        found = tube_distance(grid, rib, margin=3.0)
        if found is not None:
            where, distance = found
            d = np.maximum(distance, 0.8 - bone[where])
            regions[where][d < 0] = Region.RIB
            np.minimum(bone[where], d, out=bone[where])


def _discs(anatomy: Anatomy) -> list[Part]:
    parts = []
    for n, level in enumerate(PHANTOM_LEVELS):
        frame, shape = anatomy.pose.frames[level], anatomy.pose.shapes[level]
        bottom = np.asarray(frame.to_patient((0, 0, -shape.body_height / 2)))
        if n + 1 < len(PHANTOM_LEVELS):
            below = anatomy.pose.frames[PHANTOM_LEVELS[n + 1]]
            low_shape = anatomy.pose.shapes[PHANTOM_LEVELS[n + 1]]
            top = np.asarray(below.to_patient((0, 0, low_shape.body_height / 2)))
            width, depth = low_shape.width_upper, low_shape.depth_upper
        else:
            below, top = anatomy.sacrum.frame, np.asarray(anatomy.sacrum.frame.origin)
            width, depth = shape.width_lower, shape.depth_lower
        up = np.asarray(frame.superior) + np.asarray(below.superior)
        middle = AnatomicalFrame.from_axes((bottom + top) / 2, up, frame.left)
        a, b = (width + shape.width_lower) / 4 + 0.6, (depth + shape.depth_lower) / 4 + 0.6
        slope = float(np.tan(np.radians(shape.disc_wedge_deg / 2)))
        parts.append(_disc(middle, (a, b), shape.disc_height / 2, slope))
    return parts


def _disc(frame: AnatomicalFrame, half: tuple[float, float], height: float, slope: float) -> Part:
    a, b = half

    def distance(x: Array, y: Array, z: Array) -> Array:
        behind = y > 0
        hollow = 2.0 * np.maximum(1 - (x / (0.55 * a)) ** 2, 0) * np.clip(y / b, 0, 1)
        rim = radial(x, np.where(behind, y + hollow, y), a, b, 2.4)
        r2 = np.clip((x / a) ** 2 + (y / b) ** 2, 0, 1)
        limit = height - y * slope + 0.4 + 2.6 * (1 - r2 * r2)
        return np.asarray(np.maximum(rim, np.abs(z) - limit), dtype=np.float32)

    return Part(Region.DISC, frame, (a + 2, b + 2, height + 6), distance, 0.0)


def _ribs(anatomy: Anatomy) -> list[Tube]:
    parameters, torso, pose = anatomy.parameters, anatomy.torso, anatomy.pose
    body = parameters.body
    inset = (body.fat_back + body.fat_side) / 2 + 9.0
    top = pose.frames["T11"].origin[2]
    tubes = []
    for side in Side:
        for level in ("T11", "T12"):
            wall = torso.rib_cage(pose.frames[level].origin[2] - 15, inset)
            tubes.append(rib_of(parameters, level, pose.frames[level], pose.shapes[level], side, wall))
        tubes += [floating_rib(parameters, top, n, side, torso.rib_cage(top, inset)) for n in (8, 9, 10)]
    return tubes
