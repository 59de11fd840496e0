"""Quality and labels: judged, segmented, renamed, edited, unrung."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_procguide.engine.messages import FindingShown, GridShown, Judged, Labelled
from napari_procguide.engine.opening import straight
from napari_procguide.engine.state import State
from procguide.anatomy import SACRUM, VERSE_LABELS, VERSE_NAMES, Anchor
from procguide.anatomy.locate import locate_spine
from procguide.cli.pipeline import Anatomy, locate
from procguide.cli.steps import Steps
from procguide.errors import UsageError
from procguide.exchange.meshes import bone_mesh
from procguide.geometry import Vector, vector
from procguide.imaging import LabelMap
from procguide.quality.nouns import Box
from procguide.segmentation.segment import Segmentation

__all__ = ["degibbs", "edited", "judge", "rename", "segment", "shown_labels"]

_MESH_EVERY = 2
_ORDER = tuple(name for name in VERSE_LABELS if name not in (SACRUM, "T13", "L6", "coccyx", "Co"))


def judge(state: State, steps: Steps) -> Judged:
    """Every check that fits the series shown."""
    from procguide.quality.assess import assess_quality
    from procguide.quality.examine import examine_volume

    case = state.case
    with steps.step("quality"):
        series = None if case.series.volume is not None else case.series
        quality = assess_quality(examine_volume(case.volume, series))
    where = {answer.check.name: answer.score.where for answer in quality.answers if answer.score is not None}
    found = [FindingShown(finding, _place(state, where.get(finding.name))) for finding in quality.findings]
    unsaid = {finding.name for finding in quality.findings}
    headers = [FindingShown(finding) for finding in case.findings if finding.name not in unsaid]
    not_judged = [(one.check.name, one.why_not) for one in quality.answers if one.finding is None]
    order = {"stop": 0, "caution": 1, "ok": 2}
    shown = sorted((*headers, *found), key=lambda one: order[one.finding.severity.value])
    state.case_quality(quality.faults)
    return Judged(quality.kind.value, tuple(shown), tuple(not_judged))


def _place(state: State, where: Box | NDArray[np.bool_] | None) -> Vector | None:
    if where is None:
        return None
    if isinstance(where, Box):
        if len(where.low) != 3:
            return None
        index = (np.add(where.low, where.high) - 1) / 2
    else:
        inside = np.argwhere(where)
        if not len(inside) or inside.shape[1] != 3:
            return None
        index = inside.mean(axis=0)
    return vector(state.case.volume.to_patient(index))


def segment(
    state: State, steps: Steps, lowest_level: str | None = None, labels: Path | None = None
) -> Labelled:
    """Label the spine by the shipped networks, or take a person's ``labels`` file."""
    state.anatomy = locate(state.case, steps, lowest_level=lowest_level, labels=labels)
    return shown_labels(state, steps)


def rename(state: State, steps: Steps, point: Vector, level: str) -> Labelled:
    """Name the vertebra at ``point`` (patient LPS mm) ``level``; the others follow in order."""
    found = state.anatomy.segmentation
    if level not in _ORDER:
        raise UsageError(f"{level!r} is no level; use one of {', '.join(_ORDER)}")
    numbers = found.instances or _numbered(found.levels)
    with steps.step("rename"):
        here = _instance_at(numbers, point)
        present = numbers.present()
        table = np.zeros(max(present) + 1, dtype=found.levels.voxels.dtype)
        names: dict[int, str] = {}
        for number in present:
            place = _ORDER.index(level) - (number - here)
            if not 0 <= place < len(_ORDER):
                raise UsageError(f"With {level} there, the column would leave the spine; check the level.")
            names[number] = _ORDER[place]
            table[number] = VERSE_LABELS[_ORDER[place]]
        sacrum = found.levels.voxels == VERSE_LABELS[SACRUM]
        voxels = np.where(sacrum, found.levels.voxels, table[numbers.voxels])
        confidence = dict.fromkeys(names.values(), 1.0)
        levels = found.levels.with_voxels(voxels.astype(found.levels.voxels.dtype))
    return _relabelled(state, steps, replace(found, levels=levels, anchor=Anchor.USER, confidence=confidence))


def _numbered(levels: LabelMap) -> LabelMap:
    """Vertebrae from the lowest upward, as their names order them."""
    present = [label for label in levels.present() if VERSE_NAMES.get(label) in _ORDER]
    table = np.zeros(int(levels.voxels.max()) + 1, np.uint8)
    for number, label in enumerate(sorted(present, reverse=True), start=1):
        table[label] = number
    return replace(levels, voxels=table[levels.voxels], names={})


