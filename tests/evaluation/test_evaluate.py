"""Sides in several vocabularies, on several lattices, held against one another."""

from __future__ import annotations

import numpy as np
import pytest

from procguide.anatomy import VERSE_LABELS, Region
from procguide.anatomy.vocabularies import MEANINGS, Vocabulary
from procguide.errors import InputUnfitError
from procguide.evaluation import Side, evaluate
from procguide.geometry import Affine
from procguide.imaging import Grid, LabelMap
from procguide.imaging.resample import resample

SHAPE = (60, 30, 24)
LATTICE = Affine.axis_aligned(2.0, (-20, 10, 100))
LEVELS = ("L5", "L4", "L3")
BODY, ARCH, DISC, CANAL, CORD = Region.BODY, Region.ARCH, Region.DISC, Region.CANAL, Region.SPINAL_CORD


def label_map(voxels: np.ndarray, affine: Affine = LATTICE) -> LabelMap:
    return LabelMap(voxels.astype(np.uint8), affine)


def column() -> tuple[np.ndarray, np.ndarray]:
    """Three vertebrae of 30 mm with discs of 6 mm, and a canal: VerSe integers and regions."""
    levels, regions = np.zeros(SHAPE, int), np.zeros(SHAPE, int)
    regions[:, 14:18, 8:16] = CANAL
    for n, level in enumerate(LEVELS):
        low = 2 + 18 * n
        for part, rows in ((BODY, slice(2, 14)), (ARCH, slice(18, 28))):
            box = (slice(low, low + 15), rows, slice(6, 18))
            levels[box], regions[box] = VERSE_LABELS[level], part
        regions[low + 15 : low + 18, 2:14, 6:18] = DISC
    return levels, regions


def ours() -> Side:
    levels, regions = column()
    return Side.of((label_map(levels), Vocabulary.VERSE), (label_map(regions), Vocabulary.REGIONS))


def translated(table: dict[int, int], source: np.ndarray) -> LabelMap:
    out = np.zeros_like(source)
    for old, new in table.items():
        out[source == old] = new
    return label_map(out)


TOTALSEGMENTATOR = {VERSE_LABELS[level]: 27 + n for n, level in enumerate(LEVELS)}


def test_itself_is_perfect() -> None:
    result = evaluate(ours(), ours())
    assert set(result.structures) == {
        "vertebrae", "body", "posterior elements", "disc", "canal and content",
    }  # fmt: skip
    assert {overlap.dice for overlap in (*result.structures.values(), *result.bones.values())} == {1.0}
    assert result.identification is not None
    assert (result.identification.found_rate, result.identification.identification_rate) == (1.0, 1.0)
    assert list(result.bones) == ["L3", "L4", "L5"]
    assert result.findings == ()


def test_totalsegmentator_numbers_mean_the_same_vertebrae() -> None:
    reference = Side.of((translated(TOTALSEGMENTATOR, column()[0]), Vocabulary.TOTALSEGMENTATOR))
    result = evaluate(ours(), reference)
    assert result.bones["L4"].dice == 1.0
    assert result.structures["vertebrae"].dice == 1.0
    assert "body" not in result.structures


def test_wrong_names_are_seen_level_by_level() -> None:
    one_off = {VERSE_LABELS[level]: VERSE_LABELS[level] - 1 for level in LEVELS}
    prediction = Side.of((translated(one_off, column()[0]), Vocabulary.VERSE))
    result = evaluate(prediction, ours())
    assert result.structures["vertebrae"].dice == 1.0
    assert {name: overlap.dice for name, overlap in result.bones.items()} == dict.fromkeys(LEVELS, 0.0)
    assert result.identification is not None
    assert result.identification.found_rate == 1.0
    assert result.identification.identification_rate == 0.0


def test_a_lattice_of_other_steps_and_orientation_is_met_by_the_nearest_voxel() -> None:
    flipped = Grid(
        (36, 90, 40),
        Affine.from_steps([(-1.5, 0, 0), (0, 0, 1.5), (0, 1.6, 0)], (33, 9, 96)),
    )
    levels, regions = (resample(label_map(voxels), flipped) for voxels in column())
    prediction = Side.of((levels, Vocabulary.VERSE), (regions, Vocabulary.REGIONS))
    assert levels.affine.orientation == "RSP"
    result = evaluate(prediction, ours())
    assert min(overlap.dice for overlap in result.structures.values()) > 0.85
    assert [finding.name for finding in result.findings] == ["lattice"]
    hd95 = result.structures["vertebrae"].hd95_mm
    assert hd95 is not None
    assert hd95 < 2.0


def test_parts_are_measured_vertebra_by_vertebra() -> None:
    """The body of L4 lacks its upper half; all else is right."""
    levels, regions = column()
    levels[27:35, 2:14], regions[27:35, 2:14] = 0, 0
    result = evaluate(
        Side.of((label_map(levels), Vocabulary.VERSE), (label_map(regions), Vocabulary.REGIONS)), ours()
    )
    assert list(result.parts) == ["L3", "L4", "L5"]
    assert {part for parts in result.parts.values() for part in parts} == {"body", "posterior elements"}
    assert result.parts["L4"]["body"].dice == pytest.approx(2 * 7 / (7 + 15))
    assert result.parts["L4"]["posterior elements"].dice == 1.0
    assert result.parts["L5"]["body"].dice == 1.0
    assert result.to_json()["vertebrae"]["L4"]["parts"]["body"]["surface_dice_1mm"] < 1


