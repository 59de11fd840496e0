"""``procguide demo``: the main job on the sample study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import procguide
from procguide.cli.session import DebugFlag, ForceFlag, JsonFlag, Session

__all__ = ["demo"]

_PROCEDURE, _LEVEL, _SIDE = "transforaminal_esi_subpedicular", "L4-L5", "left"


def demo(
    context: typer.Context,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Folder to write [default: procguide-demo, or the next free name]."
        ),
    ] = None,
    force: ForceFlag = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Plan a transforaminal injection at L4-L5 left on the sample study, and say where the report is.

    Example: procguide demo -o demo
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    from tempfile import TemporaryDirectory

    from procguide.cli.plan import PlanOptions, run_plan
    from procguide.cli.request import parse_request

    request = parse_request(_PROCEDURE, _LEVEL, _SIDE)
    options = PlanOptions(output or _free_name(Path("procguide-demo")), force=force)
    sample = sample_study()
    if sample is not None:
        run_plan(session, sample, request, options)
        return
    session.say("no sample_dicom beside the package: making a synthetic study")
    with TemporaryDirectory(prefix="procguide-") as folder:
        from procguide.cli.steps import Steps
        from procguide.phantom import write_sample

        with Steps(session.console()).step("phantom") as advance:
            write_sample(folder, only=("ct",), progress=advance)
        run_plan(session, Path(folder), request, options)


def sample_study() -> Path | None:
    """The lumbar study of the checkout that the package runs from; None where it is not a checkout."""
    folder = Path(procguide.__file__).resolve().parents[1] / "sample_dicom" / "lumbar"
    return folder if folder.is_dir() and any(folder.iterdir()) else None


def _free_name(wanted: Path) -> Path:
    names = (wanted, *(wanted.with_name(f"{wanted.name}-{n}") for n in range(2, 1000)))
    return next(name for name in names if not name.exists())
