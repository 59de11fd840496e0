"""The main job on the sample study: wall time, peak memory, each step; and how quick ``--help`` is.

    python benchmarks/demo.py

writes ``benchmarks/results/demo.json``. The claim: under 60 s and 4 GB on two cores, help under 0.5 s.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from recording import write_result

LIMITS = {"wall_s": 60.0, "peak_memory_mb": 4000.0, "help_s": 0.5}
CLI = [sys.executable, "-m", "procguide.cli"]


def timed(arguments: list[str]) -> tuple[float, float]:
    """Wall seconds of one command line, and its peak resident memory in MB."""
    start = time.perf_counter()
    child = subprocess.Popen([*CLI, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"procguide {' '.join(arguments)} left with {child.returncode}")
    return time.perf_counter() - start, usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    load = os.getloadavg()[0]
    help_s = min(timed(["--help"])[0] for _ in range(5))
    with TemporaryDirectory() as folder:
        output = Path(folder) / "demo"
        wall_s, peak_mb = timed(["demo", "-o", str(output)])
        run = json.loads((output / "run.json").read_text())
        plan = json.loads((output / "plan.json").read_text())
    measured = {
        "wall_s": round(wall_s, 2),
        "peak_memory_mb": round(peak_mb),
        "help_s": round(help_s, 3),
        "steps_s": run["steps_s"],
        "plans": len(plan["plans"]),
        "candidates": plan["candidates"],
    }
    result = {
        "measured": measured,
        "limits": LIMITS,
        "kept": {name: measured[name] <= limit for name, limit in LIMITS.items()},
    }
    write_result("demo", result, load)


if __name__ == "__main__":
    main()
