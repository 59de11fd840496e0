from __future__ import annotations

import time
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from procguide.errors import UsageError
from procguide.planning import Mark, load_catalogue, read_procedure
from procguide.planning.catalogue import is_shipped
from procguide.planning.catalogue.document import LARGEST_BYTES, read_document
from procguide.planning.catalogue.faults import validated
from procguide.planning.names import StructureName

INTERLAMINAR = "lumbar_interlaminar_esi"
TRANSFORAMINAL = "transforaminal_esi_subpedicular"
EXTENDED = f"extends: {INTERLAMINAR}\nid: mine\n"


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def whole(**changes: object) -> str:
    entry = load_catalogue()[INTERLAMINAR].model_dump(mode="json") | changes
    return yaml.safe_dump(entry, sort_keys=False)


def test_an_entry_of_ones_own_is_added(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.yaml", whole(id="mine", title="My own"))
    entries = load_catalogue(path)
    assert entries["mine"].title == "My own"
    assert set(entries) == {*load_catalogue(), "mine"}
    assert "mine" not in load_catalogue()


def test_an_entry_takes_the_place_of_one_that_ships(tmp_path: Path) -> None:
    written(tmp_path / "changed.yml", f"extends: {INTERLAMINAR}\nid: {INTERLAMINAR}\ntitle: Ours\n")
    entries = load_catalogue(tmp_path)
    assert entries[INTERLAMINAR].title == "Ours"
    assert not is_shipped(entries[INTERLAMINAR])
    assert is_shipped(load_catalogue()[INTERLAMINAR])
    assert entries[INTERLAMINAR].fingerprint != load_catalogue()[INTERLAMINAR].fingerprint


def test_what_extends_an_entry_holds_only_what_differs(tmp_path: Path) -> None:
    text = f"""\
extends: {INTERLAMINAR}
id: wide_berth
entry: {{with_side: null}}
side: none
structures:
  - {{name: dura, margin_mm: {{value: 2.5, mark: assumed}}}}
  - {{name: lung, margin_mm: {{value: 5, mark: assumed}}}}
"""
    base = load_catalogue()[INTERLAMINAR]
    mine = read_procedure(written(tmp_path / "mine.yaml", text))
    rules = {rule.name: rule for rule in mine.structures}
    assert list(rules)[:-1] == [rule.name for rule in base.structures]
    assert rules[StructureName.DURA].margin_mm.value == 2.5
    assert rules[StructureName.DURA].margin_mm.note == ""
    assert rules[StructureName.DURA].needed
    assert rules[StructureName.LUNG].margin_mm.value == 5
    assert mine.entry.with_side is None
    assert mine.target == base.target


def test_a_changed_number_keeps_no_mark_of_the_old_one(tmp_path: Path) -> None:
    text = f"extends: {TRANSFORAMINAL}\nid: mine\nentry:\n  oblique_deg: {{low: 1, high: 4, preferred: 3}}\n"
    with pytest.raises(UsageError, match=r"mine\.yaml, line 4, entry\.oblique_deg\.mark: is missing"):
        read_procedure(written(tmp_path / "mine.yaml", text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("extends: nothing\nid: mine\n", r"line 1, extends: there is no procedure 'nothing'"),
        (f"id: mine\nextends: {INTERLAMINAR}\nside: both\n", r"line 3, side: .*'required'"),
        (
            f"{EXTENDED}uncertainty:\n  tip_sd_mm: {{value: 2}}\n",
            r"line 4, uncertainty\.tip_sd_mm\.mark: is missing",
        ),
        (
            f"{EXTENDED}viws: []\n",
            r"line 3, viws: is no field here; did you mean views",
        ),
        (
            f"{EXTENDED}cautions:\n  - levels: [L3-L4]\n    words: x\n    source: nobody\n",
            r"line 6, cautions\.0\.source: source 'nobody' is not listed",
        ),
        (
            f"{EXTENDED}cautions:\n\n  - levels: [C3]\n    words: x\n",
            r"line 5, cautions\.0\.levels: 'C3' is not one of the levels L1-L2",
        ),
        (
            f"{EXTENDED}structures:\n  - {{name: bone}}\n  - {{name: spleen, margin_mm: {{}}}}\n",
            r"line 5, structures\.3\.name: .*'bone'",
        ),
        (
            f"{EXTENDED}target:\n  numbers:\n    past_lin_low_mm: {{value: 1, mark: assumed}}\n",
            r"line 5, target\.numbers\.past_lin_low_mm: is no number of interlaminar; did you mean past_",
        ),
        (
            f"{EXTENDED}target:\n  numbers:\n    past_line_low_mm: null\n",
            r"line 4, target\.numbers: interlaminar needs past_line_low_mm too",
        ),
        (
            f"{EXTENDED}uncertainty:\n  tip_sd_mm: {{value: .inf, mark: assumed}}\n",
            r"line 4, uncertainty\.tip_sd_mm\.value",
        ),
        (
            f"{EXTENDED}uncertainty:\n  tip_sd_mm: {{value: true, mark: assumed}}\n",
            r"line 4, uncertainty\.tip_sd_mm\.value",
        ),
    ],
)
def test_a_fault_names_line_and_field(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        load_catalogue(written(tmp_path / "mine.yaml", text))
    assert str(caught.value).startswith("mine.yaml, line")


def test_every_fault_is_said_at_once(tmp_path: Path) -> None:
    text = f"extends: {INTERLAMINAR}\nid: Mine\nside: both\nposition: standing\n"
    with pytest.raises(UsageError, match="line 2, id:") as caught:
        read_procedure(written(tmp_path / "mine.yaml", text))
    assert "line 3, side:" in str(caught.value)
    assert "line 4, position:" in str(caught.value)


def test_an_id_stands_in_one_file_only(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        written(tmp_path / name, whole(id="mine"))
    with pytest.raises(UsageError, match=r"b\.yaml: id 'mine' stands in a\.yaml too"):
        load_catalogue(tmp_path)


def test_a_folder_without_entries_and_a_missing_file_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no \.yaml file"):
        load_catalogue(tmp_path)
    with pytest.raises(UsageError, match="is not a file"):
        load_catalogue(tmp_path / "none.yaml")


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (LAUGHS, "too much, once aliases are written out"),
        ("a: &a [*a]\n", "too much|recursive|deep"),
        ("[" * 50_000, "nested too deeply"),
        ("a: {b: 1, b: 2}\n", r"line 1: 'b' stands there twice"),
        ("? [1, 2]\n: 3\n", "a field's name must be a word"),
        ("a: !!python/object/apply:os.system ['true']\n", r"line 1: .*python"),
        ("a: !!timestamp 2020-99-99\n", "not YAML"),
        ("", "line 1: the file is empty"),
        ("- 1\n---\n- 2\n", "line 2"),
        ("a: [1\nb: 2\n", "line 2"),
        ("just words", "entry: "),
        ("a: \x00", "not YAML"),
        ("9" * 200_000, "entry: "),
    ],
)
def test_hostile_files_end_in_a_sentence(tmp_path: Path, content: str, words: str) -> None:
    start = time.perf_counter()
    with pytest.raises(UsageError, match=words):
        read_procedure(written(tmp_path / "mine.yaml", content))
    assert time.perf_counter() - start < 20


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damaged_file_is_a_crash(data: st.DataObject) -> None:
    text = (files("procguide.planning") / "procedures" / f"{INTERLAMINAR}.yaml").read_text(encoding="utf-8")
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 200, len(text))))
    new = data.draw(
        st.text(max_size=12) | st.sampled_from(["{", "- ", "&a", "*a", "!!set", ": ", "\t", "\n"])
    )
    with suppress(UsageError):
        validated(read_document(text[:start] + new + text[end:], "x"))


