"""What a check says of an image or a result."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Severity"]


class Severity(StrEnum):
    """How much a finding weighs: ``stop`` forbids a plan, ``caution`` stands on its report."""

    OK = "ok"
    CAUTION = "caution"
    STOP = "stop"


@dataclass(frozen=True)
class Finding:
    """One check's verdict in plain words, with what to do about it.

    ``score`` and ``limit`` share ``unit``; they are None where the check is not a measurement.
    """

    name: str
    severity: Severity
    words: str
    advice: str = ""
    score: float | None = None
    limit: float | None = None
    unit: str = ""
