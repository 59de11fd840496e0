"""Hostile files: a clear error soon and in little memory, and the rest of the folder is still read."""

import gc
import inspect
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from procguide.cli.app import run
from procguide.dicom import read_study, read_volume
from procguide.dicom.guard import RefusedError, check_segmented_palette, check_series
from procguide.errors import InputUnreadableError
from tests.dicom.attacks import ATTACKS
from tests.dicom.measured_reading import processor_s, read_everything

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = [attack for attack in ATTACKS if attack.by_header and not attack.name.startswith(("zip", "DICOMDIR"))]


@pytest.fixture
def positions():
    return np.column_stack([np.zeros((12, 2)), np.arange(12) * 2.0])


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_alone_it_is_a_clear_error_soon(attack, tmp_path):
    path = attack.place(tmp_path / "in")
    before = sorted(tmp_path.rglob("*"))
    start = processor_s()
    outcome = read_everything(path)
    assert processor_s() - start < 3  # of a machine that others use; the benchmark measures it
    assert outcome["exit_code"] == 4
    assert attack.words in outcome["words"]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("attack", FILES, ids=lambda attack: attack.name)
def test_the_rest_of_the_folder_is_read(attack, write_stack, voxels, positions, tmp_path):
    folder = write_stack(voxels, positions)
    attack.place(tmp_path / "made") if attack.name.startswith("links") else attack.place(folder)
    if attack.name.startswith("links"):
        (folder / "link").symlink_to(tmp_path / "made" / "outside" / "secret.dcm")
    study = read_study(folder)
    (series,) = study.series
    np.testing.assert_array_equal(read_volume(series).voxels, voxels.astype(int) - 1024)
    (finding,) = study.findings
    assert finding.name in ("damaged files", "refused files")
    assert finding.score == 1


def test_the_command_line_says_so(write_stack, voxels, positions, capsys):
    folder = write_stack(voxels, positions)
    rle = ATTACKS[0]
    assert run(["info", str(rle.place(folder / "bad"))]) == 4
    assert "refused" in capsys.readouterr().err
    assert run(["info", "--json", str(folder)]) == 8
    out, err = capsys.readouterr()
    assert json.loads(out)["series"][0]["shape_kji"] == [12, 20, 16]
    assert "claims" in err


def test_nesting_leaves_room_on_the_stack(tmp_path):
    """A stack that is nearly full breaks what runs between, such as a hook of the garbage collector."""
    deepest = 0

    def watch(_phase, _info):
        nonlocal deepest
        frame, depth = sys._getframe(), 0
        while frame := frame.f_back:
            depth += 1
        deepest = max(deepest, depth)

    (nested,) = [attack for attack in ATTACKS if attack.name == "sequences nested 200 deep"]
    path, before = nested.place(tmp_path), gc.get_threshold()
    start = len(inspect.stack(0))
    gc.callbacks.append(watch)
    gc.set_threshold(5)
    try:
        assert read_everything(path)["exit_code"] == 4
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(watch)
    assert 0 < deepest < start + 300


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is in kilobytes on Linux only")
def test_memory_stays_small(tmp_path):
    paths = [str(attack.place(tmp_path / str(n))) for n, attack in enumerate(ATTACKS)]
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.dicom.measured_reading", *paths],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    outcomes = [json.loads(line) for line in found.stdout.splitlines()]
    assert [outcome["exit_code"] for outcome in outcomes] == [4] * len(ATTACKS)
    assert max(outcome["rise_mb"] for outcome in outcomes) < 300


class TestSeries:
    """Limits on all images of a series together, before room is made for them."""

    def test_honest_sizes_pass(self, tmp_path):
        (tmp_path / "a").write_bytes(bytes(1000))
        check_series(2**27, 2, [tmp_path / "a"])

    @pytest.mark.parametrize(("values", "words"), [(2**31 + 1, "more than the"), (2**28, "would become")])
    def test_others_do_not(self, values, words, tmp_path):
        (tmp_path / "a").write_bytes(bytes(1000))
        with pytest.raises(InputUnreadableError, match=words):
            check_series(values, 2, [tmp_path / "a"])


