"""What each hostile file of tests/dicom/attacks.py comes to, and what it costs.

    python -m benchmarks.dicom_attacks

Headers and pixels are read in a child process for each. Seconds are of its processor, since the machine may
be busy; memory is the child's peak, and how much of it the reading added.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.recording import write_result
from tests.dicom.attacks import ATTACKS

_MOST_S, _MOST_MB = 1.0, 300


def main() -> None:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        paths = [attack.place(Path(folder, str(number))) for number, attack in enumerate(ATTACKS)]
        command = [sys.executable, "-W", "ignore", "-m", "tests.dicom.measured_reading", *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows = []
        for attack, path, line in zip(ATTACKS, paths, done.stdout.splitlines(), strict=True):
            found = json.loads(line)
            rows.append(
                {
                    "attack": attack.name,
                    "bytes": path.stat().st_size if path.is_file() else 0,
                    "exit_code": found["exit_code"],
                    "processor_s": found["processor_s"],
                    "wall_s": found["wall_s"],
                    "peak_mb": found["peak_mb"],
                    "rise_mb": found["rise_mb"],
                    "words": found["words"].replace(str(path), "PATH"),
                }
            )
    kept = [
        row
        for row in rows
        if row["exit_code"] == 4 and row["processor_s"] < _MOST_S and row["peak_mb"] < _MOST_MB
    ]
    figures = {
        "attacks": len(rows),
        f"a clear error, exit 4, within {_MOST_S:g} s and {_MOST_MB} MB": len(kept),
        "slowest_processor_s": max(row["processor_s"] for row in rows),
        "peak_mb": max(row["peak_mb"] for row in rows),
        "rows": rows,
    }
    write_result("dicom_attacks", figures, load)


if __name__ == "__main__":
    main()
