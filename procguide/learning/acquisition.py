"""Scanning an image badly, as clinics do: thick slices, noise, ringing, motion, streaks, a short field.

In: an image of :mod:`appearance`. Out: the networks' scale (:func:`segmentation.network.normalise`).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from procguide.learning.draws import Dice

__all__ = ["scan_ct", "scan_mr"]

_AIR_HU = -1000.0


def scan_ct(image: Tensor, dice: Dice, spacing_mm: float) -> Tensor:
    """HU in, network's scale out, ``(n, n, n)``."""
    n = image.shape[-1]
    if dice.chance(0.08):
        image = _with_couch(image, dice, spacing_mm)
    image = _blur(image, dice.uniform(0.3, 1.2) / spacing_mm)
    if dice.chance(0.55):
        axis = 0 if dice.chance(0.85) else dice.pick(2) + 1
        image = _thick_slices(image, axis, dice.uniform(1.0, 6.0) / spacing_mm)
    if dice.chance(0.25):  # a sharp kernel overshoots at edges
        image = image + dice.uniform(0.2, 0.9) * (image - _blur(image, 1.0))
    noise = _blur(dice.normal(n, n, n), dice.uniform(0.3, 0.9))
    image = image + noise / noise.std() * (dice.uniform(0, 1) ** 2 * 110 * min(1.0, 2.0 / spacing_mm))
    if dice.chance(0.06):
        image = image + _streaks(image, dice)
    if dice.chance(0.3):  # beam hardening, cupping, a table of HU that is off
        image = image + dice.uniform(0, 40) * dice.field(4, n)[0]
    if dice.chance(0.15):
        image = _cut(image, dice, _AIR_HU)
    image = (image * dice.uniform(0.9, 1.1) + dice.uniform(-30, 30)).clamp(-250, 1000)
    return (image - 150) / 300


def scan_mr(image: Tensor, dice: Dice, spacing_mm: float) -> Tensor:
    """Signal of any scale in, network's scale out, ``(n, n, n)``."""
    n = image.shape[-1]
    image = _blur(image, dice.uniform(0.3, 0.9) / spacing_mm)
    slices = dice.among((0.15, 0.12, 0.08, 0.65))  # axial, coronal, sagittal are axes 0, 1, 2; none
    slices = {0: 0, 1: 1, 2: -1, 3: 2}[slices]
    if slices >= 0:
        image = _thick_slices(image, slices, dice.uniform(2.5, 5.5) / spacing_mm)
    in_plane = [axis for axis in range(3) if axis != slices]
    if dice.chance(0.35):
        image = _truncated_spectrum(image, in_plane[dice.pick(len(in_plane))], dice.uniform(0.45, 0.85))
    if dice.chance(0.15):
        image = _ghosts(image, in_plane[dice.pick(len(in_plane))], dice)
    bias = dice.field(3, n)[0] * dice.uniform(0, 0.25) + dice.field(5, n)[0] * dice.uniform(0, 0.1)
    image = image * torch.exp(bias)
    level = float(image.max()) * dice.uniform(0, 0.06) * dice.uniform(0.2, 1)
    image = torch.sqrt((image + level * dice.normal(n, n, n)) ** 2 + (level * dice.normal(n, n, n)) ** 2)
    if dice.chance(0.45):
        image = _cut(image, dice, 0.0, axis=2 if dice.chance(0.7) else None)
    return _on_scale(image, dice)


def _on_scale(image: Tensor, dice: Dice) -> Tensor:
    """1st and 99.5th percentile to -150 and 600, as :func:`normalise` does, and a little off."""
    some = image.flatten()[::7]
    some = some[some > 0.2 * some.mean()]
    if len(some) < 100:
        return torch.full_like(image, -1.0)
    low, high = torch.quantile(some, torch.tensor([0.01, 0.995]))
    grey = (image - low) / (high - low).clamp(min=1e-6)
    grey = grey * dice.uniform(0.75, 1.25) + dice.uniform(-0.1, 0.1)
    scaled: Tensor = ((grey * 750 - 150).clamp(-250, 1000) - 150) / 300
    return scaled


def _blur(image: Tensor, sigma: float) -> Tensor:
    if sigma < 0.25:
        return image
    radius = max(1, int(2.5 * sigma + 0.5))
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).view(1, 1, -1)
    for _ in range(3):
        n = image.shape
        flat = functional.pad(image.reshape(-1, 1, n[-1]), (radius, radius), mode="replicate")
        image = functional.conv1d(flat, kernel).reshape(n).permute(2, 0, 1)
    return image


