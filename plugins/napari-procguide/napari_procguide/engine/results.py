"""A folder that ``procguide plan`` wrote: its needles and what was asked for, over the study that is open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from napari_procguide.engine.messages import NeedleRead, ResultsRead
from napari_procguide.engine.state import State
from procguide.cli.plan_folder import read_plan_folder
from procguide.cli.steps import Steps
from procguide.errors import InputUnfitError, InputUnreadableError
from procguide.geometry import Vector, vector
from procguide.provenance import hash_files

__all__ = ["read_results"]


def read_results(state: State, steps: Steps, path: Path) -> ResultsRead:
    """The needles that were planned; whether they belong to the series that is shown.

    A folder that was altered since it was written, or whose files are no plan's, is refused.
    """
    with steps.step("read"):
        folder = read_plan_folder(path)
        needles = tuple(_needles(folder.document))
        requests = tuple(_requests(folder.document))
    if not needles:
        raise InputUnfitError("This folder's plan has no needle: " + str(folder.document.get("reason", "")))
    with steps.step("compare with the series shown"):
        approved = folder.document.get("approved")
        same = _same_images(state, folder.document)
    return ResultsRead(path, needles, requests[0], same, approved)


def _parts(document: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Each request's plans, and the rank that is used."""
    if "stops" not in document:
        yield document, 1
        return
    for stop in document["stops"]:
        if stop["chosen_rank"] is not None:
            yield stop["plan_set"], int(stop["chosen_rank"])


def _needles(document: Mapping[str, Any]) -> Iterator[NeedleRead]:
    sitting = "stops" in document
    for part, used in _parts(document):
        side = f" {part['side']}" if part.get("side") else ""
        for plan in part["plans"]:
            if sitting and plan["rank"] != used:
                continue
            name = f"{part['procedure']} {part['level']}{side}, needle {plan['rank']}"
            yield NeedleRead(name, _place(plan["entry_lps_mm"]), _place(plan["target_lps_mm"]))


def _requests(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for part, _ in _parts(document):
        yield {"procedure": part["procedure"], "level": part["level"], "side": part.get("side")}


def _place(values: Any) -> Vector:
    place = vector([float(value) for value in values])
    if len(place) != 3:
        raise InputUnreadableError("A needle's end in this plan is no place; plan again.")
    return place


def _same_images(state: State, document: Mapping[str, Any]) -> bool | None:
    """By the hash that the plan holds; None where labels of a person's own went into it, or it holds none."""
    held = document.get("provenance", {})
    if not held.get("inputs_sha256") or held.get("parameters", {}).get("labels_given"):
        return None
    return bool(hash_files(state.case.series.files) == held["inputs_sha256"])
