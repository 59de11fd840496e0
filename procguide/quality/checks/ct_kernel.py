"""CT: a kernel for bone or lung, by the name that the maker gave it."""

from __future__ import annotations

import re

from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse

__all__ = ["CHECKS"]

_WORDS = ("BONE", "LUNG", "EDGE", "SHARP", "ULTRA", "CHEST-HR")
_NUMBERED = re.compile(r"^(?:B|BR|BV|BL|I|J|U|T|H|HR|QR)(\d{2})[A-Z]?")
"""Letters of the family, then sharpness in two digits, as ``B70f`` and ``Br59d``."""
_SHARP_NUMBER = 54
_NAMED = re.compile(r"^(?:FC(?:3\d|5\d|8\d)|Y[BCD]|[DL])$")


def named_sharp(examined: Examined) -> Score | None:
    """1 where the kernel's name is one for bone or lung, 0 where it is another; None where there is none."""
    kernel = examined.acquisition.kernel.strip()
    if not kernel:
        return None
    first = kernel.upper().replace("\\", " ").split()[0]
    number = _NUMBERED.match(first)
    sharp = (
        any(word in kernel.upper() for word in _WORDS)
        or (number is not None and int(number[1]) >= _SHARP_NUMBER)
        or _NAMED.match(first) is not None
    )
    return Score(float(sharp), None, {"kernel": kernel})


CHECKS = (
    Check(
        "kernel",
        frozenset({Kind.CT}),
        "named sharp",
        named_sharp,
        Limits(0.5, None, Worse.ABOVE, "assumed: the makers' names"),
        "The kernel, {kernel}, is one for bone or lung.",
        "Bone is shown well, soft tissue is not: plan on a standard kernel where there is one.",
        "The kernel, {kernel}, is not one for bone or lung.",
        "The files do not name the kernel.",
    ),
)
