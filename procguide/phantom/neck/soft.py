"""What lies about a neck's spine: skin, lungs, gullet, airway, thyroid, great vessels, muscles.

Places after anatomy atlases and CT in general, assumed but where the parameters say otherwise. Not here:
jaw, hyoid, cartilages of the larynx (the airway stands for it), clavicles, shoulder blades and arms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from procguide.anatomy import Region, Side
from procguide.geometry import AnatomicalFrame
from procguide.phantom.neck.model import NeckVertebra
from procguide.phantom.neck.parameters import NECK_LEVELS, NeckParameters
from procguide.phantom.neck.pose import NeckPose
from procguide.phantom.solids import Part, elliptic
from procguide.phantom.tubes import Tube, smooth_curve

__all__ = [
    "Outline",
    "SoftTube",
    "longus_colli",
    "outline_of",
    "soft_parts",
    "soft_tubes",
    "vertebral_arteries",
]

Points = NDArray[np.float64]
FRONT_BONE_MM = 2.0
"""How far before a body's middle the bone under the longus colli lies."""
_LONGUS = {
    "C2": 0.6,
    "C3": 0.75,
    "C4": 0.85,
    "C5": 0.95,
    "C6": 1.0,
    "C7": 1.0,
    "T1": 0.85,
    "T2": 0.6,
    "T3": 0.4,
}
_BEHIND = {
    "C2": 0.82,
    "C3": 0.77,
    "C4": 0.80,
    "C5": 0.92,
    "C6": 1.10,
    "C7": 1.20,
    "T1": 1.05,
    "T2": 1.03,
    "T3": 1.0,
}
"""Of the depth at C7-T1, level with the laminae; skin and canal lean, so square to them it is less."""
_BEFORE = {"C2": 64, "C3": 60, "C4": 50, "C5": 46, "C6": 46, "C7": 47, "T1": 50, "T2": 58, "T3": 72}
_WIDE = {"C2": (1.05, 0), "C3": (1.02, 0), "C4": (1.0, 0), "C5": (1.0, 0), "C6": (1.04, 0), "C7": (1.3, 0),
         "T1": (0, 0.62), "T2": (0, 0.88), "T3": (0, 1.0)}  # fmt: skip


@dataclass(frozen=True)
class SoftTube:
    """Something long and round, painted over what was there before it."""

    region: Region
    side: Side | None
    tube: Tube


@dataclass(frozen=True)
class Outline:
    """The skin by height: where the middle lies, and how far it is to the side, the front and the back, mm.

    ``behind_muscle`` is the y behind which all is muscle.
    """

    z: Points
    centre: Points
    half_width: Points
    front: Points
    back: Points
    behind_muscle: Points
    power: Points


def outline_of(parameters: NeckParameters, pose: NeckPose, bones: Mapping[str, NeckVertebra]) -> Outline:
    """The skin: published depth behind C7-T1, the rest in proportion; spinous processes stay covered."""
    rows = []
    girth, shoulder = parameters.girth / 57.0, parameters.shoulder
    for level in NECK_LEVELS:
        bone, frame = bones[level], pose.frames[level]
        roof = frame.to_patient(bone.lamina_top + np.array([0, bone.lamina_lean, 0]))
        tip = frame.to_patient(bone.spinous_tip)
        back = max(roof[1] + _BEHIND[level] * parameters.skin_depth, tip[1] + 5.0 + 0.8 * parameters.fat)
        wide = _WIDE[level][0] * parameters.girth + _WIDE[level][1] * shoulder
        nose = np.asarray(frame.origin)[1] - bone.shape.depth_upper / 2 - _BEFORE[level] * girth
        behind = frame.to_patient(bone.pillar(Side.LEFT))[1] - 3.0
        high = 2.15 + 0.35 * (level in ("T2", "T3"))
        rows.append((frame.origin[2], frame.origin[0], frame.origin[1] + 6.0, wide, nose, back, behind, high))
    rows.reverse()
    table = np.array(rows)
    z = np.arange(table[0, 0] - 60, table[-1, 0] + 60, 1.0)
    _, x, y, wide, nose, back, behind, power = (
        gaussian_filter1d(np.interp(z, table[:, 0], column), 8.0, mode="nearest") for column in table.T
    )
    return Outline(z, np.column_stack([x, y]), wide, nose, back, behind, power)


