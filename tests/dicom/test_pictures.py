"""Pictures and videos are read as series to look at; what they claim is checked before they are decoded."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from procguide.dicom import read_frames, read_study
from procguide.errors import InputUnfitError, InputUnreadableError
from procguide.imaging import Cine, Frame


def save(file: Path, value: int, size: tuple[int, int] = (60, 80)) -> None:
    Image.fromarray(np.full(size, value, np.uint8)).save(file)


def claiming(file: Path, columns: int, rows: int) -> None:
    """A PNG of a few bytes whose header claims a size."""
    header = b"IHDR" + struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 9) + b"IDATno pixels")


def test_one_picture(tmp_path):
    save(tmp_path / "a.png", 7)
    (series,) = read_study(tmp_path / "a.png").series
    assert (series.modality, series.shape, series.grid) == ("OT", (1, 60, 80), None)
    assert series.usable_for == "viewing only: picture or video, not measurable"
    (frame,) = read_frames(series)
    assert isinstance(frame, Frame)
    assert frame.pixels[0, 0] == 7
    assert "how large its pixels" in frame.view.why_unmeasurable


def test_folder_is_one_series_a_size_in_the_order_of_numbers(tmp_path):
    for n in (10, 2, 1):
        save(tmp_path / f"frame {n}.png", n)
    save(tmp_path / "other.jpg", 90, (30, 30))
    (tmp_path / "notes.txt").write_text("no picture")
    small, large = sorted(read_study(tmp_path).series, key=lambda series: series.shape)
    assert (small.shape, large.shape) == ((1, 30, 30), (3, 60, 80))
    assert [frame.pixels[0, 0] for frame in read_frames(large)] == [1, 2, 10]


def test_pictures_beside_dicom_are_passed_over(write_stack, voxels):
    folder: Path = write_stack(voxels, np.arange(12)[:, None] * (0, 0, 3.0))
    save(folder / "thumbnail.png", 1)
    assert [series.modality for series in read_study(folder).series] == ["CT"]


def test_damaged_picture_is_left_out_and_counted(tmp_path):
    save(tmp_path / "a.png", 1)
    (tmp_path / "b.png").write_bytes(b"\x89PNG but no more")
    study = read_study(tmp_path)
    assert study.series[0].shape[0] == 1
    assert [(finding.name, finding.score) for finding in study.lost] == [("damaged files", 1)]


@pytest.mark.parametrize(("columns", "rows"), [(9000, 9000), (2**31 - 1, 2**31 - 1), (0, 5)])
def test_what_a_picture_claims_is_checked(tmp_path, columns, rows):
    claiming(tmp_path / "a.png", columns, rows)
    with pytest.raises(InputUnreadableError):
        read_study(tmp_path / "a.png")


def test_damaged_pixels_say_so(tmp_path):
    claiming(tmp_path / "a.png", 64, 64)
    (series,) = read_study(tmp_path).series
    with pytest.raises(InputUnreadableError, match=r"a\.png"):
        read_frames(series)


def test_too_many_to_hold(tmp_path):
    for n in range(24):
        claiming(tmp_path / f"{n}.png", 8000, 8000)
    (series,) = read_study(tmp_path).series
    with pytest.raises(InputUnfitError, match="procguide watch"):
        read_frames(series)


def test_no_plan_from_pictures(tmp_path):
    save(tmp_path / "a.png", 1)
    with pytest.raises(InputUnfitError):
        read_study(tmp_path).choose()


def test_video_is_a_cine(tmp_path):
    cv2 = pytest.importorskip("cv2")
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for n in range(5):
        writer.write(np.full((48, 64, 3), 40 * n, np.uint8))
    writer.release()
    (series,) = read_study(tmp_path).series
    assert series.shape == (5, 48, 64)
    (cine,) = read_frames(series)
    assert isinstance(cine, Cine)
    assert cine.rate_hz == pytest.approx(10)
    assert len(cine) == 5
