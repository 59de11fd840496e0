from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from procguide.cli.app import run


@dataclass(frozen=True)
class Answer:
    """What one command line gave back."""

    code: int
    out: str
    err: str


Invoke = Callable[..., Answer]


@pytest.fixture
def invoke(capsys: pytest.CaptureFixture[str]) -> Invoke:
    """Run a command line in this process."""

    def call(*arguments: object) -> Answer:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return call
