"""From a phantom's label maps to protons: what every voxel holds of water and fat, and of which kind.

Nothing here depends on the sequence: T1, T2, STIR and Dixon of one subject share it, texture and all.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import BONE, VERSE_LABELS, Region
from procguide.geometry import Affine
from procguide.phantom.bones.discs import disc_under
from procguide.phantom.build import Phantom
from procguide.phantom.mri._compose_kernel import BLOOD_POOL, DISC_STEPS, FLUID, OEDEMA, compose_voxels
from procguide.phantom.mri._kernels import mark_edges
from procguide.phantom.mri.tissue import TISSUES, Tissue, disc_tissue, marrow_fat_fraction
from procguide.phantom.population.parameters import PhantomParameters

__all__ = ["CORTEX_MM", "Composition", "compose"]

KINDS = 256
FIRST_DISC_KIND = 64
THREADS = 2
EDGE_SLICES = 16

CORTEX_MM = {
    Region.BODY: 0.55, Region.PEDICLE: 1.2, Region.LAMINA: 1.4, Region.SPINOUS_PROCESS: 0.8,
    Region.TRANSVERSE_PROCESS: 0.9, Region.SUPERIOR_ARTICULAR_PROCESS: 1.4,
    Region.INFERIOR_ARTICULAR_PROCESS: 1.4, Region.SACRUM: 0.8, Region.COCCYX: 0.7, Region.RIB: 0.9,
    Region.ILIUM: 1.2, Region.FEMUR: 2.0,
}  # fmt: skip
"""Thickness of what is dark under each bone's surface (assumed)."""

# Fat fraction against the lumbar bodies' (assumed: posterior elements, pelvis and hips are more yellow).
_FATTER = {
    Region.BODY: 0.0, Region.PEDICLE: 0.10, Region.LAMINA: 0.15, Region.SPINOUS_PROCESS: 0.15,
    Region.TRANSVERSE_PROCESS: 0.12, Region.SUPERIOR_ARTICULAR_PROCESS: 0.05,
    Region.INFERIOR_ARTICULAR_PROCESS: 0.05, Region.SACRUM: 0.06, Region.COCCYX: 0.2, Region.RIB: -0.03,
    Region.ILIUM: 0.10, Region.FEMUR: 0.35, Region.ARCH: 0.12,
}  # fmt: skip
_LUMBAR_SLOPE = 0.012  # per level, rising caudally (Li et al., IDEAL-IQ: higher in lower segments); assumed
_MUSCLES = (
    Region.MUSCLE,
    Region.PSOAS,
    Region.QUADRATUS_LUMBORUM,
    Region.MULTIFIDUS,
    Region.ERECTOR_SPINAE,
)
_FLOWING = (Region.CEREBROSPINAL_FLUID, Region.CANAL)


@dataclass(frozen=True, eq=False)
class Composition:
    """Protons on the phantom's lattice, ``(k, j, i)``.

    ``kind`` indexes ``tissues`` (a :class:`Region` where it is one); ``water`` and ``fat`` are densities;
    ``bone`` is mm to the nearest bone surface, negative inside; ``edge`` says where tissues meet.
    ``marrow``, ``flowing`` and ``cortex`` are by kind: whether it is bone, whether it is CSF, and thickness
    of the cortex, mm.
    """

    phantom: Phantom
    affine: Affine
    tissues: tuple[Tissue, ...]
    kind: NDArray[np.uint8]
    edge: NDArray[np.bool_]
    water: NDArray[np.float32]
    fat: NDArray[np.float32]
    bone: NDArray[np.float32]
    marrow: NDArray[np.bool_]
    flowing: NDArray[np.bool_]
    cortex: NDArray[np.float32]


