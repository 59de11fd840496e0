"""The arch of a cervical vertebra: pillars between sloped joints, laminae like shingles, processes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from procguide.anatomy import Region, Side
from procguide.geometry import AnatomicalFrame, vector
from procguide.imaging import Grid
from procguide.phantom.bones.facets import FacetPose, facet_lumps
from procguide.phantom.bones.roughness import bumps
from procguide.phantom.neck.body import body_part
from procguide.phantom.neck.model import NeckVertebra
from procguide.phantom.solids import (
    Array,
    Field,
    Part,
    box,
    capsule,
    carve,
    elliptic,
    frame_between,
    smooth_max,
)

__all__ = ["vertebra_field", "vertebra_parts"]

BUMPS = (4.0, 0.25)
"""Width and standard deviation of the surface's unevenness, mm; assumed."""
_WAIST_MM = 1.4
Pair = tuple[float, float]


def vertebra_parts(model: NeckVertebra) -> list[Part]:
    """All solids of one vertebra, the body first."""
    parts = [body_part(model)]
    for side in Side:
        half = [_pillar(model, side), _pedicle(model, side), _lamina(model, side), *_transverse(model, side)]
        for joint, inferior in ((model.above.get(side), False), (model.below.get(side), True)):
            if joint is not None:
                process = Region.INFERIOR_ARTICULAR_PROCESS if inferior else Region.SUPERIOR_ARTICULAR_PROCESS
                half += facet_lumps(joint, inferior=inferior, region=process, size=0.6 * model.size)
        parts += [replace(part, side=side) for part in half]
    return parts + _spinous(model)


def vertebra_field(grid: Grid, model: NeckVertebra) -> Field | None:
    """The vertebra on the lattice, its surface uneven; None where it lies outside."""
    field = carve(grid, vertebra_parts(model))
    if field is None:
        return None
    step, height = BUMPS
    rough = np.float32(height) * bumps(grid, field.window, model.seed, 60 + model.label, step)
    smoother = np.array([0.5 if part.region == Region.BODY else 1.0 for part in field.parts], np.float32)
    return replace(field, distance=field.distance + rough * smoother[field.part])


def _pillar(model: NeckVertebra, side: Side) -> Part:
    """A column with a waist, cut above and below by the planes of its joints."""
    shape, size, middle = model.shape, model.size, model.pillar(side)
    frame = _moved(model.frame, middle)
    half = (shape.pillar_width / 2, shape.pillar_depth / 2, (shape.height + shape.disc) / 2 + 7.0 * size)
    joints = [(model.above.get(side), 1.0), (model.below.get(side), -1.0)]
    planes = [_plane(frame, joint, sign) for joint, sign in joints if joint is not None]
    bulk = 1.0 * (model.worn_above + model.worn_below) * size

    def distance(x: Array, y: Array, z: Array) -> Array:
        waist = _WAIST_MM * size * np.exp(-((z / (4.5 * size)) ** 2))
        rim = bulk * np.clip(np.abs(z) / half[2], 0, 1)
        whole = box(x, y, z, (half[0] - waist + rim, half[1] - 0.4 * waist, half[2]), 2.6)
        for normal, offset in planes:
            cut = normal[0] * x + normal[1] * y + normal[2] * z - offset
            whole = smooth_max(whole, cut.astype(np.float32), 0.8)
        return whole

    reach = (half[0] + bulk + 1, half[1] + 1, half[2] + 1)
    # What lies above the middle bears the superior facet; told apart by region only coarsely.
    return Part(Region.SUPERIOR_ARTICULAR_PROCESS, frame, reach, distance, 2.0)


def _plane(frame: AnatomicalFrame, joint: FacetPose, sign: float) -> tuple[np.ndarray, float]:
    """Normal out of the pillar and its offset, in the pillar's frame; half the joint's gap is left."""
    normal = sign * (np.asarray(joint.frame.posterior) @ frame.rotation)
    return normal, float(normal @ frame.to_local(joint.frame.origin)) - joint.gap / 2


def _pedicle(model: NeckVertebra, side: Side) -> Part:
    shape, size, s = model.shape, model.size, side.sign
    isthmus, pillar = model.isthmus(side), model.pillar(side)
    start = np.array([s * 0.33 * shape.width_upper, model.wall - 4.0 * size, isthmus[2]])
    end = np.array([pillar[0] - s * 1.0, pillar[1] - 1.0 * size, isthmus[2] - 0.5])
    half = (shape.pedicle_width / 2, shape.pedicle_height / 2)
    return _rod(model, Region.PEDICLE, (start, end), half, half)


