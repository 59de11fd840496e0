"""A writer killed at random moments: every acknowledged record is there, and the chain holds."""

from __future__ import annotations

import multiprocessing
import random
import time
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

from procguide.audit import verify
from tests.audit.test_audit_log import event, open_at


def _write_on(folder: str, acknowledged: Synchronized[int]) -> None:
    log = open_at(Path(folder))
    while True:
        log.append(event())
        acknowledged.value += 1


def test_killed_ten_times_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    acknowledged = context.Value("i", 0, lock=False)
    moments = random.Random(7)
    for _ in range(10):
        writer = context.Process(target=_write_on, args=(str(tmp_path), acknowledged))
        before = acknowledged.value
        writer.start()
        while acknowledged.value == before:
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.05))
        writer.kill()
        writer.join()
        found = verify(open_at(tmp_path))
        assert found.intact, found.problems
        assert acknowledged.value <= found.records <= acknowledged.value + 10
    open_at(tmp_path).append(event())
    assert verify(open_at(tmp_path)).intact
