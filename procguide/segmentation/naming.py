"""Names for the vertebrae, from the sacrum upward or from what the user says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import LEVELS, Anchor, parse_level
from procguide.errors import InputUnfitError
from procguide.findings import Finding, Severity
from procguide.segmentation.classes import TissueClass
from procguide.segmentation.instances import Instances

__all__ = ["Naming", "name_levels"]

_MIN_SACRUM_MM3 = 20_000.0
_MAX_GAP_MM = 24.0
_MAX_ASIDE_MM = 30.0
_MIN_DROP_MM = 20.0
_ODD_STEP = 0.35


@dataclass(frozen=True)
class Naming:
    """``levels`` from the lowest vertebra upward, each with its confidence, and what they hang on.

    ``on_sacrum``: the lowest rests on a sacrum that is in view.
    """

    levels: tuple[str, ...]
    confidence: Mapping[str, float]
    anchor: Anchor
    findings: tuple[Finding, ...]
    on_sacrum: bool


def name_levels(
    classes: NDArray[np.uint8], instances: Instances, spacing_mm: float, lowest_level: str | None = None
) -> Naming:
    """Name every instance.

    With ``lowest_level`` the lowest vertebra that is wholly in view gets that name. Otherwise the
    vertebra on top of the sacrum is L5. Neither: :class:`InputUnfitError`; a level is never guessed.
    """
    if instances.count == 0:
        raise InputUnfitError("no vertebra was found; load a CT or MRI that shows the spine")
    on_sacrum, gap_mm = _rests_on_sacrum(classes, instances, spacing_mm)
    if lowest_level is not None:
        whole = 0 if on_sacrum else _lowest_whole(classes, instances)
        levels = _count_up(parse_level(lowest_level), whole, instances.count)
        anchor, certainty, findings = Anchor.USER, 1.0, _disagreement(lowest_level, on_sacrum)
    elif on_sacrum:
        levels, anchor, findings = _count_up("L5", 0, instances.count), Anchor.SACRUM, []
        certainty = 0.98 if gap_mm < 12 else 0.9
    else:
        raise InputUnfitError(
            f"{instances.count} vertebrae are in view but no sacrum, so their levels are not known. "
            "Load images that reach the sacrum, or name the lowest vertebra that is wholly in view with "
            "--lowest-level (for example --lowest-level L3)."
        )
    last_rib = _lowest_rib_bearing(classes, instances, spacing_mm)
    findings += _rib_check(levels, last_rib)
    if findings and anchor is Anchor.SACRUM:
        certainty *= 0.7
    confidence = {
        level: round(certainty * regular, 3)
        for level, regular in zip(levels, _regularity(instances.heights_mm), strict=True)
    }
    return Naming(levels, confidence, anchor, tuple(findings), on_sacrum)


def _regularity(heights_mm: tuple[float, ...]) -> list[float]:
    """How sure the count is at each vertebra, from the lowest upward: 1, or 0.5 past each odd step.

    A step from body to body that differs from its neighbours' by more than 35 % (assumed; heights of
    neighbouring levels differ by about 10 %) may hide a vertebra, or show one too many.
    """
    steps = np.diff(heights_mm)
    sure = [1.0]
    for n, step in enumerate(steps):
        beside = [steps[m] for m in (n - 1, n + 1) if 0 <= m < len(steps)]
        odd = bool(beside) and abs(step / np.mean(beside) - 1.0) > _ODD_STEP
        sure.append(sure[-1] * (0.5 if odd else 1.0))
    return sure


def _count_up(level: str, position: int, count: int) -> tuple[str, ...]:
    """Names of ``count`` instances from the lowest, when the one at ``position`` is ``level``."""
    order = ("L6", *reversed(LEVELS)) if level == "L6" else tuple(reversed(LEVELS))
    first = order.index(level) - position
    if first < 0:
        raise InputUnfitError(
            f"{position} vertebrae are partly in view below the one said to be {level}; there is no level "
            "for them. Check --lowest-level."
        )
    return order[first : first + count]


def _rests_on_sacrum(classes: NDArray[np.uint8], instances: Instances, spacing: float) -> tuple[bool, float]:
    """Whether a sacrum lies right under the lowest body, and the gap between them in mm.

    It must be one piece of some size, in line with the column, and reach further down than the body:
    a few voxels so labelled elsewhere are not an anchor.
    """
    if not (classes == TissueClass.SACRUM).any():
        return False, np.inf
    sacrum = cc3d.largest_k(classes == TissueClass.SACRUM, k=1, connectivity=26) > 0
    points = np.argwhere(sacrum) * spacing
    lower = np.argwhere((instances.labels == 1) & (classes == TissueClass.BODY)) * spacing
    lower = lower[lower[:, 0] <= np.percentile(lower[:, 0], 25)]
    centre = lower.mean(axis=0)
    gap = float(np.linalg.norm(points - centre, axis=1).min())
    in_line = abs(float(points[:, 2].mean() - centre[2])) <= _MAX_ASIDE_MM
    below = float(np.percentile(points[:, 0], 10)) < centre[0] - _MIN_DROP_MM
    large = len(points) * spacing**3 >= _MIN_SACRUM_MM3
    return large and in_line and below and gap <= _MAX_GAP_MM, gap


def _lowest_whole(classes: NDArray[np.uint8], instances: Instances) -> int:
    """Position of the lowest instance whose body is not cut by the lower border of the image."""
    heights = []
    for label in range(1, instances.count + 1):
        body = (instances.labels == label) & (classes == TissueClass.BODY)
        heights.append(int(body.any(axis=(1, 2)).sum()))
    touches = bool((instances.labels[:2] == 1).any())
    typical = float(np.median(heights))
    cut = heights[0] < 0.7 * typical or (touches and heights[0] < 0.9 * typical)
    return 1 if cut and instances.count > 1 else 0


def _lowest_rib_bearing(classes: NDArray[np.uint8], instances: Instances, spacing: float) -> int | None:
    """Position of the lowest instance that a rib touches on both sides or on one, if any does."""
    from scipy import ndimage

    ribs = classes == TissueClass.RIB
    if ribs.sum() * spacing**3 < 1500:
        return None
    # A rib's head, not its shaft: the shafts of ribs 11 and 12 hang down beside L1 and L2.
    reach = ndimage.binary_dilation(ribs, iterations=2)
    for label in range(1, instances.count + 1):
        contact = (reach & (instances.labels == label) & (classes == TissueClass.BODY)).sum() * spacing**3
        if contact > 200:
            return label - 1
    return None


def _rib_check(levels: tuple[str, ...], last_rib: int | None) -> list[Finding]:
    if last_rib is None or levels[last_rib] in ("T12", "T11", *LEVELS[:17]):
        return []
    return [
        Finding(
            "rib count",
            Severity.CAUTION,
            f"the lowest rib seems to join {levels[last_rib]}: a transitional vertebra, a thirteenth rib "
            "or a wrong count is possible",
            "count the levels on a whole-spine image before you use this plan",
        )
    ]


def _disagreement(lowest_level: str, on_sacrum: bool) -> list[Finding]:
    if on_sacrum and parse_level(lowest_level) not in ("L5", "L6", "L4"):
        return [
            Finding(
                "level anchor",
                Severity.CAUTION,
                f"the lowest vertebra rests on a sacrum, but was said to be {lowest_level}",
                "check --lowest-level",
            )
        ]
    return []
