"""From slice headers to stacks: which slices belong together, in which order, on which lattice.

Slices are ordered by their position along the stack's normal; instance numbers are not trusted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from procguide.dicom.headers import SliceHeader
from procguide.findings import Finding, Severity
from procguide.geometry import Affine
from procguide.imaging import Grid

__all__ = ["Stack", "group", "stack"]

_SAME_DIRECTION = 2e-3
"""Largest difference of direction cosines within a stack: 0.1 degree."""
_SAME_PLACE_MM = 0.01
_WHOLE_SCAN = 5
"""Fewer slices than this are no acquisition of their own: scanners number single slices, too. Assumed."""
_EVEN_MM = 0.1
"""Slices this near to their even place are taken as they are: scanners round positions to 0.1 mm."""
_SHIFT_STOP_MM = 0.5
"""Sideways slips above this forbid planning: half a usual pixel. Assumed."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices in order of k with the even lattice they lie on and each one's fractional k on it."""

    slices: tuple[SliceHeader, ...]
    grid: Grid | None
    index: NDArray[np.float64]
    findings: tuple[Finding, ...] = field(default=())


def group(slices: Iterable[SliceHeader]) -> list[list[SliceHeader]]:
    """Slices that can share one lattice: one series, size, spacing and orientation; scouts apart."""
    groups: dict[tuple[object, ...], list[list[SliceHeader]]] = defaultdict(list)
    for header in slices:
        key = (header.series_uid, header.size, header.samples, header.is_localizer, header.position is None)
        alike = groups[key]
        for members in alike:
            if _fits(header, members[0]):
                members.append(header)
                break
        else:
            alike.append([header])
    return [
        part
        for alike in groups.values()
        for members in alike
        for repeat in _split_repeats(members)
        for part in _split_acquisitions(repeat)
    ]


def _fits(header: SliceHeader, other: SliceHeader) -> bool:
    if header.rows_and_columns is None or other.rows_and_columns is None:
        return True
    if header.rows_and_columns is other.rows_and_columns and header.pixel_spacing is other.pixel_spacing:
        return True  # as the headers of one series share them
    assert header.pixel_spacing is not None  # noqa: S101 (for the type checker: read together)
    assert other.pixel_spacing is not None  # noqa: S101
    return bool(
        np.abs(header.rows_and_columns - other.rows_and_columns).max() < _SAME_DIRECTION
        and np.allclose(header.pixel_spacing, other.pixel_spacing, rtol=1e-3)
    )


