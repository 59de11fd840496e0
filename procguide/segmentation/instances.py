"""One vertebra from the next, by every voxel's vote for its own body's centre.

A Hough vote along the craniocaudal axis: neighbouring vertebrae touch at their facet joints, and the
arch of one lies beside the body of the next, so neither components nor distance tell them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.anatomy import SACRUM
from procguide.segmentation.classes import VERTEBRAL, TissueClass
from procguide.segmentation.inference import Prediction

__all__ = ["Instances", "body_centres", "claim_for_sacrum", "prominence", "separate", "settled", "summits"]

_MIN_DISTANCE_MM = 13.0
_MIN_STEP_MM = 8.0
_NEARBY_MM = 60.0
_MIN_SHARE = 0.12
_MIN_PROMINENCE = 0.25
_MIN_BODY_MM3 = 2500.0
_MIN_SMALL_BODY_MM3 = 800.0
_MIN_SACRUM_MM3 = 10_000.0
_SCRAP = 0.35
"""Of the bodies above it; a vertebra that the field cuts may be as small, but lies over no sacrum."""
_MIN_FRAGMENT_MM3 = 150.0
_MAX_MISS_MM = 17.0
_MAX_STEP_MM = 60.0
_MAX_SHIFT_MM = 28.0


@dataclass(frozen=True)
class Instances:
    """``labels`` (k, j, i): 1 for the lowest vertebra, 2 for the next above, 0 none.

    ``sharpness`` is for each the share of its voxels whose vote fell within 6 mm of the winner: low
    where the network was torn between two vertebrae. ``heights_mm`` are the bodies' centres along k.
    """

    labels: NDArray[np.uint8]
    sharpness: tuple[float, ...]
    heights_mm: tuple[float, ...]

    @property
    def count(self) -> int:
        """How many vertebrae there are."""
        return len(self.sharpness)


def separate(prediction: Prediction) -> Instances:
    """Give every vertebral voxel to a vertebra; fragments and ghosts are dropped."""
    body = prediction.classes == TissueClass.BODY
    vertebral = np.isin(prediction.classes, VERTEBRAL)
    spacing = float(prediction.grid.affine.spacing[0])
    votes = np.arange(body.shape[0])[:, None, None] * spacing + prediction.offset_mm
    centres = _peaks(votes[body], spacing)
    labels = np.zeros(vertebral.shape, dtype=np.uint8)
    if not len(centres):
        return Instances(labels, (), ())
    miss = np.abs(votes[vertebral][:, None] - centres)
    labels[vertebral] = np.where(miss.min(axis=1) <= _MAX_MISS_MM, miss.argmin(axis=1) + 1, 0)
    labels = _whole_again(_without_fragments(labels, body, spacing), body, spacing)
    return _numbered(labels, body, votes, centres, spacing)


def _peaks(body_votes: NDArray[np.floating], spacing: float) -> NDArray[np.float64]:
    """Centres along k in mm where enough voxels of bodies agree."""
    if not len(body_votes):
        return np.zeros(0)
    bins = np.arange(float(body_votes.min()) - 20.0, float(body_votes.max()) + 20.0, 1.0)
    # Bodies decide where a vertebra is: the arch of a neighbour whose body is out of view does not.
    density = ndimage.gaussian_filter1d(np.histogram(body_votes, bins)[0].astype(float), 2.5) * spacing**3
    # Against the largest nearby: a cervical body is a tenth of a lumbar one.
    nearby = ndimage.maximum_filter1d(density, int(2 * _NEARBY_MM))
    tops = summits(density, int(_MIN_DISTANCE_MM))
    real = density[tops] >= _MIN_SHARE * nearby[tops]
    # One vertebra about which the network wavers has two tops with hardly a dip between them.
    real &= np.array([prominence(density, top) for top in tops]) >= _MIN_PROMINENCE * density[tops]
    return np.asarray(bins[tops[real]] + 0.5, dtype=np.float64)


def summits(density: NDArray[np.float64], apart: int) -> NDArray[np.int64]:
    """Bins ``(n,)`` of the local maxima, the highest first to claim ``apart`` bins round it.

    As ``scipy.signal.find_peaks`` on curves without plateaus; importing that takes longer than a network.
    """
    inner = density[1:-1]
    tops = np.flatnonzero((inner > density[:-2]) & (inner >= density[2:])) + 1
    kept: list[int] = []
    for top in tops[np.argsort(-density[tops], kind="stable")]:
        if all(abs(top - other) >= apart for other in kept):
            kept.append(int(top))
    return np.array(sorted(kept), dtype=np.int64)


def prominence(density: NDArray[np.float64], top: int) -> float:
    """How far one must go down from ``top`` before one can climb higher, or to the end of the curve."""
    higher = np.flatnonzero(density > density[top])
    left, right = higher[higher < top], higher[higher > top]
    before = density[left[-1] + 1 if len(left) else 0 : top + 1]
    after = density[top : right[0] if len(right) else len(density)]
    return float(density[top] - max(before.min(), after.min()))


def _without_fragments(
    labels: NDArray[np.uint8], body: NDArray[np.bool_], spacing: float
) -> NDArray[np.uint8]:
    """Keep of each vertebra the component with most of its body, and sizeable pieces within 8 mm of it."""
    kept = np.zeros_like(labels)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        mask = labels[box] == label
        pieces = cc3d.connected_components(mask, connectivity=18)
        weights = np.bincount(pieces[mask & body[box]], minlength=int(pieces.max()) + 1)
        main = pieces == weights[1:].argmax() + 1
        near = ndimage.binary_dilation(main, iterations=max(1, round(8.0 / spacing)))
        sizes = np.bincount(pieces.ravel()) * spacing**3
        touching = np.unique(pieces[near & mask])
        keep = [piece for piece in touching if piece and sizes[piece] >= _MIN_FRAGMENT_MM3]
        kept[box][main | np.isin(pieces, keep)] = label
    return kept


def body_centres(
    labels: NDArray[np.uint8], body: NDArray[np.bool_], count: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Voxels ``(n + 1,)`` and centres ``(n + 1, 3)``, index (k, j, i), of numbered bodies; row 0 is empty."""
    index = np.nonzero(body & (labels > 0))
    own = labels[index]
    sizes = np.bincount(own, minlength=count + 1)
    sums = np.stack([np.bincount(own, part, minlength=count + 1) for part in index], axis=1)
    return sizes, sums / np.maximum(sizes, 1)[:, None]


