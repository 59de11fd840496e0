"""How near needles come to structures, measured on the scene's lattice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.planning.nouns import Tube
from procguide.planning.parallel import in_parts
from procguide.planning.scene import Scene, Structure

__all__ = ["FAR_MM", "Passage", "Shafts", "clearance_along", "exact_clearance"]

FAR_MM = 1e3
"""Clearance from a structure that is labelled, but not within the scene."""
_EXACT_WITHIN_MM = 25.0
_STEP_MM = 0.4
Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Passage:
    """How needles pass one structure, ``(n,)`` each.

    ``nearest`` is about the distance (mm) of the centre line from its voxels, ``places`` how far from the
    tip that is, -1 where it is surely within the limit; ``to_tubes`` the exact distance from its tubes.
    """

    structure: Structure
    trim_mm: float
    limit_mm: float
    nearest: Floats
    places: Floats
    to_tubes: Floats

    @property
    def crossed(self) -> Truths:
        """Which surely come nearer than the limit."""
        return np.asarray((self.places < 0) | (self.to_tubes < self.limit_mm))

    def only(self, which: NDArray[np.intp]) -> Passage:
        """Of some of the needles."""
        columns = self.nearest[which], self.places[which], self.to_tubes[which]
        return Passage(self.structure, self.trim_mm, self.limit_mm, *columns)


@dataclass(frozen=True, eq=False)
class Shafts:
    """Straight needles from ``starts`` (skin) to ``ends`` (tip), ``(n, 3)`` mm along the lattice's axes."""

    scene: Scene
    starts: Floats
    ends: Floats

    @classmethod
    def between(cls, scene: Scene, entries: ArrayLike, targets: ArrayLike) -> Shafts:
        """From patient LPS mm, ``(n, 3)`` each."""
        return cls(scene, scene.to_lattice(entries), scene.to_lattice(targets))

    def __len__(self) -> int:
        return len(self.starts)

    def only(self, which: NDArray[np.intp]) -> Shafts:
        """Some of them."""
        return Shafts(self.scene, self.starts[which], self.ends[which])

    def tips(self, length_mm: float) -> Shafts:
        """The last piece of each."""
        return Shafts(self.scene, self.ends - self._along() * length_mm, self.ends)

    def onward(self, length_mm: float) -> Shafts:
        """What lies ahead of each tip."""
        return Shafts(self.scene, self.ends, self.ends + self._along() * length_mm)

    def _along(self) -> Floats:
        along = self.ends - self.starts
        return np.asarray(along / np.linalg.norm(along, axis=1, keepdims=True))

    def passing(
        self, structure: Structure, trim_mm: float, limit_mm: float, enough_mm: float = FAR_MM
    ) -> Passage:
        """Which come nearer than ``limit_mm``, and about how near the others come, up to ``enough_mm``.

        The last ``trim_mm`` before the tip is left out.
        """
        from procguide.planning._kernels import approach

        field, spacing = structure.field, self.scene.grid.affine.spacing
        nearest, places = np.full((2, len(self)), FAR_MM)
        if field is not None:

            def part(some: slice) -> None:
                nearest[some], places[some] = approach(
                    field, spacing, self.starts[some], self.ends[some], trim_mm, limit_mm, enough_mm
                )

            in_parts(part, len(self))
        return Passage(structure, trim_mm, limit_mm, nearest, places, self._to_tubes(structure, trim_mm))

    def distances(self, passage: Passage, within_mm: float) -> Floats:
        """From the centre lines to the structure, ``(n,)`` mm: exact up to ``within_mm``.

        That is at most 0.03 mm more than the true distance, and not less. Farther away, from 2 mm on, at most
        0.25 mm more; less, by up to half a voxel, only midway between two parts of the structure
        (benchmarks/clearance.py).
        """
        from procguide.planning._kernels import refine

        result = np.minimum(passage.nearest, passage.to_tubes)
        near = (passage.nearest < within_mm) & (passage.places >= 0)
        field, spacing = passage.structure.field, self.scene.grid.affine.spacing
        if field is None or not near.any():
            return result
        which = np.flatnonzero(near)

        def part(some: slice) -> None:
            one = which[some]
            args = self.starts[one], self.ends[one], passage.trim_mm
            exact = refine(field, spacing, *args, passage.nearest[one], passage.places[one])
            result[one] = np.minimum(exact, passage.to_tubes[one])

        in_parts(part, len(which))
        return result

    def deepest(self, structure: Structure) -> Floats:
        """The least signed distance by interpolation, ``(n,)`` mm: negative inside, down to half a voxel."""
        from procguide.planning._kernels import trace_minimum

        result = self._to_tubes(structure, 0.0)
        field, spacing = structure.field, self.scene.grid.affine.spacing
        if field is not None:

            def part(some: slice) -> None:
                found = trace_minimum(field, spacing, self.starts[some], self.ends[some], 0.0, _STEP_MM)
                result[some] = np.minimum(result[some], found)

            in_parts(part, len(self))
        return result

    def before(self, structure: Structure) -> Truths:
        """Which pass in front of the structure's tubes where they come nearest to them, ``(n,)``."""
        nearest, before = np.full(len(self), np.inf), np.zeros(len(self), bool)
        for capsule in (row for tube in structure.tubes for row in self._capsules(tube)):
            off = _apart(self.starts, self.ends, capsule[:3], capsule[3:6])
            distance = np.linalg.norm(off, axis=1)
            before = np.where(distance < nearest, off[:, 1] < 0, before)
            nearest = np.minimum(distance, nearest)
        return before

    def _to_tubes(self, structure: Structure, trim_mm: float) -> Floats:
        from procguide.planning._kernels import capsule_minimum

        result = np.full(len(self), FAR_MM)
        if structure.tubes:
            capsules = np.concatenate([self._capsules(tube) for tube in structure.tubes])

            def part(some: slice) -> None:
                result[some] = capsule_minimum(capsules, self.starts[some], self.ends[some], trim_mm)

            in_parts(part, len(self))
        return result

    def _capsules(self, tube: Tube) -> Floats:
        """``(m, 7)``: both ends on the lattice, radius."""
        points = self.scene.to_lattice(tube.points)
        return np.column_stack([points[:-1], points[1:], tube.radii_mm])


