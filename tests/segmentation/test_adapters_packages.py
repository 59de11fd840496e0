"""TotalSegmentator and TotalSpineSeg: what they need, and a real run on tiny untrained weights."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from procguide.errors import InputUnreadableError, MissingPartError
from procguide.geometry import Affine
from procguide.imaging import Modality, Volume
from procguide.segmentation.adapters import totalsegmentator, totalspineseg
from procguide.segmentation.adapters.child import run_child
from procguide.segmentation.adapters.label_lists import published_names
from procguide.segmentation.adapters.orientation import turned

_HERE = Path(__file__).parent
_FAST = "Dataset297_TotalSegmentator_total_3mm_1559subj"
_FAST_MODEL = "nnUNetTrainer_4000epochs_NoMirroring__nnUNetPlans__3d_fullres"


def _image(modality: Modality = Modality.CT) -> Volume:
    rng = np.random.default_rng(0)
    voxels = rng.normal(100, 300, (24, 26, 20)).astype(np.int16)
    return Volume(voxels, Affine.axis_aligned(3.0, (5, 6, 7)), modality)


def _quiet(_words: str, _share: float) -> None:
    return None


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(tmp_path))
    return tmp_path


def test_missing_weights_name_the_package_s_own_command(weights: Path) -> None:
    pytest.importorskip("totalsegmentator")
    model = totalsegmentator.TotalSegmentator.open()
    assert "Apache-2.0" in model.card.licence
    with pytest.raises(MissingPartError, match="totalseg_download_weights -t total") as told:
        model.label(_image(), device="cpu", progress=_quiet)
    assert str(weights) in str(told.value)
    with pytest.raises(MissingPartError, match="vertebrae_mr"):
        model.label(_image(Modality.MR), device="cpu", progress=_quiet)
    assert list(weights.iterdir()) == []


def test_which_weights_are_used(weights: Path) -> None:
    pytest.importorskip("totalsegmentator")
    model = totalsegmentator.TotalSegmentator.open()
    (weights / _FAST).mkdir()
    assert [run.words for run in model._runs(Modality.CT)] == ["total at 3 mm"]
    (weights / "Dataset305_vertebrae_discs_1559subj").mkdir()
    assert [run.words for run in model._runs(Modality.CT)] == ["total at 3 mm", "vertebrae_body"]
    for number in range(291, 296):
        (weights / f"Dataset{number}_TotalSegmentator").mkdir()
    assert [run.words for run in model._runs(Modality.OTHER)] == ["total", "vertebrae_body"]
    (weights / "Dataset756_mri_vertebrae").mkdir()
    (weights / "Dataset852_TotalSegMRI").mkdir()
    assert [run.words for run in model._runs(Modality.MR)] == ["vertebrae_mr", "total_mr at 3 mm"]


@pytest.mark.slow
def test_totalsegmentator_runs_for_real_without_a_network(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("totalsegmentator")
    pytest.importorskip("nnunetv2")
    from tiny_nnunet import plans, write_model

    names = {"background": 0} | {
        name: label for label, name in published_names("totalsegmentator_total").items()
    }
    trainer = _FAST_MODEL.partition("__")[0]
    write_model(weights / _FAST / _FAST_MODEL, plans((3.0, 3.0, 3.0)), names, trainer=trainer)
    path = os.pathsep.join([str(_HERE / "absent_packages"), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    before = sorted(weights.rglob("*"))
    image = _image()
    (answer,) = totalsegmentator.TotalSegmentator.open().label(image, device="cpu", progress=_quiet)
    assert answer.labels.grid.isclose(turned(image, "SAR").grid)
    assert len(answer.labels.present()) > 2
    assert answer.meanings[27].level == "L5"
    assert sorted(weights.rglob("*")) == before


def _child(code: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    (tmp_path / "attempt.py").write_text(code)
    return subprocess.run(
        [sys.executable, str(tmp_path / "attempt.py")], capture_output=True, text=True, check=False
    )


def test_the_child_reaches_no_other_machine(tmp_path: Path) -> None:
    done = _child(
        "import socket, urllib.request\n"
        "from procguide.segmentation.adapters.child import _refuse_connections\n"
        "_refuse_connections()\n"
        "for attempt in (lambda: urllib.request.urlopen('http://example.org'),\n"
        "                lambda: socket.create_connection(('127.0.0.1', 9)),\n"
        "                lambda: socket.getaddrinfo('example.org', 80)):\n"
        "    try:\n"
        "        attempt()\n"
        "    except OSError as error:\n"
        "        print('refused' if 'no network' in str(error) else error)\n",
        tmp_path,
    )
    assert done.stdout.split() == ["refused"] * 3, done.stderr


def test_the_child_unpickles_nothing_whatever_a_package_asks_for(tmp_path: Path) -> None:
    (tmp_path / "totalspineseg").mkdir()
    (tmp_path / "totalspineseg" / "__init__.py").touch()
    (tmp_path / "totalspineseg" / "inference.py").write_text(
        "import torch\n"
        "def inference(input_path, **options):\n"
        "    torch.load(input_path, weights_only=False)\n"
    )
    import torch

    torch.save({"harm": _Hostile(str(tmp_path / "harm"))}, tmp_path / "x.pth")
    with pytest.raises(InputUnreadableError, match="totalspineseg failed"):
        run_child(
            [
                "totalspineseg",
                str(tmp_path / "x.pth"),
                "out",
                '{"data": ".", "release": "", "device": "cpu"}',
            ],
            {"PYTHONPATH": str(tmp_path)},
            words="",
            progress=_quiet,
        )
    assert not (tmp_path / "harm").exists()


class _Hostile:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (self.path,))


_STAND_IN = '''
"""TotalSpineSeg's Python interface as of 20260807: the same arguments, the same files."""
from pathlib import Path
import shutil

