"""A plan read back from its structured report."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import Comprehensive3DSRStorage

from procguide.approval import approval_of
from procguide.dicom.bounded import Bounds, read_file
from procguide.dicom.report_layout import (
    APPROVAL,
    APPROVED,
    GROUPS,
    KEY,
    PATH,
    RANK,
    STOP_NUMBER,
    Field,
    Group,
    Kind,
)
from procguide.errors import InputUnreadableError

__all__ = ["group_kind", "groups_of", "number_of", "read_plan_report", "read_sitting_report"]

_BOUNDS = Bounds(value_bytes=2**25, elements=300_000)
"""A report of twenty needles has 1 MB and 30,000 elements."""
_DECIMALS = 2  # coordinates stand as 32-bit floats; plan.json has them to 0.01 mm
_NOTHING: dict[Kind, Callable[[], Any]] = {
    Kind.NUMBER: lambda: None,
    Kind.FLAG: lambda: None,
    Kind.TEXT: str,
    Kind.TEXTS: list,
    Kind.NUMBERS: list,
    Kind.NUMBERS_BY_NAME: dict,
    Kind.TEXTS_BY_NAME: dict,
}
_OF_SITTING = {Group.STOP: "stops", Group.STATION: "stations", Group.BUDGET: "budgets"}
_LISTS = {Group.VIEW: "views", Group.OBJECTIVE: "objectives"}


def read_plan_report(path: str | Path) -> dict[str, Any]:
    """The document of ``plan.json`` as far as a report by :func:`write_plan_report` holds it.

    Numbers are those that were written. ``approved`` is None unless a person has approved this very plan.
    """
    return _read(Path(path), _document)


def read_sitting_report(path: str | Path) -> dict[str, Any]:
    """The document of a sitting's ``plan.json`` as a report by ``write_sitting_report`` holds it.

    A stop has ``plan``, the needle that is used, without views and objectives, and ``plan_sha256`` in the
    place of its ``plan_set``: all of that is in the report of its own.
    """
    return _read(Path(path), _sitting)


def _read(path: Path, document: Callable[[Dataset], dict[str, Any]]) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = document(read_file(path, _BOUNDS))
    except InputUnreadableError:
        raise
    except (Exception, RecursionError) as error:
        raise InputUnreadableError(
            f"{path.name} cannot be read as the report of a plan; give a file that procguide has written"
        ) from error
    if approval_of(found) is None:
        found["approved"] = None
    return found


def _document(dataset: Dataset) -> dict[str, Any]:
    _check_kind(dataset)
    document: dict[str, Any] = {
        "side": None,
        "approved": None,
        "plans": [],
        "limits": [],
        "reason": "",
        "warnings": [],
    }
    found = False
    for group in groups_of(dataset):
        kind = group_kind(group)
        if kind is None:
            continue
        part = _part(group, kind)
        if kind is Group.SET:
            found = True
            document.update(part)
        elif kind is Group.NEEDLE:
            document["plans"].append({"views": [], "objectives": [], **part})
        elif kind is Group.LIMIT:
            document["limits"].append(part)
        else:
            document["plans"][_place(group, document)][_LISTS[kind]].append(part)
    if not found:
        raise InputUnreadableError("this report holds no needle plan of procguide")
    return document


def _sitting(dataset: Dataset) -> dict[str, Any]:
    _check_kind(dataset)
    document: dict[str, Any] = {"approved": None, "stops": [], "stations": [], "budgets": [], "warnings": []}
    found = False
    for group in groups_of(dataset):
        kind = group_kind(group)
        if kind is Group.SITTING:
            found = True
            document.update(_part(group, kind))
        elif kind is Group.NEEDLE:
            number = number_of(group, STOP_NUMBER)
            stop = next(one for one in document["stops"] if one["number"] == number)
            stop["plan"] = _part(group, kind)
        elif kind in _OF_SITTING:
            document[_OF_SITTING[kind]].append(_part(group, kind))
    if not found:
        raise InputUnreadableError("this report holds no plan of a sitting of procguide")
    return document


def _check_kind(dataset: Dataset) -> None:
    if dataset.get("SOPClassUID") != Comprehensive3DSRStorage:
        raise InputUnreadableError("this is not a Comprehensive 3D structured report")


def groups_of(dataset: Dataset) -> Iterator[Dataset]:
    """The Measurement Groups of a report."""
    for container in dataset.ContentSequence:
        if _concept(container) == codes.DCM.ImagingMeasurements:
            yield from container.ContentSequence


def _concept(item: Dataset) -> Code:
    return _code(item.ConceptNameCodeSequence[0])


def _code(entry: Dataset) -> Code:
    return Code(str(entry.CodeValue), str(entry.CodingSchemeDesignator), str(entry.CodeMeaning))


def group_kind(group: Dataset) -> Group | None:
    """What a group's Finding says it holds; None where that is not ours."""
    for item in group.ContentSequence:
        if item.ValueType == "CODE" and _concept(item) == codes.DCM.Finding:
            value = _code(item.ConceptCodeSequence[0])
            return next((kind for kind in Group if kind.value == value), None)
    return None


