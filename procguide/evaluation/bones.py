"""Vertebra by vertebra: who is who, how well each fits, and how well its parts do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from procguide.anatomy import SACRUM
from procguide.evaluation.identification import Identification, identify
from procguide.evaluation.labelled import Bone
from procguide.evaluation.mask import Mask
from procguide.evaluation.overlap import Overlap, compare
from procguide.evaluation.side import Side
from procguide.evaluation.structure import STRUCTURES, Structure, Tissues
from procguide.geometry import Vector

__all__ = ["BoneFits", "compare_bones"]

Masks = dict[str, Mask]


@dataclass(frozen=True)
class BoneFits:
    """By the reference's name of each vertebra and the sacrum, from cranial to caudal.

    ``parts`` holds for each vertebra the fit of each of its parts that both sides tell apart.
    """

    overlaps: Mapping[str, Overlap] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, Overlap]] = field(default_factory=dict)
    identification: Identification | None = None
    not_compared: Mapping[str, str] = field(default_factory=dict)


def compare_bones(prediction: Side, reference: Side) -> BoneFits:
    """Compare vertebrae by their names; where one side only counts them, with those found for them."""
    ours, theirs = prediction.bones(), reference.bones()
    maps = prediction.bone_map, reference.bone_map
    shared = maps[0].bone_tissues & maps[1].bone_tissues if maps[0] and maps[1] else None
    if not shared or not theirs:
        return BoneFits()
    found = _cut(prediction, ours, shared)
    truth = _cut(reference, theirs, shared)
    if found is None or truth is None:
        why = "one side's vertebrae cannot be cut to the other's parts"
        return BoneFits(not_compared={"vertebrae one by one": why})
    named = reference.names_levels and (prediction.names_levels or not ours)
    identification = identify(_centroids(found), _centroids(truth), named=named)
    partner = {name: name for name in truth}
    if not named:
        partner |= {one.name: one.match or "" for one in identification.sightings}
    nothing = Mask.of(np.zeros((1, 1, 1), dtype=bool), reference.grid.affine)
    order = sorted(truth, key=lambda name: -truth[name].centroid[2])
    pairs = {name: (found.get(partner[name], nothing), truth[name]) for name in order}
    overlaps = {name: compare(*pair) for name, pair in pairs.items()}
    return BoneFits(overlaps, _parts(prediction, reference, pairs, shared), identification)


def _cut(side: Side, bones: dict[str, Bone], tissues: Tissues) -> Masks | None:
    """Each bone cut to ``tissues``, without empty ones; None where the side does not tell that part."""
    parts = {}
    for name, bone in bones.items():
        if not bone.tissues & tissues:
            continue
        mask = side.mask_of_bone(bone, tissues & bone.tissues)
        if mask is None:
            return None
        if mask.count:
            parts[name] = mask
    return parts


def _parts(
    prediction: Side, reference: Side, pairs: Mapping[str, tuple[Mask, Mask]], shared: Tissues
) -> dict[str, dict[str, Overlap]]:
    """By vertebra and part."""
    told = [one for one in STRUCTURES if _is_part(one, shared) and reference.judges(one)]
    told = [one for one in told if prediction.tells(one) is None]
    wholes = {one.name: (prediction.mask_of(one), reference.mask_of(one)) for one in told}
    fits: dict[str, dict[str, Overlap]] = {}
    for bone, (ours, theirs) in pairs.items():
        for part, (found, truth) in wholes.items():
            here = ours & found, theirs & truth
            if here[1].count:
                fits.setdefault(bone, {})[part] = compare(*here)
    return fits


def _is_part(structure: Structure, shared: Tissues) -> bool:
    """Whether it is a piece of a vertebra, and not all that the two sides share of one."""
    vertebra = STRUCTURES[0].tissues
    return structure.tissues < vertebra and structure.tissues < shared


def _centroids(masks: Masks) -> dict[str, Vector]:
    return {name: mask.centroid for name, mask in masks.items() if name != SACRUM}
