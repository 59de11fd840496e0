"""Foreign labels become levels and regions as the shipped networks give them."""

from collections.abc import Mapping
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from procguide.anatomy import CANAL_CONTENT, POSTERIOR_ELEMENTS, VERSE_LABELS, VERTEBRA, Anchor, Region
from procguide.errors import InputUnfitError
from procguide.geometry import Affine
from procguide.imaging import LabelMap, Modality, Volume
from procguide.imaging.resample import resample
from procguide.phantom import Phantom, build, sample_parameters
from procguide.segmentation.adapters.assemble import assemble
from procguide.segmentation.adapters.foreign import ForeignLabels, ModelCard
from procguide.segmentation.adapters.label_lists import list_meanings, published_names
from procguide.segmentation.segment import Segmentation

CARD = ModelCard("other", "1", "MIT")
_LOW, _HIGH = (-70.0, -70.0, -60.0), (70.0, 110.0, 130.0)


@pytest.fixture(scope="module")
def subject() -> Phantom:
    """L2 to the sacrum."""
    return build(sample_parameters(3), 2.0, box=(_LOW, _HIGH))


def _painted(subject: Phantom, names: Mapping[int, str], *, without: tuple[str, ...] = ()) -> ForeignLabels:
    """The truth in the integers of a published list that labels whole vertebrae."""
    number = {name: label for label, name in names.items()}
    levels, regions = subject.levels.voxels, subject.regions.voxels
    labels = np.zeros(levels.shape, dtype=np.uint8)
    where: list[tuple[str, NDArray[np.bool_]]] = [
        (f"vertebrae_{level}", np.isin(regions, VERTEBRA) & (levels == label))
        for level, label in VERSE_LABELS.items()
    ]
    where += [("sacrum", regions == Region.SACRUM)]
    canal = np.isin(regions, CANAL_CONTENT)
    where += [("spinal_canal", canal), ("hip_left", regions == Region.ILIUM)]
    where += [("intervertebral_discs", regions == Region.DISC)]
    for name, mask in where:
        if name in number and name not in without:
            labels[mask] = number[name]
    image = LabelMap(labels, subject.levels.affine)
    return ForeignLabels(image, _meanings(names))


def _meanings(names: Mapping[int, str]) -> Mapping:
    from procguide.segmentation.adapters.meanings import meanings_of

    return meanings_of(names)


def _dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float(2 * (a & b).sum() / max(1, a.sum() + b.sum()))


def _against_truth(found: Segmentation, subject: Phantom) -> dict[str, float]:
    """Dice of body, arch, canal and levels, within the lattice and the heights both hold."""
    regions = resample(subject.regions, found.regions.grid).voxels
    levels = resample(subject.levels, found.regions.grid).voxels
    own = found.regions.voxels
    tall = np.isin(levels, [VERSE_LABELS[level] for level in ("L3", "L4", "L5")]).any(axis=(1, 2))
    scores = {
        "body": _dice((own == Region.BODY)[tall], (regions == Region.BODY)[tall]),
        "arch": _dice(np.isin(own, POSTERIOR_ELEMENTS)[tall], np.isin(regions, POSTERIOR_ELEMENTS)[tall]),
        "canal": _dice(np.isin(own, CANAL_CONTENT)[tall], np.isin(regions, CANAL_CONTENT)[tall]),
    }
    for level in ("L3", "L4", "L5"):
        label = VERSE_LABELS[level]
        scores[level] = _dice(found.levels.voxels == label, levels == label)
    return scores


@cache
def _image() -> Volume:
    return Volume(np.zeros((8, 8, 8), dtype=np.int16), Affine.axis_aligned(2.0, (0, 0, 0)), Modality.CT)


def test_whole_vertebrae_are_parted_by_the_canal_of_their_rings(subject: Phantom) -> None:
    answer = _painted(subject, published_names("totalsegmentator_total"))
    found = assemble([answer], _image(), CARD)
    scores = _against_truth(found, subject)
    assert min(scores[level] for level in ("L3", "L4", "L5")) > 0.9
    assert scores["body"] > 0.9
    assert scores["arch"] > 0.8
    assert scores["canal"] > 0.75
    assert found.anchor is Anchor.MODEL
    assert found.confidence["L4"] == pytest.approx(0.9)
    named = {finding.name for finding in found.findings}
    assert named == {"level anchor", "canal", "vertebral parts"}
    assert found.models == {"other": "1; licence: MIT"}
    assert found.levels.grid.isclose(found.regions.grid)
    assert found.levels.affine.orientation == "SPL"


def test_a_labelled_canal_is_kept_and_parts_the_vertebrae(subject: Phantom) -> None:
    answer = _painted(subject, published_names("totalspineseg"))
    found = assemble([answer], _image(), CARD)
    scores = _against_truth(found, subject)
    assert scores["canal"] > 0.93
    assert scores["body"] > 0.9
    assert scores["arch"] > 0.8
    assert {finding.name for finding in found.findings} == {"level anchor", "vertebral parts"}


def test_bodies_of_a_second_map_part_the_vertebrae_of_the_first(subject: Phantom) -> None:
    whole = _painted(subject, published_names("totalsegmentator_total"))
    bodies = np.where(subject.regions.voxels == Region.BODY, 1, 0).astype(np.uint8)
    bodies[subject.regions.voxels == Region.DISC] = 2
    second = ForeignLabels(
        LabelMap(bodies, subject.levels.affine), list_meanings("totalsegmentator_vertebrae_body")
    )
    found = assemble([whole, second], _image(), CARD)
    scores = _against_truth(found, subject)
    assert scores["body"] > 0.95
    assert scores["arch"] > 0.9
    assert Region.DISC in found.regions.voxels
    assert "vertebral parts" not in {finding.name for finding in found.findings}


