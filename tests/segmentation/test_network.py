"""Networks on disk and their intensities."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from procguide.anatomy import Region
from procguide.errors import InputUnreadableError
from procguide.imaging import Modality
from procguide.segmentation import NETWORK_CLASS, TissueClass, class_of
from procguide.segmentation.classes import FINE_CLASSES, LOCATOR_CLASSES, ORGAN_CLASSES
from procguide.segmentation.network import build_network, load_network, normalise


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


def test_a_written_network_comes_back_and_answers(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    net = build_network((4, 8), 2)
    save_file(net.state_dict(), tmp_path / "weights.safetensors")
    card = {
        "name": "t",
        "version": "1",
        "spacing_mm": 3.0,
        "patch": 16,
        "channels": [4, 8],
        "classes": ["other", "body"],
    }
    (tmp_path / "card.json").write_text(json.dumps(card))
    loaded, spec = load_network(str(tmp_path))
    assert (spec.name, spec.spacing_mm, spec.patch, spec.channels) == ("t", 3.0, 16, (4, 8))
    assert re.fullmatch("1 [0-9a-f]{12}", spec.version)
    image = torch.randn(1, 1, 16, 16, 16)
    with torch.inference_mode():
        answer = loaded(image)
        assert answer.shape == (1, 3, 16, 16, 16)
        assert torch.allclose(answer, net.eval()(image))


@pytest.mark.parametrize("content", [None, b"", b"not weights at all"])
def test_a_bad_network_is_a_clear_error(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        card = {
            "name": "t",
            "version": "1",
            "spacing_mm": 3.0,
            "patch": 16,
            "channels": [4, 8],
            "classes": ["other", "body"],
        }
        (tmp_path / "card.json").write_text(json.dumps(card))
        (tmp_path / "weights.safetensors").write_bytes(content)
    with pytest.raises(InputUnreadableError, match=r"card\.json and weights\.safetensors"):
        load_network(str(tmp_path))
