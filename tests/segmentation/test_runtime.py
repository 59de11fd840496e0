"""One contract for every way to run a network: OpenVINO, ONNX Runtime, torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from procguide.errors import MissingPartError, UsageError
from procguide.segmentation.network import load_network
from procguide.segmentation.runtime import choose, choose_device, choose_runtime, open_backend

RUNTIMES = ("openvino", "onnxruntime", "torch")
SHAPE = (16, 24, 32)


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name not in choose.installed_runtimes():
        pytest.skip(f"{name} is not installed")
    return name


@pytest.fixture(scope="module")
def patch() -> NDArray[np.float32]:
    from scipy import ndimage

    noise = np.random.default_rng(0).normal(size=SHAPE)
    return np.asarray(ndimage.gaussian_filter(noise, 1.5) * 6, dtype=np.float32)


class TestBackendContract:
    def test_answer_is_that_of_the_trained_module(
        self, runtime: str, tiny_bundle: Path, patch: NDArray[np.float32]
    ) -> None:
        """Half precision may turn the class of few voxels, and move the offset by little."""
        import torch

        net, spec = load_network(str(tiny_bundle))
        with torch.inference_mode():
            expected = net(torch.from_numpy(patch)[None, None])[0].numpy()
        answer = open_backend(str(tiny_bundle), SHAPE, runtime=runtime)(patch)
        assert answer.shape == (len(spec.classes) + 1, *SHAPE)
        assert answer.dtype == np.float32
        differing = (answer[:-1].argmax(axis=0) != expected[:-1].argmax(axis=0)).mean()
        assert len(np.unique(expected[:-1].argmax(axis=0))) == len(spec.classes)
        assert differing < 0.02
        assert np.abs(answer - expected).max() < 0.03 * np.abs(expected).max()

    def test_same_bits_again(self, runtime: str, tiny_bundle: Path, patch: NDArray[np.float32]) -> None:
        backend = open_backend(str(tiny_bundle), SHAPE, runtime=runtime)
        once = backend(patch).copy()
        backend(patch[::-1])
        np.testing.assert_array_equal(backend(patch), once)

    def test_answer_may_be_overwritten(
        self, runtime: str, tiny_bundle: Path, patch: NDArray[np.float32]
    ) -> None:
        backend = open_backend(str(tiny_bundle), SHAPE, runtime=runtime)
        answer = backend(patch)
        once = answer.copy()
        answer *= 0
        np.testing.assert_array_equal(backend(patch), once)

    def test_patch_is_left_alone(self, runtime: str, tiny_bundle: Path, patch: NDArray[np.float32]) -> None:
        given = patch.copy()
        given.flags.writeable = False
        open_backend(str(tiny_bundle), SHAPE, runtime=runtime)(given)
        np.testing.assert_array_equal(given, patch)

    def test_it_says_what_it_is(self, runtime: str, tiny_bundle: Path) -> None:
        assert open_backend(str(tiny_bundle), SHAPE, runtime=runtime).runtime == runtime


def test_single_precision_is_exact_in_openvino(tiny_bundle: Path, patch: NDArray[np.float32]) -> None:
    pytest.importorskip("openvino")
    import torch

    from procguide.segmentation.network import read_bundle
    from procguide.segmentation.runtime.with_openvino import OpenVinoBackend

    net, _ = load_network(str(tiny_bundle))
    with torch.inference_mode():
        expected = net(torch.from_numpy(patch)[None, None])[0].numpy()
    answer = OpenVinoBackend(read_bundle(str(tiny_bundle)).weights, SHAPE, precision="f32")(patch)
    np.testing.assert_allclose(answer, expected, atol=1e-4 * np.abs(expected).max())


def test_the_fastest_installed_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "installed_runtimes", lambda: ("onnxruntime", "torch"))
    assert choose_runtime("cpu") == "onnxruntime"
    assert choose_runtime("cpu", "torch") == "torch"
    assert choose_runtime("cuda") == "torch"
    with pytest.raises(MissingPartError, match="pip install openvino"):
        choose_runtime("cpu", "openvino")
    with pytest.raises(UsageError, match="openvino, onnxruntime, torch"):
        choose_runtime("cpu", "tensorflow")
    with pytest.raises(UsageError, match="torch on cuda"):
        choose_runtime("cuda", "onnxruntime")


def test_nothing_installed_gives_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "installed_runtimes", lambda: ())
    with pytest.raises(MissingPartError, match="pip install openvino"):
        choose_runtime("cpu")


def test_device_by_name() -> None:
    assert choose_device("cpu") == "cpu"
    assert choose_device("cuda") == "cuda"
    assert choose_device("auto") in {"cpu", "cuda"}


def test_predicting_with_openvino_imports_neither_torch_nor_monai_nor_telemetry(tiny_bundle: Path) -> None:
    """They cost seconds and hundreds of megabytes; nothing here phones home."""
    pytest.importorskip("openvino")
    code = f"""
import sys, numpy as np
from procguide.geometry import Affine
from procguide.imaging import Volume
from procguide.segmentation.inference import predict
from procguide.segmentation.runtime import choose_device
choose_device("cpu")
predict(Volume(np.zeros((8, 8, 8), np.int16), Affine.axis_aligned(3.0, (0, 0, 0))), {str(tiny_bundle)!r})
print(sorted({{"torch", "monai", "openvino_telemetry"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
