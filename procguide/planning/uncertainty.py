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

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from procguide.planning.catalogue import Procedure, StructureRule
from procguide.planning.nouns import Robustness
from procguide.planning.scene import Scene, Structure

__all__ = ["PlacementError", "chance_of_violation", "first_met_ahead", "simulate"]

_DRAWS = 512
_FEW_DRAWS = 64
_SHARP_MM = 0.05
"""Least spread of a structure: smooths the count of draws."""
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

    def placed(self, entry: Floats, target: Floats, count: int = _DRAWS) -> tuple[Floats, Floats]:
        """Entries and tips ``(count, 3)`` of needles placed for a planned one: the same draws every time."""
        axis = target - entry
        length = float(np.linalg.norm(axis))
        axis = axis / length
        draws = _normal_points(count)
        shift = self.registration_mm * draws[:, :3]
        turn = length * np.radians(self.angle_deg) * draws[:, 3:6]
        turn -= (turn @ axis)[:, None] * axis
        return entry + shift, target + shift + turn + self.tip_mm * draws[:, 6:]


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


def simulate(
    scene: Scene,
    procedure: Procedure,
    rules: Sequence[StructureRule],
    entry: Floats,
    target: Floats,
    count: int = _DRAWS,
) -> Robustness:
    """Place one needle ``count`` times by the model and see which limits of harmful structures it breaks."""
    from scipy.special import ndtr

    from procguide.planning._robustness_kernels import capped_minimum

    error = PlacementError.of(procedure)
    entries, targets = error.placed(entry, target, count)
    radius = procedure.needle.radius_mm
    kept: dict[str, Floats] = {}
    clear = np.ones(count)
    for rule in _judged(scene, rules):
        structure = scene.structures[rule.name]
        spread = max(structure.spread_mm, _SHARP_MM)
        field, capsules, starts, ends = _as_kernels_take(scene, structure, entries, targets)
        trim = rule.contact_mm.value if rule.contact_mm else 0.0
        cap = radius + rule.margin_mm.value + 5 * spread
        nearest = capped_minimum(field, capsules, scene.grid.affine.spacing, starts, ends, trim, cap)
        kept[str(rule.name)] = ndtr((nearest - radius - rule.margin_mm.value) / spread)
        clear *= ndtr((nearest - radius) / spread)
    together = np.prod(list(kept.values()), axis=0) if kept else np.ones(1)
    return Robustness(
        placement_sd_mm=error.across_mm(float(np.linalg.norm(target - entry))),
        p_violation=float(1 - together.mean()),
        by_structure={name: float(1 - share.mean()) for name, share in kept.items()},
        p_touch=float(1 - clear.mean()),
    )


def chance_of_violation(
    scene: Scene, procedure: Procedure, rules: Sequence[StructureRule], entries: Floats, targets: Floats
) -> Floats:
    """Chance that at least one limit is broken, for needles ``(n, 3)`` each, ``(n,)``.

    Each harmful structure is measured only from that point of the needle which is tightest as planned.
    """
    from procguide.planning._robustness_kernels import keep_clear, tightest_points

    error, radius = PlacementError.of(procedure), procedure.needle.radius_mm
    sds = (error.registration_mm, error.tip_mm, float(np.radians(error.angle_deg)))
    spacing, draws = scene.grid.affine.spacing, _normal_points(_FEW_DRAWS)
    kept = np.ones((len(entries), len(draws)), np.float32)
    for rule in _judged(scene, rules):
        structure = scene.structures[rule.name]
        field, capsules, starts, ends = _as_kernels_take(scene, structure, entries, targets)
        offset, trim = radius + rule.margin_mm.value, rule.contact_mm.value if rule.contact_mm else 0.0
        spread = max(structure.spread_mm, _SHARP_MM)
        shares = tightest_points(field, capsules, spacing, starts, ends, offset, trim, *sds, spread)
        turned = draws if structure.tubes else draws.reshape(-1, 3, 3)[:, :, ::-1].reshape(-1, 9)
        keep_clear(kept, field, capsules, spacing, starts, ends, shares, turned, offset, *sds, spread)
    return np.asarray(1 - kept.mean(axis=1), dtype=np.float64)


def first_met_ahead(
    scene: Scene,
    rules: Sequence[StructureRule],
    tips: Floats,
    inward: Floats,
    radius_mm: float,
    limit_mm: float,
) -> Floats:
    """How far beyond its tip each needle would touch one of the structures, ``(n,)``; else ``limit_mm``."""
    from procguide.planning._robustness_kernels import first_met

    nearest = np.full(len(tips), limit_mm)
    for rule in rules:
        structure = scene.structures[rule.name]
        if structure.field is None and not structure.tubes:
            continue
        field, capsules, starts, ends = _as_kernels_take(scene, structure, tips, tips + inward)
        met = first_met(
            field, capsules, scene.grid.affine.spacing, starts, ends - starts, radius_mm, limit_mm
        )
        nearest = np.minimum(nearest, met)
    return nearest


def _judged(scene: Scene, rules: Sequence[StructureRule]) -> list[StructureRule]:
    """The rules of structures that could be harmed and are near."""
    near = {name for name, one in scene.structures.items() if one.field is not None or one.tubes}
    return [rule for rule in rules if not rule.harmless and rule.name in near]


def _as_kernels_take(
    scene: Scene, structure: Structure, starts: Floats, ends: Floats
) -> tuple[NDArray[np.float32], Floats, Floats, Floats]:
    """Field, capsules and points: tubes stay in patient mm, fields take lattice mm."""
    if structure.tubes:
        rows = [
            (*a, *b, radius)
            for tube in structure.tubes
            for a, b, radius in zip(tube.points, tube.points[1:], tube.radii_mm, strict=False)
        ]
        return _NO_FIELD, np.array(rows, dtype=np.float64), starts, ends
    assert structure.field is not None  # noqa: S101 (the caller asks only about what is near)
    return structure.field, _NO_CAPSULES, scene.to_lattice(starts), scene.to_lattice(ends)
