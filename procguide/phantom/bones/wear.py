"""What age and injury did to a vertebra's body: lost height, lips on the rims, nodes in the endplates.

Classes of fracture after Genant et al., J Bone Miner Res 1993;8:1137 (wedge, biconcave); the places of
nodes and the outlines of lips are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from procguide.phantom.population.morphometry import VertebraShape
from procguide.phantom.population.parameters import LevelWear
from procguide.phantom.solids import Array

__all__ = ["BodyWear", "Node", "body_wear", "worn_shape"]

TURNS = np.linspace(-np.pi, np.pi, 121)
HEALTHY_LIP_MM = 0.35
DISC_LOSS = 0.5
"""Share of its height that the most worn disc has lost; assumed."""
OPEN_BEHIND_MM = 2.0


@dataclass(frozen=True)
class Node:
    """A Schmorl's node: where on the endplate (shares of the half-sizes), its radius and depth, mm.

    It is lobed, ``turn`` in radians, as no node is round.
    """

    x: float
    y: float
    radius: float
    depth: float
    turn: float = 0.0

    def dent(self, x: Array, y: Array, half: tuple[Array, Array]) -> Array:
        """Depth below the endplate, mm."""
        across, along = x - self.x * half[0], y - self.y * half[1]
        angle = np.arctan2(along, across) + np.float32(self.turn)
        lobed = 1 + 0.22 * np.cos(2 * angle) + 0.13 * np.cos(3 * angle + 1.0)
        r = np.hypot(across, along) / (np.float32(self.radius) * lobed)
        return np.asarray(self.depth * np.clip(1.2 - r * r, 0, 1), dtype=np.float32)


@dataclass(frozen=True)
class BodyWear:
    """``lips`` ``(2, 121)``: reach of the lower and upper rim's osteophytes by angle (0 in front), mm.

    ``nodes`` by endplate, lower and upper. ``sunk`` is the depth that the endplates' middle lost, mm,
    ``buckle`` how far the anterior cortex was pushed out, mm.
    """

    lips: NDArray[np.float32]
    nodes: tuple[Node | None, Node | None]
    sunk: float
    buckle: float

    def lip(self, upper: bool, angle: Array) -> Array:
        """Reach of one rim's osteophytes in a direction, mm."""
        return np.asarray(np.interp(angle, TURNS, self.lips[int(upper)]), dtype=np.float32)


def _lips(rng: np.random.Generator, reach: float, foramen: tuple[float, float]) -> NDArray[np.float32]:
    """Irregular reach by angle, most in front and at the sides; left is positive."""
    wave = np.zeros_like(TURNS)
    for k in range(1, 10):
        wave += rng.normal(0, 1 / k**0.3) * np.cos(k * TURNS + rng.uniform(0, 2 * np.pi))
    wave = np.clip(0.28 + 0.34 * wave, 0.04, 1.0)
    # Behind there is little room: lips there are low, except where the foramen narrows.
    front = np.clip(1.15 - (np.abs(TURNS) / 2.5) ** 6, 0.12, 1.0)
    lips = reach * wave * front
    for share, centre in zip(foramen, (2.35, -2.35), strict=True):
        lips += 3.5 * share * np.exp(-(((TURNS - centre) / 0.28) ** 2))
    return np.asarray(HEALTHY_LIP_MM * wave + lips, dtype=np.float32)


def _node(rng: np.random.Generator, depth: float) -> Node | None:
    x, y, radius = rng.uniform(-0.35, 0.35), rng.uniform(-0.25, 0.4), rng.uniform(3.5, 6.0)
    turn = float(rng.uniform(0, 2 * np.pi))
    return Node(float(x), float(y), float(radius), depth, turn) if depth > 0 else None


def body_wear(wear: LevelWear, above: LevelWear, shape: VertebraShape, seed: int, label: int) -> BodyWear:
    """The body's wear; the rims above are as lipped as the disc above is worn."""
    rng = np.random.default_rng([seed, 31, label])
    reaches = wear.osteophyte, 0.5 * (wear.osteophyte + above.osteophyte)
    foramina = (wear.foraminal_left, wear.foraminal_right), (above.foraminal_left, above.foraminal_right)
    lips = np.stack([_lips(rng, reach, f) for reach, f in zip(reaches, foramina, strict=True)])
    nodes = _node(rng, wear.schmorl_lower), _node(rng, wear.schmorl_upper)
    return BodyWear(lips, nodes, 0.5 * wear.biconcave * shape.body_height, 7.0 * wear.wedge)


def worn_shape(shape: VertebraShape, wear: LevelWear) -> VertebraShape:
    """The shape with a worn disc's and a fracture's lost height; the posterior wall keeps its own."""
    return _broken(_narrowed(shape, wear.disc), wear.wedge)


def _narrowed(shape: VertebraShape, share: float) -> VertebraShape:
    """A worn disc: lower, and no more wedged than leaves it open behind."""
    if share <= 0:
        return shape
    height = shape.disc_height * (1 - DISC_LOSS * share)
    room = np.degrees(2 * np.arctan(max(height - OPEN_BEHIND_MM, 0.0) / shape.depth_lower))
    wedge = float(np.clip(shape.disc_wedge_deg, -room, room))
    return replace(shape, disc_height=float(height), disc_wedge_deg=wedge)


def _broken(shape: VertebraShape, share: float) -> VertebraShape:
    if share <= 0:
        return shape
    depth = (shape.depth_upper + shape.depth_lower) / 2
    slope = 2 * np.tan(np.radians(shape.body_wedge_deg / 2))
    front, back = shape.body_height + slope * depth / 2, shape.body_height - slope * depth / 2
    front *= 1 - share
    wedge = 2 * np.degrees(np.arctan((front - back) / depth / 2))
    return replace(shape, body_height=float((front + back) / 2), body_wedge_deg=float(wedge))
