"""Labels as a file, so that a study is taken up with them: no pixels, nobody's name."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from napari_procguide.engine.labelling import shown_labels
from napari_procguide.engine.messages import Labelled
from napari_procguide.engine.state import State
from procguide.anatomy import Anchor
from procguide.anatomy.locate import locate_spine
from procguide.cli.pipeline import Anatomy
from procguide.cli.steps import Steps
from procguide.errors import InputUnreadableError
from procguide.findings import Finding, Severity
from procguide.geometry import Affine
from procguide.imaging import LabelMap
from procguide.segmentation.segment import Segmentation

__all__ = ["keep_labels", "read_segmentation", "take_up_labels", "write_segmentation"]

_SCHEMA = "procguide.labels/1"
_MAPS = ("levels", "regions", "instances", "sides", "organs")


def keep_labels(state: State, _steps: Steps, file: Path) -> None:
    """Write the labels of the series shown; a folder that cannot be written to keeps nothing."""
    try:
        write_segmentation(state.anatomy.segmentation, file)
    except OSError:
        return


def take_up_labels(state: State, steps: Steps, file: Path) -> Labelled:
    """The labels as they were left; landmarks are found anew."""
    with steps.step("locate"):
        found = read_segmentation(file)
        spine = locate_spine(found.levels, found.regions, anchor=found.anchor, confidence=found.confidence)
        state.anatomy = Anatomy(found, spine)
    return shown_labels(state, steps)


def write_segmentation(found: Segmentation, file: Path) -> None:
    """Write ``file`` (NumPy's npz) whole or not at all; only this user can read it."""
    maps = {name: one for name in _MAPS if (one := getattr(found, name)) is not None}
    said = {
        "schema": _SCHEMA,
        "names": {
            name: {str(label): word for label, word in one.names.items()} for name, one in maps.items()
        },
        "anchor": found.anchor.value,
        "anchors": [anchor.value for anchor in found.anchors],
        "confidence": dict(found.confidence),
        "models": dict(found.models),
        "findings": [asdict(finding) for finding in found.findings],
    }
    arrays: dict[str, Any] = {"said": np.array(json.dumps(said))}
    for name, one in maps.items():
        arrays |= {name: one.voxels, f"{name}_affine": one.affine.matrix}
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = file.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)
    partial.replace(file)


def read_segmentation(file: Path) -> Segmentation:
    """What :func:`write_segmentation` wrote; :class:`InputUnreadableError` where it is none of ours."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            said = json.loads(str(arrays["said"]))
            if said["schema"] != _SCHEMA:
                raise ValueError(said["schema"])
            maps = {name: _map(arrays, name, said["names"][name]) for name in _MAPS if name in said["names"]}
        return Segmentation(
            anchor=Anchor(said["anchor"]),
            anchors=tuple(Anchor(name) for name in said["anchors"]),
            confidence={str(name): float(value) for name, value in said["confidence"].items()},
            models={str(name): str(version) for name, version in said["models"].items()},
            findings=tuple(_finding(one) for one in said["findings"]),
            **maps,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, BadZipFile, EOFError) as error:
        raise InputUnreadableError("The labels of the last time cannot be read. Press Segment.") from error


def _map(arrays: Any, name: str, names: dict[str, str]) -> LabelMap:
    words = {int(label): str(word) for label, word in names.items()}
    return LabelMap(arrays[name], Affine(arrays[f"{name}_affine"]), names=words)


def _finding(said: dict[str, Any]) -> Finding:
    return Finding(**{**said, "severity": Severity(said["severity"])})
