"""The engine: what it answers, that it can be stopped, that it ends without a trace."""

import time
from pathlib import Path

import numpy as np
import pytest
from conftest import SAMPLE, WAIT_S, Asking
from napari_procguide.engine.messages import Failed

from procguide.geometry import Affine
from procguide.imaging import Modality, Volume


class TestOpening:
    def test_lists_what_a_folder_holds_and_shows_the_ct_first(self, asking, opened):
        assert opened.modality == "CT"
        assert opened.series.size.startswith("105")
        assert not opened.straightened

    def test_the_array_lies_where_the_volume_does(self, opened):
        voxels = opened.image.load()
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
