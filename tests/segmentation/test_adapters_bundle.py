"""MONAI bundles: run for real on a tiny untrained network, and never on code that nobody allowed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_bundle import NAMES, NETWORK, inference, network, write_bundle

from procguide.anatomy import Region
from procguide.errors import InputUnreadableError, MissingPartError, UsageError
from procguide.geometry import Affine
from procguide.imaging import LabelMap, Modality, Volume
from procguide.segmentation.adapters.monai_bundle import MonaiBundle
from procguide.segmentation.adapters.plain_config import CodeInConfigError, PlainConfig


def _image() -> Volume:
    rng = np.random.default_rng(0)
    voxels = rng.normal(100, 300, (30, 36, 24)).astype(np.int16)
    return Volume(voxels, Affine.axis_aligned(2.0, (5, 6, 7)), Modality.CT)


def _label(folder: Path, *, trusted: bool = False) -> LabelMap:
    model = MonaiBundle.open(folder, trusted=trusted)
    return model.label(_image(), device="cpu", progress=lambda _words, _share: None)[0].labels


def test_it_answers_as_monai_itself_does(tmp_path: Path) -> None:
    import torch
    from monai.inferers.utils import sliding_window_inference
    from monai.transforms import Orientation, ScaleIntensityRange, Spacing

    labels = _label(write_bundle(tmp_path / "b"))
    from procguide.segmentation.adapters.monai_bundle import _as_tensor

    image = Orientation("RAS", labels=None)(_as_tensor(_image()))
    image = Spacing((3.0, 3.0, 3.0), mode="bilinear")(image)
    image = ScaleIntensityRange(-200, 1000, -1, 1, clip=True)(image)
    with torch.inference_mode():
        logits = sliding_window_inference(image.as_tensor()[None], (16, 16, 16), 2, network(), overlap=0.25)
    expected = logits[0].argmax(0).numpy().transpose(2, 1, 0)
    assert len(np.unique(expected)) > 2
    np.testing.assert_array_equal(labels.voxels, expected)
    np.testing.assert_allclose(labels.affine.spacing, 3.0)
    assert labels.affine.orientation == "SAR"
    np.testing.assert_allclose(labels.grid.corners.min(axis=0), _image().grid.corners.min(axis=0), atol=3.1)


def test_read_as_data_it_answers_as_when_trusted(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b")
    plain, trusted = _label(folder), _label(folder, trusted=True)
    np.testing.assert_array_equal(plain.voxels, trusted.voxels)
    assert plain.grid.isclose(trusted.grid)


def test_weights_as_safetensors_or_within_a_checkpoint(tmp_path: Path) -> None:
    import torch

    first = _label(write_bundle(tmp_path / "b"))
    second = _label(write_bundle(tmp_path / "c", weights="model.safetensors"))
    np.testing.assert_array_equal(first.voxels, second.voxels)
    state = {f"module.{name}": value for name, value in network().state_dict().items()}
    torch.save({"model": state, "epoch": 3}, tmp_path / "b" / "models" / "model.pt")
    np.testing.assert_array_equal(first.voxels, _label(tmp_path / "b").voxels)


def test_what_the_bundle_says_of_itself(tmp_path: Path) -> None:
    model = MonaiBundle.open(write_bundle(tmp_path / "b"))
    assert model.card.name == "MONAI bundle Tiny"
    assert model.card.words.startswith("0.2 ")
    assert model.card.licence == "CC BY 4.0"
    assert set(model.mapping.meanings) == {1, 2, 3}
    assert model.mapping.meanings[3].regions == (Region.CANAL,)


def test_channels_of_their_own_take_the_surest(tmp_path: Path) -> None:
    post = {"_target_": "Compose", "transforms": [{"_target_": "AsDiscreted", "keys": "p", "threshold": 0.5}]}
    folder = write_bundle(tmp_path / "b", inference(postprocessing=post))
    labels, classes = _label(folder), _label(write_bundle(tmp_path / "c"))
    assert (labels.voxels == 0).sum() >= (classes.voxels == 0).sum()
    assert set(np.unique(labels.voxels)) <= set(range(len(NAMES)))


_HARM = "$__import__('pathlib').Path('harm').touch()"


@pytest.mark.parametrize(
    "changes",
    [
        {"network_def": {**NETWORK, "out_channels": _HARM}},
        {"network_def": {"_target_": "os.system", "command": "touch harm"}},
        {"network_def": {**NETWORK, "_target_": "subprocess.run"}},
        {"network_def": {**NETWORK, "_mode_": "debug"}},
        {"network_def": "%other.json#network"},
        {"pixdim": _HARM},
        {"pixdim": "$[open('harm', 'w')] * 3"},
        {"inferer": {"_target_": "monai.inferers.utils.sliding_window_inference", "roi_size": 8}},
        {"preprocessing": {"_target_": "Compose", "transforms": [{"_target_": "Lambdad", "func": _HARM}]}},
        {
            "preprocessing": {
                "_target_": "Compose",
                "transforms": [{"_target_": "SaveImaged", "keys": "image"}],
            }
        },
        {"preprocessing": _HARM},
    ],
)
def test_code_in_a_configuration_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = write_bundle(tmp_path / "b", inference(**changes))
    with pytest.raises((UsageError, InputUnreadableError)):
        _label(folder)
    assert not (tmp_path / "harm").exists()


def test_the_refusal_names_the_code_and_the_way_out(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b", inference(pixdim=_HARM))
    with pytest.raises(UsageError, match=r"pixdim is Python code.*--trust-model"):
        _label(folder)


def test_code_runs_where_it_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = "$[3.0 + 0 * int(__import__('pathlib').Path('allowed').touch() or 0)] * 3"
    folder = write_bundle(tmp_path / "b", inference(pixdim=code))
    with pytest.raises(UsageError):
        _label(folder)
    assert not (tmp_path / "allowed").exists()
    np.testing.assert_allclose(_label(folder, trusted=True).affine.spacing, 3.0)
    assert (tmp_path / "allowed").exists()


class _Hostile:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("harm"),))


@pytest.mark.parametrize("trusted", [False, True])
def test_weights_are_never_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool) -> None:
    import torch

    monkeypatch.chdir(tmp_path)
    folder = write_bundle(tmp_path / "b")
    torch.save({"model": _Hostile()}, folder / "models" / "model.pt")
    with pytest.raises(InputUnreadableError, match="without running code"):
        _label(folder, trusted=trusted)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"pixdim": [0.001, 0.001, 0.001]},
        {"network_def": {**NETWORK, "channels": [40_000, 80_000]}},
        {"inferer": {"_target_": "SlidingWindowInferer", "roi_size": [9000, 9000, 9000]}},
        {"network_def": "@network_def"},
        {"image_key": "@pixdim", "pixdim": "@image_key"},
    ],
)
def test_sizes_that_no_memory_holds_and_circles_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises((InputUnreadableError, UsageError)):
        _label(write_bundle(tmp_path / "b", inference(**changes)))


def test_damaged_and_incomplete_folders_say_what_is_missing(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b")
    (folder / "models" / "model.pt").write_bytes(b"not weights")
    with pytest.raises(InputUnreadableError, match=r"model\.pt"):
        _label(folder)
    (folder / "models" / "model.pt").unlink()
    with pytest.raises(MissingPartError, match=r"model\.pt"):
        MonaiBundle.open(folder)
    (folder / "configs" / "metadata.json").write_text("{" * 50)
    with pytest.raises(InputUnreadableError, match=r"metadata\.json"):
        MonaiBundle.open(folder)
    nameless = write_bundle(tmp_path / "n", names=None)
    with pytest.raises(InputUnreadableError, match="channel_def"):
        MonaiBundle.open(nameless)
    (folder / "configs" / "metadata.json").write_text(json.dumps([1]))
    with pytest.raises(InputUnreadableError, match="not a mapping"):
        MonaiBundle.open(folder)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$[1.5] + [2]", None),
        ("$[1.5, 2, -3]", [1.5, 2, -3]),
        ("$@a#b if @c else 0", 7),
        ("$(@a#b - 1) * 2 // 3", 4),
        ("$'x' + '/y'", "x/y"),
        ("$not @c or @a#b >= 7", True),
        ("@a", {"b": 7}),
        ("plain", "plain"),
        ("$1 / 0", None),
        ("$@a.__class__", None),
        ("$().__class__.__mro__", None),
        ("$[x for x in (1,)]", None),
        ("$10 ** 10", None),
        ("$'x' * 100000", None),
        ("$lambda: 0", None),
    ],
)
def test_formulas_are_literals_references_and_arithmetic(text: str, value: Any) -> None:
    config = PlainConfig({"here": text, "a": {"b": 7}, "c": True})
    if value is None:
        with pytest.raises(CodeInConfigError):
            config.value("here")
    else:
        assert config.value("here") == value
