"""A folder of images in, the same without their patients out."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.uid import MediaStorageDirectoryStorage

from procguide.dicom.bounded import read_file
from procguide.dicom.containers import contents_of
from procguide.dicom.decode import quietly
from procguide.dicom.deidentify.check import Leak, Secrets, find_in_bytes, find_in_words, secrets_of
from procguide.dicom.deidentify.clean import Rules
from procguide.dicom.deidentify.face import face_mask
from procguide.dicom.deidentify.identity import identity_of, naming_words, pattern_of
from procguide.dicom.deidentify.pseudonyms import Pseudonyms
from procguide.dicom.deidentify.report import Report
from procguide.dicom.deidentify.settings import Pixels, Settings
from procguide.dicom.deidentify.table import basic_profile
from procguide.dicom.deidentify.text_finder import RapidTextFinder, TextFinder
from procguide.dicom.deidentify.text_reader import TextReader, pictures_of, tesseract
from procguide.dicom.deidentify.write import FaceMasks, LeftOutError, Treated, treat, write_object
from procguide.dicom.guard import RefusedError
from procguide.errors import InputUnreadableError, ProcguideError

__all__ = ["deidentify"]

_NEEDED = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")


@dataclass(eq=False)
class _Run:
    """What one run keeps: where patients, studies and series go, and what was counted."""

    settings: Settings
    pseudonyms: Pseudonyms
    folder: Path
    finder: TextFinder | None
    reader: TextReader | None
    faces: FaceMasks
    header: Counter[str] = field(default_factory=Counter)
    pixels: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    leaks: list[Leak] = field(default_factory=list)
    places: dict[tuple[str, ...], int] = field(default_factory=dict)
    written: int = 0


def deidentify(
    path: Path,
    folder: Path,
    settings: Settings | None = None,
    *,
    pseudonyms: Pseudonyms | None = None,
    finder: TextFinder | None = None,
    reader: TextReader | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Report:
    """De-identify every DICOM image under ``path`` into ``folder`` after PS3.15 Annex E.

    What cannot be read, is no image, or in which the second check still finds the patient is left out,
    and the report counts it. ``pseudonyms`` with the key of an earlier run give the same names again;
    without them, no later run does. ``finder`` finds text to blank, RapidOCR's if none is given, and
    ``reader`` reads what is left, Tesseract where it is installed.
    """
    settings = settings or Settings()
    if not path.exists():
        raise InputUnreadableError(f"there is no file or folder {path}; check the path")
    contents = contents_of(path)
    files = [file for file in contents.files if _has_prefix(file)]
    if not files:
        raise InputUnreadableError(f"there is no DICOM file in {path}; give the folder of a study")
    if settings.pixels is Pixels.CLEAN:
        finder = finder or RapidTextFinder()
    run = _Run(
        settings,
        pseudonyms or Pseudonyms.once(),
        folder,
        finder,
        reader or tesseract(),
        _face_masks(path) if settings.remove_face else {},
    )
    _each(run, files, on_progress)
    run.left_out += contents.refused
    return _report(run, len(files) + contents.refused.total())


def _each(run: _Run, files: list[Path], on_progress: Callable[[float], None] | None) -> None:
    """One file after another; whatever is wrong with one, the others are written."""
    with _silence():
        for n, file in enumerate(files, start=1):
            try:
                _one(run, file)
            except LeftOutError as reason:
                run.left_out[str(reason)] += 1
            except ProcguideError:
                raise
            except Exception:  # a file that nobody vouches for never ends the run
                run.left_out["it is damaged in a way that stops its cleaning"] += 1
            if on_progress is not None:
                on_progress(n / len(files))


@contextmanager
def _silence() -> Iterator[None]:
    """No warning and no log of pydicom, whose remarks on odd values quote them."""
    log = logging.getLogger("pydicom")
    before, log.disabled = log.disabled, True
    try:
        with quietly():
            yield
    finally:
        log.disabled = before


def _has_prefix(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def _one(run: _Run, file: Path) -> None:
    dataset = _read(file)
    identity = identity_of(dataset)
    secrets = secrets_of(dataset, run.settings.words)
    rules = Rules(
        basic_profile(),
        run.settings,
        run.pseudonyms,
        run.pseudonyms.patient(identity),
        run.pseudonyms.days(identity),
        pattern_of(naming_words(dataset) | {word.casefold() for word in run.settings.words}),
    )
    treated = treat(dataset, rules, run.finder, run.faces)
    target = _place(run, dataset)
    try:
        write_object(dataset, target)
    except ProcguideError:
        raise
    except Exception as error:  # whatever pydicom finds unfit to be written
        raise LeftOutError("what is left of it cannot be written") from error
    leaks = _check(run, target, secrets, treated)
    run.header.update(rules.tally)
    if leaks:
        target.unlink()
        run.leaks += leaks
        raise LeftOutError("the second check found the patient in it")
    run.written += 1
    _count(run, treated)


def _read(file: Path) -> FileDataset:
    try:
        dataset = read_file(file)
        uids = [str(dataset[keyword].value) for keyword in _NEEDED]
    except RefusedError as error:
        raise LeftOutError(error.reason) from error
    except Exception as error:  # pydicom raises almost anything on damaged files
        if _is_directory(file):
            raise LeftOutError("a DICOMDIR: it lists names") from error
        raise LeftOutError("it cannot be read") from error
    if not all(uids) or not dataset.file_meta.get("TransferSyntaxUID"):
        raise LeftOutError("it cannot be read")
    return dataset


def _is_directory(file: Path) -> bool:
    from pydicom.filereader import read_file_meta_info

    try:
        found = read_file_meta_info(file).get("MediaStorageSOPClassUID")
        return bool(found == MediaStorageDirectoryStorage)
    except Exception:
        return False


def _place(run: _Run, dataset: FileDataset) -> Path:
    """Patient, study, series and image by number, in the order they are met; old names say too much."""
    patient = str(dataset.PatientID)
    study, series = (patient, str(dataset.StudyInstanceUID)), (str(dataset.SeriesInstanceUID),)
    numbers = [_number(run, key) for key in (("studies", *study), ("series", *study, *series))]
    image = run.places["images", *series] = run.places.get(("images", *series), 0) + 1
    return run.folder / patient / f"study-{numbers[0]:02d}" / f"series-{numbers[1]:03d}" / f"{image:06d}.dcm"


def _number(run: _Run, key: tuple[str, ...]) -> int:
    """From 1 within what ``key`` but for its last part names."""
    if key not in run.places:
        run.places[key] = 1 + sum(other[:-1] == key[:-1] for other in run.places)
    return run.places[key]


def _check(run: _Run, file: Path, secrets: Secrets, treated: Treated) -> tuple[Leak, ...]:
    """The bytes of every file, and a second reading of every picture that may show text."""
    leaks = find_in_bytes(file, secrets)
    if leaks or not treated.text_looked_for or run.reader is None:
        return leaks
    words = [word for picture in pictures_of(file) for word in run.reader.read(picture)]
    run.pixels["words that are still read"] += sum(len(word) > 3 and word.isalpha() for word in words)
    return find_in_words(file, words, secrets)


def _count(run: _Run, treated: Treated) -> None:
    run.pixels["images looked through for text"] += treated.text_looked_for
    run.pixels["images with text blanked"] += treated.boxes > 0
    run.pixels["boxes of text blanked"] += treated.boxes
    run.pixels["images blanked outside the scan"] += treated.outside_regions
    run.pixels["slices without a face"] += treated.faces


def _face_masks(path: Path) -> FaceMasks:
    """Packed masks of all slices of CT and MR series that show the front of a head."""
    from procguide.dicom.pixels import read_volume
    from procguide.dicom.read import read_study

    masks = {}
    for series in read_study(path).series:
        if series.grid is None or series.modality not in ("CT", "MR") or len(series.slices) < 2:
            continue
        volume = read_volume(series)
        mask = face_mask(volume)
        for slice_ in series.slices:
            plane = mask[min(round(slice_.index), len(mask) - 1)]
            if plane.any():
                masks[slice_.instance_uid, slice_.frame] = np.packbits(plane)
    return masks


def _report(run: _Run, read: int) -> Report:
    kinds = Counter(key[0] for key in run.places)
    return Report(
        settings=run.settings,
        read=read,
        written=run.written,
        pseudonyms=tuple(sorted({key[1] for key in run.places if key[0] == "studies"})),
        studies=kinds["studies"],
        series=kinds["series"],
        left_out=dict(run.left_out),
        header=dict(run.header),
        pixels={name: count for name, count in run.pixels.items() if count},
        leaks=tuple(run.leaks),
        reader=run.reader.name if run.reader is not None else "",
    )