def longus_colli(bones: Mapping[str, NeckVertebra], longus: float, side: Side) -> Tube:
    """The muscle before the bone where body and transverse process meet."""
    points, half, behind = [], [], []
    for level in NECK_LEVELS:
        bone, thick = bones[level], _LONGUS[level] * longus
        x = side.sign * (bone.shape.width_lower / 2 + 0.5)
        points.append(bone.frame.to_patient((x, -FRONT_BONE_MM * bone.size - thick / 2, 0.0)))
        half.append((0.68 * thick, thick / 2))
        behind.append(np.asarray(bone.frame.posterior))
    return Tube(*_smooth(points, half, behind))


def vertebral_arteries(parameters: NeckParameters, bones: Mapping[str, NeckVertebra]) -> dict[Side, Tube]:
    """Through the transverse foramina to the one of entry, then before the processes to the subclavian."""
    found = {}
    for side in Side:
        entry = NECK_LEVELS.index(parameters.artery_entry[side])
        radius, s = parameters.artery_radius[side], side.sign
        points = [bones["C2"].frame.to_patient(bones["C2"].foramen(side) + np.array([s * 2.0, 0, 12]))]
        for n, level in enumerate(NECK_LEVELS[:6]):
            bone = bones[level]
            place = bone.foramen(side)
            if n > entry:
                ahead = 7.0 if n == entry + 1 else 10.0
                place = place + bone.size * np.array([s * 1.0, -ahead, 0.0])
            points.append(bone.frame.to_patient(place))
        t1 = bones["T1"].frame
        points.append(t1.to_patient((s * 23.0, -18.0, 2.0)))
        points.append(t1.to_patient((s * 27.0, -26.0, -12.0)))
        curve, *_ = smooth_curve(np.array(points))
        found[side] = _round(curve, radius)
    return found


def soft_tubes(parameters: NeckParameters, bones: Mapping[str, NeckVertebra]) -> list[SoftTube]:
    """Muscles first, then airway, gullet and vessels."""
    tubes = [SoftTube(Region.MUSCLE, side, longus_colli(bones, parameters.longus, side)) for side in Side]
    for side in Side:
        tubes += [SoftTube(Region.MUSCLE, side, tube) for tube in _side_muscles(bones, side)]
    tubes += _midline(parameters, bones)
    for side in Side:
        tubes += _sheath(parameters, bones, side)
    return tubes


def _side_muscles(bones: Mapping[str, NeckVertebra], side: Side) -> list[Tube]:
    """Anterior and middle scalene, sternocleidomastoid."""
    s = side.sign
    front = [
        bones[n].frame.to_patient(bones[n].foramen(side) + np.array([s * 6.0, -7, -3]))
        for n in ("C3", "C4", "C5", "C6")
    ]
    front += [bones[n].frame.to_patient(p) for n, p in (("C7", (s * 32, -12, 0)), ("T1", (s * 40, -16, -4)))]
    middle = [
        bones[n].frame.to_patient(bones[n].process_tip(side) + np.array([s * 4.0, 2, -2]))
        for n in ("C3", "C4", "C5", "C6")
    ]
    middle += [bones[n].frame.to_patient(p) for n, p in (("C7", (s * 39, 6, 0)), ("T1", (s * 46, 2, -4)))]
    mastoid = [bones[n].frame.to_patient(p) for n, p in (
        ("C2", (s * 50, 6, 10)), ("C4", (s * 46, -14, 0)),
        ("C6", (s * 38, -30, 0)), ("T1", (s * 20, -44, 0)))]  # fmt: skip
    tubes = []
    for points, half in ((front, (4.5, 4.5)), (middle, (5.5, 6.5))):
        tubes.append(Tube(*_smooth(points, [half] * len(points), [(0.0, 1.0, 0.0)] * len(points))))
    outward = [(s * 0.8, -0.6, 0.0)] * len(mastoid)
    tubes.append(Tube(*_smooth(mastoid, [(14.0, 4.5)] * len(mastoid), outward)))
    return tubes


