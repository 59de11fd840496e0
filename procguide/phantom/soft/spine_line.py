"""Where the spine's surfaces stand at each height: what muscles and vessels are laid against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.phantom.bones.pose import Pose
from procguide.phantom.tubes import Tube

__all__ = ["SpineLine", "spine_line"]

STEP_MM = 2.0


@dataclass(frozen=True)
class SpineLine:
    """Curves over height ``z`` (LPS mm, ascending, every 2 mm).

    ``x`` is the midline; ``wall`` and ``front`` are y of the body's posterior and anterior surface;
    ``half_width`` that of the body; ``turn`` the axial rotation in radians. ``process_reach`` is the
    distance from the midline to the transverse processes' tips, ``process_behind`` their distance behind
    ``wall``, ``spinous_behind`` that of the spinous tips, mm. ``place`` counts levels: 0 at the S1
    endplate, 1 at the middle of the lowest vertebra, 2 at the next; sacral segments are negative.
    """

    z: NDArray[np.float64]
    x: NDArray[np.float64]
    wall: NDArray[np.float64]
    front: NDArray[np.float64]
    half_width: NDArray[np.float64]
    turn: NDArray[np.float64]
    process_reach: NDArray[np.float64]
    process_behind: NDArray[np.float64]
    spinous_behind: NDArray[np.float64]
    place: NDArray[np.float64]

    def at(self, name: str, z: float) -> float:
        """One of the curves at height ``z``, kept constant beyond its ends."""
        return float(np.interp(z, self.z, getattr(self, name)))

    def height(self, place: float) -> float:
        """The height z at which ``place`` is reached."""
        return float(np.interp(place, self.place, self.z))


def spine_line(pose: Pose, canal: Tube, size: float) -> SpineLine:
    """The curves of one posed spine, from below the coccyx to above its highest vertebra."""
    levels = list(pose.frames)[::-1]
    z = np.arange(
        float(canal.points[-1, 2]) - 110.0, float(pose.frames[levels[-1]].origin[2]) + 110.0, STEP_MM
    )
    sacral = canal.points[::-1][:: max(1, len(canal.points) // 200)]
    sacral = sacral[sacral[:, 2] < -4.0]
    bottom = sacral[:1] + np.array([[0.0, -14.0, -45.0]])
    sacral = np.vstack([bottom, sacral])
    # The sacrum thins from its promontory to its tip (assumed): half a body and half a canal, mm.
    thick = np.interp(sacral[:, 2], [sacral[1, 2], 0.0], [9.0, 27.0]) * size
    half = np.interp(sacral[:, 2], [sacral[1, 2], 0.0], [10.0, 24.0]) * size

    def curve(
        below: NDArray[np.float64], points: list[NDArray[np.float64]], axis: int
    ) -> NDArray[np.float64]:
        nodes = np.vstack([np.column_stack([sacral[:, 2], below]), [(p[2], p[axis]) for p in points]])
        nodes = nodes[np.argsort(nodes[:, 0])]
        return _smooth(np.interp(z, nodes[:, 0], nodes[:, 1]))

    def local(name: str) -> list[NDArray[np.float64]]:
        return [
            np.asarray(pose.frames[level].to_patient(point))
            for level in levels
            for point in _points(vars(pose.shapes[level]), name)
        ]

    centres = np.array([pose.frames[level].origin for level in levels])
    place = np.interp(
        z, [sacral[1, 2], 0.0, *centres[:, 2]], [-4.0, 0.0, *(1.0 + np.arange(len(levels)))]
    )  # fmt: skip
    x = curve(sacral[:, 0], local("middle"), 0)
    wall = curve(sacral[:, 1] - 0.35 * thick, local("wall"), 1)
    turns = [np.arctan2(pose.frames[level].left[1], pose.frames[level].left[0]) for level in levels]
    reaches = [pose.shapes[level].process_span / 2 for level in levels]
    widths = [pose.shapes[level].width_lower / 2 for level in levels]
    return SpineLine(
        z,
        x,
        wall,
        curve(sacral[:, 1] - 1.6 * thick, local("front"), 1),
        _smooth(np.interp(z, [*sacral[:, 2], *centres[:, 2]], [*half, *widths])),
        _smooth(np.interp(z, [0.0, *centres[:, 2]], [0.0, *turns])),
        _smooth(np.interp(z, [-60.0, 0.0, *centres[:, 2]], [22.0 * size, 40.0 * size, *reaches])),
        np.clip(curve(sacral[:, 1] + 6.0, local("process"), 1) - wall, 2.0, None),
        np.clip(curve(sacral[:, 1] + 14.0 * size, local("spinous"), 1) - wall, 10.0, None),
        place,
    )


def _points(shape: dict[str, float], name: str) -> list[tuple[float, float, float]]:
    back, front = shape["depth_lower"] / 2, -shape["depth_upper"] / 2
    half = 0.45 * shape["body_height"]
    slope = np.radians(shape["spinous_slope_deg"])
    ends = {
        "middle": [(0.0, 0.0, -half), (0.0, 0.0, half)],
        "wall": [(0.0, back, -half), (0.0, back, half)],
        "front": [(0.0, front, -half), (0.0, front, half)],
        "process": [
            (0.0, back + 10.0 + 0.3 * shape["process_span"] * np.sin(np.radians(shape["process_back_deg"])),
             0.2 * shape["body_height"])
        ],
        "spinous": [
            (0.0, back + shape["canal_depth"] + shape["spinous_length"] * np.cos(slope),
             -0.2 * shape["body_height"] - shape["spinous_length"] * np.sin(slope))
        ],
    }  # fmt: skip
    return ends[name]


def _smooth(values: NDArray[np.float64], reach: int = 4) -> NDArray[np.float64]:
    kernel = np.hanning(2 * reach + 3)[1:-1]
    padded = np.pad(values, reach, mode="edge")
    return np.asarray(np.convolve(padded, kernel / kernel.sum(), mode="valid"))
