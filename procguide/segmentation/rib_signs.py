"""Which vertebra bears a rib, on which side: the head against body or pedicle, and a shaft behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.anatomy import Side
from procguide.segmentation.classes import VERTEBRAL, TissueClass

__all__ = ["BodyExtent", "Rib", "RibPieces"]

_MIN_RIBS_MM3 = 1500.0
_REACH_MM = 3.0
_FRONT_OF_ARCH_MM = 9.0
_BESIDE_MM = 5.0
_CONTACT_MM3 = 40.0
_DOUBTFUL_MM3 = 12.0
_MIN_RIB_MM = 38.0
"""Transitional vertebrae bear shorter ones (Yun et al., Korean J Radiol 2018;19:1140)."""
_FIELD_BESIDE_MM = 20.0
_PROCESS_BEHIND_MM = 35.0
_PROCESS_BESIDE_MM = 40.0
_SHORT_RIB_MM = 10.0
"""Farther out than the process of the next vertebra below reaches what holds a short rib. Assumed: transverse
processes grow longer from L1 down (Clin Anat 2011;24:858, of 240 people); on phantoms ribs of 42 and 47 mm,
taken for processes by our network, reached 15 to 18 mm farther."""
_PROCESS = (TissueClass.TRANSVERSE_PROCESS,)
_FRONT = tuple(part for part in VERTEBRAL if part not in _PROCESS)


class Rib(StrEnum):
    """Whether a rib joins a vertebra on one side. ``HIDDEN``: it would not be seen if it did."""

    SEEN = "seen"
    DOUBTFUL = "doubtful"
    NONE = "none"
    HIDDEN = "hidden"


@dataclass(frozen=True)
class BodyExtent:
    """One vertebral body in lattice mm: centre (k, j, i), lower and upper end, width, posterior wall (j)."""

    centre: tuple[float, float, float]
    low: float
    high: float
    width: float
    wall: float

    @classmethod
    def of(cls, body: NDArray[np.bool_], box: tuple[slice, ...], spacing: float) -> Self:
        """Measure a body's mask within its ``box``; stray voxels do not count."""
        points = (np.argwhere(body) + [part.start for part in box]) * spacing
        k, j, i = (float(value) for value in points.mean(axis=0))
        slices = body.sum(axis=(1, 2))
        rows = np.flatnonzero(slices >= 0.2 * slices.max())
        low = (rows[0] + box[0].start - 0.5) * spacing
        high = (rows[-1] + box[0].start + 0.5) * spacing
        across = float(np.median(body[rows].any(axis=1).sum(axis=1))) * spacing
        return cls((k, j, i), float(low), float(high), across, float(np.percentile(points[:, 1], 97)))

    @property
    def height(self) -> float:
        """From the lower to the upper end, mm along k."""
        return self.high - self.low


