"""The models and the assistant, without Qt and without an engine: what is asked, what follows."""

import subprocess
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from napari_procguide.engine.messages import Done, Failed, Progress
from napari_procguide.models.assistant import Assistant
from napari_procguide.models.plan import Needle
from napari_procguide.models.view import LabelMode, ViewModel


@dataclass
class Asked:
    """An engine that only notes what it is asked."""

    requests: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    stopped: int = 0

    def ask(self, task: str, **wishes: Any) -> int:
        self.requests.append((len(self.requests) + 1, task, wishes))
        return len(self.requests)

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def assistant(asked) -> Assistant:
    return Assistant(asked)


class TestJobs:
    def test_progress_and_end_are_told(self, assistant, asked):
        heard = []
        assistant.jobs.progressed.connect(lambda words, share: heard.append((words, share)))
        assistant.jobs.ended.connect(lambda: heard.append("ended"))
        assistant.judge()
        assert assistant.jobs.busy
        assistant.jobs.receive(Progress(1, "noise", 0.5))
        assistant.jobs.receive(Done(1, None))
        assert heard == [("Quality: noise", 0.5), "ended"]
        assert not assistant.jobs.busy

    def test_a_failure_is_a_message_with_its_trace(self, assistant):
        heard = []
        assistant.jobs.failed.connect(lambda words, trace: heard.append((words, trace)))
        assistant.judge()
        assistant.jobs.receive(Failed(1, "load another image", "Traceback"))
        assert heard == [("load another image", "Traceback")]

    def test_what_was_stopped_is_not_heard_of_again(self, assistant, asked):
        assistant.judge()
        assistant.cancel()
        assert asked.stopped == 1
        assistant.jobs.receive(Done(1, "late"))
        assert assistant.study.judged is None


class TestDragging:
    @pytest.fixture
    def with_needle(self, assistant) -> Assistant:
        assistant.plan.needle = Needle((0.0, 90.0, 0.0), (0.0, 0.0, 0.0), 0.7)
        return assistant

    def answer(self, assistant, number):
        evaluation = SimpleNamespace(breaches=(), plan=SimpleNamespace())
        assistant.jobs.receive(Done(number, SimpleNamespace(evaluation=evaluation, near=())))

    def test_of_many_places_only_the_last_is_asked_for(self, with_needle, asked):
        for step in range(5):
            with_needle.drag((0.0, 90.0, float(step)), (0.0, 0.0, 0.0))
        assert len(asked.requests) == 1
        self.answer(with_needle, 1)
        assert len(asked.requests) == 2
        assert asked.requests[1][2]["hub"] == (0.0, 90.0, 4.0)
        assert with_needle.plan.needle.entry == (0.0, 90.0, 4.0)
        self.answer(with_needle, 2)
        assert len(asked.requests) == 2
        assert with_needle.plan.needle.judged

    def test_a_locked_needle_stays(self, with_needle, asked):
        with_needle.plan.locked = True
        with_needle.drag((5.0, 5.0, 5.0), (0.0, 0.0, 0.0))
        assert with_needle.plan.needle.entry == (0.0, 90.0, 0.0)
        assert not asked.requests

    def test_dragging_goes_on_after_work_was_stopped(self, with_needle, asked):
        with_needle.drag((1.0, 90.0, 0.0), (0.0, 0.0, 0.0))
        with_needle.cancel()
        with_needle.drag((2.0, 90.0, 0.0), (0.0, 0.0, 0.0))
        assert len(asked.requests) == 2

    def test_a_failed_judgement_does_not_end_the_dragging(self, with_needle, asked):
        with_needle.drag((1.0, 90.0, 0.0), (0.0, 0.0, 0.0))
        with_needle.jobs.receive(Failed(1, "no", ""))
        with_needle.drag((2.0, 90.0, 0.0), (0.0, 0.0, 0.0))
        assert len(asked.requests) == 2


class TestView:
    def test_the_point_stays_within_the_image(self):
        view = ViewModel()
        view.set_box((-10, -10, -10), (10, 10, 10))
        view.point = (50.0, 0.0, -50.0)
        assert view.point == (10.0, 0.0, -10.0)

    def test_an_unchanged_point_says_nothing(self):
        view, heard = ViewModel(), []
        view.point_changed.connect(lambda: heard.append(1))
        view.point = view.point
        assert not heard

    def test_labels_go_round(self):
        view = ViewModel()
        for expected in (LabelMode.HIDDEN, LabelMode.SHOWN, LabelMode.DIMMED):
            view.cycle_labels()
            assert view.labels is expected

    def test_the_name_is_hidden_at_first(self):
        assert not ViewModel().identity


def imported(code: str, names: set[str]) -> set[str]:
    """Of ``names`` those that a fresh Python has loaded, or something in them, after ``code``."""
    listed = f"import sys; {code}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True)
    return {name for name in names if any(f"{one}.".startswith(f"{name}.") for one in done.stdout.split())}


def test_models_and_engine_know_no_qt():
    code = (
        "import napari_procguide.models.assistant, napari_procguide.display.overlay, "
        "napari_procguide.display.levels; from napari_procguide.engine.tasks import _HOME_OF, task; "
        "assert all(callable(task(name)) for name in _HOME_OF)"
    )
    assert imported(code, {"qtpy", "PyQt6", "PySide6", "napari"}) == set()


def test_the_first_picture_waits_for_no_planner_and_no_network():
    code = "import napari_procguide.engine.worker, napari_procguide.engine.opening"
    assert imported(code, {"procguide.planning.planner", "procguide.segmentation", "torch"}) == set()
