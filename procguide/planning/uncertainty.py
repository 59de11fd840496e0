"""How likely a needle that is placed with some error breaks a limit: a stated model, and two ways to reckon.

The model. The placed needle is straight. Image and patient differ by a shift (``registration``, Gaussian,
the same in every direction) that moves the whole needle. About its entry the needle turns by ``angle``
(Gaussian, both ways), and its tip comes to lie off the planned one by ``tip`` (Gaussian, the same in every
direction): sideways this turns the needle about its entry, too, along the needle it is depth. A structure's
surface lies nearer or farther than drawn by its own ``spread`` (Gaussian), as a whole, each structure by
itself. A limit is violated where the placed needle's surface comes nearer to the structure than its margin
anywhere along the shaft. Bent needles, breathing and a patient who lies otherwise are not in it.

:func:`simulate` places a needle some hundred times by that model and measures it: what is shown.
:func:`chance_of_violation` looks only at the point of each structure that is the fewest standard deviations
away: what many candidates are compared by. benchmarks/uncertainty.py holds both against an independent
Monte Carlo.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from procguide.planning.catalogue import Procedure, StructureRule
from procguide.planning.nouns import Robustness
from procguide.planning.scene import Scene, Structure

__all__ = [
    "DRAWS",
    "Hazard",
    "Hazards",
    "PlacementError",
    "chance_of_violation",
    "first_met_ahead",
    "simulate",
]

DRAWS = 512
_FEW_DRAWS = 64
_CHUNK = 2048
_SHARP_MM = 0.05
_SMOOTH_MM = 0.5
"""Least spread of a structure: smooths the count of many and of few draws."""
_NO_CAPSULES = np.zeros((0, 7))
_NO_FIELD = np.zeros((2, 2, 2), np.float32)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PlacementError:
    """Standard deviations of where a needle comes to lie; see the module for what each does."""

    tip_mm: float
    angle_deg: float
    registration_mm: float

    @classmethod
    def of(cls, procedure: Procedure) -> PlacementError:
        """As the catalogue states it."""
        stated = procedure.uncertainty
        return cls(stated.tip_sd_mm.value, stated.angle_sd_deg.value, stated.registration_sd_mm.value)

    def across_mm(self, length_mm: float, share: float = 1.0) -> float:
        """Sideways, in one direction, at a ``share`` of the way from the entry to the tip."""
        turned = np.hypot(self.tip_mm, length_mm * np.radians(self.angle_deg))
        return float(np.hypot(self.registration_mm, share * turned))

    @property
    def along_mm(self) -> float:
        """In depth."""
        return float(np.hypot(self.registration_mm, self.tip_mm))

    @property
    def for_kernels(self) -> tuple[float, float, float]:
        """Registration (mm), tip (mm), angle (radians)."""
        return self.registration_mm, self.tip_mm, float(np.radians(self.angle_deg))

    def placed(self, entry: Floats, target: Floats, count: int = DRAWS) -> tuple[Floats, Floats]:
        """Entries and tips ``(count, 3)`` of needles placed for a planned one: the same draws every time."""
        axis = target - entry
        length = float(np.linalg.norm(axis))
        axis = axis / length
        draws = _normal_points(count)
        shift = self.registration_mm * draws[:, :3]
        turn = length * np.radians(self.angle_deg) * draws[:, 3:6]
        turn -= (turn @ axis)[:, None] * axis
        return entry + shift, target + shift + turn + self.tip_mm * draws[:, 6:]


@dataclass(frozen=True, eq=False)
class Hazard:
    """A structure as the compiled loops take it, on the scene's lattice.

    ``field``: signed distance, ``(k, j, i)`` mm, or ``capsules`` ``(m, 7)``: both ends, radius.
    """

    rule: StructureRule
    field: NDArray[np.float32]
    capsules: Floats
    spread_mm: float

    @property
    def trim_mm(self) -> float:
        """The piece before the tip that may touch."""
        return self.rule.contact_mm.value if self.rule.contact_mm else 0.0


@dataclass(frozen=True, eq=False)
class Hazards:
    """All that is near in a scene: what could be harmed, and what is ``harmless``."""

    scene: Scene
    radius_mm: float
    error: PlacementError
    harmful: tuple[Hazard, ...]
    harmless: tuple[Hazard, ...]

    @classmethod
    def of(cls, scene: Scene, procedure: Procedure, rules: Sequence[StructureRule]) -> Hazards:
        """Of one case."""
        found = tuple(_near(scene, rules))
        return cls(
            scene,
            procedure.needle.radius_mm,
            PlacementError.of(procedure),
            tuple(hazard for hazard in found if not hazard.rule.harmless),
            tuple(hazard for hazard in found if hazard.rule.harmless),
        )

    @property
    def spacing(self) -> Floats:
        """Of the lattice, mm."""
        return self.scene.grid.affine.spacing


def simulate(hazards: Hazards, entry: Floats, target: Floats, count: int = DRAWS) -> Robustness:
    """Place one needle ``count`` times by the model and see which limits of harmful structures it breaks."""
    from scipy.special import ndtr

    from procguide.planning._robustness_kernels import capped_minimum

    error, radius = hazards.error, hazards.radius_mm
    entries, targets = error.placed(entry, target, count)
    starts, ends = hazards.scene.to_lattice(entries), hazards.scene.to_lattice(targets)
    kept: dict[str, Floats] = {}
    clear = np.ones(count)
    for one in hazards.harmful:
        margin = one.rule.margin_mm.value
        cap = radius + margin + 5 * one.spread_mm
        nearest = capped_minimum(one.field, one.capsules, hazards.spacing, starts, ends, one.trim_mm, cap)
        name, safe = str(one.rule.name), ndtr((nearest - radius - margin) / one.spread_mm)
        kept[name] = kept[name] * safe if name in kept else safe
        clear *= ndtr((nearest - radius) / one.spread_mm)
    together = np.prod(list(kept.values()), axis=0) if kept else np.ones(1)
    return Robustness(
        placement_sd_mm=error.across_mm(float(np.linalg.norm(target - entry))),
        p_violation=float(1 - together.mean()),
        by_structure={name: float(1 - share.mean()) for name, share in kept.items()},
        p_touch=float(1 - clear.mean()),
    )


def chance_of_violation(hazards: Hazards, entries: Floats, targets: Floats) -> Floats:
    """Chance that at least one limit is broken, for needles ``(n, 3)`` each, ``(n,)``.

    Each harmful structure is measured only from that point of the needle which is tightest as planned.
    """
    starts, ends = hazards.scene.to_lattice(entries), hazards.scene.to_lattice(targets)
    parts = [slice(first, first + _CHUNK) for first in range(0, len(entries), _CHUNK)]
    if not parts:
        return np.zeros(0)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return np.concatenate(
            list(pool.map(lambda part: _chance_of_some(hazards, starts[part], ends[part]), parts))
        )


def _chance_of_some(hazards: Hazards, starts: Floats, ends: Floats) -> Floats:
    """``(n,)`` for needles on the scene's lattice."""
    from procguide.planning._robustness_kernels import keep_clear, tightest_points

    draws = _normal_points(_FEW_DRAWS).reshape(-1, 3, 3)[:, :, ::-1].reshape(-1, 9)  # (z, y, x)
    kept = np.ones((len(starts), len(draws)), np.float32)
    for one in hazards.harmful:
        solid = one.field, one.capsules, hazards.spacing, starts, ends
        offset = hazards.radius_mm + one.rule.margin_mm.value
        sds = (*hazards.error.for_kernels, max(one.spread_mm, _SMOOTH_MM))
        tightest = tightest_points(*solid, offset, one.trim_mm, *sds)
        keep_clear(kept, *solid, tightest, draws, offset, *sds)
    return np.asarray(1 - kept.mean(axis=1), dtype=np.float64)


