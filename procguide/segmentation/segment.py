"""From a volume to labelled vertebrae: locate at 3 mm, refine round the spine, name; organs on CT."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.anatomy import SACRUM, VERSE_LABELS, VERSE_NAMES, Anchor, Region
from procguide.errors import InputUnfitError
from procguide.findings import Finding, Severity
from procguide.imaging import LabelMap, Modality, Volume
from procguide.imaging.resample import resample
from procguide.segmentation.bone_edges import edges_on_ct
from procguide.segmentation.classes import CANAL_PARTS, VERTEBRAL, TissueClass
from procguide.segmentation.column_ends import continued
from procguide.segmentation.dense_ribs import complete_ribs
from procguide.segmentation.dense_sacrum import complete_sacrum, with_room_below
from procguide.segmentation.hints import LevelAt, stated_levels
from procguide.segmentation.inference import Prediction, predict
from procguide.segmentation.instances import Instances, claim_for_sacrum, separate, settled
from procguide.segmentation.naming import Naming, name_levels
from procguide.segmentation.network import NetworkSpec
from procguide.segmentation.processes import claim_processes
from procguide.segmentation.runtime import choose_device
from procguide.segmentation.sacroiliac_cleft import parted_at_the_joint
from procguide.segmentation.sides import LEFT, RIGHT, arch_sides
from procguide.segmentation.surroundings import ORGANS, around, find_organs

__all__ = ["Segmentation", "segment"]

LOCATOR = "locator"
VERTEBRAE = "vertebrae"

_MARGIN_MM = np.array([15.0, 20.0, 15.0])
_BEHIND_MM = 35.0
_LATERAL_MM = 95.0
_BETWEEN = (TissueClass.DISC, TissueClass.SACRUM, *CANAL_PARTS)
_SPINE_HALF_WIDTH_MM = 70.0
_MIN_COLUMN_MM3 = 10_000.0
_SMALL_FIELD_MM = 120.0
_LOOK_MM = 6.0
_MIN_CANAL_MM3 = 1_000.0

Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Labels on one working lattice round the spine (superior, posterior, left; the fine network's).

    ``levels`` holds VerSe integers (a vertebra is its body and arch; the sacrum is 26), ``regions``
    :class:`Region` numbers. ``confidence`` is that of each level's name, ``anchor`` the landmark that
    bears the names most, ``anchors`` all of them. ``instances`` numbers the vertebrae from the lowest
    upward (1, 2, ...), named or not; ``sides`` says left (100) or right (200) on the paired parts of arches.
    ``organs`` are what needles must avoid (:class:`Region` numbers, on a
    coarser lattice over the whole field), where they were looked for; near the spine ``regions`` has them
    too.
    """

    levels: LabelMap
    regions: LabelMap
    anchor: Anchor
    confidence: Mapping[str, float]
    findings: tuple[Finding, ...]
    models: Mapping[str, str]
    instances: LabelMap | None = None
    anchors: tuple[Anchor, ...] = ()
    sides: LabelMap | None = None
    organs: LabelMap | None = None


