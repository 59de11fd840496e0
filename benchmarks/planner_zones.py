"""Where a needle's tip belongs in the truth, and how far off it lies; used by planner_population.py."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from planner_truth import SPACING_MM, Truth

from procguide.anatomy import Region
from procguide.phantom import sample_parameters
from procguide.phantom.bones.pose import Pose, pose_spine
from procguide.phantom.truth.nouns import TrueZone

BY_TISSUE: Mapping[str, tuple[tuple[Region, ...], tuple[float, float, float]]] = {
    "lumbar_interlaminar_esi": ((Region.EPIDURAL_FAT, Region.EPIDURAL_VEIN), (7.0, 4.0, 13.0)),
    "scs_lead": ((Region.EPIDURAL_FAT, Region.EPIDURAL_VEIN), (7.0, 4.0, 13.0)),
    "cervical_interlaminar_esi": ((Region.EPIDURAL_FAT, Region.EPIDURAL_VEIN), (7.0, 4.0, 13.0)),
    "discography": ((Region.NUCLEUS_PULPOSUS,), (12.0, 12.0, 12.0)),
    "transforaminal_esi_subpedicular": (
        (Region.FAT, Region.EPIDURAL_FAT, Region.EPIDURAL_VEIN),
        (15.0, 15.0, 15.0),
    ),
}
"""Where the zone is a tissue, told by the truth itself: its voxels about the nominal zone's centre, mm."""


def true_zone(truth: Truth, procedure: str, zone: TrueZone) -> np.ndarray:
    """Points of the true zone ``(n, 3)`` LPS mm.

    The phantom's own nominal zone; for the epidural space between two laminae and for a disc's nucleus the
    tissue's voxels: the nominal box is a part of it that a needle need not reach.
    """
    if procedure == "transforaminal_esi_subpedicular":
        return safe_triangle(truth, zone)
    if procedure == "facet_joint_injection":
        return grown_joint_line(truth.seed, zone)
    if procedure not in BY_TISSUE:
        return np.asarray(zone.points)
    regions, half = BY_TISSUE[procedure]
    low = np.maximum(truth.tissues.to_index(np.asarray(zone.centre)) - np.array(half[::-1]) / SPACING_MM, 0)
    high = truth.tissues.to_index(np.asarray(zone.centre)) + np.array(half[::-1]) / SPACING_MM + 1
    window = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    index = np.argwhere(np.isin(truth.tissues.voxels[window], regions)) + low.astype(int)
    return truth.tissues.to_patient(index) if len(index) else np.asarray(zone.points)


@cache
def _pose(seed: int) -> Pose:
    return pose_spine(sample_parameters(seed))


def grown_joint_line(seed: int, zone: TrueZone) -> np.ndarray:
    """The joint's dorsal opening ``(7, 3)`` LPS mm, behind what arthropathy made of its processes.

    The phantom's own line lies 1.5 mm outside the faces as they were before: its processes grow in width by
    the root of ``bulk``, and in worn joints the line is in the cleft, up to 2 mm before the rims. Against the
    line that touches both processes from behind, which no wear moves, it lies 1.0 mm outside in healthy
    joints, 0.0 at a bulk of 1.2 to 1.4 and 1.0 mm inside at 1.45 (medians of 90 joints, seeds 2000 to 2024).
    """
    assert zone.side is not None
    joint = _pose(seed).facets[zone.level or "", zone.side]
    edge, grown = (
        joint.at(joint.behind * (joint.width / 2 * growth + 1.5), 0.0, 0.0)
        for growth in (1.0, joint.bulk**0.5)
    )
    return np.asarray(zone.points) + (grown - edge)


def safe_triangle(truth: Truth, zone: TrueZone) -> np.ndarray:
    """Fat in the dorsal foramen, under the pedicle and free of the nerve: its voxels ``(n, 3)`` LPS mm.

    From six o'clock (1.5 mm medial of it) to the pedicle's outer border, down to 7 mm under it, from the
    foramen's middle 6 mm back. The phantom's nominal box cannot serve: it is centred on the ganglion (on
    average its points lie 0.2 to 0.5 mm within the nerve, seeds 2000 to 2009).
    """
    regions, half = BY_TISSUE["transforaminal_esi_subpedicular"]
    vertebra = truth.spine.vertebra(zone.level or "")
    assert zone.side is not None
    pedicle = vertebra.pedicles[zone.side]
    x, _, z = vertebra.frame.to_local(pedicle.centre)
    middle = vertebra.frame.to_local(vertebra.foramina[zone.side])[1]
    near = truth.tissues.to_index(np.asarray(zone.centre))
    low = np.maximum(near - np.array(half) / SPACING_MM, 0).astype(int)
    high = (near + np.array(half) / SPACING_MM).astype(int) + 1
    window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    found = truth.tissues.to_patient(np.argwhere(np.isin(truth.tissues.voxels[window], regions)) + low)
    local = vertebra.frame.to_local(found) - (x, middle, z - pedicle.height_mm / 2)
    across = local[:, 0] * zone.side.sign
    inside = (across >= -1.5) & (across <= pedicle.width_mm / 2)
    inside &= (local[:, 1] >= 0) & (local[:, 1] <= 6) & (local[:, 2] <= 0) & (local[:, 2] >= -7)
    return found[inside] if inside.any() else np.asarray(zone.points)


def off_zone(points: np.ndarray, at: np.ndarray, spacing: float = 0.0) -> float:
    """Distance of ``at`` to a true zone, mm; 0 within it.

    A zone is a box where it has 27 points, else the line or cloud that its points sample: of voxels where
    ``spacing`` is theirs.
    """
    middle = points[len(points) // 2]
    # A line may have as many points as a box; only a box's lie in pairs about its middle.
    if len(points) == 27 and not spacing and np.allclose(points + points[::-1], 2 * middle, atol=1e-3):
        half = np.array([points[22], points[16], points[14]]) - middle
        size = np.linalg.norm(half, axis=1)
        local = (half / size[:, None]) @ (at - middle)
        return float(np.linalg.norm(np.maximum(np.abs(local) - size, 0)))
    return float(max(np.linalg.norm(points - at, axis=1).min() - spacing / 2, 0.0))
