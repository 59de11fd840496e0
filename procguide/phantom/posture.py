"""The same subject turned over: from supine to prone by a known deformation.

The spine bends at its discs, each bone stays rigid, skin and belly follow. Lumbar lordosis grows by
2.8 degrees on average from supine to prone MRI, lower lumbar lordosis does not (n=50; Int J Spine Surg
2025, article 8731); the spread, 6.7 degrees, follows from that study's P of 0.005. How the change is
shared between levels, and how far belly and back change shape, is assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.anatomy import BONE, SACRUM, VERSE_LABELS, Region
from procguide.errors import UsageError
from procguide.geometry import Affine
from procguide.imaging import Grid
from procguide.phantom.assemble import Anatomy
from procguide.phantom.build import Phantom, phantom_of
from procguide.phantom.canvas import Canvas
from procguide.phantom.deformation import Deformation, warp
from procguide.phantom.population.parameters import PhantomParameters

__all__ = ["prone_bends", "turn_prone"]

FIELD_MM = 3.0
LORDOSIS_CHANGE_DEG = (2.8, 6.7)
# Share of the change at the disc under each level: upper lumbar, as the lower lordosis hardly changes.
SHARES = {"T11": 0.05, "T12": 0.1, "L1": 0.25, "L2": 0.25, "L3": 0.2, "L4": 0.1, "L5": 0.05}
FIXED_LEVEL = "L3"
BELLY_FLATTENING = 0.55
BACK_ROUNDING_MM = 5.0
SOFT_REACH_MM = 28.0
SLAB_SLICES = 48


def prone_bends(parameters: PhantomParameters, seed: int | None = None) -> dict[str, NDArray[np.float64]]:
    """Degrees about left, posterior and superior axes by which each vertebra turns on the one below.

    Negative about the left axis is extension (more lordosis). The same subject and seed bend the same way.
    """
    rng = np.random.default_rng([parameters.seed if seed is None else seed, 23])
    change = float(np.clip(rng.normal(*LORDOSIS_CHANGE_DEG), -9, 15))
    return {
        level: np.array([-change * SHARES.get(level, 0.0), 0.0, 0.0]) + rng.normal(0, (0.3, 0.4, 0.4))
        for level in parameters.levels
    }


def turn_prone(phantom: Phantom, seed: int | None = None) -> tuple[Phantom, Deformation]:
    """The prone subject on a lattice of the same spacing, and where each of its points was supine.

    Patient space is the same: L3 stays where it was, the spine bends above and below it.
    """
    if phantom.posture != "supine":
        raise UsageError(f"only a supine phantom can be turned prone, this one is {phantom.posture}")
    motions = _motions(phantom.anatomy, prone_bends(phantom.parameters, seed))
    deformation = _field(phantom, motions)
    prone = _warped(phantom, deformation)
    return prone, deformation


def _motions(anatomy: Anatomy, bends: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Rigid supine-to-prone maps from the sacrum up, then all moved so that L3 (or the top) stays."""
    motions = {SACRUM: np.eye(4)}
    motion = np.eye(4)
    for level in reversed(anatomy.parameters.levels):
        frame, shape = anatomy.pose.frames[level], anatomy.pose.shapes[level]
        pivot = frame.to_patient((0, 0, -(shape.body_height + shape.disc_height) / 2))
        motion = motion @ _turn_about(pivot, frame.rotation, np.radians(bends[level]))
        motions[level] = motion
    fixed = np.linalg.inv(motions.get(FIXED_LEVEL, motions[anatomy.parameters.levels[0]]))
    return {name: fixed @ motion for name, motion in motions.items()}


def _turn_about(
    pivot: NDArray[np.float64], axes: NDArray[np.float64], angles: NDArray[np.float64]
) -> NDArray[np.float64]:
    from scipy.spatial.transform import Rotation

    out = np.eye(4)
    out[:3, :3] = Rotation.from_rotvec(axes @ angles).as_matrix()
    out[:3, 3] = pivot - out[:3, :3] @ pivot
    return out


