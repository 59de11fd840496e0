"""The inputs tried: what each is, where it comes from, and what came of reading it, in one line."""

from __future__ import annotations

import gc
import json
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom import dcmread
from pydicom.fileset import FileSet
from pydicom.uid import (
    HTJ2K,
    UID,
    DeflatedExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from procguide.dicom import (
    CtAcquisition,
    MrAcquisition,
    Series,
    StudyIdentity,
    read_frames,
    read_study,
    read_volume,
    write_series,
)
from procguide.errors import ProcguideError
from procguide.geometry import Affine
from procguide.imaging import Cine, Modality, View, Volume
from tests.dicom.conftest import AXIAL, make_slice
from tests.dicom.made_images import (
    HTJ2K_COLOUR,
    HTJ2K_GREY,
    HTJ2K_STREAMS,
    htj2k,
    item,
    make_image,
    ramp,
    region,
    saved,
)

REPOSITORY = Path(__file__).resolve().parents[2]
EXPECTED = Path(__file__).with_name("input_cases.json")
PYDICOM = Path(pydicom.__file__).parent / "data"


@dataclass(frozen=True)
class InputCase:
    """One input: ``place`` gives its path, made in the folder it is called with where it must be made."""

    name: str
    source: str
    oddity: str
    place: Callable[[Path], Path]


@dataclass(frozen=True)
class Outcome:
    """What came of it: modalities, transfer syntaxes, and in words images or the error."""

    modality: str
    syntax: str
    words: str


def outcome_of(path: Path) -> Outcome:
    """Read all that is under ``path``."""
    try:
        study = read_study(path)
    except ProcguideError as error:
        return Outcome("", _syntax(path), f"{type(error).__name__}: {_told(error, path)}")
    modalities = dict.fromkeys(series.modality for series in study.series)
    syntaxes = dict.fromkeys(_syntax(series.files[0]) for series in study.series)
    words = [_series(series) for series in study.series]
    words += [f"[{finding.name}]" for finding in study.findings]
    return Outcome(", ".join(modalities), ", ".join(syntaxes), "; ".join(dict.fromkeys(words)))


def _told(error: ProcguideError, path: Path) -> str:
    return str(error).replace(str(path), "it").split(";")[0].split(", .nii")[0].removeprefix("the file ")


def _syntax(path: Path) -> str:
    if path.is_dir():
        return ""
    with warnings.catch_warnings(action="ignore"):
        meta = dcmread(path, stop_before_pixels=True, force=True, specific_tags=["Modality"]).file_meta
    uid = UID(str(meta.get("TransferSyntaxUID", "")))
    return uid.name if uid.is_transfer_syntax else ""


def _series(series: Series) -> str:
    try:
        what = _volume(series) if series.grid is not None else _frames(series)
    except ProcguideError as error:
        what = f"{type(error).__name__}: {_told(error, series.files[0])}"
    return f"{what} ({series.usable_for})"


def _volume(series: Series) -> str:
    voxels = read_volume(series).voxels
    size = "x".join(map(str, voxels.shape))
    return f"volume {size} {series.orientation}, {voxels.min():.6g}..{voxels.max():.6g}"


def _frames(series: Series) -> str:
    image = read_frames(series)[0]
    pixels = image.pixels
    kind = "cine" if isinstance(image, Cine) else "frame"
    size = "x".join(str(n) for n in pixels.shape[: 3 if kind == "cine" else 2])
    colour = "RGB" if pixels.shape[-1] == 3 and image.view.colour else "grey"
    timed = f" {image.rate_hz:.3g}/s" if isinstance(image, Cine) and image.rate_hz else ""
    return f"{kind} {size} {colour}{timed}, {pixels.min():.6g}..{pixels.max():.6g}{_measured(image.view)}"


def _measured(view: View) -> str:
    """What its pixels measure."""
    if view.why_unmeasurable:
        return ", no length"
    sizes = [region.pixel_size for region in view.regions] or [view.pixel_size]
    said = [f", {size.columns_mm:.3g} mm ({size.plane})" for size in sizes if size is not None]
    patient = view.patient_mm
    if patient is not None and patient != view.pixel_size:
        said.append(f", {patient.columns_mm:.3g} mm (patient)")
    return "".join(said)


def pixels_of(path: Path) -> str:
    """How a file says that its pixels are stored: interpretation, bits, sign, planes."""
    if path.is_dir() or path.suffix == ".zip":
        return ""
    with warnings.catch_warnings(action="ignore"):
        header = dcmread(path, stop_before_pixels=True, force=True)
        if "Rows" not in header or "BitsStored" not in header:
            return ""
        sign = ", signed" if header.get("PixelRepresentation") == 1 else ""
        planes = ", planes apart" if header.get("PlanarConfiguration") == 1 else ""
        bits = f"{header.BitsStored} of {header.BitsAllocated} bits"
        return f"{header.get('PhotometricInterpretation', '?')}, {bits}{sign}{planes}"


def expected() -> dict[str, Outcome]:
    """What is on record of each case."""
    return {name: Outcome(**row) for name, row in json.loads(EXPECTED.read_text()).items()}


def pydicom_cases() -> Iterator[InputCase]:
    """pydicom's own test files that are installed with it, folders of one study each."""
    for folder in ("test_files", "charset_files", "palettes"):
        for file in sorted((PYDICOM / folder).iterdir()):
            if file.suffix in ("", ".dcm") and file.is_file():
                yield InputCase(file.name, "pydicom", "", lambda _, file=file: file)
    for name in ("DICOMDIR", "TINY_ALPHA/DICOMDIR"):
        file = PYDICOM / "test_files" / "dicomdirtests" / name
        yield InputCase(f"dicomdirtests/{name}", "pydicom", "DICOMDIR", lambda _, file=file: file)
    for folder in sorted((PYDICOM / "test_files" / "dicomdirtests").iterdir()):
        if folder.is_dir():
            yield InputCase(f"dicomdirtests/{folder.name}", "pydicom", "folder", lambda _, f=folder: f)


def sample_cases() -> Iterator[InputCase]:
    """This repository's own series."""
    for name in ("lumbar/t2_sagittal", "lumbar/t1_sagittal", "lumbar/t2_axial", "lumbar/ct", "difficult/ct"):
        yield InputCase(name, "sample_dicom", "folder", lambda _, n=name: REPOSITORY / "sample_dicom" / n)


SHARED = {
    "dicom_mr/lumbar_t2_sagittal_j2k.dcm": "a scanner's slice",
    "fluoroscopy/c_arm_rf.dcm": "a C-arm's frame",
}
"""Real images outside the project, by their place in its folder; the whole CT has tests of its own."""


def made_cases() -> Iterator[InputCase]:
    """Each oddity on its own, made by :mod:`tests.dicom.made_images` and by our own writer."""
    for oddity, place in _MADE.items():
        yield InputCase(oddity, "made", oddity, place)


VOXELS = np.arange(12 * 20 * 16, dtype=np.uint16).reshape(12, 20, 16)


def _stack(folder: Path, heights: np.ndarray, voxels: np.ndarray = VOXELS, **attributes: object) -> Path:
    """One axial slice a height; ``directions`` for another orientation."""
    directions = attributes.pop("directions", AXIAL)
    normal = np.cross(*np.asarray(directions, dtype=float))
    count = len(list(folder.rglob("*")))
    for k, height in enumerate(heights):
        position = normal * height
        dataset = make_slice(voxels[k % len(voxels)], position, directions, **attributes)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.9.{count}.{k}"
        saved(dataset, folder / f"{count}_{k}")
    return folder


def _even(count: int = 12, step: float = 2.0) -> np.ndarray:
    return np.arange(count) * step


def _all(*parts: Callable[[Path], object]) -> Callable[[Path], Path]:
    """Several stacks in one folder."""

    def place(folder: Path) -> Path:
        for part in parts:
            part(folder)
        return folder

    return place


def _one(make: Callable[[], pydicom.FileDataset]) -> Callable[[Path], Path]:
    return lambda folder: saved(make(), folder / "image.dcm")


def _written(modality: Modality, *, enhanced: bool) -> Callable[[Path], Path]:
    def place(folder: Path) -> Path:
        values = VOXELS.astype(np.int16) - (1024 if modality is Modality.CT else 0)
        volume = Volume(values, Affine.axis_aligned((3.0, 1.0, 1.0), (0, 0, 0)), modality)
        facts = CtAcquisition() if modality is Modality.CT else MrAcquisition()
        write_series(volume, folder, facts, study=StudyIdentity(), enhanced=enhanced)
        return folder

    return place


def _compressed(syntax: UID) -> Callable[[], pydicom.FileDataset]:
    def make() -> pydicom.FileDataset:
        dataset = make_image("US cine", ramp(3, 40, 48, 3), colour=True, FrameTime="40")
        dataset.compress(syntax, generate_instance_uid=False)
        return dataset

    return make


def _in_syntax(syntax: UID) -> Callable[[], pydicom.FileDataset]:
    def make() -> pydicom.FileDataset:
        dataset = make_image("DX", ramp(30, 40))
        dataset.file_meta.TransferSyntaxUID = syntax
        return dataset

    return make


def _zip(folder: Path) -> Path:
    """A CT, a text and a folder in it."""
    _stack(folder / "in" / "CT", _even())
    (folder / "in" / "readme.txt").write_text("hello")
    return Path(shutil.make_archive(str(folder / "study"), "zip", folder / "in"))


def _dicomdir(folder: Path) -> Path:
    """A medium as a scanner writes it, with a file that it does not list."""
    dates = {"StudyDate": "20200101", "StudyTime": "120000", "StudyID": "1"}
    listed = sorted(_stack(folder / "in", _even(), **dates).iterdir())
    with warnings.catch_warnings(action="ignore"):  # of pydicom's own temporary folder, when it goes
        medium = FileSet()
        for file in listed:
            dataset = dcmread(file)
            dataset.SeriesNumber, dataset.AccessionNumber = 1, ""
            medium.add(dataset)
        medium.write(folder / "medium")
        del medium
        gc.collect()
    saved(make_image("XA", ramp(8, 8)), folder / "medium" / "OTHER")
    return folder / "medium" / "DICOMDIR"


_ROTATION = {
    "PositionerPrimaryAngle": "-30",
    "PositionerSecondaryAngle": "0",
    "PositionerPrimaryAngleIncrement": "10",
    "FrameTime": "66.7",
}
_CORONAL = ((1, 0, 0), (0, 0, -1))
_MADE: dict[str, Callable[[Path], Path]] = {
    "classic CT": _written(Modality.CT, enhanced=False),
    "classic MR": _written(Modality.MR, enhanced=False),
    "enhanced multi-frame CT": _written(Modality.CT, enhanced=True),
    "enhanced multi-frame MR": _written(Modality.MR, enhanced=True),
    "one slice missing": lambda f: _stack(f, _even(24)[np.arange(24) != 9]),
    "two slices missing in one gap": lambda f: _stack(f, _even()[[0, 1, 2, 3, 6, 7, 8, 9, 10, 11]]),
    "uneven slices": lambda f: _stack(f, _even() + 0.6 * (np.arange(12) == 5)),
    "slices twice": lambda f: _stack(_stack(f / "a", _even()).parent / "b", _even()).parent,
    "two orientations in one series": _all(
        lambda f: _stack(f, _even()), lambda f: _stack(f, _even(), directions=_CORONAL)
    ),
    "two acquisitions in one series": _all(
        lambda f: _stack(f, _even(), AcquisitionNumber=1),
        lambda f: _stack(f, _even() + 1, VOXELS + 7, AcquisitionNumber=2),
    ),
    "two echoes in one series": _all(
        lambda f: _stack(f, _even(), Modality="MR", EchoTime="10"),
        lambda f: _stack(f, _even(), VOXELS + 7, Modality="MR", EchoTime="90"),
    ),
    "a localizer in the series": _all(
        lambda f: _stack(f, _even()),
        lambda f: _stack(f, _even(1), directions=_CORONAL, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
    ),
    "two patients": _all(
        lambda f: _stack(f, _even()),
        lambda f: _stack(f, _even(), PatientID="other", SeriesInstanceUID="1.2.9", StudyInstanceUID="1.9"),
    ),
    "four slices, one of them a kilometre away": lambda f: _stack(f, np.array([0.0, 1.0, 2.0, 1e6])),
    "a zip of a CT and a text": _zip,
    "a DICOMDIR": _dicomdir,
    "signed values, fractional slope": lambda f: _stack(
        f, _even(), VOXELS.astype(np.int16) - 900, RescaleSlope="0.5", RescaleIntercept="-0.25"
    ),
    "padding beyond the scan field": lambda f: _stack(
        f,
        _even(),
        np.where((VOXELS // 16 % 20 < 3), -2000, VOXELS.astype(np.int16)).astype(np.int16),
        PixelPaddingValue=-2000,
    ),
    "XA, spacing at the detector": _one(
        lambda: make_image(
            "XA",
            ramp(30, 40),
            ImagerPixelSpacing=[0.3, 0.3],
            EstimatedRadiographicMagnificationFactor="1.5",
            PositionerPrimaryAngle="-25",
            PositionerSecondaryAngle="10",
        )
    ),
    "XA, rotational run": _one(lambda: make_image("XA", ramp(6, 30, 40), **_ROTATION)),
    "RF cine of uneven times": _one(
        lambda: make_image("RF", ramp(3, 30, 40), FrameTimeVector=["0", "50", "100"])
    ),
    "CR, MONOCHROME1, pixel spacing alone": _one(
        lambda: make_image(
            "CR",
            ramp(30, 40, dtype=np.uint16),
            PhotometricInterpretation="MONOCHROME1",
            PixelSpacing=[0.2, 0.2],
        )
    ),
    "DX, calibrated on an object": _one(
        lambda: make_image(
            "DX",
            ramp(30, 40),
            ImagerPixelSpacing=[0.15, 0.15],
            PixelSpacing=[0.1, 0.1],
            PixelSpacingCalibrationType="FIDUCIAL",
        )
    ),
    "US, calibrated region": _one(
        lambda: make_image(
            "US",
            ramp(40, 60, 3),
            colour=True,
            SequenceOfUltrasoundRegions=pydicom.Sequence([region((10, 5, 50, 35), (0.02, 0.02))]),
        )
    ),
    "US, YBR_FULL": _one(
        lambda: make_image("US", ramp(40, 60, 3), colour=True, PhotometricInterpretation="YBR_FULL")
    ),
    "Secondary Capture that claims a spacing": _one(
        lambda: make_image("SC", ramp(30, 40), PixelSpacing=[0.1, 0.1])
    ),
    "modality table": _one(
        lambda: make_image(
            "DX",
            ramp(30, 40),
            ModalityLUTSequence=item(
                LUTDescriptor=[256, 0, 16],
                LUTData=(np.arange(256, dtype="<u2") ** 2).tobytes(),
                ModalityLUTType="US",
            ),
        )
    ),
    "implicit little endian": _one(_in_syntax(ImplicitVRLittleEndian)),
    "deflated": _one(_in_syntax(DeflatedExplicitVRLittleEndian)),
    "RLE colour cine": _one(_compressed(RLELossless)),
    "JPEG-LS colour cine": _one(_compressed(JPEGLSLossless)),
    "JPEG 2000 colour cine": _one(_compressed(JPEG2000Lossless)),
    "HTJ2K grey": _one(lambda: htj2k(make_image("DX", HTJ2K_GREY), HTJ2K_STREAMS["grey"], HTJ2KLossless)),
    "HTJ2K colour": _one(
        lambda: htj2k(
            make_image("US", HTJ2K_COLOUR, colour=True, PhotometricInterpretation="YBR_RCT"),
            HTJ2K_STREAMS["colour"],
            HTJ2K,
        )
    ),
}
