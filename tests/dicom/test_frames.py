"""X-ray, ultrasound and captures: pixels, what they measure, when they were taken."""

import numpy as np
import pytest
from pydicom.sequence import Sequence

from procguide.dicom import read_frames, read_study, read_volume
from procguide.errors import InputUnfitError, InputUnreadableError
from procguide.findings import Severity
from procguide.imaging import Cine, Frame, SpacingPlane, Window
from tests.dicom.made_images import item, make_image, ramp, region, saved


def only_series(dataset, tmp_path):
    (series,) = read_study(saved(dataset, tmp_path / "image.dcm")).series
    return series


def only_image(dataset, tmp_path):
    (image,) = read_frames(only_series(dataset, tmp_path))
    return image


def names(series):
    return {finding.name: finding for finding in series.findings}


class TestPixelSizeOfProjections:
    """PS3.3 10.7.1.3: which spacing holds where."""

    def view(self, tmp_path, kind="XA", **attributes):
        return only_series(make_image(kind, ramp(8, 9), **attributes), tmp_path).view

    def test_imager_spacing_holds_at_the_detector(self, tmp_path):
        view = self.view(tmp_path, ImagerPixelSpacing=[0.3, 0.4])
        assert view.pixel_size.plane is SpacingPlane.DETECTOR
        assert (view.pixel_size.rows_mm, view.pixel_size.columns_mm) == (0.3, 0.4)
        assert view.patient_mm is None

    @pytest.mark.parametrize(
        "attributes",
        [
            {"EstimatedRadiographicMagnificationFactor": "1.5"},
            {"DistanceSourceToDetector": "1200", "DistanceSourceToPatient": "800"},
        ],
        ids=["stated", "from the distances"],
    )
    def test_the_magnification_leads_to_the_patient(self, tmp_path, attributes):
        view = self.view(tmp_path, ImagerPixelSpacing=[0.3, 0.3], **attributes)
        assert view.magnification == pytest.approx(1.5)
        assert view.patient_mm.rows_mm == pytest.approx(0.2)
        assert view.patient_mm.plane is SpacingPlane.PATIENT

    def test_equal_spacings_are_the_detectors(self, tmp_path):
        view = self.view(tmp_path, "DX", ImagerPixelSpacing=[0.139, 0.139], PixelSpacing=[0.139, 0.139])
        assert view.pixel_size.plane is SpacingPlane.DETECTOR

    @pytest.mark.parametrize("kind", ["GEOMETRY", "FIDUCIAL"])
    def test_calibrated_spacing_holds_in_the_patient(self, tmp_path, kind):
        view = self.view(
            tmp_path,
            "DX",
            ImagerPixelSpacing=[0.139, 0.139],
            PixelSpacing=[0.1, 0.1],
            PixelSpacingCalibrationType=kind,
        )
        assert view.pixel_size.plane is SpacingPlane.PATIENT
        assert view.pixel_size.calibration == kind
        assert view.imager_size.rows_mm == 0.139
        assert view.patient_mm.rows_mm == 0.1

    def test_pixel_spacing_alone_is_not_taken_for_either(self, tmp_path):
        series = only_series(make_image("CR", ramp(8, 9), PixelSpacing=[0.2, 0.2]), tmp_path)
        assert series.view.pixel_size.plane is SpacingPlane.UNSTATED
        assert series.view.patient_mm is None
        assert (
            "may hold at the detector or in the patient" in names(series)["spacing not in the patient"].words
        )

    def test_a_scanned_film(self, tmp_path):
        view = self.view(tmp_path, "CR", NominalScannedPixelSpacing=[0.175, 0.175])
        assert view.pixel_size.plane is SpacingPlane.FILM
        assert view.patient_mm is None

    @pytest.mark.parametrize("spacing", [["0", "0"], ["-0.1", "0.1"], ["0.1"]])
    def test_spacings_that_are_none(self, tmp_path, spacing):
        view = self.view(tmp_path, ImagerPixelSpacing=spacing)
        assert view.pixel_size is None
        assert view.why_unmeasurable == "the file does not say how large its pixels are"

    def test_it_is_said_in_words(self, tmp_path):
        dataset = make_image(
            "XA",
            ramp(8, 9),
            ImagerPixelSpacing=[0.308, 0.308],
            EstimatedRadiographicMagnificationFactor="1.54",
        )
        series = only_series(dataset, tmp_path)
        assert series.usable_for == "viewing only: X-ray projection"
        finding = names(series)["spacing at the detector"]
        assert finding.severity is Severity.CAUTION
        assert "0.308 mm at the detector" in finding.words
        assert "magnification of 1.54" in finding.words
        assert "0.2 mm at the isocentre" in finding.words

    def test_spacings_that_disagree_with_the_magnification_are_said(self, tmp_path):
        dataset = make_image(
            "XA",
            ramp(8, 9),
            ImagerPixelSpacing=[0.3, 0.3],
            PixelSpacing=[0.25, 0.25],
            PixelSpacingCalibrationType="FIDUCIAL",
            EstimatedRadiographicMagnificationFactor="1.5",
        )
        finding = names(only_series(dataset, tmp_path))["spacings disagree"]
        assert "differ by 1.2" in finding.words
        assert finding.score == pytest.approx(0.8)


