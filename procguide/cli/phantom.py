"""``procguide phantom``: a synthetic study with its truth."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from procguide import DISCLAIMER
from procguide.cli.session import DebugFlag, ForceFlag, JsonFlag, Session

if TYPE_CHECKING:
    from procguide.cli.steps import Steps

__all__ = ["phantom"]


def phantom(
    context: typer.Context,
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write; it must not exist yet.")],
    seed: Annotated[int, typer.Option(help="Which subject: the same seed gives the same study.", min=0)] = 0,
    force: ForceFlag = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Make a synthetic lumbar CT study as DICOM, with its true labels and landmarks beside it.

    Example: procguide phantom -o study --seed 7
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    from procguide.cli.outputs import output_folder, write_run
    from procguide.cli.steps import Steps
    from procguide.provenance import record

    steps = Steps(session.console())
    provenance = record((), parameters={"seed": seed})
    with output_folder(output, force=force) as partial:
        _make_study(partial, seed, steps)
        write_run(partial, "phantom", provenance, steps)
        files = sum(1 for file in partial.rglob("*.dcm"))
    document = {
        "schema": "procguide.phantom/1",
        "seed": seed,
        "output": str(output),
        "dicom_files": files,
        "provenance": asdict(provenance),
        "disclaimer": DISCLAIMER,
    }
    session.answer(
        document,
        lambda console: console.print(f"{files} DICOM files and their truth: {output}", markup=False),
    )


def _make_study(folder: Path, seed: int, steps: Steps) -> None:
    """Build, image and write the subject of ``seed``."""
    from procguide.phantom import build, sample_parameters, simulate_ct, write_phantom

    with steps.step("build"):
        subject = build(sample_parameters(seed))
    with steps.step("image") as advance:
        ct = simulate_ct(subject, seed, on_progress=lambda share: advance("", share))
    with steps.step("write") as advance:
        write_phantom(subject, ct, folder, on_progress=lambda share: advance("", share))
