"""The engine: what it answers, that it can be stopped, that it ends without a trace."""

import json
import pickle
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import SAMPLE, TRUTH, WAIT_S, Asking
from napari_procguide.engine import client
from napari_procguide.engine.client import Message, early_engine, engine_for
from napari_procguide.engine.messages import Done, Failed
from napari_procguide.engine.state import State

from procguide.geometry import Affine
from procguide.imaging import Modality, Volume


class TestOpening:
    def test_lists_what_a_folder_holds_and_shows_the_ct_first(self, asking, opened):
        assert opened.modality == "CT"
        assert opened.series.size.startswith("105")
        assert not opened.straightened

    def test_the_list_says_what_each_series_is_used_for(self, asking, opened):
        listed = asking.answer("list_series", path=SAMPLE)
        said = {one.modality: one.usable_for for one in listed.series}
        assert said["CT"] == "planning"
        assert said["MR"].startswith("planning with caution: MR")

    def test_the_array_lies_where_the_volume_does(self, opened):
        voxels = opened.image.voxels
        assert voxels.dtype == np.int16
        assert voxels.shape == (105, 284, 284)
        assert min(opened.image.spacing) > 0

    def test_the_name_of_the_patient_is_apart_from_the_header(self, opened):
        assert opened.identity
        assert all(word not in opened.header for word in opened.identity.split())

    def test_a_path_that_is_not_there_says_what_to_do(self, asking):
        failed = asking.message("list_series", path=Path("/nowhere/at/all"))
        assert isinstance(failed, Failed)
        assert "check the path" in failed.words


class TestStraight:
    @pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1), (1, -1, 1)])
    def test_swapped_and_turned_axes_are_put_straight(self, flips):
        from napari_procguide.engine.opening import straight

        voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
        steps = [(flips[0] * 2.0, 0, 0), (0, 0, flips[1] * 3.0), (0, flips[2] * 1.0, 0)]
        volume = Volume(voxels, Affine.from_steps(steps, (5.0, 6.0, 7.0)), Modality.CT)
        turned, resampled = straight(volume)
        assert not resampled
        assert turned.affine.orientation == "SPL"
        index = np.array([1, 2, 3])
        there = turned.to_index(volume.to_patient(index))
        assert turned.voxels[tuple(np.round(there).astype(int))] == voxels[tuple(index)]

    def test_an_oblique_one_is_resampled(self):
        from napari_procguide.engine.opening import straight

        angle = np.radians(20)
        steps = [(0, 0, 2.0), (0, np.cos(angle), np.sin(angle)), (1.0, 0, 0)]
        volume = Volume(np.zeros((5, 6, 7), np.int16), Affine.from_steps(steps, (0, 0, 0)))
        turned, resampled = straight(volume)
        assert resampled
        assert turned.affine.is_axis_aligned


class TestPlanning:
    def test_plans_come_with_what_they_are_near(self, planned):
        assert len(planned.plan_set.plans) >= 3
        first = planned.plan_set.plans[0]
        names = [near.name for near in planned.near[0]]
        assert "nerve_root" in names
        for near in planned.near[0]:
            assert near.distance_mm == first.clearance_mm[near.name]
            gap = np.linalg.norm(np.subtract(near.on_needle, near.on_structure))
            assert gap == pytest.approx(max(near.distance_mm, 0), abs=2.0)

    def test_a_dragged_needle_is_judged_as_the_search_would(self, asking, planned):
        trajectory = planned.plan_set.plans[0].trajectory
        same = asking.answer("drag", hub=trajectory.entry, tip=trajectory.target)
        assert same.evaluation.acceptable
        assert same.evaluation.plan.clearance_mm == pytest.approx(
            dict(planned.plan_set.plans[0].clearance_mm), abs=0.05
        )
        x, y, z = trajectory.target
        inward = asking.answer("drag", hub=trajectory.entry, tip=(x - 15, y, z))
        assert inward.evaluation.breaches

    def test_weights_rank_anew_and_keep_kept_needles(self, asking, planned):
        x, y, z = planned.plan_set.plans[0].trajectory.entry
        kept = asking.answer("keep_drawn", hub=(x + 4, y, z), tip=planned.plan_set.plans[0].trajectory.target)
        assert kept.plan_set.plans[-1].warnings[0].startswith("set by hand")
        ranked = asking.answer("rerank", weights={"length": 1.0})
        # Needles that keep less distance come last whatever the weights: only the first can be told.
        before = planned.plan_set.plans[0].trajectory.length_mm
        assert ranked.plan_set.plans[0].trajectory.length_mm <= before
        assert ranked.plan_set.plans[-1].warnings[0].startswith("set by hand")


class TestLevels:
    def test_naming_one_names_all(self, asking, labelled):
        l4 = next(one for one in labelled.spine.vertebrae if one.level == "L4")
        renamed = asking.answer("rename", point=l4.frame.origin, level="L3")
        order = [*(f"T{n}" for n in range(1, 13)), *(f"L{n}" for n in range(1, 6))]
        assert renamed.spine.levels == tuple(order[order.index(one) - 1] for one in labelled.spine.levels)
        assert renamed.anchor == "user"
        back = asking.answer("rename", point=l4.frame.origin, level="L4")
        assert back.spine.levels == labelled.spine.levels


@pytest.fixture(scope="module")
def kept(asking, labelled):
    """The second needle on the left, the first on the right."""
    wishes = {"procedure": "transforaminal_esi_subpedicular", "level": "L4-L5"}
    for side, rank in (("left", 2), ("right", 1)):
        planned = asking.answer("make_plan", **wishes, side=side)
        assert len(planned.plan_set.plans) >= rank
        needles = asking.answer("add_to_sitting", rank=rank)
    return needles


