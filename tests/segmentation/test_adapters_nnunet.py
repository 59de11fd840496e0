"""nnU-Net v2 model folders, run for real on a tiny untrained network."""

import json
import pickle
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("nnunetv2", reason="tests/foreign_models.txt is not installed")

from tiny_nnunet import ARCHITECTURE, LABELS, bright_is_first, network, plans, write_model

from procguide.anatomy import Region
from procguide.errors import InputUnfitError, InputUnreadableError, MissingPartError
from procguide.geometry import Affine
from procguide.imaging import LabelMap, Modality, Volume
from procguide.imaging.resample import resample
from procguide.segmentation.adapters.nnunet import NnUNet, find_model_folder


def _image(modality: Modality = Modality.CT, spacing: float = 2.0) -> Volume:
    rng = np.random.default_rng(0)
    voxels = rng.normal(100, 300, (30, 36, 20)).astype(np.int16)
    return Volume(voxels, Affine.axis_aligned(spacing, (5, 6, 7)), modality)


def _label(folder: Path, image: Volume) -> LabelMap:
    (answer,) = NnUNet.open(folder).label(image, device="cpu", progress=lambda _words, _share: None)
    return answer.labels


def _by_nnunet(folder: Path, image: Volume) -> NDArray[np.unsignedinteger]:
    """What nnU-Net's own predictor answers for the image in RAS order, turned back."""
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    with redirect_stdout(StringIO()):
        predictor = nnUNetPredictor(use_mirroring=False, device=torch.device("cpu"), allow_tqdm=False)
        predictor.initialize_from_trained_model_folder(str(folder), ("0",))
        ras = image.voxels[:, ::-1, ::-1][None].astype(np.float32)
        answer = predictor.predict_single_npy_array(ras, {"spacing": image.spacing.tolist()})
    return np.asarray(answer)[:, ::-1, ::-1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("nnunet") / "model", license="CC BY-SA 4.0")


@pytest.mark.filterwarnings("ignore")
def test_it_answers_as_nnunet_s_own_predictor_does(folder: Path) -> None:
    image = _image()
    labels = _label(folder, image)
    own = resample(labels, image.grid).voxels
    reference = _by_nnunet(folder, image)
    assert len(np.unique(reference)) > 2
    np.testing.assert_array_equal(own, reference)


@pytest.mark.parametrize("forward", [[0, 1, 2], [2, 0, 1], [1, 2, 0]])
def test_labels_lie_where_the_image_says_at_any_spacing_and_axis_order(
    tmp_path: Path, forward: list[int]
) -> None:
    """A bright box in a cropped field: nnU-Net crops zeros away, resizes and transposes; all is undone."""
    backward = [forward.index(axis) for axis in range(3)]
    plan = plans((2.0, 2.5, 3.0), transpose_forward=forward, transpose_backward=backward)
    folder = write_model(tmp_path / "m", plan, net=bright_is_first(plan, len(LABELS)))
    voxels = np.zeros((40, 34, 30), dtype=np.int16)
    voxels[6:36, 5:30, 4:28] = -100
    voxels[12:24, 10:20, 14:26] = 700
    matrix = np.array([[0.2, 0, 1.4, -10], [0, 1.6, 0, 5], [1.5, 0, -0.2, 7], [0, 0, 0, 1.0]])
    image = Volume(voxels, Affine(matrix), Modality.CT)
    labels = _label(folder, image)
    found, box = resample(labels, image.grid).voxels == 1, voxels > 0
    assert 2 * (found & box).sum() / (found.sum() + box.sum()) > 0.85
    centre = image.to_patient(np.argwhere(box).mean(axis=0))
    np.testing.assert_allclose(labels.centroid(1), centre, atol=1.0)


@pytest.mark.filterwarnings("ignore")
def test_axes_that_the_plans_transpose_come_back(tmp_path: Path) -> None:
    turned = plans(transpose_forward=[2, 0, 1], transpose_backward=[1, 2, 0])
    other = write_model(tmp_path / "m", turned, net=network(turned, len(LABELS)))
    image = _image()
    own = resample(_label(other, image), image.grid).voxels
    np.testing.assert_array_equal(own, _by_nnunet(other, image))


def test_what_the_folder_says_of_itself(folder: Path) -> None:
    model = NnUNet.open(folder)
    assert model.card.name == "nnU-Net Tiny"
    assert model.card.licence == "CC BY-SA 4.0"
    assert len(model.card.fingerprint) == 12
    assert set(model.mapping.meanings) == {1, 2, 3}
    assert model.mapping.meanings[1].level == "L5"
    assert model.mapping.meanings[3].regions == (Region.CANAL,)


