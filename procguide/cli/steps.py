"""The steps of a run: shown while they last, timed for ``run.json``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Steps", "peak_memory_mb"]

Advance = Callable[[str, float], None]


@dataclass
class Steps:
    """Names and seconds of steps, in order. On a terminal a bar moves; elsewhere one line a step."""

    console: Console
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[Advance]:
        """Time one step; it may tell a sub-step in words and its share done (0 to 1)."""
        start = time.perf_counter()
        if self.console.is_terminal:
            with self._bar(name) as advance:
                yield advance
        else:
            yield lambda _words, _share: None
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        self.console.print(f"{name:<10} {self.seconds[name]:6.1f} s", style="dim")

    def say(self, words: str) -> None:
        """One line beside the steps."""
        self.console.print(words, markup=False)

    @contextmanager
    def _bar(self, name: str) -> Iterator[Advance]:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(name, total=None)

            def advance(words: str, share: float) -> None:
                progress.update(task, description=words or name, total=1.0, completed=share)

            yield advance

    @property
    def total_s(self) -> float:
        """Seconds of all steps together."""
        return sum(self.seconds.values())


def peak_memory_mb() -> float | None:
    """The largest resident size of this process so far, MB; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)
