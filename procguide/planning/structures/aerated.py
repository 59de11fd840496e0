"""Lung as a CT itself shows it: air within the body, whatever the labels hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region
from procguide.imaging import Grid, LabelMap, Modality, Volume
from procguide.imaging.resample import resample
from procguide.planning.nouns import StructureOrigin
from procguide.planning.site import LocalLabels, Site
from procguide.planning.skin import Body
from procguide.planning.structures.nouns import Solid
from procguide.planning.structures.organs import organ
from procguide.planning.structures.unlabelled import crop_about

__all__ = ["aerated_lung", "lung"]

_AERATED_HU = -500
_GAS_HU = -950
"""Between these lies lung; below lies gas without tissue in it, as in bowel and outside. Assumed."""
_LEAST_MM3 = 2000.0
_SPREAD_MM = 1.0
"""Of the surface that is seen, standard deviation; assumed. Breathing is not in it."""
_WITHIN_MM = 3.0


def aerated_lung(image: Volume, body: Body, grid: Grid) -> NDArray[np.bool_] | None:
    """What is lung by its own density, ``(k, j, i)`` on ``grid``; None on MRI or where they do not meet.

    Pieces of air (below -500 HU) 3 mm or more under the skin, of which at least 2 ml is neither gas nor the
    blurred rim of gas.
    """
    import cc3d

    from procguide.planning._skin_kernels import opened

    near = crop_about(image, grid.corners) if image.modality is Modality.CT else None
    if near is None:
        return None
    graded = (near.voxels < _AERATED_HU).astype(np.uint8) + (
        (near.voxels < _AERATED_HU) & (near.voxels > _GAS_HU)
    )
    names = {1: "gas", 2: "aerated"}
    grade = resample(LabelMap(graded, near.affine, names=names), grid).voxels
    if not (grade == 2).any():
        return np.zeros(grid.shape, dtype=bool)
    deep = resample(Volume(body.field, body.grid.affine), grid, fill=1.0).voxels < -_WITHIN_MM
    core = opened(np.ascontiguousarray((grade == 2) & deep))
    pieces = cc3d.connected_components((grade > 0) & deep, connectivity=6)
    sizes = np.bincount(pieces.ravel(), weights=core.ravel()) * float(np.prod(grid.affine.spacing))
    sizes[0] = 0.0
    return np.asarray((sizes >= _LEAST_MM3)[pieces])


def lung(site: Site, labels: LocalLabels) -> Solid | None:
    """The label with the pleura, and what the image shows; that alone where nobody labelled it."""
    labelled = organ(Region.LUNG, Region.PLEURA)(site, labels)
    if labels.aerated is None:
        return labelled
    if labelled is None or labelled.mask is None:
        return Solid(StructureOrigin.SEGMENTED, mask=labels.aerated, spread_mm=_SPREAD_MM)
    spread = min(labelled.spread_mm, _SPREAD_MM) if labels.aerated.any() else labelled.spread_mm
    return Solid(StructureOrigin.SEGMENTED, mask=labelled.mask | labels.aerated, spread_mm=spread)
