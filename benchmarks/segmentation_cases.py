"""The real cases that segmentation is measured on: images, references, and what they were used for.

Everything here was written down from the cases' own labels and from looking at the images, before any
result was seen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from procguide.anatomy import LEVELS, Region
from procguide.anatomy.vocabularies import Vocabulary
from procguide.evaluation import Side
from procguide.imaging import LabelMap, Modality
from procguide.imaging.files import read_labels

__all__ = ["CASES", "HELD_OUT", "REAL", "Case"]

ROOT = Path(__file__).resolve().parent.parent
REAL = Path(os.environ.get("PROCGUIDE_REAL_DATA", ROOT.parent / "shared" / "data"))
HELD_OUT = "held out"
UPWARD = tuple(reversed(LEVELS))

References = Callable[[], tuple[Side, ...]]


@dataclass(frozen=True)
class Case:
    """One image.

    ``use`` says whether the networks saw it. ``anchor`` is what in view tells the levels, or None.
    ``names`` are the true levels of vertebrae that the reference only counts (``number 1`` is its
    lowest). ``body_heights`` are centres of bodies that were read by eye, z in LPS mm.
    ``within_range``: the reference labels only some of the vertebrae or discs in view.
    """

    name: str
    image: Path
    references: References = tuple
    use: str = HELD_OUT
    organs_use: str = HELD_OUT
    anchor: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    body_heights: Mapping[str, float] = field(default_factory=dict)
    within_range: bool = False
    modality: Modality | None = None


def _labels(path: str, table: Mapping[int, int] | None = None, drop: tuple[int, ...] = ()) -> LabelMap:
    """A label map; ``table`` renumbers it (what it does not list goes), ``drop`` clears labels."""
    labels = read_labels(REAL / path, {})
    if table is not None:
        voxels = np.zeros_like(labels.voxels)
        for old, new in table.items():
            voxels[labels.voxels == old] = new
        labels = labels.with_voxels(voxels)
    return labels.with_voxels(np.where(np.isin(labels.voxels, drop), 0, labels.voxels)) if drop else labels


def _lumbar_ct() -> tuple[Side, ...]:
    """Label 26 is S1 alone, which is no sacrum; its body, which is sacrum to the networks, is left out."""
    levels = _labels("ct_lumbar_3mm/labels_totalseg_v2.nii.gz")
    parts = _labels("ct_lumbar_3mm/labels_body_disc.nii.gz", {1: Region.BODY, 2: Region.DISC})
    parts = parts.with_voxels(np.where(levels.voxels == 26, 0, parts.voxels))
    return Side.of((levels, Vocabulary.TOTALSEGMENTATOR)), Side.of((parts, Vocabulary.REGIONS))


def _thorax() -> tuple[Side, ...]:
    return (Side.of((_labels("ct_thorax/labels_totalseg_v2.nii.gz"), Vocabulary.TOTALSEGMENTATOR)),)


def _ct_crop() -> tuple[Side, ...]:
    return (
        Side.of(
            (_labels("ct_l3_crop/seg-vert_label-22_msk.nii.gz"), Vocabulary.TPTBOX_INSTANCES),
            (_labels("ct_l3_crop/seg-subreg_label-22_msk.nii.gz"), Vocabulary.TPTBOX),
        ),
    )


def _mri_crop() -> tuple[Side, ...]:
    """Its vertebrae are numbered 5, 6, 7 downward, which are not levels: they are counted."""
    return (
        Side.of(
            (
                _labels("mri_l_crop/seg-vert_label-6_msk.nii.gz", {7: 1, 6: 2, 5: 3}),
                Vocabulary.COUNTED_VERTEBRAE,
            ),
            (_labels("mri_l_crop/seg-subreg_label-6_msk.nii.gz"), Vocabulary.TPTBOX),
        ),
    )


def _cord(path: str) -> References:
    return lambda: (Side.of((_labels(path, {1: Region.SPINAL_CORD}), Vocabulary.REGIONS)),)


def _counted(name: str, vocabulary: Vocabulary, drop: tuple[int, ...]) -> References:
    return lambda: (Side.of((_labels(f"mri_lumbar/{name}_mask.nii.gz", drop=drop), vocabulary)),)


def _bodies(name: str, first: int, count: int) -> Case:
    """A lumbar MRI with bodies counted from the lowest; number ``first`` is L5, what is below it is S1.

    S1 is left out: what it is to the networks is sacrum.
    """
    return Case(
        f"mri_lumbar {name}",
        REAL / f"mri_lumbar/{name}_image.nii.gz",
        _counted(name, Vocabulary.COUNTED_BODIES, tuple(range(1, first))),
        anchor="sacrum",
        names={f"number {n}": UPWARD[n - first] for n in range(first, count + 1)},
        within_range=True,
        modality=Modality.MR,
    )


def _discs(name: str) -> Case:
    return Case(
        f"mri_lumbar {name}",
        REAL / f"mri_lumbar/{name}_image.nii.gz",
        _counted(name, Vocabulary.COUNTED_DISCS, ()),
        anchor="sacrum",
        within_range=True,
        modality=Modality.MR,
    )


CASES = (
    Case("ct_lumbar_3mm", REAL / "ct_lumbar_3mm/ct.nii.gz", _lumbar_ct, anchor="sacrum"),
    Case(
        "ct_thorax",
        REAL / "ct_thorax/ct.nii.gz",
        _thorax,
        use="trained on its label map, not its image",
        anchor="last rib",
    ),
    Case(
        "ct_l3_crop",
        REAL / "ct_l3_crop/label-22_ct.nii.gz",
        _ct_crop,
        use="seen by the first version, with its arch as a whole; these weights began with that one's",
    ),
    Case(
        # The mid-sagittal view: the last ribs join the vertebra at -528, and L5 rests on the sacrum.
        "ct_abdomen_dicom",
        REAL / "ct_abdomen_dicom",
        anchor="sacrum",
        body_heights={"T12": -528.0, "L1": -562.0, "L2": -596.0, "L3": -631.0, "L4": -667.0, "L5": -701.0},
    ),
    Case(
        "mri_l_crop",
        REAL / "mri_l_crop/label-6_T2w.nii.gz",
        _mri_crop,
        use="trained on its image and labels",
        modality=Modality.MR,
    ),
    _bodies("VB1_02", 2, 9),
    _bodies("VB1_15", 2, 7),
    _bodies("VB2_04", 1, 7),
    _bodies("VB3_01", 1, 5),
    _bodies("VB3_20", 1, 5),
    _discs("IVD_11"),
    _discs("IVD_20"),
    Case(
        "mri_cervical T1",
        REAL / "mri_cervical/t1_t1w.nii.gz",
        _cord("mri_cervical/t1_t1w_seg-manual.nii.gz"),
        modality=Modality.MR,
    ),
    Case(
        "mri_cervical T2",
        REAL / "mri_cervical/t2_t2.nii.gz",
        _cord("mri_cervical/t2_t2_seg-manual.nii.gz"),
        modality=Modality.MR,
    ),
)
"""Lumbar MRI: in VB1 the lowest mask is S1 (it lies steeply behind and below the next), in VB2 and VB3
L5, in IVD L5-S1. That five lumbar vertebrae lie above the sacrum in each is assumed."""
