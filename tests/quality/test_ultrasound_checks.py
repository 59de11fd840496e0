"""Ultrasound pictures: each fault is found, and clean ones raise no alarm."""

import numpy as np
import pytest
from numpy.typing import NDArray
from quality.made_pictures import examined, frame, is_fault, scan, score

from procguide.geometry import Affine
from procguide.imaging import Cine, Frame, LabelMap, UltrasoundRegion, View
from procguide.quality import Examined, Kind
from procguide.quality.assess import assess_quality
from procguide.quality.faults import ultrasound
from procguide.quality.sector import sector_of

FOUND = [
    ("contact", ultrasound.contact_lost, 0.6),
    ("gain too low", ultrasound.gain_low, 0.9),
    ("gain too high", ultrasound.gain_high, 0.9),
    ("empty depth", ultrasound.too_deep, 0.8),
    ("shadow", ultrasound.shadowed, 0.8),
    ("focus", ultrasound.defocused, 0.7),
    ("writing", ultrasound.written_on, 0.5),
]


@pytest.mark.parametrize(("name", "fault", "strength"), FOUND)
def test_fault_is_found(name, fault, strength):
    picture, sector = scan()
    assert is_fault(name, examined(fault(picture, sector, strength, 3), Kind.ULTRASOUND))


@pytest.mark.parametrize(("_name", "fault", "_strength"), FOUND)
def test_no_strength_is_no_fault(_name, fault, _strength):
    picture, sector = scan()
    before = picture.copy()
    np.testing.assert_array_equal(fault(picture, sector, 0.0, 3), before)
    fault(picture, sector, 0.7, 3)
    np.testing.assert_array_equal(picture, before)


def test_clean_picture_raises_no_alarm():
    assert [finding.name for finding in assess_quality(examined(scan()[0], Kind.ULTRASOUND)).faults] == []


def test_black_picture_is_unfit():
    quality = assess_quality(examined(np.zeros((480, 640), np.float32), Kind.ULTRASOUND))
    assert {(finding.name, finding.severity.value) for finding in quality.findings} == {
        ("contact", "stop"),
        ("gain too low", "stop"),
    }


def test_contact_says_where():
    picture, sector = scan()
    dark = picture.copy()
    dark[40 : sector[0].stop, 80:230] = 0.01
    found = score("contact", examined(dark, Kind.ULTRASOUND))
    assert found.details["side"] == "left"
    assert found.value == pytest.approx(100 * 150 / 460, abs=4)
    assert found.where.high[1] == pytest.approx(230, abs=12)


class TestSector:
    def test_is_found(self):
        picture, sector = scan()
        top, left, bottom, right = sector_of(frame(picture, "US")).box
        assert (top, left) == pytest.approx((20, 80), abs=3)
        assert (bottom, right) == pytest.approx((sector[0].stop, sector[1].stop), abs=3)

    def test_a_reflector_beyond_water_belongs_to_it(self):
        picture, sector = scan()
        picture[250:] = 0
        picture[432:436, sector[1]] = 0.9
        box = sector_of(frame(picture, "US")).box
        assert box == pytest.approx((20, 80, 436, sector[1].stop), abs=3)

    def test_a_lower_half_without_echoes_counts_where_its_black_is_not_the_frame_s(self):
        picture, sector = scan()
        picture[sector] = np.maximum(picture[sector], 0.008)
        picture[230 : sector[0].stop, sector[1]] = 0.008
        picture[455:460, 90:200] = 0.9  # words beside it
        given = examined(picture, Kind.ULTRASOUND)
        assert sector_of(given.frame).box == pytest.approx((20, 80, 440, 540), abs=3)
        assert is_fault("empty depth", given)

    def test_words_beside_it_do_not(self):
        picture, sector = scan()
        picture[460:470, 560:630] = 0.9
        assert sector_of(frame(picture, "US")).box[2] == pytest.approx(sector[0].stop, abs=3)

    def test_file_names_it(self):
        region = UltrasoundRegion(80, 20, 539, 439, "2D", "tissue", ("cm", "cm"), (0.01, 0.01))
        pixels = np.rint(scan()[0] * 255).astype(np.uint8)
        found = sector_of(Frame(pixels, View("US", regions=(region,))))
        assert found.box == (20, 80, 440, 540)
        assert found.depth_mm == pytest.approx(42)

    def test_curved_probe_fans_out(self):
        rows, columns = np.indices((480, 640))
        radius, angle = np.hypot(rows + 80, columns - 320), np.arctan2(columns - 320, rows + 80)
        inside = (radius > 120) & (radius < 500) & (np.abs(angle) < 0.6)
        speckle = np.random.default_rng(0).uniform(0.1, 0.6, inside.shape)
        found = sector_of(frame(np.where(inside, speckle, 0).astype(np.float32), "US"))
        assert found.curved
        assert (found.echoes[5:-5, 5:-5] > 0.05).mean() > 0.98


