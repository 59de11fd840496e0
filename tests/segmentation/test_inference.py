"""A network's answer over a whole lattice."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from procguide.geometry import Affine
from procguide.imaging import LabelMap, Modality, Volume
from procguide.segmentation.inference import Prediction, predict
from procguide.segmentation.runtime import installed_runtimes
from tests.segmentation.conftest import write_tiny_bundle

CLASS_TOLERANCE = 0.02
OFFSET_TOLERANCE_MM = 1.5
"""Between runtimes: share of voxels whose class differs, and the 99th percentile of the offset's error.

Generous: an untrained network's classes are nearly equal everywhere, and its offsets are wild. What
trained ones do is in benchmarks/results/inference.json.
"""


@pytest.fixture(scope="module")
def volume() -> Volume:
    """Smooth blobs of HU; 41 x 33 x 26 voxels of 3 mm, more than one window every way."""
    from scipy import ndimage

    noise = np.random.default_rng(3).normal(size=(41, 33, 26))
    voxels = (ndimage.gaussian_filter(noise, 1.2) * 2500).astype(np.int16)
    return Volume(voxels, Affine.axis_aligned(3.0, (-10, 20, 5)), Modality.CT)


@pytest.fixture(scope="module")
def answer(volume: Volume, tiny_bundle: Path) -> Prediction:
    return predict(volume, str(tiny_bundle), runtime="torch")


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_runtimes_agree(runtime: str, volume: Volume, tiny_bundle: Path, answer: Prediction) -> None:
    if runtime not in installed_runtimes():
        pytest.skip(f"{runtime} is not installed")
    other = predict(volume, str(tiny_bundle), runtime=runtime)
    assert (other.classes != answer.classes).mean() < CLASS_TOLERANCE
    assert np.quantile(np.abs(other.offset_mm - answer.offset_mm), 0.99) < OFFSET_TOLERANCE_MM
    assert other.model == answer.model
    assert len(np.unique(answer.classes)) == 3


def test_windows_agree_with_monai(volume: Volume, tiny_bundle: Path) -> None:
    """Where one window is the whole image, MONAI's inferer says the same."""
    import torch
    from monai.inferers.utils import sliding_window_inference

    from procguide.segmentation.network import load_network, normalise

    net, spec = load_network(str(tiny_bundle))
    crop = volume.crop((0, 0, 0), (16, 16, 16))
    image = torch.from_numpy(normalise(crop.voxels, crop.modality))[None, None]
    with torch.inference_mode():
        expected = sliding_window_inference(image, (16,) * 3, 1, net)[0].numpy()
    found = predict(crop, str(tiny_bundle), runtime="torch")
    np.testing.assert_array_equal(found.classes, np.array(spec.classes)[expected[:-1].argmax(axis=0)])
    np.testing.assert_allclose(found.offset_mm, expected[-1] * 30.0, atol=1e-3)


def test_same_bits_again(volume: Volume, tiny_bundle: Path) -> None:
    once, again = (predict(volume, str(tiny_bundle)) for _ in range(2))
    np.testing.assert_array_equal(once.classes, again.classes)
    np.testing.assert_array_equal(once.offset_mm, again.offset_mm)