def test_what_is_no_text_or_too_much_of_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"id: mine\ntitle: \xff\xfe\n")
    with pytest.raises(UsageError, match=r"line 2: not UTF-8"):
        read_procedure(path)
    path.write_bytes(b"#" * (LARGEST_BYTES + 1))
    with pytest.raises(UsageError, match="larger than 256 KB"):
        read_procedure(path)


def test_words_stay_words_and_numbers_numbers() -> None:
    values = read_document("a: no\nb: 1:30\nc: 2020-01-02\nd: 010\ne: 1e3\nf: -2.5\ng: 7\nh: ~\n", "x").values
    assert values == {
        "a": "no",
        "b": "1:30",
        "c": "2020-01-02",
        "d": "010",
        "e": 1000.0,
        "f": -2.5,
        "g": 7,
        "h": None,
    }


def test_lines_are_those_of_the_fields() -> None:
    document = read_document("a:\n  b: 1\n  c:\n    - d\n    - e: 2\n", "x")
    assert document.line(("a", "b")) == 2
    assert document.line(("a", "c", 1, "e")) == 5
    assert document.line(("a", "c", 7)) == 3
    assert document.line(("z",)) == 1


def test_marks_survive_a_user_file(tmp_path: Path) -> None:
    mine = read_procedure(written(tmp_path / "mine.yaml", whole(id="mine")))
    assert mine.structures[0].margin_mm.mark is Mark.ASSUMED