ANGLES = {"PositionerPrimaryAngle": "-30.5", "PositionerSecondaryAngle": "12"}


class TestCarm:
    def test_angles_and_distances(self, tmp_path):
        dataset = make_image("XA", ramp(8, 9), **ANGLES, DistanceSourceToDetector="1100")
        carm = only_series(dataset, tmp_path).view.carm
        assert (carm.primary_deg, carm.secondary_deg) == (-30.5, 12)
        assert carm.source_to_detector_mm == 1100
        assert carm.source_to_patient_mm is None
        assert carm.magnification is None

    def test_without_any_there_is_no_carm(self, tmp_path):
        assert only_series(make_image("RF", ramp(8, 9)), tmp_path).view.carm is None

    @pytest.mark.parametrize(
        ("increments", "expected"),
        [("5", [-30.5, -25.5, -20.5]), (["0", "1", "7"], [-30.5, -29.5, -23.5])],
        ids=["one step for all", "offsets from the first"],
    )
    def test_a_rotational_run(self, tmp_path, increments, expected):
        dataset = make_image(
            "XA", ramp(3, 8, 9), **ANGLES, PositionerPrimaryAngleIncrement=increments, FrameTime="33.3"
        )
        cine = only_image(dataset, tmp_path)
        assert [frame.view.carm.primary_deg for frame in cine] == pytest.approx(expected)
        assert [frame.view.carm.secondary_deg for frame in cine] == [12, 12, 12]

    def test_enhanced_xa_holds_them_in_functional_groups(self, tmp_path):
        dataset = make_image("enhanced XA", ramp(2, 8, 9))
        dataset.SharedFunctionalGroupsSequence = item(
            XRayGeometrySequence=item(DistanceSourceToDetector=1200.0, DistanceSourceToIsocenter=800.0),
            XAXRFFrameCharacteristicsSequence=item(ImagerPixelSpacing=[0.3, 0.3]),
        )
        dataset.PerFrameFunctionalGroupsSequence = Sequence(
            item(
                PositionerPositionSequence=item(PositionerPrimaryAngle=angle, PositionerSecondaryAngle=0.0),
                FrameContentSequence=item(FrameReferenceDateTime=f"202001011200{n:02d}.500000"),
            )[0]
            for n, angle in enumerate((10.0, 20.0))
        )
        series = only_series(dataset, tmp_path)
        assert series.shape == (2, 8, 9)
        cine = only_image(dataset, tmp_path)
        assert [view.carm.primary_deg for view in cine.views] == [10, 20]
        assert cine.view.magnification == pytest.approx(1.5)
        assert cine.view.patient_mm.rows_mm == pytest.approx(0.2)
        np.testing.assert_allclose(cine.times_s, [0, 1])


