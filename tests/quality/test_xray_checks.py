"""X-ray pictures: each fault is found, and clean ones raise no alarm."""

import numpy as np
import pytest
from quality.made_pictures import examined, is_fault, score, xray

from procguide.imaging import Cine, Frame, View
from procguide.quality import Examined, Kind
from procguide.quality.assess import assess_quality
from procguide.quality.faults import projection

FOUND = [
    ("burnt out", projection.over_exposed, 0.8),
    ("under-penetrated", projection.under_penetrated, 0.9),
    ("dark", projection.under_exposed, 0.9),
    ("contrast", projection.over_penetrated, 0.9),
    ("field size", projection.collimated, 1.0),
    ("field off centre", projection.off_centre, 1.0),
    ("noise", projection.noisy, 1.0),
    ("motion blur", projection.moved, 0.7),
    ("metal", projection.with_metal, 0.5),
]


@pytest.mark.parametrize(("name", "fault", "strength"), FOUND)
def test_fault_is_found(name, fault, strength):
    assert is_fault(name, examined(fault(xray(), strength, 3)))


@pytest.mark.parametrize(("name", "fault", "_strength"), FOUND)
def test_no_strength_is_no_fault(name, fault, _strength):
    if name == "field off centre":
        pytest.skip("this fault's picture is collimated at any strength")
    picture = xray()
    before = picture.copy()
    np.testing.assert_array_equal(fault(picture, 0.0, 3), picture)
    fault(picture, 0.7, 3)
    np.testing.assert_array_equal(picture, before)


def test_clean_picture_raises_no_alarm():
    quality = assess_quality(examined(xray()))
    assert [finding.name for finding in quality.faults] == []
    assert [a.check.name for a in quality.answers if a.why_not] == ["lag"]


@pytest.mark.parametrize("degrees", [0, 20, 55, 90])
def test_thin_wire_is_measured_but_no_fault(degrees):
    rows, columns = np.indices((512, 512)) - 255.5
    turn = np.radians(degrees)
    along, across = columns * np.cos(turn) + rows * np.sin(turn), rows * np.cos(turn) - columns * np.sin(turn)
    wire = (np.abs(along) < 140) & (np.abs(across) < 3)
    shown = examined(np.where(wire, 0.6 * xray(), xray()))
    assert score("metal", examined(xray())).value == 0
    assert score("metal", shown).value == pytest.approx(100 * wire.mean(), rel=0.4)
    assert not is_fault("metal", shown)


def test_round_field_is_not_a_fault_of_size():
    rows, columns = np.indices((512, 512)) - 255.5
    shut = np.where(np.hypot(rows, columns) < 250, xray(), 0)
    found = score("field size", examined(shut))
    assert found.value == pytest.approx(100 * np.pi * 250**2 / 512**2, abs=2)
    assert not is_fault("under-penetrated", examined(shut))


def test_radiograph_is_shown_the_other_way_round():
    dark = examined(xray() * 0.1)
    assert is_fault("dark", dark)
    shown_inverted = Examined(Kind.RADIOGRAPH, frame=Frame(255 - dark.frame.pixels, View("DX")))
    assert is_fault("dark", shown_inverted)


def test_sixteen_bits_and_inverted_files_give_the_same():
    plain = examined(xray())
    deep = np.rint(xray() * 4095).astype(np.uint16)
    deep[0, 0], deep[0, 1] = 0, 4095
    inverted = Frame(4095 - deep, View("XA", inverted=True))
    for name in ("noise", "contrast", "dark"):
        wanted = score(name, plain).value
        assert score(name, Examined(Kind.FLUOROSCOPY, frame=inverted)).value == pytest.approx(wanted, rel=0.2)


class TestMarker:
    @pytest.mark.parametrize("letter", ["L", "R"])
    def test_is_read(self, letter):
        picture = projection.with_marker(xray(1000), letter, 2)
        shown = examined(1 - picture, Kind.RADIOGRAPH)
        assert score("side marker", shown).details["said"] == f"A letter {letter} can be read."

    def test_mirrored_is_said(self):
        picture = projection.with_marker(xray(1000), "R", 2, mirrored=True)
        found = score("side marker", examined(1 - picture, Kind.RADIOGRAPH))
        assert found.value == -1
        assert "turned over" in found.details["said"]

    def test_absent_is_a_caution(self):
        assert is_fault("side marker", examined(1 - xray(1000), Kind.RADIOGRAPH))

    def test_file_that_says_its_side_needs_none(self):
        shown = Frame((255 * (1 - xray())).astype(np.uint8), View("DX", orientation=("L", "F")))
        assert not is_fault("side marker", Examined(Kind.RADIOGRAPH, frame=shown))


class TestLag:
    def run(self, kept: float) -> Examined:
        noisy = np.stack([projection.with_noise(xray(256), 300, n) for n in range(30)])
        pixels = np.rint(4095 * projection.lagging(noisy, kept / 0.9)[18:]).astype(np.uint16)
        return Examined(Kind.FLUOROSCOPY, cine=Cine(pixels, (View("RF"),)))

    @pytest.mark.parametrize("kept", [0.3, 0.6, 0.8])
    def test_share_kept_is_measured(self, kept):
        assert score("lag", self.run(kept)).value == pytest.approx(100 * kept, abs=12)

    def test_none_is_no_fault(self):
        assert not is_fault("lag", self.run(0.0))
