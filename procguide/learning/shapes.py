"""Anatomies to train on: phantoms, and real label maps whose licence allows it.

A shape is a set of label arrays on one isotropic working lattice; the synthesis gives it intensities.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.anatomy import VERTEBRA, Region
from procguide.imaging import LabelMap, Volume
from procguide.imaging.resample import resample, working_grid
from procguide.learning.ambiguity import Unsure
from procguide.segmentation import VERTEBRAL, TissueClass, class_of

__all__ = [
    "TrainingShape",
    "from_cord",
    "from_phantom",
    "from_subregions",
    "from_totalsegmentator",
    "load",
    "save",
]


class ExtraTissue(IntEnum):
    """Tissues that need an intensity of their own beyond :class:`Region`, numbered after it."""

    LUNG = 70
    ORGAN = 71
    BOWEL = 72
    VESSEL = 73
    STERNUM = 74
    CLUSTER_1 = 75
    CLUSTER_2 = 76
    CLUSTER_3 = 77
    CLUSTER_4 = 78
    CLUSTER_5 = 79


@dataclass(frozen=True)
class TrainingShape:
    """Label arrays ``(k, j, i)`` in the working orientation (superior, posterior, left).

    ``tissue`` decides the intensity (:class:`Region` and :class:`ExtraTissue` numbers), ``target`` the
    class to learn (:class:`TissueClass`), ``vertebra`` says to which vertebra a voxel belongs (0 is
    none), and ``body_centre`` ``(256, 3)`` where the centre of that one's body is, as index (k, j, i).
    ``image`` is the real image behind the labels, where its licence allows training on it.
    """

    name: str
    spacing_mm: float
    tissue: NDArray[np.uint8]
    target: NDArray[np.uint8]
    vertebra: NDArray[np.uint8]
    body_centre: NDArray[np.float32]
    image: NDArray[np.int16] | None = None


def _finish(
    name: str,
    spacing_mm: float,
    tissue: NDArray[np.uint8],
    target: NDArray[np.uint8],
    level: NDArray[np.uint8],
    image: NDArray[np.int16] | None = None,
) -> TrainingShape:
    vertebral = np.isin(target, (*VERTEBRAL, Unsure.PEDICLE_OR_LAMINA))
    vertebra = np.where(vertebral, level, 0).astype(np.uint8)
    centres = np.zeros((256, 3), dtype=np.float32)
    body = np.where(target == TissueClass.BODY, vertebra, 0)
    present = np.unique(body)[1:]
    centres[present] = np.reshape(ndimage.center_of_mass(body > 0, body, present), (-1, 3))
    vertebra = np.where(np.isin(vertebra, present), vertebra, 0).astype(np.uint8)
    return TrainingShape(name, spacing_mm, tissue, target, vertebra, centres, image)


def from_phantom(seed: int, spacing_mm: float, *, spine_only: bool = False) -> TrainingShape:
    """The phantom of that seed, whole or 30 mm round its vertebrae: fine tissues, and what to learn."""
    from procguide.phantom import build, sample_parameters

    parameters = sample_parameters(seed)
    box = None
    if spine_only:
        coarse = build(parameters, spacing_mm=4.0)
        points = coarse.levels.to_patient(np.argwhere(np.isin(coarse.regions.voxels, VERTEBRA)))
        low, high = points.min(axis=0), points.max(axis=0)
        box = (low - np.array([30.0, 30.0, 60.0]), high + np.array([30.0, 30.0, 10.0]))
    phantom = build(parameters, spacing_mm=spacing_mm, box=box)
    table = np.zeros(256, dtype=np.uint8)
    for region in Region:
        table[region] = class_of(region)
    target = table[phantom.tissues.voxels]
    level = phantom.levels.voxels.astype(np.uint8)
    return _finish(f"phantom-{seed}", spacing_mm, phantom.tissues.voxels.astype(np.uint8), target, level)


def from_totalsegmentator(labels: LabelMap, spacing_mm: float, name: str) -> TrainingShape:
    """A label map in TotalSegmentator v2 "total" numbers with spinal cord (79), such as a chest CT's.

    Body and arch are told apart by the cord, which also gives the canal; the gaps between bodies are
    the discs; what is near a label but unlabelled is soft tissue, the rest is air.
    """
    on_grid = resample(labels, working_grid(labels.grid, spacing_mm)).voxels
    vertebra = np.where((on_grid >= 27) & (on_grid <= 50), on_grid, 0).astype(np.uint8)
    cord = on_grid == 79
    canal, body = _split_by_cord(vertebra, cord, spacing_mm)
    discs = _gaps_between_bodies(body, spacing_mm) & (vertebra == 0) & ~canal
    tissue = _soft_tissue(on_grid, spacing_mm)
    target = np.zeros(on_grid.shape, dtype=np.uint8)
    for region, tissue_class, mask in (
        (Region.DISC, TissueClass.DISC, discs),
        (Region.CANAL, Unsure.IN_CANAL, canal),
        (Region.SPINAL_CORD, TissueClass.SPINAL_CORD, cord),
        (Region.ARCH, TissueClass.ARCH, vertebra > 0),
        (Region.BODY, TissueClass.BODY, body),
        (Region.RIB, TissueClass.RIB, (on_grid >= 92) & (on_grid <= 115)),
    ):
        tissue[mask], target[mask] = region, tissue_class
    return _finish(name, spacing_mm, tissue, target, vertebra)


_SUBREGIONS = MappingProxyType(
    {
        41: (Region.LAMINA, Unsure.PEDICLE_OR_LAMINA),
        42: (Region.SPINOUS_PROCESS, TissueClass.SPINOUS_PROCESS),
        43: (Region.TRANSVERSE_PROCESS, TissueClass.TRANSVERSE_PROCESS),
        44: (Region.TRANSVERSE_PROCESS, TissueClass.TRANSVERSE_PROCESS),
        45: (Region.SUPERIOR_ARTICULAR_PROCESS, TissueClass.SUPERIOR_ARTICULAR_PROCESS),
        46: (Region.SUPERIOR_ARTICULAR_PROCESS, TissueClass.SUPERIOR_ARTICULAR_PROCESS),
        47: (Region.INFERIOR_ARTICULAR_PROCESS, TissueClass.INFERIOR_ARTICULAR_PROCESS),
        48: (Region.INFERIOR_ARTICULAR_PROCESS, TissueClass.INFERIOR_ARTICULAR_PROCESS),
        49: (Region.BODY, TissueClass.BODY),
        50: (Region.BODY, TissueClass.BODY),
        60: (Region.CAUDA_EQUINA, Unsure.IN_CANAL),
        61: (Region.CEREBROSPINAL_FLUID, Unsure.IN_CANAL),
        62: (Region.BODY, TissueClass.BODY),
        100: (Region.DISC, TissueClass.DISC),
    }
)
"""TPTBox subregion numbers: tissue, and what to learn. 62 are endplates."""


def from_subregions(
    image: Volume, instances: LabelMap, subregions: LabelMap, spacing_mm: float, name: str
) -> TrainingShape:
    """A crop with TPTBox subregion numbers; ``instances`` below 100 are vertebrae. The image is kept.

    Unlabelled tissue is split by the image's own intensity. Where canal (61) or discs (100) are not
    labelled, the canal is an ellipse of 22 x 16 mm round the holes of the bony rings, and the discs are the
    gaps between bodies.
    """
    grid = working_grid(image.grid, spacing_mm)
    parts = resample(subregions, grid).voxels
    level = resample(instances, grid).voxels.astype(np.uint8)
    level[level >= 100] = 0
    on_grid = resample(image, grid, float(image.voxels.min())).voxels
    tissue, target = clusters(on_grid), np.zeros(parts.shape, dtype=np.uint8)
    for number, (region, code) in _SUBREGIONS.items():
        tissue[parts == number], target[parts == number] = region, code
    body = np.isin(parts, (49, 50, 62))
    level = np.where(body & (level == 0), ndimage.grey_dilation(level, size=5), level)
    bone = np.isin(parts, (*range(41, 51), 62))
    if not (parts == 61).any():
        canal = _canal_through_rings(bone, spacing_mm) & ~bone
        tissue[canal], target[canal] = Region.CANAL, Unsure.IN_CANAL
    if not (parts == 100).any():
        discs = _gaps_between_bodies(body, spacing_mm) & (target == 0)
        tissue[discs], target[discs] = Region.DISC, TissueClass.DISC
    return _finish(name, spacing_mm, tissue, target, level, on_grid.astype(np.int16))


def from_cord(image: Volume, cord: LabelMap, spacing_mm: float, name: str) -> TrainingShape:
    """An MRI of which only the cord is labelled: fluid is what is bright within 6 mm of it.

    What lies there but is not bright may be anything; further away is certainly no canal.
    """
    grid = working_grid(image.grid, spacing_mm)
    inside = resample(cord, grid).voxels > 0
    on_grid = resample(image, grid, 0.0).voxels.astype(np.float32)
    away = ndimage.distance_transform_edt(~inside, sampling=spacing_mm)
    near = away <= 6.0
    fluid = near & ~inside & (on_grid > 1.2 * float(np.median(on_grid[inside])))
    target = np.full(inside.shape, Unsure.NOT_CANAL, dtype=np.uint8)
    target[away <= 9.0] = Unsure.ANYTHING
    tissue = clusters(on_grid)
    for mask, region, code in (
        (fluid, Region.CEREBROSPINAL_FLUID, Unsure.IN_CANAL),
        (inside, Region.SPINAL_CORD, TissueClass.SPINAL_CORD),
    ):
        tissue[mask], target[mask] = region, code
    scaled = on_grid / max(1e-6, float(np.percentile(on_grid, 99.5))) * 1000.0
    nothing = np.zeros(inside.shape, dtype=np.uint8)
    return _finish(name, spacing_mm, tissue, target, nothing, scaled.astype(np.int16))


def clusters(image: NDArray[np.generic], n: int = 5) -> NDArray[np.uint8]:
    """``n`` clusters of equal share by intensity, smoothed by 1 voxel: for tissue that no label names."""
    smooth = ndimage.gaussian_filter(np.asarray(image, dtype=np.float32), 1.0)
    limits = np.quantile(smooth, np.arange(1, n) / n)
    return np.asarray(ExtraTissue.CLUSTER_1 + np.digitize(smooth, limits), dtype=np.uint8)


def _canal_through_rings(bone: NDArray[np.bool_], spacing_mm: float) -> NDArray[np.bool_]:
    holes = np.stack([ndimage.binary_fill_holes(plane) & ~plane for plane in bone])
    area = holes.sum(axis=(1, 2)) * spacing_mm**2
    ringed = np.flatnonzero(area > 100.0)
    centres = np.array([np.argwhere(holes[k]).mean(axis=0) for k in ringed])
    k = np.arange(bone.shape[0])
    row, column = (np.interp(k, ringed, centres[:, axis])[:, None, None] for axis in (0, 1))
    j, i = np.ogrid[: bone.shape[1], : bone.shape[2]]
    return np.asarray(((j - row) * spacing_mm / 8.0) ** 2 + ((i - column) * spacing_mm / 11.0) ** 2 <= 1.0)


def _split_by_cord(
    vertebra: NDArray[np.uint8], cord: NDArray[np.bool_], spacing_mm: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Canal (the cord grown by 4 mm) and bodies (what of a vertebra lies before the canal)."""
    near = ndimage.distance_transform_edt(~cord, sampling=spacing_mm) <= 4.0
    canal = near & (vertebra == 0)
    rows = np.arange(cord.shape[1])[None, :, None]
    anterior = np.where(near.any(axis=(1, 2)), np.where(near, rows, 10_000).min(axis=(1, 2)), -1)
    known = np.flatnonzero(anterior >= 0)
    border = np.interp(np.arange(len(anterior)), known, anterior[known])
    return canal, (vertebra > 0) & (rows < border[:, None, None] + 1.0)


