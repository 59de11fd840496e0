"""A CT of the phantom: HU by tissue, partial volume, point spread, correlated noise, a table.

Typical values: cortical and cancellous bone and soft tissue after Kalender, Computed Tomography (2011);
lumbar cancellous bone by age after Pickhardt et al., Ann Intern Med 2013;158:588 (about 225 HU at 30,
110 HU at 75). Texture and noise levels are assumed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, gaussian_filter

from procguide.anatomy import Region
from procguide.errors import UsageError
from procguide.geometry import Affine
from procguide.imaging import Grid, Modality, Volume
from procguide.phantom.assemble import Anatomy
from procguide.phantom.build import Phantom
from procguide.phantom.canvas import Canvas
from procguide.phantom.noise import SmoothNoise
from procguide.phantom.paint import paint
from procguide.phantom.solids import Array
from procguide.phantom.tubes import Tube, tube_distance

__all__ = ["CtSettings", "simulate_ct"]

HOUNSFIELD = {
    Region.BACKGROUND: -1000.0, Region.DISC: 85.0, Region.CANAL: -70.0, Region.SKIN: 10.0, Region.FAT: -105.0,
    Region.MUSCLE: 56.0, Region.KIDNEY: 34.0, Region.AORTA: 45.0, Region.SOFT_TISSUE: 40.0,
}  # fmt: skip
# Cortex: thickness mm, HU; and cancellous bone against that of the bodies.
CORTEX = {
    Region.BODY: (0.9, 620.0, 1.0), Region.PEDICLE: (1.7, 850.0, 1.15), Region.LAMINA: (2.0, 900.0, 1.2),
    Region.SPINOUS_PROCESS: (1.4, 750.0, 1.0), Region.TRANSVERSE_PROCESS: (1.1, 720.0, 1.0),
    Region.SUPERIOR_ARTICULAR_PROCESS: (2.0, 950.0, 1.5),
    Region.INFERIOR_ARTICULAR_PROCESS: (2.0, 950.0, 1.5),
    Region.SACRUM: (1.0, 620.0, 0.75), Region.ILIUM: (1.6, 900.0, 0.9), Region.RIB: (1.1, 750.0, 0.7),
}  # fmt: skip
SLAB = 24


@dataclass(frozen=True)
class CtSettings:
    """The scan.

    ``noise_hu`` is the standard deviation in the middle of the body; ``blur_mm`` the sigma of the
    in-plane point spread; ``contrast`` enhances aorta and kidneys.
    """

    pixel_mm: float = 0.9
    slice_mm: float = 2.0
    noise_hu: float = 14.0
    blur_mm: float = 0.55
    contrast: bool = False
    table: bool = True


def simulate_ct(
    phantom: Phantom,
    seed: int = 0,
    *,
    settings: CtSettings | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Volume:
    """HU int16 over the phantom's field on the scan's own SPL lattice (air below -1000 is clipped).

    The anatomy is painted anew at half the slice step, so the phantom's own spacing does not matter.
    The same phantom, seed and settings give the same voxels.
    """
    chosen = settings or CtSettings()
    if chosen.pixel_mm <= 0 or chosen.slice_mm <= 0:
        raise UsageError(f"pixel and slice must be positive, got {chosen.pixel_mm} and {chosen.slice_mm} mm")
    grid = _lattice(phantom, chosen)
    out = np.empty(grid.shape, dtype=np.int16)
    for start in range(0, grid.shape[0], SLAB // 2):
        count = min(SLAB // 2, grid.shape[0] - start)
        fine = _fine(grid, start, count, chosen)
        hounsfield = _tissue(phantom.anatomy, paint(phantom.anatomy, fine), fine, seed, chosen)
        hounsfield = hounsfield.reshape(count, 2, *grid.shape[1:]).mean(axis=1)
        hounsfield = gaussian_filter(hounsfield, (0, *[chosen.blur_mm / chosen.pixel_mm] * 2))
        for n in range(count):
            noisy = hounsfield[n] + _quantum_noise(hounsfield[n], seed, start + n, chosen)
            out[start + n] = np.clip(np.rint(noisy), -1000, 3000)
        if on_progress is not None:
            on_progress((start + count) / grid.shape[0])
    return Volume(out, grid.affine, Modality.CT, "phantom")


def _lattice(phantom: Phantom, settings: CtSettings) -> Grid:
    corners = phantom.regions.grid.corners
    low, high = corners.min(axis=0), corners.max(axis=0)
    if settings.table:
        if phantom.posture == "supine":
            high[1] += 30.0
        else:
            low[1] -= 30.0
    steps = np.array([settings.slice_mm, settings.pixel_mm, settings.pixel_mm])
    k, j, i = (max(1, int(n)) for n in np.floor((high - low)[::-1] / steps + 1e-6))
    return Grid((k, j, i), Affine.axis_aligned(steps, low + steps[::-1] / 2))


def _fine(grid: Grid, start: int, count: int, settings: CtSettings) -> Grid:
    """Two sub-slices to each slice of ``start`` to ``start + count``."""
    origin = grid.affine.origin + np.array([0, 0, (start - 0.25) * settings.slice_mm])
    steps = (settings.slice_mm / 2, settings.pixel_mm, settings.pixel_mm)
    return Grid((2 * count, *grid.shape[1:]), Affine.axis_aligned(steps, origin))


def _tissue(anatomy: Anatomy, labels: Canvas, grid: Grid, seed: int, settings: CtSettings) -> Array:
    """Noise-free HU on the fine lattice, ``(k, j, i)`` float32."""
    regions = labels.tissues
    table = np.zeros(max(Region) + 1, dtype=np.float32)
    for region, value in HOUNSFIELD.items():
        table[region] = value
    if settings.contrast:
        table[Region.AORTA], table[Region.KIDNEY] = 230.0, 170.0
    for region in CORTEX:
        table[region] = 45.0  # what lies around bone, for the part of a voxel outside it
    soft = table[regions]
    _thecal_sac(anatomy, grid, regions, soft)
    _texture(anatomy, labels, grid, seed, soft)
    if settings.table:
        _table(anatomy, grid, regions, soft)
    _add_bone(anatomy, labels, grid, seed, soft)
    return np.asarray(soft)


def _thecal_sac(anatomy: Anatomy, grid: Grid, regions: NDArray[np.uint8], soft: Array) -> None:
    """Water-like sac to S2 within epidural fat, in place."""
    canal = anatomy.canal
    end = int(np.searchsorted(-canal.points[:, 2], -anatomy.sacrum.frame.to_patient((0, 10, -42))[2]))
    shrink = np.interp(np.arange(end), [0, end * 0.75, end], [0.86, 0.80, 0.35])[:, None]
    sac = Tube(
        canal.points[:end] - canal.posterior[:end] * 0.8,
        canal.half[:end] * shrink,
        canal.posterior[:end],
        0.15,
    )
    found = tube_distance(grid, sac, margin=2.0)
    if found is not None:
        where, distance = found
        inside = (distance < 0) & (regions[where] == Region.CANAL)
        soft[where][inside] = 22.0


def _texture(anatomy: Anatomy, labels: Canvas, grid: Grid, seed: int, soft: Array) -> None:
    """Loops, gas, marbling and lung, in place."""
    body = anatomy.parameters.seed
    regions = labels.tissues
    coarse, fine = SmoothNoise(body, 2, grid, 11.0), SmoothNoise(seed, 3, grid, 3.0)
    low = anatomy.pose.frames["L1"].origin[2]
    heights = grid.affine.apply(np.column_stack([np.arange(grid.shape[0]), *np.zeros((2, grid.shape[0]))]))[
        :, 2
    ]
    for k, z in enumerate(heights):
        plane, here = soft[k], regions[k]
        lumps, grain = coarse.slice(k), fine.slice(k)
        content = here == Region.SOFT_TISSUE
        plane[content] += 14 * np.tanh(lumps[content]) + 4 * grain[content]
        gas = content & (lumps > 2.05)
        if z < low:
            plane[gas] = -880.0
        for region, spread in (
            (Region.MUSCLE, 7.0),
            (Region.FAT, 6.0),
            (Region.KIDNEY, 4.0),
            (Region.DISC, 6.0),
        ):
            mask = here == region
            plane[mask] += spread * grain[mask]
        air = here == Region.BACKGROUND
        lung = air & binary_fill_holes(~air)
        plane[lung] = -860 + 45 * np.abs(grain[lung])


def _table(anatomy: Anatomy, grid: Grid, regions: NDArray[np.uint8], soft: Array) -> None:
    """A carbon shell with foam under the body, in place."""
    y = grid.affine.origin[1] + grid.affine.spacing[1] * np.arange(grid.shape[1])
    x = grid.affine.origin[0] + grid.affine.spacing[2] * np.arange(grid.shape[2])
    torso = anatomy.torso
    supine = True
    top = float(torso.back.max() + 3.0 if supine else torso.front.min() - 3.0)
    bow = 0.0006 * x**2
    depth = (y[:, None] - top + bow[None, :]) if supine else (top - y[:, None] + bow[None, :])
    wide = np.abs(x)[None, :] < 210
    shell = wide & (np.abs(depth - 1.2) < 1.2) | wide & (np.abs(depth - 22) < 1.0)
    foam = wide & (depth > 2.4) & (depth < 21.0)
    air = regions == Region.BACKGROUND
    soft[:, foam] = np.where(air[:, foam], -930.0, soft[:, foam])
    soft[:, shell] = np.where(air[:, shell], -180.0, soft[:, shell])


def _add_bone(anatomy: Anatomy, labels: Canvas, grid: Grid, seed: int, soft: Array) -> None:
    """Cortex and cancellous bone by depth under the surface, mixed in by the voxel's share, in place."""
    regions = labels.tissues
    parameters = anatomy.parameters
    near = labels.bone < 1.0
    index = np.argwhere(near)
    depth = -labels.bone[near]
    thick, dense, share = (np.zeros(max(Region) + 1, dtype=np.float32) for _ in range(3))
    for region in Region:
        thick[region], dense[region], share[region] = CORTEX.get(region, (1.3, 780.0, 1.0))
    here = regions[near]
    spongy = parameters.trabecular_hu
    trabeculae, patches = SmoothNoise(seed, 4, grid, 1.7), SmoothNoise(parameters.seed, 5, grid, 7.0)
    grain = np.zeros(len(index), dtype=np.float32)
    edges = np.searchsorted(index[:, 0], np.arange(grid.shape[0] + 1))
    for k in range(grid.shape[0]):
        rows = slice(edges[k], edges[k + 1])
        j, i = index[rows, 1], index[rows, 2]
        grain[rows] = 26 * trabeculae.slice(k)[j, i] + 16 * patches.slice(k)[j, i]
    inner = spongy * share[here] + grain
    shell = np.clip((thick[here] - depth) / 0.6 + 0.5, 0, 1)
    shell = np.maximum(shell, 0.28 * np.exp(-np.maximum(depth - thick[here], 0) / 1.5))
    young = np.clip(1.08 - 0.003 * (parameters.age - 40), 0.85, 1.1)
    bone = inner + (dense[here] * young - inner) * shell
    # A surface crossing the voxel leaves part of it outside.
    part = np.clip(0.5 + depth / float(grid.affine.spacing[1]), 0, 1)
    soft[near] = soft[near] * (1 - part) + np.maximum(bone, -20) * part


def _quantum_noise(hounsfield: Array, seed: int, k: int, settings: CtSettings) -> Array:
    """Zero-mean noise of one slice, stronger where rays are long, with a reconstruction kernel's grain."""
    if settings.noise_hu <= 0:
        return np.zeros_like(hounsfield)
    rng = np.random.default_rng([seed, 11, k])
    white = rng.standard_normal(hounsfield.shape, dtype=np.float32)
    pixel = settings.pixel_mm
    grain = gaussian_filter(white, 0.55 / pixel) - 0.7 * gaussian_filter(white, 2.2 / pixel)
    grain /= grain.std()
    thick = gaussian_filter((hounsfield > -500).astype(np.float32), 40.0 / pixel)
    return np.asarray(settings.noise_hu * (0.25 + 0.85 * thick) * grain, dtype=np.float32)
