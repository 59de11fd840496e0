"""What rays make of a slice: noise by direction, bands between dense bones, streaks from metal.

Parallel rays at reduced resolution; a fan's geometry makes no visible difference to these smooth errors.
Attenuation coefficients: Hubbell & Seltzer, NISTIR 5632 (water, cortical bone ICRU-44, titanium). The
spectrum is a filtered 120 kV in six energies (assumed). Exponentials are taken in double precision: in
single precision they differ from one processor to the next, and so would a voxel here and there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from procguide.phantom.ct.hounsfield import METAL_FROM
from procguide.phantom.ct.kernel import SECTORS, sector_weight
from procguide.phantom.solids import Array

Exact = NDArray[np.float64]

__all__ = ["COARSER", "WATER", "Rays", "coarse", "enlarge", "metal_error", "through"]

WATER = 0.0193
"""Linear attenuation of water at the beam's mean energy, per mm."""

# keV: 40, 50, 60, 80, 100, 120; cm^2/g times density, in 1/mm.
_PHOTONS = np.array([0.06, 0.20, 0.27, 0.26, 0.15, 0.06])
_MU_WATER = np.array([0.2683, 0.2269, 0.2059, 0.1837, 0.1707, 0.1614]) / 10
_MU_BONE = np.array([0.6655, 0.4242, 0.3148, 0.2229, 0.1855, 0.1690]) * 1.92 / 10
_MU_METAL = np.array([2.214, 1.213, 0.7661, 0.4052, 0.2721, 0.2180]) * 4.54 / 10
COARSER = 2
"""How many times wider than a ray the pixels of the variance are."""
_BONE_HU = 1450.0
_METAL_HU = 8000.0
_METAL_LEFT = 0.7
"""Share of the metal's hardening that the scanner leaves uncorrected (assumed)."""
_ELECTRONIC = 9.0
"""Detector noise in photons (assumed)."""


@dataclass(frozen=True)
class Rays:
    """Views of one slice at reduced resolution.

    ``variance`` is ``(sectors, j, i)``, coarser by :data:`COARSER`: the noise that rays of each direction
    bring, photons taken as one a ray; ``error`` ``(j, i)`` is HU of beam hardening by bone.
    """

    variance: Array
    error: Array