def test_parts_are_judged_only_where_both_tell_them_apart() -> None:
    """41 is pedicles and laminae; a prediction that says arch cannot be judged by it, or by processes."""
    _, regions = column()
    parts = np.zeros(SHAPE, int)
    parts[regions == BODY] = 49
    arch = regions == ARCH
    rows = np.indices(SHAPE)[1]
    parts[arch & (rows < 22)], parts[arch & (rows >= 22)] = 41, 42
    reference = Side.of((label_map(parts), Vocabulary.TPTBOX))
    result = evaluate(ours(), reference)
    assert set(result.structures) == {"vertebrae", "body", "posterior elements"}
    assert "label 8 of this map" in result.not_compared["spinous process"]
    assert "pedicle and lamina" in result.not_compared

    told = regions.copy()
    told[parts == 42] = Region.SPINOUS_PROCESS
    told[parts == 41] = Region.LAMINA
    result = evaluate(Side.of((label_map(told), Vocabulary.REGIONS)), reference)
    assert result.structures["spinous process"].dice == 1.0
    assert result.structures["pedicle and lamina"].dice == 1.0
    assert set(result.not_compared) == {"disc", "canal and content"}  # the reference has none


def test_a_canal_without_parts_is_the_whole_canal_and_tells_no_cord() -> None:
    _, regions = column()
    cord = np.zeros(SHAPE, int)
    cord[:, 15:17, 10:14] = 79
    reference = Side.of((label_map(cord), Vocabulary.TOTALSEGMENTATOR))
    with pytest.raises(InputUnfitError, match="spinal cord"):
        evaluate(Side.of((label_map(regions), Vocabulary.REGIONS)), reference)
    regions[cord == 79] = CORD
    result = evaluate(Side.of((label_map(regions), Vocabulary.REGIONS)), reference)
    assert result.structures["spinal cord"].dice == 1.0
    whole = evaluate(Side.of((label_map(regions), Vocabulary.REGIONS)), ours())
    assert whole.structures["canal and content"].dice == 1.0


def test_a_reference_of_a_part_does_not_judge_the_whole() -> None:
    """Bodies are no vertebrae, a cord is no canal."""
    _, regions = column()
    regions[:, 15:17, 10:14] = CORD
    part = np.where((regions == BODY) | (regions == CORD), regions, 0)
    prediction = Side.of((label_map(regions), Vocabulary.REGIONS))
    result = evaluate(prediction, Side.of((label_map(part), Vocabulary.REGIONS)))
    assert set(result.structures) == {"body", "spinal cord"}


def test_bodies_counted_from_below_are_compared_with_the_bodies_of_named_vertebrae() -> None:
    levels, regions = column()
    counted = np.where(regions == BODY, 25 - levels, 0)
    assert sorted(np.unique(counted)) == [0, 1, 2, 3]
    reference = Side.of((label_map(counted), Vocabulary.COUNTED_BODIES))
    result = evaluate(ours(), reference)
    assert {overlap.dice for overlap in result.bones.values()} == {1.0}
    assert result.identification is not None
    assert result.identification.found_rate == 1.0
    assert result.identification.identification_rate is None
    assert [one.match for one in result.identification.sightings] == ["L5", "L4", "L3"]
    alone = Side.of((label_map(levels), Vocabulary.VERSE))
    with pytest.raises(InputUnfitError, match="one by one"):
        evaluate(alone, reference)


def test_what_the_reference_leaves_unlabelled_above_may_be_left_out() -> None:
    levels, regions = column()
    lower = np.where((regions == BODY) & (levels >= VERSE_LABELS["L4"]), 25 - levels, 0)
    reference = Side.of((label_map(lower), Vocabulary.COUNTED_BODIES))
    assert evaluate(ours(), reference).structures["body"].dice == pytest.approx(0.8)
    result = evaluate(ours(), reference, within_labelled_range=True)
    assert result.structures["body"].dice == 1.0
    assert result.identification is not None
    assert result.identification.extra == ()


def test_s1_alone_is_no_sacrum() -> None:
    levels, _ = column()
    numbers = np.array(translated(TOTALSEGMENTATOR, levels).voxels)
    numbers[:2, 2:14, 6:18] = 26
    result = evaluate(ours(), Side.of((label_map(numbers), Vocabulary.TOTALSEGMENTATOR)))
    assert "sacrum" not in result.bones
    assert "sacrum" not in result.structures
    numbers[:1, 2:14, 6:18] = 25
    result = evaluate(ours(), Side.of((label_map(numbers), Vocabulary.TOTALSEGMENTATOR)))
    assert result.bones["sacrum"].dice == 0.0
    assert result.identification is not None
    assert {one.name for one in result.identification.sightings} == set(LEVELS)


