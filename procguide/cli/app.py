"""The typer application, and the one place where errors become exit codes."""

from __future__ import annotations

import logging
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import typer

from procguide import DISCLAIMER, __version__
from procguide.cli.approve import approve
from procguide.cli.audit import audit
from procguide.cli.audited import audited
from procguide.cli.degibbs import degibbs
from procguide.cli.deidentify import deidentify
from procguide.cli.demo import demo
from procguide.cli.evaluate import evaluate
from procguide.cli.fetch import fetch
from procguide.cli.info import info
from procguide.cli.listen import listen
from procguide.cli.phantom import phantom
from procguide.cli.plan import plan
from procguide.cli.procedures import procedures
from procguide.cli.quality import quality
from procguide.cli.segment import segment
from procguide.cli.send import send
from procguide.cli.session import Session
from procguide.cli.view import view
from procguide.cli.watch import watch
from procguide.errors import ProcguideError

__all__ = ["app", "main", "run"]

_TERMINATED = 143

app = typer.Typer(
    name="procguide",
    help="Plan image-guided spine procedures: from a DICOM study to a ranked needle plan.",
    epilog=DISCLAIMER,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for _command, _summary in (
    (demo, "Plan on the sample study, and say where the report is."),
    (info, "List the series under a path and what they can be used for."),
    (quality, "Say whether images will do, why not, and what to do about it."),
    (watch, "Judge frames as they come: fluoroscopy or ultrasound."),
    (segment, "Label vertebrae, name the levels, find the landmarks."),
    (plan, "Propose ranked needle trajectories and write a report."),
    (approve, "Record that a named person approves a plan; or say who has."),
    (degibbs, "Remove Gibbs ringing from MR images where it is safe to."),
    (evaluate, "Hold labels against a reference: overlap, surfaces, levels."),
    (procedures, "List what can be planned, or show one entry with its sources."),
    (phantom, "Make a synthetic CT study with its truth."),
    (send, "Store DICOM objects at a peer: C-STORE or DICOMweb."),
    (deidentify, "Take the patient out of DICOM images: PS3.15 Annex E."),
    (fetch, "Find and fetch studies from a peer: C-GET, C-MOVE or DICOMweb."),
    (view, "Open a study in napari with the plugin."),
    (listen, "Receive studies, plan them by a rule file, send the results back."),
):
    app.command(epilog=DISCLAIMER, short_help=_summary)(_command)
app.add_typer(audit, name="audit", short_help="Check the log of what was done to patients' data.")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"procguide {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
    ),
) -> None:
    """Plan image-guided spine procedures: from a DICOM study to a ranked needle plan.

    Example: procguide plan STUDY --procedure transforaminal_esi_subpedicular --level L4-L5
    --side left -o out
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    session = Session()
    return audited(arguments, lambda: _call(arguments, session), session.fail)


def _call(arguments: Sequence[str], session: Session) -> int:
    command = typer.main.get_command(app)
    try:
        command.main(args=list(arguments), prog_name="procguide", obj=session)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except ProcguideError as error:
        if session.debug:
            traceback.print_exc()
        session.fail(str(error), error.exit_code)
        return error.exit_code
    except Exception as error:  # the last resort: a fault of ours, told in one line
        if session.debug:
            traceback.print_exc()
        session.fail(f"unexpected fault ({type(error).__name__}); run again with --debug and report it", 1)
        return 1
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the ``procguide`` script: its exit code for ``arguments``, or for the process's own."""
    words = sys.argv[1:] if arguments is None else arguments
    if arguments is None:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    with _quiet() if "--debug" not in words else nullcontext():
        return run(words)


@contextmanager
def _quiet() -> Iterator[None]:
    """Libraries' remarks on a study's odd values may quote a patient's name: only --debug shows them."""
    before = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)
