"""The entries that ship, and those of a user who adds some or changes them."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from procguide.errors import UsageError
from procguide.planning.catalogue.document import Document, read_document, read_text
from procguide.planning.catalogue.faults import validated
from procguide.planning.catalogue.numbers import Place, dotted
from procguide.planning.catalogue.schema import Procedure

__all__ = ["is_shipped", "load_catalogue", "read_procedure"]

_SUFFIXES = (".yaml", ".yml")


def load_catalogue(user: Path | None = None) -> Mapping[str, Procedure]:
    """All entries by id: those that ship, and the ``user``'s, which add to them or take their place.

    ``user`` is a file with one entry or a folder of such files. An entry may start from one that ships
    (``extends: ID``) and hold only what differs; see :func:`read_procedure`.
    """
    if user is None:
        return _shipped()
    entries = dict(_shipped())
    origins: dict[str, Path] = {}
    for path in _files(user):
        procedure = read_procedure(path)
        if procedure.id in origins:
            raise UsageError(f"{path.name}: id {procedure.id!r} stands in {origins[procedure.id].name} too")
        origins[procedure.id] = path
        entries[procedure.id] = procedure
    return MappingProxyType(entries)


def is_shipped(procedure: Procedure) -> bool:
    """Whether the entry stands in the catalogue as it ships."""
    return _shipped().get(procedure.id) == procedure


def read_procedure(path: Path) -> Procedure:
    """One entry from a YAML file; an error names the file and, for each fault, line and field.

    With ``extends: ID`` it starts from that entry: mappings are merged, structures by their name, and
    ``null`` removes a field. Numbers with a mark are replaced whole, so that none keeps the mark of
    another; so are lists.
    """
    document = read_document(read_text(path), path.name)
    values = document.values
    if isinstance(values, Mapping) and "extends" in values:
        document = _extended(document, _base(document))
    procedure = validated(document)
    _check_numbers(document, procedure)
    return procedure


def _check_numbers(document: Document, procedure: Procedure) -> None:
    """The target's numbers must be those of its construction, as the entries that ship have them.

    A number that is misspelt would otherwise be left out in silence.
    """
    target = procedure.target
    kin = [set(e.target.numbers) for e in _shipped().values() if e.target.construction is target.construction]
    if not kin:
        return
    for name in target.numbers:
        if name not in set.union(*kin):
            near = get_close_matches(name, set.union(*kin), n=1)
            words = f"is no number of {target.construction}" + (f"; did you mean {near[0]}?" if near else "")
            raise UsageError(_fault(document, ("target", "numbers", name), words))
    missing = sorted(set.intersection(*kin) - set(target.numbers))
    if missing:
        words = f"{target.construction} needs {', '.join(missing)} too"
        raise UsageError(_fault(document, ("target", "numbers"), words))


def _fault(document: Document, place: Place, words: str) -> str:
    return f"{document.name}, line {document.line(place)}, {dotted(place)}: {words}"


def _extended(document: Document, base: Any) -> Document:
    """``document`` on top of ``base``; what the merge moves keeps its line."""
    given = {name: value for name, value in document.values.items() if name != "extends"}
    merged = _merged(base, given)
    moved = _moved(given.get("structures"), merged.get("structures"))
    lines = {_place_after(place, moved): line for place, line in document.lines.items()}
    return Document(document.name, merged, lines)


def _moved(given: Any, merged: Any) -> dict[int | str, int]:
    """From each given rule's position to its position after the merge, by its name."""
    if not isinstance(given, list) or not all(isinstance(rule, Mapping) for rule in (*given, *merged)):
        return {}
    names = [rule.get("name") for rule in merged]
    return {n: names.index(rule.get("name")) for n, rule in enumerate(given)}


def _place_after(place: Place, moved: Mapping[int | str, int]) -> Place:
    if len(place) < 2 or place[0] != "structures" or place[1] not in moved:
        return place
    return ("structures", moved[place[1]], *place[2:])


def _files(user: Path) -> list[Path]:
    if not user.is_dir():
        return [user]
    found = sorted(path for path in user.iterdir() if path.suffix in _SUFFIXES and path.is_file())
    if not found:
        raise UsageError(f"the catalogue {user} holds no .yaml file")
    return found


def _base(document: Document) -> Any:
    name = document.values["extends"]
    raw = _raw()
    if not isinstance(name, str) or name not in raw:
        words = f"there is no procedure {name!r}; use one of {', '.join(raw)}"
        raise UsageError(_fault(document, ("extends",), words))
    return raw[name].values


def _merged(base: Any, given: Any) -> Any:
    """``given`` on top of ``base``: see :func:`read_procedure`."""
    if not isinstance(base, Mapping) or not isinstance(given, Mapping) or "mark" in base:
        return given
    merged = dict(base)
    for name, value in given.items():
        if value is None:
            merged.pop(name, None)
        elif name == "structures":
            merged[name] = _merged_by_name(base.get(name), value)
        else:
            merged[name] = _merged(base.get(name), value)
    return merged


def _merged_by_name(base: Any, given: Any) -> Any:
    """Rules of the same name merged in place, others added behind."""
    if not isinstance(base, list) or not isinstance(given, list):
        return given
    changes = {rule["name"]: rule for rule in given if isinstance(rule, Mapping) and "name" in rule}
    if len(changes) != len(given):
        return given
    known = {rule["name"] for rule in base}
    kept = [_merged(rule, changes.get(rule["name"], {})) for rule in base]
    return kept + [rule for name, rule in changes.items() if name not in known]


@cache
def _raw() -> Mapping[str, Document]:
    """The files that ship, by id."""
    folder = files("procguide.planning") / "procedures"
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".yaml"))
    return MappingProxyType(
        {
            name.removesuffix(".yaml"): read_document((folder / name).read_text(encoding="utf-8"), name)
            for name in names
        }
    )


@cache
def _shipped() -> Mapping[str, Procedure]:
    entries = {}
    for name, document in _raw().items():
        entries[name] = validated(document)
        if entries[name].id != name:
            raise UsageError(f"{document.name}: id is {entries[name].id!r}; file name and id must agree")
    return MappingProxyType(entries)