def test_progress_is_told_and_standard_output_stays_clean(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[tuple[str, float]] = []
    NnUNet.open(folder).label(
        _image(), device="cpu", progress=lambda words, share: told.append((words, share))
    )
    shares = [share for words, share in told if "nnU-Net" in words]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) > 3
    assert capsys.readouterr().out == ""


def test_several_folds_are_averaged_and_all_of_them_named(tmp_path: Path) -> None:
    model = NnUNet.open(write_model(tmp_path / "m", folds=("0", "1")))
    assert [fold.parent.name for fold in model.folds] == ["fold_0", "fold_1"]
    assert _label_of(model).present()


def _label_of(model: NnUNet) -> LabelMap:
    return model.label(_image(), device="cpu", progress=lambda _words, _share: None)[0].labels


def test_a_data_set_folder_leads_to_its_one_model(tmp_path: Path) -> None:
    inner = write_model(tmp_path / "Dataset900_Tiny" / "nnUNetTrainer__nnUNetPlans__3d_fullres")
    assert find_model_folder(inner.parent) == inner
    assert find_model_folder(inner) == inner
    assert find_model_folder(tmp_path / "Dataset900_Tiny" / "..") is None


def test_a_model_for_the_other_modality_is_unfit(folder: Path) -> None:
    with pytest.raises(InputUnfitError, match="trained for CT"):
        _label(folder, _image(Modality.MR))


def test_region_labels_follow_their_class_order(tmp_path: Path) -> None:
    labels = {"background": 0, "spine": [1, 2], "sacrum": [2]}
    folder = write_model(tmp_path / "m", labels=labels, net=network(plans(), 2), regions_class_order=[1, 2])
    assert NnUNet.open(folder).mapping.meanings[2].level == "sacrum"


class _Hostile:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("hostile-was-here"),))


def test_weights_that_would_run_code_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.chdir(tmp_path)
    folder = write_model(tmp_path / "m")
    file = folder / "fold_0" / "checkpoint_final.pth"
    torch.save({"network_weights": {}, "extra": _Hostile()}, file)
    with pytest.raises(InputUnreadableError, match="without running code"):
        _label(folder, _image())
    file.write_bytes(pickle.dumps(_Hostile()))
    with pytest.raises(InputUnreadableError, match="without running code"):
        _label(folder, _image())
    assert not (tmp_path / "hostile-was-here").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architecture": {"network_class_name": "subprocess.Popen"}}, "not nnU-Net's own"),
        ({"configuration": {"patch_size": [100_000, 100_000, 100_000]}}, "patch"),
        ({"configuration": {"spacing": [1e-6, 1e-6, 1e-6]}}, "spacing"),
        ({"configuration": {"patch_size": [16, 16]}}, "2d"),
        ({"configuration": {"previous_stage": "3d_lowres"}}, "cascades"),
    ],
)
def test_plans_that_cannot_be_run_are_refused(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    folder = write_model(tmp_path / "m", plans(**changes), net=network(plans(), len(LABELS)))
    with pytest.raises(InputUnreadableError, match=words):
        _label(folder, _image())


def test_code_named_as_a_layer_is_refused(tmp_path: Path) -> None:
    plan = plans()
    plan["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]["nonlin"] = "os.system"
    folder = write_model(tmp_path / "m", plan, net=network(plans(), len(LABELS)))
    with pytest.raises(InputUnreadableError, match=r"os\.system"):
        _label(folder, _image())


def test_weights_of_another_network_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    plan = plans()
    plan["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]["features_per_stage"] = [
        40_000,
        80_000,
    ]
    folder = write_model(tmp_path / "m", plan, net=network(plans(), len(LABELS)))
    with pytest.raises(InputUnreadableError, match="not an nnU-Net v2 model that can be run"):
        _label(folder, _image())


def test_a_folder_without_weights_or_labels_says_so(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m", folds=())
    with pytest.raises(MissingPartError, match="fold_X"):
        NnUNet.open(folder)
    other = write_model(tmp_path / "n", labels={"background": 0, "liver": 1}, net=network(plans(), 2))
    with pytest.raises(InputUnreadableError, match="--model-labels"):
        NnUNet.open(other)
    (other / "dataset.json").write_text(json.dumps({"labels": "?"}))
    with pytest.raises(InputUnreadableError, match="no labels"):
        NnUNet.open(other)


def test_the_tiny_model_is_one_of_nnunet_s_networks() -> None:
    assert type(network(plans(), 5)).__name__ == ARCHITECTURE.rpartition(".")[2]
