"""One stored object as the network knows it: its UIDs, and where its data set begins in the file."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pydicom.dataset import FileDataset
from pydicom.tag import BaseTag
from pydicom.uid import UID, MediaStorageDirectoryStorage

from procguide.dicom.elements import tags_of
from procguide.dicom.parse import parse_header
from procguide.errors import InputUnreadableError

__all__ = ["Instance", "handle", "is_uid", "looks_like_dicom", "read_instance", "read_tags"]

_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_IDENTITY = tags_of("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


@dataclass(frozen=True)
class Instance:
    """What PS3.4 B.2 needs of an object to store it. UIDs are checked (PS3.5 9.1); none is ever a path.

    ``agrees`` is whether the file's meta information names the same object as its data set.
    """

    file: Path
    sop_class: str
    sop_instance: str
    transfer_syntax: str
    study: str
    series: str
    agrees: bool = True


def is_uid(text: str) -> bool:
    """Digits and dots, at most 64 characters; leading zeros, forbidden yet met with, are let be."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def handle(uid: str) -> str:
    """A short stand-in for a UID in names of files and in logs; it tells nothing to who has not the UID."""
    return sha256(uid.encode()).hexdigest()[:24]


def read_instance(file: Path) -> Instance:
    """Read the identity of a DICOM file, within the bounds of an honest header; nothing of the image.

    Raises :class:`InputUnreadableError` where the file is not a storable DICOM object.
    """
    dataset = read_tags(file, _IDENTITY)
    meta = dataset.file_meta
    found = Instance(
        file,
        sop_class=str(dataset.get("SOPClassUID", "")),
        sop_instance=str(dataset.get("SOPInstanceUID", "")),
        transfer_syntax=str(meta.get("TransferSyntaxUID", "")),
        study=str(dataset.get("StudyInstanceUID", "")),
        series=str(dataset.get("SeriesInstanceUID", "")),
        agrees=meta.get("MediaStorageSOPClassUID") == dataset.get("SOPClassUID")
        and meta.get("MediaStorageSOPInstanceUID") == dataset.get("SOPInstanceUID"),
    )
    uids = (found.sop_class, found.sop_instance, found.transfer_syntax, found.study, found.series)
    if not all(map(is_uid, uids)) or UID(found.sop_class) == MediaStorageDirectoryStorage:
        raise InputUnreadableError(f"{file} is not an object of a study: its UIDs are missing or malformed")
    return found


def read_tags(file: Path, tags: Sequence[BaseTag]) -> FileDataset:
    """These elements of a file nobody vouches for; :class:`InputUnreadableError` where it is damaged."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's remarks on odd values may quote them
            parsed = parse_header(file, tags)
    except Exception as error:  # whatever a damaged or hostile file provokes in the reader
        raise InputUnreadableError(f"{file} is damaged, or no DICOM object; it is left out") from error
    if parsed is None:
        raise InputUnreadableError(f"{file} is not a DICOM object")
    return parsed.dataset


def looks_like_dicom(file: Path) -> bool:
    """Whether the file has the prefix of PS3.10 7.1."""
    try:
        with file.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False
