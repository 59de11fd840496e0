"""The names by which ``evaluate`` knows label lists: ours, and those that the adapters know."""

from __future__ import annotations

from collections.abc import Mapping

from procguide.anatomy.vocabularies import MEANINGS, Meaning, Vocabulary
from procguide.errors import UsageError
from procguide.segmentation.adapters.label_lists import LISTS, list_meanings

__all__ = ["VOCABULARIES", "meanings_in", "parse_vocabulary"]

_OURS = tuple(one.value for one in Vocabulary)
_LISTS = {name.replace("_", "-"): name for name in LISTS}

VOCABULARIES = (*_OURS, *(name for name in _LISTS if name not in _OURS))
"""Every name that :func:`meanings_in` takes."""


def parse_vocabulary(text: str) -> str:
    """One of :data:`VOCABULARIES`; ``TotalSegmentator_v1`` is ``totalsegmentator-v1``."""
    name = text.strip().lower().replace("_", "-")
    if name not in VOCABULARIES:
        raise UsageError(f"{text!r} is not a vocabulary of labels; use one of {', '.join(VOCABULARIES)}")
    return name


def meanings_in(vocabulary: str) -> Mapping[int, Meaning]:
    """Label to meaning."""
    name = parse_vocabulary(vocabulary)
    return MEANINGS[Vocabulary(name)] if name in _OURS else list_meanings(_LISTS[name])
