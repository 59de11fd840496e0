"""What the engine can be asked for, by name. Each comes with its own imports: the first picture is quick."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["task"]

_HOMES: Mapping[str, tuple[str, ...]] = {
    "kept_labels": ("keep_labels", "take_up_labels"),
    "labelling": ("degibbs", "edited", "judge", "rename", "segment"),
    "opening": ("beside", "frames", "list_sample", "list_series", "show", "thumbnails"),
    "planning": ("approve", "drag", "export", "keep_drawn", "make_plan", "rerank"),
    "results": ("read_results",),
    "sitting": ("add_to_sitting", "clear_sitting", "export_sitting"),
}
"""Modules beside this one, and their functions that answer a request."""
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def task(name: str) -> Callable[..., Any]:
    """The function that answers requests of this name; :class:`KeyError` where there is none."""
    home = import_module(f"{__package__}.{_HOME_OF[name]}")
    return getattr(home, name)  # type: ignore[no-any-return]
