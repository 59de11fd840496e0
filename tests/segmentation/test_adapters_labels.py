"""Published lists of labels: every one of them has its meaning here, or is known to have none."""

import pytest

from procguide.anatomy import LEVELS, POSTERIOR_ELEMENTS, SACRUM, VERTEBRA, Region
from procguide.anatomy.vocabularies import MEANINGS, Vocabulary
from procguide.errors import UsageError
from procguide.segmentation.adapters.label_lists import LISTS, list_meanings, published_names
from procguide.segmentation.adapters.meanings import meaning_of, meanings_of, single_region

_NOT_HERE = {
    "gallbladder",
    "stomach",
    "pancreas",
    "urinary_bladder",
    "prostate",
    "heart",
    "pulmonary_vein",
    "pulmonary_artery",
    "brachiocephalic_trunk",
    "superior_vena_cava",
    "portal_vein_and_splenic_vein",
    "brain",
    "skull",
    "face",
    "sternum",
    "costal_cartilages",
}
_NOT_HERE_BEGINNINGS = (
    "adrenal_gland",
    "subclavian",
    "brachiocephalic_vein",
    "atrial",
    "heart_",
    "humerus",
    "scapula",
    "clavicula",
    "gluteus",
)
_EXPECTED = {
    "spleen": Region.SPLEEN,
    "liver": Region.LIVER,
    "aorta": Region.AORTA,
    "inferior_vena_cava": Region.VENA_CAVA,
    "esophagus": Region.OESOPHAGUS,
    "trachea": Region.TRACHEA,
    "thyroid_gland": Region.THYROID,
    "small_bowel": Region.BOWEL,
    "duodenum": Region.BOWEL,
    "colon": Region.BOWEL,
    "spinal_cord": Region.SPINAL_CORD,
    "spinal_canal": Region.CANAL,
    "sacrum": Region.SACRUM,
    "vertebrae_S1": Region.SACRUM,
    "vertebrae_body": Region.BODY,
    "intervertebral_discs": Region.DISC,
}
_EXPECTED_BEGINNINGS = {
    "kidney": Region.KIDNEY,
    "lung_": Region.LUNG,
    "iliac_artery": Region.ILIAC_ARTERY,
    "iliac_vena": Region.ILIAC_VEIN,
    "femur": Region.FEMUR,
    "hip": Region.ILIUM,
    "rib_": Region.RIB,
    "common_carotid_artery": Region.CAROTID_ARTERY,
    "disc_": Region.DISC,
    "autochthon": Region.ERECTOR_SPINAE,
    "iliopsoas": Region.PSOAS,
}
_FROM_PACKAGES = tuple(name for name in LISTS if name.startswith("total"))


def _expected(name: str) -> Region | None:
    if name in _EXPECTED:
        return _EXPECTED[name]
    return next(region for start, region in _EXPECTED_BEGINNINGS.items() if name.startswith(start))


@pytest.mark.parametrize("scheme", _FROM_PACKAGES)
def test_every_label_of_a_published_list_is_placed(scheme: str) -> None:
    meanings = list_meanings(scheme)
    for label, name in published_names(scheme).items():
        meaning = meanings.get(label)
        if name in _NOT_HERE or name.startswith(_NOT_HERE_BEGINNINGS):
            assert meaning is None, name
            continue
        assert meaning is not None, name
        level = name.removeprefix("vertebrae_")
        if name == "vertebrae" or level in (*LEVELS, "L6"):
            assert meaning.regions == VERTEBRA
            assert meaning.level == (None if name == "vertebrae" else level)
            assert single_region(meaning) is None
        else:
            assert single_region(meaning) is _expected(name), name
            assert meaning.level == (SACRUM if meaning.regions == (Region.SACRUM,) else None)


def test_sizes_of_the_lists() -> None:
    sizes = {scheme: len(published_names(scheme)) for scheme in _FROM_PACKAGES}
    assert sizes == {
        "totalsegmentator_total": 117,
        "totalsegmentator_vertebrae_body": 2,
        "totalsegmentator_total_mr": 50,
        "totalsegmentator_vertebrae_mr": 25,
        "totalsegmentator_v1": 104,
        "totalspineseg": 52,
    }


