"""torch, on CPU where nothing faster is installed, and on CUDA."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from procguide.segmentation.network import Bundle, network_of

__all__ = ["TorchBackend"]


class TorchBackend:
    """The module that was trained: single precision on CPU, half precision on CUDA."""

    runtime = "torch"

    def __init__(self, bundle: Bundle, device: str = "cpu") -> None:
        self._network = network_of(bundle).to(device)
        self._device = device

    def __call__(self, patch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Patch ``(k, j, i)`` to ``(n_classes + 1, k, j, i)``; see :class:`Backend`."""
        import torch

        kind = torch.device(self._device).type
        image = torch.tensor(np.ascontiguousarray(patch), device=self._device)[None, None]
        with torch.inference_mode(), torch.autocast(kind, torch.float16, enabled=kind == "cuda"):
            answer: NDArray[np.float32] = self._network(image)[0].float().cpu().numpy()
        return answer
