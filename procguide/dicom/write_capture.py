"""Key pictures as Secondary Capture (DICOM PS3.3 A.8), for viewers that read nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import JPEGBaseline8Bit, SecondaryCaptureImageStorage, generate_uid

from procguide import DISCLAIMER
from procguide.dicom.derived import Sources, new_object, reference, save_derived

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Capture", "restate_capture", "write_captures"]

_SERIES_NUMBER = 9004
_QUALITY = 92
_LONGEST = 64  # characters of a long string (LO)
_LINE = 15  # pixels, of one line of small print
_MARGIN = 6
_FONT = 12  # points
_PAPER, _INK = (20, 24, 30), (255, 214, 102)


@dataclass(frozen=True)
class Capture:
    """A picture that any common program reads (JPEG, PNG), its title, and what it shows in words."""

    picture: bytes
    title: str
    words: str


def write_captures(
    captures: Sequence[Capture], sources: Sources, folder: str | Path, *, status: str
) -> tuple[Path, ...]:
    """Write one file a picture, all in one series; ``status`` and the disclaimer are drawn below each.

    Pictures must show no identity: the objects say that nothing burnt in identifies the patient.
    """
    from PIL import Image

    series_uid, files = generate_uid(), []
    for place, capture in enumerate(captures, start=1):
        dataset = new_object(
            sources,
            SecondaryCaptureImageStorage,
            "OT",
            number=_SERIES_NUMBER,
            description=f"Key pictures, {status}; research only"[:_LONGEST],
        )
        dataset.SeriesInstanceUID, dataset.InstanceNumber = series_uid, place
        _describe(dataset, capture, sources)
        with Image.open(BytesIO(capture.picture)) as opened:
            _put_picture(dataset, _with_small_print(opened.convert("RGB"), status))
        files.append(save_derived(dataset, Path(folder) / f"picture_{place}.dcm"))
    return tuple(files)


def _describe(dataset: Dataset, capture: Capture, sources: Sources) -> None:
    """General Image, SC Equipment and SC Image modules; it is no image to measure on."""
    now = datetime.now(UTC)
    dataset.ContentDate, dataset.ContentTime = f"{now:%Y%m%d}", f"{now:%H%M%S}"
    dataset.ConversionType = "WSD"
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.PatientOrientation = ""
    dataset.BurnedInAnnotation = "NO"
    dataset.RecognizableVisualFeatures = "NO"
    dataset.DerivationDescription = capture.title
    dataset.ImageComments = f"{capture.words} {DISCLAIMER}"
    dataset.BodyPartExamined = "SPINE"  # unpaired: Laterality is absent
    dataset.SourceImageSequence = DicomSequence(reference(header) for header in sources.headers)


def restate_capture(dataset: Dataset, before: str, after: str) -> None:
    """Draw ``after`` below an object's picture in the place of ``before``, the status it was written with."""
    from PIL import Image

    with Image.open(BytesIO(next(generate_frames(dataset.PixelData, number_of_frames=1)))) as opened:
        image = opened.convert("RGB")
    strip = _strip_height(_small_print(before, image.width))
    picture = image.crop((0, 0, image.width, image.height - strip))
    _put_picture(dataset, _with_small_print(picture, after))


def _with_small_print(image: Image.Image, status: str) -> Image.Image:
    """The picture with a strip below it that says what it is not."""
    from PIL import Image, ImageDraw, ImageFont

    lines = _small_print(status, image.width)
    whole = Image.new("RGB", (image.width, image.height + _strip_height(lines)), _PAPER)
    whole.paste(image, (0, 0))
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(size=_FONT)
    for n, line in enumerate(lines):
        draw.text((_MARGIN, image.height + _MARGIN + n * _LINE), line, fill=_INK, font=font)
    return whole


def _small_print(status: str, width: int) -> list[str]:
    from PIL import ImageFont

    words = f"{status[:1].upper()}{status[1:]}. {DISCLAIMER}"
    return _wrapped(words, width - 2 * _MARGIN, ImageFont.load_default(size=_FONT))


def _strip_height(lines: Sequence[str]) -> int:
    return 2 * _MARGIN + _LINE * len(lines)


def _wrapped(words: str, width: int, font: object) -> list[str]:
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:  # type: ignore[attr-defined]
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _put_picture(dataset: Dataset, image: Image.Image) -> None:
    """Image Pixel module with baseline JPEG, 4:2:2 (PS3.5 8.2.1)."""
    stream = BytesIO()
    image.save(stream, "JPEG", quality=_QUALITY, subsampling="4:2:2")
    data = stream.getvalue()
    dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
    dataset.PhotometricInterpretation = "YBR_FULL_422"
    dataset.Rows, dataset.Columns = image.height, image.width
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelRepresentation = 0
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionRatio = f"{3 * image.width * image.height / len(data):.2f}"
    dataset.LossyImageCompressionMethod = "ISO_10918_1"
    dataset.PixelData = encapsulate([data])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
