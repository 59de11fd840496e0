import io
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from procguide.dicom import read_study, read_volume
from procguide.errors import InputUnfitError, InputUnreadableError
from procguide.findings import Severity

Z = np.array([0.0, 0.0, 1.0])


def straight(count, step=2.0, start=(-5.5, 3.25, -100.0), along=Z):
    return np.asarray(start) + np.arange(count)[:, None] * step * np.asarray(along)


def names(series):
    return {finding.name: finding.severity for finding in series.findings}


def expected_position(positions, directions, spacing, index):
    k, j, i = index
    row, column = np.asarray(directions)
    return positions[k] + column * spacing[0] * j + row * spacing[1] * i


class TestGeometry:
    def test_axial_series_is_read_to_its_place_and_values(self, write_stack, voxels):
        study = read_study(write_stack(voxels, straight(12)))
        (series,) = study.series
        assert series.shape == (12, 20, 16)
        assert series.spacing_mm == pytest.approx((2.0, 0.7, 0.9))
        assert series.orientation == "SPL"
        volume = read_volume(series)
        np.testing.assert_array_equal(volume.voxels, voxels.astype(int) - 1024)
        assert volume.voxels.dtype == np.int16
        np.testing.assert_allclose(volume.to_patient((3, 4, 5)), (-5.5 + 4.5, 3.25 + 2.8, -94), atol=1e-9)

    def test_instance_numbers_and_names_do_not_matter(self, write_stack, voxels):
        straightforward = read_volume(read_study(write_stack(voxels, straight(12), seed=1)).choose())
        numbers = random.Random(3).sample(range(100), 12)
        shuffled = write_stack(voxels, straight(12), folder="other", seed=2, numbers=numbers)
        other = read_volume(read_study(shuffled).choose())
        np.testing.assert_array_equal(straightforward.voxels, other.voxels)
        assert straightforward.affine == other.affine

    def test_descending_positions_give_the_same_volume(self, write_stack, voxels):
        down = read_volume(read_study(write_stack(voxels[::-1], straight(12)[::-1])).choose())
        np.testing.assert_array_equal(down.voxels, voxels.astype(int) - 1024)

    @pytest.mark.parametrize(
        ("directions", "orientation"),
        [
            (((1, 0, 0), (0, 1, 0)), "SPL"),
            (((1, 0, 0), (0, 0, -1)), "PIL"),
            (((0, 1, 0), (0, 0, -1)), "RIP"),
            (((-1, 0, 0), (0, 1, 0)), "IPR"),
        ],
        ids=["axial", "coronal", "sagittal", "mirrored"],
    )
    def test_each_plane(self, write_stack, voxels, directions, orientation):
        positions = straight(12, along=np.cross(*directions))
        series = read_study(write_stack(voxels, positions, directions)).choose()
        assert series.orientation == orientation
        volume = read_volume(series)
        assert volume.voxels[7, 3, 2] == int(voxels[7, 3, 2]) - 1024
        np.testing.assert_allclose(
            volume.to_patient((7, 3, 2)),
            expected_position(positions, directions, (0.7, 0.9), (7, 3, 2)),
            atol=1e-9,
        )

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
    @given(
        seed=st.integers(0, 10**6),
        tilt=st.floats(-0.5, 0.5),
        step=st.floats(0.5, 6.0),
        spacing=st.tuples(st.floats(0.3, 2.0), st.floats(0.3, 2.0)),
    )
    def test_any_oblique_tilted_stack_is_exact(self, write_stack, voxels, seed, tilt, step, spacing):
        rotation = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
        along = rotation[2] + tilt * rotation[1]
        positions = straight(12, step, along=along)
        folder = write_stack(voxels, positions, rotation[:2], folder=f"s{seed}", seed=seed, spacing=spacing)
        (series,) = read_study(folder).series
        volume = read_volume(series)
        assert not {"missing slices", "uneven slices", "slices slipped sideways"} & set(names(series))
        assert series.tilt_deg == pytest.approx(np.degrees(np.arctan(abs(tilt))), abs=1e-4)
        for index in ((0, 0, 0), (11, 0, 0), (0, 19, 0), (0, 0, 15), (11, 19, 15)):
            np.testing.assert_allclose(
                volume.to_patient(index),
                expected_position(positions, rotation[:2], spacing, index),
                atol=1e-4,
            )
        np.testing.assert_array_equal(volume.voxels, voxels.astype(int) - 1024)
        for file in folder.iterdir():
            file.unlink()


