"""What one case's labels are worth against its references."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from segmentation_cases import UPWARD, Case

from procguide.anatomy import SACRUM
from procguide.anatomy.vocabularies import Vocabulary
from procguide.errors import InputUnfitError
from procguide.evaluation import Evaluation, Side, evaluate
from procguide.evaluation.identification import Identification, identify
from procguide.evaluation.structure import STRUCTURES
from procguide.geometry import Vector
from procguide.imaging import LabelMap
from procguide.imaging.files import read_labels
from procguide.segmentation.classes import TissueClass

BODY = next(structure for structure in STRUCTURES if structure.tissues == {TissueClass.BODY})
ZERO = {"dice": 0.0, "hd95_mm": None, "surface_dice_1mm": 0.0, "surface_dice_2mm": 0.0}


def measure(case: Case, folder: Path, found: dict[str, Any]) -> dict[str, Any]:
    """Structures, vertebrae found, and levels, of what the worker left in ``folder``."""
    references = case.references()
    structures: dict[str, Any] = {}
    vertebrae: dict[str, Any] = {}
    sightings: dict[str, Any] = {}
    for reference in references:
        prediction = prediction_side(folder, reference)
        try:
            result = evaluate(prediction, reference, within_labelled_range=case.within_range)
        except InputUnfitError as error:
            structures |= zero_rows(reference, str(error))
            continue
        structures |= structure_rows(result)
        document = result.to_json()
        if result.identification is not None and result.identification.sightings:
            vertebrae |= document["vertebrae"]
            sightings = sighting_rows(case, result.identification, cut_bones(reference))
    if not sightings:
        sightings = by_points(case, folder, references)
    return {
        "structures": structures,
        "vertebrae": vertebrae,
        "sightings": sightings,
        "silent_names": silent_names(case, found, sightings),
    }


def prediction_side(folder: Path, reference: Side | None) -> Side:
    """The worker's labels; of a refused case, nothing at all on the reference's lattice."""
    if not (folder / "regions.nii").exists():
        if reference is None:
            raise FileNotFoundError(folder)
        nothing = LabelMap(np.zeros(reference.grid.shape, dtype=np.uint8), reference.grid.affine)
        return Side.of((nothing, Vocabulary.VERSE), (nothing, Vocabulary.REGIONS))
    levels = read_labels(folder / "labels.nii", {})
    named = any(label != 26 for label in levels.present())
    first = (levels, Vocabulary.VERSE)
    if not named and (folder / "instances.nii").exists():
        first = (read_labels(folder / "instances.nii", {}), Vocabulary.COUNTED_VERTEBRAE)
    others = [folder / f"{name}.nii" for name in ("regions", "organs")]
    maps = [(read_labels(file, {}), Vocabulary.REGIONS) for file in others if file.exists()]
    return Side.of(first, *maps)


def structure_rows(result: Evaluation) -> dict[str, Any]:
    """Figures by structure; one that the networks do not tell apart is zero, organs apart."""
    rows: dict[str, Any] = dict(result.to_json()["structures"])
    for name, why in result.not_compared.items():
        if why.startswith("in the prediction") and "organs" not in why:
            rows[name] = ZERO | {"why": why}
    return rows


def zero_rows(reference: Side, why: str) -> dict[str, Any]:
    """Nothing for every structure that the reference shows."""
    shown = [one for one in STRUCTURES if reference.judges(one) and reference.mask_of(one).count]
    return {one.name: ZERO | {"why": why} for one in shown}


def cut_bones(reference: Side) -> set[str]:
    """Reference vertebrae that the image's border cuts."""
    cut = set()
    for name, bone in reference.bones().items():
        mask = reference.mask_of_bone(bone, bone.tissues)
        if mask is not None and (
            min(mask.start) == 0
            or any(stop == size for stop, size in zip(mask.stop, reference.grid.shape, strict=True))
        ):
            cut.add(name)
    return cut


def sighting_rows(case: Case, identification: Identification, cut: set[str]) -> dict[str, Any]:
    """For each reference vertebra: its true level, what it was called, how far off, and whether it is cut."""
    counted = any(one.name.startswith("number") for one in identification.sightings)
    return {
        one.name: {
            "level": case.names.get(one.name) if counted else one.name,
            "found": one.found,
            "called": None if one.match is None or one.match.startswith("number") else one.match,
            "distance_mm": None if one.distance_mm is None else round(one.distance_mm, 2),
            "identified": one.identified,
            "cut": one.name in cut,
        }
        for one in identification.sightings
    }


def by_points(case: Case, folder: Path, references: tuple[Side, ...]) -> dict[str, Any]:
    """Vertebrae where the reference gives no vertebrae but tells where bodies are.

    Between two neighbouring discs lies a body; where only heights were read by eye, a body of the
    prediction is as far off as its height.
    """
    bodies: dict[str, Vector] = {}
    if (folder / "regions.nii").exists():
        side = prediction_side(folder, None)
        for name, bone in side.bones().items():
            mask = None if name == SACRUM else side.mask_of_bone(bone, BODY.tissues)
            if mask is not None and mask.count:
                bodies[name] = mask.centroid
    if case.body_heights:
        truth = {level: beside(height, bodies) for level, height in case.body_heights.items()}
    else:
        truth = between_discs(references)
    if not truth:
        return {}
    named = not any(name.startswith("number") for name in bodies)
    return sighting_rows(case, identify(bodies, truth, named=named), set())


def beside(height: float, bodies: dict[str, Vector]) -> Vector:
    nearest = min(bodies.values(), key=lambda point: abs(point[2] - height), default=(0.0, 0.0, 0.0))
    return (nearest[0], nearest[1], height)


def between_discs(references: tuple[Side, ...]) -> dict[str, Vector]:
    """The lowest disc is L5-S1: the body above it is L5."""
    centres = []
    for side in references:
        for bone in side.bones().values():
            mask = side.mask_of_bone(bone, bone.tissues)
            if mask is not None and bone.tissues == {TissueClass.DISC}:
                centres.append(mask.centroid)
    centres.sort(key=lambda point: point[2])
    return {
        UPWARD[n]: tuple(float(x) for x in np.mean(pair, axis=0))  # type: ignore[misc]
        for n, pair in enumerate(pairwise(centres))
    }


def silent_names(case: Case, found: dict[str, Any], sightings: dict[str, Any]) -> list[str]:
    """Names given where nothing in view tells the level, unless they are right."""
    if case.anchor is not None or found.get("refused") or found.get("anchor") in (None, "none"):
        return []
    right = {row["called"] for row in sightings.values() if row["called"] and row["called"] == row["level"]}
    return [level for level in found["levels"] if level not in right]
