"""What one neck is made from: all numbers of it, drawn or given. Lengths in mm, angles in degrees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from procguide.anatomy import Side

__all__ = ["NECK_LEVELS", "NeckParameters", "NeckShape"]

NECK_LEVELS = ("C2", "C3", "C4", "C5", "C6", "C7", "T1", "T2", "T3")
"""Cranial to caudal. C2 has no dens, and the field cuts it."""


@dataclass(frozen=True)
class NeckShape:
    """One vertebra and the disc under it.

    ``width`` and ``depth`` are the body's, above with the uncinates; ``height`` is that of its back wall.
    ``facet_slope_deg`` is the joint's under it, from horizontal; ``pillar_height`` is left to the joints.
    ``spinous_length`` counts from the laminae, ``process_span`` from tip to tip of the transverse
    processes. ``epidural`` is the greatest depth of the fat behind the sac under this vertebra.
    """

    width_upper: float
    width_lower: float
    depth_upper: float
    depth_lower: float
    height: float
    disc: float
    canal_width: float
    canal_depth: float
    pedicle_width: float
    pedicle_height: float
    pillar_width: float
    pillar_depth: float
    facet_slope_deg: float
    lamina_height: float
    lamina_thickness: float
    spinous_length: float
    spinous_slope_deg: float
    process_span: float
    epidural: float


@dataclass(frozen=True)
class NeckParameters:
    """One subject.

    ``size`` scales the bones, ``shapes`` are not yet scaled. ``wear`` from 0 to 1 is that of the disc, its
    uncinates and its joints, by the level above. ``artery_entry`` is the lowest level whose transverse
    foramen the vertebral artery enters. ``branch_up`` is how far above the pillar's middle the medial branch
    crosses, by level. ``skin_depth`` is from skin to the epidural space at C7-T1, ``fat`` the subcutaneous
    layer, ``longus`` the muscle's thickness at C6, ``carotid`` how far lateral of the midline and before
    the body's front that artery lies at C6.
    """

    seed: int
    sex: str
    age: float
    size: float
    shapes: Mapping[str, NeckShape]
    t1_slope_deg: float
    lordosis_deg: float
    tilts_deg: Mapping[str, float]
    turns_deg: Mapping[str, float]
    wear: Mapping[str, float]
    bifid: Mapping[str, bool]
    artery_entry: Mapping[Side, str]
    artery_radius: Mapping[Side, float]
    branch_up: Mapping[tuple[str, Side], float]
    carotid: Mapping[Side, tuple[float, float]]
    carotid_radius: float
    jugular_radius: Mapping[Side, float]
    thyroid: float
    longus: float
    sac_gap: float
    skin_depth: float
    fat: float
    girth: float
    shoulder: float