class TestTimes:
    @pytest.mark.parametrize(
        ("attributes", "times"),
        [
            ({"FrameTime": "40"}, [0, 0.04, 0.08, 0.12]),
            ({"FrameTimeVector": ["0", "50", "100", "50"]}, [0, 0.05, 0.15, 0.2]),
            ({"CineRate": "10"}, [0, 0.1, 0.2, 0.3]),
        ],
    )
    def test_each_way_of_saying_it(self, tmp_path, attributes, times):
        series = only_series(make_image("XA", ramp(4, 8, 9), **attributes), tmp_path)
        (cine,) = read_frames(series)
        np.testing.assert_allclose(cine.times_s, times)
        np.testing.assert_allclose(series.times_s, times)
        assert cine.frame(2).time_s == pytest.approx(times[2])

    def test_unknown_times_are_said(self, tmp_path):
        series = only_series(make_image("XA", ramp(4, 8, 9)), tmp_path)
        assert "frame times unknown" in names(series)
        assert series.times_s is None
        assert read_frames(series)[0].rate_hz is None

    def test_the_rate(self, tmp_path):
        cine = only_image(make_image("US cine", ramp(5, 8, 9), FrameTime="40"), tmp_path)
        assert isinstance(cine, Cine)
        assert len(cine) == 5
        assert cine.rate_hz == pytest.approx(25)


class TestUltrasound:
    def dataset(self, *regions, shape=(40, 60)):
        return make_image("US", ramp(*shape), SequenceOfUltrasoundRegions=Sequence(regions))

    def test_regions_measure_in_mm(self, tmp_path):
        tissue = region(
            (10, 5, 50, 35),
            (0.02, 0.025),
            ReferencePixelX0=20,
            ReferencePixelY0=0,
            ReferencePixelPhysicalValueX=0.0,
            ReferencePixelPhysicalValueY=0.5,
            TransducerFrequency=9000,
        )
        series = only_series(self.dataset(tissue), tmp_path)
        assert series.usable_for == "viewing only: ultrasound"
        (found,) = series.view.regions
        assert found.pixel_size.columns_mm == pytest.approx(0.2)
        assert found.pixel_size.rows_mm == pytest.approx(0.25)
        assert found.reference == (20, 0)
        assert found.reference_values == (0.0, 0.5)
        assert found.transducer_mhz == 9
        assert (found.spatial_format, found.data_type, found.units) == ("2D", "tissue", ("cm", "cm"))
        assert series.view.why_unmeasurable == ""
        assert series.view.region_at(5, 10) is found
        assert series.view.region_at(4, 10) is None

    def test_m_mode_measures_no_length(self, tmp_path):
        trace = region((0, 0, 59, 39), (0.01, 0.02), RegionSpatialFormat=2, PhysicalUnitsXDirection=4)
        series = only_series(self.dataset(trace), tmp_path)
        assert series.view.regions[0].pixel_size is None
        assert series.view.regions[0].units == ("s", "cm")
        assert "no pixel size" in names(series)

    def test_the_smaller_of_overlapping_regions(self, tmp_path):
        view = only_series(
            self.dataset(region((0, 0, 59, 39), (0.02, 0.02)), region((10, 10, 20, 20), (0.01, 0.01))),
            tmp_path,
        ).view
        assert view.region_at(15, 15).deltas == (0.01, 0.01)
        assert view.region_at(5, 5).deltas == (0.02, 0.02)

    def test_an_image_scaled_after_calibration_is_not_measurable(self, tmp_path):
        series = only_series(self.dataset(region((0, 0, 119, 79), (0.02, 0.02))), tmp_path)
        assert "scaled or cut" in series.view.why_unmeasurable
        assert series.view.patient_mm is None
        assert "scaled or cut" in names(series)["no pixel size"].words

    def test_an_incomplete_region_is_left_out(self, tmp_path):
        broken = region((0, 0, 9, 9), (0.02, 0.02))
        del broken.PhysicalDeltaX
        assert only_series(self.dataset(broken), tmp_path).view.regions == ()


