"""Dates moved by whole days, in the forms that PS3.5 6.2 allows."""

from __future__ import annotations

import re
from datetime import date, timedelta

__all__ = ["shift_date", "shift_date_time"]

_DATE = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})")
_DATE_TIME = re.compile(r"(\d{4})(\d{2})?(\d{2})?([\d.]*(?:[+-]\d{4})?)")


def shift_date(value: str, days: int) -> str:
    """A DA value ``days`` later; empty where it is no date."""
    found = _DATE.fullmatch(value.strip())
    if found is None:
        return ""
    moved = _moved(*(int(part) for part in found.groups()), days=days)
    return _digits(moved) if moved else ""


def shift_date_time(value: str, days: int) -> str:
    """A DT value ``days`` later, as exact as it was: a year alone stays a year alone."""
    found = _DATE_TIME.fullmatch(value.strip())
    if found is None:
        return ""
    year, month, day, rest = found.groups()
    moved = _moved(int(year), int(month or 1), int(day or 1), days=days)
    if moved is None:
        return ""
    known = 4 + 2 * (month is not None) + 2 * (day is not None)
    return _digits(moved)[:known] + rest


def _moved(year: int, month: int, day: int, *, days: int) -> date | None:
    try:
        return date(year, month, day) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None


def _digits(day: date) -> str:
    return f"{day.year:04d}{day.month:02d}{day.day:02d}"
