"""Sample data: the synthetic lumbar study."""

from __future__ import annotations

from typing import Any

__all__ = ["open_sample"]


def open_sample() -> list[Any]:
    """Open it in the workspace, which is opened if need be; there are no layers beside it."""
    import napari

    from napari_procguide._launch import add_workspace

    viewer = napari.current_viewer()
    if viewer is not None:
        add_workspace(viewer).assistant.open_sample()
    return []