class TestGrey:
    def test_monochrome1_is_shown_inverted_and_kept_as_stored(self, tmp_path):
        pixels = ramp(8, 9)
        frame = only_image(make_image("DX", pixels, PhotometricInterpretation="MONOCHROME1"), tmp_path)
        np.testing.assert_array_equal(frame.pixels, pixels)
        assert frame.view.inverted
        shown = frame.shown()
        assert shown[pixels == pixels.min()].min() == 255
        assert shown[pixels == pixels.max()].max() == 0

    def test_signed_values(self, tmp_path):
        pixels = ramp(8, 9, dtype=np.int16) - 100
        np.testing.assert_array_equal(only_image(make_image("DX", pixels), tmp_path).pixels, pixels)

    def test_twelve_bits_signed_without_their_sign_bits(self, tmp_path):
        values = ramp(8, 9, dtype=np.int16) - 100
        dataset = make_image("DX", (values & 0x0FFF).astype(np.int16), BitsStored=12, HighBit=11)
        np.testing.assert_array_equal(only_image(dataset, tmp_path).pixels, values)

    def test_an_overlay_in_spare_bits_is_no_brightness(self, tmp_path):
        values = ramp(8, 9, dtype=np.uint16)
        dataset = make_image("CR", values | np.uint16(0x8000), BitsStored=12, HighBit=11)
        np.testing.assert_array_equal(only_image(dataset, tmp_path).pixels, values)

    def test_rescale(self, tmp_path):
        pixels = ramp(8, 9)
        frame = only_image(make_image("CR", pixels, RescaleSlope="2", RescaleIntercept="-30"), tmp_path)
        np.testing.assert_array_equal(frame.pixels, pixels.astype(int) * 2 - 30)

    def table(self):
        squares = (np.arange(256, dtype="<u2") ** 2).tobytes()
        return item(LUTDescriptor=[256, 0, 16], LUTData=squares, ModalityLUTType="US")

    def test_a_modality_table(self, tmp_path):
        pixels = ramp(8, 9)
        frame = only_image(make_image("DX", pixels, ModalityLUTSequence=self.table()), tmp_path)
        np.testing.assert_array_equal(frame.pixels, pixels.astype(int) ** 2)

    def test_of_angiography_it_is_not_for_showing(self, tmp_path):
        pixels = ramp(8, 9)
        frame = only_image(make_image("XA", pixels, ModalityLUTSequence=self.table()), tmp_path)
        np.testing.assert_array_equal(frame.pixels, pixels)

    def test_padding_is_black(self, tmp_path):
        pixels = np.full((8, 9), 200, np.uint8)
        pixels[2:6, 2:6] = np.arange(16).reshape(4, 4)
        frame = only_image(
            make_image("DX", pixels, PixelPaddingValue=200, PhotometricInterpretation="MONOCHROME1"), tmp_path
        )
        assert frame.padding[0, 0]
        assert not frame.padding[3, 3]
        assert (frame.shown()[frame.padding] == 0).all()
        assert frame.shown()[2, 2] == 255

    def test_window_presets(self, tmp_path):
        dataset = make_image(
            "DX",
            ramp(8, 9),
            WindowCenter=["100", "50"],
            WindowWidth=["200", "20"],
            WindowCenterWidthExplanation=["BONE", "SOFT"],
        )
        frame = only_image(dataset, tmp_path)
        assert frame.view.windows == (Window(100, 200, "BONE"), Window(50, 20, "SOFT"))
        narrow = frame.shown(frame.view.windows[1])
        assert set(np.unique(narrow[frame.pixels < 40])) == {0}
        assert set(np.unique(narrow[frame.pixels > 60])) == {255}

    def test_a_window_of_no_width_is_none(self, tmp_path):
        frame = only_image(make_image("DX", ramp(8, 9), WindowCenter="100", WindowWidth="0"), tmp_path)
        assert frame.view.windows == ()

    def test_a_table_in_the_windows_place(self, tmp_path):
        falling = np.arange(255, -1, -1, dtype="<u2").tobytes()
        table = item(LUTDescriptor=[256, 0, 8], LUTData=falling, LUTExplanation="X")
        frame = only_image(make_image("DX", ramp(8, 9), VOILUTSequence=table), tmp_path)
        assert frame.view.windows[0].name == "X"
        np.testing.assert_array_equal(frame.shown(), 255 - frame.pixels)


