"""``procguide view``: what it says where it cannot open a window, and what it hands on where it can."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from tests.cli.conftest import Invoke


def _found(*missing: str):
    return lambda name: None if name in missing else (find_spec("json") if name else None)


def test_without_the_plugin_it_says_how_to_install_it(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["procguide.cli.view"], "find_spec", _found("napari_procguide"))
    answer = invoke("view")
    assert answer.code == 7
    assert 'pip install "napari-procguide[pyqt6]"' in answer.err


def test_without_qt_it_says_so(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["procguide.cli.view"], "find_spec", _found("PyQt6", "PySide6"))
    answer = invoke("view")
    assert answer.code == 7
    assert "Qt" in answer.err


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
def test_without_a_display_it_says_so(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["procguide.cli.view"], "find_spec", _found())
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    answer = invoke("view")
    assert answer.code == 7
    assert "display" in answer.err


def test_a_path_that_is_not_there(invoke: Invoke) -> None:
    assert invoke("view", "/nowhere/at/all").code == 4


def test_the_path_is_handed_to_the_plugin(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened: list[Path | None] = []
    plugin = ModuleType("napari_procguide")
    plugin.view = opened.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "napari_procguide", plugin)
    monkeypatch.setattr(sys.modules["procguide.cli.view"], "find_spec", _found())
    monkeypatch.setenv("DISPLAY", ":99")
    assert invoke("view", tmp_path).code == 0
    assert opened == [tmp_path]
