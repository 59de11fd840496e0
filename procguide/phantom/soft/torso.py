"""Everything that is not bone, painted slab by slab: wall, organs, muscles, vessels.

Each layer says over what it may be painted; bone comes later and hides what lies under it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region, Side
from procguide.phantom.assemble import Anatomy
from procguide.phantom.canvas import Canvas, instance_of
from procguide.phantom.noise import noise_table
from procguide.phantom.soft._muscle_kernels import finish_fat, paint_column
from procguide.phantom.soft._pelvis_kernel import clothe_ilium
from procguide.phantom.soft._solid_kernels import paint_chain, paint_kidney, paint_loft
from procguide.phantom.soft._wall_kernel import CAVITY, MEDIASTINUM, RETROPERITONEUM
from procguide.phantom.soft.lofts import Loft
from procguide.phantom.soft.organs import Chain
from procguide.phantom.soft.vessels import VESSEL_REGIONS
from procguide.phantom.soft.wall import fill_torso, lattice_of
from procguide.phantom.tubes import tube_distance

__all__ = ["paint_torso"]


def paint_torso(canvas: Canvas, anatomy: Anatomy) -> None:
    """Fill the canvas with soft tissue; bone is painted over it later."""
    soft, seed = anatomy.soft, anatomy.parameters.seed
    fill_torso(canvas, anatomy)
    behind = _over(CAVITY, RETROPERITONEUM)
    _clothe_ilia(canvas, anatomy)
    for muscle in soft.muscles:
        _paint_loft(canvas, muscle, _over(CAVITY, RETROPERITONEUM, Region.MUSCLE, Region.FAT), seed)
    _paint_columns(canvas, anatomy)
    _paint_kidneys(canvas, anatomy)
    for organ in soft.organs:
        _paint_loft(canvas, organ, behind, seed)
    _paint_chains(canvas, soft.liver, seed, _over(Region.LIVER))
    chest = _over(MEDIASTINUM, RETROPERITONEUM, Region.LUNG, Region.PLEURA)
    _paint_chains(canvas, soft.chest, seed, chest)
    _paint_chains(canvas, soft.seat, seed, behind)
    _paint_chains(canvas, soft.bowel, seed, _over(CAVITY))
    _paint_chains(canvas, soft.mesentery, seed, behind)
    _paint_vessels(canvas, anatomy)
    origin, spacing = lattice_of(canvas)
    thin = 0.075 if spacing[0] < 2.0 else 0.0
    finish_fat(canvas.tissues, origin, spacing, CAVITY, noise_table(seed, 22), thin)


def _over(*regions: int) -> NDArray[np.bool_]:
    allowed = np.zeros(256, dtype=bool)
    allowed[list(regions)] = True
    return allowed


def _paint_loft(canvas: Canvas, solid: Loft, over: NDArray[np.bool_], seed: int) -> None:
    origin, spacing = lattice_of(canvas)
    paint_loft(
        canvas.tissues, canvas.instances, origin, spacing, solid.heights, solid.centres, solid.radii,
        int(solid.region), instance_of(None, solid.side), over, noise_table(seed, 21), solid.rough,
        solid.step, int(solid.film), solid.film_mm,
    )  # fmt: skip


def _paint_columns(canvas: Canvas, anatomy: Anatomy) -> None:
    origin, spacing = lattice_of(canvas)
    over = _over(
        RETROPERITONEUM,
        MEDIASTINUM,
        CAVITY,
        Region.FAT,
        Region.MUSCLE,
        Region.FASCIA,
        Region.QUADRATUS_LUMBORUM,
    )
    for side, column in anatomy.soft.columns.items():
        outline = column.outline
        paint_column(
            canvas.tissues, canvas.instances, origin, spacing, outline.heights, outline.centres,
            outline.radii, column.clefts, column.turns, column.places, side.sign,
            anatomy.parameters.body.muscle_fat, instance_of(None, side), over,
            noise_table(anatomy.parameters.seed, 23),
        )  # fmt: skip


def _paint_kidneys(canvas: Canvas, anatomy: Anatomy) -> None:
    origin, spacing = lattice_of(canvas)
    fat = anatomy.parameters.body.visceral_fat
    for side, kidney in anatomy.soft.kidneys.items():
        paint_kidney(
            canvas.tissues, canvas.instances, origin, spacing, np.asarray(kidney.frame.origin),
            np.ascontiguousarray(kidney.frame.rotation), np.array(kidney.half), 3.0 + 12.0 * fat,
            max(1.0, 0.8 * spacing[0]), instance_of(None, side), _over(CAVITY, RETROPERITONEUM),
            noise_table(anatomy.parameters.seed, 21),
        )  # fmt: skip


def _clothe_ilia(canvas: Canvas, anatomy: Anatomy) -> None:
    parameters = anatomy.parameters
    origin, spacing = lattice_of(canvas)
    front = -parameters.pelvis.wing_depth * 0.88 * parameters.size
    for ilium in anatomy.torso.ilia:
        clothe_ilium(
            canvas.tissues, canvas.instances, origin, spacing, ilium.side.sign, np.array(ilium.low),
            ilium.inner, ilium.outer, ilium.beyond, parameters.size, parameters.body.muscle**0.5,
            parameters.body.muscle_fat, front, instance_of(None, ilium.side),
            noise_table(parameters.seed, 23),
        )  # fmt: skip


def _paint_chains(canvas: Canvas, chains: tuple[Chain, ...], seed: int, over: NDArray[np.bool_]) -> None:
    origin, spacing = lattice_of(canvas)
    near = np.zeros(canvas.grid.shape, dtype=np.float32)
    best = np.zeros(canvas.grid.shape, dtype=np.int32)
    for tube in chains:
        paint_chain(
            canvas.tissues, canvas.instances, origin, spacing, tube.points, tube.radii, tube.gas,
            int(tube.region), instance_of(None, tube.side), over, noise_table(seed, 24), tube.mottle,
            tube.wall_mm, tube.lumps, near, best,
        )  # fmt: skip


def _paint_vessels(canvas: Canvas, anatomy: Anatomy) -> None:
    for name, tube in anatomy.soft.vessels.items():
        found = tube_distance(canvas.grid, tube, margin=1.0)
        if found is None:
            continue
        words = name.split()
        side = Side(words[0]) if words[0] in ("left", "right") else None
        region = VESSEL_REGIONS[" ".join(words[1:]) if side else name]
        where, distance = found
        kept = canvas.tissues[where]
        canvas.put(where, (distance < 0) & (kept != 0) & (kept != Region.SKIN), region, None, side)
