"""``procguide degibbs``: an MR series without Gibbs ringing."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from procguide import DISCLAIMER
from procguide.cli.audited import images_read
from procguide.cli.session import DebugFlag, JsonFlag, Session
from procguide.errors import CannotWriteError

if TYPE_CHECKING:
    from rich.console import Console

    from procguide.dicom import Series
    from procguide.imaging import Volume
    from procguide.quality.gibbs.correct import Unrung

__all__ = ["SliceAxis", "degibbs"]


class SliceAxis(StrEnum):
    """Along which of the image's axes slices are stacked; ``none`` for a 3D acquisition."""

    K = "k"
    J = "j"
    I = "i"  # noqa: E741
    NONE = "none"


def degibbs(
    context: typer.Context,
    *,
    path: Annotated[Path, typer.Argument(help="An MR series: DICOM, NIfTI, NRRD or MetaImage.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Image to write: .nii.gz, .nrrd, .mha.")
    ],
    slice_axis: Annotated[
        SliceAxis | None,
        typer.Option(
            "--slice-axis",
            help="Along which axis slices are stacked, where the file does not tell; none: a 3D acquisition.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file, if there is one.")] = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Remove Gibbs ringing from MR images by local sub-voxel shifts, where that is safe.

    Geometry and type are kept. Zero-filled images are corrected at the matrix they were acquired with. Images
    with partial Fourier, or interpolated since, are refused with the reason.

    Example: procguide degibbs sample_dicom/lumbar/t2_sagittal -o unrung.nii.gz
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    if output.is_dir() or (output.exists() and not force):
        hint = "" if output.is_dir() else ", or add --force"
        raise CannotWriteError(f"{output} exists; choose another name{hint}")
    from procguide.dicom import read_study, read_volume
    from procguide.imaging import Modality
    from procguide.imaging.files import write_image
    from procguide.quality.acquisition import acquisition_of
    from procguide.quality.gibbs.correct import degibbs as correct

    study = read_study(path)
    series = study.choose(None if any(s.volume is not None for s in study.series) else Modality.MR)
    images_read(series)
    volume = read_volume(series)
    done = correct(volume, _axes(volume, series, slice_axis), acquisition_of(series))
    write_image(done.volume, output)
    document = _document(done, volume, series, output)
    session.answer(document, lambda console: _show(document, console))
    session.finish(study.lost)


def _axes(volume: Volume, series: Series, stated: SliceAxis | None) -> tuple[int, ...]:
    from procguide.quality.gibbs.correct import encoded_axes

    if stated is SliceAxis.NONE:
        return (0, 1, 2)
    axis = None if stated is None else "kji".index(stated)
    return encoded_axes(volume, axis, from_dicom=series.volume is None)


def _document(done: Unrung, before: Volume, series: Series, output: Path) -> dict[str, Any]:
    import numpy as np

    from procguide.provenance import record

    change = done.volume.voxels.astype(np.float64) - before.voxels
    return {
        "schema": "procguide.degibbs/1",
        "file": str(output),
        "axes": {
            "kji"[axis]: {**asdict(sampling), "shown": before.shape[axis]}
            for axis, sampling in zip(done.axes, done.samplings, strict=True)
        },
        "mean_change": float(np.abs(change).mean()),
        "largest_change": float(np.abs(change).max()),
        "cautions": list(done.cautions),
        "provenance": asdict(record(series.files, parameters={"axes": "".join("kji"[a] for a in done.axes)})),
        "disclaimer": DISCLAIMER,
    }


def _show(document: dict[str, Any], console: Console) -> None:
    for name, axis in document["axes"].items():
        words = f"axis {name}: {axis['kind']}, {axis['count']} samples"
        if axis["count"] != axis["shown"]:
            words += f" shown as {axis['shown']}"
        console.print(words, markup=False)
    console.print(
        f"changed by {document['mean_change']:.2f} on average, {document['largest_change']:.1f} at most",
        markup=False,
    )
    for caution in document["cautions"]:
        console.print(f"caution: {caution}", markup=False)
    console.print(f"written: {document['file']}", markup=False)
