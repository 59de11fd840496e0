"""The network of ``build_network`` as a graph, from its weights alone: neither torch nor MONAI is needed.

Importing torch and MONAI costs seconds and hundreds of megabytes, building this graph milliseconds.
Two things differ from the module that was trained, without a change of its answer: a convolution's bias
is left out where the next step takes the mean away, and the last unit's skip is the centre tap of its
convolution.
"""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from procguide.segmentation.runtime.backend import Weights

__all__ = ["EPSILON", "Operations", "unet"]

EPSILON = 1e-5
"""Added to the variance in instance normalisation, as torch does."""

Node = TypeVar("Node")


class Operations(Protocol[Node]):
    """The operations that the graph is made of, in some library. Tensors are ``(1, channel, k, j, i)``."""

    def convolve(self, x: Node, weight: NDArray[Any], bias: NDArray[Any] | None, stride: int) -> Node:
        """Cross-correlate with ``(out, in, k, j, i)``, padded by zeros so that stride 1 keeps the size."""
        ...

    def upsample(self, x: Node, weight: NDArray[Any]) -> Node:
        """Transposed convolution with ``(in, out, 3, 3, 3)`` that doubles the size."""
        ...

    def normalise(self, x: Node, gain: NDArray[Any], bias: NDArray[Any]) -> Node:
        """Mean 0 and variance 1 in every channel, then gain and bias by channel."""
        ...

    def rectify(self, x: Node, slope: NDArray[Any]) -> Node:
        """Negative values times the one ``slope``."""
        ...

    def add(self, a: Node, b: Node) -> Node:
        """Sum of two tensors of one shape."""
        ...

    def join(self, a: Node, b: Node) -> Node:
        """Channels of ``a``, then those of ``b``."""
        ...


def unet(image: Node, weights: Weights, operations: Operations[Node]) -> Node:
    """Join up MONAI's residual UNet on ``image``; a missing tensor is a ``KeyError``."""
    return _Builder(weights, operations).level(image, "model")


class _Builder(Generic[Node]):
    """Walks down and up again; places in the network are named as torch names them."""

    def __init__(self, weights: Weights, operations: Operations[Node]) -> None:
        self.weights = weights
        self.operations = operations

    def level(self, x: Node, place: str) -> Node:
        """One resolution and all below it."""
        down = self.residual_unit(x, f"{place}.0", stride=2)
        inner = f"{place}.1.submodule"
        bottom = f"{inner}.conv.unit0.conv.weight" in self.weights
        below = self.residual_unit(down, inner, stride=1) if bottom else self.level(down, inner)
        joined = self.operations.join(down, below)
        up = self.operations.upsample(joined, self.weights[f"{place}.2.0.conv.weight"])
        up = self.settle(up, f"{place}.2.0.adn")
        if place == "model":
            return self.answer(up, f"{place}.2.1.conv.unit0.conv")
        return self.residual_unit(up, f"{place}.2.1", stride=1)

    def residual_unit(self, x: Node, place: str, *, stride: int) -> Node:
        """Convolutions beside a shortcut."""
        y, unit = x, 0
        while (name := f"{place}.conv.unit{unit}.conv.weight") in self.weights:
            y = self.operations.convolve(y, self.weights[name], None, stride if unit == 0 else 1)
            y = self.settle(y, f"{place}.conv.unit{unit}.adn")
            unit += 1
        shortcut = f"{place}.residual"
        if f"{shortcut}.weight" in self.weights:
            x = self.operations.convolve(
                x, self.weights[f"{shortcut}.weight"], self.weights[f"{shortcut}.bias"], stride
            )
        return self.operations.add(y, x)

    def settle(self, x: Node, place: str) -> Node:
        """Normalise and rectify."""
        x = self.operations.normalise(x, self.weights[f"{place}.N.weight"], self.weights[f"{place}.N.bias"])
        return self.operations.rectify(x, self.weights[f"{place}.A.weight"])

    def answer(self, x: Node, place: str) -> Node:
        """The last residual unit: one convolution whose centre tap lets its input through."""
        weight = self.weights[f"{place}.weight"].astype(np.float32)
        channel = np.arange(len(weight))
        weight[channel, channel, 1, 1, 1] += 1.0
        return self.operations.convolve(x, weight, self.weights[f"{place}.bias"], 1)