def _split_repeats(slices: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Where positions repeat, part by what tells the repeats apart (acquisition, echo, time, image type)."""
    places = [_place(header) for header in slices]
    if slices[0].position is None or len(set(places)) == len(places):
        return [slices]
    parts: dict[tuple[str, ...], list[SliceHeader]] = defaultdict(list)
    for header in slices:
        parts[header.variant].append(header)
    whole = len(set(places))
    if len(parts) > 1 and all(len({_place(h) for h in part}) > whole // 2 for part in parts.values()):
        return list(parts.values())
    return [slices]


def _split_acquisitions(slices: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Part two scans of one region that a series holds between one another's slices, each whole in itself.

    An MR scan in interleaved packages stays together: its packages make one even stack only together.
    """
    parts: dict[str, list[SliceHeader]] = defaultdict(list)
    for header in slices:
        parts[header.variant[0] if header.variant else ""].append(header)
    if len(parts) < 2 or slices[0].position is None or min(map(len, parts.values())) < _WHOLE_SCAN:
        return [slices]
    heights = [np.sort(_heights(part, slices[0])) for part in parts.values()]
    overlap = min(h[-1] for h in heights) - max(h[0] for h in heights)
    if overlap < 0.5 * min(h[-1] - h[0] for h in heights) or not all(map(_even, heights)):
        return [slices]
    together = _even(np.sort(np.concatenate(heights)))
    return [slices] if together and slices[0].modality == "MR" else list(parts.values())


def _heights(slices: Sequence[SliceHeader], first: SliceHeader) -> NDArray[np.float64]:
    """Each slice's place along the normal of ``first``, mm."""
    normal = np.cross(*np.asarray(first.rows_and_columns))
    return np.array([header.position for header in slices], dtype=np.float64) @ normal


def _even(heights: NDArray[np.float64]) -> bool:
    gaps = np.diff(heights)
    return bool(np.ptp(gaps) <= 2 * _EVEN_MM)


def _place(header: SliceHeader) -> tuple[float, ...]:
    if header.position is None:
        return ()
    return tuple(np.round(header.position / _SAME_PLACE_MM).tolist())


def stack(slices: Sequence[SliceHeader]) -> Stack:
    """Order one group along its normal and find its lattice, with what is wrong with it."""
    if slices[0].position is None:
        ordered = sorted(slices, key=lambda header: (header.number, header.instance_uid))
        return Stack(tuple(ordered), None, np.arange(len(ordered), dtype=np.float64))
    directions = np.mean([np.asarray(header.rows_and_columns) for header in slices], axis=0)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    normal = np.cross(directions[0], directions[1])
    normal /= np.linalg.norm(normal)
    ordered, findings = _without_duplicates(slices, normal)
    positions = np.array([header.position for header in ordered])
    if len(ordered) == 1:
        step = normal * (ordered[0].thickness or 1.0)
        index = np.zeros(1)
        findings.append(_one_slice())
    else:
        step, index, uneven = _lattice(positions, normal)
        findings += uneven
    count = int(np.ceil(index[-1] - 1e-6)) + 1
    spacing = ordered[0].pixel_spacing
    assert spacing is not None  # noqa: S101 (for the type checker: read with the position)
    affine = Affine.from_steps([step, directions[1] * spacing[0], directions[0] * spacing[1]], positions[0])
    grid = Grid((count, *ordered[0].size), affine)
    return Stack(tuple(ordered), grid, index, tuple(findings))


def _without_duplicates(
    slices: Sequence[SliceHeader], normal: NDArray[np.float64]
) -> tuple[list[SliceHeader], list[Finding]]:
    """Slices sorted along ``normal``; of several at one place the first by number is kept."""
    along = [float(np.dot(normal, np.asarray(header.position))) for header in slices]
    order = sorted(range(len(slices)), key=lambda n: (along[n], slices[n].number, slices[n].instance_uid))
    kept: list[int] = []
    copies = repeats = 0
    seen: dict[str, int] = {}
    for n in order:
        key = f"{slices[n].instance_uid}/{slices[n].frame}"
        if seen.setdefault(key, n) != n:
            copies += 1
        elif kept and along[n] - along[kept[-1]] < _SAME_PLACE_MM:
            repeats += 1
        else:
            kept.append(n)
    findings = []
    if copies:
        findings.append(
            Finding("copies", Severity.OK, f"{copies} slices are here twice; the copies are left out.")
        )
    if repeats:
        findings.append(
            Finding(
                "repeated positions",
                Severity.CAUTION,
                f"{repeats} slices lie where another slice of the series lies; the first of each is taken.",
                "Check that the series holds one acquisition only.",
                score=repeats,
                limit=0,
                unit="slices",
            )
        )
    return [slices[n] for n in kept], findings


def _lattice(
    positions: NDArray[np.float64], normal: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[Finding]]:
    """The step vector ``(3,)`` mm, each slice's fractional k, and findings on gaps, unevenness and slips.

    The step runs through the first and the last slice, so that a stack along a tilted line gives an
    exact sheared lattice.
    """
    along = (positions - positions[0]) @ normal
    gaps = np.diff(along)
    usual = float(np.median(gaps))
    count = max(round(float(along[-1]) / usual), 1)
    step = (positions[-1] - positions[0]) / count
    height = along[-1] / count
    index = along / height
    findings = _uneven(index, gaps / usual, height)
    aside = positions - positions[0] - index[:, None] * step
    slip = float(np.linalg.norm(aside, axis=1).max())
    if slip > _EVEN_MM:
        findings.append(
            Finding(
                "slices slipped sideways",
                Severity.STOP if slip > _SHIFT_STOP_MM else Severity.CAUTION,
                f"Slices lie up to {slip:.1f} mm beside the straight line through the stack.",
                "Reconstruct the series in one block, or export one table position at a time.",
                score=slip,
                limit=_SHIFT_STOP_MM,
                unit="mm",
            )
        )
    if not findings:
        index = np.arange(len(positions), dtype=np.float64)
    return step, index, findings


def _uneven(index: NDArray[np.float64], ratios: NDArray[np.float64], height: float) -> list[Finding]:
    """Missing slices (gaps of whole steps) and other unevenness, by ``ratios`` of gaps to the usual one."""
    missing = np.maximum(np.rint(ratios) - 1, 0).astype(int)
    total, widest = int(missing.sum()), int(missing.max())
    findings = []
    if total:
        stop = widest > 1 or total > 0.1 * len(index)
        gap = float(ratios.max() * height)
        findings.append(
            Finding(
                "missing slices",
                Severity.STOP if stop else Severity.CAUTION,
                f"{total} {'slice is' if total == 1 else 'slices are'} missing within the stack; "
                f"the widest gap is {gap:.1f} mm where {height:.1f} mm is usual.",
                "Export the whole series again; what lies in the gap was not imaged here.",
                score=float(widest),
                limit=1.0,
                unit="slices in one gap",
            )
        )
    off = float(np.abs(index - np.rint(index)).max() * height)
    if off > _EVEN_MM:
        stop = bool(ratios.max() > 2.5 or ratios.min() < 0.4)
        findings.append(
            Finding(
                "uneven slices",
                Severity.STOP if stop else Severity.CAUTION,
                f"Slices lie up to {off:.1f} mm from even places; the volume is interpolated between them.",
                "Prefer a reconstruction with even slices.",
                score=off,
                limit=_EVEN_MM,
                unit="mm",
            )
        )
    return findings


def _one_slice() -> Finding:
    return Finding(
        "one slice",
        Severity.STOP,
        "There is only one slice.",
        "Give the folder of the whole series.",
        score=1,
        limit=2,
        unit="slices",
    )
