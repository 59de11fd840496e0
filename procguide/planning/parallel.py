"""Work on many needles, shared among the machine's cores by kernels that run without Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

__all__ = ["in_parts"]

_CHUNK = 4096


def in_parts(work: Callable[[slice], None], count: int) -> None:
    """``work`` on slices that make up ``count`` items; at once, and in no order, where they are many."""
    parts = [slice(first, min(first + _CHUNK, count)) for first in range(0, count, _CHUNK)]
    if len(parts) <= 1:
        work(slice(0, count))
        return
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for _ in pool.map(work, parts):
            pass
