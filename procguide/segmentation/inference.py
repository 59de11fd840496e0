"""A network's answer over a whole lattice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from procguide.imaging import Grid, LabelMap, Modality, Volume
from procguide.imaging.resample import resample, working_grid
from procguide.segmentation.classes import TissueClass
from procguide.segmentation.network import OFFSET_SCALE_MM, NetworkSpec, normalise, read_bundle
from procguide.segmentation.runtime import Backend, open_backend
from procguide.segmentation.windows import Blend, Windows, cut, plan_windows

__all__ = ["Prediction", "predict"]


@dataclass(frozen=True)
class Prediction:
    """Classes ``(k, j, i)`` (:class:`TissueClass`), offset to the own body's centre, lattice.

    ``covered`` ``(k, j, i)`` is where a window was; without it, everywhere.
    """

    classes: NDArray[np.uint8]
    offset_mm: NDArray[np.float32]
    grid: Grid
    model: NetworkSpec
    covered: NDArray[np.bool_] | None = None


def predict(
    volume: Volume,
    model: str,
    *,
    region: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
    where: LabelMap | None = None,
    device: str = "cpu",
    runtime: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> Prediction:
    """Run ``model`` over ``volume``, or over the LPS box ``region`` of it, on its own working lattice.

    ``model`` is a shipped network's name or a bundle's folder. Windows without a label of ``where`` (on
    any lattice) are skipped, and what no window covers is ``OTHER``. ``runtime`` names the library that
    runs the network, else the fastest one installed. What is not CT is looked at twice, as it is and
    mirrored: its fields are small, and its contrasts many. ``progress`` gets the share done, rising to 1;
    what it raises ends the work.
    """
    spec = read_bundle(model).spec
    grid = working_grid(volume.grid, spec.spacing_mm, region)
    wanted = None if where is None else resample(where, grid).voxels > 0
    windows = plan_windows(grid.shape, spec.patch, spec.step, wanted)
    backend = open_backend(model, windows.shape, device, runtime)
    fill = -1000.0 if volume.modality is Modality.CT else float(volume.voxels.min())
    image = normalise(resample(volume, grid, fill).voxels, volume.modality)
    ask = backend if volume.modality is Modality.CT else partial(_with_mirror, backend)
    return _run(ask, windows, image, _nothing(grid, spec), progress)


def _with_mirror(backend: Backend, patch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean answer to a patch ``(k, j, i)`` and to its mirror image, left for right; no class has a side."""
    answer = backend(patch).copy()
    answer += backend(np.ascontiguousarray(patch[..., ::-1]))[..., ::-1]
    answer *= 0.5
    return answer


def _nothing(grid: Grid, spec: NetworkSpec) -> Prediction:
    classes = np.full(grid.shape, TissueClass.OTHER, dtype=np.uint8)
    offset, covered = np.zeros(grid.shape, dtype=np.float32), np.zeros(grid.shape, dtype=np.bool_)
    return Prediction(classes, offset, grid, spec, covered)


def _run(
    ask: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    windows: Windows,
    image: NDArray[np.float32],
    answer: Prediction,
    progress: Callable[[float], None] | None,
) -> Prediction:
    """Fill ``answer`` row by row."""
    say = progress or (lambda _share: None)
    blend = Blend(windows, answer.grid.shape, len(answer.model.classes) + 1)
    done = 0
    for row in windows.rows:
        _settle(blend, max(row[0][windows.axis], 0), answer)
        for start in row:
            blend.add(start, ask(cut(image, start, windows.shape)))
            done += 1
            if done < windows.count:
                say(done / windows.count)
    _settle(blend, answer.grid.shape[windows.axis], answer)
    say(1.0)
    return answer


def _settle(blend: Blend, stop: int, answer: Prediction) -> None:
    """Write what lies below ``stop`` into ``answer``."""
    settled = blend.settle(stop)
    classes = np.array(answer.model.classes, dtype=np.uint8)[settled.channel]
    np.copyto(answer.classes[settled.place], classes, where=settled.covered)
    if answer.covered is not None:
        answer.covered[settled.place] = settled.covered
    np.copyto(answer.offset_mm[settled.place], settled.last * OFFSET_SCALE_MM, where=settled.covered)
