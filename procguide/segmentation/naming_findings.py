"""What must be said about a labelling: what it hangs on, what speaks against it, what is unusual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from procguide.anatomy import Anchor, Side
from procguide.findings import Finding, Severity
from procguide.segmentation.formulas import FORMULAS
from procguide.segmentation.rib_signs import Rib
from procguide.segmentation.signs import ColumnSigns
from procguide.segmentation.trellis import Labelling

__all__ = ["contradictions", "unanchored"]

_UNLIKELY = 0.02
_COUNT_ELSEWHERE = "count the levels on a whole-spine image before you use this plan"
_NAME_ONE = (
    "Load images that reach the sacrum, or name a vertebra: the lowest that is wholly in view with "
    "--lowest-level (for example --lowest-level L3), or one at a point with --level-at X,Y,Z=L3."
)


def unanchored(signs: ColumnSigns, labelling: Labelling, anchors: Sequence[Anchor]) -> Finding:
    """Why no level has a name, and what to do."""
    count = len(signs.vertebrae)
    if anchors:
        best = max(labelling.certainty)
        words = (
            f"{count} vertebrae are in view, but what is seen beside {_listed(anchors)} leaves their levels "
            f"in doubt: the surest name has a probability of {best:.2f}"
        )
    else:
        words = (
            f"{count} vertebrae are in view but no sacrum, no C2, and no lowest rib with the vertebra below "
            "it, so their levels are not known"
        )
    return Finding("level anchor", Severity.STOP, words + ".", _NAME_ONE)


def contradictions(
    signs: ColumnSigns,
    labelling: Labelling,
    by_signs: Labelling,
    anchors: Sequence[Anchor],
    said: Mapping[int, str],
) -> tuple[Finding, ...]:
    """Everything that does not fit, and anchors that are weak by themselves; nothing where all is usual."""
    return (
        *_against_the_user(signs, by_signs, said),
        *_last_rib_alone(anchors),
        *_odd_ribs(signs, labelling),
        *_odd_count(labelling, signs),
        *_gaps(labelling),
    )


def _caution(name: str, words: str, advice: str = _COUNT_ELSEWHERE) -> Finding:
    return Finding(name, Severity.CAUTION, words, advice)


def _against_the_user(signs: ColumnSigns, by_signs: Labelling, said: Mapping[int, str]) -> list[Finding]:
    """Where sacrum, ribs and axis by themselves speak against a name that was given."""
    found = []
    for place, level in said.items():
        likely, probability = next(iter(by_signs.probability[place].items()))
        if by_signs.probability[place].get(level, 0.0) >= _UNLIKELY or probability < 0.5:
            continue
        found.append(
            _caution(
                "level anchor",
                f"the vertebra said to be {level} would be {likely} by {_by_what(signs)}",
                "check --lowest-level and --level-at",
            )
        )
    return found


def _by_what(signs: ColumnSigns) -> str:
    ribs = any(rib is Rib.SEEN for vertebra in signs.vertebrae for rib in vertebra.ribs.values())
    seen = ["the sacrum"] * signs.on_sacrum + ["the ribs"] * ribs + ["the dens"] * signs.axis
    return " and ".join(seen) or "the count"


def _last_rib_alone(anchors: Sequence[Anchor]) -> list[Finding]:
    if tuple(anchors) != (Anchor.LAST_RIB,):
        return []
    other = sum(formula.prior for formula in FORMULAS if formula.thoracic != 12)
    return [
        _caution(
            "level anchor",
            "the levels hang on the lowest rib alone, taken for the twelfth, which it is not in "
            f"{other:.0%} of people; neither sacrum nor C2 is in view",
        )
    ]


def _odd_ribs(signs: ColumnSigns, labelling: Labelling) -> list[Finding]:
    """Ribs where the labelling has none, and none on the vertebra that should bear the lowest."""
    found = []
    for vertebra, state in zip(signs.vertebrae, labelling.path, strict=True):
        ribs = [vertebra.ribs[side] for side in Side]
        if Rib.SEEN in ribs and state.ribs < 1:
            words = (
                f"a rib seems to join {state.name}: a transitional vertebra, a thirteenth rib or a wrong "
                "count is possible"
            )
            found.append(_caution("rib count", words))
        if state.ribs == 1 and vertebra.whole and ribs == [Rib.NONE, Rib.NONE]:
            words = f"no rib was found on {state.name}: short ribs or a wrong count are possible"
            found.append(_caution("rib count", words))
    return found


def _odd_count(labelling: Labelling, signs: ColumnSigns) -> list[Finding]:
    """A spine with more or fewer vertebrae than most, where that can be seen."""
    names = labelling.names
    found = []
    lowest = next((state for state in labelling.path if state.lowest), None)
    if signs.on_sacrum and lowest is not None and lowest.formula.lumbar != 5:
        found.append(f"{lowest.formula.lumbar} lumbar vertebrae")
    if any(state.ribs == 1 and state.formula.thoracic != 12 for state in labelling.path):
        found.append(f"{labelling.path[0].formula.thoracic} rib-bearing vertebrae")
    if not found:
        return []
    words = f"this spine seems to have {' and '.join(found)} ({names[-1]} to {names[0]} in view)"
    return [_caution("vertebral count", words)]


def _gaps(labelling: Labelling) -> list[Finding]:
    found = []
    for lower, upper, move in zip(labelling.names, labelling.names[1:], labelling.moves, strict=False):
        if move > 1:
            words = f"between {upper} and {lower} a vertebra seems to be missing from the segmentation"
            found.append(_caution("vertebral count", words, "look at the levels on the preview"))
    return found


def _listed(anchors: Sequence[Anchor]) -> str:
    return " and ".join(f"the {anchor.value.replace('_', ' ')}" for anchor in anchors)