def compose(phantom: Phantom) -> Composition:
    """Every voxel's protons. The same subject has the same texture at every spacing and in every posture."""
    parameters = phantom.parameters
    tissues, disc_kinds = _kinds(parameters)
    bodies = _Bodies.of(phantom)
    marrow_extra = np.full(KINDS, -1.0, dtype=np.float32)
    for region in BONE:
        marrow_extra[region] = _FATTER[region]
    density, share = (np.array([getattr(t, n) for t in tissues], np.float32) for n in ("density", "fat"))
    muscles = np.zeros(KINDS, dtype=np.bool_)
    muscles[list(_MUSCLES)] = True
    shape = phantom.tissues.shape
    kind = np.zeros(shape, dtype=np.uint8)
    water, fat = np.zeros((2, *shape), dtype=np.float32)
    maps = phantom.tissues.voxels, phantom.levels.voxels, phantom.instances.voxels
    mean = marrow_fat_fraction(parameters.age, parameters.sex)
    # A fibrous plate, dark, grows across the nucleus from the second decade (AJNR 1989;10:1105).
    cleft = float(np.interp(parameters.age, (20, 35, 60), (0.03, 0.2, 0.3)))
    patchy = float(np.clip(0.5 + (parameters.age - 25) / 45, 0.5, 1.6))

    def fill(k: int) -> None:
        compose_voxels(
            *(m[k].ravel() for m in maps), _supine_points(phantom, k), density, share, marrow_extra,
            _level_extra(parameters), disc_kinds, bodies.discs, cleft,
            bodies.frames, bodies.shapes, bodies.modic, bodies.pattern,
            muscles, parameters.body.muscle_fat, mean, patchy, parameters.seed * 977 + 31,
            kind[k].ravel(), water[k].ravel(), fat[k].ravel(),
        )  # fmt: skip

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(fill, range(shape[0])))
    bones, flowing, cortex = _by_kind()
    edge = _edges(kind, bones, phantom)
    return Composition(
        phantom, phantom.tissues.affine, tissues, kind, edge, water, fat, phantom.bone_distance, bones,
        flowing, cortex,
    )  # fmt: skip


def _by_kind() -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float32]]:
    """Whether a kind is bone, whether it is CSF, and thickness of its cortex, mm."""
    bones, flowing = np.zeros((2, KINDS), dtype=np.bool_)
    bones[[*BONE, BLOOD_POOL, OEDEMA]] = True
    flowing[list(_FLOWING)] = True
    cortex = np.full(KINDS, CORTEX_MM[Region.BODY], dtype=np.float32)
    for region, thickness in CORTEX_MM.items():
        cortex[region] = thickness
    return bones, flowing, cortex


def _edges(kind: NDArray[np.uint8], bones: NDArray[np.bool_], phantom: Phantom) -> NDArray[np.bool_]:
    """Where tissues meet, or a bone's cortex is near."""
    out = np.ones(kind.shape, dtype=np.bool_)
    deep = max(CORTEX_MM.values()) + 1.5 * float(phantom.tissues.spacing.max())
    starts = range(0, kind.shape[0], EDGE_SLICES)

    def mark(start: int) -> None:
        mark_edges(kind, bones, phantom.bone_distance, deep, start, start + EDGE_SLICES, out)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(mark, starts))
    return out


def _supine_points(phantom: Phantom, k: int) -> NDArray[np.float32]:
    """``(n, 3)`` LPS mm of one slice's voxels, of the subject lying supine."""
    affine, (_, rows, columns) = phantom.tissues.affine, phantom.tissues.shape
    points = np.empty((rows, columns, 3), dtype=np.float32)
    origin, spacing = affine.origin, affine.spacing
    points[..., 0] = origin[0] + spacing[2] * np.arange(columns)
    points[..., 1] = (origin[1] + spacing[1] * np.arange(rows))[:, None]
    points[..., 2] = origin[2] + spacing[0] * k
    if phantom.deformation is not None:
        return np.asarray(phantom.deformation.to_supine(points.reshape(-1, 3)), dtype=np.float32)
    return points.reshape(-1, 3)


