"""What each hostile file of tests/dicom/attacks.py comes to, and what it costs.

    python -m benchmarks.dicom_attacks

Headers and pixels are read in a child process for each. Seconds are of the processor, since the machine may
be busy; memory is the peak, and how much of it the reading added: of the child and of its decoding process
together. The largest compressed frames that are read are measured in the same way.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from benchmarks.recording import write_result
from tests.dicom.attacks import ATTACKS
from tests.dicom.made_images import make_image, saved

_MOST_S, _MOST_MB = 1.0, 300
_SIDE = 4096


def main() -> None:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        paths = [attack.place(Path(folder, str(number))) for number, attack in enumerate(ATTACKS)]
        rows = []
        for attack, path, found in zip(ATTACKS, paths, _measured(paths), strict=True):
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
        "largest frames read": _largest(),
    }
    write_result("dicom_attacks", figures, load)


def _measured(paths: Sequence[Path]) -> list[dict[str, Any]]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.dicom.measured_reading", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _largest() -> list[dict[str, Any]]:
    """Honest frames of 4096 x 4096, 12 of 16 bits: smooth, and noise, which is the most work."""
    noise = np.random.default_rng(0).integers(0, 4096, (_SIDE, _SIDE)).astype(np.uint16)
    smooth = np.zeros_like(noise)
    smooth[::7] = 3
    rows = []
    for name, values in (("smooth", smooth), ("noise", noise)):
        for syntax in (RLELossless, JPEGLSLossless, JPEG2000Lossless):
            if name == "smooth" and syntax == JPEG2000Lossless:
                continue  # so few bytes may not become so many
            dataset = make_image("DX", values, BitsStored=12, HighBit=11)
            dataset.compress(syntax, generate_instance_uid=False)
            with tempfile.TemporaryDirectory() as folder:
                path = saved(dataset, Path(folder, "image.dcm"))
                (found,) = _measured([path])
                rows.append({"frame": f"{syntax.name}, {name}", "bytes": path.stat().st_size, **found})
    return rows


if __name__ == "__main__":
    main()
