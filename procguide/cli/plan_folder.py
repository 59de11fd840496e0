"""A folder that ``plan`` has written, and its approval by a person."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from procguide.approval import approval_of, approve_document
from procguide.cli.outputs import RUN_SCHEMA, hashes_of, write_json
from procguide.errors import InputUnfitError, InputUnreadableError, UsageError

__all__ = ["Person", "PlanFolder", "approve_folder", "read_plan_folder"]

_PLAN, _RUN = "plan.json", "run.json"
_SCHEMAS = ("procguide.plan/1", "procguide.session/1")
_LARGEST_FILE = 2**26


@dataclass(frozen=True)
class Person:
    """Who approves, for which reason, and for whom they work."""

    name: str
    reason: str
    organisation: str = ""


@dataclass(frozen=True)
class PlanFolder:
    """One needle's plan or a sitting's: its ``plan.json`` and ``run.json``, as they were written."""

    path: Path
    document: Mapping[str, Any]
    run: Mapping[str, Any]

    @property
    def is_sitting(self) -> bool:
        """Whether several needles are planned, each in a folder of its own."""
        return bool(self.document["schema"] == _SCHEMAS[1])

    @property
    def stops(self) -> Iterator[tuple[dict[str, Any], PlanFolder]]:
        """The needles of a sitting that are planned, with the folder of each."""
        for stop in self.document.get("stops", ()):
            if stop["chosen_rank"] is not None:
                yield stop, read_plan_folder(self.path / Path(stop["folder"]).name)


def read_plan_folder(path: Path) -> PlanFolder:
    """What ``plan`` has written to ``path``; an error where it cannot be read or is not as written."""
    found = PlanFolder(path, _read(path / _PLAN), _read(path / _RUN))
    if found.document.get("schema") not in _SCHEMAS or found.run.get("schema") != RUN_SCHEMA:
        raise InputUnreadableError(f"{path} is not a folder that `procguide plan` has written")
    if not _is_whole(found.document):
        raise InputUnreadableError(f"{path / _PLAN} lacks what every plan holds; plan again")
    known = found.run.get("sha256")
    if not isinstance(known, dict) or _PLAN not in known:
        raise InputUnfitError(f"{path} was written without hashes of its files; plan again")
    there = {name: digest for name, digest in hashes_of(path).items() if name in known}
    changed = sorted(name for name, digest in known.items() if there.get(name) != digest)
    if changed:
        raise InputUnfitError(
            f"{path / changed[0]} is not as it was written: a plan that was altered cannot be approved, and "
            "has lost its approval if it had one; plan again"
        )
    return found


def _is_whole(document: Mapping[str, Any]) -> bool:
    """Whether all is there that an approval looks at."""
    of_sitting = document["schema"] == _SCHEMAS[1]
    needed = {"number", "chosen_rank", "folder", "plan_set"} if of_sitting else {"rank"}
    parts = document.get("stops" if of_sitting else "plans")
    if not isinstance(parts, list) or not {"approved", "procedure", "warnings"} <= document.keys():
        return False
    return all(isinstance(part, dict) and needed <= part.keys() for part in parts)


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _LARGEST_FILE:
            raise InputUnreadableError(f"{file} is larger than any plan")
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputUnreadableError(
            f"{file} cannot be read; give a folder that `procguide plan` has written"
        ) from error
    if not isinstance(document, dict):
        raise InputUnreadableError(f"{file} is not a plan")
    return document


def approve_folder(plan: PlanFolder, person: Person, rank: int | None) -> Iterator[dict[str, Any]]:
    """Write the approval into the folder's files; yields the documents that are approved by it.

    ``rank`` is that of the needle, 1 if not given; of a sitting the needles that it has chosen. Those that
    somebody has approved already keep that approval.
    """
    if plan.document.get("approved") is not None:
        raise InputUnfitError(
            "this plan is approved already, and nothing is changed; to take an approval back, plan again"
        )
    if plan.is_sitting:
        yield from _approve_sitting(plan, person, rank)
        return
    ranks = [one["rank"] for one in plan.document["plans"]]
    if not ranks:
        raise InputUnfitError("this plan proposes no needle: there is nothing to approve")
    chosen = rank if rank is not None else ranks[0]
    if chosen not in ranks:
        raise UsageError(f"there is no plan of rank {rank}; it has {', '.join(map(str, ranks))}")
    yield _approve(plan, plan.document, person, chosen, {})[0]


def _approve_sitting(plan: PlanFolder, person: Person, rank: int | None) -> Iterator[dict[str, Any]]:
    """First every needle of the sitting, then the sitting, which names their reports."""
    if rank is not None:
        raise UsageError(
            "a sitting has chosen a needle of each level; approve one by its own folder for another"
        )
    uids: dict[str, str] = {}
    own: dict[int, Any] = {}
    for stop, folder in plan.stops:
        said = folder.document.get("approved")
        if stop["plan_set"]["plans"] != folder.document["plans"]:
            raise InputUnfitError(f"{folder.path.name} is not the plan that its sitting holds; plan again")
        if said is None:
            document, renamed = _approve(folder, folder.document, person, stop["chosen_rank"], {})
            uids |= renamed
            own[stop["number"]] = document["approved"]
            yield document
        elif said["rank"] == stop["chosen_rank"]:
            own[stop["number"]] = said
        else:
            name = folder.path.name
            raise InputUnfitError(f"{name} is approved for another needle than its sitting has chosen")
    if not own:
        raise InputUnfitError("this sitting has no needle: there is nothing to approve")
    stops = [
        {**stop, "plan_set": {**stop["plan_set"], "approved": own[stop["number"]]}}
        if stop["number"] in own
        else stop
        for stop in plan.document["stops"]
    ]
    yield _approve(plan, {**plan.document, "stops": stops}, person, None, uids)[0]


def _approve(
    plan: PlanFolder,
    document: Mapping[str, Any],
    person: Person,
    rank: int | None,
    renamed: Mapping[str, str],
) -> tuple[dict[str, Any], dict[str, str]]:
    """Write one folder's files again; the approved document, and the UIDs that its objects had and have."""
    from procguide.cli.dicom_objects import OBJECTS
    from procguide.dicom.approve_objects import approve_objects
    from procguide.exchange.slicer import approve_markups
    from procguide.reporting.page import approve_page

    approved = approve_document(
        document, person.name, person.reason, rank=rank, organisation=person.organisation
    )
    approval = approval_of(approved)
    assert approval is not None  # noqa: S101 (it was just made)
    uids = approve_objects(plan.path / OBJECTS, approved, renamed)
    approve_page(plan.path / "report.html", approval)
    markups = plan.path / "plan.mrk.json"
    if markups.is_file():
        approve_markups(markups, rank)
    write_json(approved, plan.path / _PLAN)
    hashes = {name: digest for name, digest in hashes_of(plan.path).items() if name in plan.run["sha256"]}
    write_json({**plan.run, "sha256": hashes}, plan.path / _RUN)
    return approved, uids
