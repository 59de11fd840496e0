"""ONNX Runtime on CPU."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from procguide.segmentation.runtime.backend import Weights
from procguide.segmentation.runtime.unet import EPSILON, unet

__all__ = ["OnnxRuntimeBackend"]

_OPSET = 17


class _OnnxOperations:
    """The graph's operations as ONNX nodes; a tensor is its name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._numbers = count()

    def constant(self, values: NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"constant{next(self._numbers)}"
        array = np.ascontiguousarray(values, dtype=np.float32)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, operation: str, inputs: list[str], **attributes: Any) -> str:
        from onnx import helper

        name = f"{operation}{next(self._numbers)}"
        self.nodes.append(helper.make_node(operation, inputs, [name], name=name, **attributes))
        return name

    def convolve(self, x: str, weight: NDArray[Any], bias: NDArray[Any] | None, stride: int) -> str:
        inputs = [x, self.constant(weight)] + ([] if bias is None else [self.constant(bias)])
        return self.node("Conv", inputs, strides=[stride] * 3, pads=[weight.shape[2] // 2] * 6)

    def upsample(self, x: str, weight: NDArray[Any]) -> str:
        inputs = [x, self.constant(weight)]
        return self.node("ConvTranspose", inputs, strides=[2] * 3, pads=[1] * 6, output_padding=[1] * 3)

    def normalise(self, x: str, gain: NDArray[Any], bias: NDArray[Any]) -> str:
        inputs = [x, self.constant(gain), self.constant(bias)]
        return self.node("InstanceNormalization", inputs, epsilon=EPSILON)

    def rectify(self, x: str, slope: NDArray[Any]) -> str:
        return self.node("PRelu", [x, self.constant(slope.reshape(1, 1, 1, 1))])

    def add(self, a: str, b: str) -> str:
        return self.node("Add", [a, b])

    def join(self, a: str, b: str) -> str:
        return self.node("Concat", [a, b], axis=1)


class OnnxRuntimeBackend:
    """A session over a graph made in memory, in single precision."""

    runtime = "onnxruntime"

    def __init__(self, weights: Weights, shape: tuple[int, int, int]) -> None:
        import onnxruntime
        from onnx import TensorProto, helper

        operations = _OnnxOperations()
        answer = unet("image", weights, operations)
        graph = helper.make_graph(
            operations.nodes,
            "unet",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, *shape])],
            [helper.make_tensor_value_info(answer, TensorProto.FLOAT, None)],
            operations.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8)
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )

    def __call__(self, patch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Patch ``(k, j, i)`` to ``(n_classes + 1, k, j, i)``; see :class:`Backend`."""
        answer: NDArray[np.float32] = self._session.run(
            None, {"image": np.ascontiguousarray(patch)[None, None]}
        )[0][0]
        return answer
