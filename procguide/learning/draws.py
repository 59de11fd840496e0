"""Random draws for one sample, all from one seeded generator."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Dice"]


class Dice:
    """Random draws from one seeded generator."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def uniform(self, low: float, high: float) -> float:
        """A number between two."""
        return low + (high - low) * float(torch.rand((), generator=self.generator))

    def chance(self, probability: float) -> bool:
        """True as often as said."""
        return self.uniform(0, 1) < probability

    def normal(self, *shape: int) -> Tensor:
        """Independent standard normal numbers."""
        return torch.randn(*shape, generator=self.generator)

    def rand(self, *shape: int) -> Tensor:
        """Independent numbers between 0 and 1."""
        return torch.rand(*shape, generator=self.generator)

    def pick(self, n: int) -> int:
        """A whole number below ``n``."""
        return int(torch.randint(n, (), generator=self.generator))

    def among(self, shares: tuple[float, ...]) -> int:
        """A place in ``shares``, as often as its share says."""
        return int(torch.multinomial(torch.tensor(shares, dtype=torch.float32), 1, generator=self.generator))

    def field(self, cells: int, size: int, channels: int = 1) -> Tensor:
        """Smooth noise ``(channels, size, size, size)``, of unit variance at its ``cells`` nodes a side."""
        coarse = self.normal(1, channels, cells, cells, cells)
        return functional.interpolate(coarse, size=(size,) * 3, mode="trilinear", align_corners=True)[0]

    def course(self, cells: int, size: int) -> Tensor:
        """Smooth noise ``(size,)`` along one axis."""
        return functional.interpolate(self.normal(1, 1, cells), size=size, mode="linear", align_corners=True)[
            0, 0
        ]
