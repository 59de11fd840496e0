"""From a foreign model's labels to a :class:`Segmentation` as the shipped networks give it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import CANAL_CONTENT, SACRUM, VERSE_LABELS, VERSE_NAMES, VERTEBRA, Anchor, Region
from procguide.errors import InputUnfitError
from procguide.findings import Finding
from procguide.imaging import Grid, LabelMap, Modality, Volume
from procguide.imaging.resample import resample, working_grid
from procguide.segmentation.adapters import words
from procguide.segmentation.adapters.foreign import ForeignLabels, ModelCard
from procguide.segmentation.adapters.levels import LevelNames, bones_of, counted_names, given_names
from procguide.segmentation.adapters.meanings import single_region
from procguide.segmentation.adapters.parting import canal_of_rings, in_front_of
from procguide.segmentation.hints import LevelAt, stated_levels
from procguide.segmentation.instances import Instances
from procguide.segmentation.segment import Segmentation

__all__ = ["assemble"]

_SPACING_MM = 1.5
_MARGIN_MM = np.array([75.0, 20.0, 15.0])
_MIN_SPINE_MM3 = 2000.0
_CORD_TO_WALL_MM = 3.0
"""From a cord's front to the canal's: about 3 mm of fluid and fat (assumed)."""
_WHOLE = 255
"""Stands for a whole vertebra among region numbers, until body and arch are parted."""


@dataclass
class _Canvas:
    """One working lattice ``(k, j, i)`` on which the answer is put together."""

    grid: Grid
    levels: NDArray[np.uint8]
    regions: NDArray[np.uint8]
    findings: list[Finding] = field(default_factory=list)

    @property
    def spacing_mm(self) -> float:
        return float(self.grid.affine.spacing[0])

    def mask(self, *regions: int) -> NDArray[np.bool_]:
        return np.isin(self.regions, regions)


def assemble(
    answers: Sequence[ForeignLabels],
    volume: Volume,
    card: ModelCard,
    lowest_level: str | None = None,
    level_at: Sequence[LevelAt] = (),
) -> Segmentation:
    """Put ``answers`` on one lattice, part vertebrae into body and arch, and name what has no name.

    The model's names are kept, and said to be the model's. Without names the levels are counted from
    landmarks, ``lowest_level`` and ``level_at``. :class:`InputUnfitError` where no vertebra was labelled or
    nothing names them.
    """
    canvas = _canvas(answers)
    for answer in answers:
        _paint(canvas, answer)
    _part_vertebrae(canvas)
    bones = bones_of(canvas.levels, canvas.regions, canvas.spacing_mm)
    stated = stated_levels(bones, canvas.grid, level_at)
    named = _name(canvas, card, bones, lowest_level, stated)
    return _segmentation(canvas, named, volume, card)


def _canvas(answers: Sequence[ForeignLabels]) -> _Canvas:
    """The lattice round all that is of the spine."""
    points = [_spine_points(answer) for answer in answers]
    found = np.concatenate([own for own in points if len(own)] or [np.zeros((0, 3))])
    if not len(found):
        raise InputUnfitError(
            "the model labelled no vertebra in this image; load a CT or MRI of the spine, and check that the "
            "model is one for it"
        )
    box = (found.min(axis=0) - _MARGIN_MM, found.max(axis=0) + _MARGIN_MM)
    grid = working_grid(answers[0].labels.grid, _SPACING_MM, box)
    return _Canvas(grid, np.zeros(grid.shape, dtype=np.uint8), np.zeros(grid.shape, dtype=np.uint8))


def _spine_points(answer: ForeignLabels) -> NDArray[np.float64]:
    """``(n, 3)`` LPS mm of voxels of vertebrae and sacrum; none where they are too few to be one."""
    own = [
        label for label, meaning in answer.meanings.items() if {*VERTEBRA, Region.SACRUM} & {*meaning.regions}
    ]
    labels = answer.labels
    index = np.argwhere(labels.mask(*own)) if own else np.zeros((0, 3))
    if len(index) * abs(float(np.linalg.det(labels.affine.matrix[:3, :3]))) < _MIN_SPINE_MM3:
        return np.zeros((0, 3))
    return labels.to_patient(index[:: max(1, len(index) // 100_000)])


def _paint(canvas: _Canvas, answer: ForeignLabels) -> None:
    """Lay one map over what is there: it says more exactly what earlier ones said."""
    labels = resample(answer.labels, canvas.grid).voxels
    size = int(max(labels.max(), *answer.meanings)) + 1
    to_region, to_level = np.zeros(size, dtype=np.uint8), np.zeros(size, dtype=np.uint8)
    for label, meaning in answer.meanings.items():
        region = single_region(meaning)
        to_region[label] = _WHOLE if region is None else region
        to_level[label] = VERSE_LABELS[meaning.level] if meaning.level is not None else 0
    regions, levels = to_region[labels], to_level[labels]
    more = (regions > 0) & ((regions != _WHOLE) | ~canvas.mask(*VERTEBRA))
    canvas.regions[more] = regions[more]
    canvas.levels[levels > 0] = levels[levels > 0]


def _part_vertebrae(canvas: _Canvas) -> None:
    """Body and arch of vertebrae that are labelled whole, and a canal where the model has none."""
    vertebral = canvas.mask(_WHOLE, *VERTEBRA)
    if not canvas.mask(Region.CANAL, Region.THECAL_SAC).any():
        bone = vertebral | canvas.mask(Region.SACRUM)
        rings = canal_of_rings(bone, canvas.spacing_mm) & ~canvas.mask(Region.DISC, Region.SPINAL_CORD)
        canvas.regions[rings] = Region.CANAL
        canvas.findings += words.drawn_canal() if rings.any() else words.no_canal()
    whole = canvas.mask(_WHOLE)
    if not whole.any():
        return
    has_body = _with_bodies(canvas, whole)
    canvas.regions[whole & has_body] = Region.ARCH
    whole &= ~has_body
    if not whole.any():
        return
    before = _before_canal(canvas)
    canvas.regions[whole] = Region.BODY
    if before is None:
        canvas.findings += words.not_parted()
        return
    canvas.regions[whole & ~before] = Region.ARCH
    canvas.findings += words.parted()


def _with_bodies(canvas: _Canvas, whole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a vertebra has a body of the model's own, of at least a tenth of it."""
    body = canvas.mask(Region.BODY)
    if not body.any():
        return np.zeros_like(whole)
    if not canvas.levels[whole].any():
        return whole
    bodies = np.bincount(canvas.levels[body], minlength=256)
    wholes = np.bincount(canvas.levels[whole], minlength=256)
    return np.asarray((bodies >= 0.1 * wholes)[canvas.levels] & whole)