@dataclass(frozen=True, eq=False)
class RibPieces:
    """Ribs as pieces that hang together over gaps of 3 mm, beside the numbered vertebrae."""

    pieces: NDArray[np.integer]
    boxes: list[tuple[slice, ...]]
    classes: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    spacing: float

    @classmethod
    def of(cls, classes: NDArray[np.uint8], labels: NDArray[np.uint8], spacing: float) -> Self:
        """Find the pieces; ``classes`` and ``labels`` (k, j, i) lie on one lattice."""
        ribs = classes == TissueClass.RIB
        if ribs.sum() * spacing**3 < _MIN_RIBS_MM3:
            return cls(np.zeros((0, 0, 0), dtype=np.uint8), [], classes, labels, spacing)
        joined = ndimage.binary_dilation(ribs, iterations=max(1, round(1.5 / spacing)))
        pieces = np.where(ribs, cc3d.connected_components(joined, connectivity=26), 0)
        return cls(pieces, ndimage.find_objects(pieces), classes, labels, spacing)

    def at(self, number: int, body: BodyExtent) -> Mapping[Side, Rib]:
        """What joins vertebra ``number`` on either side.

        All is hidden where no rib was found in the whole image: then it may be one that shows none.
        """
        return {side: self._beside(number, body, side) for side in Side}

    def with_short_ones(
        self, ribs: Sequence[Mapping[Side, Rib]], bodies: Sequence[BodyExtent]
    ) -> list[Mapping[Side, Rib]]:
        """``ribs`` of all vertebrae, with short ones under the lowest that was seen made doubtful.

        A network takes a short rib for a transverse process: under the lowest rib, where the shortest
        processes are, one is then far longer than the next below.
        """
        seen = [n for n, own in enumerate(ribs) if Rib.SEEN in own.values()]
        at = min(seen, default=0) - 1
        if at < 1:
            return list(ribs)
        own, below = (self._reaches(n + 1, bodies[n]) for n in (at, at - 1))
        short = {
            side: Rib.DOUBTFUL
            for side, rib in ribs[at].items()
            if rib is Rib.NONE and own[side] - below[side] >= _SHORT_RIB_MM
        }
        return [{**one, **short} if n == at else one for n, one in enumerate(ribs)]

    def _reaches(self, number: int, body: BodyExtent) -> Mapping[Side, float]:
        """How far out of its body's middle a vertebra's transverse process reaches, mm."""
        own = (self.labels == number) & np.isin(self.classes, _PROCESS)
        columns = np.flatnonzero(own.any(axis=(0, 1))) * self.spacing - body.centre[2]
        if not columns.size:
            return dict.fromkeys(Side, 0.0)
        return {Side.LEFT: float(columns[-1]), Side.RIGHT: float(-columns[0])}

    def _beside(self, number: int, body: BodyExtent, side: Side) -> Rib:
        if not self.pieces.size:
            return Rib.HIDDEN
        middle, half = body.centre[2], body.width / 2
        outward = self.labels.shape[2] * self.spacing - middle if side is Side.LEFT else middle
        wide = outward >= half + _MIN_RIB_MM
        long_mm = _MIN_RIB_MM if wide else _FIELD_BESIDE_MM
        piece, contact = self._contact(number, self._front(body, side), _FRONT)
        if wide:  # in a narrower field the tip of a process may be what meets it
            neck, further = self._contact(number, self._flank(body, side), _PROCESS)
            if neck and self._length(neck, body) >= long_mm:
                piece, contact = neck, contact + further
        if contact < _DOUBTFUL_MM3:
            return Rib.NONE if outward >= half + _FIELD_BESIDE_MM else Rib.HIDDEN
        long = self._length(piece, body) >= long_mm
        return Rib.SEEN if contact >= _CONTACT_MM3 and long else Rib.DOUBTFUL

    def _front(self, body: BodyExtent, side: Side) -> tuple[slice, slice, slice]:
        """Voxels beside the body on one side, its pedicle included, without the transverse process."""
        return self._window(body, side, _FRONT_OF_ARCH_MM, _BESIDE_MM)

    def _flank(self, body: BodyExtent, side: Side) -> tuple[slice, slice, slice]:
        """Voxels beside body and arch on one side, as far out as a transverse process reaches."""
        return self._window(body, side, _PROCESS_BEHIND_MM, _PROCESS_BESIDE_MM)

    def _window(
        self, body: BodyExtent, side: Side, behind: float, beside: float
    ) -> tuple[slice, slice, slice]:
        middle, half = body.centre[2], body.width / 2 + beside
        low, high = (middle, middle + half) if side is Side.LEFT else (middle - half, middle)
        return (
            self._slice(body.low - 8.0, body.high + 8.0),
            self._slice(0.0, body.wall + behind),
            self._slice(low, high),
        )

    def _slice(self, low: float, high: float) -> slice:
        return slice(max(0, round(low / self.spacing)), max(0, round(high / self.spacing)) + 1)

    def _contact(
        self, number: int, window: tuple[slice, slice, slice], parts: tuple[TissueClass, ...]
    ) -> tuple[int, float]:
        """The piece that touches these parts of the vertebra most, and by how many mm3 of bone."""
        own = (self.labels[window] == number) & np.isin(self.classes[window], parts)
        ribs = self.pieces[window] > 0
        if not (own.any() and ribs.any()):
            return 0, 0.0
        steps = max(1, round(_REACH_MM / self.spacing))
        touching = ribs & ndimage.binary_dilation(own, iterations=steps)
        found = self.pieces[window][touching]
        if not found.size:
            return 0, 0.0
        contact = (own & ndimage.binary_dilation(ribs, iterations=steps)).sum()
        return int(np.bincount(found).argmax()), float(contact) * self.spacing**3

    def _length(self, piece: int, body: BodyExtent) -> float:
        """How far a piece reaches beyond the body, mm."""
        box = self.boxes[piece - 1]
        points = (np.argwhere(self.pieces[box] == piece) + [part.start for part in box]) * self.spacing
        return float(np.linalg.norm(points - body.centre, axis=1).max()) - body.width / 2
