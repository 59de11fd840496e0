"""Fixtures that all tests of the plugin share."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from napari_procguide.engine.client import Engine, Message
from napari_procguide.engine.messages import Done, Failed, Progress

REPOSITORY = Path(__file__).resolve().parents[3]
SAMPLE = REPOSITORY / "sample_dicom" / "lumbar"
TRUTH = SAMPLE / "truth" / "levels.nii.gz"
WAIT_S = 120.0
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="procguide-tests-")
"""No test takes a study up where another run left it."""


class Asking:
    """The engine, asked and waited for."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.came = threading.Event()
        self.engine = Engine(self._take)

    def _take(self, message: Message) -> None:
        self.messages.append(message)
        self.came.set()

    def answer(self, task: str, **wishes: Any) -> Any:
        """The result of ``task``; what failed is raised."""
        message = self.message(task, **wishes)
        assert isinstance(message, Done), message
        return message.result

    def message(self, task: str, **wishes: Any) -> Done | Failed:
        number = self.engine.ask(task, **wishes)
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            for message in list(self.messages):
                if message.number in (number, 0) and not isinstance(message, Progress):
                    return message
            self.came.wait(0.2)
            self.came.clear()
        raise TimeoutError(task)


@pytest.fixture(scope="session")
def asking() -> Iterator[Asking]:
    """One engine with the sample open and labelled by its truth."""
    asking = Asking()
    try:
        yield asking
    finally:
        asking.engine.close()


@pytest.fixture(scope="session")
def opened(asking: Asking) -> Any:
    listed = asking.answer("list_series", path=SAMPLE)
    return asking.answer("show", number=listed.first)


@pytest.fixture(scope="session")
def labelled(asking: Asking, opened: Any) -> Any:
    return asking.answer("segment", labels=TRUTH)


@pytest.fixture(scope="session")
def planned(asking: Asking, labelled: Any) -> Any:
    wishes = {"procedure": "transforaminal_esi_subpedicular", "level": "L4-L5", "side": "left"}
    return asking.answer("make_plan", **wishes)


@pytest.fixture(scope="module")
def workspace(qapp: Any) -> Iterator[Any]:
    """The workspace in a napari window of its own; a file whose window differs has another of this name."""
    import napari
    from napari_procguide._launch import add_workspace

    viewer = napari.Viewer(show=True)
    viewer.window.resize(1600, 1000)
    workspace = add_workspace(viewer)
    workspace.assistant.memory = None  # what other tests left is not taken up
    yield workspace
    viewer.close()
    for _ in range(5):
        qapp.processEvents()


Waiting = Callable[[Callable[[], bool]], None]
