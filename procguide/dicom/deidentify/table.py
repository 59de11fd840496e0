"""PS3.15 Table E.1-1 as dicom-anonymizer keeps it: what the Basic Profile does with each attribute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from procguide.errors import MissingPartError

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement

__all__ = ["EDITION", "Action", "Profile", "basic_profile", "put_dummy"]

EDITION = "2026c"
"""Of the DICOM standard, whose table is applied."""

_INSTALL = "de-identification needs the tables of dicom-anonymizer: pip install 'procguide[deidentify]'"


class Action(StrEnum):
    """The action codes of PS3.15 Table E.1-1a, with the combined ones resolved.

    A combined code leaves the choice to the object's definition: where emptying is allowed by it, the
    element is emptied, and where a value may be required, a dummy stands there. Both protect alike.
    """

    REMOVE = "X"
    EMPTY = "Z"
    DUMMY = "D"
    NEW_UID = "U"
    REFERENCES = "U*"


@dataclass(frozen=True)
class Profile:
    """Actions by tag, and by mask for repeating groups: (group, element, group mask, element mask)."""

    actions: Mapping[int, Action]
    repeating: tuple[tuple[tuple[int, int, int, int], Action], ...]

    def action(self, tag: int) -> Action | None:
        """What happens to ``tag``, or None where the table does not name it."""
        found = self.actions.get(tag)
        if found is not None:
            return found
        for (group, element, group_mask, element_mask), action in self.repeating:
            if (tag >> 16) & group_mask == group and tag & 0xFFFF & element_mask == element:
                return action
        return None


_CATEGORIES = {
    "D_TAGS": Action.DUMMY,
    "Z_TAGS": Action.EMPTY,
    "X_TAGS": Action.REMOVE,
    "U_TAGS": Action.NEW_UID,
    "Z_D_TAGS": Action.DUMMY,
    "X_Z_TAGS": Action.EMPTY,
    "X_D_TAGS": Action.DUMMY,
    "X_Z_D_TAGS": Action.DUMMY,
    "X_Z_U_STAR_TAGS": Action.REFERENCES,
}


@cache
def basic_profile() -> Profile:
    """The Basic Application Level Confidentiality Profile of :data:`EDITION`."""
    try:
        from dicomanonymizer.dicomfields_selector import dicom_anonymization_database_selector
    except ImportError as error:
        raise MissingPartError(_INSTALL) from error
    try:
        table = dicom_anonymization_database_selector(f"dicomfields_{EDITION}")
    except ValueError as error:
        raise MissingPartError(f"{_INSTALL}, version 2.1 or newer") from error
    actions: dict[int, Action] = {}
    repeating = []
    for category, action in _CATEGORIES.items():
        for tag in table[category]:
            if len(tag) == 2:
                actions[tag[0] << 16 | tag[1]] = action
            else:
                repeating.append((tuple(tag), action))
    return Profile(actions, tuple(repeating))


def put_dummy(element: DataElement) -> bool:
    """Give ``element`` the library's dummy of its value representation; False where there is none."""
    from dicomanonymizer.simpledicomanonymizer import replace_element

    try:
        replace_element(element)
    except NotImplementedError:
        return False
    return True
