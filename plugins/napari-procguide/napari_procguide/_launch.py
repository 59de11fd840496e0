"""Opening the workspace: in a napari of its own, or in the one at hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari import Viewer

    from napari_procguide.qt.workspace import Workspace

__all__ = ["add_workspace", "launch", "new_window", "show_workspace", "workspace_of"]

_NAME = "procguide workspace"
_PLUGIN = "napari-procguide"


def launch(path: Path | None) -> None:
    """A napari with the workspace on ``path``, until its window is closed."""
    _, workspace = new_window()
    if path is not None:
        workspace.assistant.open(path)
    import napari

    napari.run()


def new_window() -> tuple[Viewer, Workspace]:
    """A napari of its own, and the workspace in it; the engine starts while they are made."""
    from napari_procguide.engine.client import early_engine

    with early_engine():
        import napari

        viewer = napari.Viewer(title="procguide")
        return viewer, add_workspace(viewer)


def add_workspace(viewer: Viewer) -> Workspace:
    """The viewer's workspace, opened if it has none."""
    there = workspace_of(viewer)
    if there is not None:
        return there
    _, workspace = viewer.window.add_plugin_dock_widget(_PLUGIN, _NAME)
    found: Workspace = workspace
    return found


def workspace_of(viewer: Viewer | None) -> Workspace | None:
    """The workspace in a viewer's window, if it is open."""
    from napari_procguide.qt.workspace import Workspace

    for workspace in Workspace.open_ones:
        if _bare(workspace.viewer) is _bare(viewer):
            return workspace
    return None


def _bare(viewer: Any) -> Any:
    """The viewer itself: napari gives plugins a proxy of it."""
    return getattr(viewer, "__wrapped__", viewer)


def show_workspace() -> None:
    """Command: open the workspace in the napari at hand."""
    import napari

    viewer = napari.current_viewer()
    if viewer is not None:
        add_workspace(viewer)
