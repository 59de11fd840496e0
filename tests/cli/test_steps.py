from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from procguide.cli.steps import Steps, peak_memory_mb


def test_a_terminal_sees_the_step_move() -> None:
    screen = StringIO()
    steps = Steps(Console(file=screen, force_terminal=True, width=100))
    with steps.step("segment") as advance:
        advance("finding the spine", 0.25)
        advance("segmenting the vertebrae", 1.0)
    assert "segmenting the vertebrae" in screen.getvalue()
    assert "segment " in screen.getvalue().splitlines()[-1]


def test_elsewhere_one_line_a_step() -> None:
    log = StringIO()
    steps = Steps(Console(file=log, force_terminal=False))
    for name in ("read", "plan", "read"):
        with steps.step(name) as advance:
            advance("half way", 0.5)
    assert [line.split()[0] for line in log.getvalue().splitlines()] == ["read", "plan", "read"]
    assert list(steps.seconds) == ["read", "plan"]
    assert steps.total_s == pytest.approx(sum(steps.seconds.values()))


def test_a_step_that_fails_is_not_counted() -> None:
    steps = Steps(Console(file=StringIO()))

    def fail() -> None:
        with steps.step("read"):
            raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        fail()
    assert steps.seconds == {}


def test_peak_memory_is_in_megabytes() -> None:
    peak = peak_memory_mb()
    assert peak is None or 10 < peak < 100_000
