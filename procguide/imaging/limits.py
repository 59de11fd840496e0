"""What a header may claim before anything is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from procguide.errors import InputUnreadableError

__all__ = ["MAX_VOXELS", "check_decoded_size"]

MAX_VOXELS = 2**31
"""About 2000 slices of 1024x1024: more than any study needs, and 4 GiB of int16."""

_MAX_COMPRESSION = 1100
"""No deflate stream shrinks by more than 1032 (zlib's technical notes)."""


def check_decoded_size(
    sizes: Sequence[int], bytes_each: int, file_bytes: int, *, compressed: bool = False
) -> None:
    """Refuse sizes that no memory or no such file could hold; called before voxels are read."""
    count = prod(int(size) for size in sizes)
    words = "x".join(str(size) for size in sizes)
    if min(sizes) < 1 or count > MAX_VOXELS:
        raise InputUnreadableError(
            f"the header claims {words} voxels, more than the {MAX_VOXELS} that are read; "
            "the file is damaged, or must be cropped first"
        )
    if count * bytes_each > file_bytes * (_MAX_COMPRESSION if compressed else 1):
        raise InputUnreadableError(
            f"the header claims {words} voxels of {bytes_each} bytes, but the file has {file_bytes} bytes; "
            "it is cut short or damaged: get it again from its source"
        )