class TestPalette:
    @pytest.mark.parametrize(
        "words",
        [
            (0, 2, 5, 9),
            (0, 2, 5, 9, 1, 200, 60),
            (0, 2, 5, 9, 1, 200, 60, 2, 2, 0, 0),
            (0, 2, 5, 9, 0),
        ],
    )
    def test_honest_tables_pass(self, words):
        check_segmented_palette(words, eight_bits=False)

    @pytest.mark.parametrize(
        "words",
        [
            (0, 2, 5, 9, 2, 1, 0, 0, 2, 2, 0, 0),
            (0, 2, 5, 9, 2, 1, 3, 0),
            (0, 1, 5, *(1, 65535, 7) * 2),
            (3, 1, 1),
            (0, 1, 5, 2, 1, 0),
        ],
        ids=["repeats of repeats", "into the middle", "too long", "of no kind", "cut short"],
    )
    def test_others_do_not(self, words):
        with pytest.raises(RefusedError, match="palette"):
            check_segmented_palette(words, eight_bits=False)


class TestContainers:
    def test_a_zip_is_read_as_the_folder_is(self, write_stack, voxels, positions, tmp_path):
        folder = write_stack(voxels, positions)
        with zipfile.ZipFile(tmp_path / "study.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(folder.iterdir()):
                archive.write(file, f"CD/IMAGES/{file.name}")
            archive.writestr("CD/README.TXT", "viewer")
        study = read_study(tmp_path / "study.zip")
        np.testing.assert_array_equal(read_volume(study.series[0]).voxels, voxels.astype(int) - 1024)
        assert study.findings == ()
        again = read_study(tmp_path / "study.zip")
        assert again.series[0].files == study.series[0].files
        assert all(tmp_path not in file.parents for file in study.series[0].files)
        assert study.series[0].files[0].parent.stat().st_mode & 0o077 == 0

    def test_the_rest_of_a_zip_is_read(self, write_stack, voxels, positions, tmp_path):
        folder = write_stack(voxels, positions)
        with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
            for file in sorted(folder.iterdir()):
                archive.write(file, file.name)
            archive.write(file, "../../out")
        study = read_study(tmp_path / "study.zip")
        assert study.series[0].shape == (12, 20, 16)
        assert [(f.name, f.score) for f in study.findings] == [("refused files", 1)]

    def test_zips_that_were_not_opened_are_said(self, write_stack, voxels, positions, tmp_path):
        folder = write_stack(voxels, positions)
        for name in ("a.zip", "b.zip"):
            with zipfile.ZipFile(folder / name, "w") as archive:
                archive.write(sorted(folder.iterdir())[0], "image")
        study = read_study(folder)
        assert study.series[0].shape == (12, 20, 16)
        assert [(f.name, f.score) for f in study.findings] == [("zips", 2)]
        assert study.lost == ()
        with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
            archive.write(folder / "a.zip", "a.zip")
        with pytest.raises(InputUnreadableError, match="1 zip archives"):
            read_study(tmp_path / "both.zip")

    def test_an_empty_zip(self, tmp_path):
        zipfile.ZipFile(tmp_path / "a.zip", "w").close()
        with pytest.raises(InputUnreadableError):
            read_study(tmp_path / "a.zip")

    def test_a_zip_cut_short(self, write_stack, voxels, positions, tmp_path):
        file = next(write_stack(voxels, positions).iterdir())
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.write(file, "a")
        data = (tmp_path / "a.zip").read_bytes()
        (tmp_path / "a.zip").write_bytes(data[: len(data) // 2])
        with pytest.raises(InputUnreadableError, match="damaged or cut short"):
            read_study(tmp_path / "a.zip")

    def test_links_within_the_folder_are_followed(self, write_stack, voxels, positions):
        folder = write_stack(voxels, positions)
        file = sorted(folder.iterdir())[0]
        (folder / "store").mkdir()
        file.rename(folder / "store" / file.name)
        file.symlink_to(Path("store", file.name))
        study = read_study(folder)
        assert study.series[0].shape == (12, 20, 16)
        assert study.findings == ()
