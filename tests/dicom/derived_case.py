"""A small CT series with a person's name in it, and a plan on it as ``plan.json`` has it."""

import subprocess
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from procguide.dicom import Series, StudyIdentity, read_study, write_series
from procguide.geometry import Affine
from procguide.imaging import Modality, Volume

AFFINE = Affine.from_steps([(0, 0.7, 2.5), (0, 0.8, 0), (0.9, 0, 0)], (-10, 5, 7))
"""Of a tilted gantry."""
OBLIQUE = Affine.from_steps([(0, -1.5, 2.0), (0, 0.64, 0.48), (0.9, 0, 0)], (-10, 5, 7))
"""With slices that stand on their normal, as other readers have them."""


def make_series(folder: Path, *, affine: Affine = AFFINE, enhanced: bool = False) -> Series:
    """Ten slices of 24x20."""
    volume = Volume(np.zeros((10, 24, 20), np.int16), affine, Modality.CT)
    write_series(
        volume, folder, study=StudyIdentity("Quixote^Dulcinea", "ID-4711", seed=1), enhanced=enhanced
    )
    return read_study(folder).series[0]


def small_picture(width: int = 300, height: int = 200) -> bytes:
    """A PNG of two bands of colour that JPEG keeps."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2] = (200, 40, 40)
    pixels[:, width // 2 :] = (40, 40, 200)
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def without_nothing(value: Any) -> Any:
    """A document in which absent is the same as null or empty."""
    if isinstance(value, dict):
        return {key: without_nothing(one) for key, one in value.items() if one not in (None, [], {}, "")}
    return [without_nothing(one) for one in value] if isinstance(value, list) else value


def conformance(path: Path) -> list[str]:
    """The errors that dciodvfy finds."""
    run = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    lines = (run.stdout + run.stderr).splitlines()
    assert lines, "dciodvfy said nothing at all"
    return [line for line in lines if "Error" in line]


def plan_document(**changes: Any) -> dict[str, Any]:
    """A plan with every kind of value: whole, fractional, tiny, missing, not plain ASCII."""
    document = deepcopy(_DOCUMENT)
    document.update(changes)
    return document


_DOCUMENT: dict[str, Any] = {
    "schema": "procguide.plan/1",
    "procedure": "transforaminal_esi_subpedicular",
    "level": "L4-L5",
    "side": "left",
    "approved": None,
    "plans": [
        {
            "rank": 1,
            "entry_lps_mm": [-5.13, 19.87, 12.34],
            "target_lps_mm": [1.01, 11.07, 18.99],
            "length_mm": 12.62,
            "needle": {"gauge": 22, "diameter_mm": 0.72, "length_mm": 127.0},
            "clearance_mm": {"bone": 0.1, "dura": 3.71, "nerve_root": -0.25, "odd structure": 1e-05},
            "robustness": {
                "placement_sd_mm": 2.123456789012345,
                "p_violation": 0.1234,
                "p_touch": 0.0,
                "by_structure": {"dura": 0.0001},
            },
            "view": {"oblique_deg": 34.9, "tilt_deg": -5.2, "reachable": True},
            "views": [
                {
                    "name": "bulls_eye",
                    "oblique_deg": 34.9,
                    "tilt_deg": -5.2,
                    "from_vertical_deg": -34.9,
                    "reachable": True,
                    "room_mm": -3.1,
                    "look_for": "tip under the pedicle at six o'clock",
                    "warnings": ["the C-arm meets the table"],
                },
                {
                    "name": "ultrasound_in_plane",
                    "oblique_deg": None,
                    "tilt_deg": None,
                    "from_vertical_deg": None,
                    "reachable": False,
                    "room_mm": None,
                    "look_for": "",
                    "warnings": [],
                },
            ],
            "scores": {"clearance": 0.5614, "total": 1.0},
            "objectives": [{"objective": "clearance", "score": 0.5614, "weight": 0.4, "words": "3.7 mm: ok"}],
            "trade_offs": ["the nearest to bone", "längste Nadel"],
            "warnings": [],
        },
        {
            "rank": 2,
            "entry_lps_mm": [-2.0, 20.0, 10.0],
            "target_lps_mm": [1.02, 11.0, 19.0],
            "length_mm": 13.08,
            "needle": {"gauge": 25, "diameter_mm": 0.515, "length_mm": 90.0},
            "clearance_mm": {"bone": 1234.56},
            "robustness": {"placement_sd_mm": 2.0, "p_violation": 0.9999, "p_touch": 1.0, "by_structure": {}},
            "view": {"oblique_deg": 0.0, "tilt_deg": 0.0, "reachable": False},
            "views": [],
            "scores": {"total": 0.0},
            "objectives": [],
            "trade_offs": [],
            "warnings": ["beyond reach"],
        },
    ],
    "candidates": {
        "considered": 90750,
        "feasible": 4648,
        "excluded_by": {"bone behind the tip": 0, "dura": 12},
        "excluded_alone": {"dura": 3},
        "best_misses_by_mm": {"dura": 0.31},
        "efficient": 17,
        "exactly_checked": 40,
        "refused_by": {"bone": 2},
        "kept_away": "2 mm",
    },
    "limits": [
        {
            "structure": "dura",
            "margin_mm": 3.0,
            "mark": "assumed",
            "source": "assumed",
            "from": "modelled",
            "spread_mm": 1.5,
        }
    ],
    "reason": "",
    "warnings": ["dura: modelled from bone, not seen on the image"],
    "provenance": {
        "inputs_sha256": "ab" * 32,
        "software": "procguide 0.1.0",
        "time_utc": "2026-11-21T04:06:45+00:00",
        "models": {"locator": "1 abc"},
        "catalogue": "transforaminal_esi_subpedicular 93a2",
        "parameters": {"level": "L4-L5", "labels_given": False, "target": None, "weights": "a: 0.5"},
    },
    "disclaimer": "For research and training only. Not a medical device. A physician approves every plan.",
}
