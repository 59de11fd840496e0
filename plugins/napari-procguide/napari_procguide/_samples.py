"""Sample data: the synthetic lumbar study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_procguide._readers import layer_place

if TYPE_CHECKING:
    from napari import Viewer

__all__ = ["open_sample"]

_NAME = "opened in the procguide workspace"


def open_sample() -> list[Any]:
    """Open it in the workspace, which is opened if need be.

    napari takes a sample without a layer for a fault (0.9.2): it gets one that goes at once.
    """
    import napari
    from qtpy.QtCore import QTimer

    from napari_procguide._launch import add_workspace

    viewer = napari.current_viewer()
    if viewer is None:
        return []
    add_workspace(viewer).assistant.open_sample()
    QTimer.singleShot(0, lambda: _take_out(viewer))
    place = layer_place(_NAME, [0.0] * 3, [1.0] * 3)
    return [(np.zeros((1, 3)), {**place, "visible": False}, "points")]


def _take_out(viewer: Viewer) -> None:
    if _NAME in viewer.layers:
        viewer.layers.remove(_NAME)
