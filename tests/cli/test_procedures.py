from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Invoke

TRANSFORAMINAL = "transforaminal_esi_subpedicular"


def test_the_list_is_the_catalogue(invoke: Invoke) -> None:
    from procguide.planning import load_catalogue

    document = json.loads(invoke("procedures", "--json").out)
    assert [entry["id"] for entry in document["procedures"]] == list(load_catalogue())


def test_the_table_names_each(invoke: Invoke) -> None:
    answer = invoke("procedures")
    assert answer.code == 0
    assert TRANSFORAMINAL in answer.out
    assert "research" in answer.out


def test_one_entry_with_its_sources(invoke: Invoke) -> None:
    answer = invoke("procedures", TRANSFORAMINAL)
    assert "sources:" in answer.out
    assert "margin_mm:" in answer.out
    document = json.loads(invoke("procedures", TRANSFORAMINAL, "--json").out)
    assert document["id"] == TRANSFORAMINAL
    assert document["sources"]


def test_an_unknown_entry_is_2(invoke: Invoke) -> None:
    answer = invoke("procedures", "transforaminal")
    assert answer.code == 2
    assert f"did you mean transforaminal_esi_kambin or {TRANSFORAMINAL}?" in answer.err


def test_ones_own_entries_are_listed_as_such(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"extends: {TRANSFORAMINAL}\nid: mine\ntitle: As we do it\n")
    document = json.loads(invoke("procedures", "--json", "--catalogue", str(mine)).out)
    assert {entry["id"] for entry in document["procedures"] if not entry["shipped"]} == {"mine"}
    monkeypatch.setenv("PROCGUIDE_CATALOGUE", str(tmp_path))
    assert "As we do it (your own)" in invoke("procedures").out
    assert "As we do it" in invoke("procedures", "mine").out


def test_a_faulty_entry_of_ones_own_is_2_with_its_line(invoke: Invoke, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"extends: {TRANSFORAMINAL}\nid: mine\nside: both\n")
    answer = invoke("procedures", "--catalogue", str(tmp_path))
    assert answer.code == 2
    assert "mine.yaml, line 3, side:" in answer.err


def test_the_page_and_one_section_of_it(invoke: Invoke) -> None:
    page = invoke("procedures", "--markdown").out
    assert page.startswith("# Procedures")
    section = invoke("procedures", TRANSFORAMINAL, "--markdown").out
    assert section.strip() in page
    assert invoke("procedures", "--markdown", "--json").code == 2
