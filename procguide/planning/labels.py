"""What each label of a segmentation is, seen by a network or modelled from bone: ``labels.json``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from procguide.anatomy import BONE, CANAL_CONTENT, VERSE_NAMES, Region, Side, Spine
from procguide.planning.nouns import StructureOrigin, Tube
from procguide.planning.structures.dura import dura_spread_mm
from procguide.planning.structures.foramen import foramen_depth
from procguide.planning.structures.nerves import exiting_root, nerve_spread_mm
from procguide.segmentation import NETWORK_CLASS
from procguide.segmentation.classes import ORGAN_CLASSES
from procguide.segmentation.segment import LOCATOR, VERTEBRAE, Segmentation
from procguide.segmentation.surroundings import FROM_LOCATOR, ORGANS

__all__ = [
    "SCHEMA",
    "Labelled",
    "LabelsDescription",
    "Modelled",
    "describe_labels",
    "labels_to_json",
    "remarks_of",
]

SCHEMA = "procguide.labels/1"

_ROOT = "nerve root and ganglion"
_ROOT_MODEL = "course about the pedicle's lower border and the posterior wall (planning.structures.nerves)"
_DURA_MODEL = "canal in front of the line through the laminae's upper edges (planning.structures.dura)"
_NOT_SEEN = "modelled from bone, not seen"


@dataclass(frozen=True)
class Labelled:
    """A structure that occurs in the labels: its number there, its name, and ``by`` which networks.

    ``by`` maps each network's name to its version; the second, if any, saw what lies beyond the first's
    windows.
    """

    label: int
    name: str
    by: Mapping[str, str]


@dataclass(frozen=True)
class Modelled:
    """A structure that no image showed: by which geometric model, how far it may really lie off (SD, mm).

    ``course`` is its centre line with radii, where it has one.
    """

    name: str
    kind: str
    model: str
    spread_mm: float
    level: str = ""
    side: Side | None = None
    course: Tube | None = None
    words: str = _NOT_SEEN


@dataclass(frozen=True)
class LabelsDescription:
    """All that a segmentation holds: ``seen`` regions in the labels' order, and what is ``modelled``."""

    seen: tuple[Labelled, ...]
    modelled: tuple[Modelled, ...]

    @property
    def network(self) -> tuple[str, str]:
        """Name and version of what labelled the spine; ours bear the software's name."""
        name, version = next((pair for one in self.seen for pair in one.by.items()), ("unknown", ""))
        return (f"procguide {name}" if name in (LOCATOR, VERTEBRAE, ORGANS) else name), version

    @property
    def courses(self) -> tuple[Tube, ...]:
        """Centre lines of modelled nerves."""
        return tuple(one.course for one in self.modelled if one.course is not None)


def describe_labels(found: Segmentation, spine: Spine) -> LabelsDescription:
    """What of ``found`` a network saw, and what bone lets expect beside it.

    Nerve roots and ganglia are modelled where pedicles were found, the dura where there is a canal and no
    network told the thecal sac apart.
    """
    present = [Region(label) for label in found.regions.present() if label in set(Region)]
    seen = tuple(Labelled(int(region), region.label, _networks(region, found.models)) for region in present)
    return LabelsDescription(seen, (*_roots(found, spine), *_dura(present, spine)))


def _networks(region: Region, models: Mapping[str, str]) -> dict[str, str]:
    """Names and versions of the networks that label ``region``.

    Ours are a locator, which also shows the bone beyond the windows of the one for the spine, and one for
    organs. Labels from elsewhere have one source.
    """
    organ = NETWORK_CLASS.get(region) in ORGAN_CLASSES[1:]
    if organ and ORGANS in models:
        return {ORGANS: models[ORGANS]}
    if VERTEBRAE in models:
        names = (VERTEBRAE, LOCATOR) if NETWORK_CLASS.get(region) in FROM_LOCATOR else (VERTEBRAE,)
        return {name: models[name] for name in names if name in models}
    return dict(models)


