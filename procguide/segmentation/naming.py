"""Names for the vertebrae: the most probable labelling by sacrum, ribs, axis and what the user says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import SACRUM, Anchor, Side, parse_level
from procguide.errors import InputUnfitError, UsageError
from procguide.findings import Finding
from procguide.segmentation.evidence import RIB_SIGHTS, emissions, moves, start
from procguide.segmentation.formulas import states_of
from procguide.segmentation.instances import Instances
from procguide.segmentation.naming_findings import contradictions, unanchored
from procguide.segmentation.rib_signs import Rib
from procguide.segmentation.signs import ColumnSigns, read_signs
from procguide.segmentation.trellis import Labelling, mixed, solve

__all__ = ["Naming", "name_from_signs", "name_levels"]

_MIN_PROBABILITY = 0.5
"""An anchor that leaves the best-known vertebra's name below this is none: the landmarks contradict."""
_MIN_BY_RIB = 0.7
"""The same for the lowest rib alone, which a network may have missed one below (assumed)."""
_SEGMENTATION_RIGHT = 0.99
"""That sacrum, ribs and count are what they seem; no name that nobody gave is surer than this (assumed)."""
_ODD_MOVE = 0.02
"""Below this share a step between vertebrae does not allow for the count that the user's words need."""


@dataclass(frozen=True)
class Naming:
    """``levels`` from the lowest vertebra upward, each with the probability of its name, and the anchors.

    ``levels`` is empty where nothing anchors them; then ``anchor`` is ``NONE`` and the finding says why.
    Two neighbours of one name are one vertebra found twice; the lowest may be named the sacrum. ``anchors``
    are all landmarks that bear the names, ``anchor`` is the first of them. ``on_sacrum``: the lowest rests
    on a sacrum that is in view.
    """

    levels: tuple[str, ...]
    confidence: Mapping[str, float]
    anchor: Anchor
    findings: tuple[Finding, ...]
    on_sacrum: bool
    anchors: tuple[Anchor, ...] = ()


def name_levels(
    classes: NDArray[np.uint8],
    instances: Instances,
    spacing_mm: float,
    lowest_level: str | None = None,
    stated: Mapping[int, str] | None = None,
    *,
    require_anchor: bool = True,
) -> Naming:
    """Name every instance.

    ``lowest_level`` is the name of the lowest vertebra that is wholly in view, ``stated`` names by place
    (0 is the lowest instance). What the user says holds against every landmark, and the contradiction is a
    finding. Words that cannot all hold are a :class:`UsageError`; no vertebra at all, or with
    ``require_anchor`` nothing that names them, is an :class:`InputUnfitError`.
    """
    if instances.count == 0:
        raise InputUnfitError("no vertebra was found; load a CT or MRI that shows the spine")
    signs = read_signs(classes, instances, spacing_mm)
    return name_from_signs(signs, lowest_level, stated, require_anchor=require_anchor)


def name_from_signs(
    signs: ColumnSigns,
    lowest_level: str | None = None,
    stated: Mapping[int, str] | None = None,
    *,
    require_anchor: bool = True,
) -> Naming:
    """As :func:`name_levels`, from what was measured."""
    said = _said(signs, lowest_level, stated or {})
    by_signs = _label(signs, {})
    if by_signs is None:  # every place remains possible where nothing is said
        raise AssertionError("no labelling without constraints")
    labelling = _label(signs, said) if said else by_signs
    if labelling is None or not _count_allows(signs, labelling, said):
        words = ", ".join(f"{level} for vertebra {place + 1} from below" for place, level in said.items())
        raise UsageError(
            f"the names given cannot all hold ({words}; {len(signs.vertebrae)} vertebrae are in view); check "
            "--lowest-level and --level-at against the preview"
        )
    anchors = _anchors(signs, labelling, said)
    least = _MIN_BY_RIB if anchors == (Anchor.LAST_RIB,) else _MIN_PROBABILITY
    if not anchors or max(labelling.certainty) < least:
        why = unanchored(signs, labelling, anchors)
        if require_anchor:
            raise InputUnfitError(f"{why.words} {why.advice}")
        return Naming((), {}, Anchor.NONE, (why,), signs.on_sacrum)
    return Naming(
        labelling.names,
        _confidence(labelling, said),
        anchors[0],
        contradictions(signs, labelling, by_signs, anchors, said),
        signs.on_sacrum,
        anchors,
    )


