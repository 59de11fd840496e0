"""Damaged real files, many more than the tests try: crashes, hangs, growth.

    python -m benchmarks.dicom_fuzz [CASES] [FIRST] [MINUTES]

Cases run in blocks, each in a process of its own, so that a reader that dies is counted and not the end; no
block is begun after so many minutes. Seconds and memory are of the reader and its decoding process together.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.recording import write_result

_BLOCK = 2000
_LONGEST_S = 1800.0
_SLOW_S = 1.0


def run(cases: int, first: int = 0, minutes: int = 24 * 60) -> dict[str, Any]:
    """Numbers ``first`` to ``first + cases`` as far as the time goes; the worst of all blocks."""
    start = time.perf_counter()
    blocks, tried = [], 0
    while tried < cases and time.perf_counter() - start < 60 * minutes:
        count = min(_BLOCK, cases - tried)
        blocks.append(_block(first + tried, first + tried + count))
        tried += count
    codes = Counter[str]()
    for block in blocks:
        codes.update(block["codes"])
    return {
        "cases": tried,
        "read": codes["0"],
        "clear error, exit 4": codes["4"],
        "of these, the decoder was ended or died": codes["ended"],
        "failures": tried - codes["0"] - codes["4"],
        "failed": [entry for block in blocks for entry in block["failed"]],
        "slower than a second": [entry for block in blocks for entry in block["slow"]],
        "slowest_processor_s": max(block["slowest_s"] for block in blocks),
        "peak_memory_mb": max(block["peak_mb"] for block in blocks),
        "most_growth_in_a_block_mb": max(block["growth_mb"] for block in blocks),
        "wall_s": round(time.perf_counter() - start, 1),
    }


def _block(first: int, stop: int) -> dict[str, Any]:
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "benchmarks.dicom_fuzz",
        "--block",
        str(first),
        str(stop),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S, check=True)
        return dict(json.loads(done.stdout))
    except (subprocess.SubprocessError, ValueError) as error:
        said = str(getattr(error, "stderr", "") or "").strip().splitlines()
        failed = [f"block {first}..{stop}: {error}: {said[-1] if said else 'nothing said'}"]
        return {"codes": {}, "failed": failed, "slow": [], "slowest_s": 0, "peak_mb": 0, "growth_mb": 0}


def _try(first: int, stop: int) -> dict[str, Any]:
    from tests.dicom.measured_reading import peak_mb, processor_s, read_everything
    from tests.dicom.mutations import mutated

    codes, failed, slow = Counter[str](), [], []
    slowest = held = 0.0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "damaged.dcm")
        for number in range(first, stop):
            name, data = mutated(number)
            file.write_bytes(data)
            start = processor_s()
            try:
                found = read_everything(file)
                codes[str(found["exit_code"])] += 1
                codes["ended"] += "break the decoder" in found["words"]
            except BaseException as error:
                failed.append(f"{number} {name}: {type(error).__name__}")
            taken = processor_s() - start
            slowest = max(slowest, taken)
            if taken > _SLOW_S:
                slow.append(f"{number} {name}: {taken:.1f} s")
            held = _held_mb() if number == first + (stop - first) // 4 else held
    return {
        "codes": codes,
        "failed": failed,
        "slow": slow,
        "slowest_s": round(slowest, 2),
        "peak_mb": round(peak_mb()),
        "growth_mb": round(_held_mb() - held, 1),
    }


def _held_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


if __name__ == "__main__":
    if sys.argv[1:2] == ["--block"]:
        print(json.dumps(_try(int(sys.argv[2]), int(sys.argv[3]))))
    else:
        load = os.getloadavg()[0]
        numbers = [int(argument) for argument in sys.argv[1:]] or [100_000]
        write_result("dicom_fuzz", run(*numbers), load)
