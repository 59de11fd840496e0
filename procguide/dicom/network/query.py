"""What a peer holds: what is asked for, and what it answers (C-FIND: PS3.4 C.4.1; QIDO-RS: PS3.18 10.6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset
from pynetdicom import build_context
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind  # type: ignore[attr-defined]

from procguide.dicom.network.association import Waits, associate
from procguide.dicom.network.instances import is_uid
from procguide.dicom.network.peers import DimsePeer, Me
from procguide.errors import InputUnreadableError, UsageError

if TYPE_CHECKING:
    from pynetdicom.association import Association

__all__ = ["FoundObject", "FoundSeries", "FoundStudy", "Wanted", "find", "find_objects", "study_from"]

MOST_ANSWERS = 10_000
_PENDING = (0xFF00, 0xFF01)


@dataclass(frozen=True)
class Wanted:
    """Keys of a query; empty ones match all. ``date`` is a DICOM range, as ``20260101-20260131``."""

    study: str = ""
    accession: str = ""
    patient: str = ""
    date: str = ""
    modality: str = ""
    series: str = ""

    def check(self, *, to_fetch: bool) -> None:
        """Raise :class:`UsageError` where a key is malformed, or would fetch whatever there is."""
        for name, uid in (("--study", self.study), ("--series", self.series)):
            if uid and not is_uid(uid):
                raise UsageError(f"{name} takes a UID: digits and dots, at most 64 characters")
        keys = (self.accession, self.patient, self.date, self.modality)
        if any("\\" in key or len(key) > 64 or not key.isprintable() for key in keys):
            raise UsageError("a key of a query is at most 64 printable characters, no backslash")
        narrow = any(key and not set(key) & set("*?") for key in (self.study, self.accession, self.patient))
        if to_fetch and not narrow:
            raise UsageError(
                "say what to fetch: --study UID, --accession NUMBER or --patient ID, without wildcards; "
                "--list shows what there is"
            )
        if not any((*keys, self.study)):
            raise UsageError("give at least one of --study, --accession, --patient, --date, --modality")


@dataclass(frozen=True)
class FoundStudy:
    """A study that a peer holds. No name of the patient: nothing here needs it."""

    uid: str
    date: str = ""
    modalities: tuple[str, ...] = ()
    description: str = ""
    objects: int | None = None


@dataclass(frozen=True)
class FoundSeries:
    """A series of it."""

    study: str
    uid: str
    modality: str = ""
    description: str = ""
    objects: int | None = None


@dataclass(frozen=True)
class FoundObject:
    """One object of a series."""

    study: str
    series: str
    uid: str
    sop_class: str


def find(
    peer: DimsePeer, me: Me, wanted: Wanted, *, waits: Waits | None = None
) -> tuple[tuple[FoundStudy, tuple[FoundSeries, ...]], ...]:
    """The studies that match, each with those of its series that match."""
    with _finding(peer, me, waits) as association:
        studies = [study_from(answer) for answer in _ask(association, study_keys(wanted))]
        found = []
        for study in studies:
            series = tuple(
                series_from(one, study.uid) for one in _ask(association, series_keys(study, wanted))
            )
            found.append((study, tuple(one for one in series if fits(one, wanted))))
    return tuple((study, series) for study, series in found if series)


def find_objects(
    peer: DimsePeer, me: Me, series: tuple[FoundSeries, ...], *, waits: Waits | None = None
) -> tuple[FoundObject, ...]:
    """Every object of these series."""
    objects: list[FoundObject] = []
    with _finding(peer, me, waits) as association:
        for one in series:
            keys = Dataset()
            keys.QueryRetrieveLevel = "IMAGE"
            keys.StudyInstanceUID, keys.SeriesInstanceUID = one.study, one.uid
            keys.SOPInstanceUID = keys.SOPClassUID = ""
            objects.extend(object_from(answer, one) for answer in _ask(association, keys))
    return tuple(objects)


def study_keys(wanted: Wanted) -> Dataset:
    """The identifier of a query at study level (PS3.4 C.6.2.1)."""
    keys = Dataset()
    keys.QueryRetrieveLevel = "STUDY"
    keys.StudyInstanceUID = wanted.study
    keys.AccessionNumber = wanted.accession
    keys.PatientID = wanted.patient
    keys.StudyDate = wanted.date
    keys.ModalitiesInStudy = wanted.modality
    keys.StudyDescription = keys.NumberOfStudyRelatedInstances = ""
    return keys


def series_keys(study: FoundStudy, wanted: Wanted) -> Dataset:
    """The identifier of a query at series level."""
    keys = Dataset()
    keys.QueryRetrieveLevel = "SERIES"
    keys.StudyInstanceUID = study.uid
    keys.SeriesInstanceUID = wanted.series
    keys.Modality = wanted.modality
    keys.SeriesDescription = keys.NumberOfSeriesRelatedInstances = ""
    return keys


def study_from(answer: Dataset) -> FoundStudy:
    """An answer at study level; its UID is checked, the rest is text."""
    modalities = answer.get("ModalitiesInStudy") or ()
    return FoundStudy(
        _uid(answer, "StudyInstanceUID"),
        str(answer.get("StudyDate") or ""),
        (modalities,) if isinstance(modalities, str) else tuple(map(str, modalities)),
        _text(answer, "StudyDescription"),
        _count(answer, "NumberOfStudyRelatedInstances"),
    )


def series_from(answer: Dataset, study: str) -> FoundSeries:
    """An answer at series level, within ``study``."""
    return FoundSeries(
        study,
        _uid(answer, "SeriesInstanceUID"),
        str(answer.get("Modality") or ""),
        _text(answer, "SeriesDescription"),
        _count(answer, "NumberOfSeriesRelatedInstances"),
    )


def object_from(answer: Dataset, series: FoundSeries) -> FoundObject:
    """An answer at image level, within ``series``."""
    sop_class = str(answer.get("SOPClassUID") or "")
    return FoundObject(series.study, series.uid, _uid(answer, "SOPInstanceUID"), sop_class)


def fits(series: FoundSeries, wanted: Wanted) -> bool:
    """Whether it is asked for; archives may pass over keys that they do not match by."""
    if wanted.series and series.uid != wanted.series:
        return False
    return not wanted.modality or not series.modality or series.modality == wanted.modality


def _finding(peer: DimsePeer, me: Me, waits: Waits | None) -> Any:
    contexts = [build_context(StudyRootQueryRetrieveInformationModelFind)]
    return associate(me, peer, contexts, fault=InputUnreadableError, waits=waits)


def _ask(association: Association, keys: Dataset) -> Iterator[Dataset]:
    answers = association.send_c_find(keys, StudyRootQueryRetrieveInformationModelFind)
    count = 0
    for status, answer in answers:
        code = status.get("Status")
        if code in _PENDING and answer is not None:
            count += 1
            if count > MOST_ANSWERS:
                raise UsageError(f"more than {MOST_ANSWERS} answers; ask more narrowly")
            yield answer
        elif code is None:
            raise InputUnreadableError("the peer gave no answer to the query in time; try again")
        elif code != 0x0000:
            raise InputUnreadableError(f"the peer refuses the query (status {code:04X}H)")


def _uid(answer: Dataset, keyword: str) -> str:
    uid = str(answer.get(keyword) or "")
    if not is_uid(uid):
        raise InputUnreadableError(f"the peer's answer holds no usable {keyword}")
    return uid


def _text(answer: Dataset, keyword: str) -> str:
    """At most 64 printable characters: what comes from outside does not write on a terminal as it likes."""
    return "".join(letter for letter in str(answer.get(keyword) or "") if letter.isprintable())[:64]


def _count(answer: Dataset, keyword: str) -> int | None:
    try:
        return int(answer.get(keyword))
    except (TypeError, ValueError):
        return None