class TestLatticeFindings:
    def keep(self, write_stack, voxels, kept):
        return read_study(write_stack(voxels[kept], straight(12)[kept])).series[0]

    def test_one_missing_slice_is_a_caution_and_is_interpolated(self, write_stack):
        ramp = np.repeat(np.arange(0, 2400, 100, dtype=np.uint16), 400).reshape(24, 20, 20)
        kept = [n for n in range(24) if n != 9]
        series = read_study(write_stack(ramp[kept], straight(24)[kept])).series[0]
        assert names(series)["missing slices"] is Severity.CAUTION
        assert "missing slices" in series.usable_for
        assert series.shape == (24, 20, 20)
        volume = read_volume(series)
        np.testing.assert_array_equal(volume.voxels, ramp.astype(int) - 1024)
        np.testing.assert_allclose(volume.to_patient((23, 0, 0)), straight(24)[23], atol=1e-9)

    def test_two_slices_missing_in_one_gap_stop(self, write_stack, voxels):
        series = self.keep(write_stack, voxels, [0, 1, 2, 3, 6, 7, 8, 9, 10, 11])
        assert names(series)["missing slices"] is Severity.STOP
        assert series.usable_for == "not for planning: missing slices"
        assert read_volume(series).shape == (12, 20, 16)

    def test_many_single_gaps_stop(self, write_stack, voxels):
        series = self.keep(write_stack, voxels, [0, 1, 3, 4, 5, 7, 8, 9, 10, 11])
        assert names(series)["missing slices"] is Severity.STOP

    def test_choose_refuses_a_stopped_series_and_says_why(self, write_stack, voxels):
        folder = write_stack(voxels[[0, 1, 2, 3, 8, 9, 10, 11]], straight(12)[[0, 1, 2, 3, 8, 9, 10, 11]])
        with pytest.raises(InputUnfitError, match=r"4 slices are missing.*10\.0 mm.*Export the whole series"):
            read_study(folder).choose()

    def test_uneven_slices_are_put_right(self, write_stack):
        heights = np.arange(12) * 2.0
        heights[5] += 0.5
        ramp = np.repeat(np.rint(heights * 100).astype(np.uint16), 400).reshape(12, 20, 20)
        positions = np.column_stack([np.zeros((12, 2)), heights])
        series = read_study(write_stack(ramp, positions)).series[0]
        assert names(series)["uneven slices"] is Severity.CAUTION
        volume = read_volume(series)
        np.testing.assert_allclose(volume.voxels[:, 0, 0], np.arange(12) * 200 - 1024, atol=1)

    def test_two_slabs_of_different_steps_stop(self, write_stack, voxels):
        heights = np.cumsum([0.0] + [1.0] * 8 + [5.0] * 3)
        positions = np.column_stack([np.zeros((12, 2)), heights])
        series = read_study(write_stack(voxels, positions)).series[0]
        assert series.stopped

    def test_rounded_positions_are_no_finding(self, write_stack, voxels):
        positions = np.round(straight(12, 0.625), 1)
        series = read_study(write_stack(voxels, positions)).series[0]
        assert not {"missing slices", "uneven slices"} & set(names(series))
        np.testing.assert_array_equal(read_volume(series).voxels, voxels.astype(int) - 1024)

    @pytest.mark.parametrize(("slip", "severity"), [(0.3, Severity.CAUTION), (4.0, Severity.STOP)])
    def test_a_slice_slipped_sideways_is_said(self, write_stack, voxels, slip, severity):
        positions = straight(12)
        positions[4:8, 0] += slip
        series = read_study(write_stack(voxels, positions)).series[0]
        assert names(series)["slices slipped sideways"] is severity

    def test_copies_are_left_out(self, write_stack, voxels):
        folder = write_stack(voxels, straight(12))
        copy = folder / "copy"
        copy.mkdir()
        for file in sorted(folder.glob("00*"))[:5]:
            (copy / file.name).write_bytes(file.read_bytes())
        (series,) = read_study(folder).series
        assert names(series)["copies"] is Severity.OK
        assert series.shape == (12, 20, 16)
        assert len(series.files) == 12

    def test_a_repeated_position_is_a_caution(self, write_stack, voxels):
        positions = np.vstack([straight(12), straight(12)[3:4]])
        folder = write_stack(np.vstack([voxels, voxels[3:4] + 1]), positions)
        (series,) = read_study(folder).series
        assert names(series)["repeated positions"] is Severity.CAUTION
        assert read_volume(series).voxels[3, 0, 0] == int(voxels[3, 0, 0]) - 1024