def inference(input_path, output_path, data_path, default_release, device, output_iso=False, loc_path=None,
              suffix=[""], loc_suffix="", step1_only=False, keep_only=[""], max_workers=1,
              max_workers_nnunet=1, quiet=False):
    assert (Path(data_path) / "nnUNet" / "results" / default_release).is_dir()
    assert device.type == "cpu" and quiet and not step1_only
    target = Path(output_path) / "step2_output"
    target.mkdir(parents=True)
    shutil.copy(input_path, target / Path(input_path).name)
'''


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with TotalSpineSeg's interface: the real one cannot run without what it pulls in."""
    package = tmp_path / "site" / "totalspineseg"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "inference.py").write_text(_STAND_IN)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setenv("TOTALSPINESEG_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "nnUNet" / "results"


def test_totalspineseg_is_called_by_its_own_contract(stand_in: Path) -> None:
    pytest.importorskip("nnunetv2")
    with pytest.raises(MissingPartError, match="totalspineseg_init"):
        totalspineseg.TotalSpineSeg.open()
    for step in totalspineseg._STEPS:
        (stand_in / "r20260807" / step).mkdir(parents=True)
    model = totalspineseg.TotalSpineSeg.open()
    assert model.release == "r20260807"
    assert "LGPL-3.0" in model.card.licence
    labels = np.zeros((10, 12, 8), dtype=np.int16)
    labels[2:5], labels[6:8] = 45, 50
    image = Volume(labels, Affine.axis_aligned(2.0, (1, 2, 3)), Modality.MR)
    (answer,) = model.label(image, device="cpu", progress=_quiet)
    assert answer.labels.present() == (45, 50)
    np.testing.assert_array_equal(answer.labels.voxels, turned(image, "SAR").voxels)
    np.testing.assert_allclose(answer.labels.centroid(45), image.to_patient([3.0, 5.5, 3.5]), atol=1e-3)
    assert answer.meanings[45].level == "L5"


@pytest.mark.parametrize("axes", ["SAR", "LPS", "RIA", "SPL"])
def test_a_turned_volume_keeps_every_voxel_in_its_place(axes: str) -> None:
    matrix = np.array([[0.1, 0, 2, -10], [0, -3, 0, 40], [-1.5, 0, 0.1, 7], [0, 0, 0, 1.0]])
    image = Volume(np.arange(60).reshape(3, 4, 5), Affine(matrix))
    other = turned(image, axes)
    assert other.affine.orientation == axes
    for index in [(0, 0, 0), (2, 3, 4), (1, 0, 3)]:
        place = image.to_patient(index)
        there = np.round(other.to_index(place)).astype(int)
        np.testing.assert_allclose(other.to_patient(there), place, atol=1e-9)
        assert other.voxels[tuple(there)] == image.voxels[index]
