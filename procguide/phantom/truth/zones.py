"""Where each procedure's needle tip belongs in this subject, from the construction itself.

Zones follow the target column of the project's procedure catalogue; those of the neck are in
:mod:`procguide.phantom.neck.truth`. Extents in mm are assumed where the catalogue gives none.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import distance_transform_edt

from procguide.anatomy import Region, Side, Spine, Vertebra
from procguide.geometry import vector
from procguide.imaging import LabelMap
from procguide.phantom.assemble import Anatomy
from procguide.phantom.bones.pose import FacetPose
from procguide.phantom.bones.sacrum import FORAMINA, SacrumModel, sacrum_parts, to_straight
from procguide.phantom.neural.branches import medial_branch_on_bone
from procguide.phantom.truth.nouns import TrueZone

__all__ = ["sacroiliac_zones", "true_zones"]

_SIGNS = np.array(np.meshgrid(*[(-1.0, 0.0, 1.0)] * 3, indexing="ij")).reshape(3, -1).T


def true_zones(anatomy: Anatomy, spine: Spine) -> tuple[TrueZone, ...]:
    """All zones of the subject, supine; ``spine`` holds its true landmarks."""
    zones: list[TrueZone] = []
    for vertebra in spine.vertebrae:
        zones += _at_midline(anatomy, spine, vertebra)
        for side in Side:
            zones += _at_side(anatomy, spine, vertebra, side)
    return (*zones, *branch_zones(anatomy, spine), _caudal(anatomy), *lateral_branch_zones(anatomy))


def _zone(
    procedure: str, vertebra: Vertebra, local: ArrayLike, half: tuple[float, float, float], side: Side | None
) -> TrueZone:
    """A box of 27 points round ``local`` (vertebra's frame, mm) with half-sizes ``half``."""
    centre = np.asarray(local, dtype=float)
    points = vertebra.frame.to_patient(centre + _SIGNS * half)
    return TrueZone(procedure, vector(vertebra.frame.to_patient(centre)), points, vertebra.level, side)


def _lumbar(level: str) -> bool:
    return level.startswith("L")


def _at_midline(anatomy: Anatomy, spine: Spine, vertebra: Vertebra) -> Iterator[TrueZone]:
    level, shape = vertebra.level, anatomy.pose.shapes[vertebra.level]
    if _lumbar(level) or level in ("T12", "T13"):
        procedure = "lumbar_interlaminar_esi" if _lumbar(level) else "scs_lead"
        yield _interlaminar(anatomy, vertebra, procedure)
    if not _lumbar(level):
        return
    depth = (shape.depth_upper + shape.depth_lower) / 2
    # Midline, 30-50 % of the body's depth from its back wall.
    back = depth / 2 - 0.4 * depth
    yield _zone("basivertebral_nerve_ablation", vertebra, (0, back, 0), (3, 0.1 * depth, 2), None)
    below = spine.below(level)
    plate = below.superior_endplate if isinstance(below, Vertebra) else below.endplate
    middle = (np.asarray(vertebra.inferior_endplate.centre) + np.asarray(plate.centre)) / 2
    local = vertebra.frame.to_local(middle)
    yield _zone("discography", vertebra, local, (5, 4, 0.15 * shape.disc_height), None)


def _interlaminar(anatomy: Anatomy, vertebra: Vertebra, procedure: str) -> TrueZone:
    """Posterior epidural space in the midline between this vertebra's laminae and the next."""
    canal, shape = anatomy.canal, anatomy.pose.shapes[vertebra.level]
    under = vertebra.frame.to_patient((0, 0, -(shape.body_height + shape.disc_height) / 2))
    upward = np.asarray(vertebra.frame.superior)
    near = int(np.argmin(np.abs((canal.points - under) @ upward)))
    back = canal.points[near] + canal.posterior[near] * (canal.half[near, 1] - 1.0)
    local = vertebra.frame.to_local(back)
    return _zone(procedure, vertebra, local, (3, 1, 3), None)


def _at_side(anatomy: Anatomy, spine: Spine, vertebra: Vertebra, side: Side) -> Iterator[TrueZone]:
    level = vertebra.level
    yield from _in_body(anatomy, vertebra, side)
    if not _lumbar(level):
        return
    pedicle = vertebra.pedicles[side]
    x, _, z = vertebra.frame.to_local(pedicle.centre)
    _, middle, _ = vertebra.frame.to_local(vertebra.foramina[side])
    under = z - pedicle.height_mm / 2 - 3.5
    yield _zone("transforaminal_esi_subpedicular", vertebra, (x, middle + 1.0, under), (1.5, 1.5, 1.0), side)
    yield _kambin(spine, vertebra, side)
    line = _posterior_joint_line(anatomy.pose.facets[level, side])
    yield TrueZone("facet_joint_injection", vector(line[3]), line, level, side)


def _posterior_joint_line(joint: FacetPose) -> NDArray[np.float64]:
    """The joint's dorsal opening, ``(7, 3)`` LPS mm from below upward, 1.5 mm outside the faces."""
    backward = 1.0 if joint.frame.left[1] > 0 else -1.0
    edge = joint.at(backward * (joint.width / 2 + 1.5), 0.0, 0.0)
    return edge + np.outer(np.linspace(-0.35, 0.1, 7) * joint.height, joint.frame.superior)


def _kambin(spine: Spine, vertebra: Vertebra, side: Side) -> TrueZone:
    """Just above the lower endplate's rim, behind the disc, lateral to the canal."""
    below = spine.below(vertebra.level)
    frame = below.frame
    plate = below.superior_endplate if isinstance(below, Vertebra) else below.endplate
    local = frame.to_local(plate.centre)
    pedicle_x = float(vertebra.frame.to_local(vertebra.pedicles[side].centre)[0])
    centre = np.array([pedicle_x, local[1] + plate.depth_mm / 2 + 1.0, local[2] + 4.0])
    points = frame.to_patient(centre + _SIGNS * (1.5, 1.5, 1.5))
    return TrueZone(
        "transforaminal_esi_kambin", vector(frame.to_patient(centre)), points, vertebra.level, side
    )


def _in_body(anatomy: Anatomy, vertebra: Vertebra, side: Side) -> Iterator[TrueZone]:
    level, shape = vertebra.level, anatomy.pose.shapes[vertebra.level]
    depth = (shape.depth_upper + shape.depth_lower) / 2
    half_width = (shape.width_upper + shape.width_lower) / 4
    s = side.sign
    third = -depth / 3
    yield _zone("vertebral_augmentation", vertebra, (s * 4.0, third, 0), (3, depth / 8, 3), side)
    low = -shape.body_height / 2
    if level in ("L2", "L3"):
        rim = (s * 0.80 * half_width, -0.60 * depth / 2 - 4.0, low + shape.body_height / 6)
        yield _zone("lumbar_sympathetic_block", vertebra, rim, (1.5, 1.5, 3), side)
    if level == "L1":
        front = (s * 0.90 * half_width, -depth / 2 + 1.0, -low - shape.body_height / 4)
        yield _zone("celiac_plexus_block", vertebra, front, (2, 1.5, 3), side)


def _caudal(anatomy: Anatomy) -> TrueZone:
    """The sacral canal from the hiatus up by 25 mm, which stays below S3's upper border."""
    canal = anatomy.canal
    along = np.linalg.norm(canal.points - canal.points[-1], axis=1)
    inside = canal.points[(along < 25.0) & (along > 6.0)]
    return TrueZone("caudal_esi", vector(inside[len(inside) // 2]), inside)


def branch_zones(anatomy: Anatomy, spine: Spine) -> Iterator[TrueZone]:
    """Where medial branches lie on the junction of articular and transverse process of the level below.

    The nerve crosses a level lower than its own: L3's at L4, for the L4-L5 joint.
    """
    for level in spine.levels:
        if not (_lumbar(level) or level in ("T12", "T13")):
            continue
        for side in Side:
            near = medial_branch_on_bone(anatomy, level, side)
            for procedure in ("lumbar_medial_branch_block", "lumbar_medial_branch_rfa"):
                yield TrueZone(procedure, vector(near[len(near) // 2]), near, level, side)


def sacroiliac_zones(tissues: LabelMap) -> Iterator[TrueZone]:
    """The joint's posterior lower end, 10 to 20 mm above its caudal end, on each side; none out of view."""
    solid = {region: tissues.voxels == region for region in (Region.SACRUM, Region.ILIUM)}
    if not all(mask.any() for mask in solid.values()):
        return
    reach = 2.6
    near = []
    for mask in solid.values():
        inside = np.argwhere(mask)
        low = np.maximum(inside.min(axis=0) - 4, 0)
        box = tuple(slice(a, b + 5) for a, b in zip(low, inside.max(axis=0), strict=True))
        grown = np.zeros(mask.shape, dtype=bool)
        grown[box] = distance_transform_edt(~mask[box], sampling=tissues.spacing) < reach
        near.append(grown)
    gap = near[0] & near[1] & ~solid[Region.SACRUM] & ~solid[Region.ILIUM]
    joint = tissues.to_patient(np.argwhere(gap))
    for side in Side:
        own = joint[side.sign * joint[:, 0] > 0]
        if not len(own):
            continue
        band = own[np.abs(own[:, 2] - own[:, 2].min() - 15.0) < 5.0]
        if len(band):
            behind = band[band[:, 1] > np.quantile(band[:, 1], 0.8)]
            middle = behind[np.argmin(np.linalg.norm(behind - behind.mean(axis=0), axis=1))]
            yield TrueZone("sacroiliac_joint_injection", vector(middle), behind, None, side)


def lateral_branch_zones(anatomy: Anatomy) -> Iterator[TrueZone]:
    """Strips on the sacrum's back lateral to the posterior foramina S1 to S3.

    Each 10 mm high and from 5 to 8 mm lateral of the foramen's rim (the catalogue keeps 5 mm from it; the
    far side is assumed), 1 mm above the bone wherever that is.
    """
    sacrum = anatomy.sacrum
    for side in Side:
        for n, (station, across, _, back) in enumerate(FORAMINA[:3], start=1):
            rim = (across + back * sacrum.pelvis.foramen_size) * sacrum.size
            s = station * sacrum.stretch + np.linspace(-5, 5, 5)
            found = [_on_the_back(sacrum, side.sign * (rim + off), at) for off in (6.5, 5.0, 8.0) for at in s]
            points = np.array([point for point in found if point is not None])
            if len(points):
                middle = found[2] if found[2] is not None else points[0]
                strip = sacrum.frame.to_patient(points)
                centre = vector(sacrum.frame.to_patient(middle))
                yield TrueZone("sacral_lateral_branch_rfa", centre, strip, f"S{n}", side)


def _on_the_back(sacrum: SacrumModel, x: float, s: float) -> NDArray[np.float64] | None:
    """1 mm behind the sacrum's back at ``x`` mm left and ``s`` mm along its curve, its frame; None off it."""
    depth = np.arange(0.0, 45.0, 0.5)
    column = np.column_stack([np.full(len(depth), x), to_straight(sacrum, s, depth)])
    solid = np.flatnonzero(sacrum_distance(sacrum, column) < 0)
    if not len(solid):
        return None
    outward = column[1] - column[0]
    return np.asarray(column[solid[-1]] + outward / np.linalg.norm(outward))


def sacrum_distance(sacrum: SacrumModel, local: NDArray[np.float64]) -> NDArray[np.float32]:
    """Distance to the sacrum's block at ``(n, 3)`` points of its frame, mm, negative inside."""
    part = sacrum_parts(sacrum)[0]
    x, y, z = part.frame.to_local(sacrum.frame.to_patient(local)).astype(np.float32).T
    return part.distance(x, y, z)