def _lamina(model: NeckVertebra, side: Side) -> Part:
    """A plate from the pillar to the midline; its lower edge stands back."""
    shape, size, s = model.shape, model.size, side.sign
    top = model.lamina_top
    thick, high = shape.lamina_thickness, shape.lamina_height
    outer = model.pillar(side)[0] - s * 0.25 * shape.pillar_width
    lean = model.lamina_lean / high
    # From the midline outward the plate runs forward with the canal's wall.
    forward = 0.42 * shape.canal_depth
    frame = _moved(model.frame, (0.0, top[1], top[2] - high / 2))

    def distance(x: Array, y: Array, z: Array) -> Array:
        across = np.clip(s * x / (s * outer), 0, 1.1)
        front = lean * (high / 2 - z) - forward * across**1.5
        plate = np.abs(y - front - thick / 2) * np.float32(0.86) - thick / 2
        edge = np.abs(z - 0.8 * size * across) - high / 2 * (1 - 0.18 * across)
        ends = np.maximum(-s * x - 1.0, s * x - abs(outer))
        flat = smooth_max(plate.astype(np.float32), edge.astype(np.float32), 1.8)
        return smooth_max(flat, ends.astype(np.float32), 1.0)

    reach = (abs(outer) + 2, forward + lean * high + thick + 2, high / 2 + 2)
    return Part(Region.LAMINA, frame, reach, distance, 2.0)


def _transverse(model: NeckVertebra, side: Side) -> list[Part]:
    """Two bars and the lamella between their tubercles, or the one process of C7 and the chest."""
    size, s, tip = model.size, side.sign, model.process_tip(side)
    pillar, region = model.pillar(side), Region.TRANSVERSE_PROCESS
    if not model.has_foramen:
        thick = (4.0 * size, 4.0 * size) if model.level == "C7" else (4.6 * size, 5.4 * size)
        root = np.array([pillar[0], pillar[1] - (1.5 if model.level == "C7" else -1.0), tip[2] - 0.5])
        ends = ((thick[0] * 0.8, thick[1]), (thick[0] * 0.8, thick[1] * 0.75))
        process = [_rod(model, region, (root, tip), *ends)]
        return [*process, *_costal_bar(model, side)] if model.level == "C7" else process
    middle, carotid = model.foramen(side), model.level == "C6"
    body = np.array([s * (abs(middle[0]) - 6.0 * size), middle[1] - 3.6 * size, -1.0])
    out = 5.6 if carotid else 4.8
    front = middle + size * np.array([s * out, -4.8 if carotid else -4.2, -2.6])
    back = np.array([pillar[0] + s * 1.5, pillar[1] - 0.45 * model.shape.pillar_depth, -1.0])
    thin, knob = 1.7 * size, (3.1 if carotid else 2.3) * size
    return [
        _rod(model, region, (body, front), (thin, 1.2 * thin), (thin, 1.3 * thin)),
        _rod(model, region, (back, tip), (1.1 * thin, 1.3 * thin), (1.1 * thin, 1.4 * thin)),
        _rod(model, region, (front, tip), (thin, 1.2 * thin), (thin, 1.2 * thin)),
        _ball(model, region, front, (knob, knob, 1.2 * knob)),
    ]


def _costal_bar(model: NeckVertebra, side: Side) -> list[Part]:
    """C7's thin front bar, before a foramen that the artery seldom takes, and back to the process."""
    size, s, middle = model.size, side.sign, model.foramen(side)
    body = np.array([s * (abs(middle[0]) - 6.0 * size), middle[1] - 2.8 * size, -1.0])
    out = middle + size * np.array([s * 4.0, -2.4, -1.5])
    back = 0.45 * model.pillar(side) + 0.55 * model.process_tip(side)
    half = (1.3 * size, 1.9 * size)
    return [_rod(model, Region.TRANSVERSE_PROCESS, ends, half, half) for ends in ((body, out), (out, back))]


def _spinous(model: NeckVertebra) -> list[Part]:
    """The process, its end a knob or two."""
    shape, size, region = model.shape, model.size, Region.SPINOUS_PROCESS
    root, tip = model.spinous_root, model.spinous_tip
    long = model.level in ("C6", "C7", "T1", "T2", "T3")
    high = (0.36 if long else 0.30) * shape.lamina_height
    parts = [_rod(model, region, (root, tip), (2.6 * size, high), (2.0 * size, 0.75 * high))]
    if model.bifid:
        for side in Side:
            end = tip + size * np.array([side.sign * 4.5, 2.5, -1.5])
            knob = _rod(model, region, (tip - [0, 3 * size, 0], end), (1.8 * size, 2.4 * size),
                        (1.9 * size, 2.4 * size))  # fmt: skip
            parts.append(replace(knob, side=side))
    else:
        parts.append(_ball(model, region, tip, (3.2 * size, 2.4 * size, high)))
    return parts


def _moved(frame: AnatomicalFrame, local: ArrayLike) -> AnatomicalFrame:
    return AnatomicalFrame(vector(frame.to_patient(local)), frame.left, frame.posterior, frame.superior)


def _rod(
    model: NeckVertebra, region: Region, ends: tuple[np.ndarray, np.ndarray], start: Pair, end: Pair
) -> Part:
    """A flat rod between two local points, half-sizes across it (level, upward) at either."""
    frame, length = frame_between(model.frame, *ends)
    wide, high = max(start[0], end[0]), max(start[1], end[1])

    def distance(x: Array, y: Array, z: Array) -> Array:
        return capsule(x, y, z, length, start, end)

    return Part(region, frame, (length + max(wide, high), wide + 0.5, high + 0.5), distance, 1.6)


def _ball(model: NeckVertebra, region: Region, middle: np.ndarray, half: tuple[float, float, float]) -> Part:
    def distance(x: Array, y: Array, z: Array) -> Array:
        return elliptic(x, y, z, half)

    return Part(region, _moved(model.frame, middle), half, distance, 1.5)
