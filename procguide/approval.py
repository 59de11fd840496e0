"""That a named person has approved a plan, and that the plan is still the one approved.

The software approves nothing: an :class:`Approval` is made from a person's name and reason alone. It holds
the hash of the plan, so a plan that is changed afterwards has lost it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from procguide.errors import UsageError

__all__ = ["Approval", "approval_of", "approve_document", "plan_sha256", "summary_of_stop"]

_LONGEST_NAME = 64
"""Characters of a person's name in DICOM, and of an institution's (PS3.5 6.2, VR PN and LO)."""
_LONGEST_REASON = 1000
_NOTHING: tuple[Any, ...] = (None, "", [], {})


@dataclass(frozen=True)
class Approval:
    """Who approved which plan, when, and why.

    ``rank`` is that of the needle approved; None for a sitting, which has chosen one of each of its stops.
    ``plan_sha256`` is the plan's, as :func:`plan_sha256` has it. A name is written as in DICOM
    (``Family^Given``) or as people write it.
    """

    by: str
    reason: str
    time_utc: str
    plan_sha256: str
    rank: int | None = None
    organisation: str = ""

    def __post_init__(self) -> None:
        _check(self.by, "the name of who approves", _LONGEST_NAME, forbidden="\\=")
        _check(self.reason, "the reason", _LONGEST_REASON)
        if self.organisation:
            _check(self.organisation, "the organisation", _LONGEST_NAME, forbidden="\\")


def _check(words: Any, what: str, longest: int, forbidden: str = "") -> None:
    """Words of a person: some letters, one line, none of the characters that DICOM forbids there."""
    if not isinstance(words, str) or not any(letter.isalpha() for letter in words):
        raise UsageError(f"{what} is missing: a plan is approved by a named person, for a reason")
    if len(words) > longest or not words.isprintable() or any(sign in words for sign in forbidden):
        without = f", without any of {' '.join(forbidden)}" if forbidden else ""
        raise UsageError(f"{what} is to be one line of at most {longest} characters{without}")


def plan_sha256(document: Mapping[str, Any]) -> str:
    """The hash of what ``plan.json`` says, in hexadecimal: of all but who has approved it.

    Nulls, empty lists and texts count as absent and 5.0 as 5, and of a sitting's needles only what
    :func:`summary_of_stop` has, so that a plan read from its structured report has the hash of the file.
    """
    said = {key: value for key, value in document.items() if key != "approved"}
    if "stops" in said:
        said["stops"] = [summary_of_stop(stop) for stop in said["stops"]]
    text = json.dumps(_plain(said), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def summary_of_stop(stop: Mapping[str, Any]) -> dict[str, Any]:
    """One needle of a sitting: the plan that is used, and the hash of all of its plans."""
    plans = stop.get("plan_set")
    if plans is None:  # from the sitting's report, which holds just that
        return dict(stop)
    nothing: Mapping[str, Any] = {}
    used = next((one for one in plans["plans"] if one["rank"] == stop["chosen_rank"]), nothing)
    return {
        **{key: value for key, value in stop.items() if key != "plan_set"},
        "plan": {key: value for key, value in used.items() if key not in ("views", "objectives")},
        "plan_sha256": plan_sha256(plans),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        said = {key: _plain(one) for key, one in value.items()}
        return {key: one for key, one in said.items() if one not in _NOTHING}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def approve_document(
    document: Mapping[str, Any], by: str, reason: str, *, rank: int | None = None, organisation: str = ""
) -> dict[str, Any]:
    """``document`` as a person has approved it, now; ``rank`` tells which needle."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    approval = Approval(by.strip(), reason.strip(), now, plan_sha256(document), rank, organisation.strip())
    return {**document, "approved": asdict(approval)}


def approval_of(document: Mapping[str, Any]) -> Approval | None:
    """Who approved ``document``; None where nobody has, or where it is not what was approved."""
    said = document.get("approved")
    if not isinstance(said, Mapping):
        return None
    try:
        approval = Approval(**said)
    except (TypeError, UsageError):
        return None
    return approval if approval.plan_sha256 == plan_sha256(document) else None
