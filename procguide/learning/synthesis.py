"""Images from labels: deform a shape, give every tissue an intensity, then scan it badly.

After SynthSeg (Billot et al., Med Image Anal 2023;86:102789): shape, appearance and acquisition are drawn
anew for every sample, wider than any scanner, so that a network trained on them alone meets nothing new
in a clinic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from procguide.learning.acquisition import scan_ct, scan_mr
from procguide.learning.appearance import (
    any_contrast,
    computed_tomography,
    magnetic_resonance,
    real_image,
)
from procguide.learning.deformation import ShapeTensors, place
from procguide.learning.draws import Dice
from procguide.segmentation.network import OFFSET_SCALE_MM

__all__ = ["CT_AND_MR", "CT_ONLY", "Batch", "Contrasts", "ShapeTensors", "synthesise"]


@dataclass(frozen=True)
class Contrasts:
    """Shares of images that are CT-like, MRI by the signal equation, and of any contrast.

    ``kept``: how often a shape that has its own image shows it.
    """

    ct: float
    mr: float
    any: float
    kept: float = 0.5


CT_AND_MR = Contrasts(0.45, 0.38, 0.17)
CT_ONLY = Contrasts(0.95, 0.0, 0.05)


@dataclass(frozen=True)
class Batch:
    """What one training step sees.

    ``image`` ``(b, 1, n, n, n)`` as :func:`normalise` gives it; ``target`` ``(b, n, n, n)`` of codes
    (:mod:`ambiguity`); ``offset`` ``(b, n, n, n)`` in units of 30 mm, NaN where there is no vertebra.
    """

    image: Tensor
    target: Tensor
    offset: Tensor


def synthesise(
    shapes: Sequence[ShapeTensors],
    seeds: Sequence[int],
    *,
    patch: int,
    spacing_mm: float,
    contrasts: Contrasts = CT_AND_MR,
) -> Batch:
    """One sample a seed, each from a shape drawn by its share; the same seeds give the same batch."""
    shares = tuple(shape.share for shape in shapes)
    samples = []
    for seed in seeds:
        dice = Dice(seed)
        shape = shapes[dice.among(shares)]
        samples.append(_sample(shape, dice, patch, spacing_mm, contrasts))
    image, target, offset = (torch.stack(part) for part in zip(*samples, strict=True))
    return Batch(image[:, None], target, offset)


def _sample(
    shape: ShapeTensors, dice: Dice, patch: int, spacing_mm: float, contrasts: Contrasts
) -> tuple[Tensor, Tensor, Tensor]:
    seen = place(shape, dice, patch, spacing_mm)
    if seen.kept is not None and dice.chance(contrasts.kept):
        image = scan_mr(real_image(seen.kept, seen.inside, dice), dice, spacing_mm)
    else:
        kind = dice.among((contrasts.ct, contrasts.mr, contrasts.any))
        appear = (computed_tomography, magnetic_resonance, any_contrast)[kind]
        scan = scan_ct if kind == 0 else scan_mr
        image = scan(appear(seen, dice, spacing_mm), dice, spacing_mm)
    return image, seen.target, seen.offset_mm / OFFSET_SCALE_MM
