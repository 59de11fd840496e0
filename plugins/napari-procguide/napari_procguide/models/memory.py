"""A study taken up where it was left: its look, its labels, what was measured and asked for.

Kept by a hash of the series' UID. No name, number, date, path or pixel is in it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_procguide.models.measurements import Kind, Measurement
from napari_procguide.models.view import LabelMode

if TYPE_CHECKING:
    from napari_procguide.models.assistant import Assistant

__all__ = ["Memory", "restore", "state_of"]

_SCHEMA = "procguide.view/1"
_KEPT = 200
"""Studies; those left longest ago go first."""


class Memory:
    """One JSON file a series in ``folder``, and beside it its labels, which the engine writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._last: tuple[str, str] = ("", "")

    def recall(self, key: str) -> dict[str, Any]:
        """What is kept of a series; empty where nothing is, or nothing that can be read."""
        try:
            found = json.loads(self._file(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) and found.get("schema") == _SCHEMA else {}

    def keep(self, key: str, state: dict[str, Any]) -> None:
        """Write what differs from what was last written; a folder that cannot be written to keeps nothing."""
        text = json.dumps({"schema": _SCHEMA, **state})
        if not key or self._last == (key, text):
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            partial = self._file(key).with_suffix(f".{os.getpid()}")
            partial.write_text(text, encoding="utf-8")
            partial.replace(self._file(key))
            self._forget_old()
        except OSError:
            return
        self._last = (key, text)

    def labels(self, key: str) -> Path:
        """The file of the series' labels; there where it was labelled."""
        return self.folder / f"{key}.npz"

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def _forget_old(self) -> None:
        files = sorted(self.folder.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
        for file in files[_KEPT:]:
            file.unlink(missing_ok=True)
            self.labels(file.stem).unlink(missing_ok=True)


def state_of(assistant: Assistant) -> dict[str, Any]:
    """What is kept of the series that is shown."""
    view, plan = assistant.view, assistant.plan
    return {
        "point": view.point,
        "window": view.window,
        "slab_mm": view.slab_mm,
        "labels": view.labels.value,
        "request": plan.request,
        "sitting": plan.others,
        "measured": [{"kind": one.kind.value, "points": one.points} for one in assistant.measurements.done],
    }


def restore(assistant: Assistant, state: dict[str, Any]) -> bool:
    """Put the models back; whether all could be read. What cannot stays as it is."""
    view, plan = assistant.view, assistant.plan
    try:
        point, window = _floats(state["point"], 3), _floats(state["window"], 2)
        slab, mode = float(state["slab_mm"]), LabelMode(state["labels"])
        measured = [
            Measurement(Kind(one["kind"]), tuple(_floats(place, 3) for place in one["points"]))
            for one in state["measured"]
        ]
        request = {str(name): value for name, value in state["request"].items()}
        sitting = {
            str(name): tuple(_floats(end, 3) for end in ends) for name, ends in state["sitting"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    view.window, view.slab_mm, view.labels = window, slab, mode
    view.point = point
    assistant.measurements.set_done(measured)
    plan.wish(request)
    plan.set_sitting(sitting)
    return True


def _floats(values: Any, count: int) -> Any:
    found = tuple(float(value) for value in values)
    if len(found) != count:
        raise ValueError(values)
    return found
