from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    JPEGLSLossless,
    SecondaryCaptureImageStorage,
    UltrasoundMultiFrameImageStorage,
)

from procguide.dicom.deidentify import Report
from procguide.dicom.deidentify.burnt_in import may_show_text, viewable_frames
from procguide.dicom.deidentify.regions import Box, mask_of
from procguide.dicom.deidentify.text_finder import RapidTextFinder
from tests.dicom.deidentify.conftest import Blind, item

Make = Callable[..., FileDataset]
Run = Callable[..., tuple[Report, list[FileDataset]]]
SIZE = (240, 320)
TEXT = "QUIXOTE DULCINEA"
needs_rapidocr = pytest.mark.skipif(
    importlib.util.find_spec("rapidocr") is None, reason="needs rapidocr (extra deidentify)"
)
needs_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None or importlib.util.find_spec("pytesseract") is None,
    reason="needs tesseract and pytesseract",
)


class Told:
    """A finder that says what it is told to, and keeps what it was shown."""

    def __init__(self, *boxes: Box) -> None:
        self.boxes, self.shown = boxes, list[np.ndarray]()

    def find(self, image: np.ndarray) -> tuple[Box, ...]:
        self.shown.append(image)
        return self.boxes


@pytest.fixture(scope="module")
def finder() -> RapidTextFinder:
    return RapidTextFinder(threads=1)


def speckle(seed: int = 0, frames: int = 1) -> np.ndarray:
    """Something like tissue under ultrasound, ``(n, j, i)``."""
    return np.random.default_rng(seed).normal(70, 20, (frames, *SIZE)).clip(0, 200).astype(np.uint8)


def write_on(frame: np.ndarray, text: str = TEXT, place: tuple[int, int] = (12, 8)) -> np.ndarray:
    """``text`` in white at ``place`` (column, row)."""
    picture = Image.fromarray(frame)
    ImageDraw.Draw(picture).text(place, text, fill=255, font=ImageFont.load_default(14))
    return np.asarray(picture)


def as_image(dataset: FileDataset, frames: np.ndarray, sop_class: str, **attributes: Any) -> FileDataset:
    """``dataset`` with these frames ``(n, j, i)`` or ``(n, j, i, 3)``, of another class."""
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.Rows, dataset.Columns = frames.shape[1:3]
    dataset.NumberOfFrames = len(frames)
    dataset.SamplesPerPixel = 3 if frames.ndim == 4 else 1
    bits = frames.dtype.itemsize * 8
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    if frames.ndim == 4:
        dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
    dataset.PixelData = frames.tobytes()
    dataset["PixelData"].VR = "OB" if bits == 8 else "OW"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


@needs_rapidocr
def test_a_name_in_an_ultrasound_clip_is_found_and_blanked(
    patient_slice: Make, run: Run, finder: RapidTextFinder
) -> None:
    frames = np.stack([write_on(frame) for frame in speckle(frames=2)])
    original = as_image(patient_slice(Modality="US"), frames, UltrasoundMultiFrameImageStorage)
    report, (written,) = run(original, finder=finder)
    after = pixel_array(written)
    assert after[:, 8:24, 12:130].max() < 200
    np.testing.assert_array_equal(after[:, 60:], frames[:, 60:])
    assert written.BurnedInAnnotation == "NO"
    assert "113101" in [code.CodeValue for code in written.DeidentificationMethodCodeSequence]
    assert report.pixels["images with text blanked"] == 1


def test_text_shown_in_one_frame_alone_is_in_a_picture_that_is_looked_at(patient_slice: Make) -> None:
    frames = speckle(frames=40)
    frames[23] = write_on(frames[23], place=(150, 200))
    dataset = as_image(patient_slice(Modality="US"), frames, UltrasoundMultiFrameImageStorage)
    pictures = list(viewable_frames(dataset, frames[..., None]))
    assert len(pictures) == 12
    seen = [int((picture == 255).sum()) for picture in pictures]
    assert sum(count > 0 for count in seen) == 1
    assert max(seen) == 3 * int((frames[23] == 255).sum())


def test_a_compressed_colour_capture(patient_slice: Make, run: Run) -> None:
    frames = np.repeat(write_on(speckle()[0])[None, ..., None], 3, axis=-1)
    original = as_image(patient_slice(Modality="OT"), frames, SecondaryCaptureImageStorage)
    original.PixelData = np.ascontiguousarray(frames).tobytes()
    original.compress(JPEGLSLossless, encoding_plugin="pyjpegls")
    _, (written,) = run(original, finder=Told(Box(8, 12, 26, 140)))
    after = pixel_array(written)
    assert after[8:26, 12:140].max() == 0
    np.testing.assert_array_equal(after[60:], frames[0, 60:])