class TestManyFiles:
    def test_a_series_of_two_thousand_files(self, slice_maker, tmp_path):
        """Every slice in its place; the same bytes but for place and number, as a scanner's are."""
        count = 2000
        template = slice_maker(np.zeros((8, 8), np.uint16), (0, 0, 0))
        template.ImagePositionPatient = ["0", "0", "0000.000"]
        buffer = io.BytesIO()
        template.save_as(buffer, enforce_file_format=True)
        data, uid = buffer.getvalue(), str(template.SOPInstanceUID).encode()
        for n in np.random.default_rng(0).permutation(count):
            slice_data = data.replace(b"0000.000", b"%08.3f" % (0.5 * n))
            slice_data = slice_data.replace(uid, uid[:-5] + b"%05d" % (10000 + n))
            (tmp_path / f"{n * 7919 % count:04d}").write_bytes(
                slice_data[:-128] + np.full(64, n, "<u2").tobytes()
            )
        (series,) = read_study(tmp_path).series
        assert series.shape == (count, 8, 8)
        assert series.spacing_mm[0] == pytest.approx(0.5)
        volume = read_volume(series)
        np.testing.assert_array_equal(volume.voxels[:, 3, 3], np.arange(count) - 1024)


class TestSeriesApart:
    def test_two_series_in_nested_folders(self, write_stack, voxels):
        write_stack(voxels, straight(12), folder="study/a/b")
        write_stack(
            voxels, straight(12, 1.0), folder="study/c", SeriesInstanceUID="1.2.3.9", Modality="MR", seed=2
        )
        study = read_study(write_stack(voxels, straight(12), folder="study/d", SeriesInstanceUID="1.2.7"))
        assert len(study.series) == 1
        study = read_study(Path(study.series[0].files[0]).parents[1])
        assert sorted(s.modality for s in study.series) == ["CT", "CT", "MR"]
        assert study.choose().modality == "CT"
        assert study.choose("MR").spacing_mm[0] == pytest.approx(1.0)
        with pytest.raises(InputUnfitError, match="no PT series here, only CT, MR"):
            study.choose("PT")

    def test_a_localizer_in_the_series_is_split_off(self, write_stack, voxels):
        write_stack(voxels, straight(12), folder="study/a")
        coronal = ((1, 0, 0), (0, 0, -1))
        folder = write_stack(
            voxels[:1], straight(1), coronal, folder="study/b", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]
        ).parent
        study = read_study(folder)
        assert [(s.shape[0], s.usable_for.split(":")[0]) for s in study.series] == [
            (12, "planning with caution"),
            (1, "localizer"),
        ]

    def test_echoes_at_the_same_places_are_split(self, write_stack, voxels):
        write_stack(voxels, straight(12), folder="study/a", Modality="MR", EchoTime="10")
        write_stack(voxels + 7, straight(12), folder="study/b", Modality="MR", EchoTime="90")
        study = read_study(write_stack(voxels[:0], [], folder="study"))
        first, second = (read_volume(series) for series in study.series)
        assert first.shape == second.shape == (12, 20, 16)
        assert abs(int(first.voxels[0, 0, 0]) - int(second.voxels[0, 0, 0])) == 7

    @pytest.mark.parametrize("shift", [1.0, 0.7], ids=["half a step", "odd"])
    def test_two_ct_acquisitions_between_one_another_are_split(self, write_stack, voxels, shift):
        write_stack(voxels, straight(12), folder="study/a", AcquisitionNumber=1)
        second = straight(12, start=(-5.5, 3.25, -100 + shift))
        write_stack(voxels + 7, second, folder="study/b", AcquisitionNumber=2)
        study = read_study(write_stack(voxels[:0], [], folder="study"))
        assert [series.shape for series in study.series] == [(12, 20, 16)] * 2
        assert sorted(int(read_volume(series).voxels[0, 0, 0]) for series in study.series) == [-1024, -1017]
        assert all("one of several stacks" in names(series) for series in study.series)
        assert all("uneven slices" not in names(series) for series in study.series)

    def test_an_mr_scan_in_two_packages_stays_one(self, write_stack, voxels):
        write_stack(voxels, straight(12), folder="study/a", Modality="MR", AcquisitionNumber=1)
        second = straight(12, start=(-5.5, 3.25, -99.0))
        write_stack(voxels, second, folder="study/b", Modality="MR", AcquisitionNumber=2)
        (series,) = read_study(write_stack(voxels[:0], [], folder="study")).series
        assert series.shape == (24, 20, 16)
        assert series.spacing_mm[0] == pytest.approx(1.0)

    def test_numbered_blocks_one_after_the_other_stay_one(self, write_stack, voxels):
        write_stack(voxels, straight(12), folder="study/a", AcquisitionNumber=1)
        write_stack(voxels, straight(12, start=(-5.5, 3.25, -76.0)), folder="study/b", AcquisitionNumber=2)
        (series,) = read_study(write_stack(voxels[:0], [], folder="study")).series
        assert series.shape == (24, 20, 16)

    def test_orientations_in_one_series_are_split_and_said(self, write_stack, voxels):
        write_stack(voxels, straight(12), folder="study/a")
        coronal = ((1, 0, 0), (0, 0, -1))
        write_stack(voxels, straight(12, along=(0, 1, 0)), coronal, folder="study/b", seed=3)
        study = read_study(write_stack(voxels[:0], [], folder="study"))
        assert sorted(series.orientation for series in study.series) == ["PIL", "SPL"]
        assert all(names(series)["one of several stacks"] is Severity.OK for series in study.series)

    def test_thin_slices_are_chosen_over_thick(self, write_stack, voxels):
        write_stack(voxels, straight(12, 5.0), folder="study/a", SeriesInstanceUID="1.1")
        tall = np.zeros((50, 20, 16), np.uint16)
        write_stack(tall, straight(50, 1.25), folder="study/b", SeriesInstanceUID="1.2")
        study = read_study(write_stack(voxels[:0], [], folder="study"))
        assert study.choose().uid == "1.2"

    def test_two_patients_are_never_mixed(self, write_stack, voxels):
        write_stack(voxels, straight(12), folder="study/a")
        write_stack(voxels, straight(12), folder="study/b", SeriesInstanceUID="1.1", PatientID="other")
        study = read_study(write_stack(voxels[:0], [], folder="study"))
        with pytest.raises(InputUnfitError, match="2 patients") as caught:
            study.choose()
        assert "other" not in str(caught.value)
        assert "4711" not in str(caught.value)

    def test_two_studies_of_one_patient_are_a_caution(self, write_stack, voxels):
        write_stack(voxels, straight(12), folder="study/a")
        write_stack(voxels, straight(12), folder="study/b", SeriesInstanceUID="1.1", StudyInstanceUID="1.9")
        study = read_study(write_stack(voxels[:0], [], folder="study"))
        assert [finding.name for finding in study.findings] == ["several studies"]


