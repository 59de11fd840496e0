"""Quantum noise and ray errors of one slice, from rays through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.phantom.ct.hounsfield import METAL_FROM
from procguide.phantom.ct.kernel import Plane, transfer
from procguide.phantom.ct.rays import COARSER, WATER, Rays, coarse, enlarge, metal_error, through
from procguide.phantom.ct.settings import CtSettings, Kernel
from procguide.phantom.ct.subject import Subject
from procguide.phantom.solids import Array

__all__ = ["Noise", "middle_of"]

_PLAIN, _METAL = (3.0, 72), (1.6, 180)
"""Pixel (mm) and views of the rays, for the slice and for its metal."""


@dataclass(frozen=True)
class Noise:
    """How strong noise is, and what of it slices share.

    ``hounsfield`` is the noise in the middle of the body where the variance that rays bring there is
    ``reference`` (see :class:`procguide.phantom.ct.rays.Rays`); ``neighbours`` weighs the white noise of
    slices on either side where slices overlap.
    """

    hounsfield: float
    reference: float
    neighbours: NDArray[np.float64]
    settings: CtSettings
    seed: int

    @classmethod
    def of(cls, subject: Subject, settings: CtSettings, seed: int) -> Noise:
        """Find the reference on a few of the subject's slices."""
        reference = _reference(subject, _photons(settings.noise_hu))
        wanted = settings.noise_hu if settings.mas is None else _physical(reference, settings)
        return cls(wanted, reference, _overlap(settings), settings, seed)

    def of_slice(
        self, clean: Array, middle: tuple[float, float], k: int, plane: Plane
    ) -> tuple[Array, Array]:
        """Error of the rays and noise, HU ``(j, i)``, of the noise-free slice ``clean``.

        ``middle`` is the body's, in pixels.
        """
        from procguide.phantom.ct._ray_kernels import weighed

        rays, factor = self._rays(clean)
        wrong = enlarge(rays.error, factor, plane.shape)
        if (clean > METAL_FROM).any():
            wrong += self._streaks(clean, k)
        if self.hounsfield <= 0:
            return wrong, np.zeros_like(clean)
        here = max(_central(rays.variance, middle, factor * COARSER), 1e-6)
        current = (here / self.reference) ** (-self.settings.current_modulation / 2)
        strength = self.hounsfield * current * np.sqrt(rays.variance / self.reference)
        grains = plane.grains(self._white(k, plane))
        return wrong, weighed(strength.astype(np.float32), grains, factor * COARSER)

    def _rays(self, clean: Array) -> tuple[Rays, int]:
        """Rays, and how many pixels make one of theirs."""
        size, views = _PLAIN
        factor = max(1, round(size / self.settings.pixel_mm))
        pixel = factor * self.settings.pixel_mm
        photons, hardening = _photons(self.hounsfield), self.settings.beam_hardening
        return through(coarse(clean, factor), pixel, views, photons, hardening), factor

    def _streaks(self, clean: Array, k: int) -> Array:
        size, views = _METAL
        factor = max(1, round(size / self.settings.pixel_mm))
        rng = np.random.default_rng([self.seed, 13, k])
        photons, pixel = _photons(self.hounsfield), factor * self.settings.pixel_mm
        return enlarge(metal_error(coarse(clean, factor), pixel, views, photons, rng), factor, clean.shape)

    def _white(self, k: int, plane: Plane) -> NDArray[np.complex64]:
        half = (plane.padded[0], plane.padded[1] // 2 + 1)
        total = np.zeros(half, dtype=np.complex64)
        reach = len(self.neighbours) // 2
        for n, weight in enumerate(self.neighbours):
            rng = np.random.default_rng([self.seed, 11, k + n - reach + 64])
            white = rng.standard_normal((*half, 2), dtype=np.float32).view(np.complex64)[..., 0]
            total += np.float32(weight) * white
        return total


def _overlap(settings: CtSettings) -> NDArray[np.float64]:
    """Weights whose squares add up to 1: neighbours share as much noise as their profiles overlap."""
    reach = min(int(np.ceil(settings.slice_mm / settings.step - 1e-6)) - 1, 4)
    away = np.abs(np.arange(-reach, reach + 1)) * settings.step
    weights = np.maximum(1 - away / settings.slice_mm, 0.0)
    return np.asarray(weights / np.sqrt((weights**2).sum()))


def middle_of(image: Array) -> tuple[float, float]:
    """Mean row and column of what is not air; the image's own middle where all is."""
    solid = np.nonzero(image > -300)
    if not len(solid[0]):
        return image.shape[0] / 2, image.shape[1] / 2
    return float(solid[0].mean()), float(solid[1].mean())


def _central(variance: Array, middle: tuple[float, float], factor: int) -> float:
    """Mean variance about 2 cm round a place given in pixels ``factor`` times finer."""
    j, i = (int(n / factor) for n in middle)
    return float(variance[:, max(j - 2, 0) : j + 3, max(i - 2, 0) : i + 3].mean())


def _reference(subject: Subject, photons: float) -> float:
    """Median over a few slices of the variance in the middle."""
    count = subject.tissues.shape[0]
    pixel = float(subject.place[1, 1])
    every = max(1, round(_PLAIN[0] / pixel))
    found = []
    for k in np.linspace(0, count - 1, 7).round().astype(int):
        labels = subject.tissues[k, ::every, ::every]
        image = np.where(subject.is_bone[labels], 350.0, np.minimum(subject.table[0][labels], 1500.0))
        rays = through(image.astype(np.float32), every * pixel, _PLAIN[1], photons, 0.0)
        found.append(_central(rays.variance, middle_of(image), COARSER))
    return max(float(np.median(found)), 1e-6)


def _photons(hounsfield: float) -> float:
    """Photons in a ray (3 mm wide) without a patient that give such noise (assumed)."""
    return 1.2e6 * (14.0 / max(hounsfield, 1.0)) ** 2


def _physical(reference: float, settings: CtSettings) -> float:
    """HU of noise from dose: 12 HU at 100 mAs, 5 mm, standard kernel, in 32 cm of water (assumed).

    It goes with the root of attenuation over dose and thickness (Kalender, Computed Tomography 2011).
    """
    attenuation = reference / np.exp(320.0 * WATER)
    dose = settings.mas or 1.0
    grain = np.sqrt(_grain(settings.kernel) / _grain(Kernel.STANDARD))
    return float(12.0 * grain * np.sqrt(attenuation * 100.0 / dose * 5.0 / settings.slice_mm))


def _grain(kernel: Kernel) -> float:
    f = np.linspace(0, 2.0, 400)
    return float((f * f * transfer(kernel, f) ** 2).sum())