@lru_cache(maxsize=4)
def _geometry(views: int) -> tuple[NDArray[np.float64], Array]:
    """Angles of the views, and their weight in each sector, ``(sectors, views)``."""
    angles = np.arange(views) * np.pi / views
    weights = np.array([sector_weight(angles, n) for n in range(SECTORS)])
    return angles, (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def coarse(image: Array, factor: int) -> Array:
    """Means over ``factor`` by ``factor`` pixels; the last row and column are repeated to make it even."""
    j, i = (-(-n // factor) for n in image.shape)
    rest = [(0, factor * m - n) for m, n in zip((j, i), image.shape, strict=True)]
    cut = np.pad(image, rest, mode="edge")
    means = cut.reshape(j, factor, i, factor).mean(axis=(1, 3), dtype=np.float64)
    return np.asarray(means, dtype=np.float32)


def enlarge(image: Array, factor: int, shape: tuple[int, int]) -> Array:
    """The opposite of :func:`coarse`, linear between the middles of its pixels."""
    from procguide.phantom.ct._tissue_kernels import resample_plane

    start = np.full(2, -0.5 + 0.5 / factor)
    clamped = np.pad(image, 2, mode="edge")
    return np.asarray(resample_plane(clamped, start + 2, np.full(2, 1 / factor), shape, 0.0))


@dataclass(frozen=True)
class _Materials:
    """Shares of a voxel, ``(j, i)``: water (with what is lighter), dense bone, metal."""

    water: Array
    bone: Array
    metal: Array

    @classmethod
    def of(cls, hounsfield: Array) -> _Materials:
        metal = np.clip((hounsfield - METAL_FROM) / (_METAL_HU - METAL_FROM), 0, 4)
        bone = np.where(metal > 0, 0, np.clip((hounsfield - 120) / (_BONE_HU - 120), 0, 1.3))
        water = np.where(metal > 0, 0, 1 + hounsfield / 1000 - bone * (1 + _BONE_HU / 1000))
        kinds = (np.maximum(water, 0), bone, metal)
        return cls(*(np.ascontiguousarray(kind, dtype=np.float32) for kind in kinds))


def through(hounsfield: Array, pixel: float, views: int, photons: float, hardening: float) -> Rays:
    """Send rays through ``hounsfield`` ``(j, i)``, metal left out; ``photons`` a ray without a patient."""
    from procguide.phantom.ct._ray_kernels import back_project

    angles, sectors = _geometry(views)
    count = _rays(hounsfield)
    kinds = _Materials.of(hounsfield)
    water, bone = (_lengths(kind, pixel, angles, count) for kind in (kinds.water, kinds.bone))
    filled = np.exp(WATER * (water + (1 + _BONE_HU / 1000) * bone) - _bowtie(count, pixel))
    # Photons and, where few are left, the detector's own noise.
    spread = filled * (1 + _ELECTRONIC**2 * filled / photons)
    shape = tuple(max(n // COARSER, 1) for n in hounsfield.shape)
    variance = back_project(spread.astype(np.float32), sectors, angles, shape, COARSER)
    if hardening <= 0 or not kinds.bone.any():
        return Rays(variance, np.zeros_like(hounsfield))
    return Rays(variance, _reconstructed(hardening * _hardened(water, bone), pixel, hounsfield.shape))


def metal_error(
    hounsfield: Array, pixel: float, views: int, photons: float, rng: np.random.Generator
) -> Array:
    """HU ``(j, i)`` of streaks: metal taken for water, and rays that hardly get through."""
    angles, _ = _geometry(views)
    count = _rays(hounsfield)
    kinds = _Materials.of(hounsfield)
    water, bone, metal = (
        _lengths(kind, pixel, angles, count) for kind in (kinds.water, kinds.bone, kinds.metal)
    )
    hit = metal > 0.3
    if not hit.any():
        return np.zeros_like(hounsfield)
    extra = _seen([water, bone, metal]) - _seen([water, bone])
    thin = float(np.median(extra[hit] / metal[hit]))
    filled = WATER * (water + (1 + _BONE_HU / 1000) * bone) - _bowtie(count, pixel)
    path = np.minimum(WATER * (1 + _METAL_HU / 1000) * metal, 12.0)
    counts = photons * np.exp(-filled - path)
    starved = np.sqrt(1 / np.maximum(counts, 0.7) + (_ELECTRONIC / np.maximum(counts, 4.0)) ** 2)
    white = rng.standard_normal(metal.shape, dtype=np.float32)
    wrong = _METAL_LEFT * (extra - thin * metal) + np.where(hit, np.minimum(starved, 2.0), 0) * white
    return _reconstructed(wrong, pixel, hounsfield.shape)


def _lengths(image: Array, pixel: float, angles: Exact, rays: int) -> Exact:
    from procguide.phantom.ct._ray_kernels import project

    return np.asarray(project(image, pixel, angles, rays), dtype=np.float64)


def _rays(image: Array) -> int:
    return int(np.ceil(np.hypot(*image.shape))) + 3


def _reconstructed(wrong: Exact, pixel: float, shape: tuple[int, ...]) -> Array:
    """HU ``(j, i)`` that an error of the line integrals makes."""
    from procguide.phantom.ct._ray_kernels import back_project

    views = wrong.shape[0]
    error = back_project(_ramp(wrong.astype(np.float32), pixel), _ones(views), _geometry(views)[0], shape, 1)[
        0
    ]
    return np.asarray(error * np.float32(np.pi / views * 1000 / WATER))


@lru_cache(maxsize=4)
def _ones(views: int) -> Array:
    return np.ones((1, views), dtype=np.float32)


def _bowtie(rays: int, pixel: float) -> Exact:
    """Attenuation of the filter that spares the thin edges of the body, half of a 40 cm cylinder's lack."""
    s = (np.arange(rays) - (rays - 1) / 2) * pixel
    chord = 2 * np.sqrt(np.maximum(200.0**2 - s**2, 0))
    return np.asarray(-0.4 * WATER * (400.0 - chord))


def _seen(lengths: list[Exact]) -> Exact:
    """What a detector that sums energies reads, corrected for water: mm of water times its attenuation."""
    attenuation = np.zeros(lengths[0].shape)
    for n, share in enumerate(_PHOTONS):
        power = _MU_WATER[n] * lengths[0]
        for mu, length in zip((_MU_BONE[n], _MU_METAL[n]), lengths[1:], strict=False):
            power = power + mu * length
        attenuation += share * np.exp(-power)
    read = -np.log(np.maximum(attenuation, 1e-12))
    table = np.linspace(0, 900, 181)
    water = -np.log(np.exp(-np.outer(table, _MU_WATER)) @ _PHOTONS)
    return np.asarray(WATER * np.interp(read, water, table))


def _hardened(water: Exact, bone: Exact) -> Exact:
    """Error of the line integral from bone that was corrected as if it were water.

    The part in proportion to the bone is what thin bone reads anyway; the rest is dark bands.
    """
    thin = 4.0
    slope = (_seen([water, np.full_like(bone, thin)]) - _seen([water, np.zeros_like(bone)])) / thin
    straight = float((slope * bone).sum() / max(float(bone.sum()), 1e-6))
    return np.asarray(_seen([water, bone]) - _seen([water, np.zeros_like(bone)]) - straight * bone)


def _ramp(views: Array, pixel: float) -> Array:
    """Every view through the ramp with a Hann roll-off (Kak & Slaney 1988, chapter 3)."""
    rays = views.shape[1]
    size = fft.next_fast_len(2 * rays, real=True)
    f = np.fft.rfftfreq(size, pixel)
    gain = f * (0.5 + 0.5 * np.cos(np.pi * f / f[-1]))
    spectrum = fft.rfft(views, size, axis=1) * gain.astype(np.float32)
    return np.asarray(fft.irfft(spectrum, size, axis=1)[:, :rays], dtype=np.float32)
