import numpy as np
import pytest

from procguide.imaging import CarmView, Cine, Frame, LookupTable, PixelSize, SpacingPlane, View, Window

XA = View("XA")


class TestWindow:
    """PS3.3 C.11.2.1.2 and C.11.2.1.3, at the ends and in the middle."""

    def test_linear(self):
        values = np.array([-10, 0, 50, 100, 110])
        shown = Window(50, 101).apply(values)
        np.testing.assert_allclose(shown, [0, 0.005, 0.505, 1, 1], atol=1e-6)

    def test_linear_exact(self):
        shown = Window(50, 100, function="LINEAR_EXACT").apply(np.array([0, 25, 50, 100]))
        np.testing.assert_allclose(shown, [0, 0.25, 0.5, 1])

    def test_sigmoid(self):
        shown = Window(50, 100, function="SIGMOID").apply(np.array([50, 100]))
        np.testing.assert_allclose(shown, [0.5, 1 / (1 + np.exp(-2))], rtol=1e-6)

    def test_a_width_of_one_is_a_threshold(self):
        np.testing.assert_array_equal(Window(50, 1).apply(np.array([49, 50])), [0, 1])

    def test_a_table_keeps_to_its_ends(self):
        table = LookupTable(10, np.array([0, 0.25, 1], np.float32))
        np.testing.assert_allclose(table.apply(np.array([0, 10, 11, 12, 99])), [0, 0, 0.25, 1, 1])


class TestFrame:
    def test_pixels_are_read_only(self):
        frame = Frame(np.zeros((3, 4)), XA)
        with pytest.raises(ValueError, match="read-only"):
            frame.pixels[0, 0] = 1
        assert frame.shape == (3, 4)

    @pytest.mark.parametrize("shape", [(3,), (2, 3, 4), (0, 4), (2, 3, 4, 3)])
    def test_other_shapes_are_refused(self, shape):
        with pytest.raises(ValueError, match=r"pixels are \(j, i\)"):
            Frame(np.zeros(shape), XA)

    def test_without_a_window_the_whole_range_is_shown(self):
        shown = Frame(np.array([[-5, 0], [5, 15]]), XA).shown()
        np.testing.assert_array_equal(shown, [[0, 64], [128, 255]])

    def test_one_value_only(self):
        assert Frame(np.full((2, 2), 7), XA).shown().dtype == np.uint8

    def test_deep_colours_are_shown_by_their_upper_bits(self):
        pixels = np.full((2, 2, 3), 0x80FF, np.uint16)
        assert (Frame(pixels, View("US", colour=True)).shown() == 0x80).all()


class TestCine:
    def test_views_and_times_are_as_many_as_frames(self):
        with pytest.raises(ValueError, match="one view or as many"):
            Cine(np.zeros((3, 2, 2)), (XA, XA))
        with pytest.raises(ValueError, match="as many times"):
            Cine(np.zeros((3, 2, 2)), (XA,), np.zeros(2))

    def test_frames_know_their_time_and_view(self):
        views = tuple(View("XA", carm=CarmView(primary_deg=angle)) for angle in (0.0, 10.0))
        cine = Cine(np.arange(8).reshape(2, 2, 2), views, np.array([0, 0.5]))
        second = list(cine)[1]
        assert second.time_s == 0.5
        assert second.view.carm.primary_deg == 10
        np.testing.assert_array_equal(second.pixels, [[4, 5], [6, 7]])

    def test_frames_at_one_time_have_no_rate(self):
        assert Cine(np.zeros((2, 2, 2)), (XA,), np.zeros(2)).rate_hz is None

    def test_other_pixels(self):
        cine = Cine(np.zeros((2, 2, 2)), (XA,), np.array([0, 0.5]))
        assert cine.with_pixels(np.ones((2, 5, 5))).frame(1).shape == (5, 5)


class TestPatientSize:
    DETECTOR = PixelSize(0.3, 0.4, SpacingPlane.DETECTOR)

    def test_over_the_magnification(self):
        size = View("XA", self.DETECTOR, carm=CarmView(stated_magnification=2.0)).patient_mm
        assert (size.rows_mm, size.columns_mm, size.plane) == (0.15, 0.2, SpacingPlane.PATIENT)

    def test_the_stated_factor_comes_before_the_distances(self):
        carm = CarmView(source_to_detector_mm=1200, source_to_patient_mm=800, stated_magnification=1.4)
        assert carm.magnification == 1.4

    @pytest.mark.parametrize(
        "view",
        [
            View("XA", DETECTOR),
            View("XA", DETECTOR, carm=CarmView(source_to_detector_mm=1000)),
            View("CR", PixelSize(0.2, 0.2, SpacingPlane.UNSTATED), carm=CarmView(stated_magnification=1.5)),
            View("CR", PixelSize(0.2, 0.2, SpacingPlane.FILM), carm=CarmView(stated_magnification=1.5)),
            View("OT", PixelSize(0.2, 0.2, SpacingPlane.PATIENT), why_unmeasurable="a picture of a screen"),
        ],
        ids=["no magnification", "one distance", "unstated plane", "film", "unmeasurable"],
    )
    def test_unknown_is_none(self, view):
        assert view.patient_mm is None
