"""A segmentation held against a reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import SACRUM
from procguide.errors import InputUnfitError
from procguide.evaluation.bones import compare_bones
from procguide.evaluation.evaluation import Evaluation
from procguide.evaluation.overlap import Overlap, compare
from procguide.evaluation.side import Side
from procguide.evaluation.structure import STRUCTURES
from procguide.findings import Finding, Severity
from procguide.imaging import Grid, LabelMap

__all__ = ["evaluate"]


def evaluate(prediction: Side, reference: Side, *, within_labelled_range: bool = False) -> Evaluation:
    """Measure every structure and vertebra that both sides tell apart, on the reference's lattice.

    ``within_labelled_range`` leaves out of the prediction what lies more than half a step beyond the
    reference's first and last vertebra (or disc): for references that label only some of those in view.
    Two sides that lie in different places, or that have nothing in common, are
    :class:`InputUnfitError`.
    """
    findings = _check_places(prediction, reference)
    if reference.is_empty:
        raise InputUnfitError(
            "the reference labels nothing that is known here; check the file and its vocabulary (--labels-of)"
        )
    findings += _unknown("prediction", prediction) + _unknown("reference", reference)
    if prediction.is_empty:
        words = "the prediction is empty" if not _has_labels(prediction) else "no label of it has a meaning"
        findings.append(Finding("prediction", Severity.CAUTION, words, "check the file and its vocabulary"))
    prediction = prediction.on(reference.grid)
    if within_labelled_range:
        prediction = prediction.kept(_labelled_range(reference))
    structures, not_compared = _structures(prediction, reference)
    bones = compare_bones(prediction, reference)
    not_compared |= bones.not_compared
    if not structures and not bones.overlaps:
        reasons = "; ".join(f"{name}: {why}" for name, why in not_compared.items())
        raise InputUnfitError(f"the two have no structure in common that could be judged ({reasons})")
    return Evaluation(
        structures, bones.overlaps, bones.parts, bones.identification, not_compared, tuple(findings)
    )


def _has_labels(side: Side) -> bool:
    return any(one.boxes for one in side.maps)


def _check_places(prediction: Side, reference: Side) -> list[Finding]:
    """That both lie in one place, and what share of the reference's labels the prediction reaches."""
    low, high = (corner(prediction.grid.corners, axis=0) for corner in (np.min, np.max))
    other = reference.grid.corners
    if (other.max(axis=0) < low).any() or (other.min(axis=0) > high).any():
        raise InputUnfitError(
            "prediction and reference lie in different places of the patient's space and share no voxel; "
            "they are of different frames of reference, or one has lost its place: use files of one study"
        )
    findings = []
    if not prediction.grid.isclose(reference.grid):
        words = "the prediction was resampled to the reference's lattice by the nearest voxel"
        findings.append(Finding("lattice", Severity.OK, words))
    outside = _share_outside(prediction.grid, reference.maps[0].labels)
    if outside > 0.01:
        words = f"{outside:.0%} of the reference's labels lie outside the prediction's image"
        advice = "they count as missed; use a reference of the same image if that is not meant"
        findings.append(Finding("coverage", Severity.CAUTION, words, advice, outside, 0.01))
    return findings


def _share_outside(grid: Grid, labels: LabelMap) -> float:
    """The share of labelled voxels that ``grid`` does not reach, of some 50,000 of them."""
    if grid.contains(labels.grid.corners).all():
        return 0.0
    voxels = np.flatnonzero(labels.voxels)
    index = np.unravel_index(voxels[:: max(1, len(voxels) // 50_000)], labels.shape)
    return (
        float(1.0 - grid.contains(labels.to_patient(np.stack(index, axis=-1))).mean()) if len(voxels) else 0.0
    )


def _unknown(name: str, side: Side) -> list[Finding]:
    findings = []
    for one in side.maps:
        if one.unknown and one.present:
            listed = ", ".join(map(str, one.unknown[:8])) + (", ..." if len(one.unknown) > 8 else "")
            words = f"the {name}'s labels {listed} have no counterpart here and are left out"
            findings.append(Finding("vocabulary", Severity.OK, words))
        elif one.unknown:
            words = f"none of the {name}'s labels is of the vocabulary {one.vocabulary}"
            findings.append(Finding("vocabulary", Severity.CAUTION, words, "choose another --labels-of"))
    return findings


def _structures(prediction: Side, reference: Side) -> tuple[dict[str, Overlap], dict[str, str]]:
    measured, not_compared = {}, {}
    for structure in STRUCTURES:
        if not reference.judges(structure):
            continue
        truth = reference.mask_of(structure)
        why = prediction.tells(structure)
        if why is not None:
            if truth.count:
                not_compared[structure.name] = f"in the prediction {why}"
            continue
        mask = prediction.mask_of(structure)
        if truth.count:
            measured[structure.name] = compare(mask, truth)
        elif mask.count:
            not_compared[structure.name] = "the reference has none"
    return measured, not_compared


def _labelled_range(reference: Side) -> NDArray[np.bool_]:
    """Where a prediction counts: up to half a step beyond the first and last vertebra or disc."""
    bones = {name: bone for name, bone in reference.bones().items() if name != SACRUM}
    where = np.ones(reference.grid.shape, dtype=bool)
    if len(bones) < 2:
        return where
    index_to_patient = reference.grid.affine
    masks = [reference.mask_of_bone(bone, bone.tissues) for bone in bones.values()]
    centres = np.array(sorted((mask.centroid for mask in masks if mask is not None), key=lambda p: p[2]))
    for last, before in ((centres[0], centres[1]), (centres[-1], centres[-2])):
        outward = (last - before) / np.linalg.norm(last - before)
        limit = float(outward @ last) + 0.5 * float(np.linalg.norm(last - before))
        steps = outward @ index_to_patient.matrix[:3, :3]
        k, j, i = (np.arange(size) * step for size, step in zip(where.shape, steps, strict=True))
        height = k[:, None, None] + j[:, None] + i + float(outward @ index_to_patient.origin)
        where &= height <= limit
    return where
