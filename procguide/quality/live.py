"""While a C-arm or probe is live: will this frame do, what to do about it, and which was the best."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

import numpy as np

from procguide.findings import Finding, Severity
from procguide.imaging import Cine, Frame
from procguide.imaging.frame_source import FrameSource
from procguide.quality.assess import checks_for, finding_of
from procguide.quality.checks.us_frozen import STILL, Stillness
from procguide.quality.nouns import Check, Examined, Kind, Score, Worse
from procguide.quality.sector import sector_seen

__all__ = ["Best", "Judgement", "Recommender", "Verdict", "recommend"]


class Verdict(StrEnum):
    """Whether a frame will do."""

    OPTIMAL = "optimal"
    USABLE = "usable"
    UNFIT = "not usable"


@dataclass(frozen=True, eq=False)
class Best:
    """The best frame so far: its number from 0, and how far it was from its limits, 0 is far."""

    number: int
    frame: Frame
    badness: float


@dataclass(frozen=True, eq=False)
class Judgement:
    """What is said of one frame. ``verdict`` and ``advice`` hold over time, ``findings`` are steadied too.

    ``advice`` is the finding whose advice helps most, None where nothing is to be done. ``seconds`` is what
    each check that was asked of this frame took.
    """

    number: int
    verdict: Verdict
    advice: Finding | None
    findings: tuple[Finding, ...]
    best: Best | None
    seconds: Mapping[str, float]


_STEADY = 0.3
"""Weight of a frame's score in its running mean: some three frames' memory. Assumed."""
_BAND = 0.12
"""Share of its limit by which a score has to be better before its finding goes again. Assumed."""
_HOLD = 6
"""Frames for which another verdict has to last before it is said: 0.2 s at 30 a second. Assumed."""
_EVERY = MappingProxyType({"metal": 3, "motion blur": 2, "needle in plane": 5, "lag": 15, "writing": 3})
"""Checks that cost most are asked of every so many frames."""
_EXPLAINS = MappingProxyType(
    {
        "frozen": (
            "contact", "gain too low", "gain too high", "empty depth", "shadow", "focus", "needle in plane",
        ),
        "contact": ("gain too low", "empty depth", "shadow", "focus", "needle in plane"),
        "gain too low": ("empty depth", "focus", "needle in plane"),
        "shadow": ("empty depth", "needle in plane"),
        "field size": ("contrast", "noise"),
        "dark": ("noise", "contrast", "under-penetrated"),
        "metal": ("under-penetrated", "dark"),
    }
)  # fmt: skip
"""A fault that brings others with it, or has to be mended before them: its advice comes first."""


class Recommender:
    """Judges one frame after the other; keeps what it needs of those before. Not for several threads."""

    def __init__(self, kind: Kind, task: str = "", checks: Iterable[Check] | None = None) -> None:
        chosen = checks_for(kind) if checks is None else tuple(checks)
        self._kind, self._task = kind, task
        self._checks = tuple(c for c in chosen if (c.live or "cine" in c.needs) and "labels" not in c.needs)
        self._recent: deque[Frame] = deque(maxlen=3)
        self.restart()

    def restart(self) -> None:
        """Forget all: another view, another patient."""
        self._number = -1
        self._stillness, self._still = Stillness(), 0
        self._scores: dict[str, Score] = {}
        self._severity: dict[str, Severity] = {}
        self._recent.clear()
        self._verdict: Verdict | None = None
        self._other, self._other_for = Verdict.OPTIMAL, 0
        self._advised: str | None = None
        self._best: Best | None = None

    def see(self, frame: Frame) -> Judgement:
        """Judge the next frame."""
        self._number += 1
        self._recent.append(frame)
        now, seconds = self._ask(frame)
        findings = tuple(self._finding(check) for check in self._checks if check.name in self._scores)
        verdict = self._steadied(_verdict_of(findings))
        advice = self._advice(findings)
        self._keep(frame, now)
        return Judgement(self._number, verdict, advice, findings, self._best, MappingProxyType(seconds))

    def _ask(self, frame: Frame) -> tuple[dict[str, float], dict[str, float]]:
        """The frame's own scores where it was asked, and what each took."""
        examined = Examined(self._kind, frame=frame, task=self._task)
        if self._kind is Kind.ULTRASOUND:
            self._still = examined.memory[STILL] = self._stillness.see(sector_seen(examined))
        now: dict[str, float] = {}
        seconds: dict[str, float] = {}
        for turn, check in enumerate(self._checks):
            if (self._number + turn) % _EVERY.get(check.name, 1) and check.name in self._scores:
                continue
            start = time.perf_counter()
            score = check.measure(self._run() if "cine" in check.needs else examined)
            seconds[check.name] = time.perf_counter() - start
            if score is None:
                self._scores.pop(check.name, None)
                self._severity.pop(check.name, None)
                continue
            now[check.name] = score.value
            self._scores[check.name] = self._mean(check, score)
        return now, seconds

    def _run(self) -> Examined:
        """The last frames as a run."""
        frames = list(self._recent)
        if len({frame.pixels.shape for frame in frames}) > 1:
            frames = frames[-1:]
        pixels = np.stack([frame.pixels for frame in frames])
        return Examined(self._kind, cine=Cine(pixels, (frames[-1].view,)), task=self._task)

    def _mean(self, check: Check, score: Score) -> Score:
        """The running mean; a count of still frames is taken as it is."""
        before = self._scores.get(check.name)
        if before is None or check.name == "frozen":
            return score
        weight = min(_STEADY * _EVERY.get(check.name, 1), 1.0)
        return replace(score, value=before.value + weight * (score.value - before.value))

    def _finding(self, check: Check) -> Finding:
        """With hysteresis: a worse severity at once, a better one only where it is better by the band."""
        score = self._scores[check.name]
        found = finding_of(check, score)
        before = self._severity.get(check.name, Severity.OK)
        if _RANK[found.severity] < _RANK[before]:
            strict = finding_of(check, replace(score, value=_worsened(check, score.value)))
            if _RANK[strict.severity] >= _RANK[before]:
                found = replace(strict, score=score.value)
        self._severity[check.name] = found.severity
        return found

    def _steadied(self, verdict: Verdict) -> Verdict:
        """The verdict that is said: another one only once it has lasted."""
        if self._verdict is None:
            self._verdict = verdict
        if verdict is self._verdict:
            self._other_for = 0
        else:
            self._other_for = self._other_for + 1 if verdict is self._other else 1
            self._other = verdict
            if self._other_for >= _HOLD:
                self._verdict, self._other_for = verdict, 0
        return self._verdict

    def _advice(self, findings: tuple[Finding, ...]) -> Finding | None:
        """The worst fault that no other explains; the one advised before keeps its turn while it stands."""
        faults = {finding.name: finding for finding in findings if finding.severity is not Severity.OK}
        explained = {name for fault in faults for name in _EXPLAINS.get(fault, ())}
        open_ = [finding for name, finding in faults.items() if name not in explained]
        if not open_:
            self._advised = None
            return None
        limits = {check.name: check for check in self._checks}
        open_.sort(
            key=lambda f: (
                -_RANK[f.severity],
                -_excess(limits[f.name], f.score or 0.0) * (1.3 if f.name == self._advised else 1.0),
            )
        )
        self._advised = open_[0].name
        return open_[0]

    def _keep(self, frame: Frame, now: Mapping[str, float]) -> None:
        """The best frame is the one farthest from its limits, among those of the checks asked of it."""
        if not now or self._still:
            return
        known = {check.name: check for check in self._checks}
        values = {**{name: score.value for name, score in self._scores.items()}, **now}
        badness = float(np.mean([_excess(known[name], value) ** 2 for name, value in values.items()]))
        if self._best is None or badness < 0.97 * self._best.badness:
            self._best = Best(self._number, frame, badness)


def recommend(source: FrameSource, kind: Kind, task: str = "") -> Iterator[Judgement]:
    """Judge all frames of a source as they come."""
    recommender = Recommender(kind, task)
    for frame in source:
        yield recommender.see(frame)


_RANK = MappingProxyType({Severity.OK: 0, Severity.CAUTION: 1, Severity.STOP: 2})


def _verdict_of(findings: tuple[Finding, ...]) -> Verdict:
    worst = max((_RANK[finding.severity] for finding in findings), default=0)
    return (Verdict.OPTIMAL, Verdict.USABLE, Verdict.UNFIT)[worst]


def _worsened(check: Check, value: float) -> float:
    """``value`` moved toward worse by the band."""
    band = _BAND * abs(check.limits.caution)
    return value + band if check.limits.worse is Worse.ABOVE else value - band


def _excess(check: Check, value: float) -> float:
    """How bad a score is: 1 on its caution limit, less where better, at most 4."""
    limit = check.limits.caution
    if check.limits.worse is Worse.ABOVE:
        return float(np.clip(value / max(limit, 1e-6), 0, 4))
    return float(np.clip(limit / max(value, 1e-6), 0, 4))
