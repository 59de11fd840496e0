"""Ribs 8 to 12, one on T13, and those that pass from above: from the body round the wall of the chest.

Heads of ribs 8 to 10 lie against the disc above their vertebra and the rims on either side of it, those of
11 and below against the body itself; ribs 8 to 10 touch the transverse process with a tubercle. Bony
lengths of 8 to 10, slopes and sections are assumed from atlases; 11 and 12 come from the parameters. Costal
cartilage is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import LEVELS, Side
from procguide.phantom.assemble import Anatomy
from procguide.phantom.bones.model import VertebraModel, arch_points
from procguide.phantom.soft.outline import ANGLES, Torso
from procguide.phantom.tubes import Tube, smooth_curve

__all__ = ["ribs_of"]

STEP_MM = 1.2
WALL_DEPTH_MM = 5.5
"""From the wall's outer face to a rib's middle."""


@dataclass(frozen=True)
class RibForm:
    """One rib's sizes, mm.

    ``length`` of bone along its curve, ``fall`` down for a mm round the wall, ``angle`` from the midline to
    the bend behind, half-sizes of the shaft; ``tubercle``: it touches the transverse process;
    ``reach_deg`` from straight behind, where cartilage takes over at the latest.
    """

    length: float
    fall: float
    angle: float
    thick: float
    high: float
    tubercle: bool
    reach_deg: float = 180.0


FORMS = {
    "T8": RibForm(300.0, 0.42, 74.0, 3.4, 6.6, True, 138.0),
    "T9": RibForm(280.0, 0.45, 74.0, 3.4, 6.5, True, 132.0),
    "T10": RibForm(250.0, 0.48, 72.0, 3.3, 6.3, True, 122.0),
    "T11": RibForm(190.0, 0.55, 66.0, 3.1, 5.8, False),
    "T12": RibForm(120.0, 0.72, 56.0, 2.8, 5.0, False),
    "T13": RibForm(50.0, 0.55, 52.0, 2.4, 4.0, False),
}


def ribs_of(anatomy: Anatomy) -> list[tuple[str, Side, Tube]]:
    """Every rib by level and side; those of levels above the field come last."""
    parameters = anatomy.parameters
    lengths = {"T11": parameters.rib_lengths[0], "T12": parameters.rib_lengths[1]}
    if "T13" in parameters.levels:
        lengths["T13"] = 0.45 * parameters.rib_lengths[1]
    ribs = []
    for level in parameters.levels:
        if level not in FORMS:
            continue
        for side in Side:
            length = lengths.get(level, FORMS[level].length) * parameters.size
            root = _root(anatomy.vertebrae[level], side)
            ribs.append((level, side, _rib(anatomy, root, FORMS[level], side, length)))
    return ribs + _passing(anatomy)


def _passing(anatomy: Anatomy) -> list[tuple[str, Side, Tube]]:
    """Ribs of vertebrae above the field that slope down into it beside and in front."""
    highest = anatomy.parameters.levels[0]
    place = LEVELS.index(highest)
    size, form = anatomy.parameters.size, FORMS["T8"]
    ribs = []
    for above in range(1, 4):
        for side in Side:
            root = _root(anatomy.vertebrae[highest], side) + np.array([0.0, 0.0, 26.0 * size * above])
            rib = _rib(anatomy, root, form, side, form.length * size)
            ribs.append((LEVELS[place - above], side, rib))
    return ribs


def _root(model: VertebraModel, side: Side) -> NDArray[np.float64]:
    """Head, neck and tubercle, ``(3, 3)`` LPS mm."""
    shape, size, s = model.shape, model.size, side.sign
    form = FORMS[model.level]
    half, depth = shape.width_upper / 2, shape.depth_upper / 2
    behind = depth - (5.0 if form.tubercle else 2.5) * size
    flank = half * (1 - (behind / depth) ** 2.6) ** (1 / 2.6)
    up = shape.body_height * (0.5 if form.tubercle else 0.22)
    head = np.array([s * (flank + 4.4 * size), behind, up])
    tip = arch_points(model, side).process_tip
    root = arch_points(model, side).process_root
    along = (tip - root) / np.linalg.norm(tip - root)
    ahead = np.array([s * abs(along[1]), -abs(along[0]), 0.0])
    if form.tubercle:
        tubercle = tip - 2.0 * size * along + 10.4 * size * ahead
    else:
        tubercle = tip + 5.0 * size * np.array([s, 0, 0]) + 6.5 * size * ahead
        tubercle[2] -= 2.0 * size
    neck = 0.5 * (head + tubercle) + size * np.array([-s * 0.8, 0.8, 1.5])
    return np.asarray(model.frame.to_patient(np.stack([head, neck, tubercle])))


def _on_wall(torso: Torso, z: float, turn: float, side: Side, size: float) -> NDArray[np.float64]:
    """A point of the wall; ``turn`` is the angle from straight behind, radians."""
    radii = torso.radii("ring", z)
    angle = np.pi / 2 - side.sign * turn
    radius = float(np.interp(angle, ANGLES, radii, period=2 * np.pi)) - WALL_DEPTH_MM * size
    x = torso.at("centre_x", z) + radius * np.cos(angle)
    return np.array([x, torso.at("centre_y", z) + radius * np.sin(angle), z])


def _rib(anatomy: Anatomy, root: NDArray[np.float64], form: RibForm, side: Side, length: float) -> Tube:
    torso, size = anatomy.torso, anatomy.parameters.size
    tubercle = root[-1]
    across = abs(tubercle[0] - torso.at("centre_x", tubercle[2]))
    # Where the wall takes over: the angle of the rib.
    turns = np.radians(np.arange(8.0, form.reach_deg, 6.0))
    z = tubercle[2] - 0.35 * (form.angle * size - across)
    points = [*root]
    last = tubercle
    for turn in turns:
        place = _on_wall(torso, z, turn, side, size)
        if abs(place[0] - torso.at("centre_x", z)) < form.angle * size and turn < 1.2:
            continue
        ahead = float(np.hypot(*(place - last)[:2]))
        share = np.clip(turn / 2.2, 0, 1)
        z = last[2] - form.fall * (1.05 - 0.35 * share) * ahead
        last = _on_wall(torso, z, turn, side, size)
        points.append(last)
    curve = smooth_curve(np.array(points), step=STEP_MM)[0]
    return _tube(curve[: max(12, int(length / STEP_MM))], form, size, side)


def _tube(curve: NDArray[np.float64], form: RibForm, size: float, side: Side) -> Tube:
    """Section along the rib: a knob at the head, a slim neck, the tubercle's swelling, a flat shaft."""
    at = np.arange(len(curve)) * STEP_MM / size
    end = at[-1]
    thick = np.interp(at, [0, 3, 8, 16, 24, 32, 60], [4.4, 4.6, 3.6, 3.2, 4.2, 3.6, 1.0 * form.thick])
    high = np.interp(at, [0, 3, 8, 16, 24, 34, 60], [4.4, 5.0, 4.6, 4.4, 5.2, 5.0, form.high])
    # Floating ribs end in a point, the others flare where cartilage begins.
    left = end - at
    if form.tubercle:
        high = high * np.interp(left, [0, 10, 40], [1.12, 1.1, 1.0])
        thick = thick * np.interp(left, [0, 8, 30], [1.0, 1.2, 1.0])
    else:
        high = high * np.interp(left, [0, 4, 25], [0.4, 0.65, 1.0])
        thick = thick * np.interp(left, [0, 4, 25], [0.5, 0.75, 1.0])
    half = np.column_stack([thick, high]) * size
    # The shaft's face looks outward and a little upward behind, a little downward at the side.
    outward = np.column_stack([np.full(len(at), side.sign * 1.0), np.zeros(len(at))])
    lean = np.interp(at, [0, 40, 150, 300], [0.25, 0.25, -0.1, -0.2])
    upward = np.column_stack([outward * lean[:, None], np.ones(len(at))])
    return Tube(curve, half, upward, power=2.4)
