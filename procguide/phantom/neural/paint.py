"""Canal, ligaments, nerves and small vessels on a lattice: what goes under the bones, and what over."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import BONE, Region
from procguide.imaging import Grid
from procguide.phantom.assemble import Anatomy
from procguide.phantom.canvas import Canvas
from procguide.phantom.neural.content import paint_content
from procguide.phantom.neural.ligaments import (
    paint_anterior_ligament,
    paint_foraminal_fat,
    paint_interspinous,
)
from procguide.phantom.neural.nerves import rods
from procguide.phantom.solids import FAR, Array
from procguide.phantom.tubes import splat, tube_distance

__all__ = ["canal_distance", "paint_canal", "paint_nerves"]

_NEVER = np.array(
    [Region.BACKGROUND, Region.SKIN, Region.IMPLANT, Region.CEMENT, Region.AORTA, Region.VENA_CAVA,
     Region.ILIAC_ARTERY, Region.ILIAC_VEIN, Region.KIDNEY, Region.BOWEL, Region.GAS, Region.LUNG,
     Region.DISC, Region.NUCLEUS_PULPOSUS, Region.ANNULUS_FIBROSUS, Region.VACUUM, *BONE],
    np.intp)  # fmt: skip
_IN_SAC = (Region.CEREBROSPINAL_FLUID, Region.CAUDA_EQUINA)
_SAC = (*_IN_SAC, Region.DURA, Region.SPINAL_CORD)


def canal_distance(grid: Grid, anatomy: Anatomy) -> Array:
    """Distance to the canal's wall, negative inside, 1000 far from it."""
    wall = np.full(grid.shape, FAR, dtype=np.float32)
    found = tube_distance(grid, anatomy.canal)
    if found is not None:
        wall[found[0]] = found[1]
    return wall


def paint_canal(canvas: Canvas, anatomy: Anatomy) -> Array:
    """Before the bones: foraminal fat, ligaments, the canal's content; returns the distance to its wall."""
    paint_foraminal_fat(canvas, anatomy)
    paint_interspinous(canvas, anatomy)
    return paint_content(canvas, anatomy)


def paint_nerves(canvas: Canvas, anatomy: Anatomy) -> None:
    """After the bones: the anterior ligament, then strands, roots, ganglia, branches and arteries."""
    paint_anterior_ligament(canvas, anatomy)
    for courses in (anatomy.nerves.strands, anatomy.nerves.rods):
        segments, numbers = rods(courses)
        splat(canvas.grid, segments, numbers, canvas.tissues, canvas.instances, _allowed(numbers[:, 0]))


def _allowed(regions: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """By rod and tissue: bone, disc and great vessels are never covered; what lies in the sac stays in it."""
    tables = np.ones((256, 256), dtype=bool)
    tables[:, _NEVER] = False
    tables[Region.CAUDA_EQUINA] = False
    tables[Region.CAUDA_EQUINA, list(_IN_SAC)] = True
    tables[Region.CAUDA_EQUINA, Region.EPIDURAL_FAT] = True
    tables[Region.RADICULOMEDULLARY_ARTERY, Region.SPINAL_CORD] = False
    outside = (Region.NERVE_ROOT, Region.GANGLION, Region.MEDIAL_BRANCH, Region.SEGMENTAL_ARTERY)
    for region in (*outside, Region.EPIDURAL_VEIN):
        tables[region, list(_SAC)] = False
    for region in (Region.NERVE_ROOT, Region.SEGMENTAL_ARTERY, Region.MEDIAL_BRANCH, Region.EPIDURAL_VEIN):
        tables[region, Region.GANGLION] = False
    return np.ascontiguousarray(tables[regions])
