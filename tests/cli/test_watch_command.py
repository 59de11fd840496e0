"""Frames are judged as they come: from a folder of pictures, a video, a DICOM cine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from procguide.quality.faults.ultrasound import contact_lost
from tests.cli.conftest import Invoke
from tests.dicom.made_images import make_image, saved

FRAMES = 30


def speckle(n: int) -> np.ndarray:
    """Ultrasound 0..1, ``(240, 320)``, another noise each frame."""
    rng = np.random.default_rng(7)
    parts = [gaussian_filter(rng.standard_normal((240, 320)), (1.2, 1.8)) for _ in "ab"]
    level = 20 * np.log10(np.hypot(*parts) + 1e-6)
    echoes = np.clip((level - np.percentile(level, 97) + 36) / 55, 0.02, 1)
    return (echoes * np.random.default_rng(n).uniform(0.95, 1, echoes.shape)).astype(np.float32)


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """A folder whose frames 8 to 19 have no contact."""
    folder = tmp_path / "frames"
    folder.mkdir()
    whole = (slice(None), slice(None))
    for n in range(FRAMES):
        picture = contact_lost(speckle(n), whole, 0.95, 1) if 8 <= n < 20 else speckle(n)
        Image.fromarray(np.rint(255 * picture).astype(np.uint8)).save(folder / f"frame {n}.png")
    return folder


def test_changes_are_lines_and_the_last_sums_up(invoke: Invoke, frames: Path, tmp_path: Path) -> None:
    answer = invoke("watch", frames, "--kind", "ultrasound", "-o", tmp_path / "out", "--json")
    assert answer.code == 0
    *changes, last = [json.loads(line) for line in answer.out.splitlines()]
    assert changes[0]["frame"] == 0
    assert changes[0]["verdict"] in ("optimal", "usable")
    lost = next(change for change in changes if change["advice"] and change["advice"]["name"] == "contact")
    assert 8 <= lost["frame"] < 20
    assert any(change["verdict"] == "not usable" for change in changes)
    assert last["schema"] == "procguide.watch/1"
    assert last["frames"] == FRAMES
    assert not 8 <= last["best_frame"] < 20
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"best.png", "run.json", "watch.json"}
    assert json.loads((tmp_path / "out" / "watch.json").read_text())["changes"] == changes
    with (
        Image.open(tmp_path / "out" / "best.png") as best,
        Image.open(frames / f"frame {last['best_frame']}.png") as kept,
    ):
        np.testing.assert_array_equal(np.asarray(best), np.asarray(kept))


def test_a_folder_that_is_followed(invoke: Invoke, frames: Path) -> None:
    answer = invoke("watch", frames, "--kind", "ultrasound", "--follow", "0.2")
    assert answer.code == 0
    assert f"{FRAMES} frames: " in answer.out
    assert "frame 0 (0.0 s): " in answer.out


def test_pictures_do_not_say_what_they_are(invoke: Invoke, frames: Path) -> None:
    for command in ("watch", "quality"):
        answer = invoke(command, frames)
        assert answer.code in (2, 5)
        assert "--kind" in answer.err


def test_no_frame_usable(invoke: Invoke, tmp_path: Path) -> None:
    folder = tmp_path / "black"
    folder.mkdir()
    for n in range(8):
        Image.fromarray(np.full((240, 320), n % 2, np.uint8)).save(folder / f"{n}.png")
    answer = invoke("watch", folder, "--kind", "ultrasound")
    assert answer.code == 5
    assert "gel" in answer.err


def test_a_cine_says_what_it_is_and_when(invoke: Invoke, tmp_path: Path) -> None:
    pixels = np.stack([np.rint(255 * speckle(n)).astype(np.uint8) for n in range(5)])
    saved(make_image("US cine", pixels, FrameTime=40), tmp_path / "cine.dcm")
    answer = invoke("watch", tmp_path / "cine.dcm", "--json")
    assert answer.code == 0
    *_, last = [json.loads(line) for line in answer.out.splitlines()]
    assert last["frames"] == 5


def test_a_volume_is_no_stream(invoke: Invoke, study: Path) -> None:
    answer = invoke("watch", study)
    assert answer.code == 5
    assert "DICOM cine" in answer.err


def test_what_pictures_do_not_say_is_said(invoke: Invoke, frames: Path) -> None:
    judge = ("quality", frames / "frame 1.png", "--kind", "ultrasound", "--needle")
    for command in (judge, ("info", frames)):
        answer = invoke(*command)
        assert answer.code == 0
        assert ("No needle can be seen" in answer.out) == ("--needle" in command)
        assert "how large its pixels are" in " ".join(answer.out.split())


def test_quality_of_pictures(invoke: Invoke, frames: Path) -> None:
    answer = invoke("quality", frames, "--kind", "ultrasound", "--json")
    assert answer.code == 0
    images = json.loads(answer.out)["images"]
    assert len(images) == FRAMES
    bad = {image["image"] for image in images if image["severity"] == "stop"}
    assert bad == set(range(9, 21))
