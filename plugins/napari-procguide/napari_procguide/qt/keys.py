"""Which key does what in the workspace."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_procguide.models.measurements import Kind
from napari_procguide.qt.shortcuts import Key

if TYPE_CHECKING:
    from napari_procguide.qt.workspace import Workspace

__all__ = ["workspace_keys"]


def workspace_keys(workspace: Workspace) -> tuple[Key, ...]:
    """All of them, in the order they are listed."""
    assistant = workspace.assistant
    measurements = assistant.measurements
    scroll, zoom = partial(_scroll, workspace), partial(_zoom, workspace)
    return (
        Key("F1", "this list", workspace.show_keys),
        Key("1", "window for bone", partial(workspace.look.preset, "Bone")),
        Key("2", "window for soft tissue", partial(workspace.look.preset, "Soft tissue")),
        Key("3", "window for lung", partial(workspace.look.preset, "Lung")),
        Key("4", "window by the image", partial(workspace.look.preset, "Auto")),
        Key("PgUp", "axial slice toward the head", partial(scroll, "axial", 1)),
        Key("PgDown", "axial slice toward the feet", partial(scroll, "axial", -1)),
        Key("Ctrl+Right", "sagittal slice toward the left", partial(scroll, "sagittal", -1)),
        Key("Ctrl+Left", "sagittal slice toward the right", partial(scroll, "sagittal", 1)),
        Key("Ctrl+Up", "coronal slice toward the front", partial(scroll, "coronal", 1)),
        Key("Ctrl+Down", "coronal slice toward the back", partial(scroll, "coronal", -1)),
        Key("]", "along the needle toward the tip", partial(scroll, "down", 1)),
        Key("[", "along the needle toward the skin", partial(scroll, "down", -1)),
        Key("+", "larger", partial(zoom, 1.15)),
        Key("-", "smaller", partial(zoom, 1 / 1.15)),
        Key("0", "whole pictures", workspace.panes.reset),
        Key("F", "the pane last clicked alone, or all again", workspace.panes.turn_alone),
        Key("L", "labels shown, dimmed, hidden", assistant.view.cycle_labels),
        Key("V", "napari's canvas in 3D or as a slice", workspace.in_3d_toggle),
        Key("M", "measure a distance, or stop measuring", partial(measurements.toggle, Kind.DISTANCE)),
        Key("A", "measure an angle, or stop measuring", partial(measurements.toggle, Kind.ANGLE)),
        Key("Backspace", "take the last measurement back", measurements.take_back),
        Key("Space", "play or stop frames", partial(_play, workspace)),
        Key("N", "next needle", partial(_next_needle, workspace, 1)),
        Key("Shift+N", "needle before", partial(_next_needle, workspace, -1)),
        Key("K", "lock the needle", partial(_lock, workspace)),
        Key("Ctrl+Return", "plan", workspace.plan.plan.click),
        Key("Esc", "stop what is going on", partial(_stop, workspace)),
    )


def _scroll(workspace: Workspace, pane: str, steps: int) -> None:
    workspace.panes.panes[pane].source.scroll(steps)


def _zoom(workspace: Workspace, factor: float) -> None:
    for pane in workspace.panes.panes.values():
        pane.zoom_by(factor)


def _next_needle(workspace: Workspace, step: int) -> None:
    plan = workspace.assistant.plan
    if plan.rows:
        workspace.assistant.fly_to((plan.chosen + step) % len(plan.rows))


def _play(workspace: Workspace) -> None:
    cine = workspace.assistant.cine
    cine.playing = not cine.playing


def _lock(workspace: Workspace) -> None:
    plan = workspace.assistant.plan
    plan.locked = not plan.locked


def _stop(workspace: Workspace) -> None:
    if workspace.assistant.jobs.busy:
        workspace.assistant.cancel()
