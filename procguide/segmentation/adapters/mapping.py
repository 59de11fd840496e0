"""What a model's integers mean: from its own names, or from a file that the user writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from procguide.anatomy import SACRUM, Region, parse_level
from procguide.anatomy.vocabularies import Meaning
from procguide.errors import InputUnreadableError, UsageError
from procguide.segmentation.adapters.label_lists import list_meanings
from procguide.segmentation.adapters.meanings import meaning_of, meanings_of
from procguide.segmentation.adapters.safe_files import read_document

__all__ = ["MAPPING_FILE", "LabelMapping"]

MAPPING_FILE = "procguide_labels.yaml"
"""A mapping of this name in a model's folder is used without being named."""

_EMPTY = "none of the model's labels is of the spine"


class _Structure(BaseModel):
    """One label, said exactly."""

    model_config = ConfigDict(extra="forbid")
    region: str
    level: str | None = None


class _File(BaseModel):
    """A mapping file. ``orientation`` is where i, j and k point, as nibabel writes it."""

    model_config = ConfigDict(extra="forbid")
    list: str | None = None
    labels: dict[Annotated[int, Field(ge=1, le=65535)], str | _Structure] = Field(default_factory=dict)
    orientation: Annotated[str, Field(pattern="^[LRPASI]{3}$")] = "RAS"
    licence: Annotated[str, Field(max_length=200)] = ""


@dataclass(frozen=True)
class LabelMapping:
    """Label to meaning; the array axes a model takes its images in; its licence where the file says it."""

    meanings: Mapping[int, Meaning]
    array_axes: str = "SAR"
    licence: str = ""

    @classmethod
    def from_names(cls, names: Mapping[int, str]) -> LabelMapping:
        """From a model's own names; none of the spine among them is :class:`InputUnreadableError`."""
        return cls(_checked(meanings_of(names), _listed(names)))

    @classmethod
    def from_file(cls, path: Path) -> LabelMapping:
        """From a YAML or JSON file of ``list``, ``labels``, ``orientation`` and ``licence``."""
        try:
            said = _File.model_validate(read_document(path))
            meanings = dict(list_meanings(said.list)) if said.list else {}
            for label, text in said.labels.items():
                meanings[label] = _structure(text) if isinstance(text, _Structure) else _named(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise InputUnreadableError(f"{path.name}: {place}: {first['msg']}") from error
        except UsageError as error:
            raise InputUnreadableError(f"{path.name}: {error}") from error
        return cls(_checked(meanings, path.name), said.orientation[::-1], said.licence)


def _named(text: str) -> Meaning:
    meaning = meaning_of(text)
    if meaning is None:
        raise UsageError(f"{text!r} names nothing that is mapped; write a level, a region or both")
    return meaning


def _structure(said: _Structure) -> Meaning:
    try:
        region = Region[said.region.strip().upper().replace(" ", "_")]
    except KeyError:
        known = ", ".join(region.label for region in Region if region)
        raise UsageError(f"{said.region!r} is not a region; use one of {known}") from None
    level = said.level
    return Meaning((region,), level if level in (None, SACRUM) else parse_level(str(level)))


def _checked(meanings: Mapping[int, Meaning], what: Any) -> Mapping[int, Meaning]:
    from procguide.anatomy import VERTEBRA

    if not any({*VERTEBRA, Region.DISC} & {*meaning.regions} for meaning in meanings.values()):
        raise InputUnreadableError(
            f"{_EMPTY} by name ({what}); say what they mean with --model-labels FILE (see docs/models.md)"
        )
    return MappingProxyType(dict(meanings))


def _listed(names: Mapping[int, str]) -> str:
    few = ", ".join(f"{label} {name}" for label, name in list(names.items())[:6])
    return f"{few}{', ...' if len(names) > 6 else ''}"
