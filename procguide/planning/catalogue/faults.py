"""A document held against the schema: the entry, or all its faults with line and field."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from procguide.errors import UsageError
from procguide.planning.catalogue.document import Document
from procguide.planning.catalogue.numbers import Model, Place, dotted
from procguide.planning.catalogue.schema import EntryFaultError, Procedure

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["validated"]

_MOST_SAID = 8


def validated(document: Document) -> Procedure:
    """The entry; a ``UsageError`` lists what is wrong, each with its line and field."""
    try:
        return Procedure.model_validate(document.values)
    except ValidationError as error:
        faults = [_words(document, fault) for fault in error.errors()]
        more = f"; and {len(faults) - _MOST_SAID} more" if len(faults) > _MOST_SAID else ""
        raise UsageError(f"{document.name}, {'; '.join(faults[:_MOST_SAID])}{more}") from None


def _words(document: Document, fault: ErrorDetails) -> str:
    """``"line 12, needle.gauge: ..."``."""
    place: Place = tuple(part for part in fault["loc"] if part != "[key]")
    words = fault["msg"].removeprefix("Value error, ")
    cause = fault.get("ctx", {}).get("error")
    if isinstance(cause, EntryFaultError):
        place, words = cause.place, cause.words
    elif fault["type"] == "missing":
        words = "is missing"
    elif fault["type"] == "extra_forbidden":
        near = get_close_matches(str(place[-1]), _field_names(Model), n=1)
        words = f"is no field here; did you mean {near[0]}?" if near else "is no field here"
    return f"line {document.line(place)}, {dotted(place)}: {words}"


def _field_names(model: type[BaseModel]) -> list[str]:
    """Of the model and all that derive from it."""
    below = (name for derived in model.__subclasses__() for name in _field_names(derived))
    return sorted({*model.model_fields, *below})
