"""Findings as lines: what is wrong, how much, what to do."""

from __future__ import annotations

from napari_procguide.engine.messages import FindingShown
from procguide.findings import Severity

__all__ = ["line_of", "severity_mark"]


def severity_mark(severity: Severity) -> str:
    """A sign and a word; not told by colour alone."""
    return {Severity.STOP: "✖ stop", Severity.CAUTION: "▲ caution", Severity.OK: "● fine"}[severity]


def line_of(shown: FindingShown) -> tuple[str, str, str, str]:
    """Severity, name, what was found, what to do."""
    one = shown.finding
    return severity_mark(one.severity), one.name, one.words, one.advice
