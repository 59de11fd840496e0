"""``procguide view``: a study in napari, with the plugin."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from procguide.cli.session import DebugFlag, JsonFlag, Session
from procguide.errors import InputUnreadableError, MissingPartError

__all__ = ["view"]

_INSTALL = 'pip install "napari-procguide[pyqt6]"'


def view(
    context: typer.Context,
    path: Annotated[
        Path | None,
        typer.Argument(help="A study: DICOM file or folder, NIfTI, NRRD, MetaImage.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Open a study in napari: linked panes, quality, labels, needles to choose, drag, approve and export.

    Returns when the window is closed. Needs the plugin (docs/napari.md) and a display.

    Example: procguide view sample_dicom/lumbar
    """
    Session.begin(context, as_json=as_json, debug=debug)
    if path is not None and not path.exists():
        raise InputUnreadableError(f"there is no file or folder {path}; check the path")
    if find_spec("napari_procguide") is None:
        raise MissingPartError(f"viewing needs the napari plugin: {_INSTALL}")
    if not any(find_spec(binding) for binding in ("PyQt6", "PySide6")):
        raise MissingPartError(f"viewing needs Qt: {_INSTALL}")
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise MissingPartError(
            "there is no display to show a window on; run it at a desktop, or with xvfb-run"
        )
    from napari_procguide import view as open_window

    open_window(path)