def _instance_at(numbers: LabelMap, point: Vector) -> int:
    """The vertebra that holds ``point``, or the nearest within 20 mm."""
    index = np.argwhere(numbers.voxels > 0)
    offset = (index - numbers.to_index(point)) * numbers.spacing
    distance = np.einsum("ij,ij->i", offset, offset)
    nearest = int(distance.argmin())
    if distance[nearest] > 20.0**2:
        raise UsageError("No vertebra lies within 20 mm of that place; click on a vertebra's body.")
    return int(numbers.voxels[tuple(index[nearest])])


def edited(state: State, steps: Steps, levels: Path | None, regions: Path | None) -> Labelled:
    """Take a person's labels, on the lattices that were shown; landmarks are found anew."""
    found = state.anatomy.segmentation
    if levels is not None:
        voxels = np.load(levels)
        unknown = sorted(set(np.unique(voxels).tolist()) - {0, *VERSE_NAMES})
        if unknown:
            raise UsageError(
                f"Label {unknown[0]} is no vertebra: C1-C7 are 1-7, T1-T12 8-19, L1-L5 20-24, sacrum 26."
            )
        shown = found.levels.with_voxels(voxels.astype(found.levels.voxels.dtype))
        names = [VERSE_NAMES[label] for label in shown.present() if VERSE_NAMES[label] != SACRUM]
        confidence = {name: found.confidence.get(name, 1.0) for name in names}
        found = replace(found, levels=shown, confidence=confidence)
    if regions is not None:
        voxels = np.load(regions).astype(found.regions.voxels.dtype)
        found = replace(found, regions=found.regions.with_voxels(voxels))
    return _relabelled(state, steps, found)


def _relabelled(state: State, steps: Steps, found: Segmentation) -> Labelled:
    with steps.step("locate"):
        spine = locate_spine(found.levels, found.regions, anchor=found.anchor, confidence=found.confidence)
        state.anatomy = Anatomy(found, spine, state.anatomy.files)
    return shown_labels(state, steps)


def shown_labels(state: State, steps: Steps) -> Labelled:
    """The state's labels as files and surfaces for the window."""
    found, spine = state.anatomy.segmentation, state.anatomy.spine
    with steps.step("surfaces"):
        shown = {}
        meshes = {}
        coarse = _coarse(found.levels)
        for label in coarse.present():
            points, faces = bone_mesh(coarse, [label])
            if len(points):
                meshes[VERSE_NAMES[label]] = (points, faces)
        for name, labels in (("levels", found.levels), ("regions", found.regions)):
            turned, _ = straight(labels)
            shown[name] = state.save(name, turned.voxels, turned.grid)
    return Labelled(
        shown["levels"],
        shown["regions"],
        dict(found.levels.names) or dict(VERSE_NAMES),
        dict(found.regions.names),
        spine,
        found.findings,
        dict(found.confidence),
        found.anchor.value,
        meshes,
    )


def _coarse(levels: LabelMap) -> LabelMap:
    """Every other voxel along each axis: a quarter of the triangles, which software OpenGL draws in time."""
    steps = levels.affine.matrix[:3, :3].T * _MESH_EVERY
    affine = type(levels.affine).from_steps(steps, levels.affine.origin)
    every = slice(None, None, _MESH_EVERY)
    return replace(levels, voxels=np.ascontiguousarray(levels.voxels[every, every, every]), affine=affine)


def degibbs(state: State, steps: Steps, *, keep: bool = False) -> dict[str, Any]:
    """The MR series without Gibbs ringing, to be looked at beside the image; ``keep`` goes on with it."""
    from procguide.quality.acquisition import acquisition_of
    from procguide.quality.gibbs.correct import degibbs as correct
    from procguide.quality.gibbs.correct import encoded_axes

    case = state.case
    dicom = case.series.volume is None
    with steps.step("degibbs"):
        axes = encoded_axes(case.volume, None, from_dicom=dicom)
        acquisition = acquisition_of(case.series) if dicom else None
        done = correct(case.volume, axes, acquisition)
        change = np.abs(done.volume.voxels.astype(np.float64) - case.volume.voxels)
    shown: GridShown = state.save("unrung", straight(done.volume)[0].voxels, straight(done.volume)[0].grid)
    if keep:
        state.case = replace(case, volume=done.volume)
    return {
        "image": shown,
        "mean_change": float(change.mean()),
        "largest_change": float(change.max()),
        "cautions": done.cautions,
        "samplings": [asdict(one) for one in done.samplings],
    }