class TestSitting:
    def test_needles_of_both_sides_are_kept(self, kept):
        assert [name.split()[-1] for name in kept] == ["left", "right"]
        (left, _), (right, _) = kept.values()
        assert left[0] > 0 > right[0]

    def test_they_are_written_together_as_a_person_chose_them_and_approved(self, asking, kept, tmp_path):
        written = asking.answer("export_sitting", folder=tmp_path / "sitting")
        assert written.sitting == tuple(kept)
        document = json.loads((written.folder / "plan.json").read_text())
        assert document["schema"] == "procguide.session/1"
        assert [(one["side"], one["chosen_rank"]) for one in document["stops"]] == [("left", 2), ("right", 1)]
        assert sorted(document["order"]) == [1, 2]
        for name in ("report.html", "plan.mrk.json", "L4-L5-left/report.html", "L4-L5-right/plan.json"):
            assert name in written.files
        wishes = {"by": "Jane Doe", "reason": "both paths clear", "rank": None}
        assert asking.answer("approve", folder=written.folder, **wishes)["by"] == "Jane Doe"
        for side in ("left", "right"):
            one = json.loads((written.folder / f"L4-L5-{side}" / "plan.json").read_text())
            assert one["approved"]["by"] == "Jane Doe"

    def test_another_needle_of_a_request_takes_its_place(self, asking, kept):
        assert list(asking.answer("add_to_sitting", rank=2)) == list(kept)

    def test_two_procedures_are_not_written_together(self, asking, kept, tmp_path):
        asking.answer("make_plan", procedure="discography", level="L3-L4", side="left")
        asking.answer("add_to_sitting", rank=1)
        failed = asking.message("export_sitting", folder=tmp_path / "both")
        assert isinstance(failed, Failed)
        assert "of one procedure" in failed.words
        assert not (tmp_path / "both").exists()
        asking.answer("clear_sitting")
        assert isinstance(asking.message("export_sitting", folder=tmp_path / "none"), Failed)


class TestKeptLabels:
    def test_they_come_back_as_they_were_left(self, asking, labelled, tmp_path):
        before = asking.answer("segment", labels=TRUTH)
        asking.answer("keep_labels", file=tmp_path / "kept" / "one.npz")
        assert [file.name for file in (tmp_path / "kept").iterdir()] == ["one.npz"]
        assert (tmp_path / "kept" / "one.npz").stat().st_mode & 0o077 == 0
        levels = before.levels.voxels
        after = asking.answer("take_up_labels", file=tmp_path / "kept" / "one.npz")
        assert np.array_equal(after.levels.voxels, levels)
        assert after.levels.origin == before.levels.origin
        assert after.spine.levels == before.spine.levels
        assert (after.confidence, after.anchor) == (before.confidence, before.anchor)

    @pytest.mark.parametrize("content", [b"", b"PK", b"no labels"])
    def test_a_file_that_is_none_of_ours_says_what_to_do(self, asking, opened, tmp_path, content):
        (tmp_path / "one.npz").write_bytes(content)
        failed = asking.message("take_up_labels", file=tmp_path / "one.npz")
        assert isinstance(failed, Failed)
        assert "Press Segment" in failed.words


class TestArrays:
    def test_they_are_read_as_the_message_is_and_need_their_file_no_more(self, tmp_path):
        state = State(tmp_path)
        voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4) - 5
        said = state.save("image", voxels, Volume(voxels, Affine(np.eye(4)), Modality.CT).grid)
        heard = pickle.loads(pickle.dumps(said))  # noqa: S301 (our own)
        said.file.unlink()
        assert np.array_equal(heard.voxels, voxels)
        assert heard.air == -5

    def test_the_file_before_the_newest_stays_for_a_window_that_is_late(self, tmp_path):
        state = State(tmp_path)
        files = []
        for _ in range(3):
            files.append(state.fresh("image"))
            files[-1].touch()
        assert [file.exists() for file in files] == [False, True, True]


class TestProcess:
    def test_it_can_be_stopped_at_work_and_takes_up_what_was_done(self):
        asking = Asking()
        listed = asking.answer("list_series", path=SAMPLE)
        asking.engine.ask("show", number=listed.first)
        asking.engine.ask("segment")
        start = time.monotonic()
        asking.engine.stop()
        assert time.monotonic() - start < 2
        assert not asking.engine.running
        assert asking.answer("show", number=listed.first).modality == "CT"
        scratch = asking.engine.scratch
        asking.engine.close()
        assert not scratch.exists()

    def test_one_that_dies_says_so(self):
        asking = Asking()
        asking.answer("list_series", path=SAMPLE)
        process = asking.engine._process
        process.kill()
        process.wait()
        end = time.monotonic() + WAIT_S
        while not asking.messages[-1:] or not isinstance(asking.messages[-1], Failed):
            assert time.monotonic() < end
            time.sleep(0.05)
        assert "starts anew" in asking.messages[-1].words
        asking.engine.close()

    def test_one_started_early_is_the_windows_and_takes_what_it_asks(self):
        heard: list[Message] = []
        with early_engine():
            engine = engine_for(heard.append)
        assert engine.running
        number = engine.ask("list_series", path=SAMPLE)
        end = time.monotonic() + WAIT_S
        while not any(isinstance(message, Done) and message.number == number for message in heard):
            assert time.monotonic() < end
            time.sleep(0.05)
        engine.close()

    def test_one_started_early_that_no_window_takes_ends(self):
        with early_engine():
            (engine,) = client._EARLY
            process = engine._process
        assert process.poll() is not None
        assert not engine.scratch.exists()
        later = engine_for(print)
        assert later is not engine
        assert not later.running
        later.close()