def _before_canal(canvas: _Canvas) -> NDArray[np.bool_] | None:
    canal = canvas.mask(*(region for region in CANAL_CONTENT if region is not Region.SPINAL_CORD))
    if canal.any():
        return in_front_of(canal | canvas.mask(Region.SPINAL_CORD), canvas.spacing_mm)
    before = in_front_of(canvas.mask(Region.SPINAL_CORD), canvas.spacing_mm)
    if before is None:
        return None
    rows = round(_CORD_TO_WALL_MM / canvas.spacing_mm)
    return np.asarray(np.pad(before, ((0, 0), (0, rows), (0, 0)))[:, rows:])


def _name(
    canvas: _Canvas, card: ModelCard, bones: Instances, lowest_level: str | None, stated: Mapping[int, str]
) -> LevelNames:
    """Levels of the model, or counted; ``canvas.levels`` then holds them."""
    vertebral = canvas.mask(*VERTEBRA)
    canvas.levels[~vertebral & ~canvas.mask(Region.SACRUM)] = 0
    canvas.levels[canvas.mask(Region.SACRUM)] = VERSE_LABELS[SACRUM]
    given = given_names(canvas.levels, canvas.spacing_mm)
    if given is not None and lowest_level is None and not stated:
        canvas.regions[vertebral & (canvas.levels == 0)] = Region.BACKGROUND
        findings = (*words.named_by(card.name, given.anchored), *given.findings)
        return LevelNames(Anchor.MODEL, given.confidence, findings)
    counted = counted_names(canvas.regions, bones, canvas.spacing_mm, lowest_level, stated)
    table = np.zeros(bones.count + 1, dtype=np.uint8)
    table[1:] = [VERSE_LABELS[level] for level in counted.levels]
    before = canvas.levels[vertebral]
    canvas.levels[vertebral] = table[bones.labels][vertebral]
    canvas.regions[vertebral & (canvas.levels == 0)] = Region.BACKGROUND
    canvas.regions[vertebral & (canvas.levels == VERSE_LABELS[SACRUM])] = Region.SACRUM
    findings = tuple(counted.findings)
    if given is not None and not np.array_equal(before, canvas.levels[vertebral]):
        findings += tuple(words.renamed(card.name))
    return LevelNames(counted.anchor, counted.confidence, findings, counted.anchors)


def _segmentation(canvas: _Canvas, named: LevelNames, volume: Volume, card: ModelCard) -> Segmentation:
    affine, source = canvas.grid.affine, volume.source
    names = {int(label): VERSE_NAMES[int(label)] for label in np.unique(canvas.levels) if label}
    return Segmentation(
        levels=LabelMap(canvas.levels, affine, Modality.OTHER, source, names),
        regions=LabelMap(
            canvas.regions, affine, Modality.OTHER, source, {int(region): region.label for region in Region}
        ),
        anchor=named.anchor,
        confidence=dict(named.confidence),
        findings=(*named.findings, *canvas.findings),
        anchors=named.anchors or (named.anchor,),
        models={card.name: f"{card.words}; licence: {card.licence}"},
    )
