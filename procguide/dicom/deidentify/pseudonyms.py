"""New names from old ones: the same key gives the same names, and no key gives none back."""

from __future__ import annotations

import base64
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from procguide.errors import CannotWriteError, UsageError

__all__ = ["Pseudonyms", "read_key"]

_KEY_BYTES = 32
_FEWEST_DAYS, _SPREAD_DAYS = 366, 3285


@dataclass(frozen=True)
class Pseudonyms:
    """Keyed one-way functions (HMAC-SHA-256): whoever has ``key`` can link a person to a pseudonym."""

    key: bytes = field(repr=False)

    @classmethod
    def once(cls) -> Pseudonyms:
        """With a key that is forgotten: no later run gives the same names."""
        return cls(secrets.token_bytes(_KEY_BYTES))

    def uid(self, old: str) -> str:
        """A UID under 2.25 (PS3.5 B.2), the same for the same ``old`` everywhere."""
        number = int.from_bytes(self._digest("uid", old)[:16]) & ~(0xF << 76) & ~(0x3 << 62)
        return f"2.25.{number | 0x4 << 76 | 0x2 << 62}"

    def patient(self, identity: str) -> str:
        """A pseudonym such as ``P-7QX2...``: 80 bits, so that two patients never share one."""
        return "P-" + base64.b32encode(self._digest("patient", identity)[:10]).decode()

    def days(self, identity: str) -> int:
        """By how many days this patient's dates move: one to ten years back."""
        number = int.from_bytes(self._digest("days", identity)[:8])
        return -(_FEWEST_DAYS + number % _SPREAD_DAYS)

    def _digest(self, purpose: str, value: str) -> bytes:
        return hmac.digest(self.key, f"{purpose}\n{value}".encode(), "sha256")


def read_key(path: Path) -> Pseudonyms:
    """The key in ``path``, 64 hexadecimal digits; a new one is written there if there is no file yet."""
    try:
        return Pseudonyms(_checked(path.read_text(encoding="ascii"), path))
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the key {path} cannot be read; give a file that procguide has made") from error
    key = secrets.token_bytes(_KEY_BYTES)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(key.hex() + "\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise CannotWriteError(f"cannot write the key {path}: {error.strerror}") from error
    return Pseudonyms(key)


def _checked(text: str, path: Path) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise UsageError(f"{path} holds no key of {2 * _KEY_BYTES} hexadecimal digits; give another file")
    return key
