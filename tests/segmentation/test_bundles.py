"""A bundle is MONAI's: its own tool runs it, and says what this project says."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from procguide.geometry import Affine
from procguide.imaging import Modality, Volume
from procguide.imaging.files import read_labels, write_image
from procguide.learning.bundle_config import inference_config
from procguide.segmentation import inference
from procguide.segmentation.inference import predict
from procguide.segmentation.network import METADATA_FILE, read_bundle
from tests.segmentation.conftest import write_tiny_bundle

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "procguide" / "segmentation" / "models"
SHIPPED = sorted(folder.name for folder in MODELS.iterdir() if folder.is_dir())
REQUIRED = (
    "schema",
    "version",
    "monai_version",
    "pytorch_version",
    "numpy_version",
    "required_packages_version",
    "task",
    "description",
    "authors",
    "copyright",
    "network_data_format",
)
"""By MONAI's metadata schema of 2024-07-25, and so for tensors:"""
REQUIRED_OF_TENSORS = ("type", "format", "num_channels", "spatial_shape", "dtype", "value_range")


def run_with_monai(bundle: Path, images: Path, out: Path, *arguments: str) -> None:
    pytest.importorskip("fire")
    pytest.importorskip("ignite")
    command = [sys.executable, "-m", "monai.bundle", "run"]
    command += ["--config_file", "configs/inference.json", "--dataset_dir", str(images)]
    done = subprocess.run(
        [*command, "--output_dir", str(out), *arguments],
        cwd=bundle,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize("modality", [Modality.CT, Modality.MR])
def test_monai_runs_a_bundle_by_itself(
    tmp_path: Path, modality: Modality, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an image of the lattice's own spacing, not stored in the lattice's own order of axes.

    The bundle looks once; we look at MR a second time, mirrored, which is left out here.
    """
    from scipy import ndimage

    monkeypatch.setattr(inference, "_with_mirror", lambda backend, patch: backend(patch))
    bundle = write_tiny_bundle(tmp_path / "bundle", patch=32)
    noise = np.random.default_rng(5).normal(size=(32, 32, 32))
    voxels = (ndimage.gaussian_filter(noise, 1.2) * 2500).astype(np.int16)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[0, 0, 3.0], [0, -3.0, 0], [3.0, 0, 0]])
    image = Volume(voxels, Affine(matrix), modality)
    (tmp_path / "images").mkdir()
    write_image(image, tmp_path / "images" / "case.nii.gz")
    run_with_monai(bundle, tmp_path / "images", tmp_path / "out", "--modality", modality.value)

    theirs = read_labels(tmp_path / "out" / "case_labels.nii.gz", {})
    ours = predict(image, str(bundle), runtime="torch")
    number = np.array(ours.model.classes)[theirs.voxels]
    index = np.argwhere(np.ones(theirs.shape, dtype=bool))
    at = np.round(ours.grid.affine.inverse.apply(theirs.affine.apply(index))).astype(int)
    agreement = (ours.classes[tuple(at.T)] == number.ravel()).mean()
    assert theirs.shape == image.shape
    assert agreement > 0.999
    assert len(np.unique(ours.classes)) == 3


def test_metadata_have_what_the_schema_asks_for(tiny_bundle: Path) -> None:
    for bundle in (tiny_bundle, *(MODELS / name for name in SHIPPED)):
        metadata = json.loads((bundle / METADATA_FILE).read_text())
        assert set(REQUIRED) <= set(metadata)
        tensors = [
            tensor
            for part in ("inputs", "outputs")
            for tensor in metadata["network_data_format"][part].values()
        ]
        assert len(tensors) == 2
        for tensor in tensors:
            assert set(REQUIRED_OF_TENSORS) <= set(tensor)
            assert len(tensor["channel_def"]) == tensor["num_channels"]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_bundle_has_the_configuration_that_was_tested(name: str) -> None:
    """After a change of ``inference_config`` shipped bundles are exported again."""
    written = json.loads((MODELS / name / "configs" / "inference.json").read_text())
    assert written == inference_config(read_bundle(name).spec)


def test_exporting_again_replaces_the_bundle(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path / "bundle")
    (bundle / "stray").write_text("")
    write_tiny_bundle(bundle, version="2.0.0")
    assert json.loads((bundle / METADATA_FILE).read_text())["version"] == "2.0.0"
    assert not (bundle / "stray").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


@pytest.mark.slow
def test_the_wheel_holds_the_networks(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w"]
    done = subprocess.run([*command, str(tmp_path), str(ROOT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    for file in MODELS.rglob("*"):
        if file.is_file():
            assert str(file.relative_to(ROOT)) in names