def _said(signs: ColumnSigns, lowest_level: str | None, stated: Mapping[int, str]) -> dict[int, str]:
    """All that the user says, by place."""
    said = dict(stated)
    if lowest_level is not None:
        level = parse_level(lowest_level)
        several = len(signs.vertebrae) > 1
        place = 1 if several and not (signs.on_sacrum or signs.vertebrae[0].whole) else 0
        if said.setdefault(place, level) != level:
            raise UsageError(
                f"--lowest-level says {level} and --level-at says {said[place]} for the same vertebra"
            )
    return said


def _label(signs: ColumnSigns, said: Mapping[int, str]) -> Labelling | None:
    """The labelling under what is said, whether the ribs are seen well or not; None where none is left."""
    states, steps = states_of(), moves(signs.vertebrae)
    found = []
    for sight in RIB_SIGHTS:
        table = emissions(states, signs, sight)
        for place, level in said.items():
            table[place, [state.name != level for state in states]] = -np.inf
        found.append(solve(states, start(states), table, steps))
    possible = [one for one in found if one is not None]
    return mixed(possible, [sight.share for sight in RIB_SIGHTS]) if possible else None


def _count_allows(signs: ColumnSigns, labelling: Labelling, said: Mapping[int, str]) -> bool:
    """Whether up to the highest place that the user names no vertebra must be invented or lost."""
    if not said or len(signs.vertebrae) < 2:
        return True
    chances = np.exp(moves(signs.vertebrae))
    chances /= chances.sum(axis=1, keepdims=True)
    # Below the names too: a formula that ends above the lowest vertebra must not be stretched.
    return all(chances[n, labelling.moves[n]] >= _ODD_MOVE for n in range(max(said)))


def _anchors(signs: ColumnSigns, labelling: Labelling, said: Mapping[int, str]) -> tuple[Anchor, ...]:
    """Landmarks in view that agree with the labelling, the one that bears most first."""
    path = labelling.path
    found = [Anchor.USER] if said else []
    if signs.on_sacrum and (path[0].lowest or path[0].sacral):
        found.append(Anchor.SACRUM)
    if signs.axis and path[-1].name == "C2":
        found.append(Anchor.C2)
    if any(_lowest_rib_at(signs, labelling, place) for place in range(1, len(path))):
        found.append(Anchor.LAST_RIB)
    return tuple(found)


def _lowest_rib_at(signs: ColumnSigns, labelling: Labelling, place: int) -> bool:
    """Whether the lowest rib is surely in view there.

    The vertebra bears one that is long enough, a second one is seen with it or on the next above, and the
    next below is wholly in view and bears none on either side: one rib that a network sees in a process is
    no anchor.
    """
    below, own = signs.vertebrae[place - 1 : place + 1]
    above = signs.vertebrae[place + 1].ribs if place + 1 < len(signs.vertebrae) else {}
    seen = [own.ribs[side] is Rib.SEEN for side in Side]
    more = [above.get(side) is Rib.SEEN for side in Side]
    bare = below.whole and all(below.ribs[side] is Rib.NONE for side in Side)
    agrees = labelling.path[place].ribs == 1 and labelling.path[place - 1].ribs == 0
    return agrees and bare and any(seen) and sum(seen) + sum(more) >= 2


def _confidence(labelling: Labelling, said: Mapping[int, str]) -> dict[str, float]:
    """Each name's probability over all labellings; 1 where the user said it."""
    most = 1.0 if said else _SEGMENTATION_RIGHT
    return {
        level: round(most * probability, 3)
        for level, probability in zip(labelling.names, labelling.certainty, strict=True)
        if level != SACRUM
    }
