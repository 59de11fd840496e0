from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from procguide.dicom.deidentify import Pseudonyms, Settings, read_key, read_settings
from procguide.dicom.deidentify.dates import shift_date, shift_date_time
from procguide.dicom.deidentify.identity import pattern_of
from procguide.dicom.deidentify.table import Action, basic_profile
from procguide.errors import UsageError


@pytest.mark.parametrize(
    ("value", "days", "moved"),
    [
        ("20240310", -10, "20240229"),
        ("2024.03.10", -10, "20240229"),
        ("20240310", -366, "20230310"),
        ("", -10, ""),
        ("20241399", -10, ""),
        ("yesterday", -10, ""),
        ("00010101", -10, ""),
    ],
)
def test_dates(value: str, days: int, moved: str) -> None:
    assert shift_date(value, days) == moved


@pytest.mark.parametrize(
    ("value", "moved"),
    [
        ("20240310101500.123456+0100", "20240229101500.123456+0100"),
        ("20240310", "20240229"),
        ("202403", "202402"),
        ("2024", "2023"),
        ("Quixote", ""),
    ],
)
def test_date_times_stay_as_exact_as_they_were(value: str, moved: str) -> None:
    assert shift_date_time(value, -10) == moved


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 4000), st.text(max_size=20))
def test_intervals_stay(first: date, gap: int, identity: str) -> None:
    days = Pseudonyms(b"k" * 32).days(identity)
    assert -3651 < days <= -366
    moved = [shift_date(f"{day:%Y%m%d}", days) for day in (first, first + timedelta(days=gap))]
    assert date.fromisoformat(moved[1]) - date.fromisoformat(moved[0]) == timedelta(days=gap)


@given(st.text(max_size=64))
def test_uids_are_valid_and_differ_by_key(old: str) -> None:
    new = Pseudonyms(b"k" * 32).uid(old)
    assert UID(new).is_valid
    assert new.startswith("2.25.")
    assert new != Pseudonyms(b"o" * 32).uid(old)


def test_the_key_is_not_shown(tmp_path: Path) -> None:
    pseudonyms = read_key(tmp_path / "key")
    assert pseudonyms == read_key(tmp_path / "key")
    assert (tmp_path / "key").read_text().strip() not in repr(pseudonyms)
    assert pseudonyms.key.hex() not in repr(pseudonyms)
    assert Pseudonyms.once() != Pseudonyms.once()


def test_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("abc")
    with pytest.raises(UsageError, match="64 hexadecimal"):
        read_key(tmp_path / "key")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("seen by Lee", True),
        ("sleeping", False),
        ("LEE", True),
        ("of QUIXOTE's", True),
        ("Donquixoteria", True),
        ("spine", False),
    ],
)
def test_short_names_stand_alone_and_long_ones_anywhere(text: str, found: bool) -> None:
    pattern = pattern_of({"lee", "quixote"})
    assert pattern is not None
    assert bool(pattern.search(text)) is found


@pytest.mark.parametrize(
    ("tag", "action"),
    [
        (0x00100010, Action.EMPTY),  # Patient's Name
        (0x00100040, Action.EMPTY),  # Patient's Sex
        (0x00101010, Action.REMOVE),  # Patient's Age
        (0x0020000D, Action.NEW_UID),  # Study Instance UID
        (0x00081030, Action.REMOVE),  # Study Description
        (0x60023000, Action.REMOVE),  # Overlay Data, second group
        (0x50041234, Action.REMOVE),  # a curve
        (0x00280010, None),  # Rows
    ],
)
def test_the_table_of_the_standard(tag: int, action: Action | None) -> None:
    assert basic_profile().action(tag) is action


def test_an_empty_file_gives_the_settings_that_stand_there_unsaid(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("# nothing\n")
    assert read_settings(tmp_path / "settings.yaml") == Settings()
