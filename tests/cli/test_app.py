from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import warnings

import pytest

from procguide import DISCLAIMER, __version__
from procguide.cli import app as application
from procguide.errors import (
    CannotWriteError,
    InputUnfitError,
    InputUnreadableError,
    MissingPartError,
    NoResultError,
    ProcguideError,
    UsageError,
)
from tests.cli.conftest import Invoke

COMMANDS = ["demo", "info", "segment", "plan", "procedures", "phantom"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_the_disclaimer(invoke: Invoke, command: str) -> None:
    answer = invoke(command, "--help")
    words = " ".join(answer.out.split())
    assert answer.code == 0
    assert f"Example: procguide {command}" in words
    assert DISCLAIMER in words
    assert "--json" in words


def test_root_help_names_every_command(invoke: Invoke) -> None:
    out = invoke("--help").out
    assert all(f"\n  {command} " in out for command in COMMANDS)
    assert DISCLAIMER in " ".join(out.split())


def test_version(invoke: Invoke) -> None:
    assert invoke("--version").out == f"procguide {__version__}\n"


@pytest.mark.parametrize("arguments", [["plan"], ["info", "--nonsense"], ["nonsense"], ["phantom"]])
def test_wrong_usage_is_2(invoke: Invoke, arguments: list[str]) -> None:
    answer = invoke(*arguments)
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError, 2),
        (NoResultError, 3),
        (InputUnreadableError, 4),
        (InputUnfitError, 5),
        (CannotWriteError, 6),
        (MissingPartError, 7),
    ],
)
def test_each_error_has_its_code_and_one_line(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, error: type[ProcguideError], code: int
) -> None:
    monkeypatch.setattr("procguide.dicom.read_study", _raiser(error("what was wrong;\n what to do")))
    answer = invoke("info", "anything")
    assert answer.code == code
    assert answer.err == "procguide: what was wrong; what to do\n"
    assert answer.out == ""


def test_json_tells_an_error_too(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("procguide.dicom.read_study", _raiser(InputUnfitError("no anchor")))
    answer = invoke("info", "anything", "--json")
    assert json.loads(answer.out)["exit_code"] == answer.code == 5


def test_a_fault_of_ours_is_1_without_its_words(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words of a library's error may quote a patient's name: the trace is only for --debug."""
    monkeypatch.setattr("procguide.dicom.read_study", _raiser(ZeroDivisionError("DOE^JANE")))
    answer = invoke("info", "anything")
    assert answer.code == 1
    assert "ZeroDivisionError" in answer.err
    assert "DOE" not in answer.err
    assert "Traceback" not in answer.err
    assert "Traceback" in invoke("info", "anything", "--debug").err


def test_interruption_is_130(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("procguide.dicom.read_study", _raiser(KeyboardInterrupt()))
    assert invoke("info", "anything").code == 130


def test_main_answers_with_the_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("procguide.dicom.read_study", _remark)
    assert application.main(["info", "anything"]) == 4
    assert capsys.readouterr().err == "procguide: nothing here\n"
    logging.getLogger("procguide.test").warning("heard again")


def test_the_script_takes_the_processs_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(sys, "argv", ["procguide", "--version"])
    try:
        assert application.main() == 0
        with pytest.raises(SystemExit) as leaving:
            signal.raise_signal(signal.SIGTERM)
        assert leaving.value.code == 143
    finally:
        signal.signal(signal.SIGTERM, kept)


def test_importing_the_command_line_is_light() -> None:
    """Seconds of imports belong inside the commands that need them."""
    heavy = ["torch", "monai", "matplotlib", "numpy", "scipy", "SimpleITK", "pydicom", "highdicom", "numba"]
    code = f"import sys, procguide.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "procguide.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"procguide {__version__}\n"


def _remark(_path: object) -> None:
    """What libraries say of odd values must not reach the screen."""
    warnings.warn("odd value DOE^JANE", stacklevel=1)
    logging.getLogger("pydicom").warning("odd value DOE^JANE")
    raise InputUnreadableError("nothing here")


def _raiser(error: BaseException):  # type: ignore[no-untyped-def]
    def fail(*_args: object, **_kwargs: object) -> None:
        raise error

    return fail
