"""The spinal canal as one tube from the top through the sacrum."""

from __future__ import annotations

import numpy as np

from procguide.phantom.bones.pose import Pose
from procguide.phantom.bones.sacrum import SacrumModel, canal_nodes
from procguide.phantom.tubes import Tube, smooth_curve

__all__ = ["canal_tube"]

TAPER = 0.22


def canal_tube(pose: Pose, sacrum: SacrumModel) -> Tube:
    """The canal's wall: at each vertebra's pedicles, at its lower border, and through the sacrum."""
    points, half, posterior = [], [], []
    for n, level in enumerate(pose.frames):
        frame, shape = pose.frames[level], pose.shapes[level]
        wall = (shape.depth_upper + shape.depth_lower) / 4
        size = np.array([shape.canal_width / 2 * 0.96, shape.canal_depth / 2 * 0.97])
        heights = (0.5, 0.15, -0.4) if n == 0 else (0.15, -0.4)
        for height in heights:
            waist = 0.0 if height > 0 else 0.06
            points.append(
                frame.to_patient((0, wall - 0.8 + shape.canal_depth / 2, height * shape.body_height))
            )
            half.append(size * (1 - waist))
            posterior.append(np.asarray(frame.posterior))
    below, sacral_half, sacral_posterior = canal_nodes(sacrum)
    curve, sizes, behind = smooth_curve(
        np.vstack([*points, below]),
        np.vstack([*half, sacral_half]),
        np.vstack([*posterior, sacral_posterior]),
    )
    return Tube(curve, sizes, behind, taper=TAPER, power=2.2)
