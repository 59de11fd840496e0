"""napari plugin of procguide: linked slices, quality, labels, needles; thin over the library."""

from __future__ import annotations

from pathlib import Path

__all__ = ["DISCLAIMER", "view"]

DISCLAIMER = "Research and training only, not for clinical use"


def view(path: Path | None = None) -> None:
    """Open napari with the workspace on ``path``; returns when its window is closed."""
    from napari_procguide._launch import launch

    launch(path)