class TestColour:
    def test_rgb(self, tmp_path):
        pixels = ramp(8, 9, 3)
        frame = only_image(make_image("US", pixels, colour=True), tmp_path)
        np.testing.assert_array_equal(frame.pixels, pixels)
        assert frame.view.colour

    def test_planes_apart(self, tmp_path):
        pixels = ramp(8, 9, 3)
        dataset = make_image("US", pixels, colour=True, PlanarConfiguration=1)
        dataset.PixelData = np.ascontiguousarray(pixels.transpose(2, 0, 1)).tobytes()
        np.testing.assert_array_equal(only_image(dataset, tmp_path).pixels, pixels)

    def test_luminance_and_chrominance_become_rgb(self, tmp_path):
        """PS3.3 C.7.6.3.1.2, by hand: white, black, pure red."""
        stored = np.array([[[255, 128, 128], [0, 128, 128], [76, 85, 255]]], np.uint8)
        dataset = make_image("US", stored, colour=True, PhotometricInterpretation="YBR_FULL")
        expected = [[[255, 255, 255], [0, 0, 0], [254, 0, 0]]]
        np.testing.assert_allclose(only_image(dataset, tmp_path).pixels, expected, atol=1)

    def test_half_the_chrominance(self, tmp_path):
        dataset = make_image("US", ramp(4, 4, 3), colour=True, PhotometricInterpretation="YBR_FULL_422")
        dataset.PixelData = bytes([200, 100, 128, 128] * 8)
        frame = only_image(dataset, tmp_path)
        np.testing.assert_array_equal(frame.pixels[..., 0], np.tile([200, 100], (4, 2)))
        assert (frame.pixels == frame.pixels[..., :1]).all()

    def test_a_palette(self, tmp_path):
        pixels = ramp(8, 9) % 4
        dataset = make_image("US", pixels, PhotometricInterpretation="PALETTE COLOR")
        colours = np.array([[0, 0, 0], [255, 0, 0], [0, 128, 0], [10, 20, 30]])
        for name, shades in zip(("Red", "Green", "Blue"), colours.T, strict=True):
            setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [4, 0, 16])
            table = (shades << 8).astype("<u2").tobytes()
            setattr(dataset, f"{name}PaletteColorLookupTableData", table)
        frame = only_image(dataset, tmp_path)
        np.testing.assert_array_equal(frame.shown(), colours[pixels])
        assert frame.view.colour

    def segmented(self, table, bits=16):
        dataset = make_image("US", ramp(8, 9) % 4, PhotometricInterpretation="PALETTE COLOR")
        for name in ("Red", "Green", "Blue"):
            setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [4, 0, bits])
            data = np.array(table, "<u2").tobytes()
            setattr(dataset, f"Segmented{name}PaletteColorLookupTableData", data)
        return dataset

    def test_a_palette_in_segments(self, tmp_path):
        """Two entries as they are, then a line over two more: PS3.3 C.7.9.2.1, C.7.9.2.2."""
        frame = only_image(self.segmented([0, 2, 0, 1000, 1, 2, 3000]), tmp_path)
        np.testing.assert_array_equal(frame.pixels[..., 0], np.array([0, 1000, 2000, 3000])[ramp(8, 9) % 4])

    def test_a_palette_that_repeats_its_repeats_is_refused(self, tmp_path):
        doubling = [0, 2, 1, 2]
        for _ in range(40):
            doubling += [2, len(doubling) // 4 + 1, 0, 0]
        series = only_series(self.segmented(doubling), tmp_path)
        with pytest.raises(InputUnreadableError, match="palette"):
            read_frames(series)

    def test_entries_of_8_bits_in_16(self, tmp_path):
        dataset = make_image("US", ramp(8, 9) % 4, PhotometricInterpretation="PALETTE COLOR")
        for name in ("Red", "Green", "Blue"):
            setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [4, 0, 8])
            data = np.array([0, 80, 160, 240], "<u2").tobytes()
            setattr(dataset, f"{name}PaletteColorLookupTableData", data)
        shown = only_image(dataset, tmp_path).shown()
        np.testing.assert_array_equal(shown[..., 1], ramp(8, 9) % 4 * 80)

    def test_a_colour_cine(self, tmp_path):
        pixels = ramp(3, 8, 9, 3)
        cine = only_image(make_image("US cine", pixels, colour=True, FrameTime="50"), tmp_path)
        np.testing.assert_array_equal(cine.pixels, pixels)
        assert isinstance(cine.frame(1), Frame)


