from __future__ import annotations

import json

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
    assert f"did you mean {TRANSFORAMINAL}" in answer.err
