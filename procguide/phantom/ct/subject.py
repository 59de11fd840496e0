"""A phantom as the compiled loops want it: contiguous maps and tables by label and by level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from procguide.anatomy import BONE, SACRUM, VERSE_LABELS, Region, Spine
from procguide.phantom.build import Phantom
from procguide.phantom.ct import texture
from procguide.phantom.ct.hounsfield import CORTEX, LEVEL_SHARE, tissue_tables
from procguide.phantom.ct.settings import CtSettings
from procguide.phantom.population.parameters import LevelWear, PhantomParameters
from procguide.phantom.solids import Array

__all__ = ["Subject"]

_LEVELS = 100


@dataclass(frozen=True)
class Subject:
    """Maps and tables.

    ``place`` is the origin and spacing of the maps, ``(2, 3)`` as z, y, x, mm. ``table`` ``(3, 256)`` is
    mean, spread and pattern by region; what ``is_filled`` (bone, metal) is put in afterwards. ``look`` is how
    bone looks: cortex ``(256, 4)`` by region; by VerSe integer frames ``(100, 4, 3)`` (origin and axes) and
    makeup ``(100, 7)`` (half height, half depth, wear of the disc above and below, spongy share, wear of the
    facets above and below); blocks of trabeculae and of patches; L1's spongy HU, thickness factor, three
    shifts in mm, relative and absolute depth of texture. ``extra`` is fat in muscle and calcium; ``shift``
    where the subject falls in the soft ``blocks`` (grain, fibres, lumps).
    """

    tissues: NDArray[np.uint8]
    instances: NDArray[np.uint8]
    bone: Array
    place: NDArray[np.float64]
    table: Array
    is_bone: NDArray[np.bool_]
    is_filled: NDArray[np.bool_]
    look: Any
    extra: NDArray[np.float64]
    shift: NDArray[np.float64]
    blocks: Any

    @classmethod
    def of(cls, phantom: Phantom, settings: CtSettings) -> Subject:
        """From the maps, the parameters and the true landmarks; nothing is painted."""
        parameters, affine = phantom.parameters, phantom.tissues.affine
        frames, makeup = _bones(phantom.spine, parameters)
        blocks = texture.fine_block(), texture.fibre_block(), texture.coarse_block()
        return cls(
            np.ascontiguousarray(phantom.tissues.voxels, dtype=np.uint8),
            np.ascontiguousarray(phantom.instances.voxels, dtype=np.uint8),
            np.ascontiguousarray(phantom.bone_distance, dtype=np.float32),
            np.array([affine.origin[::-1], affine.spacing]),
            tissue_tables(settings.contrast),
            _labels(*BONE, Region.ARCH),
            _labels(*BONE, Region.ARCH, Region.IMPLANT),
            (_cortex_table(), frames, makeup, texture.spongy_block(), blocks[2], _numbers(parameters)),
            np.array([1.6 * parameters.body.muscle_fat, max(0.02 * (parameters.age - 45), 0.0)]),
            texture.shift_of(parameters.seed, 2).astype(np.float64),
            blocks,
        )

    def metal(self, ks: NDArray[np.int64], weights: NDArray[np.float64]) -> Array | None:
        """Share of metal ``(j, i)`` in the weighted slices ``ks``, its surface made smooth; None if none.

        So dense a thing shows the steps of its voxels where nothing else does.
        """
        masks = self.tissues[ks] == Region.IMPLANT
        if not masks.any():
            return None
        share = (weights[:, None, None] * masks).sum(axis=0)
        return np.asarray(gaussian_filter(share, 0.65), dtype=np.float32)


def _labels(*regions: Region) -> NDArray[np.bool_]:
    flags = np.zeros(256, dtype=bool)
    flags[list(regions)] = True
    return flags


def _cortex_table() -> Array:
    table = np.tile(np.array([1.0, 1200.0, 1.0, 0.33], dtype=np.float32), (256, 1))
    for region, cortex in CORTEX.items():
        table[region] = cortex.thickness, cortex.hounsfield, cortex.spongy, cortex.uneven
    return table


def _bones(spine: Spine, parameters: PhantomParameters) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    frames = np.tile(np.vstack([np.zeros(3), np.eye(3)]), (_LEVELS, 1, 1))
    makeup = np.tile(np.array([14.0, 17.0, 0.0, 0.0, 1.0, 0.0, 0.0]), (_LEVELS, 1))
    above = LevelWear()
    for vertebra in spine.vertebrae:
        label = VERSE_LABELS[vertebra.level]
        frames[label] = np.vstack([vertebra.frame.origin, vertebra.frame.rotation.T])
        upper, lower = vertebra.superior_endplate, vertebra.inferior_endplate
        height = float(np.linalg.norm(np.subtract(upper.centre, lower.centre)))
        below = parameters.worn(vertebra.level)
        deep, share = (upper.depth_mm + lower.depth_mm) / 4, LEVEL_SHARE.get(vertebra.level, 1.0)
        makeup[label] = height / 2, deep, above.disc, below.disc, share, above.facets, below.facets
        above = below
    if spine.sacrum is not None:
        frame = spine.sacrum.frame
        makeup[VERSE_LABELS[SACRUM], 5] = above.facets
        frames[VERSE_LABELS[SACRUM]] = np.vstack([frame.origin, frame.rotation.T])
    return frames, makeup


def _numbers(parameters: PhantomParameters) -> NDArray[np.float64]:
    """Cortices lose about a third and trabeculae stand further apart from 40 to 90 years (assumed)."""
    thin = float(np.clip(1.0 - 0.006 * (parameters.age - 40), 0.65, 1.08))
    coarse = float(np.clip(0.30 + 0.003 * (parameters.age - 40), 0.27, 0.48))
    shift = texture.shift_of(parameters.seed, 1) * texture.STEP_MM["spongy"]
    return np.array([parameters.trabecular_hu, thin, *shift, coarse, 25.0], dtype=np.float64)
