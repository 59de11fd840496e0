"""Published lists of labels, and what they mean here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import yaml

from procguide.anatomy.vocabularies import MEANINGS, Meaning, Vocabulary
from procguide.errors import UsageError
from procguide.segmentation.adapters.meanings import meanings_of

__all__ = ["LISTS", "list_meanings", "published_names"]

_VOCABULARIES = {
    "verse": Vocabulary.VERSE,
    "tptbox": Vocabulary.TPTBOX,
    "tptbox_instances": Vocabulary.TPTBOX_INSTANCES,
    "procguide_regions": Vocabulary.REGIONS,
}


@lru_cache(maxsize=1)
def _lists() -> Mapping[str, Any]:
    text = (resources.files("procguide.segmentation.adapters") / "label_lists.yaml").read_text("utf-8")
    return MappingProxyType(yaml.safe_load(text))


LISTS = (*_VOCABULARIES, *_lists())
"""Names of the lists, as a mapping file may say them."""


def published_names(name: str) -> dict[int, str]:
    """Label to name, as the authors publish them."""
    labels = _lists()[name]["labels"]
    return dict(labels) if isinstance(labels, dict) else dict(enumerate(labels, start=1))


def list_meanings(name: str) -> Mapping[int, Meaning]:
    """Label to meaning of one of :data:`LISTS`."""
    if name in _VOCABULARIES:
        return MEANINGS[_VOCABULARIES[name]]
    if name not in _lists():
        raise UsageError(f"{name!r} is not a list of labels; use one of {', '.join(LISTS)}")
    return meanings_of(published_names(name))
