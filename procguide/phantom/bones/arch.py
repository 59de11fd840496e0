"""Pedicles, laminae and the stems of the articular processes.

Laminae lean so that in the chest each overlaps the next one's upper edge like shingles; in the loins
their lower edges leave the interlaminar windows open. Slopes and thickness are assumed from atlases.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region, Side
from procguide.geometry import AnatomicalFrame, vector
from procguide.phantom.bones.facets import PROCESS_THICKNESS_MM, FacetPose, articular_process, facet_lumps
from procguide.phantom.bones.model import LAMINA_THICKNESS, ArchPoints, VertebraModel
from procguide.phantom.bones.processes import mammillary
from procguide.phantom.solids import Array, Part, box, capsule, frame_between, radial, smooth_max

TWIST_MM = 3.0
"""How far the lamina's lower lateral corner lies behind its plane; assumed."""

__all__ = ["inferior_process", "lamina", "pedicle", "superior_process"]


def pedicle(model: VertebraModel, side: Side, points: ArchPoints) -> Part:
    """An elliptic neck, narrowest at the isthmus, flaring into the body and the articular pillar."""
    shape, s, size = model.shape, side.sign, model.size
    angle = np.radians(shape.pedicle_angle_deg)
    base = model.frame.rotation
    axis = base @ np.array([s * np.sin(angle), np.cos(angle), -0.03])
    frame = AnatomicalFrame.from_axes(
        model.frame.to_patient(points.isthmus), base[:, 2], np.cross(axis, base[:, 2])
    )
    half_x, half_z = points.pedicle_width / 2, shape.pedicle_height / 2

    def distance(x: Array, y: Array, z: Array) -> Array:
        flare = 1 + 0.25 * np.clip(np.abs(y) / 9, 0, 1.2) ** 2
        across = radial(x, z, half_x * flare, half_z * (0.9 + 0.1 * flare), 2.2)
        return smooth_max(across, np.abs(y + 1.0) - 10.0 * size, 2.0)

    return Part(Region.PEDICLE, frame, (half_x * 1.5, 13.0 * size, half_z * 1.2), distance, 3.0)


def lamina(model: VertebraModel, points: ArchPoints) -> Part:
    """A plate from the pars to the midline: thin above, thick below, its lower edge a notch."""
    size, lumbar = model.size, model.lumbar_share
    half_height = model.shape.lamina_height / 2 * (1.36 - 0.32 * lumbar**2)
    half_thick = LAMINA_THICKNESS / 2 * size * (1 + 0.2 * model.wear.central_stenosis)
    tilt = np.radians(26 + 7 * lumbar)
    frame, length = frame_between(
        model.frame, points.lamina_lateral, points.lamina_medial, (0, -np.sin(tilt), np.cos(tilt))
    )
    middle = AnatomicalFrame(
        vector(np.asarray(frame.origin) + np.asarray(frame.left) * length / 2),
        frame.left, frame.posterior, frame.superior,
    )  # fmt: skip

    backward = float(np.sign(frame.posterior @ np.asarray(model.frame.posterior)))

    def distance(x: Array, y: Array, z: Array) -> Array:
        # The upper border falls toward the midline and the lower one rises: the windows between laminae.
        t = np.clip(x / length + 0.5, 0, 1)
        shift = -0.05 * lumbar * model.shape.lamina_height * t
        half = half_height * (1 - 0.14 * lumbar * t)
        low = np.clip((shift - z) / half_height, -1, 1)
        # Below, its lateral part turns back to the inferior process: the two laminae make a V.
        y = y - backward * TWIST_MM * size * np.maximum(low, 0) * (1 - t)
        thick = half_thick * (0.95 + 0.16 * low)
        return box(x, y, z - shift, (length / 2 + 2.5, thick, half), 2.6)

    return Part(
        Region.LAMINA,
        middle,
        (length / 2 + 4, half_thick * 1.2 + 1 + TWIST_MM * size, half_height + 3),
        distance,
        3.5,
    )


def _stem(
    model: VertebraModel, start: NDArray[np.float64], end: NDArray[np.float64], region: Region,
    radii: tuple[tuple[float, float], tuple[float, float]],
) -> Part:  # fmt: skip
    frame, length = frame_between(model.frame, start, end, (0, -1, 0))
    size = model.size
    first, last = ((a * size, b * size) for a, b in radii)

    def distance(x: Array, y: Array, z: Array) -> Array:
        return capsule(x, y, z, length, first, last)

    widest = max(*first, *last)
    return Part(region, frame, (length + widest, widest + 1, widest + 1), distance, 4.0)


def thickness(model: VertebraModel) -> float:
    """Of the articular processes across the joint, mm at size 1: thin plates in the chest."""
    return PROCESS_THICKNESS_MM * (0.62 + 0.38 * model.lumbar_share)


def superior_process(model: VertebraModel, points: ArchPoints, side: Side, joint: FacetPose) -> list[Part]:
    """Superior articular process: facet, its stem from the pedicle, mammillary process."""
    size, region = model.size, Region.SUPERIOR_ARTICULAR_PROCESS
    low = model.frame.to_local(joint.at(0.0, -joint.gap / 2 - 4.0 * size, -joint.height * 0.35))
    return [
        articular_process(joint, inferior=False, region=region, size=size, thickness=thickness(model)),
        _stem(model, points.junction, low, region, ((5.0, 5.2), (4.2, 5.2))),
        *mammillary(model, joint),
        *facet_lumps(joint, inferior=False, region=region, size=size, side=side),
    ]


def inferior_process(model: VertebraModel, points: ArchPoints, side: Side, joint: FacetPose) -> list[Part]:
    """Inferior articular process: facet, the pars from the pedicle, and the stem between."""
    size, region = model.size, Region.INFERIOR_ARTICULAR_PROCESS
    pars = points.lamina_lateral * 0.75 + points.lamina_medial * 0.25 + np.array([0, 0.5, -2.5]) * size
    flat = 0.72 + 0.28 * model.lumbar_share
    top = model.frame.to_local(joint.at(0.0, joint.gap / 2 + 4.4 * flat * size, joint.height * 0.2))
    return [
        articular_process(joint, inferior=True, region=region, size=size, thickness=thickness(model)),
        _stem(model, points.junction, pars, Region.LAMINA, ((4.6, 5.0), (4.2, 4.6))),
        _stem(model, pars, top, region, ((5.2, 4.8 * flat), (5.6, 4.6 * flat))),
        *facet_lumps(joint, inferior=True, region=region, size=size, side=side),
    ]
