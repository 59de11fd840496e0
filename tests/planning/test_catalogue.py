from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from procguide.errors import UsageError
from procguide.planning import Mark, load_catalogue, read_procedure
from procguide.planning.catalogue import OUTER_DIAMETER_MM
from procguide.planning.site import canonical_level

IDS = {"transforaminal_esi_subpedicular", "lumbar_medial_branch_block", "lumbar_interlaminar_esi"}


ONE = {"value": 1, "mark": "assumed"}
UNSURE = {"tip_sd_mm": ONE, "angle_sd_deg": ONE, "registration_sd_mm": ONE}


def edited(tmp_path: Path, **changes: object) -> Path:
    entry = load_catalogue()["lumbar_interlaminar_esi"].model_dump(mode="json") | changes
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(entry))
    return path


def test_the_catalogue_holds_the_first_three() -> None:
    assert set(load_catalogue()) >= IDS


@pytest.mark.parametrize("name", sorted(IDS))
def test_every_number_says_where_it_comes_from(name: str) -> None:
    procedure = load_catalogue()[name]
    for rule in procedure.structures:
        assert rule.margin_mm.mark is Mark.ASSUMED  # published margins hardly exist (PROCEDURES.md)
    assert procedure.contrast.right
    assert procedure.contrast.wrong
    assert all(procedure.sources.values())


def test_an_entry_survives_a_round_trip(tmp_path: Path) -> None:
    assert read_procedure(edited(tmp_path)) == load_catalogue()["lumbar_interlaminar_esi"]


def test_entries_are_frozen() -> None:
    procedure = load_catalogue()["lumbar_interlaminar_esi"]
    with pytest.raises(ValidationError, match="frozen"):
        procedure.title = "mine"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, "colour"),
        (
            {"needle": {"gauge": 40, "lengths_mm": [90], "reserve_mm": {"value": 1, "mark": "assumed"}}},
            "gauge 40",
        ),
        ({"uncertainty": UNSURE | {"tip_sd_mm": {"value": 2}}}, "uncertainty.tip_sd_mm.mark"),
        ({"uncertainty": UNSURE | {"tip_sd_mm": {"value": 2, "mark": "published"}}}, "names its source"),
        (
            {"uncertainty": UNSURE | {"tip_sd_mm": {"value": 2, "mark": "published", "source": "nobody"}}},
            "'nobody' is not listed",
        ),
        ({"side": "both"}, "side"),
    ],
)
def test_a_faulty_entry_names_file_and_field(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        read_procedure(edited(tmp_path, **changes))
    assert "mine.yaml" in str(caught.value)


def test_what_is_not_yaml_is_said(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("id: [")
    with pytest.raises(UsageError, match=r"broken\.yaml is not YAML"):
        read_procedure(path)


def test_thinner_needles_have_higher_gauges() -> None:
    diameters = [OUTER_DIAMETER_MM[gauge] for gauge in sorted(OUTER_DIAMETER_MM)]
    assert diameters == sorted(diameters, reverse=True)


@pytest.mark.parametrize(
    ("name", "given", "canonical"),
    [
        ("transforaminal_esi_subpedicular", "l4/5", "L4-L5"),
        ("transforaminal_esi_subpedicular", "L5-S1", "L5-S1"),
        ("lumbar_medial_branch_block", "l3", "L3"),
    ],
)
def test_levels_are_read_as_people_write_them(name: str, given: str, canonical: str) -> None:
    assert canonical_level(load_catalogue()[name], given) == canonical


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("transforaminal_esi_subpedicular", "L4", "L5-S1"),
        ("transforaminal_esi_subpedicular", "T11-T12", "is not done at T11-T12"),
        ("lumbar_medial_branch_block", "L4-L5", "L3 is blocked at the L4 transverse process"),
        ("lumbar_medial_branch_block", "C5", "is not done at C5"),
    ],
)
def test_a_wrong_level_lists_what_is_allowed(name: str, given: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        canonical_level(load_catalogue()[name], given)
