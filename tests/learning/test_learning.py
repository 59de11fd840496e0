"""Synthesis and training, on a small block that stands for a vertebra."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from procguide.anatomy import Region
from procguide.geometry import Affine
from procguide.imaging import LabelMap, Modality, Volume
from procguide.learning import shapes
from procguide.learning import train as training
from procguide.learning.ambiguity import Unsure, allowed
from procguide.learning.deformation import _fused, _spliced
from procguide.learning.draws import Dice
from procguide.learning.synthesis import CT_ONLY, Batch, Contrasts, ShapeTensors, synthesise
from procguide.learning.train import Recipe, loss_of, train
from procguide.segmentation import TissueClass
from procguide.segmentation.classes import ARCH_PARTS, FINE_CLASSES, LOCATOR_CLASSES, ORGAN_CLASSES
from procguide.segmentation.network import build_network, load_network


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
    tensors = [ShapeTensors.of(block)]
    first, again, other = (synthesise(tensors, [n], patch=24, spacing_mm=2.0) for n in (5, 5, 6))
    assert torch.equal(first.image, again.image)
    assert torch.equal(first.target, again.target)
    assert torch.equal(first.offset.nan_to_num(), again.offset.nan_to_num())
    assert not torch.equal(first.image, other.image)


def test_a_sample_does_not_hang_on_its_neighbours(block: shapes.TrainingShape) -> None:
    tensors = [ShapeTensors.of(block)]
    both = synthesise(tensors, [5, 6], patch=24, spacing_mm=2.0)
    alone = synthesise(tensors, [6], patch=24, spacing_mm=2.0)
    assert torch.equal(both.image[1], alone.image[0])


@pytest.mark.parametrize(
    "contrasts", [Contrasts(1, 0, 0), Contrasts(0, 1, 0), Contrasts(0, 0, 1)], ids=("CT", "MR", "any")
)
def test_samples_hold_what_the_network_needs(block: shapes.TrainingShape, contrasts: Contrasts) -> None:
    tensors = [ShapeTensors.of(block)]
    batch = synthesise(tensors, range(10), patch=32, spacing_mm=2.0, contrasts=contrasts)
    assert batch.image.shape == (10, 1, 32, 32, 32)
    assert bool(batch.image.isfinite().all())
    assert -1.34 <= float(batch.image.min()) <= float(batch.image.max()) <= 2.84
    vertebral = (batch.target == TissueClass.BODY) | (batch.target == TissueClass.ARCH)
    assert torch.equal(vertebral, ~batch.offset.isnan())
    assert float(batch.image.std(dim=(1, 2, 3, 4)).median()) > 0.05


def test_bone_is_brighter_than_muscle_on_ct_and_random_elsewhere(block: shapes.TrainingShape) -> None:
    def brighter(contrasts: Contrasts) -> float:
        batch = synthesise([ShapeTensors.of(block)], range(16), patch=32, spacing_mm=2.0, contrasts=contrasts)
        image, body = batch.image[:, 0], batch.target == TissueClass.BODY
        seen = [n for n in range(16) if body[n].sum() > 300]
        return float(np.mean([image[n][body[n]].mean() > image[n][~body[n]].mean() for n in seen]))

    assert brighter(Contrasts(1, 0, 0)) > 0.9
    assert 0.1 < brighter(Contrasts(0, 0, 1)) < 0.9


def test_a_kept_image_is_shown(block: shapes.TrainingShape) -> None:
    """The labels say nothing of a stripe that only the image has."""
    image = np.where(np.arange(40)[None, None, :] % 8 < 4, 900, 100) * np.ones((40, 40, 1), dtype=np.int16)
    shape = replace(block, image=image.astype(np.int16))
    tensors = [ShapeTensors.of(shape)]
    shown = synthesise(tensors, range(6), patch=32, spacing_mm=2.0, contrasts=Contrasts(1, 0, 0, kept=1.0))
    drawn = synthesise(tensors, range(6), patch=32, spacing_mm=2.0, contrasts=Contrasts(1, 0, 0, kept=0.0))
    muscle = (shown.target == 0)[:, None]
    assert float(shown.image[muscle].std()) > 1.3 * float(drawn.image[muscle].std())


def test_offsets_point_at_the_own_body(block: shapes.TrainingShape) -> None:
    """Position plus offset is the same for all voxels of a vertebra, but for the elastic warp."""
    batch = synthesise([ShapeTensors.of(block)], [3], patch=32, spacing_mm=2.0, contrasts=CT_ONLY)
    k = torch.arange(32)[:, None, None] * 2.0
    votes = (k + batch.offset[0] * 30.0)[batch.target[0] == TissueClass.BODY]
    spread = torch.stack([(votes - centre).abs() for centre in (votes.min(), votes.max())]).amin(dim=0)
    assert float(spread.median()) < 8.0


def test_a_fused_disc_is_bone_of_its_two_neighbours(
    block: shapes.TrainingShape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("procguide.learning.deformation._FUSED", 1.0)
    shape = ShapeTensors.of(block)
    whole = [flat.reshape(shape.size).long() for flat in (shape.tissue, shape.target, shape.vertebra)]
    height = torch.arange(40)[:, None, None].expand(40, 40, 40)
    tissue, target, vertebra = _fused(shape, Dice(0), height, *whole)
    disc = whole[0] == Region.DISC
    assert disc.any()
    assert (tissue[disc] == Region.BODY).all()
    assert (target[disc] == TissueClass.BODY).all()
    assert {24, 23} == set(vertebra[disc].tolist())
    assert torch.equal(vertebra[~disc], whole[2][~disc])


def test_a_spliced_spine_jumps_by_one_vertebra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("procguide.learning.deformation._SPLICED", 1.0)
    centres = torch.tensor([[10.0, 0, 0], [30.0, 5, 0], [50.0, 10, 0], [70.0, 15, 0]])
    shape = SimpleNamespace(centres=centres)
    source = torch.stack([torch.arange(80.0), torch.zeros(80), torch.zeros(80)], dim=1)[:, None, None]
    for seed in range(6):
        moved = _spliced(source, shape, Dice(seed)) - source  # type: ignore[arg-type]
        steps = {tuple(row) for row in moved.reshape(-1, 3).tolist()}
        assert steps in ({(0.0, 0.0, 0.0), (20.0, 5.0, 0.0)}, {(0.0, 0.0, 0.0), (-20.0, -5.0, 0.0)})


def test_a_code_allows_what_it_means_to_each_network() -> None:
    fine, coarse, organs = (allowed(c) for c in (FINE_CLASSES, LOCATOR_CLASSES, ORGAN_CLASSES))
    assert all(table.any(axis=1).all() for table in (fine, coarse, organs))

    def meant(table: np.ndarray, classes: tuple[TissueClass, ...], code: int) -> set[TissueClass]:
        return {classes[n] for n in np.flatnonzero(table[code])}

    assert meant(fine, FINE_CLASSES, TissueClass.ARCH) == set(ARCH_PARTS)
    assert meant(fine, FINE_CLASSES, Unsure.IN_CANAL) == {
        TissueClass.CANAL,
        TissueClass.THECAL_SAC,
        TissueClass.SPINAL_CORD,
    }
    assert meant(coarse, LOCATOR_CLASSES, Unsure.IN_CANAL) == {TissueClass.CANAL}
    assert meant(coarse, LOCATOR_CLASSES, TissueClass.PEDICLE) == {TissueClass.ARCH}
    assert TissueClass.CANAL not in meant(fine, FINE_CLASSES, Unsure.NOT_CANAL)
    assert fine[Unsure.ANYTHING].all()
    assert meant(organs, ORGAN_CLASSES, TissueClass.BODY) == {TissueClass.OTHER}
    assert meant(fine, FINE_CLASSES, TissueClass.LIVER) == {TissueClass.OTHER}


def _answer(target: torch.Tensor, n: int, offset: float) -> torch.Tensor:
    logits = torch.nn.functional.one_hot(target, n).movedim(-1, 1) * 20.0
    return torch.cat([logits, torch.full((1, 1, 8, 8, 8), offset)], dim=1)


def test_the_loss_is_small_for_the_truth_and_large_otherwise() -> None:
    n = len(LOCATOR_CLASSES)
    target = torch.randint(0, n, (1, 8, 8, 8))
    offset = torch.where(target == TissueClass.BODY, 0.5, torch.nan)
    batch = Batch(torch.zeros(1, 1, 8, 8, 8), target, offset)
    meaning = torch.from_numpy(allowed(LOCATOR_CLASSES)).float()
    assert float(loss_of(_answer(target, n, 0.5), batch, meaning)) < 0.05
    assert float(loss_of(_answer((target + 1) % n, n, -0.5), batch, meaning)) > 2.0


def test_a_vague_label_does_not_mind_which_of_its_classes_is_said() -> None:
    meaning = torch.from_numpy(allowed(FINE_CLASSES)).float()
    target = torch.full((1, 8, 8, 8), int(TissueClass.ARCH))
    batch = Batch(torch.zeros(1, 1, 8, 8, 8), target, torch.full((1, 8, 8, 8), torch.nan))
    parts = (TissueClass.LAMINA, TissueClass.PEDICLE, TissueClass.BODY)
    losses = [
        float(
            loss_of(
                _answer(torch.full_like(target, FINE_CLASSES.index(part)), len(FINE_CLASSES), 0),
                batch,
                meaning,
            )
        )
        for part in parts
    ]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
    assert losses[0] < 0.01
    assert losses[2] > 2.0


def test_training_resumes_where_it_stopped(
    block: shapes.TrainingShape, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = Recipe(spacing_mm=2.0, patch=16, batch=1, classes=LOCATOR_CLASSES, channels=(4, 8))
    monkeypatch.setattr(training, "RECIPES", {"locator": tiny})
    tensors = [ShapeTensors.of(block)]
    train("locator", tensors, tmp_path / "a", steps=4, seed=1, save_every=2)
    file = Path("bundle") / "models" / "model.safetensors"
    once = (tmp_path / "a" / file).read_bytes()
    learn = training._Run.learn

    def stop(run: training._Run, batch: Batch, steps: int) -> float:
        if run.step == 3:
            raise KeyboardInterrupt
        return learn(run, batch, steps)

    with monkeypatch.context() as patched:
        patched.setattr(training._Run, "learn", stop)
        with pytest.raises(KeyboardInterrupt):
            train("locator", tensors, tmp_path / "b", steps=4, seed=1, save_every=2)
    assert not (tmp_path / "b" / file).exists()
    train("locator", tensors, tmp_path / "b", steps=4, seed=1, save_every=2, figures=["Dice 0.5"])
    assert (tmp_path / "b" / file).read_bytes() == once
    assert "Dice 0.5" in (tmp_path / "b" / "bundle" / "docs" / "README.md").read_text()
    _, spec = load_network(str(tmp_path / "b" / "bundle"))
    assert spec.spacing_mm == 2.0
    assert spec.classes == LOCATOR_CLASSES


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
    assert shape.target[14, 32, 20] == TissueClass.SPINAL_CORD
    assert shape.target[24, 26, 20] == Unsure.IN_CANAL
    assert shape.target[14, 12, 34] == TissueClass.RIB
    assert shape.vertebra[14, 42, 20] == 27


def test_a_crop_of_mri_teaches_parts_and_leaves_the_rest_to_its_own_grey() -> None:
    parts = np.zeros((40, 40, 40), dtype=np.uint8)
    parts[10:30, 8:20, 12:28] = 49
    parts[10:30, 20:26, 16:24] = 61
    parts[10:30, 26:30, 12:28] = 41
    parts[10:30, 30:36, 18:22] = 42
    grey = np.random.default_rng(0).integers(0, 300, parts.shape).astype(np.int16)
    affine = Affine.axis_aligned(1.0, (0, 0, 0))
    level = np.where(parts == 61, 106, np.where(parts > 0, 6, 0)).astype(np.uint8)
    shape = shapes.from_subregions(
        Volume(grey, affine, Modality.MR), LabelMap(level, affine), LabelMap(parts, affine), 1.0, "crop"
    )
    assert shape.target[20, 14, 20] == TissueClass.BODY
    assert shape.target[20, 23, 20] == Unsure.IN_CANAL
    assert shape.target[20, 28, 20] == Unsure.PEDICLE_OR_LAMINA
    assert shape.target[20, 33, 20] == TissueClass.SPINOUS_PROCESS
    assert shape.vertebra[20, 28, 20] == 6
    assert shape.vertebra[20, 23, 20] == 0
    outside = shape.tissue[parts == 0]
    assert set(np.unique(outside)) >= {75, 76, 77, 78, 79}


def test_a_cord_teaches_nothing_but_the_canal() -> None:
    cord = np.zeros((30, 40, 40), dtype=np.uint8)
    cord[:, 18:22, 17:23] = 1
    grey = np.full(cord.shape, 300, dtype=np.int16)
    grey[:, 14:26, 13:27] = 900
    grey[cord > 0] = 400
    affine = Affine.axis_aligned(1.0, (0, 0, 0))
    shape = shapes.from_cord(Volume(grey, affine, Modality.MR), LabelMap(cord, affine), 1.0, "cord")
    assert shape.target[15, 20, 20] == TissueClass.SPINAL_CORD
    assert shape.target[15, 15, 20] == Unsure.IN_CANAL
    assert shape.target[15, 20, 31] == Unsure.ANYTHING
    assert shape.target[15, 2, 2] == Unsure.NOT_CANAL
    assert not shape.vertebra.any()


def test_weights_that_fit_are_taken_over_and_the_head_is_new(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    old, new = build_network((4, 8), 3), build_network((4, 8), 5)
    save_file(old.state_dict(), tmp_path / "weights.safetensors")
    training._begin_with(new, tmp_path / "weights.safetensors")
    a, b = old.state_dict(), new.state_dict()
    same = {key for key in a if a[key].shape == b[key].shape and torch.equal(a[key], b[key])}
    assert any(key.startswith("model.0") for key in same)
    assert {key for key in a if a[key].shape != b[key].shape}