def _whole_again(labels: NDArray[np.uint8], body: NDArray[np.bool_], spacing: float) -> NDArray[np.uint8]:
    """Halves of one vertebra joined: two bodies cannot have their centres at nearly one height."""
    sizes, centres = body_centres(labels, body)
    present = np.flatnonzero(sizes)
    heights = centres[present, 0] * spacing
    table = np.arange(256, dtype=np.uint8)
    for lower, upper, step in zip(present, present[1:], np.diff(heights), strict=False):
        if abs(step) < _MIN_STEP_MM:
            table[upper] = table[lower]
    return table[labels]


def _numbered(
    labels: NDArray[np.uint8],
    body: NDArray[np.bool_],
    votes: NDArray[np.floating],
    centres: NDArray[np.float64],
    spacing: float,
) -> Instances:
    """Drop what is no vertebra of this spine, number from the lowest, and say how sure the votes were.

    ``votes`` is ``(k, j, i)`` in mm along k.
    """
    counts, middles = body_centres(labels, body, len(centres))
    sizes = counts * spacing**3
    large = [n for n in range(1, len(centres) + 1) if sizes[n] >= _least_size(n, sizes)]
    places = middles[large] * spacing
    real = _chain(large, places, sizes)
    table = np.zeros(len(centres) + 1, dtype=np.uint8)
    table[real] = np.arange(1, len(real) + 1)
    sharpness = tuple(float((np.abs(votes[labels == n] - centres[n - 1]) <= 6.0).mean()) for n in real)
    return Instances(table[labels], sharpness, tuple(float(places[large.index(n)][0]) for n in real))


def _least_size(n: int, sizes: NDArray[np.floating]) -> float:
    """mm3 that the n-th must have: a part of its neighbours', since cervical bodies are small."""
    beside = np.delete(sizes, [0, n])[max(0, n - 3) : n + 1]
    typical = float(np.median(beside)) if len(beside) else np.inf
    return float(np.clip(_MIN_SHARE * typical, _MIN_SMALL_BODY_MM3, _MIN_BODY_MM3))


def _chain(numbers: list[int], places: NDArray[np.floating], sizes: NDArray[np.floating]) -> list[int]:
    """Those that follow one another as vertebrae do: of all such columns the one with most bone.

    A hip joint may look like a vertebra to a network that has seen few; it does not lie on the column.
    """
    chains = [_column_through(start, places) for start in range(len(numbers))]
    best = max(chains, key=lambda chain: sum(sizes[numbers[n]] for n in chain), default=[])
    return [numbers[n] for n in best]


