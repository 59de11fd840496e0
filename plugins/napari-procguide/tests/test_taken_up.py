"""A study taken up where it was left, and a written plan laid over it: models, then the engine."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from napari_procguide.engine.messages import Done, GridShown, NeedleRead, ResultsRead
from napari_procguide.engine.results import read_results
from napari_procguide.models.assistant import Assistant
from napari_procguide.models.measurements import Kind, Measurement
from napari_procguide.models.memory import Memory, restore, state_of
from napari_procguide.models.view import LabelMode
from rich.console import Console
from test_hand_tools import Noted

from procguide.cli.outputs import RUN_SCHEMA
from procguide.cli.steps import Steps
from procguide.errors import InputUnfitError
from procguide.provenance import hash_file, hash_files


@pytest.fixture
def assistant(tmp_path) -> Assistant:
    assistant = Assistant(Noted())
    assistant.memory = Memory(tmp_path / "studies")
    return assistant


class TestMemory:
    def left(self, assistant) -> Assistant:
        view = assistant.view
        view.point, view.window, view.slab_mm, view.labels = (
            (1.0, 2.0, 3.0),
            (40.0, 400.0),
            8.0,
            LabelMode.SHOWN,
        )
        line = Measurement(Kind.DISTANCE, ((0.0, 0.0, 0.0), (5.0, 0.0, 0.0)))
        assistant.measurements.set_done([line])
        assistant.plan.wish({"procedure": "discography", "level": "L4-L5", "side": None})
        assistant.plan.set_sitting({"discography L4-L5": ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))})
        return assistant

    def test_what_was_left_comes_back(self, assistant):
        state = state_of(self.left(assistant))
        assistant.memory.keep("a" * 64, state)
        again = Assistant(Noted())
        assert restore(again, assistant.memory.recall("a" * 64))
        assert json.dumps(state_of(again)) == json.dumps(state)

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "procguide.view/1", "point": [1]}'])
    def test_a_file_that_is_none_of_ours_changes_nothing(self, assistant, text):
        before = json.dumps(state_of(assistant))
        assistant.memory.folder.mkdir()
        (assistant.memory.folder / "b.json").write_text(text)
        assert not restore(assistant, assistant.memory.recall("b"))
        assert json.dumps(state_of(assistant)) == before

    def test_a_folder_that_cannot_be_written_to_is_no_error(self, tmp_path):
        (tmp_path / "file").write_text("")
        Memory(tmp_path / "file" / "studies").keep("a", {})

    def test_a_series_is_found_again_by_a_hash_that_names_nobody(self, asking, opened, assistant):
        again = asking.answer("show", number=opened.series.number)
        assert again.key == opened.key
        assert len(opened.key) == 64
        assistant._take_up(opened)
        self.left(assistant)
        assistant.study.opened = opened
        assistant.remember()
        text = (assistant.memory.folder / f"{opened.key}.json").read_text()
        for word in (*opened.identity.split(), opened.series.date, opened.series.description):
            assert word not in text


class TestWrittenPlan:
    @pytest.fixture
    def read(self, tmp_path) -> ResultsRead:
        needle = NeedleRead("discography L4-L5, needle 1", (60.0, 80.0, 0.0), (0.0, 10.0, 5.0))
        request = {"procedure": "discography", "level": "L4-L5", "side": None}
        return ResultsRead(tmp_path, (needle,), request, same_images=True, approved=None)

    def test_it_waits_for_its_study(self, assistant, opened, tmp_path):
        (tmp_path / "plan.json").write_text("{}")
        heard = []
        assistant.said.connect(heard.append)
        assistant.open(tmp_path)
        assert not assistant.jobs._engine.requests
        assert "open the study" in heard[0]
        assistant.show(0)
        np.save(tmp_path / "image.npy", np.zeros((4, 4, 4), np.int16))
        image = GridShown(tmp_path / "image.npy", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
        assistant.jobs.receive(Done(1, replace(opened, image=image)))
        assert assistant.jobs._engine.requests[-1] == ("read_results", {"path": tmp_path})

    def test_its_needles_are_shown_and_its_request_is_ready(self, assistant, read):
        assistant._results_read(read)
        assert list(assistant.plan.others) == ["discography L4-L5, needle 1"]
        assert assistant.plan.request["level"] == "L4-L5"
        assert assistant.view.point == pytest.approx((0.0, 10.0, 5.0))
        assert "nobody has approved it" in assistant.plan.read_words

    def test_a_plan_of_other_images_says_so(self, assistant, read):
        assistant._results_read(replace(read, same_images=False))
        assert "MADE OF OTHER IMAGES" in assistant.plan.read_words

    @pytest.fixture
    def folder(self, tmp_path):
        """As ``procguide plan`` writes it, of one file of images."""
        (tmp_path / "ct.dcm").write_bytes(b"images")
        folder = tmp_path / "plan"
        folder.mkdir()
        plan = {"rank": 1, "entry_lps_mm": [75.7, 73.0, 69.1], "target_lps_mm": [22.5, 4.2, 58.1]}
        document = {
            "schema": "procguide.plan/1",
            "procedure": "discography",
            "level": "L4-L5",
            "side": "left",
            "approved": None,
            "warnings": [],
            "plans": [plan, {**plan, "rank": 2}],
            "provenance": {"inputs_sha256": hash_files([tmp_path / "ct.dcm"])},
        }
        (folder / "plan.json").write_text(json.dumps(document))
        run = {"schema": RUN_SCHEMA, "sha256": {"plan.json": hash_file(folder / "plan.json")}}
        (folder / "run.json").write_text(json.dumps(run))
        return folder

    def state(self, file):
        return SimpleNamespace(case=SimpleNamespace(series=SimpleNamespace(files=(file,))))

    def test_a_folder_is_read_and_compared_with_the_images(self, folder, tmp_path):
        found = read_results(self.state(tmp_path / "ct.dcm"), Steps(Console()), folder)
        assert [one.name for one in found.needles] == [f"discography L4-L5 left, needle {n}" for n in (1, 2)]
        assert found.needles[0].target == (22.5, 4.2, 58.1)
        assert found.request == {"procedure": "discography", "level": "L4-L5", "side": "left"}
        assert found.same_images is True
        (tmp_path / "ct.dcm").write_bytes(b"other images")
        assert read_results(self.state(tmp_path / "ct.dcm"), Steps(Console()), folder).same_images is False

    def test_one_that_was_altered_is_refused(self, folder, tmp_path):
        plan = folder / "plan.json"
        plan.write_text(plan.read_text().replace('"left"', '"right"'))
        with pytest.raises(InputUnfitError, match="altered"):
            read_results(self.state(tmp_path / "ct.dcm"), Steps(Console()), folder)
