"""Enough to run it again: inputs by hash, versions, parameters, time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from procguide import __version__

__all__ = ["Provenance", "hash_file", "hash_files", "record"]


@dataclass(frozen=True)
class Provenance:
    """How a result came about. Holds no path and no patient identifier."""

    inputs_sha256: str
    software: str
    time_utc: str
    models: Mapping[str, str] = field(default_factory=dict)
    catalogue: str = ""
    parameters: Mapping[str, str | float | int | bool | None] = field(default_factory=dict)


def hash_files(files: Iterable[Path]) -> str:
    """SHA-256 over the contents of ``files`` in the order of their own hashes: independent of names."""
    digests = sorted(bytes.fromhex(hash_file(file)) for file in files)
    return hashlib.sha256(b"".join(digests)).hexdigest()


def hash_file(file: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def record(
    inputs: Iterable[Path],
    *,
    models: Mapping[str, str] | None = None,
    catalogue: str = "",
    parameters: Mapping[str, str | float | int | bool | None] | None = None,
) -> Provenance:
    """A provenance for now."""
    return Provenance(
        inputs_sha256=hash_files(inputs),
        software=f"procguide {__version__}",
        time_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        models=dict(models or {}),
        catalogue=catalogue,
        parameters=dict(parameters or {}),
    )