def _kinds(parameters: PhantomParameters) -> tuple[tuple[Tissue, ...], NDArray[np.uint8]]:
    """Tissues by kind; and the first of each disc's kinds, annulus to nucleus, by the level above it."""
    air = TISSUES[Region.BACKGROUND]
    tissues = [TISSUES.get(Region(n), air) if n <= max(Region) else air for n in range(KINDS)]
    kinds = np.full(KINDS, FIRST_DISC_KIND, dtype=np.uint8)
    for n, level in enumerate(parameters.levels):
        first = FIRST_DISC_KIND + n * DISC_STEPS
        kinds[VERSE_LABELS[level]] = first
        wear = float(np.clip(parameters.worn(level).disc, 0, 1))
        for step in range(DISC_STEPS):
            tissues[first + step] = disc_tissue(wear, step / (DISC_STEPS - 1))
    # Slow venous blood; marrow full of water; bowel's fluid content (all assumed).
    tissues[BLOOD_POOL] = Tissue(0.80, 0.15, (1300.0, 1600.0), (120.0, 100.0), 0.8)
    tissues[OEDEMA] = Tissue(0.80, 0.12, (1200.0, 1400.0), (85.0, 80.0))
    tissues[FLUID] = Tissue(0.85, 0.0, (2000.0, 2300.0), (160.0, 150.0))
    return tuple(tissues), kinds


def _level_extra(parameters: PhantomParameters) -> NDArray[np.float32]:
    """Fat fraction by vertebral level against the mean of L1 to L4."""
    extra = np.zeros(256, dtype=np.float32)
    rng = np.random.default_rng([parameters.seed, 41])
    for level in parameters.levels:
        place = VERSE_LABELS[level] - 21.5 if level != "T13" else -2.0
        extra[VERSE_LABELS[level]] = _LUMBAR_SLOPE * place + rng.normal(0, 0.012)
    return extra


@dataclass(frozen=True, eq=False)
class _Bodies:
    """What is known of each vertebral body and the disc under it by its VerSe label: frames, half sizes.

    ``modic`` are changes beside the endplates, ``pattern`` where fat gathers.
    """

    discs: NDArray[np.float32]
    frames: NDArray[np.float32]
    shapes: NDArray[np.float32]
    modic: NDArray[np.float32]
    pattern: NDArray[np.float32]

    @classmethod
    def of(cls, phantom: Phantom) -> _Bodies:
        frames = np.zeros((256, 4, 3), dtype=np.float32)
        shapes = np.zeros((256, 2), dtype=np.float32)
        modic = np.zeros((256, 2, 3), dtype=np.float32)
        parameters, pose = phantom.parameters, phantom.anatomy.pose
        for level, frame in pose.frames.items():
            label, shape = VERSE_LABELS[level], pose.shapes[level]
            frames[label] = [frame.origin, frame.left, frame.posterior, frame.superior]
            shapes[label] = [shape.body_height / 2, (shape.depth_upper + shape.depth_lower) / 4]
        discs = np.zeros((256, 6, 3), dtype=np.float32)
        for level in parameters.levels:
            disc = disc_under(phantom.anatomy, level)
            axes = disc.frame.left, disc.frame.posterior, disc.frame.superior
            sizes = (*disc.half, disc.height), (disc.shear, 0, 0)
            discs[VERSE_LABELS[level]] = [disc.frame.origin, *axes, *sizes]
        for level, change in _endplate_changes(parameters).items():
            modic[VERSE_LABELS[level], 1] = change
            below = parameters.below(level)
            if below is not None:
                modic[VERSE_LABELS[below], 0] = change * [1, 0.8, 1]
        rng = np.random.default_rng([parameters.seed, 43])
        old = np.clip((parameters.age - 30) / 40, 0, 1)
        pattern = rng.uniform(0, [0.16, 0.22]) * (0.3 + 0.7 * old)
        return cls(discs, frames, shapes, modic, pattern.astype(np.float32))


def _endplate_changes(parameters: PhantomParameters) -> Mapping[str, NDArray[np.float64]]:
    """Modic-like changes beside worn discs: type (1 water, 2 fat), depth mm, where; by the level above.

    Type 2 is the commoner; how often and how deep is assumed.
    """
    changes = {}
    for level in parameters.levels:
        rng = np.random.default_rng([parameters.seed, 47, VERSE_LABELS[level]])
        wear = parameters.worn(level).disc
        if rng.random() < 0.7 * np.clip((wear - 0.45) / 0.5, 0, 1):
            changes[level] = np.array(
                [1.0 if rng.random() < 0.3 else 2.0, rng.uniform(3, 10), rng.uniform(0, 6)]
            )
    return changes
