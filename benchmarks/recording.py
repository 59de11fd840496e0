"""Where a benchmark's figures go, with the machine they were measured on and how busy it was."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def write_result(name: str, figures: Mapping[str, Any], load_before: float) -> None:
    """Write ``results/NAME.json`` and print it; ``load_before`` is the machine's load before the run."""
    result = {
        **figures,
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "system": platform.system(),
        },
        "load_before": round(load_before, 1),
        "time_utc": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    text = json.dumps(result, indent=2) + "\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(text)
    print(text)
