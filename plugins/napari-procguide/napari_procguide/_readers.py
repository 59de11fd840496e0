"""Reading for napari: in the workspace where it is open, else as a plain layer that lies straight."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["get_reader", "read_layers"]

LayerData = tuple[Any, dict[str, Any], str]


def get_reader(path: str | list[str]) -> Callable[[Any], list[Any]] | None:
    """A function that reads ``path``, or None where it is nothing for us."""
    one = path[0] if isinstance(path, list) else path
    if not Path(one).exists():
        return None
    return _read


def _read(path: str | list[str]) -> list[Any]:
    import napari

    from napari_procguide._launch import workspace_of

    paths = [Path(one) for one in (path if isinstance(path, list) else [path])]
    workspace = workspace_of(napari.current_viewer())
    if workspace is not None:
        workspace.assistant.open(paths[0])
        return [(None,)]
    return [layer for one in paths for layer in read_layers(one)]


def read_layers(path: Path) -> list[LayerData]:
    """A study's best series, an image file, or a plan's needles, in napari's world: patient LPS reversed."""
    if (path / "plan.json").is_file():
        return [_needles(path / "plan.json")]
    from napari_procguide.engine.opening import straight
    from procguide.dicom import read_study, read_volume
    from procguide.errors import InputUnfitError

    study = read_study(path)
    volumes = [series for series in study.series if series.grid is not None]
    try:
        series = study.choose()
    except InputUnfitError:  # unfit for planning, but it can be looked at
        if not volumes:
            raise
        series = volumes[0]
    volume, _ = straight(read_volume(series))
    spacing = volume.spacing.tolist()
    place = volume.affine.origin[::-1].tolist()
    return [(volume.voxels, layer_place(str(volume.modality), place, spacing), "image")]


def layer_place(name: str, origin: list[float], spacing: list[float]) -> dict[str, Any]:
    """What every layer of ours says of its place."""
    return {
        "name": name,
        "scale": spacing,
        "translate": origin,
        "units": ("mm", "mm", "mm"),
        "axis_labels": ("S", "P", "L"),
    }


def _needles(file: Path) -> LayerData:
    """Each planned needle as a line."""
    document = json.loads(file.read_text(encoding="utf-8"))
    plans = document.get("plans", [])
    lines = [[one["entry_lps_mm"][::-1], one["target_lps_mm"][::-1]] for one in plans]
    place = layer_place(f"{document['procedure']} {document['level']}", [0.0] * 3, [1.0] * 3)
    return lines, {**place, "shape_type": "line", "edge_width": 1.0, "edge_color": "#56b4e9"}, "shapes"
