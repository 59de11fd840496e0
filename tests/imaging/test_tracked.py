"""Tracked ultrasound sequences in one MetaImage are read as frames with their times, skin at the top."""

from pathlib import Path

import numpy as np
import pytest

from procguide.dicom import read_frames, read_study
from procguide.errors import InputUnreadableError
from procguide.imaging import Cine
from procguide.imaging.tracked import TrackedSequence, is_tracked_sequence


def written(folder: Path, orientation: str = "MF", *, timed: bool = True) -> tuple[Path, np.ndarray]:
    """Three frames of 4 x 6 pixels, and what they hold."""
    pixels = np.arange(72, dtype=np.uint8).reshape(3, 4, 6)
    lines = [
        "ObjectType = Image",
        "NDims = 3",
        "BinaryData = True",
        "DimSize = 6 4 3",
        "ElementType = MET_UCHAR",
    ]
    lines += ["ElementSpacing = 1 1 1", f"UltrasoundImageOrientation = {orientation}"]
    for n in range(3):
        lines.append(f"Seq_Frame{n:04d}_ImageStatus = OK")
        lines += [f"Seq_Frame{n:04d}_Timestamp = {7.0 + 0.05 * n}"] if timed else []
    file = folder / "sweep.igs.mha"
    header = "\n".join([*lines, "ElementDataFile = LOCAL", ""])
    file.write_bytes(header.encode() + pixels.tobytes())
    return file, pixels


def test_a_sequence_is_a_cine_of_ultrasound(tmp_path):
    file, pixels = written(tmp_path)
    (series,) = read_study(file).series
    assert (series.modality, series.shape, series.grid) == ("US", (3, 4, 6), None)
    assert "does not say how large its pixels are" in series.findings[0].words
    (cine,) = read_frames(series)
    assert isinstance(cine, Cine)
    assert np.array_equal(cine.pixels, pixels)
    assert cine.times_s == pytest.approx([0, 0.05, 0.1])
    assert TrackedSequence(file).rate_hz == pytest.approx(20)


@pytest.mark.parametrize(("orientation", "steps"), [("UF", (1, -1)), ("MN", (-1, 1)), ("UNA", (-1, -1))])
def test_frames_are_turned_with_the_skin_up_and_the_marker_left(tmp_path, orientation, steps):
    file, pixels = written(tmp_path, orientation, timed=False)
    frames = list(TrackedSequence(file))
    assert all(frame.time_s is None for frame in frames)
    assert TrackedSequence(file).rate_hz is None
    assert np.array_equal(frames[1].pixels, pixels[1][:: steps[0], :: steps[1]])


def test_a_sequence_lies_beside_pictures_in_a_folder(tmp_path):
    written(tmp_path)
    (tmp_path / "volume.mha").write_bytes(b"ObjectType = Image\n")
    assert not is_tracked_sequence(tmp_path / "volume.mha")
    assert not is_tracked_sequence(tmp_path / "none.mha")
    (series,) = read_study(tmp_path).series
    assert series.shape == (3, 4, 6)


def test_a_sequence_cut_short_is_refused(tmp_path):
    file, _ = written(tmp_path)
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(InputUnreadableError, match="cut short"):
        list(TrackedSequence(file))
    file.write_bytes(file.read_bytes().replace(b"DimSize = 6 4 3", b"DimSize = 6 4 9000000"))
    with pytest.raises(InputUnreadableError, match="cut short"):
        read_study(file)