def _gaps_between_bodies(body: NDArray[np.bool_], spacing_mm: float) -> NDArray[np.bool_]:
    reach = max(1, round(8.0 / spacing_mm))
    column = ndimage.binary_closing(body, np.ones((2 * reach + 1, 1, 1)))
    return np.asarray(ndimage.binary_opening(column & ~body, np.ones((1, 3, 3))))


def _soft_tissue(on_grid: NDArray[np.uint8], spacing_mm: float) -> NDArray[np.uint8]:
    """Intensity classes of everything that is not spine."""
    table = np.full(256, ExtraTissue.ORGAN, dtype=np.uint8)
    table[0] = 0
    table[[10, 11, 12, 13, 14, 16]] = ExtraTissue.LUNG
    table[[2, 3]] = Region.KIDNEY
    table[[6, 18, 19, 20]] = ExtraTissue.BOWEL
    table[52:70] = ExtraTissue.VESSEL
    table[[51, 52]] = ExtraTissue.VESSEL, Region.AORTA
    table[69:79] = ExtraTissue.STERNUM
    table[80:90] = Region.MUSCLE
    table[116:118] = ExtraTissue.STERNUM
    tissue = table[on_grid]
    coarse = ndimage.zoom((on_grid > 0).astype(np.uint8), spacing_mm / 6.0, order=0) > 0
    pad = 8
    closed = ndimage.binary_closing(
        np.pad(coarse, pad), ndimage.generate_binary_structure(3, 1), iterations=6
    )
    filled = np.stack([ndimage.binary_fill_holes(plane) for plane in closed])[pad:-pad, pad:-pad, pad:-pad]
    grown = ndimage.binary_dilation(filled, iterations=3)
    factors = np.asarray(on_grid.shape) / grown.shape
    body = ndimage.zoom(grown.astype(np.float32), factors, order=1)[
        : on_grid.shape[0], : on_grid.shape[1], : on_grid.shape[2]
    ]
    unlabelled = (tissue == 0) & (body > 0.5)
    tissue[unlabelled] = Region.SOFT_TISSUE
    return np.asarray(tissue, dtype=np.uint8)


def save(shape: TrainingShape, file: Path) -> None:
    """Keep a shape for the next run."""
    arrays = {
        "spacing_mm": np.float64(shape.spacing_mm),
        "tissue": shape.tissue,
        "target": shape.target,
        "vertebra": shape.vertebra,
        "body_centre": shape.body_centre,
    }
    if shape.image is not None:
        arrays["image"] = shape.image
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def load(file: Path) -> TrainingShape:
    """A shape that :func:`save` kept."""
    with np.load(file, allow_pickle=False) as arrays:
        return TrainingShape(
            file.stem,
            float(arrays["spacing_mm"]),
            arrays["tissue"],
            arrays["target"],
            arrays["vertebra"],
            arrays["body_centre"],
            arrays.get("image"),
        )