def first_met_ahead(
    hazards: Hazards, some: Sequence[Hazard], tips: Floats, inward: Floats, limit_mm: float
) -> Floats:
    """How far beyond its tip each needle would touch ``some`` of the structures, ``(n,)``; else ``limit_mm``.

    ``inward`` ``(n, 3)`` are unit vectors.
    """
    from procguide.planning._robustness_kernels import first_met

    starts = hazards.scene.to_lattice(tips)
    along = hazards.scene.to_lattice(tips + inward) - starts
    nearest = np.full(len(tips), limit_mm)
    for one in some:
        args = hazards.spacing, starts, along, hazards.radius_mm, limit_mm
        nearest = np.minimum(nearest, first_met(one.field, one.capsules, *args))
    return nearest


def _near(scene: Scene, rules: Sequence[StructureRule]) -> Iterator[Hazard]:
    """The structures that are in the scene; those without any voxel or tube there are nowhere near."""
    for rule in rules:
        structure = scene.structures[rule.name]
        spread = max(structure.spread_mm, _SHARP_MM)
        if structure.tubes:
            parts = [
                np.column_stack([points[:-1], points[1:], tube.radii_mm])
                for tube in structure.tubes
                for points in [scene.to_lattice(tube.points)]
            ]
            yield Hazard(rule, _NO_FIELD, np.concatenate(parts), spread)
        if structure.field is not None:
            yield Hazard(rule, _signed(structure, scene.grid.affine.spacing), _NO_CAPSULES, spread)


def _signed(structure: Structure, spacing: Floats) -> NDArray[np.float32]:
    """The structure's field, and within how deep a voxel lies, where its surface is not sharply known."""
    from procguide.planning._kernels import distance_squared

    field, mask = structure.field, structure.mask
    assert field is not None  # noqa: S101 (the caller asks only about what is near)
    if mask is None or structure.spread_mm <= _SHARP_MM or not mask.any():
        return field
    window = tuple(
        slice(max(int(at[0]) - 1, 0), int(at[-1]) + 2)
        for axis in range(3)
        for at in [np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))]
    )
    inside = mask[window]
    depth = np.sqrt(distance_squared(np.ascontiguousarray(~inside), spacing))
    signed = field.copy()
    signed[window][inside] = -np.minimum(depth[inside], 1e3)
    return signed


@cache
def _normal_points(count: int) -> Floats:
    """``(count, 9)`` standard normal draws, evenly spread (Roberts' additive recurrence) and symmetric."""
    from scipy.special import ndtri

    size = 9
    root = 1.5
    for _ in range(60):
        root = (1 + root) ** (1 / (size + 1))
    half = (count + 1) // 2
    even = (0.5 + np.arange(1, half + 1)[:, None] * root ** -np.arange(1.0, size + 1)) % 1.0
    normal = ndtri(even)
    return np.concatenate([normal, -normal])[:count]
