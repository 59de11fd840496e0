"""The report and its pictures: what a person looks at before deciding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from procguide.reporting.preview import write_preview
    from procguide.reporting.report import write_report

__all__ = ["write_preview", "write_report"]

_HOMES = {"write_preview": "procguide.reporting.preview", "write_report": "procguide.reporting.report"}


def __getattr__(name: str) -> Any:
    """Load a verb when it is first asked for, so that importing the package is quick."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