class TestUse:
    @pytest.mark.parametrize(
        ("step", "words"),
        [
            (3.0, "planning"),
            (5.0, "planning with caution: 5 mm slices"),
            (8.0, "not for planning: 8 mm slices"),
        ],
    )
    def test_slice_steps(self, write_stack, step, words):
        wide = np.zeros((30, 100, 100), np.uint16)
        assert read_study(write_stack(wide, straight(30, step))).series[0].usable_for == words

    def test_few_slices(self, write_stack, voxels):
        assert "few slices" in read_study(write_stack(voxels[:3], straight(3))).series[0].usable_for

    def test_one_slice(self, write_stack, voxels):
        (series,) = read_study(write_stack(voxels[:1], straight(1))).series
        assert series.usable_for == "viewing only: one slice"
        assert series.spacing_mm[0] == pytest.approx(2.0)
        assert read_volume(series).shape == (1, 20, 16)

    def test_without_position_it_is_not_cross_sectional(self, write_stack, voxels):
        (series,) = read_study(write_stack(voxels[:2], straight(2), ImagePositionPatient=None)).series
        assert series.usable_for == "not a cross-sectional series"
        assert series.grid is None
        assert series.spacing_mm is None
        assert series.orientation == ""
        with pytest.raises(InputUnfitError, match="not a cross-sectional series"):
            read_volume(series)

    def test_other_modalities_are_not_planned_on(self, write_stack, voxels):
        (series,) = read_study(write_stack(voxels, straight(12), Modality="PT")).series
        assert series.usable_for == "not for planning: PT"

    def test_nothing_identifying_is_kept_in_words(self, write_stack, voxels):
        (series,) = read_study(write_stack(voxels, straight(12))).series
        said = read_volume(series).source + repr(series.findings) + series.usable_for
        assert "Secret" not in said
        assert "4711" not in said
        assert "Secret" not in repr(series)