def _apart(starts: Floats, ends: Floats, first: Floats, last: Floats) -> Floats:
    """From one segment to others where they are nearest, ``(n, 3)`` mm (Ericson 2005, 5.1.9)."""
    a, b, r = ends - starts, last - first, starts - first
    aa, ee = np.maximum((a * a).sum(axis=1), 1e-12), max(float(b @ b), 1e-12)
    f, c, ab = r @ b, (a * r).sum(axis=1), a @ b
    s = np.clip((ab * f - c * ee) / np.maximum(aa * ee - ab * ab, 1e-9), 0, 1)
    t = np.clip((ab * s + f) / ee, 0, 1)
    s = np.clip((ab * t - c) / aa, 0, 1)
    return np.asarray(r + a * s[:, None] - b * t[:, None])


def clearance_along(
    scene: Scene, structure: Structure, entries: Floats, targets: Floats, trim_mm: float
) -> Floats:
    """Distance of each needle's centre line to one structure, ``(n,)`` mm.

    From the union of its voxels' cells (or its tubes): exact up to 25 mm (see :meth:`Shafts.distances`).
    The last ``trim_mm`` before the tip is left out.
    """
    shafts = Shafts.between(scene, entries, targets)
    return shafts.distances(shafts.passing(structure, trim_mm, -FAR_MM), _EXACT_WITHIN_MM)


def exact_clearance(
    scene: Scene, structure: Structure, entry: Floats, target: Floats, trim_mm: float
) -> float:
    """:func:`clearance_along` of one needle."""
    return float(clearance_along(scene, structure, entry[None], target[None], trim_mm)[0])
