"""What is said of a foreign model's labels."""

from __future__ import annotations

from collections.abc import Sequence

from procguide.findings import Finding, Severity

__all__ = ["drawn_canal", "named_by", "no_canal", "not_parted", "out_of_order", "parted", "renamed"]

_LOOK = "look at every label on the preview before you use this plan"
_COUNT = "count the levels on the preview or on a whole-spine image before you use this plan"


def named_by(model: str, anchored: bool) -> list[Finding]:
    """Levels are the model's own word."""
    if anchored:
        return [_caution("level anchor", f"the levels were named by {model}, not counted here", _COUNT)]
    return [
        _caution(
            "level anchor",
            f"the levels were named by {model}, and neither sacrum nor C2 is in view to check them",
            "load images that show one, or name the lowest vertebra wholly in view with --lowest-level",
        )
    ]


def out_of_order(breaks: Sequence[tuple[str, str]]) -> list[Finding]:
    """Names that do not follow one another."""
    if not breaks:
        return []
    pairs = ", ".join(f"{upper} right above {lower}" for lower, upper in breaks)
    return [_caution("level order", f"the model's level names contradict one another: {pairs}", _COUNT)]


def renamed(model: str) -> list[Finding]:
    """The user's name goes before the model's."""
    return [_caution("level anchor", f"{model} named the levels otherwise than --lowest-level does", _COUNT)]


def drawn_canal() -> list[Finding]:
    """No canal among the model's labels."""
    return [
        _caution(
            "canal",
            "the model labels no spinal canal; it was drawn from the rings of the vertebrae",
            _LOOK,
        )
    ]


def no_canal() -> list[Finding]:
    """No canal, and no rings to draw it from."""
    return [
        _caution(
            "canal",
            "the model labels no spinal canal, and none could be drawn from the vertebrae",
            "do not plan near the canal on these labels",
        )
    ]


def parted() -> list[Finding]:
    """Body and arch are a geometric cut."""
    return [
        _caution(
            "vertebral parts", "the model labels whole vertebrae; body and arch were cut apart here", _LOOK
        )
    ]


def not_parted() -> list[Finding]:
    """Nothing to cut by."""
    return [
        _caution(
            "vertebral parts",
            "the model labels whole vertebrae, and without a canal body and arch could not be told apart",
            "use the levels only",
        )
    ]


def _caution(name: str, text: str, advice: str) -> Finding:
    return Finding(name, Severity.CAUTION, text, advice)
