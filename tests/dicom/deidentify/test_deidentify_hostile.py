"""Files that nobody vouches for: left out in a moment, and the others still written."""

from __future__ import annotations

import time
import zlib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import RLELossless, SecondaryCaptureImageStorage

from procguide.dicom.deidentify import Report, Settings, deidentify
from procguide.dicom.deidentify.check import find_in_bytes, secrets_of
from tests.dicom.deidentify.conftest import KEY, Blind

Make = Callable[..., FileDataset]
Run = Callable[..., tuple[Report, list[FileDataset]]]


class NoText:
    """A finder that finds nothing."""

    def find(self, _image: object) -> tuple[()]:
        return ()


def rle_bomb(dataset: FileDataset) -> FileDataset:
    dataset.Rows = dataset.Columns = 65535
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    dataset.file_meta.TransferSyntaxUID = RLELossless
    dataset.PixelData = encapsulate([b"\1\0\0\0\x40\0\0\0" + b"\0" * 200])
    dataset["PixelData"].is_undefined_length = True
    return dataset


def nested(dataset: FileDataset, depth: int) -> FileDataset:
    """A name under ``depth`` sequences of defined length, which pydicom parses one by one."""
    inner = Dataset()
    inner.CodeMeaning = "Dulcinea"
    for _ in range(depth):
        outer = Dataset()
        outer.ConceptNameCodeSequence = Sequence([inner])
        inner = outer
    dataset.ReferencedImageSequence = Sequence([inner])
    return dataset


def program(dataset: FileDataset) -> FileDataset:
    dataset.preamble = b"MZ".ljust(128, b"\0")
    return dataset


@pytest.mark.parametrize("attack", [rle_bomb, program])
def test_an_attack_is_left_out_and_the_rest_is_written(
    patient_slice: Make, run: Run, attack: Callable[[FileDataset], FileDataset]
) -> None:
    start = time.perf_counter()
    report, written = run(attack(patient_slice()), patient_slice(), finder=NoText())
    assert time.perf_counter() - start < 10
    assert len(written) == 1
    assert sum(report.left_out.values()) == 1
    assert report.leaks == ()


@pytest.mark.parametrize("depth", [40, 150])
def test_what_lies_too_deep_goes(patient_slice: Make, run: Run, tmp_path: Path, depth: int) -> None:
    report, written = run(nested(patient_slice(), depth), patient_slice(), finder=NoText())
    assert len(written) + sum(report.left_out.values()) == 2
    assert written
    assert report.leaks == ()
    content = b"".join(file.read_bytes() for file in tmp_path.glob("out*/**/*.dcm"))
    assert b"Dulcinea" not in content


def test_a_deflated_bomb(patient_slice: Make, run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    dataset = patient_slice()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    dataset.save_as(tmp_path / "bomb", enforce_file_format=True)
    head = (tmp_path / "bomb").read_bytes()[:400]
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = b"".join(squeezer.compress(b"\0" * 2**20) for _ in range(400)) + squeezer.flush()
    start = 132 + 12 + int.from_bytes(head[140:144], "little")
    (tmp_path / "in" / "bomb").write_bytes(head[:start] + body)
    report, written = run(patient_slice())
    assert len(written) == 1
    assert sum(report.left_out.values()) == 1


def test_all_of_pydicoms_own_files(tmp_path: Path) -> None:
    """Odd and old files of many makers: none ends the run, and none keeps what names its patient."""
    source = Path(pydicom.__file__).parent / "data" / "test_files"
    report = deidentify(source, tmp_path / "out", Settings(), pseudonyms=KEY, finder=NoText(), reader=Blind())
    assert report.leaks == ()
    assert report.written >= 75
    assert report.read - report.written == sum(report.left_out.values())
    written: dict[str, list[Path]] = defaultdict(list)
    for file in (tmp_path / "out").rglob("*.dcm"):
        written[str(pydicom.dcmread(file).SOPInstanceUID)].append(file)
    same = 0
    for file in source.rglob("*.dcm"):
        try:
            original = pydicom.dcmread(file)
            candidates = written[KEY.uid(str(original.SOPInstanceUID))]
        except Exception:  # noqa: S112 (a damaged one: it was left out)
            continue
        pixels = [pydicom.dcmread(one).PixelData for one in candidates]
        same += original.get("PixelData") in pixels
        for one in candidates:
            assert find_in_bytes(one, secrets_of(original)) == ()
    assert same >= 45