def _place(group: Dataset, document: dict[str, Any]) -> int:
    """Which of the document's plans a view or an objective belongs to."""
    return next(n for n, plan in enumerate(document["plans"]) if plan["rank"] == number_of(group, RANK))


def number_of(group: Dataset, concept: Code) -> float:
    """The number of a group under ``concept``, such as the rank of its needle."""
    return next(_number(item) for item in group.ContentSequence if _concept(item) == concept)


def _part(group: Dataset, kind: Group) -> dict[str, Any]:
    """The values of one group at their places in the document."""
    fields = {field.concept: field for field in GROUPS[kind]}
    part: dict[str, Any] = {}
    approved = True
    for item in group.ContentSequence:
        concept = _concept(item)
        if concept == APPROVAL:
            approved = _code(item.ConceptCodeSequence[0]) == APPROVED
        if concept in fields:
            _put(part, fields[concept], item)
        if kind is Group.NEEDLE and concept == PATH:
            part["entry_lps_mm"], part["target_lps_mm"] = _ends(item)
    if not approved:
        part.pop("approved", None)
    if kind not in (Group.SET, Group.SITTING):
        _fill(part, GROUPS[kind])
    return part


def _fill(part: dict[str, Any], fields: Iterable[Field]) -> None:
    """Null and empty values stand in no report: their places are the layout's."""
    for field in fields:
        *above, last = field.path
        holder = part
        for key in above:
            holder = holder.setdefault(key, {})
        if last not in holder:
            holder[last] = _NOTHING[field.kind]()


def _put(part: dict[str, Any], field: Field, item: Dataset) -> None:
    *above, last = field.path
    for key in above:
        part = part.setdefault(key, {})
    if field.kind is Kind.NUMBER:
        part[last] = _number(item)
    elif field.kind is Kind.NUMBERS:
        part.setdefault(last, []).append(_number(item))
    elif field.kind is Kind.NUMBERS_BY_NAME:
        part.setdefault(last, {})[_key(item)] = _number(item)
    elif field.kind is Kind.FLAG:
        part[last] = _code(item.ConceptCodeSequence[0]) == codes.SCT.Yes
    elif field.kind is Kind.TEXT:
        part[last] = str(item.TextValue)
    elif field.kind is Kind.TEXTS:
        part.setdefault(last, []).append(str(item.TextValue))
    else:
        key, _, words = str(item.TextValue).partition(": ")
        part.setdefault(last, {})[key] = json.loads(words)


def _number(item: Dataset) -> float:
    """As it was written: a whole number stands without a Floating Point Value."""
    measured = item.MeasuredValueSequence[0]
    if "FloatingPointValue" in measured:
        return _finite(float(measured.FloatingPointValue))
    value = _finite(float(measured.NumericValue))
    return int(value) if value.is_integer() else value


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise InputUnreadableError("a number of this report is none")
    return value


def _key(item: Dataset) -> str:
    return next(str(one.TextValue) for one in item.ContentSequence if _concept(one) == KEY)


def _ends(item: Dataset) -> tuple[list[float], list[float]]:
    """Entry and target."""
    line = next(one for one in item.ContentSequence if one.ValueType == "SCOORD3D")
    values = [round(_finite(float(value)), _DECIMALS) for value in line.GraphicData]
    if len(values) != 6:
        raise InputUnreadableError("a needle of this report has not two ends")
    return values[:3], values[3:]