class TestSecondaryCapture:
    def test_it_is_said_to_be_unmeasurable_whatever_it_claims(self, tmp_path):
        series = only_series(make_image("SC", ramp(8, 9), PixelSpacing=[0.1, 0.1]), tmp_path)
        assert series.usable_for == "viewing only: secondary capture, not measurable"
        assert series.view.why_unmeasurable == "a picture of a screen or film: its pixels measure nothing"
        assert series.view.patient_mm is None

    def test_even_with_a_place_in_the_patient(self, tmp_path):
        for k in range(8):
            saved(
                make_image(
                    "SC",
                    ramp(20, 20),
                    Modality="CT",
                    PixelSpacing=[1, 1],
                    ImagePositionPatient=[0, 0, k],
                    ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
                ),
                tmp_path / f"{k}",
            )
        (series,) = read_study(tmp_path).series
        assert series.grid is not None
        assert series.usable_for == "viewing only: secondary capture, not measurable"
        with pytest.raises(InputUnfitError, match=r"picture of a screen.*original images"):
            read_study(tmp_path).choose()


class TestRefusals:
    def test_no_volume_from_frames(self, tmp_path):
        series = only_series(make_image("XA", ramp(8, 9)), tmp_path)
        with pytest.raises(InputUnfitError, match="X-ray projection; choose a CT or MR series"):
            read_volume(series)

    def test_missing_frames(self, tmp_path):
        file = saved(make_image("XA", ramp(4, 8, 9)), tmp_path / "cine")
        series = read_study(file).series[0]
        saved(make_image("XA", ramp(3, 8, 9)), file.with_name("other")).replace(file)
        changed = saved(make_image("XA", ramp(3, 8, 9), NumberOfFrames=4), file.with_name("other"))
        changed.replace(file)
        with pytest.raises(InputUnreadableError, match="cannot be decoded"):
            read_frames(series)

    def test_more_frames_than_any_video_has(self, tmp_path):
        dataset = make_image("XA", np.zeros((200_000, 1, 1), np.uint8), FrameTime="1")
        file = saved(dataset, tmp_path / "cine")
        with pytest.raises(InputUnreadableError, match="claims 200000 frames"):
            read_study(file)

    def test_video_is_said_not_to_be_read(self, tmp_path):
        dataset = make_image("US cine", ramp(4, 8, 9))
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"
        dataset["PixelData"].is_undefined_length = True
        dataset.PixelData = b"\xfe\xff\x00\xe0\x00\x00\x00\x00\xfe\xff\x00\xe0\x04\x00\x00\x00abcd"
        series = only_series(dataset, tmp_path)
        with pytest.raises(InputUnreadableError, match=r"MPEG-4.*not read here"):
            read_frames(series)

    def test_nothing_identifying_comes_with_it(self, tmp_path):
        series = only_series(make_image("XA", ramp(8, 9)), tmp_path)
        (frame,) = read_frames(series)
        assert frame.source == "DICOM XA, 1x8x9"
        assert "Secret" not in repr(series) + repr(frame)
