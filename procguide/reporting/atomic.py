"""A file that is there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from procguide.errors import CannotWriteError

__all__ = ["write_whole"]


def write_whole(path: Path, content: bytes) -> None:
    """Write to a temporary name beside ``path``, then rename; a failure leaves nothing behind."""
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
            temporary = Path(stream.name)
            stream.write(content)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise CannotWriteError(
            f"cannot write {path}: {error.strerror or error}. Choose a folder you may write to."
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