def _thick_slices(image: Tensor, axis: int, step: float) -> Tensor:
    """Average over ``step`` voxels along an axis and interpolate back."""
    if step < 1.2:
        return image
    moved = image.movedim(axis, -1)
    n = moved.shape[-1]
    flat = moved.reshape(1, -1, n)
    down = functional.interpolate(_box(flat, step), size=max(4, round(n / step)), mode="linear")
    up = functional.interpolate(down, size=n, mode="linear")
    thick: Tensor = up.reshape(moved.shape).movedim(-1, axis)
    return thick


def _box(flat: Tensor, width: float) -> Tensor:
    odd = max(1, 2 * round((width - 1) / 2) + 1)
    return functional.avg_pool1d(flat, odd, stride=1, padding=odd // 2, count_include_pad=False)


def _truncated_spectrum(image: Tensor, axis: int, kept: float) -> Tensor:
    """Only the middle share of k-space along an axis: blur, and ringing beside edges (Gibbs)."""
    spectrum = torch.fft.rfft(image, dim=axis)
    size = spectrum.shape[axis]
    shape = [1, 1, 1]
    shape[axis] = size
    spectrum = spectrum * (torch.arange(size) < kept * size).view(shape)
    back: Tensor = torch.fft.irfft(spectrum, n=image.shape[axis], dim=axis)
    return back.abs()


def _ghosts(image: Tensor, axis: int, dice: Dice) -> Tensor:
    """Breathing or pulsation: faint copies, shifted along the phase-encoding axis."""
    shift = int(dice.uniform(0.1, 0.5) * image.shape[axis])
    strength = dice.uniform(0.03, 0.2)
    copies = torch.roll(image, shift, axis) + torch.roll(image, -shift, axis)
    return (image * (1 - strength) + strength * copies).abs()


def _streaks(image: Tensor, dice: Dice) -> Tensor:
    """Bright and dark rays in the axial planes, round a metal thread."""
    n = image.shape[-1]
    axis = torch.arange(n).float()
    y, x = torch.meshgrid(axis - dice.uniform(0.2, 0.8) * n, axis - dice.uniform(0.2, 0.8) * n, indexing="ij")
    angle, away = torch.atan2(y, x), torch.hypot(y, x) + 2.0
    rays = sum(
        dice.uniform(-1, 1)
        * torch.exp(-0.5 * (torch.sin(angle - dice.uniform(0, math.pi)) * away / 3.0) ** 2)
        for _ in range(6)
    )
    height = torch.exp(-0.5 * ((axis - dice.uniform(0, 1) * n) / (0.1 * n)) ** 2)
    strength = dice.uniform(100, 700)
    metal = (away < dice.uniform(3, 6)) * 2000.0
    streaks: Tensor = height[:, None, None] * (
        torch.as_tensor(rays) * strength * (12.0 / (away + 6.0)) + metal
    )
    return streaks


def _with_couch(image: Tensor, dice: Dice, spacing_mm: float) -> Tensor:
    """A couch behind and an arm beside, where there is air."""
    n = image.shape[-1]
    air = image < -600
    axis = torch.arange(n).float() * spacing_mm
    couch = (axis - dice.uniform(0.6, 1.0) * n * spacing_mm).abs() < dice.uniform(1, 4)
    image = torch.where(air & couch[None, :, None], dice.uniform(-200, 300), image)
    aside = (axis - dice.pick(2) * n * spacing_mm).view(1, 1, -1)
    depth = (axis - dice.uniform(0, 1) * n * spacing_mm).view(1, -1, 1)
    away = torch.hypot(aside, depth).expand(n, n, n)
    arm = torch.where(away < 12, 600.0, torch.where(away < 40, 50.0, -100.0))
    return torch.where(air & (away < 50), arm, image)


def _cut(image: Tensor, dice: Dice, fill: float, axis: int | None = None) -> Tensor:
    """End of the scanned field on one side or both: nothing beyond, or the last plane again and again."""
    axis = dice.pick(3) if axis is None else axis
    moved = image.movedim(axis, 0).clone()
    n = len(moved)
    low, high = (int(dice.uniform(0.0, 0.35) * n) if dice.chance(0.6) else 0 for _ in range(2))
    again = dice.chance(0.5)
    if low:
        moved[:low] = moved[low] if again else fill
    if high:
        moved[n - high :] = moved[n - high - 1] if again else fill
    return moved.movedim(0, axis)
