"""From an object on a fine lattice to k-space samples, and from those to an image.

Axis 0 is phase, axis 1 readout. A lattice of ``n`` points over a field of ``length`` mm has its points at
``(m + 1/2 - n/2) * length / n``, so lattices of different sizes share their middle, not their first point;
the half-pixel phases below see to that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from procguide.phantom.mri.settings import MriSettings

__all__ = ["acquired_lines", "complete", "fold", "frequencies", "measure", "reconstruct", "window_of"]

Complex = NDArray[np.complex64]


def frequencies(count: int) -> NDArray[np.int64]:
    """Centred k indices, ``-count // 2`` upward: cycles across the field."""
    return np.arange(count) - count // 2


def fold(plane: Complex, first: int, count: int) -> Complex:
    """Rows that lie outside the field come back in at its other side (wrap-around).

    ``first`` is the index, on a periodic lattice of ``count`` rows, of row 0 of ``plane``.
    """
    out = np.zeros((count, plane.shape[1]), dtype=np.complex64)
    for start in range(0, len(plane), count):
        part = plane[start : start + count]
        rows = (first + start + np.arange(len(part))) % count
        out[rows] += part
    return out


def _half_pixel(count: int, size: int) -> NDArray[np.complex64]:
    """Phase of ``count`` centred frequencies for a lattice of ``size`` points whose middle is the origin."""
    k = frequencies(count)
    return np.asarray(np.exp(-2j * np.pi * k * (0.5 - size / 2) / size), dtype=np.complex64)


def _low(spectrum: Complex, count: int, axis: int) -> Complex:
    """The centred ``count`` lowest frequencies of an FFT's output along one axis."""
    return np.asarray(np.take(spectrum, frequencies(count) % spectrum.shape[axis], axis=axis))


def measure(plane: Complex, lines: int, samples: int) -> Complex:
    """k-space ``(lines, samples)``, centred, of an object on a finer lattice over the same field.

    Scaled so that :func:`reconstruct` gives the object's own values back.
    """
    rows, columns = plane.shape
    spectrum = _low(fft.fft(plane, axis=1), samples, 1) * _half_pixel(samples, columns)
    spectrum = _low(fft.fft(spectrum, axis=0), lines, 0) * _half_pixel(lines, rows)[:, None]
    return np.asarray(spectrum * np.float32(lines * samples / (rows * columns)), dtype=np.complex64)


def acquired_lines(lines: int, share: float) -> NDArray[np.bool_]:
    """Which phase lines a partial Fourier scan acquires: from the lowest up to beyond the centre."""
    return np.asarray(np.arange(lines) < round(lines * share))


def window_of(lines: int, samples: int, settings: MriSettings) -> NDArray[np.float32]:
    """What the reconstruction multiplies k-space with: elliptic cut and softened edge."""
    a, b = (np.abs(frequencies(n)[:, None]) / (n / 2) for n in (lines, samples))
    radius = np.hypot(a, b.T)
    window = np.ones((lines, samples), dtype=np.float32)
    if settings.raised_cosine > 0:
        start = 1 - settings.raised_cosine
        for edge in (a, b.T):
            t = np.clip((edge - start) / settings.raised_cosine, 0, 1)
            window *= (0.5 + 0.5 * np.cos(0.75 * np.pi * t)).astype(np.float32)
    if settings.elliptic:
        window[radius > 1] = 0
    return window


def complete(kspace: Complex, share: float) -> Complex:
    """Homodyne: what partial Fourier left out is made up from the image's own slow phase.

    Returns k-space whose image is real and whole; lines beyond ``share`` of ``kspace`` are not looked at.
    After Noll et al., IEEE Trans Med Imaging 1991;10:154.
    """
    lines = len(kspace)
    k = frequencies(lines)
    reach = round(lines * share) - lines // 2
    # Lines seen on one side only count twice, those on both sides once, with a ramp between.
    weight = np.interp(k, (-reach, reach), (2.0, 0.0)).astype(np.float32)
    seen = acquired_lines(lines, share).astype(np.float32)
    low = np.where(np.abs(k) < reach, 0.5 + 0.5 * np.cos(np.pi * k / max(reach, 1)), 0).astype(np.float32)
    slow = _image(kspace * low[:, None])
    phase = np.exp(-1j * np.angle(slow)).astype(np.complex64)
    whole = (_image(kspace * (weight * seen)[:, None]) * phase).real.astype(np.complex64)
    shifted = np.fft.ifftshift(whole)
    return np.asarray(np.fft.fftshift(fft.fft2(shifted)), dtype=np.complex64)


def _image(kspace: Complex) -> Complex:
    return np.asarray(np.fft.fftshift(fft.ifft2(np.fft.ifftshift(kspace))), dtype=np.complex64)


def reconstruct(kspace: Complex, rows: int, columns: int) -> Complex:
    """The image ``(rows, columns)``, by zero-filling to at least the acquired size."""
    lines, samples = kspace.shape
    spectrum = kspace * np.conj(_half_pixel(samples, columns)) * np.conj(_half_pixel(lines, rows))[:, None]
    padded = np.zeros((rows, samples), dtype=np.complex64)
    padded[frequencies(lines) % rows] = spectrum
    partly = fft.ifft(padded, axis=0)
    wide = np.zeros((rows, columns), dtype=np.complex64)
    wide[:, frequencies(samples) % columns] = partly
    image = fft.ifft(wide, axis=1)
    return np.asarray(image * np.float32(rows * columns / (lines * samples)), dtype=np.complex64)