def _midline(parameters: NeckParameters, bones: Mapping[str, NeckVertebra]) -> list[SoftTube]:
    """Gullet and airway."""
    size = parameters.size
    gullet, airway = [], []
    for n, level in enumerate(NECK_LEVELS):
        bone = bones[level]
        ahead = -bone.shape.depth_upper / 2 - 0.42 * parameters.longus * _LONGUS[level] - 3.0
        aside = float(np.interp(n, [3, 5, 7], [0.0, 3.0, 4.0]))
        gullet.append(bone.frame.to_patient((aside, ahead - 1.5, 0)))
        airway.append(bone.frame.to_patient((0.2 * aside, ahead - 6.0 - 9.0 * size, 0)))
    back = [(0.0, 1.0, 0.0)] * len(gullet)
    wide = [(8.5 * size, 8.5 * size)] * len(gullet)
    return [
        SoftTube(
            Region.OESOPHAGUS, None, Tube(*_smooth(gullet, [(8.0 * size, 3.8 * size)] * len(gullet), back))
        ),
        SoftTube(Region.TRACHEA, None, Tube(*_smooth(airway, wide, back))),
    ]


def _sheath(parameters: NeckParameters, bones: Mapping[str, NeckVertebra], side: Side) -> list[SoftTube]:
    """Carotid artery and jugular vein, by where they lie at C6."""
    s, (aside, ahead) = side.sign, parameters.carotid[side]
    artery, vein = [], []
    inward = {"C2": 1, "C3": 0, "C4": 0, "C5": 0, "C6": 0, "C7": 2, "T1": 5, "T2": 9, "T3": 13}
    for level in NECK_LEVELS:
        bone = bones[level]
        place = np.array([s * (aside - inward[level]), -bone.shape.depth_upper / 2 - ahead, 0.0])
        artery.append(bone.frame.to_patient(place))
        apart = parameters.carotid_radius + 1.15 * parameters.jugular_radius[side] + 0.8
        vein.append(bone.frame.to_patient(place + np.array([s * apart, 1.0, 0.0])))
    back = [(0.0, 1.0, 0.0)] * len(artery)
    r, q = parameters.carotid_radius, parameters.jugular_radius[side]
    return [
        SoftTube(Region.CAROTID_ARTERY, side, Tube(*_smooth(artery, [(r, r)] * len(artery), back))),
        SoftTube(Region.JUGULAR_VEIN, side, Tube(*_smooth(vein, [(1.15 * q, 0.85 * q)] * len(vein), back))),
    ]


def soft_parts(parameters: NeckParameters, bones: Mapping[str, NeckVertebra]) -> list[Part]:
    """Lungs and thyroid: ellipsoids standing upright."""
    parts, size = [], parameters.size
    chest, top = np.asarray(bones["T3"].frame.origin), np.asarray(bones["T1"].frame.origin)
    c7 = bones["C7"]
    ahead = -c7.shape.depth_upper / 2 - 0.42 * parameters.longus - 3.0 - 6.0 - 7.0 * size
    for side in Side:
        s, low = side.sign, chest[2] - 22.0
        high = top[2] + 3.0 - low
        lung = (chest[0] + s * 52.0 * size, chest[1] - 26.0 * size, low)
        parts.append(_upright(Region.LUNG, side, lung, (40.0 * size, 50.0 * size, high)))
        lobe = c7.frame.to_patient((s * 15.5 * size, ahead, 6.0 * size))
        half = np.array([7.0, 9.5, 22.0]) * parameters.thyroid * size
        parts.append(_upright(Region.THYROID, side, tuple(lobe), (half[0], half[1], half[2])))
    return parts


def _upright(region: Region, side: Side, middle: tuple[float, ...], half: tuple[float, float, float]) -> Part:
    frame = AnatomicalFrame(
        (float(middle[0]), float(middle[1]), float(middle[2])),
        (1.0, 0.0, 0.0),
        (0.0, 1.0, 0.0),
        (0.0, 0.0, 1.0),
    )
    return Part(region, frame, half, lambda x, y, z: elliptic(x, y, z, half), 0.0, side)


def _smooth(
    points: list[Points],
    half: list[tuple[float, float]],
    back: list[tuple[float, float, float]] | list[Points],
) -> tuple[Points, Points, Points]:
    curve, sizes, posterior = smooth_curve(np.array(points), np.array(half), np.array(back))
    return curve, sizes, posterior


def _round(curve: Points, radius: float) -> Tube:
    back = np.tile((0.0, 1.0, 0.0), (len(curve), 1))
    return Tube(curve, np.full((len(curve), 2), radius), back)