def segment(
    volume: Volume,
    *,
    lowest_level: str | None = None,
    level_at: Sequence[LevelAt] = (),
    require_anchor: bool = True,
    networks: Mapping[str, str] | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> Segmentation:
    """Segment and name every vertebra in view.

    ``lowest_level`` names the lowest vertebra that is wholly in view, ``level_at`` others by a point;
    without them the sacrum, the lowest rib or C2 must be seen. :class:`InputUnfitError` where there is no
    spine or nothing to count from; with ``require_anchor`` False the latter gives vertebrae without names
    (``anchor`` is ``NONE``, ``levels`` holds the sacrum at most, ``instances`` all), and a canal alone is
    enough. ``networks`` gives bundles of this project's kind, by folder, in place of the shipped ones
    (``"locator"``, ``"vertebrae"``, ``"organs"``). ``progress`` gets the step in words and its share done,
    on the calling thread.
    """
    chosen = choose_device(device)
    say = progress or (lambda _step, _share: None)
    fine, models = _spine(volume, networks or {}, chosen, say)
    spacing = fine.model.spacing_mm
    instances = claim_for_sacrum(fine.classes, separate(fine), spacing)
    instances = claim_processes(fine.classes, instances, spacing)
    stated = stated_levels(instances, fine.grid, level_at)
    if instances.count == 0 and not require_anchor and _shows_canal(fine):
        naming = Naming((), {}, Anchor.NONE, (), on_sacrum=False)
    else:
        naming = name_levels(
            fine.classes, instances, spacing, lowest_level, stated, require_anchor=require_anchor
        )
    named = _labelled(volume, fine, instances, naming, models)
    if volume.modality is not Modality.CT:
        return named
    organs = (networks or {}).get(ORGANS, ORGANS)
    return with_organs(
        with_edges(named, volume), *find_organs(volume, organs, chosen, partial(say, "finding organs"))
    )


def _shows_canal(fine: Prediction) -> bool:
    """Whether there is cord or canal where no vertebra was found, as in a crop of the neck."""
    canal = np.isin(fine.classes, CANAL_PARTS).sum()
    return bool(canal * fine.model.spacing_mm**3 >= _MIN_CANAL_MM3)


def _spine(
    volume: Volume, networks: Mapping[str, str], device: str, say: Progress
) -> tuple[Prediction, list[NetworkSpec]]:
    """The fine network's answer round the spine, and which networks were asked.

    In a field so small that the locator would see nothing round it, the fine network looks everywhere.
    """
    say_fine = partial(say, "segmenting the vertebrae")
    locator, vertebrae = networks.get(LOCATOR, LOCATOR), networks.get(VERTEBRAE, VERTEBRAE)
    extent = np.array(volume.grid.shape) * volume.grid.affine.spacing
    if (extent <= _SMALL_FIELD_MM).all():
        fine = predict(volume, vertebrae, device=device, progress=say_fine)
        return _with_whole_ribs(volume, fine), [fine.model]
    coarse = predict(volume, locator, device=device, progress=partial(say, "finding the spine"))
    spine = continued(_column(coarse), coarse.model.spacing_mm)
    box, near = _spine_box(coarse, spine), _near(spine, coarse)
    fine = predict(volume, vertebrae, region=box, where=near, device=device, progress=say_fine)
    models = [coarse.model, fine.model]
    if volume.modality is not Modality.CT:
        return replace(fine, classes=around(fine, coarse)), models
    fine = with_room_below(volume, fine)
    fine = replace(fine, classes=around(fine, coarse))
    fine = replace(fine, classes=complete_sacrum(volume, fine))
    return _with_whole_ribs(volume, fine), models


def _with_whole_ribs(volume: Volume, answer: Prediction) -> Prediction:
    """On CT, ribs completed by their density."""
    return (
        replace(answer, classes=complete_ribs(volume, answer)) if volume.modality is Modality.CT else answer
    )


def _near(spine: NDArray[np.bool_], coarse: Prediction) -> LabelMap:
    """Where the fine network should look: the spine and 6 mm round it."""
    grown = ndimage.binary_dilation(spine, iterations=max(1, round(_LOOK_MM / coarse.model.spacing_mm)))
    return LabelMap(grown.astype(np.uint8), coarse.grid.affine, Modality.OTHER)


def _column(coarse: Prediction) -> NDArray[np.bool_]:
    """The column and what of the spine hangs together with it, on the locator's lattice."""
    column = separate(coarse).labels > 0
    if column.sum() * coarse.model.spacing_mm**3 < _MIN_COLUMN_MM3:
        raise InputUnfitError(
            "no spine was found in this image; load a CT or MRI of the spine, and check that it is not "
            "of another body part"
        )
    middle = float(np.median(np.nonzero(column)[2]))
    aside = np.abs(np.arange(column.shape[2]) - middle) * coarse.model.spacing_mm > _SPINE_HALF_WIDTH_MM
    spine = column | (np.isin(coarse.classes, _BETWEEN) & ~aside)
    pieces = cc3d.connected_components(ndimage.binary_dilation(spine, iterations=1), connectivity=26)
    main = np.bincount(pieces[column]).argmax()
    return np.asarray((pieces == main) & spine)


def _spine_box(
    coarse: Prediction, spine: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The LPS box round the column, with room for what lies beside and behind it."""
    points = coarse.grid.affine.apply(np.argwhere(spine))
    low, high = points.min(axis=0) - _MARGIN_MM, points.max(axis=0) + _MARGIN_MM
    high[1] += _BEHIND_MM - _MARGIN_MM[1]
    centre = np.median(points, axis=0)[0]
    low[0], high[0] = min(low[0], centre - _LATERAL_MM), max(high[0], centre + _LATERAL_MM)
    return low, high


def _labelled(
    volume: Volume,
    fine: Prediction,
    instances: Instances,
    naming: Naming,
    models: Sequence[NetworkSpec],
) -> Segmentation:
    """Put names and numbers on the instances; regions where no instance claims a vertebra are dropped."""
    table = np.zeros(instances.count + 1, dtype=np.uint8)
    if naming.levels:
        fine.classes[(instances.labels == 1) & (naming.levels[0] == SACRUM)] = TissueClass.SACRUM
        instances = settled(instances, naming.levels)
        table = np.array([0, *(VERSE_LABELS[level] for level in naming.confidence)], dtype=np.uint8)
    levels = table[instances.labels]
    sacrum = _largest((fine.classes == TissueClass.SACRUM) & naming.on_sacrum)
    levels[sacrum] = VERSE_LABELS[SACRUM]
    to_region = np.array([tissue.region for tissue in TissueClass], dtype=np.uint8)
    regions = to_region[fine.classes]
    stray = np.isin(fine.classes, VERTEBRAL) & (instances.labels == 0)
    stray |= (fine.classes == TissueClass.SACRUM) & ~sacrum
    canal = np.isin(fine.classes, CANAL_PARTS)
    stray |= canal & ~_without_islands(canal)
    regions[stray] = Region.BACKGROUND
    affine = fine.grid.affine
    names = {label: VERSE_NAMES[int(label)] for label in np.unique(levels) if label}
    region_names = {int(region): region.label for region in Region}
    source = volume.source
    return Segmentation(
        levels=LabelMap(levels, affine, Modality.OTHER, source, names),
        regions=LabelMap(regions, affine, Modality.OTHER, source, region_names),
        anchor=naming.anchor,
        anchors=naming.anchors,
        instances=LabelMap(instances.labels, affine, Modality.OTHER, source, _numbers(instances)),
        sides=LabelMap(
            arch_sides(fine.classes, instances, fine.model.spacing_mm),
            affine,
            Modality.OTHER,
            source,
            {LEFT: "left", RIGHT: "right"},
        ),
        confidence=naming.confidence,
        findings=(*naming.findings, *_doubts(naming)),
        models={net.name: net.version for net in models},
    )


def with_edges(found: Segmentation, volume: Volume) -> Segmentation:
    """The same with the edges of bone where ``volume``, a CT, shows them."""
    shift = edges_on_ct(found.levels, found.regions, volume)
    if shift is None:
        return found
    levels, regions = parted_at_the_joint(shift.on(found.levels), shift.on(found.regions), volume)
    return replace(
        found,
        levels=levels,
        regions=regions,
        instances=None if found.instances is None else shift.on(found.instances),
        sides=None if found.sides is None else shift.on(found.sides),
    )


def with_organs(found: Segmentation, organs: LabelMap, model: NetworkSpec) -> Segmentation:
    """The same with ``organs``, and with them in ``regions`` where nothing else is."""
    near = resample(organs, found.regions.grid).voxels
    regions = np.where(found.regions.voxels == Region.BACKGROUND, near, found.regions.voxels)
    return replace(
        found,
        regions=found.regions.with_voxels(regions.astype(np.uint8)),
        organs=organs,
        models={**found.models, model.name: model.version},
    )


def _numbers(instances: Instances) -> dict[int, str]:
    return {n: f"vertebra {n} from below" for n in range(1, instances.count + 1)}


def _without_islands(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest piece, and those of at least a tenth of it: a canal may be cut by a poor slice."""
    pieces = cc3d.connected_components(mask, connectivity=26)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= 0.1 * sizes.max())[pieces] & mask)


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(cc3d.largest_k(mask, k=1, connectivity=26) > 0) if mask.any() else mask


def _doubts(naming: Naming) -> list[Finding]:
    doubtful = [level for level, confidence in naming.confidence.items() if confidence < 0.6]
    if not doubtful:
        return []
    return [
        Finding(
            "level confidence",
            Severity.CAUTION,
            f"the names of {', '.join(doubtful)} are doubtful",
            "check the levels on the preview before you use this plan",
            score=min(naming.confidence.values()),
            limit=0.6,
        )
    ]
