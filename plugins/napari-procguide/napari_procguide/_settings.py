"""The plugin's settings, as they stand in napari's preferences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["memory_folder", "setting"]


def setting(group: str, name: str) -> Any:
    """One setting's value; its default where the plugin is not installed as one."""
    from napari.settings import get_plugin_settings

    try:
        return getattr(getattr(get_plugin_settings("napari-procguide"), group), name)
    except (KeyError, AttributeError):
        return {"show_identity": False, "sound": False, "restore": True}[name]


def memory_folder() -> Path:
    """Where a study's state is kept, for this user alone."""
    from qtpy.QtCore import QStandardPaths

    place = QStandardPaths.StandardLocation.GenericDataLocation
    return Path(QStandardPaths.writableLocation(place)) / "procguide" / "studies"
