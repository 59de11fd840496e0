"""Every entry that ships, held against what all of them must do."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from procguide.planning import Mark, Procedure, load_catalogue
from procguide.planning.catalogue import Marked, Measurement, ViewName
from procguide.planning.catalogue.markdown import catalogue_to_markdown, procedure_to_markdown
from procguide.planning.catalogue.numbers import walk
from procguide.planning.names import Construction, StructureName
from procguide.planning.site import canonical_level
from procguide.planning.structures import BUILDERS
from procguide.planning.zones import CONSTRUCTIONS

ENTRIES = sorted(load_catalogue().values(), key=lambda entry: entry.id)
EPIDURAL = (Construction.INTERLAMINAR, Construction.SUBPEDICULAR, Construction.KAMBIN)
DEPTH_VIEWS = {ViewName.TRUE_LATERAL, ViewName.CONTRALATERAL_OBLIQUE, ViewName.ULTRASOUND_IN_PLANE}
ANGLES = {"oblique_deg", "tilt_deg"}

PROPOSED_MM = {
    "transforaminal_esi_subpedicular": {"nerve_root": 2, "dura": 3},
    "transforaminal_esi_kambin": {"nerve_root": 2, "dura": 3},
    "lumbar_medial_branch_block": {"foramen": 4, "nerve_root": 4},
    "lumbar_medial_branch_rfa": {"foramen": 5, "nerve_root": 5},
    "cervical_medial_branch_block": {"vertebral_artery": 4},
    "facet_joint_injection": {"foramen": 3, "dura": 3},
    "sacral_lateral_branch_rfa": {"sacral_foramen": 5},
    "lumbar_sympathetic_block": {"kidney": 5, "aorta": 5, "vena_cava": 5},
    "discography": {"nerve_root": 2, "dura": 5},
}
"""Margins that the clinical specification proposes."""

every = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)


@every
def test_the_numbers_that_its_zone_reads_are_there(entry: Procedure) -> None:
    zone = inspect.getmodule(CONSTRUCTIONS[entry.target.construction].sample)
    assert zone is not None
    read = re.findall(r'number\("(\w+)"\)', inspect.getsource(zone))
    assert set(read) <= set(entry.target.numbers)


def test_all_eighteen_ship() -> None:
    assert len(ENTRIES) == 18


def test_the_page_is_up_to_date() -> None:
    """After an edit: ``procguide procedures --markdown > docs/procedures.md``."""
    page = Path(__file__).parents[2] / "docs" / "procedures.md"
    assert page.read_text(encoding="utf-8").rstrip() == catalogue_to_markdown(load_catalogue()).rstrip()


def test_the_page_names_every_number_and_source() -> None:
    for entry in ENTRIES:
        section = procedure_to_markdown(entry)
        for name in entry.target.numbers:
            assert f"`{name}`" in section
        for words in entry.sources.values():
            assert words.replace("|", "\\|") in section, entry.id
        for rule in entry.structures:
            assert f"| {rule.name.replace('_', ' ')} |" in section


@every
def test_margins_are_proposals(entry: Procedure) -> None:
    """Published safety margins for needles hardly exist: none may pass for one."""
    for rule in entry.structures:
        assert rule.margin_mm.mark is Mark.ASSUMED, rule.name


@every
def test_a_margin_below_the_proposal_says_why(entry: Procedure) -> None:
    margins = {rule.name: rule.margin_mm for rule in entry.structures}
    for name, proposed in PROPOSED_MM.get(entry.id, {}).items():
        margin = margins[StructureName(name)]
        assert margin.value >= proposed or len(margin.note) > 40, (name, margin)


@every
def test_sources_are_given_and_used(entry: Procedure) -> None:
    marked = [(place, one) for place, one in walk(entry) if isinstance(one, Marked)]
    for place, one in marked:
        assert (one.mark is Mark.PUBLISHED) == (one.source is not None), place
    used = {getattr(one, "source", None) for _, one in walk(entry)}
    assert set(entry.sources) == used - {None}
    assert all(len(words) > 20 for words in entry.sources.values())


@every
def test_levels_are_read_as_they_are_written(entry: Procedure) -> None:
    assert [canonical_level(entry, level) for level in entry.level.allowed] == list(entry.level.allowed)


@every
def test_target_and_structures_can_be_built(entry: Procedure) -> None:
    assert entry.target.construction in CONSTRUCTIONS
    needed = [rule.name for rule in entry.structures if rule.needed]
    assert [name for name in needed if name not in BUILDERS] == []
    assert {StructureName.BONE, StructureName.OTHER_BONE} & set(needed) or entry.guidance == "ultrasound"


@every
def test_dura_or_cord_is_a_limit_wherever_it_can_be_met(entry: Procedure) -> None:
    names = {rule.name: rule for rule in entry.structures}
    if entry.target.construction in EPIDURAL:
        assert names[StructureName.DURA].needed
        assert not names[StructureName.DURA].harmless
    for rule in entry.structures:
        assert not rule.harmless or rule.name in (StructureName.BONE, StructureName.OTHER_BONE)


@every
def test_views_show_depth_and_say_what_to_look_for(entry: Procedure) -> None:
    assert {view.name for view in entry.views} & DEPTH_VIEWS
    assert all(len(view.look_for) > 10 for view in entry.views)
    ultrasound = any(view.name is ViewName.ULTRASOUND_IN_PLANE for view in entry.views)
    assert ultrasound == (entry.guidance == "ultrasound")


@every
def test_right_placement_can_be_told(entry: Procedure) -> None:
    assert entry.contrast is not None or entry.checks


@every
def test_weights_add_up(entry: Procedure) -> None:
    assert sum(entry.objectives.values()) == pytest.approx(1)


@every
def test_needles_reach(entry: Procedure) -> None:
    lengths = entry.needle.lengths_mm
    assert list(lengths) == sorted(lengths)
    assert max(lengths) - entry.needle.reserve_mm.value >= 30
    if entry.needle.active_tip_mm is not None and "active_tip_mm" in entry.target.numbers:
        assert entry.needle.active_tip_mm == entry.target.numbers["active_tip_mm"]


@every
def test_what_was_measured_in_people_is_allowed(entry: Procedure) -> None:
    """A limit that shuts out a published mean could never be agreed with."""
    for one in entry.measured:
        for level in one.levels or entry.level.allowed:
            approach = entry.entry.approach(level, sided=one.side is not None or entry.side == "required")
            limit = {
                "oblique_deg": approach.oblique_deg,
                "tilt_deg": approach.tilt_deg,
                "lateral_mm": approach.lateral_mm,
                "depth_mm": None,
            }[one.quantity]
            if limit is not None:
                assert limit.low <= middle(one) <= limit.high, (one.quantity, level)
            if one.quantity == "depth_mm":
                assert middle(one) <= max(entry.needle.lengths_mm) - entry.needle.reserve_mm.value


def middle(one: Measurement) -> float:
    if one.mean is not None:
        return one.mean
    assert one.low is not None
    assert one.high is not None
    return (one.low + one.high) / 2


@every
def test_an_entry_at_a_level_holds_only_what_goes_with_it(entry: Procedure) -> None:
    for level in entry.level.allowed:
        here = entry.at(level)
        assert here.at(level) == here
        for place, one in walk(here):
            assert not getattr(one, "levels", ()) or level in getattr(one, "levels", ()), place
        assert [rule.name for rule in here.structures if rule.needed] == [
            rule.name
            for rule in entry.structures
            if rule.needed and (not rule.levels or level in rule.levels)
        ]