class TestUnreadable:
    def test_missing_path(self, tmp_path):
        with pytest.raises(InputUnreadableError, match="check the path"):
            read_study(tmp_path / "nowhere")

    def test_empty_folder(self, tmp_path):
        with pytest.raises(InputUnreadableError, match="is empty; give the folder of a CT study"):
            read_study(tmp_path)

    def test_text_file(self, tmp_path):
        (tmp_path / "notes.txt").write_text("not an image " * 100)
        with pytest.raises(InputUnreadableError, match="neither DICOM nor one of"):
            read_study(tmp_path / "notes.txt")
        with pytest.raises(InputUnreadableError, match="none of the 1 files"):
            read_study(tmp_path)

    def test_folder_of_other_images_names_them(self, tmp_path):
        (tmp_path / "ct.nii.gz").write_bytes(b"x" * 200)
        with pytest.raises(InputUnreadableError, match="no DICOM, but 1 image files"):
            read_study(tmp_path)

    @pytest.mark.parametrize("length", [140, 300, 900, 1400])
    def test_cut_short(self, write_stack, voxels, length):
        folder = write_stack(voxels[:1], straight(1))
        file = folder / "000"
        file.write_bytes(file.read_bytes()[:length])
        with pytest.raises(InputUnreadableError, match="cut short or damaged; export it again"):
            read_study(file)
        with pytest.raises(InputUnreadableError, match="holds 1 DICOM files, all damaged"):
            read_study(folder)

    def test_one_damaged_file_is_counted_and_left_out(self, write_stack, voxels):
        folder = write_stack(voxels, straight(12))
        file = next(folder.iterdir())
        file.write_bytes(file.read_bytes()[:-100])
        (folder / "readme.txt").write_text("hello")
        study = read_study(folder)
        assert [(f.name, f.score) for f in study.findings] == [("damaged files", 1)]
        assert len(study.series[0].files) == 11

    def test_absurd_size_is_refused_before_decoding(self, slice_maker, voxels, tmp_path):
        dataset = slice_maker(voxels[0], (0, 0, 0))
        dataset.Rows = dataset.Columns = 65535
        dataset.save_as(tmp_path / "bomb", enforce_file_format=True)
        with pytest.raises(InputUnreadableError, match=r"more than the 2.15e.09 that are read"):
            read_study(tmp_path)


class TestChoice:
    def stacks(self, write_stack, *parts):
        for number, (count, step, attributes) in enumerate(parts):
            write_stack(
                np.zeros((count, 100, 100), np.uint16),
                straight(count, step),
                folder=f"study/{number}",
                SeriesInstanceUID=f"1.{number}",
                **attributes,
            )
        return read_study(write_stack(np.zeros((0, 1, 1)), [], folder="study"))

    def test_thin_slices_win_over_a_little_more_length(self, write_stack):
        study = self.stacks(write_stack, (33, 2.5, {}), (58, 1.25, {}))
        assert study.choose().uid == "1.1"

    def test_a_short_thin_slab_does_not_win(self, write_stack):
        study = self.stacks(write_stack, (33, 2.5, {}), (70, 0.5, {}))
        assert study.choose().uid == "1.0"

    def test_ct_comes_before_finer_mr(self, write_stack):
        study = self.stacks(write_stack, (33, 2.5, {}), (80, 1.0, {"Modality": "MR"}))
        assert study.choose().uid == "1.0"
        assert study.choose("mr").usable_for == "planning with caution: MR"

    def test_a_study_of_nothing_fit_says_why(self, write_stack):
        study = self.stacks(write_stack, (33, 8.0, {}))
        with pytest.raises(InputUnfitError, match=r"8 mm apart.*Prefer a reconstruction of 3 mm or less"):
            study.choose()
