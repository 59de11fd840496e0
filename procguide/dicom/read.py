"""One way in: a file or a folder becomes a study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from procguide.dicom.containers import contents_of
from procguide.dicom.fitness import assess_fitness, usable_for
from procguide.dicom.frames import describe_frames
from procguide.dicom.headers import Headers, SliceHeader, read_headers
from procguide.dicom.pictures import is_picture, series_of_pictures
from procguide.dicom.pixels import as_scanner_units
from procguide.dicom.stacking import group, stack
from procguide.dicom.study import Series, SliceReference, Study
from procguide.errors import InputUnreadableError
from procguide.findings import Finding, Severity
from procguide.imaging import View
from procguide.imaging.files import IMAGE_SUFFIXES, image_suffix, read_image

__all__ = ["read_study"]


def read_study(path: str | Path, *, without: Collection[Path] = ()) -> Study:
    """The series under ``path``: a DICOM file, a folder, DICOMDIR or zip of them, or one image file.

    Of DICOM, only headers are read here; :func:`procguide.dicom.read_volume` reads the voxels. Files
    that are not DICOM are passed over. NIfTI, NRRD and MetaImage files give a study of one series.
    Pictures, videos and tracked sequences of frames, or a folder of them without DICOM, are to look at
    (:func:`procguide.dicom.read_frames`). Files ``without`` which to read it, as those whose pixels turned
    out to be damaged, are left out and counted.
    """
    path = Path(path)
    if not path.exists():
        raise InputUnreadableError(f"there is no file or folder {path}; check the path")
    if path.is_file() and is_picture(path):
        return _study_of_pictures((path,))
    if path.is_file() and image_suffix(path) is not None:
        return Study((_series_of_image(path),))
    headers = read_headers(path, without)
    if not headers.slices:
        pictures = [] if _unusable(path, headers) else list(filter(is_picture, contents_of(path).files))
        if pictures:
            return _study_of_pictures(pictures)
        raise InputUnreadableError(_nothing_found(path, headers))
    parts = group(headers.slices)
    stacks = Counter(part[0].series_uid for part in parts if part[0].position is not None)
    series = [_series(part, stacks[part[0].series_uid]) for part in parts]
    series.sort(key=lambda one: (one.study_uid, one.modality, one.uid, -len(one.slices)))
    return Study(tuple(series), tuple(_study_findings(headers)))


def _study_of_pictures(files: Collection[Path]) -> Study:
    series, damaged = series_of_pictures(files)
    words = f"{damaged} pictures or videos are damaged, and left out."
    finding = _counted("damaged files", damaged, words, "Get them again from their source.")
    return Study(tuple(series), (finding,) if damaged else ())


def _series(headers: list[SliceHeader], stacks: int = 1) -> Series:
    """One group of slices as a series, ordered, with its lattice, findings and use.

    ``stacks`` is how many the DICOM series was parted into.
    """
    stacked = stack(headers)
    first = stacked.slices[0]
    slices = tuple(
        SliceReference(header.file, header.frame, float(index), header.instance_uid)
        for header, index in zip(stacked.slices, stacked.index, strict=True)
    )
    view, times = _described(first)
    fitness = assess_fitness(stacked.grid, first.modality, stacked.slices, view, times)
    findings = (*fitness, *stacked.findings, *_parted(stacks if stacked.grid is not None else 1))
    frames = sum(header.frames for header in stacked.slices) if stacked.grid is None else 0
    return Series(
        uid=first.series_uid,
        modality=first.modality,
        description=first.description,
        files=tuple(dict.fromkeys(reference.file for reference in slices)),
        shape=stacked.grid.shape if stacked.grid is not None else (frames, *first.size),
        grid=stacked.grid,
        findings=findings,
        usable_for=usable_for(findings),
        slices=slices,
        study_uid=first.study_uid,
        patient=first.patient,
        patient_position=first.patient_position,
        view=view,
        times_s=tuple(times.tolist()) if times is not None and stacked.grid is None else None,
    )


def _parted(stacks: int) -> list[Finding]:
    if stacks < 2:
        return []
    words = f"The DICOM series holds {stacks} stacks that differ in orientation, size, acquisition or echo."
    return [Finding("one of several stacks", Severity.OK, words, "Each is listed on its own.")]


def _described(first: SliceHeader) -> tuple[View | None, NDArray[np.float64] | None]:
    """The first image's view and its frames' times; None for what is no image or cannot be understood."""
    if not all(first.size):
        return None, None
    try:
        return describe_frames(first.file)
    except Exception:  # pydicom raises almost anything on damaged values; the pixels may still be read
        return None, None


def _series_of_image(path: Path) -> Series:
    volume = as_scanner_units(read_image(path))
    findings = assess_fitness(volume.grid, volume.modality.value)
    if volume.shape[0] == 1:
        findings.append(Finding("one slice", Severity.STOP, "There is only one slice.", "Give a 3D image."))
    ct = volume.modality == "CT"
    findings.append(
        Finding(
            "modality unknown",
            Severity.OK if ct else Severity.CAUTION,
            "The file does not say what made the image; its values look like CT."
            if ct
            else "The file does not say what made the image, and its values do not look like CT.",
            "" if ct else "It is planned on as an MRI; give the DICOM series, or a CT, where there is one.",
        )
    )
    return Series(
        uid="",
        modality=volume.modality.value,
        description="",
        files=(path,),
        shape=volume.shape,
        grid=volume.grid,
        findings=tuple(findings),
        usable_for=usable_for(findings),
        volume=volume,
    )


def _nothing_found(path: Path, headers: Headers) -> str:
    """Why nothing could be read, with what to do."""
    unusable = _unusable(path, headers)
    if unusable:
        return unusable
    if headers.zips:
        return f"{path} holds no DICOM, but {headers.zips} zip archives: name one of them, or unpack it"
    if path.is_file():
        return f"{path} is neither DICOM nor one of {', '.join(IMAGE_SUFFIXES)}; give a CT study"
    images = sum(1 for file in path.rglob("*") if image_suffix(file) is not None)
    if images:
        return (
            f"{path} holds no DICOM, but {images} image files ({', '.join(IMAGE_SUFFIXES)}): name one of them"
        )
    if headers.others:
        return f"none of the {headers.others} files in {path} is DICOM; give the folder of a CT study"
    return f"{path} is empty; give the folder of a CT study"


def _unusable(path: Path, headers: Headers) -> str:
    """What is wrong with the DICOM files that are there; empty where there is none."""
    one = path.is_file()
    where = f"the file {path}" if one else f"the folder {path}"
    if headers.refused:
        what = "is refused" if one else f"holds {sum(headers.refused.values())} files that are refused"
        return f"{where} {what}: {', '.join(headers.refused)}; export it again from its source"
    damaged = headers.cut_short + headers.unreadable
    if damaged:
        many = f"holds {damaged} DICOM files, all damaged or cut short"
        return f"{where} {'is cut short or damaged' if one else many}; export it again from its source"
    if headers.missing:
        return f"the {headers.missing} files that {path} lists are not there; copy the whole medium again"
    if headers.imageless:
        many = f"holds {headers.imageless} DICOM files, none of them an image"
        return f"{where} {'is DICOM, but no image' if one else many}; give a CT study"
    return ""


def _study_findings(headers: Headers) -> list[Finding]:
    damaged, refused = headers.unreadable + headers.cut_short, sum(headers.refused.values())
    patients = len({header.patient for header in headers.slices} - {""})
    studies = len({header.study_uid for header in headers.slices})
    findings = [
        _counted(
            "damaged files",
            damaged,
            f"{damaged} DICOM files are damaged or cut short, and left out.",
            "Export the study again.",
        ),
        _counted(
            "refused files",
            refused,
            f"{refused} files are left out for what they claim or hide: {', '.join(headers.refused)}.",
            "Export them again from their source.",
        ),
        _counted(
            "missing files",
            headers.missing,
            f"{headers.missing} files that the DICOMDIR lists are not there.",
            "Copy the whole medium again.",
        ),
    ]
    if headers.zips:
        words = f"{headers.zips} zip archives among the files were not opened."
        findings.append(Finding("zips", Severity.OK, words, "Name one to read it.", score=headers.zips))
    if patients > 1:
        words = f"Images of {patients} patients are mixed here."
        mixed = Finding("several patients", Severity.STOP, words, "Give the folder of one patient.")
        findings.append(replace(mixed, score=patients, limit=1, unit="patients"))
    elif studies > 1:
        words = f"There are {studies} studies here."
        advice = "Give the folder of one study, or check that the right one was taken."
        mixed = Finding("several studies", Severity.CAUTION, words, advice)
        findings.append(replace(mixed, score=studies, limit=1, unit="studies"))
    return [finding for finding in findings if finding.score]


def _counted(name: str, files: int, words: str, advice: str) -> Finding:
    return Finding(name, Severity.CAUTION, words, advice, score=files, limit=0, unit="files")
