"""Every check that fits an image, asked in turn."""

from __future__ import annotations

import pkgutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from procguide.findings import Finding, Severity
from procguide.quality import checks as _checks
from procguide.quality.nouns import Box, Check, Examined, Kind, Score

__all__ = ["Answer", "Quality", "assess_quality", "checks_for", "find_checks", "finding_of"]

QUALITY_SCHEMA = "procguide.quality/1"
_WORST = {Severity.OK: 0, Severity.CAUTION: 1, Severity.STOP: 2}


@dataclass(frozen=True, eq=False)
class Answer:
    """What one check said: a ``finding`` with its ``score``, or ``why_not`` it could not be judged."""

    check: Check
    finding: Finding | None
    score: Score | None
    seconds: float
    why_not: str = ""

    def to_json(self) -> dict[str, Any]:
        """As in ``quality.json``."""
        finding, limits = self.finding, self.check.limits
        return {
            "check": self.check.name,
            "severity": None if finding is None else finding.severity.value,
            "score": None if finding is None else finding.score,
            "unit": self.check.unit,
            "limits": {
                "caution": limits.caution,
                "stop": limits.stop,
                "worse": limits.worse.value,
                "source": limits.source,
            },
            "words": "" if finding is None else finding.words,
            "advice": "" if finding is None else finding.advice,
            "where": _where(self.score),
            "not_judged": self.why_not,
            "seconds": round(self.seconds, 4),
        }


@dataclass(frozen=True, eq=False)
class Quality:
    """The answers of all checks that fit one image."""

    kind: Kind
    answers: tuple[Answer, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was judged, worst first; those that found nothing wrong are of severity ok."""
        judged = [answer.finding for answer in self.answers if answer.finding is not None]
        return tuple(sorted(judged, key=lambda finding: -_WORST[finding.severity]))

    @property
    def faults(self) -> tuple[Finding, ...]:
        """The findings that are cautions or stops, worst first."""
        return tuple(finding for finding in self.findings if finding.severity is not Severity.OK)

    @property
    def severity(self) -> Severity:
        """The worst finding's."""
        return self.faults[0].severity if self.faults else Severity.OK

    def to_json(self) -> dict[str, Any]:
        """The document of one image in ``quality.json``."""
        return {
            "schema": QUALITY_SCHEMA,
            "kind": self.kind.value,
            "severity": self.severity.value,
            "checks": [answer.to_json() for answer in self.answers],
            "seconds": round(sum(answer.seconds for answer in self.answers), 3),
        }


@lru_cache(maxsize=1)
def find_checks() -> tuple[Check, ...]:
    """All checks of the package: the ``CHECKS`` of each module in :mod:`procguide.quality.checks`."""
    names = sorted(module.name for module in pkgutil.iter_modules(_checks.__path__))
    found = [
        check
        for name in names
        for check in getattr(import_module(f"{_checks.__name__}.{name}"), "CHECKS", ())
    ]
    taken = [(check.name, kind) for check in found for kind in check.kinds]
    double = {name for name, kind in taken if taken.count((name, kind)) > 1}
    if double:
        raise ValueError(f"checks with the same name for one kind: {', '.join(sorted(double))}")
    return tuple(found)


def checks_for(kind: Kind) -> tuple[Check, ...]:
    """The checks that fit ``kind``."""
    return tuple(check for check in find_checks() if kind in check.kinds)


def assess_quality(examined: Examined, checks: Iterable[Check] | None = None) -> Quality:
    """Ask each of ``checks`` (all that fit the kind, if not given) of one image."""
    chosen = checks_for(examined.kind) if checks is None else checks
    return Quality(examined.kind, tuple(_ask(check, examined) for check in chosen))


def _ask(check: Check, examined: Examined) -> Answer:
    start = time.perf_counter()
    if "labels" in check.needs and examined.labels is None:
        return Answer(check, None, None, 0.0, "It needs the spine's labels, which were not made.")
    score = check.measure(examined)
    seconds = time.perf_counter() - start
    if score is None or not np.isfinite(score.value):
        return Answer(check, None, None, seconds, check.passes)
    return Answer(check, finding_of(check, score), score, seconds)


def finding_of(check: Check, score: Score) -> Finding:
    """A check's verdict on a score, in words."""
    limits = check.limits
    severity = limits.severity(score.value)
    limit = limits.stop if severity is Severity.STOP else limits.caution
    said = {"value": score.value, "unit": check.unit, "limit": limit, **score.details}
    good = severity is Severity.OK
    return Finding(
        check.name,
        severity,
        (check.fine if good else check.words).format(**said),
        "" if good else check.advice.format(**said),
        score=float(score.value),
        limit=limit,
        unit=check.unit,
    )


def _where(score: Score | None) -> dict[str, Any] | None:
    if score is None or (score.where is None and score.frame is None):
        return None
    where = score.where
    if isinstance(where, np.ndarray):
        index = np.argwhere(where)
        where = Box(tuple(index.min(0).tolist()), tuple((index.max(0) + 1).tolist())) if len(index) else None
    found: dict[str, Any] = {} if where is None else {"low": list(where.low), "high": list(where.high)}
    return found if score.frame is None else {**found, "frame": score.frame}
