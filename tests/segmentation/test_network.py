"""Networks on disk and their intensities."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from procguide.anatomy import Region
from procguide.errors import InputUnreadableError
from procguide.imaging import Modality
from procguide.segmentation import NETWORK_CLASS, TissueClass, class_of
from procguide.segmentation.classes import FINE_CLASSES, LOCATOR_CLASSES, ORGAN_CLASSES
from procguide.segmentation.network import (
    METADATA_FILE,
    WEIGHTS_FILE,
    build_network,
    load_network,
    normalise,
    read_bundle,
)

MODELS = Path(__file__).resolve().parents[2] / "procguide" / "segmentation" / "models"
SHIPPED = sorted(folder.name for folder in MODELS.iterdir() if folder.is_dir())


def test_every_class_has_its_region_and_every_network_a_place_for_it() -> None:
    assert [tissue.region.name for tissue in TissueClass][1:] == [tissue.name for tissue in TissueClass][1:]
    assert TissueClass.OTHER.region is Region.BACKGROUND
    assert {*LOCATOR_CLASSES, *FINE_CLASSES, *ORGAN_CLASSES} == set(TissueClass)
    assert {NETWORK_CLASS[tissue.region] for tissue in TissueClass if tissue} == {*TissueClass} - {0}


def test_a_fine_tissue_has_its_own_class_or_that_of_its_broad_region() -> None:
    assert class_of(Region.CAUDA_EQUINA) is TissueClass.THECAL_SAC
    assert class_of(Region.SPINAL_CORD) is TissueClass.SPINAL_CORD
    assert class_of(Region.EPIDURAL_FAT) is TissueClass.CANAL
    assert class_of(Region.NUCLEUS_PULPOSUS) is TissueClass.DISC
    assert class_of(Region.CEMENT) is TissueClass.BODY
    assert class_of(Region.PSOAS) is TissueClass.OTHER


def test_hounsfield_units_have_a_fixed_scale() -> None:
    voxels = np.array([-2000, -250, 150, 1000, 3000], dtype=np.int16).reshape(5, 1, 1)
    scaled = normalise(voxels, Modality.CT).ravel()
    np.testing.assert_allclose(scaled, [-4 / 3, -4 / 3, 0, 850 / 300, 850 / 300], rtol=1e-6)


def test_other_modalities_are_scaled_by_their_own_range() -> None:
    rng = np.random.default_rng(0)
    voxels = rng.gamma(2.0, 100.0, (20, 20, 20))
    np.testing.assert_allclose(
        normalise(voxels, Modality.MR), normalise(voxels * 7.0, Modality.MR), atol=1e-4
    )


def test_a_written_network_comes_back_and_answers(tiny_bundle: Path) -> None:
    import torch

    loaded, spec = load_network(str(tiny_bundle))
    assert (spec.name, spec.spacing_mm, spec.patch, spec.channels) == ("tiny", 3.0, 16, (4, 8, 8))
    assert spec.classes == (TissueClass.OTHER, TissueClass.BODY, TissueClass.CANAL)
    assert re.fullmatch(r"1\.0\.0 [0-9a-f]{12}", spec.version)
    torch.manual_seed(0)
    net = build_network((4, 8, 8), 3).half().float()
    image = torch.randn(1, 1, 16, 16, 16)
    with torch.inference_mode():
        answer = loaded(image)
        assert answer.shape == (1, 4, 16, 16, 16)
        assert torch.allclose(answer, net.eval()(image))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_bundle_is_whole(name: str) -> None:
    bundle = read_bundle(name)
    assert bundle.spec.name == name
    assert bundle.spec.classes[0] is TissueClass.OTHER
    assert {tensor.dtype for tensor in bundle.weights.values()} == {np.dtype(np.float16)}
    for file in ("configs/inference.json", "docs/README.md", "LICENSE"):
        assert (MODELS / name / file).stat().st_size > 1000
    metadata = json.loads((MODELS / name / METADATA_FILE).read_text())
    channels = metadata["network_data_format"]["outputs"]["pred"]["channel_def"]
    assert [channels[str(n)] for n in range(len(bundle.spec.classes))] == metadata["procguide"]["classes"]


def test_all_shipped_networks_together_are_small() -> None:
    assert sum(file.stat().st_size for file in MODELS.rglob("*") if file.is_file()) <= 30e6


@pytest.mark.parametrize("content", [None, b"", b"not weights at all"])
def test_bad_weights_are_a_clear_error(tmp_path: Path, tiny_bundle: Path, content: bytes | None) -> None:
    bundle = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
    (bundle / WEIGHTS_FILE).unlink()
    if content is not None:
        (bundle / WEIGHTS_FILE).write_bytes(content)
    with pytest.raises(InputUnreadableError, match=r"metadata\.json and models/model\.safetensors"):
        read_bundle(str(bundle))


def test_one_flipped_bit_in_the_weights_is_noticed(tmp_path: Path, tiny_bundle: Path) -> None:
    bundle = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
    content = bytearray((bundle / WEIGHTS_FILE).read_bytes())
    content[-1] ^= 1
    (bundle / WEIGHTS_FILE).write_bytes(content)
    with pytest.raises(InputUnreadableError, match="was changed") as caught:
        read_bundle(str(bundle))
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("channels", [4, 8]),
        ("channels", [4, 8, 16]),
        ("classes", ["other", "body"]),
        ("classes", ["moon"] * 3),
    ],
)
def test_metadata_that_do_not_fit_the_weights_are_an_error(
    tmp_path: Path, tiny_bundle: Path, field: str, value: object
) -> None:
    bundle = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
    metadata = json.loads((bundle / METADATA_FILE).read_text())
    metadata["procguide"][field] = value
    (bundle / METADATA_FILE).write_text(json.dumps(metadata))
    with pytest.raises(InputUnreadableError):
        read_bundle(str(bundle))
