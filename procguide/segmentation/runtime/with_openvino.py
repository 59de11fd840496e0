"""OpenVINO on CPU."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from procguide.segmentation.runtime.backend import Weights
from procguide.segmentation.runtime.unet import EPSILON, unet

if TYPE_CHECKING:
    from openvino import Node

__all__ = ["OpenVinoBackend"]


def _import_openvino() -> tuple[Any, Any]:
    """OpenVINO and its operation set, silenced.

    The import itself would report to its maker that it was imported, through ``openvino_telemetry``. Where
    that package cannot be imported, OpenVINO does without.
    """
    reporter = sys.modules.get("openvino_telemetry")
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        import openvino
        from openvino import opset13
    finally:
        del sys.modules["openvino_telemetry"]
        if reporter is not None:
            sys.modules["openvino_telemetry"] = reporter
    return openvino, opset13


@dataclass(frozen=True)
class _OpenVinoOperations:
    """The graph's operations in OpenVINO's operation set."""

    opset: Any

    def constant(self, values: NDArray[Any]) -> Node:
        return self.opset.constant(np.ascontiguousarray(values, dtype=np.float32))

    def by_channel(self, values: NDArray[Any]) -> Node:
        return self.constant(values.reshape(1, -1, 1, 1, 1))

    def convolve(self, x: Node, weight: NDArray[Any], bias: NDArray[Any] | None, stride: int) -> Node:
        edge = [weight.shape[2] // 2] * 3
        y = self.opset.convolution(x, self.constant(weight), [stride] * 3, edge, edge, [1] * 3)
        return y if bias is None else self.opset.add(y, self.by_channel(bias))

    def upsample(self, x: Node, weight: NDArray[Any]) -> Node:
        return self.opset.convolution_backprop_data(
            x,
            self.constant(weight),
            [2] * 3,
            pads_begin=[1] * 3,
            pads_end=[1] * 3,
            output_padding=[1] * 3,
        )

    def normalise(self, x: Node, gain: NDArray[Any], bias: NDArray[Any]) -> Node:
        axes = self.opset.constant(np.array([2, 3, 4], dtype=np.int64))
        y = self.opset.mvn(x, axes, True, EPSILON, "INSIDE_SQRT")
        return self.opset.add(self.opset.multiply(y, self.by_channel(gain)), self.by_channel(bias))

    def rectify(self, x: Node, slope: NDArray[Any]) -> Node:
        return self.opset.prelu(x, self.constant(slope))

    def add(self, a: Node, b: Node) -> Node:
        return self.opset.add(a, b)

    def join(self, a: Node, b: Node) -> Node:
        return self.opset.concat([a, b], 1)


class OpenVinoBackend:
    """Compiled for one shape, in bfloat16 where the processor has it. Nothing is converted or cached on disk.

    ``precision`` (``f32`` or ``bf16``) and ``threads`` are for measurements.
    """

    runtime = "openvino"

    def __init__(
        self,
        weights: Weights,
        shape: tuple[int, int, int],
        *,
        precision: str | None = None,
        threads: int | None = None,
    ) -> None:
        openvino, opset13 = _import_openvino()
        image = opset13.parameter([1, 1, *shape], np.float32, name="image")
        model = openvino.Model([unet(image, weights, _OpenVinoOperations(opset13))], [image], "unet")
        core = openvino.Core()
        if precision is None:
            precision = "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = threads
        self._request = core.compile_model(model, "CPU", settings).create_infer_request()

    def __call__(self, patch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Patch ``(k, j, i)`` to ``(n_classes + 1, k, j, i)``; see :class:`Backend`."""
        self._request.infer({0: np.ascontiguousarray(patch)[None, None]})
        answer: NDArray[np.float32] = self._request.get_output_tensor().data[0]
        return answer
