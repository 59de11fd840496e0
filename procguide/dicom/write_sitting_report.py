"""A sitting of several needles as one Comprehensive 3D Structured Report, beside that of each needle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from procguide import DISCLAIMER
from procguide.approval import summary_of_stop
from procguide.dicom.derived import Sources
from procguide.dicom.report_layout import REPORT, STOP_NUMBER, Group
from procguide.dicom.write_report import Builder, number_item, save_report

if TYPE_CHECKING:
    from highdicom import sr

__all__ = ["write_sitting_report"]


def write_sitting_report(
    document: Mapping[str, Any], sources: Sources, path: str | Path, *, reports: Mapping[int, Dataset]
) -> Path:
    """Write ``document``, a sitting's ``plan.json``, as a structured report in the study of ``sources``.

    It holds the order, the C-arm's stops, what may be given, and of each level and side the needle that is
    used; ``reports``, by the stop's number, are the reports that hold the rest, and are referred to.
    """
    groups = list(_groups({"disclaimer": DISCLAIMER, **document}, sources, reports))
    save_report(groups, document, sources, path, tuple(reports.values()))
    return Path(path)


def _groups(
    document: Mapping[str, Any], sources: Sources, reports: Mapping[int, Dataset]
) -> Iterator[sr.MeasurementsAndQualitativeEvaluations]:
    whole = Builder(document, sources)
    yield whole.group(Group.SITTING, document, f"{document['procedure']}, {len(document['stops'])} needles")
    for stop in map(summary_of_stop, document["stops"]):
        yield from _stop(stop, Builder({**document, **stop}, sources), reports.get(stop["number"]))
    for place, station in enumerate(document["stations"], start=1):
        yield whole.group(Group.STATION, station, f"stop {place} of the C-arm: {station['view']}")
    for budget in document["budgets"]:
        yield whole.group(Group.BUDGET, budget, f"most of {budget['agent']}")


def _stop(
    stop: Mapping[str, Any], builder: Builder, report: Dataset | None
) -> Iterator[sr.MeasurementsAndQualitativeEvaluations]:
    """A level and side, and the needle that is used there."""
    from highdicom import sr

    name = f"{stop['level']} {stop['side'] or ''}".strip()
    group = builder.group(Group.STOP, stop, name)
    if report is not None:
        contains = sr.RelationshipTypeValues.CONTAINS
        group[0].ContentSequence.append(
            sr.CompositeContentItem(REPORT, report.SOPClassUID, report.SOPInstanceUID, contains)
        )
    yield group
    if stop.get("plan"):
        needle = builder.group(Group.NEEDLE, stop["plan"], f"{name}: plan {stop['chosen_rank']}")
        number = number_item(STOP_NUMBER, stop["number"], codes.UCUM.NoUnits)
        needle[0].ContentSequence.extend(number)
        yield needle
