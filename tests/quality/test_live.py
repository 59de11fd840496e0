"""The live recommender: its verdict holds still, its advice is the cause, its best frame is a good one."""

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image
from quality.made_pictures import frame, scan, xray

from procguide.errors import InputUnreadableError
from procguide.imaging import Cine, Frame, View
from procguide.imaging.frame_source import FilledFolder, FrameList, FrameSource, Pictures, VideoFile
from procguide.quality import Kind
from procguide.quality.faults import projection, ultrasound
from procguide.quality.live import Recommender, Verdict, recommend


def speckle(n: int) -> np.ndarray:
    picture, sector = scan()
    picture[sector] *= np.random.default_rng(n).uniform(0.9, 1, picture[sector].shape)
    return picture


def test_clean_stream_is_optimal():
    for judgement in recommend([frame(speckle(n), "US") for n in range(4)], Kind.ULTRASOUND):
        assert judgement.verdict is Verdict.OPTIMAL
        assert judgement.advice is None


def test_advice_is_the_cause_and_goes_when_it_is_mended():
    _, sector = scan()
    recommender = Recommender(Kind.ULTRASOUND)
    said = []
    for n in range(60):
        picture = speckle(n)
        if 10 <= n < 30:
            picture = ultrasound.contact_lost(picture, sector, 0.9, 1)
        said.append(recommender.see(frame(picture, "US")))
    assert said[29].verdict is Verdict.UNFIT
    assert said[29].advice.name == "contact"
    assert said[-1].verdict is Verdict.OPTIMAL
    assert said[-1].advice is None
    assert not 10 <= said[-1].best.number < 30
    verdicts = [judgement.verdict for judgement in said]
    assert sum(a is not b for a, b in pairwise(verdicts)) <= 4


def test_verdict_does_not_flicker_about_a_limit():
    recommender = Recommender(Kind.FLUOROSCOPY)
    verdicts = []
    for n in range(40):
        bright = projection.over_exposed(xray(), 0.29 + 0.03 * (n % 2), 0)
        verdicts.append(recommender.see(frame(bright)).verdict)
    assert sum(a is not b for a, b in pairwise(verdicts)) <= 1


def test_frozen_picture_is_said():
    recommender = Recommender(Kind.ULTRASOUND)
    still = frame(speckle(0), "US")
    assert [recommender.see(still).advice for _ in range(14)][-1].name == "frozen"


def test_a_frozen_picture_is_unfrozen_before_its_gain_is_turned():
    picture, sector = scan()
    bright = frame(ultrasound.gain_high(picture, sector, 0.9, 1), "US")
    recommender = Recommender(Kind.ULTRASOUND)
    said = [recommender.see(bright).advice.name for _ in range(14)]
    assert (said[0], said[-1]) == ("gain too high", "frozen")


def test_restart_forgets():
    recommender = Recommender(Kind.ULTRASOUND)
    recommender.see(frame(speckle(0), "US"))
    recommender.restart()
    judgement = recommender.see(frame(speckle(1), "US"))
    assert (judgement.number, judgement.best.number) == (0, 0)


class Drawn:
    """Frames that are drawn as they are asked for, as a simulator does; contact is lost for a while."""

    rate_hz = 30.0

    def __init__(self) -> None:
        self.drawn = 0

    def __iter__(self) -> Iterator[Frame]:
        _, sector = scan()
        for n in range(30):
            self.drawn += 1
            lost = 0.9 if 10 <= n < 20 else 0.0
            picture = ultrasound.contact_lost(speckle(n), sector, lost, 1)
            yield replace(frame(picture, "US"), time_s=n / self.rate_hz)


def test_any_source_of_frames_will_do_and_is_judged_as_it_comes():
    source = Drawn()
    assert isinstance(source, FrameSource)
    for judgement in recommend(source, Kind.ULTRASOUND):
        assert source.drawn == judgement.number + 1
        if judgement.number == 19:
            assert judgement.advice.name == "contact"
    assert judgement.number == 29
    assert judgement.advice is None


class TestSources:
    def test_cine_is_one(self):
        cine = Cine(np.zeros((3, 8, 8), np.uint8), (View("US"),), np.arange(3) / 10)
        assert isinstance(cine, FrameSource)
        assert len(list(cine)) == 3

    def test_folder_in_order_of_names(self, tmp_path):
        for n in (2, 0, 1):
            Image.fromarray(np.full((60, 60), 10 * n, np.uint8)).save(tmp_path / f"{n}.png")
        (tmp_path / "notes.txt").write_text("no picture")
        source = Pictures.of_folder(tmp_path, "US", 10.0)
        assert isinstance(source, FrameSource)
        assert [(f.pixels[0, 0], f.time_s) for f in source] == [(0, 0.0), (10, 0.1), (20, 0.2)]

    def test_grey_stored_as_colours_is_grey(self, tmp_path):
        grey = np.repeat(np.arange(60, dtype=np.uint8)[:, None, None], 60, 1).repeat(3, 2)
        Image.fromarray(grey).save(tmp_path / "a.png")
        assert next(iter(Pictures.of_folder(tmp_path, "US"))).pixels.shape == (60, 60)

    def test_damaged_picture_says_so(self, tmp_path):
        (tmp_path / "a.png").write_bytes(b"\x89PNG but no more")
        with pytest.raises(InputUnreadableError):
            list(Pictures.of_folder(tmp_path, "US"))

    def test_folder_that_fills(self, tmp_path):
        whole = BytesIO()
        Image.fromarray(np.full((60, 60), 9, np.uint8)).save(whole, "PNG")
        steps = iter(
            [
                lambda: (tmp_path / "9.png").write_bytes(whole.getvalue()[:40]),
                lambda: (tmp_path / "10.png").write_bytes(whole.getvalue()),
                lambda: (tmp_path / "9.png").write_bytes(whole.getvalue()),
            ]
        )
        now = [0.0]

        def sleep(_: float) -> None:
            now[0] += 1
            next(steps, lambda: None)()

        source = FilledFolder(tmp_path, "US", patience_s=3, clock=lambda: now[0], sleep=sleep)
        assert isinstance(source, FrameSource)
        assert [(f.time_s, f.source) for f in source] == [(0.0, "picture 0"), (1.0, "picture 1")]
        assert now[0] == 7  # the last came at 3

    def test_folder_that_stays_empty_ends(self, tmp_path):
        assert list(FilledFolder(tmp_path, patience_s=0.02)) == []

    def test_frames_at_hand(self):
        frames = (frame(speckle(0), "US"), frame(speckle(1), "US"))
        assert isinstance(FrameList(frames), FrameSource)
        assert tuple(FrameList(frames)) == frames

    def test_video(self, tmp_path):
        cv2 = pytest.importorskip("cv2")
        writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 64))
        for n in range(5):
            writer.write(np.full((64, 64, 3), 40 * n, np.uint8))
        writer.release()
        source = VideoFile(tmp_path / "a.avi", "US")
        assert source.rate_hz == pytest.approx(10)
        assert [round(float(f.pixels.mean()) / 40) for f in source] == [0, 1, 2, 3, 4]

    def test_video_that_is_none(self, tmp_path):
        pytest.importorskip("cv2")
        (tmp_path / "a.mp4").write_bytes(b"no video")
        with pytest.raises(InputUnreadableError):
            list(VideoFile(tmp_path / "a.mp4", "US"))
