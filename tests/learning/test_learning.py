"""Synthesis and training, on a small block that stands for a vertebra."""

from pathlib import Path

import numpy as np
import pytest
import torch

from procguide.anatomy import Region
from procguide.geometry import Affine
from procguide.imaging import LabelMap
from procguide.learning import shapes
from procguide.learning.synthesis import ShapeTensors, synthesise
from procguide.learning.train import RECIPES, Recipe, loss_of, train
from procguide.segmentation import TissueClass
from procguide.segmentation.classes import LOCATOR_CLASSES as CLASSES
from procguide.segmentation.network import load_network


@pytest.fixture(scope="module")
def block() -> shapes.TrainingShape:
    """Two vertebrae and a disc in muscle, 2 mm."""
    tissue = np.full((40, 40, 40), Region.MUSCLE, dtype=np.uint8)
    target = np.zeros_like(tissue)
    level = np.zeros_like(tissue)
    for low, name in ((4, 24), (22, 23)):
        tissue[low : low + 14, 10:20, 12:28] = Region.BODY
        target[low : low + 14, 10:20, 12:28] = TissueClass.BODY
        target[low : low + 14, 24:34, 18:22] = TissueClass.ARCH
        tissue[low : low + 14, 24:34, 18:22] = Region.SPINOUS_PROCESS
        level[low : low + 14] = name
    tissue[18:22, 10:20, 12:28] = Region.DISC
    target[18:22, 10:20, 12:28] = TissueClass.DISC
    return shapes._finish("block", 2.0, tissue, target, level)


def test_the_centre_of_each_body_is_known(block: shapes.TrainingShape) -> None:
    np.testing.assert_allclose(block.body_centre[24], (10.5, 14.5, 19.5))
    np.testing.assert_allclose(block.body_centre[23], (28.5, 14.5, 19.5))
    assert set(np.unique(block.vertebra)) == {0, 23, 24}


def test_a_shape_survives_the_disk(block: shapes.TrainingShape, tmp_path: Path) -> None:
    shapes.save(block, tmp_path / "block.npz")
    again = shapes.load(tmp_path / "block.npz")
    assert again.name == "block"
    np.testing.assert_array_equal(again.tissue, block.tissue)
    np.testing.assert_array_equal(again.body_centre, block.body_centre)


def test_the_same_seed_gives_the_same_sample(block: shapes.TrainingShape) -> None:
    tensors = ShapeTensors.of(block)
    first = synthesise(tensors, patch=24, spacing_mm=2.0, seed=5)
    again = synthesise(tensors, patch=24, spacing_mm=2.0, seed=5)
    other = synthesise(tensors, patch=24, spacing_mm=2.0, seed=6)
    assert all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_samples_hold_what_the_network_needs(block: shapes.TrainingShape) -> None:
    tensors = ShapeTensors.of(block)
    for seed in range(8):
        image, target, offset = synthesise(tensors, patch=32, spacing_mm=2.0, seed=seed)
        assert image.shape == (1, 32, 32, 32)
        assert bool(image.isfinite().all())
        assert -1.34 <= float(image.min()) <= float(image.max()) <= 2.84
        vertebral = (target == TissueClass.BODY) | (target == TissueClass.ARCH)
        assert torch.equal(vertebral, ~offset.isnan())


def test_offsets_point_at_the_own_body(block: shapes.TrainingShape) -> None:
    """Position plus offset is the same for all voxels of a vertebra, but for the elastic warp."""
    _, target, offset = synthesise(ShapeTensors.of(block), patch=32, spacing_mm=2.0, seed=3)
    k = torch.arange(32)[:, None, None] * 2.0
    votes = (k + offset * 30.0)[target == TissueClass.BODY]
    spread = torch.stack([(votes - centre).abs() for centre in (votes.min(), votes.max())]).amin(dim=0)
    assert float(spread.median()) < 8.0


def test_the_loss_is_small_for_the_truth_and_large_otherwise() -> None:
    target = torch.randint(0, len(CLASSES), (1, 8, 8, 8))
    offset = torch.where(target == TissueClass.BODY, 0.5, torch.nan)
    logits = torch.nn.functional.one_hot(target, len(CLASSES)).movedim(-1, 1) * 20.0
    right = torch.cat([logits, torch.full((1, 1, 8, 8, 8), 0.5)], dim=1)
    wrong = torch.cat([logits.roll(1, dims=1), torch.full((1, 1, 8, 8, 8), -0.5)], dim=1)
    assert float(loss_of(right, target, offset)) < 0.05
    assert float(loss_of(wrong, target, offset)) > 2.0


def test_training_resumes_where_it_stopped(
    block: shapes.TrainingShape, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "locator", Recipe(spacing_mm=2.0, patch=16, batch=1, channels=(4, 8)))
    tensors = [ShapeTensors.of(block)]
    train("locator", tensors, tmp_path / "a", steps=4, seed=1, save_every=2)
    once = (tmp_path / "a" / "weights.safetensors").read_bytes()

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("procguide.learning.train.export", stop)
        with pytest.raises(KeyboardInterrupt):
            train("locator", tensors, tmp_path / "b", steps=4, seed=1, save_every=2)
    train("locator", tensors, tmp_path / "b", steps=4, seed=1, save_every=2)
    assert (tmp_path / "b" / "weights.safetensors").read_bytes() == once
    _, spec = load_network(str(tmp_path / "b"))
    assert spec.spacing_mm == 2.0


def test_body_and_arch_are_told_apart_by_the_cord() -> None:
    labels = np.zeros((30, 60, 40), dtype=np.uint8)
    labels[8:20, 10:45, 10:30] = 27
    labels[:, 28:36, 16:24] = 79
    labels[5:25, 10:14, 32:36] = 92
    shape = shapes.from_totalsegmentator(
        LabelMap(labels, Affine.axis_aligned(1.0, (0, 0, 0))), spacing_mm=1.0, name="made"
    )
    assert shape.target[14, 15, 20] == TissueClass.BODY
    assert shape.target[14, 42, 20] == TissueClass.ARCH
    assert shape.target[14, 32, 20] == TissueClass.CANAL
    assert shape.target[14, 12, 34] == TissueClass.RIB
    assert shape.vertebra[14, 42, 20] == 27
