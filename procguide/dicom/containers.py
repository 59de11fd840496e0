"""Which files a path stands for: a folder, a DICOMDIR, a zip; never one outside of it.

A symbolic link is followed within the folder only. A zip's entries are unpacked under names of our own into
a folder of this process, deleted at its end; what is no DICOM, is encrypted or climbs out is left. Nothing
is written into the user's folder.
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pydicom.uid import MediaStorageDirectoryStorage

from procguide.dicom.bounded import HEADER, read_file
from procguide.dicom.elements import first_text, items, tags_of, texts
from procguide.dicom.guard import RefusedError
from procguide.dicom.parse import looks_like_dicom
from procguide.errors import InputUnreadableError

__all__ = ["Contents", "contents_of", "is_zip"]

_MOST_ENTRIES = 100_000
_MOST_BYTES = 2**34
_MOST_RATIO = 200
_FREE_BYTES = 2**26
_CHUNK_BYTES = 2**20
_DIRECTORY_TAGS = tags_of("SOPClassUID", "DirectoryRecordSequence")
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")


@dataclass(frozen=True)
class Contents:
    """Files under a path in a fixed order; what was refused by reason, and how many listed are missing.

    Of a zip: how many of its files are no DICOM, and how many of these are zips themselves.
    """

    files: tuple[Path, ...]
    refused: Counter[str] = field(default_factory=Counter)
    missing: int = 0
    others: int = 0
    zips: int = 0


def contents_of(path: Path) -> Contents:
    """The files that ``path`` stands for."""
    if path.is_dir():
        return _folder(path)
    if is_zip(path):
        return _zip(path)
    return _listed(path) or Contents((path,))


def is_zip(path: Path) -> bool:
    """Whether a file starts as a zip does; a DICOM file never does."""
    with path.open("rb") as stream:
        return stream.read(4) in _ZIP_STARTS


def _folder(path: Path) -> Contents:
    """Every regular file in any nesting; links that lead out of ``path`` are refused."""
    root, refused = path.resolve(), Counter[str]()
    files = []
    for file in _walk(path):
        if file.is_symlink() and not _within(file, root):
            refused["a link leads out of the folder"] += 1
        elif file.is_file():
            files.append(file)
    return Contents(tuple(files), refused)


def _walk(path: Path) -> Iterator[Path]:
    """Files and links in a fixed order; a link to a folder is not entered."""
    for folder, subfolders, names in os.walk(path):
        subfolders.sort()
        links = [name for name in subfolders if Path(folder, name).is_symlink()]
        for name in sorted([*names, *links]):
            yield Path(folder, name)


def _within(file: Path, root: Path) -> bool:
    try:
        return file.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a ring of links
        return False


def _listed(path: Path) -> Contents | None:
    """The files that a DICOMDIR lists beside it (PS3.10 8.6, PS3.3 F.3); None for any other file.

    Its records are taken one after another, whatever offsets they claim to be linked by.
    """
    if path.name.upper() != "DICOMDIR":
        return None
    try:
        directory = read_file(path, HEADER, tags=_DIRECTORY_TAGS)
        meta = str(directory.file_meta.get("MediaStorageSOPClassUID", ""))
        if MediaStorageDirectoryStorage not in (meta, first_text(directory, "SOPClassUID")):
            return None
        records = items(directory, "DirectoryRecordSequence")
        names = dict.fromkeys(texts(record, "ReferencedFileID") for record in records)
    except RefusedError:
        raise
    except Exception as error:  # pydicom raises almost anything on damaged files
        raise InputUnreadableError(
            "the DICOMDIR is damaged; give the folder that it lies in instead"
        ) from error
    root, refused, files, missing = path.parent.resolve(), Counter[str](), [], 0
    for name in names:
        if not name:
            continue
        file = path.parent.joinpath(*name)
        if not all(map(_is_plain, name)) or not _within(file, root):
            refused["a DICOMDIR lists what lies outside of its folder"] += 1
        elif file.is_file():
            files.append(file)
        else:
            missing += 1
    return Contents(tuple(files), refused, missing)


def _is_plain(name: str) -> bool:
    return name not in ("", ".", "..") and not any(mark in name for mark in ("/", "\\", ":", "\0"))


_unpacked: dict[tuple[Path, int, int], Contents] = {}
_lock = threading.Lock()


def _zip(path: Path) -> Contents:
    """What a zip holds, unpacked once in this process."""
    status = path.stat()
    key = (path.resolve(), status.st_size, status.st_mtime_ns)
    with _lock:
        if key not in _unpacked:
            _unpacked[key] = _unpack(path, status.st_size)
        return _unpacked[key]


def _unpack(path: Path, size: int) -> Contents:
    folder = Path(tempfile.mkdtemp(prefix="procguide-zip-"))  # for its owner alone
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        with zipfile.ZipFile(path) as archive:
            return _entries(archive, size, folder)
    except (RefusedError, MemoryError):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except Exception as error:  # zipfile raises almost anything on damaged archives
        shutil.rmtree(folder, ignore_errors=True)
        raise InputUnreadableError(
            f"the zip {path.name} is damaged or cut short; get it again, or give the unpacked folder"
        ) from error


def _entries(archive: zipfile.ZipFile, size: int, folder: Path) -> Contents:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    claimed = sum(entry.file_size for entry in entries)
    room = shutil.disk_usage(folder).free // 2
    if len(entries) > _MOST_ENTRIES:
        raise RefusedError(f"the zip has {len(entries)} entries, more than the {_MOST_ENTRIES} that are read")
    if claimed > min(_MOST_BYTES, max(_FREE_BYTES, _MOST_RATIO * size)):
        raise RefusedError(f"{size} bytes of zip claim to become {claimed}")
    if claimed > room:
        raise RefusedError(f"the zip needs {claimed} bytes of room to unpack, and there are {room}")
    refused, files, others, zips = Counter[str](), [], 0, 0
    for number, entry in enumerate(sorted(entries, key=lambda entry: entry.filename)):
        reason = _why_not(entry)
        target = folder / f"{number:06d}"
        if reason:
            refused[reason] += 1
        elif _copy(archive, entry, target):
            files.append(target)
        else:
            others += 1
            zips += _starts_as_zip(archive, entry)
    return Contents(tuple(files), refused, 0, others, zips)


def _starts_as_zip(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    with archive.open(entry) as source:
        return source.read(4) in _ZIP_STARTS


def _why_not(entry: zipfile.ZipInfo) -> str:
    """Why an entry is left alone; empty where it is not."""
    name = PurePosixPath(entry.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or ":" in entry.filename:
        return "a zip entry climbs out of its folder"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "a zip entry is a link"
    if entry.flag_bits & 1:
        return "a zip entry is encrypted"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "a zip entry is compressed in a way that is not read"
    return ""


def _copy(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> bool:
    """Write the entry if it is DICOM, no more of it than it claims to have; whether it is."""
    with archive.open(entry) as source:
        start = source.read(132)
        if not looks_like_dicom(start):
            return False
        left = entry.file_size - len(start)
        with target.open("xb") as sink:
            sink.write(start)
            while left > 0 and (piece := source.read(min(_CHUNK_BYTES, left))):
                sink.write(piece)
                left -= len(piece)
    return True