def test_without_an_anchor_in_view_the_model_s_names_are_doubted(subject: Phantom) -> None:
    answer = _painted(subject, published_names("totalsegmentator_total"), without=("sacrum",))
    found = assemble([answer], _image(), CARD)
    assert found.confidence["L4"] == pytest.approx(0.5)
    assert any("neither sacrum nor C2" in finding.words for finding in found.findings)


def test_names_out_of_order_are_reported(subject: Phantom) -> None:
    painted = _painted(subject, published_names("totalspineseg"))
    names = {**published_names("totalspineseg"), 43: "vertebrae_T9", 29: "nothing"}
    found = assemble([ForeignLabels(painted.labels, _meanings(names))], _image(), CARD)
    contradiction = [finding for finding in found.findings if finding.name == "level order"]
    assert len(contradiction) == 1
    assert "T9 right above L4" in contradiction[0].words
    assert found.confidence["L5"] == pytest.approx(0.3)


def test_the_user_s_name_goes_before_the_model_s(subject: Phantom) -> None:
    answer = _painted(subject, published_names("totalspineseg"))
    found = assemble([answer], _image(), CARD, lowest_level="L4")
    assert found.anchor is Anchor.USER
    truth = resample(subject.levels, found.levels.grid).voxels
    assert _dice(found.levels.voxels == VERSE_LABELS["L4"], truth == VERSE_LABELS["L5"]) > 0.9
    assert any("otherwise than --lowest-level" in finding.words for finding in found.findings)
    same = assemble([answer], _image(), CARD, lowest_level="L5")
    assert not any("otherwise than" in finding.words for finding in same.findings)


def test_vertebrae_without_names_are_counted_from_the_sacrum(subject: Phantom) -> None:
    named = _painted(subject, published_names("totalspineseg"))
    vertebrae = dict.fromkeys(range(11, 47), "vertebrae")
    answer = ForeignLabels(named.labels, _meanings({**published_names("totalspineseg"), **vertebrae}))
    found = assemble([answer], _image(), CARD)
    assert found.anchor is Anchor.SACRUM
    truth = resample(subject.levels, found.levels.grid).voxels
    for level in ("L4", "L3"):
        assert _dice(found.levels.voxels == VERSE_LABELS[level], truth == VERSE_LABELS[level]) > 0.8


def test_without_names_and_without_sacrum_nothing_is_guessed(subject: Phantom) -> None:
    named = _painted(subject, published_names("totalspineseg"), without=("sacrum",))
    vertebrae = dict.fromkeys(range(11, 47), "vertebrae")
    answer = ForeignLabels(named.labels, _meanings({2: "spinal_canal", **vertebrae}))
    with pytest.raises(InputUnfitError, match="--lowest-level"):
        assemble([answer], _image(), CARD)
    found = assemble([answer], _image(), CARD, lowest_level="L5")
    assert found.anchor is Anchor.USER
    assert "L5" in found.confidence


def test_an_answer_without_vertebrae_is_unfit() -> None:
    nothing = LabelMap(np.zeros((10, 10, 10), dtype=np.uint8), Affine.axis_aligned(2.0, (0, 0, 0)))
    with pytest.raises(InputUnfitError, match="no vertebra"):
        assemble([ForeignLabels(nothing, list_meanings("totalspineseg"))], _image(), CARD)
    hips = LabelMap(np.full((10, 10, 10), 77, dtype=np.uint8), Affine.axis_aligned(2.0, (0, 0, 0)))
    with pytest.raises(InputUnfitError, match="no vertebra"):
        assemble([ForeignLabels(hips, list_meanings("totalsegmentator_total"))], _image(), CARD)


def test_an_answer_on_a_turned_lattice_says_the_same(subject: Phantom) -> None:
    answer = _painted(subject, published_names("totalspineseg"))
    turned = LabelMap(
        answer.labels.voxels[:, ::-1, ::-1].transpose(2, 1, 0),
        Affine(
            answer.labels.affine.matrix
            @ np.array(
                [
                    [0, 0, 1, 0],
                    [0, -1, 0, answer.labels.shape[1] - 1],
                    [-1, 0, 0, answer.labels.shape[2] - 1],
                    [0, 0, 0, 1.0],
                ]
            )
        ),
    )
    one = assemble([answer], _image(), CARD)
    other = assemble([ForeignLabels(turned, answer.meanings)], _image(), CARD)
    np.testing.assert_array_equal(one.levels.voxels, other.levels.voxels)
    np.testing.assert_array_equal(one.regions.voxels, other.regions.voxels)


def test_a_vertebra_of_which_only_the_arch_is_in_view(subject: Phantom) -> None:
    painted = _painted(subject, published_names("totalspineseg"))
    labels = painted.labels.voxels.copy()
    labels[(labels == 42) & (subject.regions.voxels == Region.BODY)] = 0
    found = assemble(
        [ForeignLabels(LabelMap(labels, painted.labels.affine), painted.meanings)], _image(), CARD
    )
    assert VERSE_LABELS["L2"] in found.levels.present()
    assert _against_truth(found, subject)["L4"] > 0.9
