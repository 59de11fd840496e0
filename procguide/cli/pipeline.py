"""The main path: read, label, locate. ``segment``, ``plan`` and ``demo`` share it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from procguide.anatomy import SACRUM, VERSE_NAMES, Anchor, Region
from procguide.cli.audited import images_read
from procguide.errors import InputUnfitError, InputUnreadableError, MissingPartError, UsageError
from procguide.findings import Finding, Severity

if TYPE_CHECKING:
    from procguide.anatomy import Spine
    from procguide.cli.session import Session
    from procguide.cli.steps import Steps
    from procguide.dicom import Series, Study
    from procguide.dicom.derived import Sources
    from procguide.imaging import LabelMap, Volume
    from procguide.segmentation.adapters.foreign import Segmenter
    from procguide.segmentation.hints import LevelAt
    from procguide.segmentation.segment import Segmentation

__all__ = [
    "Anatomy",
    "Case",
    "check_device",
    "choose_segmenter",
    "judged",
    "judged_for",
    "locate",
    "on_input_grid",
    "read_case",
]

_LABELS_MARGIN_MM = np.array([75.0, 20.0, 15.0])
_LABELS_SPACING_MM = 1.5
_MOST_DAMAGED = 3
"""Files of a series that are found damaged one by one, as they are decoded; more of them are no accident."""


@dataclass(frozen=True, eq=False)
class Case:
    """The series that was chosen, and its voxels."""

    series: Series
    volume: Volume
    findings: tuple[Finding, ...]
    lost: tuple[Finding, ...] = ()  # those on files that were left out

    @property
    def is_dicom(self) -> bool:
        """Whether the input was DICOM, so that objects can be derived from it."""
        return self.series.volume is None

    @cached_property
    def sources(self) -> Sources:
        """Headers of the images, for objects derived from them."""
        from procguide.dicom.derived import read_sources

        return read_sources(self.series)

    @property
    def is_ct(self) -> bool:
        """Whether voxels are HU."""
        return self.volume.modality == "CT"


@dataclass(frozen=True, eq=False)
class Anatomy:
    """What was found in a case: labels on a working lattice, and the spine as objects."""

    segmentation: Segmentation
    spine: Spine
    files: tuple[Path, ...] = ()


def read_case(path: Path, steps: Steps) -> Case:
    """Read ``path`` and choose the series that serves planning best."""
    with steps.step("read"):
        study, series, volume = _readable(path)
        images_read(series)
        return Case(series, volume, (*study.findings, *series.findings), study.lost)


def _readable(path: Path) -> tuple[Study, Series, Volume]:
    """The best series and its voxels; up to a few files whose pixels cannot be decoded are left out."""
    from procguide.dicom import read_study, read_volume

    damaged: list[Path] = []
    while True:
        study = read_study(path, without=damaged)
        series = study.choose()
        try:
            return study, series, read_volume(series)
        except InputUnreadableError as error:
            if error.file is None or error.file in damaged or len(damaged) == _MOST_DAMAGED:
                raise
            if len(series.files) == 1 and len(study.series) == 1:
                raise
            damaged.append(error.file)


_SAID_BY_HEADERS = {"resolution": "thick slices", "coverage": "small coverage"}
"""Checks whose fault the series' own findings name already."""


def judged(case: Case, steps: Steps) -> Case:
    """The case with what the quality checks found; refused where one of them stops it."""
    from procguide.quality.assess import assess_quality
    from procguide.quality.examine import examine_volume

    with steps.step("quality"):
        series = None if case.series.volume is not None else case.series
        faults = assess_quality(examine_volume(case.volume, series)).faults
    said = {finding.name for finding in case.findings}
    faults = tuple(finding for finding in faults if _SAID_BY_HEADERS.get(finding.name) not in said)
    for finding in faults:
        if finding.severity is Severity.STOP:
            raise InputUnfitError(f"{finding.name}: {finding.words} {finding.advice}")
    return replace(case, findings=(*case.findings, *faults))


def judged_for(case: Case, anatomy: Anatomy, procedure: str, levels: Sequence[str]) -> tuple[Finding, ...]:
    """What the quality checks find that need the labels, or to know what the image is for."""
    from procguide.quality.assess import assess_quality, checks_for
    from procguide.quality.examine import examine_volume

    found = anatomy.segmentation
    series = None if case.series.volume is not None else case.series
    sites = dict.fromkeys(name for level in levels for name in level.upper().split("-"))
    examined = examine_volume(case.volume, series, labels=found.regions, task=procedure)
    examined = replace(examined, levels=found.levels, sites=tuple(sites))
    return assess_quality(examined, [check for check in checks_for(examined.kind) if check.needs]).faults