@needs_rapidocr
def test_a_radiograph_in_which_white_is_low(patient_slice: Make, run: Run, finder: RapidTextFinder) -> None:
    picture = write_on(speckle()[0]).astype(np.uint16) * 16
    frames = (4095 - picture)[None]
    original = as_image(
        patient_slice(Modality="DX", PhotometricInterpretation="MONOCHROME1"),
        frames,
        DigitalXRayImageStorageForPresentation,
    )
    report, (written,) = run(original, finder=finder)
    assert report.pixels["images with text blanked"] == 1
    after = pixel_array(written)
    assert after[8:24, 12:130].min() > 4095 - 200 * 16
    assert after.dtype == np.uint16


def test_no_text_leaves_the_file_as_it_was(patient_slice: Make, run: Run) -> None:
    original = as_image(patient_slice(Modality="US"), speckle(), UltrasoundMultiFrameImageStorage)
    original.compress(JPEGLSLossless, encoding_plugin="pyjpegls")
    report, (written,) = run(original, finder=Told())
    assert written.file_meta.TransferSyntaxUID == JPEGLSLossless
    assert written.PixelData == original.PixelData
    assert written.BurnedInAnnotation == "NO"
    assert "images with text blanked" not in report.pixels


def test_all_outside_the_scan_is_blanked(patient_slice: Make, run: Run) -> None:
    regions = item(
        RegionLocationMinX0=40, RegionLocationMinY0=50, RegionLocationMaxX1=279, RegionLocationMaxY1=219
    )
    frames = speckle()
    original = as_image(patient_slice(Modality="US"), frames, UltrasoundMultiFrameImageStorage)
    original.SequenceOfUltrasoundRegions = regions
    told = Told(Box(100, 100, 110, 140))
    report, (written,) = run(original, finder=told)
    after = pixel_array(written)
    inside = np.zeros(SIZE, dtype=bool)
    inside[50:220, 40:280] = True
    assert (after[~inside] == frames.min()).all()
    inside[98:112, 98:142] = False
    np.testing.assert_array_equal(after[inside], frames[0][inside])
    assert (after[98:112, 98:142] == frames.min()).all()
    assert told.shown[0].shape == (*SIZE, 3)
    assert report.pixels["images blanked outside the scan"] == 1


@needs_rapidocr
def test_a_line_of_text_on_a_large_radiograph(
    finder: RapidTextFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large images are looked at in tiles; the detector's models are its own, and none is fetched."""
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("it reached for the network"))
    picture = Image.fromarray(np.full((1300, 1300), 60, np.uint8))
    ImageDraw.Draw(picture).text((1100, 1200), TEXT[:7], fill=255, font=ImageFont.load_default(24))
    frame = np.asarray(picture)
    mask = mask_of(finder.find(np.repeat(frame[..., None], 3, axis=-1)), frame.shape)
    assert mask[frame == 255].mean() > 0.99
    assert mask.mean() < 0.01


def test_images_that_may_show_text_can_be_left_out(patient_slice: Make, run: Run) -> None:
    shown = as_image(patient_slice(Modality="US"), speckle(), UltrasoundMultiFrameImageStorage)
    report, written = run(shown, patient_slice(), pixels="leave-out")
    assert [one.Modality for one in written] == ["CT"]
    assert report.left_out == {"it may show burnt-in text, and such images are to be left out": 1}


def test_which_images_may_show_text(patient_slice: Make) -> None:
    assert not may_show_text(patient_slice())
    assert may_show_text(patient_slice(BurnedInAnnotation="YES"))
    assert may_show_text(patient_slice(ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"]))
    assert may_show_text(patient_slice(SOPClassUID=SecondaryCaptureImageStorage))
    assert may_show_text(patient_slice(SOPClassUID=SecondaryCaptureImageStorage, BurnedInAnnotation="NO"))


def test_pixels_that_cannot_be_decoded_are_not_passed_on(patient_slice: Make, run: Run) -> None:
    broken = as_image(patient_slice(Modality="US"), speckle(), UltrasoundMultiFrameImageStorage)
    broken.compress(JPEGLSLossless, encoding_plugin="pyjpegls")
    broken.PixelData = encapsulate([b"\xff\xd8\xff\xf7 no picture at all"])
    report, written = run(broken, finder=Told())
    assert written == []
    assert report.left_out == {"its compressed pixels are of another size than its header says": 1}


@needs_tesseract
def test_a_name_that_the_finder_missed_is_read_by_the_second_check(patient_slice: Make, run: Run) -> None:
    frames = write_on(np.zeros(SIZE, np.uint8), place=(40, 100))[None]
    missed = as_image(patient_slice(Modality="US"), frames, UltrasoundMultiFrameImageStorage)
    report, written = run(missed, finder=Told(), reader=None)
    assert written == []
    assert [leak.kind for leak in report.leaks] == ["burnt-in name or identifier"]


@needs_rapidocr
@pytest.mark.real
def test_a_real_fluoroscopy(real_data: Path, tmp_path: Path, finder: RapidTextFinder) -> None:
    from procguide.dicom.deidentify import deidentify

    report = deidentify(real_data / "fluoroscopy", tmp_path / "out", finder=finder, reader=Blind())
    assert report.written == report.read == 1
    assert report.pixels["images looked through for text"] == 1