def _column_through(start: int, places: NDArray[np.floating]) -> list[int]:
    """Positions reached from ``start`` by steps between neighbouring vertebrae, downward and upward."""
    kept = [start]
    for order in (range(start + 1, len(places)), range(start - 1, -1, -1)):
        last = start
        for n in order:
            step = np.abs(places[n] - places[last])
            if step[0] <= _MAX_STEP_MM and np.hypot(step[1], step[2]) <= _MAX_SHIFT_MM:
                kept.append(n)
                last = n
    return sorted(kept)


def claim_for_sacrum(classes: NDArray[np.uint8], instances: Instances, spacing: float) -> Instances:
    """Take S1 from the vertebrae: a lowest one whose body goes over into the sacrum without a disc.

    The sacrum's first segment looks like a vertebra and may be labelled as one, whole or its arch
    alone. ``classes`` is changed in place to say sacrum there. Without a sizeable sacrum below nothing is
    taken: at a field's lower border a few voxels of a lumbar vertebra may look like one.
    """
    instances = _without_sacral_scraps(classes, instances, spacing)
    if instances.count < 2:
        return instances
    sacrum = classes == TissueClass.SACRUM
    sacrum[round(instances.heights_mm[0] / spacing) :] = False
    if not sacrum.any():
        return instances
    sacrum = cc3d.largest_k(sacrum, k=1, connectivity=26) > 0
    if sacrum.sum() * spacing**3 < _MIN_SACRUM_MM3:
        return instances
    own = instances.labels == 1
    body = own & (classes == TissueClass.BODY)
    middle = int(np.argwhere(body).mean(axis=0)[0])
    reach = ndimage.binary_dilation(body, iterations=max(1, round(4.0 / spacing)))
    reach[middle:] = False
    if (reach & sacrum).sum() > (classes[reach] == TissueClass.DISC).sum():
        classes[own] = TissueClass.SACRUM
        labels = np.where(own, 0, np.maximum(instances.labels, 1) - 1).astype(np.uint8)
        instances = Instances(labels, instances.sharpness[1:], instances.heights_mm[1:])
    unclaimed = np.isin(classes, VERTEBRAL) & (instances.labels == 0)
    unclaimed[round(instances.heights_mm[0] / spacing) :] = False
    classes[unclaimed] = TissueClass.SACRUM  # what does not hang together with the sacrum is dropped later
    return instances


def _without_sacral_scraps(classes: NDArray[np.uint8], instances: Instances, spacing: float) -> Instances:
    """Give to the sacrum what lies at its height and is far too small for a body; ``classes`` is changed.

    Pieces of S1 and S2 that look like body to the network are no vertebrae.
    """
    heights = np.flatnonzero((classes == TissueClass.SACRUM).any(axis=(1, 2)))
    volume_mm3 = np.bincount(instances.labels[classes == TissueClass.BODY], minlength=instances.count + 1)
    scraps = 0
    while len(heights) and instances.count - scraps >= 2:
        typical = float(np.median(volume_mm3[scraps + 2 : scraps + 5]))
        inside = instances.heights_mm[scraps] < np.percentile(heights, 90) * spacing
        if not inside or volume_mm3[scraps + 1] > _SCRAP * typical:
            break
        scraps += 1
    if not scraps:
        return instances
    classes[(instances.labels > 0) & (instances.labels <= scraps)] = TissueClass.SACRUM
    labels = np.where(instances.labels > scraps, instances.labels - scraps, 0).astype(np.uint8)
    return Instances(labels, instances.sharpness[scraps:], instances.heights_mm[scraps:])


def settled(instances: Instances, levels: Sequence[str]) -> Instances:
    """After naming: neighbours of one name are one vertebra, what is sacrum is none; numbered anew."""
    numbers: list[int] = []
    for n, level in enumerate(levels):
        same = n > 0 and level == levels[n - 1]
        numbers.append(0 if level == SACRUM else max(numbers, default=0) + (not same))
    first = [numbers.index(number) for number in range(1, max(numbers, default=0) + 1)]
    table = np.array([0, *numbers], dtype=np.uint8)
    return Instances(
        table[instances.labels],
        tuple(instances.sharpness[n] for n in first),
        tuple(instances.heights_mm[n] for n in first),
    )