def test_the_installed_package_lists_the_same() -> None:
    binary = pytest.importorskip("totalsegmentator.map_to_binary")
    for scheme, task in (
        ("totalsegmentator_total", "total"),
        ("totalsegmentator_vertebrae_body", "vertebrae_body"),
        ("totalsegmentator_total_mr", "total_mr"),
        ("totalsegmentator_vertebrae_mr", "vertebrae_mr"),
        ("totalsegmentator_v1", "total_v1"),
    ):
        assert published_names(scheme) == binary.class_map[task]


def test_names_and_the_table_of_numbers_say_the_same() -> None:
    by_name = list_meanings("totalsegmentator_total")
    by_number = MEANINGS[Vocabulary.TOTALSEGMENTATOR]
    assert set(by_number) <= set(by_name)
    assert {label: by_name[label] for label in by_number} == dict(by_number)


@pytest.mark.parametrize(
    ("label", "level"),
    [(11, "C1"), (17, "C7"), (21, "T1"), (32, "T12"), (41, "L1"), (45, "L5"), (46, "L6"), (50, SACRUM)],
)
def test_numbers_of_totalspineseg(label: int, level: str) -> None:
    assert list_meanings("totalspineseg")[label].level == level


def test_discs_of_totalspineseg_are_discs_without_a_level() -> None:
    table = list_meanings("totalspineseg")
    discs = [label for label in table if label >= 63]
    assert len(discs) == 24
    assert all(table[label].regions == (Region.DISC,) and table[label].level is None for label in discs)


def test_subregions_of_tptbox_get_one_region_each() -> None:
    table = list_meanings("tptbox")
    assert single_region(table[40]) is None
    assert single_region(table[41]) is Region.ARCH
    assert {single_region(table[label]) for label in range(42, 49)} < set(POSTERIOR_ELEMENTS)
    assert single_region(table[49]) is single_region(table[50]) is Region.BODY
    assert single_region(table[61]) is Region.CANAL
    assert single_region(table[60]) is Region.SPINAL_CORD


@pytest.mark.parametrize(
    ("name", "level", "region"),
    [
        ("L5", "L5", None),
        ("Lumbar vertebrae 5 (L5)", "L5", None),
        ("cervical_vertebrae_1", "C1", None),
        ("Vertebra T10", "T10", None),
        ("vertebra_L3_body", "L3", Region.BODY),
        ("L4-L5", None, Region.DISC),
        ("disc L5-S1", None, Region.DISC),
        ("IVD", None, Region.DISC),
        ("S1", SACRUM, Region.SACRUM),
        ("CSF", None, Region.THECAL_SAC),
        ("vertebral artery", None, Region.VERTEBRAL_ARTERY),
        ("left carotid artery", None, Region.CAROTID_ARTERY),
        ("internal_jugular_vein_left", None, Region.JUGULAR_VEIN),
        ("posterior elements", None, Region.ARCH),
        ("left superior articular process", None, Region.SUPERIOR_ARTICULAR_PROCESS),
        ("spinous_process", None, Region.SPINOUS_PROCESS),
        ("Spinal Canal", None, Region.CANAL),
        ("hip_right", None, Region.ILIUM),
    ],
)
def test_names_as_people_write_them(name: str, level: str | None, region: Region | None) -> None:
    meaning = meaning_of(name)
    assert meaning is not None
    assert (meaning.level, single_region(meaning)) == (level, region)


@pytest.mark.parametrize(
    "name",
    ["background", "tumor", "vertebral vein", "vertebral fracture", "T1 lesion", "C8", "bone marrow",
     "lung_vessels", "hip_implant", "T2 image"],
)  # fmt: skip
def test_names_that_are_no_structure_of_ours(name: str) -> None:
    assert meaning_of(name) is None


def test_zero_is_background_whatever_its_name() -> None:
    assert meanings_of({0: "vertebrae_L5", 1: "sacrum"}).keys() == {1}


def test_an_unknown_list_is_an_error_that_names_the_known() -> None:
    with pytest.raises(UsageError, match="totalspineseg"):
        list_meanings("nonsense")
