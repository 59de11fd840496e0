"""Names of levels in a foreign model's answer: its own, checked; or counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.anatomy import LEVELS, SACRUM, VERSE_LABELS, VERSE_NAMES, VERTEBRA, Anchor, Region
from procguide.errors import InputUnfitError
from procguide.findings import Finding
from procguide.segmentation.adapters import words
from procguide.segmentation.classes import class_of
from procguide.segmentation.instances import Instances
from procguide.segmentation.naming import Naming, name_levels

__all__ = ["GivenNames", "LevelNames", "bones_of", "counted_names", "given_names"]

_ANCHORED, _UNANCHORED, _BROKEN = 0.9, 0.5, 0.3
"""Confidence in a foreign model's names: with sacrum or C2 in view, without, out of order (assumed)."""
_MIN_VERTEBRA_MM3 = 1000.0
_MIN_BODY_MM3 = 2500.0
_MAX_TO_BODY_MM = 60.0


@dataclass(frozen=True)
class LevelNames:
    """What names hang on, how sure each is, and what speaks against them."""

    anchor: Anchor
    confidence: Mapping[str, float]
    findings: tuple[Finding, ...]
    anchors: tuple[Anchor, ...] = ()


@dataclass(frozen=True)
class GivenNames:
    """A model's own names. ``anchored``: the sacrum under them, or C2, is in view."""

    anchored: bool
    confidence: Mapping[str, float]
    findings: tuple[Finding, ...]


def given_names(levels: NDArray[np.uint8], spacing_mm: float) -> GivenNames | None:
    """Check the names in ``levels`` (k to superior, VerSe integers): order, gaps, anchors.

    None where no vertebra of at least 1 ml is named.
    """
    sizes = np.bincount(levels.ravel(), minlength=256) * spacing_mm**3
    presacral = [label for label in VERSE_NAMES if label not in (VERSE_LABELS[SACRUM], 27)]
    present = [label for label in presacral if sizes[label] >= _MIN_VERTEBRA_MM3]
    if not present:
        return None
    heights = ndimage.mean(np.broadcast_to(_heights(levels), levels.shape), levels, present)
    upward = [VERSE_NAMES[label] for _, label in sorted(zip(heights, present, strict=True))]
    broken = _breaks(upward)
    sacrum = sizes[VERSE_LABELS[SACRUM]] >= _MIN_VERTEBRA_MM3 and upward[0] in ("L4", "L5", "L6")
    anchored = bool(sacrum or "C2" in upward)
    certainty = _BROKEN if broken else _ANCHORED if anchored else _UNANCHORED
    return GivenNames(anchored, dict.fromkeys(upward, certainty), tuple(words.out_of_order(broken)))


def _heights(levels: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.arange(levels.shape[0], dtype=np.float64)[:, None, None]


def _breaks(upward: list[str]) -> list[tuple[str, str]]:
    """Neighbours (lower, upper) whose names do not follow one another."""
    order = {level: float(n) for n, level in enumerate(LEVELS)}
    order |= {"T13": order["T12"] + 0.5, "L6": order["L5"] + 1.0}
    allowed = {("L1", "T11")}  # eleven thoracic vertebrae
    return [
        (lower, upper)
        for lower, upper in pairwise(upward)
        if not 0.4 < order[lower] - order[upper] < 1.1 and (lower, upper) not in allowed
    ]


def bones_of(levels: NDArray[np.uint8], regions: NDArray[np.uint8], spacing_mm: float) -> Instances:
    """Vertebrae, numbered from the lowest: by their names where all have one, else by their bodies."""
    body = regions == Region.BODY
    vertebral = np.isin(regions, VERTEBRA)
    presacral = np.where(vertebral & (levels != VERSE_LABELS[SACRUM]), levels, 0)
    if presacral.any():
        pieces, count = _renumbered(presacral)
    else:
        pieces, count = _from_bodies(body, vertebral, spacing_mm)
    if not count:
        raise InputUnfitError("the model's labels hold no whole vertebral body; load images that show one")
    heights = _mean_slice(pieces, body, count)
    heights = np.where(np.isfinite(heights), heights, _mean_slice(pieces, pieces > 0, count))
    order = np.argsort(heights)
    table = np.zeros(count + 1, dtype=np.uint8)
    table[order + 1] = np.arange(1, count + 1)
    return Instances(table[pieces], (1.0,) * count, tuple(float(heights[n]) * spacing_mm for n in order))


def _mean_slice(pieces: NDArray[np.intp], within: NDArray[np.bool_], count: int) -> NDArray[np.float64]:
    """Mean slice of each piece within a mask; NaN where it has nothing there."""
    own = np.where(within, pieces, 0)
    sizes = np.array([np.bincount(one.ravel(), minlength=count + 1)[1:] for one in own], dtype=np.float64)
    total = sizes.sum(axis=0)
    weighted = (sizes * np.arange(len(own))[:, None]).sum(axis=0)
    mean: NDArray[np.float64] = np.divide(weighted, total, out=np.full(count, np.nan), where=total > 0)
    return mean


def _renumbered(labels: NDArray[np.uint8]) -> tuple[NDArray[np.intp], int]:
    present = np.unique(labels[labels > 0])
    table = np.zeros(256, dtype=np.intp)
    table[present] = np.arange(1, len(present) + 1)
    return table[labels], len(present)


def _from_bodies(
    body: NDArray[np.bool_], vertebral: NDArray[np.bool_], spacing_mm: float
) -> tuple[NDArray[np.intp], int]:
    """A piece for every separate body; other bone goes to the nearest one."""
    cores = ndimage.binary_opening(body, iterations=max(1, round(3.0 / spacing_mm)))
    pieces = cc3d.dust(
        cc3d.connected_components(cores, connectivity=6), threshold=int(_MIN_BODY_MM3 / 4 / spacing_mm**3)
    )
    labels, count = _renumbered(_as_bytes(pieces))
    if not count:
        return labels, 0
    distance, nearest = ndimage.distance_transform_edt(labels == 0, spacing_mm, return_indices=True)
    grown = labels[tuple(nearest)]
    return np.where(vertebral & (distance <= _MAX_TO_BODY_MM), grown, 0), count


def _as_bytes(pieces: NDArray[np.integer]) -> NDArray[np.uint8]:
    """At most 40 pieces, the largest: no spine has more."""
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    largest = np.argsort(-sizes)[:40]
    table = np.zeros(len(sizes), dtype=np.uint8)
    kept = [piece for piece in largest if sizes[piece]]
    table[kept] = np.arange(1, len(kept) + 1)
    return np.asarray(table[pieces])


def counted_names(
    regions: NDArray[np.uint8],
    bones: Instances,
    spacing_mm: float,
    lowest_level: str | None,
    stated: Mapping[int, str],
) -> Naming:
    """Names by the same rules as for the shipped networks; without any, :class:`InputUnfitError`."""
    to_class = np.zeros(256, dtype=np.uint8)
    for region in Region:
        to_class[region] = class_of(region)
    return name_levels(to_class[regions], bones, spacing_mm, lowest_level, stated)