class TestNeedle:
    def test_steep_needle_is_seen(self):
        picture, sector = scan()
        shown = ultrasound.with_needle(picture, sector, 1.0, 4)
        assert score("needle in plane", examined(shown, Kind.ULTRASOUND, "needle")).value > 55

    def test_is_not_asked_where_none_is_expected(self):
        assert score("needle in plane", examined(scan()[0], Kind.ULTRASOUND)) is None


class TestFrozen:
    def run(self, strength: float) -> NDArray[np.float32]:
        picture, _ = scan()
        noise = np.random.default_rng(0).uniform(0.9, 1, (16, 480, 640))
        return np.asarray(255 * ultrasound.frozen((picture * noise).astype(np.float32), strength))

    def examined(self, run: NDArray[np.float32]) -> Examined:
        pixels = np.rint(np.clip(run, 0, 255)).astype(np.uint8)
        return Examined(Kind.ULTRASOUND, cine=Cine(pixels, (View("US"),)))

    def test_still_run_is_found(self):
        given = self.examined(self.run(0.8))
        assert is_fault("frozen", given)
        assert score("frozen", given).value == 12
        assert score("frozen", given).frame == 15

    def test_a_clock_beside_the_sector_does_not_hide_it(self):
        run = self.run(1.0)
        for n, shown in enumerate(run):
            shown[2:14, 600 : 610 + n] = 255
        assert score("frozen", self.examined(run)).value == 15

    def test_a_frame_grabber_s_noise_does_not_hide_it(self):
        run = self.run(1.0)
        noise = np.random.default_rng(1).normal(0, 1, run.shape)
        assert score("frozen", self.examined(run + noise)).value == 15

    def test_moving_run_is_not(self):
        assert score("frozen", self.examined(self.run(0.0))).value == 0

    def test_slow_drift_is_not(self):
        picture, _ = scan()
        run = np.stack([np.roll(picture, n // 2, axis=1) for n in range(16)]) * 255
        assert score("frozen", self.examined(run)).value == 1


def test_a_target_is_moved_with_the_picture():
    picture, sector = scan()
    marked = np.zeros(picture.shape, bool)
    marked[sector][200:220, 100:150] = True
    for scale, rows in ((0.5, (100, 110)), (1.5, (300, 330)), (3.0, ())):
        shown, moved = ultrasound.at_other_depth(picture, marked, sector, scale, 0)
        found = np.flatnonzero(moved[sector].any(axis=1))
        assert (not len(found)) if not rows else np.allclose((found[0], found[-1] + 1), rows, atol=2)
        assert shown.shape == picture.shape
    shown, moved = ultrasound.at_other_depth(picture, marked, sector, 1.0, 0)
    assert np.array_equal(shown, picture)
    assert np.array_equal(moved, marked)


def test_target_at_the_end_of_the_depth():
    picture, _ = scan()
    for rows, fault in ((slice(200, 260), False), (slice(25, 50), True), (slice(400, 440), True)):
        labels = np.zeros((1, 480, 640), np.uint8)
        labels[0, rows, 300:340] = 1
        target = LabelMap(labels, Affine(np.eye(4)), names={1: "nerve"})
        given = Examined(Kind.ULTRASOUND, frame=frame(picture, "US"), labels=target)
        assert is_fault("target depth", given) == fault