def check_device(device: str) -> str:
    """``auto``, ``cpu`` or ``cuda``, and that there is one."""
    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"{device!r} is not a device; use one of auto, cpu, cuda")
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise MissingPartError(
                "no CUDA device is at hand for this torch; use --device cpu, or install a CUDA build of torch"
            )
    return device


def choose_segmenter(session: Session, model: str, labels: Path | None, trusted: bool) -> Segmenter:
    """What ``--model`` names; a foreign model's licence is said before anything runs."""
    from procguide.segmentation.adapters.segmenters import DEFAULT, ModelChoice, open_segmenter

    segmenter = open_segmenter(ModelChoice(model, labels, trusted))
    card = segmenter.card
    if card.name != DEFAULT:
        session.say(f"model: {card.name} {card.words}".rstrip())
        session.say(f"licence of the model and its weights: {card.licence}")
    return segmenter


def locate(
    case: Case,
    steps: Steps,
    *,
    labels: Path | None = None,
    lowest_level: str | None = None,
    level_at: Sequence[LevelAt] = (),
    device: str = "auto",
    segmenter: Segmenter | None = None,
) -> Anatomy:
    """Label the spine, by ``segmenter`` (else the shipped networks) or from a file; find its landmarks."""
    from procguide.anatomy.locate import locate_spine

    with steps.step("segment") as advance:
        if labels is None:
            from procguide.segmentation.adapters.segmenters import Shipped

            found = (segmenter or Shipped()).segment(
                case.volume, lowest_level=lowest_level, level_at=level_at, device=device, progress=advance
            )
            files: tuple[Path, ...] = ()
        else:
            found, files = _from_files(labels)
    with steps.step("locate"):
        spine = locate_spine(found.levels, found.regions, anchor=found.anchor, confidence=found.confidence)
    return Anatomy(found, spine, files)


def _from_files(labels: Path) -> tuple[Segmentation, tuple[Path, Path]]:
    """Labels that a person gives: levels in VerSe integers, and ``regions`` beside them."""
    from procguide.imaging.files import read_labels
    from procguide.segmentation.segment import Segmentation

    beside = labels.with_name(labels.name.replace("labels", "regions").replace("levels", "regions"))
    if beside == labels or not beside.exists():
        raise InputUnreadableError(
            f"{labels} needs the regions beside it, as `procguide segment` writes them: "
            "labels.nii.gz and regions.nii.gz in one folder"
        )
    levels = read_labels(labels, VERSE_NAMES)
    unknown = [label for label in levels.present() if label not in VERSE_NAMES]
    if unknown:
        raise InputUnfitError(
            f"label {unknown[0]} is not of the VerSe scheme (C1-L5 1-24, L6 25, {SACRUM} 26); convert them"
        )
    regions = read_labels(beside, {int(region): region.label for region in Region})
    levels, regions = _on_working_grid(levels, regions)
    named = {VERSE_NAMES[label]: 1.0 for label in levels.present() if VERSE_NAMES[label] != SACRUM}
    found = Segmentation(levels, regions, Anchor.USER, named, (), {"labels": "given"})
    return found, (labels, beside)


def _on_working_grid(levels: LabelMap, regions: LabelMap) -> tuple[LabelMap, LabelMap]:
    """Both on one lattice round the spine, as the networks give them."""
    from procguide.imaging.resample import resample, working_grid

    index = np.argwhere(levels.voxels)
    if not len(index):
        raise InputUnfitError("the label file is empty; give one that names vertebrae")
    points = levels.to_patient(index[:: max(1, len(index) // 100_000)])
    box = (points.min(axis=0) - _LABELS_MARGIN_MM, points.max(axis=0) + _LABELS_MARGIN_MM)
    grid = working_grid(levels.grid, _LABELS_SPACING_MM, box)
    return resample(levels, grid), resample(regions, grid)


def on_input_grid(anatomy: Anatomy, case: Case) -> Mapping[str, LabelMap]:
    """``labels`` and ``regions`` on the input's own lattice."""
    from procguide.imaging.resample import resample

    grid, found = case.volume.grid, anatomy.segmentation
    regions = resample(found.regions, grid)
    if found.organs is not None:  # beyond the working lattice too
        organs = resample(found.organs, grid).voxels
        merged = np.where(regions.voxels == Region.BACKGROUND, organs, regions.voxels)
        regions = regions.with_voxels(merged.astype(regions.voxels.dtype))
    return {"labels": resample(found.levels, grid), "regions": regions}
