"""Which library runs a network, and on what."""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache
from importlib.util import find_spec

from procguide.errors import MissingPartError, UsageError
from procguide.segmentation.network import read_bundle
from procguide.segmentation.runtime.backend import Backend

__all__ = ["choose_device", "choose_runtime", "installed_runtimes", "open_backend"]

_NEEDS = {"openvino": ("openvino",), "onnxruntime": ("onnxruntime", "onnx"), "torch": ("torch", "monai")}
_INSTALL = {"openvino": "openvino", "onnxruntime": "'procguide[onnx]'", "torch": "torch monai"}


def installed_runtimes() -> tuple[str, ...]:
    """Those that can be used here, fastest on CPU first. Nothing is imported."""
    return tuple(name for name, parts in _NEEDS.items() if all(find_spec(part) for part in parts))


def choose_device(name: str) -> str:
    """``auto`` is ``cuda`` where torch sees such a device, else ``cpu``.

    torch is only asked where the driver's library is there at all: importing it costs seconds.
    """
    if name != "auto":
        return name
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        import torch
    except (OSError, ImportError):
        return "cpu"
    return "cuda" if torch.cuda.is_available() else "cpu"


def choose_runtime(device: str, runtime: str | None = None) -> str:
    """The named library, or the fastest that is installed and runs on ``device``.

    A name that is none is a :class:`UsageError`, one that is not installed a :class:`MissingPartError`.
    """
    installed = installed_runtimes()
    if runtime is None:
        runtime = "torch" if device != "cpu" else (*installed, "openvino")[0]
    if runtime not in _NEEDS:
        raise UsageError(f"{runtime!r} is not a runtime; use one of {', '.join(_NEEDS)}")
    if runtime not in installed:
        raise MissingPartError(
            f"the runtime {runtime} is not installed; install it with: pip install {_INSTALL[runtime]}"
        )
    if device != "cpu" and runtime != "torch":
        raise UsageError(f"{runtime} runs on the CPU here; use torch on {device}")
    return runtime


@lru_cache(maxsize=4)
def open_backend(
    name_or_folder: str, shape: tuple[int, int, int], device: str = "cpu", runtime: str | None = None
) -> Backend:
    """The network of a bundle made ready for windows of ``shape`` (k, j, i), multiples of ``spec.step``."""
    runtime = choose_runtime(device, runtime)
    bundle = read_bundle(name_or_folder)
    if runtime == "openvino":
        from procguide.segmentation.runtime.with_openvino import OpenVinoBackend

        return OpenVinoBackend(bundle.weights, shape)
    if runtime == "onnxruntime":
        from procguide.segmentation.runtime.with_onnxruntime import OnnxRuntimeBackend

        return OnnxRuntimeBackend(bundle.weights, shape)
    from procguide.segmentation.runtime.with_torch import TorchBackend

    return TorchBackend(bundle, device)
