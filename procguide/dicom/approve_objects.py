"""The objects of a plan written again when a person has approved it.

An object that has been written is not changed (PS3.3 C.12.1: what has other content is another object). Each
becomes a new one, in a series of its own kind, and the report names the one that it takes the place of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from procguide.approval import Approval, approval_of, plan_sha256
from procguide.dicom.bounded import read_file
from procguide.dicom.derived import NOT_APPROVED, quiet, save_derived
from procguide.dicom.read_report import (
    group_kind,
    groups_of,
    number_of,
    read_plan_report,
    read_sitting_report,
)
from procguide.dicom.report_layout import APPROVAL, APPROVED, GROUPS, RANK, Group, Kind
from procguide.dicom.write_capture import restate_capture
from procguide.dicom.write_common import code_item, item
from procguide.dicom.write_report import number_item, report_title, text_item
from procguide.errors import InputUnfitError, UsageError

__all__ = ["approve_objects"]

_REPORT = "plan.dcm"
_OF_FIRST = ("needle.dcm", "drawing.dcm", "picture_*.dcm")
"""They show the first plan alone."""
_TEXTS = frozenset({"LO", "LT", "SH", "ST", "UT"})
_LONGEST = 64  # characters of a long string (LO)
_UNSAID = "not stated"
"""Verifying Organization must not be empty (PS3.3 C.17.2)."""


def approve_objects(
    folder: Path, document: Mapping[str, Any], renamed: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Write the objects of an approved plan's ``folder`` again, in their places; old UIDs to new ones.

    ``document`` is the approved ``plan.json``. Objects that show another needle than the approved one stay
    as they are. ``renamed`` are objects that these refer to and that have been written again, too.
    """
    approval = approval_of(document)
    if approval is None:
        raise UsageError("this plan is not approved: nobody is named, or it was changed afterwards")
    uids = dict(renamed or {})
    for file in _files(folder, approval):
        dataset = read_file(file)
        before = _reference_of(dataset)
        _renew(dataset, uids)
        if file.name == _REPORT:
            _check_same(file, approval)
            _verify(dataset, approval, before)
        elif approval.rank is not None:
            _restate(dataset, approval.rank)
        save_derived(dataset, file)
    return uids


def _files(folder: Path, approval: Approval) -> Iterator[Path]:
    first = _OF_FIRST if approval.rank == 1 else ()
    for pattern in (_REPORT, "points.dcm", *first):
        yield from sorted(folder.glob(pattern))


def _check_same(report: Path, approval: Approval) -> None:
    read = read_sitting_report if approval.rank is None else read_plan_report
    if plan_sha256(read(report)) != approval.plan_sha256:
        raise InputUnfitError(f"{report.name} is not the report of this plan; plan again")


def _renew(dataset: FileDataset, uids: dict[str, str]) -> None:
    """Give the object and its series new UIDs, and put those of other renewed objects in."""
    for uid in (str(dataset.SOPInstanceUID), str(dataset.SeriesInstanceUID)):
        uids.setdefault(uid, str(generate_uid()))
    for element in dataset.iterall():
        if element.VR == "UI" and str(element.value) in uids:
            element.value = uids[str(element.value)]
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    now = datetime.now(UTC)
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = f"{now:%Y%m%d}", f"{now:%H%M%S}"
    for keyword, value in (("ContentDate", f"{now:%Y%m%d}"), ("ContentTime", f"{now:%H%M%S}")):
        if keyword in dataset:
            setattr(dataset, keyword, value)


def _reference_of(dataset: Dataset) -> DicomSequence:
    """The object as a predecessor (PS3.3 table 10-3 within 10-4)."""
    instance = item(
        ReferencedSOPClassUID=dataset.SOPClassUID, ReferencedSOPInstanceUID=dataset.SOPInstanceUID
    )
    series = item(SeriesInstanceUID=dataset.SeriesInstanceUID, ReferencedSOPSequence=instance)
    return item(StudyInstanceUID=dataset.StudyInstanceUID, ReferencedSeriesSequence=series)


def _verify(dataset: Dataset, approval: Approval, before: DicomSequence) -> None:
    """The report as the person has verified it (SR Document General, PS3.3 C.17.2)."""
    dataset.PredecessorDocumentsSequence = before
    dataset.SeriesDescription = report_title("approved")
    dataset.VerificationFlag, dataset.PreliminaryFlag = "VERIFIED", "FINAL"
    dataset.VerifyingObserverSequence = item(
        VerifyingOrganization=approval.organisation or _UNSAID,
        VerificationDateTime=f"{datetime.fromisoformat(approval.time_utc):%Y%m%d%H%M%S}+0000",
        VerifyingObserverName=approval.by,
        VerifyingObserverIdentificationCodeSequence=DicomSequence(),
    )
    for group in groups_of(dataset):
        kind = group_kind(group)
        if kind in (Group.SET, Group.SITTING):
            _say(group, _statements(approval))
        elif kind is Group.NEEDLE and approval.rank in (None, number_of(group, RANK)):
            _say(group, ())


def _say(group: Dataset, statements: Sequence[Dataset]) -> None:
    """Turn the group's code to approved, and say by whom right after it."""
    content = list(group.ContentSequence)
    for place, one in enumerate(content):
        if one.ConceptNameCodeSequence[0].CodeValue == APPROVAL.value:
            one.ConceptCodeSequence = code_item(APPROVED)
            group.ContentSequence = DicomSequence([*content[: place + 1], *statements, *content[place + 1 :]])
            return


def _statements(approval: Approval) -> list[Dataset]:
    """Name, organisation, reason, time, hash and rank as content items."""
    found: list[Dataset] = []
    with quiet():
        for field in GROUPS[Group.SET]:
            value = getattr(approval, field.path[-1]) if field.path[0] == "approved" else None
            if value not in (None, ""):
                if field.kind is Kind.NUMBER:
                    found.extend(number_item(field.concept, value, codes.UCUM.NoUnits))
                else:
                    found.append(text_item(field.concept, value))
    return found


def _restate(dataset: Dataset, rank: int) -> None:
    """Say of the needle of ``rank`` that it is approved, wherever the object says that it is not."""
    if "PixelData" in dataset:
        said = f"proposal of the software, {NOT_APPROVED}"
        restate_capture(dataset, said, _restated(said, rank))
    for element in dataset.iterall():
        if element.VR in _TEXTS and isinstance(element.value, str):
            longest = _LONGEST if element.VR == "LO" else None
            element.value = _restated(element.value, rank)[:longest]


def _restated(words: str, rank: int) -> str:
    """``"plan 1, not approved"`` of the plan of ``rank``; words that name no plan get its name."""
    named = re.search(r"\bplan (\d+)\b", words)
    if named is None:
        return words.replace(NOT_APPROVED, f"plan {rank} approved")
    return words.replace(NOT_APPROVED, "approved") if int(named[1]) == rank else words
