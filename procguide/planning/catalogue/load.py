"""Entries of the catalogue from YAML files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

import yaml
from pydantic import ValidationError

from procguide.errors import UsageError
from procguide.planning.catalogue.schema import Procedure

__all__ = ["load_catalogue", "read_procedure"]


def read_procedure(path: Path) -> Procedure:
    """One entry from a YAML file; an error names the file and each faulty field."""
    return _parse(path.read_text(encoding="utf-8"), path.name)


def _parse(text: str, name: str) -> Procedure:
    try:
        return Procedure.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise UsageError(f"{name} is not YAML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'entry'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise UsageError(f"{name}: {faults}") from error


@cache
def load_catalogue() -> Mapping[str, Procedure]:
    """All entries that ship with the package, by id."""
    folder = files("procguide.planning") / "procedures"
    entries = {}
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.name.endswith(".yaml"):
            procedure = _parse(item.read_text(encoding="utf-8"), item.name)
            if item.name != f"{procedure.id}.yaml":
                raise UsageError(f"{item.name}: id is {procedure.id!r}; file name and id must agree")
            entries[procedure.id] = procedure
    return MappingProxyType(entries)
