"""Read paths nobody vouches for, each in a process of its own, and say what came of it and what it cost.

``python -m tests.dicom.measured_reading PATH...`` prints one JSON object a line.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from procguide.dicom import read_frames, read_study, read_volume
from procguide.errors import InputUnreadableError, ProcguideError


def read_everything(path: Path) -> dict[str, Any]:
    """Headers and pixels of all there is: the exit code a command would give, and the words."""
    try:
        study = read_study(path)
    except InputUnreadableError as error:
        return {"exit_code": error.exit_code, "words": str(error), "read": 0}
    words = [finding.words for finding in study.findings if finding.unit == "files"]
    read = 0
    for series in study.series:
        try:
            _ = read_volume(series) if series.grid is not None else read_frames(series)
            read += 1
        except ProcguideError as error:
            words.append(str(error))
    code = 0 if not words else 8 if read else 4
    return {"exit_code": code, "words": " ".join(words), "read": read}


def measured(path: Path) -> dict[str, Any]:
    """The same in a child: seconds of its processor, its peak memory in MB and by how much that rose."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        before, start, wall = peak_mb(), processor_s(), time.perf_counter()
        try:
            outcome = read_everything(path)
        except BaseException as error:
            outcome = {"exit_code": 1, "words": repr(error), "read": 0}
        outcome["processor_s"] = round(processor_s() - start, 3)
        outcome["wall_s"] = round(time.perf_counter() - wall, 3)
        outcome["peak_mb"] = round(peak_mb())
        outcome["rise_mb"] = round(peak_mb() - before)
        os.write(sending, json.dumps(outcome).encode()[:60000])
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving, "rb") as stream:
        said = stream.read()
    status = os.waitpid(child, 0)[1]
    return json.loads(said) if said else {"exit_code": 1, "words": f"it died ({status})", "read": 0}


def processor_s() -> float:
    """Seconds of the processor that this process and its children, such as the decoder, have had."""
    reaped = resource.getrusage(resource.RUSAGE_CHILDREN)
    ticks = sum(sum(map(int, _of(pid, "stat").rsplit(")", 1)[-1].split()[11:13])) for pid in _children())
    return time.process_time() + reaped.ru_utime + reaped.ru_stime + ticks / os.sysconf("SC_CLK_TCK")


def peak_mb() -> float:
    """The most memory that this process has held, and the most that its children have, added."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peaks = [resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]
    for pid in _children():
        peaks += [int(line.split()[1]) for line in _of(pid, "status").splitlines() if "VmHWM" in line]
    return (own + max(peaks)) / 1024


def _children() -> list[str]:
    """Process numbers, where the kernel tells them."""
    threads = [thread.name for thread in Path("/proc/self/task").iterdir()]
    return [pid for thread in threads for pid in _of(f"self/task/{thread}", "children").split()]


def _of(pid: str, name: str) -> str:
    try:
        return Path("/proc", pid, name).read_text()
    except OSError:  # it has ended since
        return ""


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        sys.stdout.write(json.dumps(measured(Path(argument))) + "\n")
        sys.stdout.flush()
