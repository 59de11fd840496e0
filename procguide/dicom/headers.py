"""From a path to one record a slice, reading headers only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID, MediaStorageDirectoryStorage

from procguide.dicom.containers import contents_of, is_zip
from procguide.dicom.decode import quietly
from procguide.dicom.elements import first_text, items, numbers, tags_of, texts, whole, words
from procguide.dicom.guard import RefusedError, check_claims, expected_bytes, is_compressed
from procguide.dicom.parse import Parsed, fragments_are_whole, parse_header
from procguide.imaging.limits import MAX_VOXELS

__all__ = ["Headers", "SliceHeader", "read_headers"]

_TAGS = tags_of(
    "SpecificCharacterSet",
    "ImageType",
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "SeriesDescription",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientPosition",
    "SliceThickness",
    "EchoTime",
    "DiffusionBValue",
    "EchoNumbers",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "AcquisitionNumber",
    "InstanceNumber",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "TemporalPositionIdentifier",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "PixelSpacing",
    "BitsAllocated",
    "RescaleIntercept",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
_MOST_FRAMES = 100_000
"""An hour of video has as many: more only fill memory with what is known of each. Assumed."""
_SIZES_MM = (1e-4, 1e4)
_FARTHEST_MM = 1e6
"""No image of a person has smaller or larger steps, or lies farther from its origin. Assumed."""
_CODE = re.compile(r"[A-Z0-9_]{1,16}")
_VARIANT = (
    ("FrameContentSequence", "FrameAcquisitionNumber", "AcquisitionNumber"),
    ("", "EchoNumbers", "EchoNumbers"),
    ("MREchoSequence", "EffectiveEchoTime", "EchoTime"),
    ("FrameContentSequence", "TemporalPositionIndex", "TemporalPositionIdentifier"),
    ("MRDiffusionSequence", "DiffusionBValue", "DiffusionBValue"),
)
"""What tells repeats at one place apart: macro and keyword in multi-frame objects, keyword in classic."""


@dataclass(frozen=True, eq=False)
class SliceHeader:
    """One slice, or one object without geometry (then the three arrays are None).

    ``position`` is that of the first pixel's centre and ``rows_and_columns`` the two unit vectors of
    Image Orientation (Patient): along a row (i grows), then down a column (j grows). ``pixel_spacing``
    is DICOM's: between rows (j), then between columns (i). PS3.3 C.7.6.2. ``rescaled`` is whether it says
    how stored values become output units (HU for CT). ``patient`` tells patients apart: never show it.
    """

    file: Path
    frame: int
    frames: int
    instance_uid: str
    series_uid: str
    study_uid: str
    patient: str
    modality: str
    description: str
    image_type: tuple[str, ...]
    size: tuple[int, int]
    samples: int
    thickness: float | None
    number: int
    variant: tuple[str, ...]
    position: NDArray[np.float64] | None = None
    rows_and_columns: NDArray[np.float64] | None = None
    pixel_spacing: NDArray[np.float64] | None = None
    rescaled: bool = True
    patient_position: str = ""
    sop_class: str = ""

    @property
    def is_localizer(self) -> bool:
        """Whether the scanner calls it a scout (PS3.3 C.8.2.1.1.1)."""
        return "LOCALIZER" in self.image_type


@dataclass(frozen=True)
class Headers:
    """All slices under a path, and what could not be had: counts of files, no names.

    ``imageless`` are whole DICOM files of no series and without pixels, as colour palettes are; ``refused``
    are files left alone for what they claim or hide, by reason; ``missing`` those that a DICOMDIR lists;
    ``others`` are no DICOM, ``zips`` of them zips, which are opened by their own name only.
    """

    slices: tuple[SliceHeader, ...]
    unreadable: int
    cut_short: int
    others: int
    imageless: int = 0
    missing: int = 0
    zips: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)


def read_headers(path: Path, without: Collection[Path] = ()) -> Headers:
    """Read the headers of a file, or of every DICOM file in a folder and its subfolders, DICOMDIR or zip.

    Files ``without`` which all is to be read are counted as unreadable.
    """
    contents = contents_of(path)
    slices: list[SliceHeader] = []
    counts = dict.fromkeys(("unreadable", "cut_short", "imageless"), 0)
    others, zips, refused = contents.others, contents.zips, Counter(contents.refused)
    with quietly():
        for file in contents.files:
            try:
                if file in without:
                    raise ValueError("known to be damaged")
                parsed = parse_header(file, _TAGS)
                slices.extend([] if parsed is None else _slices(file, parsed))
                others += parsed is None
                zips += parsed is None and is_zip(file)
            except RefusedError as error:
                refused[error.reason] += 1
            except _CutShortError:
                counts["cut_short"] += 1
            except _NoImageError:
                counts["imageless"] += 1
            except Exception:
                counts["unreadable"] += 1
    known = {"others": others, "missing": contents.missing, "zips": zips}
    return Headers(tuple(slices), **counts, **known, refused=refused)


class _CutShortError(Exception):
    pass


class _NoImageError(Exception):
    pass


def _slices(file: Path, parsed: Parsed) -> list[SliceHeader]:
    dataset = parsed.dataset
    if MediaStorageDirectoryStorage in (
        first_text(dataset, "SOPClassUID"),
        _meta(dataset, "MediaStorageSOPClassUID"),
    ):
        return []
    if not first_text(dataset, "SeriesInstanceUID") and not whole(dataset, "Rows"):
        if _is_no_composite(first_text(dataset, "SOPClassUID")):
            raise _NoImageError
        raise ValueError("neither a series nor pixels")
    _check_size(dataset, parsed.remaining)
    if is_compressed(dataset) and not fragments_are_whole(file, parsed.remaining):
        raise _CutShortError
    frames = max(whole(dataset, "NumberOfFrames", 1), 1)
    if frames > _MOST_FRAMES:
        raise RefusedError(f"it claims {frames} frames")
    groups = items(dataset, "PerFrameFunctionalGroupsSequence")
    if len(groups) == frames:
        shared = items(dataset, "SharedFunctionalGroupsSequence")
        common = shared[0] if shared else Dataset()
        placed = [_header(file, dataset, n, frames, (group, common)) for n, group in enumerate(groups)]
        if any(header.position is not None for header in placed):
            return placed
    return [_header(file, dataset, 0, frames, (dataset,))]


def _is_no_composite(sop_class: str) -> bool:
    """Whether objects of this class belong to no series: palettes, protocols and their like (PS3.4 GG)."""
    return sop_class.startswith("1.2.840.10008.5.1.4.") and not sop_class.startswith(
        "1.2.840.10008.5.1.4.1.1."
    )


def _meta(dataset: Dataset, keyword: str) -> str:
    meta = getattr(dataset, "file_meta", None)
    return str(meta.get(keyword, "") or "") if meta is not None else ""


def _check_size(dataset: Dataset, remaining: int) -> None:
    """Refuse sizes that the ``remaining`` bytes from Pixel Data on cannot hold, before any is decoded."""
    if not whole(dataset, "Rows") * whole(dataset, "Columns") and first_text(dataset, "Modality") in (
        "CT",
        "MR",
    ):
        raise ValueError("no pixels")
    syntax = UID(_meta(dataset, "TransferSyntaxUID"))
    if syntax.is_transfer_syntax and syntax.is_deflated:
        check_claims(dataset, MAX_VOXELS)  # read whole already, or refused
        return
    check_claims(dataset, remaining)
    expected = expected_bytes(dataset)
    if (min(expected, 1) if is_compressed(dataset) else expected) > max(remaining - 8, 0):
        raise _CutShortError


def _header(
    file: Path, dataset: Dataset, frame: int, frames: int, groups: tuple[Dataset, ...]
) -> SliceHeader:
    """The record of one frame; ``groups`` are looked through in order for what differs by frame."""
    classic = groups[0] is dataset
    size = (whole(dataset, "Rows"), whole(dataset, "Columns"))
    plane = _geometry(groups) if all(size) and (frames == 1 or not classic) else None
    position, directions, spacing = plane or (None, None, None)
    thickness = _value(groups, "PixelMeasuresSequence", "SliceThickness")
    image_type = (
        _frame_type(groups, "CTImageFrameTypeSequence")
        or _frame_type(groups, "MRImageFrameTypeSequence")
        or texts(dataset, "ImageType")
    )
    return SliceHeader(
        file=file,
        frame=frame,
        frames=frames,
        instance_uid=first_text(dataset, "SOPInstanceUID"),
        series_uid=first_text(dataset, "SeriesInstanceUID"),
        study_uid=first_text(dataset, "StudyInstanceUID"),
        patient=_patient(dataset),
        patient_position=first_text(dataset, "PatientPosition"),
        modality=_modality(dataset),
        description=words(dataset, "SeriesDescription"),
        image_type=image_type,
        size=size,
        samples=whole(dataset, "SamplesPerPixel", 1) or 1,
        thickness=thickness[0] if thickness and _is_size(thickness[0]) else None,
        number=whole(dataset, "InstanceNumber") + frame,
        variant=(*_variant(dataset, groups, classic=classic), "/".join(image_type)),
        position=position,
        rows_and_columns=directions,
        pixel_spacing=spacing,
        rescaled=bool(_value(groups, "PixelValueTransformationSequence", "RescaleIntercept")),
        sop_class=first_text(dataset, "SOPClassUID"),
    )


def _modality(dataset: Dataset) -> str:
    """A code string of PS3.5 6.2, or OT: it is shown, and so may not hold what steers a terminal."""
    found = first_text(dataset, "Modality")
    return found if _CODE.fullmatch(found) else "OT"


def _variant(dataset: Dataset, groups: tuple[Dataset, ...], *, classic: bool) -> Iterator[str]:
    for macro, keyword, plain in _VARIANT:
        if classic or not macro:
            yield "\\".join(texts(dataset, plain))
        else:
            yield str(_value(groups, macro, keyword))


def _frame_type(groups: tuple[Dataset, ...], macro: str) -> tuple[str, ...]:
    for group in groups:
        for item in items(group, macro)[:1]:
            return texts(item, "FrameType")
    return ()


def _patient(dataset: Dataset) -> str:
    """What tells patients apart: the ID, or name and date of birth where there is none. Never shown."""
    identity = words(dataset, "PatientID")
    return identity or f"{words(dataset, 'PatientName')}\n{words(dataset, 'PatientBirthDate')}".strip()


def _geometry(
    groups: tuple[Dataset, ...],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
    """Position ``(3,)``, directions ``(2, 3)``, spacing ``(2,)``; None where any is missing or unusable."""
    position = _value(groups, "PlanePositionSequence", "ImagePositionPatient")
    directions = _directions(_value(groups, "PlaneOrientationSequence", "ImageOrientationPatient"))
    spacing = _spacing(_value(groups, "PixelMeasuresSequence", "PixelSpacing"))
    if len(position) != 3 or not all(abs(x) < _FARTHEST_MM for x in position):
        return None
    if directions is None or spacing is None:
        return None
    return np.array(position, dtype=np.float64), directions, spacing


@lru_cache(maxsize=1024)
def _directions(values: tuple[float, ...]) -> NDArray[np.float64] | None:
    """Two perpendicular unit vectors, one array for all slices that share them; None for anything else."""
    if len(values) != 6:
        return None
    along = np.array(values, dtype=np.float64).reshape(2, 3)
    lengths = np.linalg.norm(along, axis=1)
    if not np.allclose(lengths, 1, atol=1e-2) or abs(float(along[0] @ along[1])) > 1e-2:
        return None
    return np.asarray(along / lengths[:, None])


def _is_size(value: float) -> bool:
    """Whether it can be a step or a thickness: a lattice of others has no inverse in floating point."""
    return _SIZES_MM[0] <= value <= _SIZES_MM[1]


@lru_cache(maxsize=1024)
def _spacing(values: tuple[float, ...]) -> NDArray[np.float64] | None:
    if len(values) != 2 or not all(map(_is_size, values)):
        return None
    return np.array(values, dtype=np.float64)


def _value(groups: tuple[Dataset, ...], sequence: str, keyword: str) -> tuple[float, ...]:
    """The attribute's numbers from a functional group's macro, or from a plain dataset."""
    for group in groups:
        macro = items(group, sequence)
        found = numbers(macro[0] if macro else group, keyword)
        if found:
            return found
    return ()