def _bones(phantom: Phantom) -> dict[str, NDArray[np.bool_]]:
    """Which bone moves with which motion, ``(k, j, i)``: ribs with their vertebra, the pelvis as one."""
    tissues, levels, instances = (m.voxels for m in (phantom.tissues, phantom.levels, phantom.instances))
    bone = phantom.tissues.mask(*BONE)
    masks = {}
    for level in phantom.parameters.levels:
        label = VERSE_LABELS[level]
        masks[level] = (levels == label) | ((tissues == Region.RIB) & (instances % 100 == label))
    spine = np.isin(levels, [VERSE_LABELS[level] for level in phantom.parameters.levels])
    masks[SACRUM] = bone & ~spine & (tissues != Region.RIB)
    return masks


def _field(phantom: Phantom, motions: Mapping[str, NDArray[np.float64]]) -> Deformation:
    """Inverse-distance blend of the rigid motions, plus what belly and back do."""
    grid = _field_grid(phantom, motions)
    points = grid.affine.apply(np.moveaxis(np.indices(grid.shape), 0, -1))
    total = np.zeros((*grid.shape, 3))
    weights = np.zeros(grid.shape)
    nearest = np.full(grid.shape, 1e3, dtype=np.float32)
    for name, mask in _bones(phantom).items():
        if not mask.any():
            continue
        back = np.linalg.inv(motions[name])
        supine = points @ back[:3, :3].T + back[:3, 3]
        distance = _distance_to(mask, phantom.tissues.affine, supine)
        weight = (distance + 0.5) ** -3.0
        total += weight[..., None] * (supine - points)
        weights += weight
        np.minimum(nearest, distance, out=nearest)
    displacement = total / np.maximum(weights, 1e-12)[..., None]
    displacement[..., 1] += _soft_shift(phantom, grid, nearest)
    return Deformation(grid, displacement.astype(np.float32), dict(motions))


def _field_grid(phantom: Phantom, motions: Mapping[str, NDArray[np.float64]]) -> Grid:
    """The phantom's field and where its corners move to, in steps of 3 mm (or its own, if coarser)."""
    corners = phantom.tissues.grid.corners
    moved = [corners @ m[:3, :3].T + m[:3, 3] for m in motions.values()]
    low, high = corners.min(axis=0), corners.max(axis=0)
    # The top and the bottom bone tell how far the field's ends go; z hardly changes.
    low[1] = min(low[1], *(m[:, 1].min() for m in moved))
    high[1] = max(high[1], *(m[:, 1].max() for m in moved))
    step = max(FIELD_MM, float(phantom.tissues.spacing.max()))
    k, j, i = (max(2, int(n)) for n in np.ceil((high - low)[::-1] / step) + 1)
    return Grid((k, j, i), Affine.axis_aligned(step, low))


