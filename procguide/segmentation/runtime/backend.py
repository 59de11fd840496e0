"""What every way to run a network has in common."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Backend", "Weights"]

Weights = dict[str, NDArray[Any]]
"""Tensors of a network by their names in its torch module."""


class Backend(Protocol):
    """A network made ready for windows of one shape.

    Calling it blocks until the answer is there, and uses as many threads as its library sees fit. The
    same patch gives the same bits again on the same machine with the same number of threads. Not
    to be called from two threads at once.
    """

    runtime: str
    """``openvino``, ``onnxruntime`` or ``torch``."""

    def __call__(self, patch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Patch ``(k, j, i)`` of ``normalise`` to ``(n_classes + 1, k, j, i)``, as ``build_network`` says.

        The array is the caller's to overwrite, until the next call.
        """
        ...