def test_same_bits_in_another_process(volume: Volume, tiny_bundle: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "voxels.npy", volume.voxels)
    code = f"""
import sys, numpy as np
from procguide.geometry import Affine
from procguide.imaging import Modality, Volume
from procguide.segmentation.inference import predict
voxels = np.load({str(tmp_path / "voxels.npy")!r})
volume = Volume(voxels, Affine.axis_aligned(3.0, (-10, 20, 5)), Modality.CT)
answer = predict(volume, {str(tiny_bundle)!r})
np.save({str(tmp_path / "offset.npy")!r}, answer.offset_mm)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    here = predict(volume, str(tiny_bundle)).offset_mm
    np.testing.assert_array_equal(np.load(tmp_path / "offset.npy"), here)


def test_progress_rises_to_one(volume: Volume, tiny_bundle: Path) -> None:
    told: list[float] = []
    predict(volume, str(tiny_bundle), progress=told.append)
    assert len(told) > 3
    assert (np.diff(told) > 0).all()
    assert told[0] > 0
    assert told[-1] == 1.0


def test_cancelled_work_leaves_nothing_behind(volume: Volume, tiny_bundle: Path, tmp_path: Path) -> None:
    """What progress raises ends the work, and the next run is as if there had been none."""
    expected = predict(volume, str(tiny_bundle))

    class CancelledError(Exception):
        pass

    def cancel(share: float) -> None:
        if share > 0.4:
            raise CancelledError

    before = sorted(tmp_path.iterdir()), sorted(Path.cwd().iterdir())
    with pytest.raises(CancelledError):
        predict(volume, str(tiny_bundle), progress=cancel)
    assert (sorted(tmp_path.iterdir()), sorted(Path.cwd().iterdir())) == before
    np.testing.assert_array_equal(predict(volume, str(tiny_bundle)).classes, expected.classes)


class TestWhere:
    def test_windows_outside_are_skipped(self, volume: Volume, tiny_bundle: Path) -> None:
        mask = np.zeros((20, 16, 13), dtype=np.uint8)
        mask[:4] = 1
        where = LabelMap(mask, Affine.axis_aligned(6.0, (-8.5, 21.5, 6.5)))
        told: list[float] = []
        found = predict(volume, str(tiny_bundle), where=where, progress=told.append)
        everywhere: list[float] = []
        predict(volume, str(tiny_bundle), progress=everywhere.append)
        assert 0 < len(told) < len(everywhere)
        assert told[-1] == 1.0
        assert (found.classes[-10:] == 0).all()
        assert (found.offset_mm[-10:] == 0).all()
        assert (found.classes[:8] != 0).any()

    def test_nothing_wanted_is_nothing_found(self, volume: Volume, tiny_bundle: Path) -> None:
        where = LabelMap(np.zeros((3, 3, 3), dtype=np.uint8), Affine.axis_aligned(40.0, (0, 0, 0)))
        found = predict(volume, str(tiny_bundle), where=where)
        assert not found.classes.any()
        assert found.classes.shape == found.grid.shape


def test_a_region_is_cut_out(volume: Volume, tiny_bundle: Path) -> None:
    low, high = np.array([0.0, 30.0, 20.0]), np.array([48.0, 78.0, 68.0])
    found = predict(volume, str(tiny_bundle), region=(low, high))
    assert found.classes.shape == (16, 16, 16)
    assert found.grid.contains((low + high) / 2).all()


@pytest.mark.slow
def test_memory_does_not_grow_with_a_long_scan(tmp_path: Path) -> None:
    """1600 x 256 x 256 voxels, 200 MB: beside the scan itself, less than that again, all copies together."""
    bundle = write_tiny_bundle(tmp_path / "coarse", spacing_mm=4.0, patch=32)
    code = f"""
import resource, numpy as np
from procguide.geometry import Affine
from procguide.imaging import Modality, Volume
from procguide.segmentation.inference import predict
voxels = np.full((1600, 256, 256), -1000, np.int16)
voxels[:, 64:192, 64:192] = 40
small = Volume(voxels[:64, :64, :64], Affine.axis_aligned(1.0, (0, 0, 0)), Modality.CT)
predict(small, {str(bundle)!r})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = predict(Volume(voxels, Affine.axis_aligned(1.0, (0, 0, 0)), Modality.CT), {str(bundle)!r})
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert found.classes.shape == (400, 64, 64)
print((after - before) / 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert float(done.stdout) < 200


def test_mr_is_looked_at_twice_and_ct_once(tmp_path: Path) -> None:
    """Mirrored left for right, an MR gives the mirrored answer: the mean has no preferred side."""
    bundle = write_tiny_bundle(tmp_path / "bundle", patch=32)
    noise = np.random.default_rng(3).normal(size=(32, 32, 32)).astype(np.float32) * 300
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[0, 0, 3.0], [0, 3.0, 0], [3.0, 0, 0]])

    def answer(voxels: np.ndarray, modality: Modality) -> np.ndarray:
        return predict(Volume(voxels, Affine(matrix), modality), str(bundle)).classes

    mirrored = np.ascontiguousarray(noise[..., ::-1])
    same = {
        m: (answer(mirrored, m)[..., ::-1] == answer(noise, m)).mean() for m in (Modality.MR, Modality.CT)
    }
    assert same[Modality.MR] > 0.999
    assert same[Modality.CT] < 0.99
