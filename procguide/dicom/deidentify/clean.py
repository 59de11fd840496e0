"""The header: every element of a dataset by the profile, in sequences too."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from pydicom.datadict import dictionary_has_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from procguide.dicom.deidentify.dates import shift_date, shift_date_time
from procguide.dicom.deidentify.identity import DEEPEST, is_registered, text_values
from procguide.dicom.deidentify.pseudonyms import Pseudonyms
from procguide.dicom.deidentify.settings import Dates, Settings
from procguide.dicom.deidentify.table import Action, Profile, put_dummy

__all__ = ["Rules", "clean"]

_FREE_TEXT = frozenset({"LO", "LT", "SH", "ST", "UC", "UT"})
_NOT_LISTED_REMOVED = frozenset({"AE", "PN", "UN", "UR"})


@dataclass(frozen=True)
class Rules:
    """What is done to one patient's datasets, and how often it was done: ``tally`` is counted up.

    ``patient`` is the pseudonym, ``days`` how far dates move, and ``named`` finds words that name the
    patient in free text.
    """

    profile: Profile
    settings: Settings
    pseudonyms: Pseudonyms
    patient: str
    days: int
    named: re.Pattern[str] | None = None
    tally: Counter[str] = field(default_factory=Counter)


def clean(dataset: Dataset, rules: Rules, depth: int = 0) -> None:
    """Apply PS3.15 E.1.1 to ``dataset`` in place; what cannot be read, or lies too deep, is removed."""
    private = _private_kept(dataset, rules.settings)
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
        except Exception:  # pydicom raises almost anything on damaged values
            _remove(dataset, tag, rules, "unreadable elements removed")
            continue
        if tag.is_private:
            if tag not in private:
                _remove(dataset, tag, rules, "private elements removed")
        elif tag.element == 0 or not (dictionary_has_tag(tag) or rules.profile.action(tag)):
            _remove(dataset, tag, rules, "unknown elements removed")
        elif element.keyword not in rules.settings.keep:
            _apply(dataset, element, rules, depth)


def _private_kept(dataset: Dataset, settings: Settings) -> set[BaseTag]:
    """The listed private elements that are here, with the creators of their blocks (PS3.5 7.8.1)."""
    wanted = {(one.creator, one.group, one.element) for one in settings.private}
    kept: set[BaseTag] = set()
    for tag in list(dataset.keys()) if wanted else ():
        if not tag.is_private or tag.element < 0x1000:
            continue
        creator = BaseTag(tag.group << 16 | tag.element >> 8)
        name = str(dataset[creator].value).strip() if creator in dataset else ""
        if (name, tag.group, tag.element & 0xFF) in wanted and dataset[tag].VR not in ("SQ", "UN"):
            kept |= {tag, creator}
    return kept


def _apply(dataset: Dataset, element: DataElement, rules: Rules, depth: int) -> None:
    action = rules.profile.action(element.tag)
    if element.VR == "SQ":
        _apply_to_sequence(dataset, element, action, rules, depth)
    elif element.VR in ("DA", "DT", "TM") and _is_shifted(element, rules):
        _shift(element, rules)
    elif element.VR == "UI":
        _replace_uids(dataset, element, action, rules)
    elif action is None:
        _apply_to_unlisted(dataset, element, rules)
    else:
        _CHANGES[action](dataset, element, rules)


def _apply_to_sequence(
    dataset: Dataset, element: DataElement, action: Action | None, rules: Rules, depth: int
) -> None:
    """Listed sequences go or are emptied, whatever is in them; others are cleaned item by item."""
    if action in (Action.REMOVE, Action.DUMMY) or depth >= DEEPEST:
        _remove(dataset, element.tag, rules)
    elif action is Action.EMPTY:
        _empty(dataset, element, rules)
    else:
        for item in element.value:
            clean(item, rules, depth + 1)


def _is_shifted(element: DataElement, rules: Rules) -> bool:
    return rules.settings.dates is Dates.SHIFT and "Birth" not in element.keyword


def _shift(element: DataElement, rules: Rules) -> None:
    """Dates move by whole days; times of day stay with them."""
    if element.VR == "TM":
        return
    move = shift_date if element.VR == "DA" else shift_date_time
    values = [move(value, rules.days) for value in text_values(element)]
    element.value = values[0] if len(values) == 1 else values
    rules.tally["dates moved"] += 1


def _replace_uids(dataset: Dataset, element: DataElement, action: Action | None, rules: Rules) -> None:
    """New UIDs for all that the standard itself does not define: more than the table asks for."""
    if action is Action.REMOVE:
        _remove(dataset, element.tag, rules)
        return
    values = [
        value if not value or is_registered(value) else rules.pseudonyms.uid(value)
        for value in text_values(element)
    ]
    if values != list(text_values(element)):
        element.value = values[0] if len(values) == 1 else values
        rules.tally["UIDs replaced"] += 1


def _apply_to_unlisted(dataset: Dataset, element: DataElement, rules: Rules) -> None:
    """What the table lets stay: dates and persons it does not know of go, named patients are cut out."""
    if element.VR in _NOT_LISTED_REMOVED or element.VR in ("DA", "DT"):
        _remove(dataset, element.tag, rules)
    elif element.VR in _FREE_TEXT and _names_the_patient(element, rules):
        put_dummy(element)  # a code's meaning may not be empty
        rules.tally["texts with a name replaced"] += 1


def _names_the_patient(element: DataElement, rules: Rules) -> bool:
    return rules.named is not None and any(rules.named.search(value) for value in text_values(element))


def _remove(dataset: Dataset, tag: BaseTag, rules: Rules, what: str = "elements removed") -> None:
    del dataset[tag]
    rules.tally[what] += 1


def _empty(_dataset: Dataset, element: DataElement, rules: Rules) -> None:
    element.value = [] if element.VR == "SQ" else b"" if element.VR in ("OB", "OW", "UN") else None
    rules.tally["elements emptied"] += 1


def _replace(dataset: Dataset, element: DataElement, rules: Rules) -> None:
    """A dummy value, where there was one."""
    if element.is_empty:
        return
    if put_dummy(element):
        rules.tally["elements given a dummy"] += 1
    else:
        _remove(dataset, element.tag, rules)


_CHANGES: dict[Action, Callable[[Dataset, DataElement, Rules], None]] = {
    Action.REMOVE: lambda dataset, element, rules: _remove(dataset, element.tag, rules),
    Action.EMPTY: _empty,
    Action.DUMMY: _replace,
    Action.NEW_UID: _replace,
    Action.REFERENCES: _empty,
}
