"""A network's answer over a whole lattice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from procguide.imaging import Grid, Modality, Volume
from procguide.imaging.resample import resample, working_grid
from procguide.segmentation.network import OFFSET_SCALE_MM, NetworkSpec, load_network, normalise

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Prediction", "predict"]


@dataclass(frozen=True)
class Prediction:
    """Classes ``(k, j, i)`` (:class:`TissueClass`), offset to the own body's centre, lattice."""

    classes: NDArray[np.uint8]
    offset_mm: NDArray[np.float32]
    grid: Grid
    model: NetworkSpec


def predict(
    volume: Volume,
    model: str,
    *,
    region: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
    device: str = "cpu",
    progress: Callable[[float], None] | None = None,
) -> Prediction:
    """Run ``model`` over ``volume``, or over the LPS box ``region`` of it, on its own working lattice."""
    import torch
    from monai.inferers.utils import sliding_window_inference

    net, spec = load_network(model)
    net = net.to(device)
    fill = -1000.0 if volume.modality is Modality.CT else float(volume.voxels.min())
    on_grid = resample(volume, working_grid(volume.grid, spec.spacing_mm, region), fill)
    image = torch.from_numpy(normalise(on_grid.voxels, volume.modality))[None, None]
    windows_done = 0
    windows = _window_count(on_grid.shape, spec.patch)

    def answer(patch: Tensor) -> Tensor:
        nonlocal windows_done
        with torch.autocast(device.split(":", maxsplit=1)[0], torch.bfloat16):
            result: Tensor = net(patch.to(device)).float()
        windows_done += patch.shape[0]
        if progress is not None:
            progress(min(1.0, windows_done / windows))
        return result

    with torch.inference_mode():
        output = sliding_window_inference(
            image, (spec.patch,) * 3, 1, answer, overlap=_OVERLAP, mode="gaussian", padding_mode="replicate"
        )[0]
        channel = output[:-1].argmax(dim=0).to(torch.uint8).cpu().numpy()
        offset = (output[-1] * OFFSET_SCALE_MM).cpu().numpy()
    classes = np.array(spec.classes, dtype=np.uint8)[channel]
    return Prediction(classes, offset, on_grid.grid, spec)


_OVERLAP = 0.375


def _window_count(shape: tuple[int, int, int], patch: int) -> int:
    step = patch * (1 - _OVERLAP)
    return int(np.prod([max(1, np.ceil((n - patch) / step) + 1) for n in shape]))