def test_organs_are_judged_only_where_the_prediction_labels_organs() -> None:
    levels, regions = column()
    total = np.array(translated(TOTALSEGMENTATOR, levels).voxels)
    total[:, 28:, :6], total[:, 28:, 20:] = 10, 14  # an upper left and a lower right lobe
    reference = Side.of((label_map(total), Vocabulary.TOTALSEGMENTATOR))
    result = evaluate(ours(), reference)
    assert result.not_compared["lung"] == "in the prediction this map labels no organs"
    organs = np.where((total == 10) | (total == 14), Region.LUNG, 0)
    regions[:, :, :6] = organs[:, :, :6]  # beside the spine the regions have them too, but not all of them
    maps = ((levels, Vocabulary.VERSE), (regions, Vocabulary.REGIONS), (organs, Vocabulary.REGIONS))
    result = evaluate(Side.of(*((label_map(voxels), own) for voxels, own in maps)), reference)
    assert result.structures["lung"].dice == 1.0
    assert result.structures["vertebrae"].dice == 1.0


def test_an_empty_prediction_is_measured_as_nothing_found() -> None:
    empty = Side.of((label_map(np.zeros(SHAPE)), Vocabulary.VERSE))
    result = evaluate(empty, ours())
    assert result.structures["vertebrae"].dice == 0.0
    assert [finding.words for finding in result.findings] == ["the prediction is empty"]


def test_an_empty_or_foreign_reference_is_refused() -> None:
    for voxels in (np.zeros(SHAPE), np.full(SHAPE, 200)):
        with pytest.raises(InputUnfitError, match="--labels-of"):
            evaluate(ours(), Side.of((label_map(voxels), Vocabulary.VERSE)))


def test_other_places_are_refused_and_partial_cover_is_said() -> None:
    levels, _ = column()
    away = Affine.axis_aligned(2.0, (-20, 10, 900))
    with pytest.raises(InputUnfitError, match="different places"):
        evaluate(Side.of((label_map(levels, away), Vocabulary.VERSE)), ours())
    lower = Side.of((label_map(levels[:30]), Vocabulary.VERSE))
    result = evaluate(lower, ours())
    (cover,) = [finding for finding in result.findings if finding.name == "coverage"]
    assert "lie outside the prediction's image" in cover.words
    assert result.bones["L3"].dice == 0.0


def test_unknown_labels_are_named() -> None:
    levels, _ = column()
    levels[0, 0, 0] = 99
    result = evaluate(Side.of((label_map(levels), Vocabulary.VERSE)), ours())
    assert [finding.words for finding in result.findings] == [
        "the prediction's labels 99 have no counterpart here and are left out"
    ]


def test_the_record_is_plain_json() -> None:
    import json

    empty = Side.of((label_map(np.zeros(SHAPE)), Vocabulary.VERSE))
    document = json.loads(json.dumps(evaluate(empty, ours()).to_json(), allow_nan=False))
    assert document["vertebrae"]["L4"]["hd95_mm"] is None
    assert document["structures"]["vertebrae"]["surface_dice_2mm"] == 0.0


@pytest.mark.parametrize("vocabulary", list(Vocabulary))
def test_every_meaning_is_of_known_regions_and_levels(vocabulary: Vocabulary) -> None:
    from procguide.anatomy import SACRUM

    for label, meaning in MEANINGS[vocabulary].items():
        assert label > 0
        assert meaning.regions
        assert meaning.level is None or meaning.level == SACRUM or meaning.level in VERSE_LABELS


def test_the_lists_of_the_adapters_are_vocabularies_too() -> None:
    from procguide.errors import UsageError
    from procguide.evaluation.vocabulary import VOCABULARIES, meanings_in, parse_vocabulary

    assert {"totalspineseg", "totalsegmentator-v1", "totalsegmentator-vertebrae-body"} < set(VOCABULARIES)
    assert parse_vocabulary("TotalSegmentator_v1") == "totalsegmentator-v1"
    total, listed = (meanings_in(name) for name in ("totalsegmentator", "totalsegmentator-total"))
    assert {n: listed[n] for n in total} == dict(total)
    with pytest.raises(UsageError, match="totalspineseg"):
        meanings_in("total")
    _, regions = column()
    parts = translated({int(BODY): 1, int(DISC): 2}, regions)
    result = evaluate(ours(), Side.of((parts, "totalsegmentator-vertebrae-body")))
    assert {name: fit.dice for name, fit in result.structures.items()} == {"body": 1.0, "disc": 1.0}


def test_known_numbers_of_totalsegmentator() -> None:
    table = MEANINGS[Vocabulary.TOTALSEGMENTATOR]
    assert [table[n].level for n in (27, 31, 32, 43, 44, 50)] == ["L5", "L1", "T12", "T1", "C7", "C1"]
    assert [table[n].regions[0] for n in (5, 52, 63, 79)] == [
        Region.LIVER, Region.AORTA, Region.VENA_CAVA, Region.SPINAL_CORD,
    ]  # fmt: skip