def _distance_to(mask: NDArray[np.bool_], affine: Affine, points: NDArray[np.float64]) -> NDArray[np.float32]:
    """Mm from supine ``points`` ``(..., 3)`` to a bone; 0 inside, the border's value outside the lattice."""
    step = np.maximum(1, np.rint(FIELD_MM / 2 / affine.spacing)).astype(int)
    coarse = mask[:: step[0], :: step[1], :: step[2]]
    filled = np.argwhere(coarse)
    if not len(filled):
        return np.full(points.shape[:-1], 1e3, dtype=np.float32)
    margin = 30
    low = np.maximum(filled.min(axis=0) - margin, 0)
    high = np.minimum(filled.max(axis=0) + margin + 1, coarse.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    inner = ndimage.distance_transform_edt(~coarse[box], sampling=affine.spacing * step)
    index = affine.inverse.apply(points) / step - low
    near = ndimage.map_coordinates(
        inner.astype(np.float32), np.moveaxis(index, -1, 0), order=1, mode="nearest"
    )
    beyond = np.maximum(np.maximum(-index, index - (np.array(inner.shape) - 1)), 0) * (affine.spacing * step)
    return np.asarray(np.hypot(near, np.linalg.norm(beyond, axis=-1)), dtype=np.float32)


def _soft_shift(phantom: Phantom, grid: Grid, bone: NDArray[np.float32]) -> NDArray[np.float32]:
    """What to add to y to find the supine point: the belly lies flat, the back is no longer pressed."""
    front, middle = _front_surface(phantom, grid)
    x, y = (
        grid.affine.origin[axis] + grid.affine.spacing[2 - axis] * np.arange(grid.shape[2 - axis])
        for axis in (0, 1)
    )
    seen = np.isfinite(front)
    if not seen.any():
        return np.zeros(grid.shape, dtype=np.float32)
    forward = ndimage.gaussian_filter(np.where(seen, front, middle), 12.0 / grid.affine.spacing[0])
    table = 0.7 * forward.min(axis=1) + 0.3 * forward.mean(axis=1)
    half_width = float(np.abs(x[seen.any(axis=0)]).max())
    lying = np.clip(2.2 - 2.0 * np.abs(x) / half_width, 0, 1)
    belly = BELLY_FLATTENING * (forward - table[:, None]) * lying * seen
    belly = ndimage.gaussian_filter(belly, 15.0 / grid.affine.spacing[0])
    swell = -BACK_ROUNDING_MM * np.exp(-((x / 80.0) ** 2))
    ahead = np.clip((middle - y)[:, None] / np.maximum(middle - forward, 40.0)[:, None, :], 0, 1.2)
    behind = np.clip((y - middle) / 90.0, 0, 1.2)
    shift = belly[:, None, :] * ahead + swell[None, None, :] * behind[None, :, None]
    free = np.clip(bone / SOFT_REACH_MM, 0, 1)
    return np.asarray(shift * free * free * (3 - 2 * free), dtype=np.float32)


def _front_surface(phantom: Phantom, grid: Grid) -> tuple[NDArray[np.float64], float]:
    """The skin's y in front ``(k, i)`` on the field's grid, NaN where there is no body, and the spine's y."""
    step = np.maximum(1, np.rint(grid.affine.spacing / phantom.tissues.spacing)).astype(int)
    body = phantom.tissues.voxels[:: step[0], :: step[1], :: step[2]] > 0
    affine = phantom.tissues.affine
    y = affine.origin[1] + affine.spacing[1] * step[1] * np.arange(body.shape[1])
    front = np.where(body.any(axis=1), y[body.argmax(axis=1)], np.nan)
    z, x = (
        (grid.affine.origin[axis] + grid.affine.spacing[2 - axis] * np.arange(grid.shape[2 - axis])
         - affine.origin[axis]) / (affine.spacing[2 - axis] * step[2 - axis])
        for axis in (2, 0)
    )  # fmt: skip
    rows = np.clip(np.rint(z), 0, front.shape[0] - 1).astype(int)
    columns = np.rint(x).astype(int)
    inside = (columns >= 0) & (columns < front.shape[1])
    out = np.where(inside, front[rows][:, np.clip(columns, 0, front.shape[1] - 1)], np.nan)
    spine = float(np.mean([frame.origin[1] for frame in phantom.anatomy.pose.frames.values()]))
    return out, spine


def _warped(phantom: Phantom, deformation: Deformation) -> Phantom:
    """The maps on a lattice that holds the prone subject."""
    affine = phantom.tissues.affine
    corners = affine.inverse.apply(deformation.grid.corners)
    # Whole steps from the supine lattice: what does not move keeps its voxels.
    low, high = np.ceil(corners.min(axis=0)), np.floor(corners.max(axis=0))
    k, j, i = (max(1, int(n)) for n in high - low)
    grid = Grid((k, j, i), affine.shifted(low))
    canvas = Canvas.blank(grid)
    source = (phantom.tissues.voxels, phantom.levels.voxels, phantom.instances.voxels, phantom.bone_distance)

    def pull(start: int) -> None:
        slab = canvas.slab(start, start + SLAB_SLICES)
        warp(source, affine, deformation, (slab.tissues, slab.levels, slab.instances, slab.bone), slab.grid)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(pull, range(0, grid.shape[0], SLAB_SLICES)))
    posed = phantom_of(phantom.parameters, phantom.anatomy, canvas, "prone")
    return replace(posed, deformation=deformation)