def _roots(found: Segmentation, spine: Spine) -> Iterable[Modelled]:
    """A course a level and side, where a pedicle was found and the field does not cut the vertebra.

    Cervical roots run otherwise and have none.
    """
    bone = (found.levels.voxels > 0) | found.regions.mask(*BONE)
    for vertebra in spine.vertebrae:
        modelled = vertebra.complete and vertebra.level[0] in "TL"
        for side in vertebra.pedicles if modelled else ():
            course = exiting_root(vertebra, side, foramen_depth(vertebra, side, bone, found.levels))
            spread_mm = nerve_spread_mm(vertebra.level)
            yield Modelled(course.name, _ROOT, _ROOT_MODEL, spread_mm, vertebra.level, side, course)


def _dura(present: Iterable[Region], spine: Spine) -> Iterable[Modelled]:
    """An entry a level; what is seen of the sac at all is believed."""
    regions = set(present)
    told_apart = {Region.THECAL_SAC, Region.DURA, Region.CEREBROSPINAL_FLUID}
    if regions & set(CANAL_CONTENT) and not regions & told_apart:
        for vertebra in spine.vertebrae:
            level = vertebra.level
            yield Modelled(f"{level} dura", "dura", _DURA_MODEL, dura_spread_mm(level), level)


def remarks_of(found: Segmentation, spine: Spine) -> dict[str, str]:
    """A sentence by level: what its name hangs on, how sure it is, and whether the vertebra is whole."""
    complete = {vertebra.level: vertebra.complete for vertebra in spine.vertebrae}
    remarks = {}
    for level, confidence in found.confidence.items():
        whole = {True: "", False: "; not wholly in view"}.get(complete.get(level, True), "")
        remarks[level] = f"name anchored on: {found.anchor.value}, confidence {confidence:.2f}{whole}"
    return remarks


def labels_to_json(
    description: LabelsDescription, found: Segmentation, spine: Spine, files: Mapping[str, str]
) -> dict[str, Any]:
    """The document of ``labels.json``; ``files`` names the files of levels, regions and sides beside it."""
    return {
        "schema": SCHEMA,
        "space": "patient LPS, mm",
        "levels": _levels_to_json(found, spine, files["levels"]),
        "regions": {
            "file": files["regions"],
            "labels": [
                {
                    "label": one.label,
                    "name": one.name,
                    "origin": StructureOrigin.SEGMENTED.value,
                    "by": dict(one.by),
                }
                for one in description.seen
            ],
        },
        "sides": None
        if "sides" not in files or found.sides is None
        else {
            "file": files["sides"],
            "labels": [{"label": label, "name": found.sides.names[label]} for label in found.sides.present()],
            "how": "geometry: which side of its own vertebra's mid-sagittal plane; not seen by a network",
        },
        "modelled": [_modelled_to_json(one) for one in description.modelled],
        "remarks": [
            "left and right are the patient's own",
            "spread_sd_mm: standard deviation of the true structure's surface about the modelled one",
        ],
    }


def _levels_to_json(found: Segmentation, spine: Spine, file: str) -> dict[str, Any]:
    complete = {vertebra.level: vertebra.complete for vertebra in spine.vertebrae}
    return {
        "file": file,
        "scheme": "VerSe: C1-C7 1-7, T1-T12 8-19, L1-L5 20-24, L6 25, sacrum 26, coccyx 27, T13 28",
        "anchor": found.anchor.value,
        "labels": [
            {
                "label": label,
                "name": VERSE_NAMES[label],
                "confidence": found.confidence.get(VERSE_NAMES[label]),
                "complete": complete.get(VERSE_NAMES[label]),
            }
            for label in found.levels.present()
            if label in VERSE_NAMES
        ],
    }


def _modelled_to_json(one: Modelled) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": one.name,
        "kind": one.kind,
        "origin": StructureOrigin.MODELLED.value,
        "words": one.words,
        "model": one.model,
        "spread_sd_mm": one.spread_mm,
    }
    if one.level:
        entry["level"] = one.level
    if one.side is not None:
        entry["side"] = one.side.value
    if one.course is not None:
        entry["points"] = [[round(value, 2) for value in point] for point in one.course.points]
        entry["radii_mm"] = list(one.course.radii_mm)
    return entry
