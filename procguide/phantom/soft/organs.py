"""The abdomen's content: solid organs as lofts, hollow ones as chains of balls.

Organs are drawn in the cavity's own coordinates, so that they fit every habitus: across from -1 (right) to
1 (left), -1 at the front to 1 at the posterior wall of the vertebral bodies; heights as places along the
spine. Outlines after CTs of adults, varied by seed (assumed spreads).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from procguide.anatomy import Region, Side
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.soft.lofts import Loft, loft
from procguide.phantom.soft.outline import Torso
from procguide.phantom.soft.spine_line import SpineLine
from procguide.phantom.solids import Array
from procguide.phantom.tubes import smooth_curve

_Wander = Callable[..., NDArray[np.float64]]

__all__ = ["Cavity", "Chain", "chain", "chest_organs", "liver_vessels", "organs_of"]

# Corners at a place along the spine; liver and spleen.
_LIVER = (
    (9.6, ((-1.2, -.9), (-.5, -1.1), (.1, -1.0), (.2, -.7), (0, -.4), (-.1, 0), (-.2, .4), (-.3, .7),
        (-.4, 1.1), (-.7, 1.4), (-1.1, 1.2), (-1.3, .2))),
    (7.6, ((-1.2, -.9), (-.4, -1.2), (.3, -1.15), (.48, -.78), (.18, -.5), (-.02, -.1), (-.12, .35),
        (-.28, .65), (-.35, 1.1), (-.65, 1.5), (-1.1, 1.4), (-1.35, .2))),
    (6.4, ((-1.2, -.85), (-.45, -1.15), (.2, -1.1), (.35, -.8), (.05, -.52), (-.15, -.15), (-.26, .2),
        (-.36, .55), (-.42, 1.0), (-.65, 1.5), (-1.1, 1.4), (-1.35, .2))),
    (5.2, ((-1.2, -.7), (-.6, -1.0), (-.15, -1.0), (0, -.8), (-.22, -.55), (-.36, -.25), (-.45, 0),
        (-.52, .3), (-.54, .7), (-.66, 1.3), (-1.05, 1.3), (-1.35, .2))),
    (4.2, ((-1.2, -.5), (-.9, -.68), (-.72, -.64), (-.64, -.45), (-.62, -.2), (-.64, .05), (-.66, .3),
        (-.70, .5), (-.78, .85), (-.9, 1.1), (-1.1, .9), (-1.3, .1))),
    (3.2, ((-1.1, -.15), (-.98, -.22), (-.9, -.2), (-.86, -.1), (-.84, 0), (-.84, .1), (-.86, .2),
        (-.88, .3), (-.92, .4), (-.98, .45), (-1.1, .4), (-1.2, .1))),
)  # fmt: skip
_SPLEEN = (
    (8.6, ((1.0, .9), (1.05, .6), (.98, .35), (.8, .35), (.62, .55), (.5, .85), (.6, 1.1), (.85, 1.1))),
    (7.4, ((1.05, 1.2), (1.3, .7), (1.2, .2), (1.02, -.05), (.82, .15), (.60, .5), (.42, .95),
        (.56, 1.35))),
    (6.4, ((1.05, 1.2), (1.3, .7), (1.2, .25), (1.04, .0), (.84, .2), (.66, .5), (.52, .9), (.66, 1.3))),
    (5.6, ((1.05, 1.0), (1.2, .7), (1.15, .4), (1.04, .2), (.90, .35), (.8, .55), (.74, .8), (.86, 1.0))),
)  # fmt: skip


@dataclass(frozen=True)
class Chain:
    """A tube of balls: ``points`` ``(n, 3)`` LPS mm, ``radii`` ``(n,)`` mm, ``gas`` ``(n,)`` 0 to 1.

    ``mottle`` is the noise level above which the content is a bubble of gas (0: none); ``lumps`` the
    unevenness of the outline, mm.
    """

    region: Region
    points: Array
    radii: Array
    gas: Array
    mottle: float = 0.0
    wall_mm: float = 2.5
    side: Side | None = None
    lumps: float = 0.0


@dataclass(frozen=True)
class Cavity:
    """The inside of the abdominal wall by height."""

    torso: Torso
    spine: SpineLine
    wall_mm: float

    def place(self, across: ArrayLike, behind: ArrayLike, z: ArrayLike) -> NDArray[np.float64]:
        """Cavity coordinates to ``(n, 3)`` LPS mm."""
        across, behind, z = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (across, behind, z)))
        torso = self.torso
        half = [np.interp(z, torso.z, torso.ring[:, angle]) - self.wall_mm for angle in (180, 0)]
        centre = np.interp(z, torso.z, torso.centre_x)
        front = np.interp(z, torso.z, torso.centre_y - torso.ring[:, 90]) + self.wall_mm
        wall = np.interp(z, torso.z, torso.wall)
        x = centre + across * np.where(across > 0, half[0], half[1])
        y = (front + wall) / 2 + behind * (wall - front) / 2
        return np.column_stack([x.ravel(), y.ravel(), z.ravel()])

    def at(self, nodes: ArrayLike) -> NDArray[np.float64]:
        """``(n, 3)`` rows (across, behind, place along the spine) to LPS mm."""
        rows = np.asarray(nodes, dtype=float)
        z = np.array([self.spine.height(place) for place in rows[:, 2]])
        return self.place(rows[:, 0], rows[:, 1], z)


def organs_of(
    parameters: PhantomParameters, torso: Torso, spine: SpineLine
) -> tuple[tuple[Loft, ...], tuple[Chain, ...]]:
    """Solid and hollow organs, in the order in which they are painted."""
    rng = np.random.default_rng([parameters.seed, 45])
    cavity = Cavity(torso, spine, 13.0)
    inspired = (parameters.body.lung_bases - 25.0) / 70.0
    solids = (_liver(cavity, inspired, rng), _spleen(cavity, rng))
    return solids, (*_hollow(parameters, cavity, rng), *_pelvic(parameters, rng))


def _liver(cavity: Cavity, inspired: float, rng: np.random.Generator) -> Loft:
    # A slim trunk's liver takes a larger share of it: it reaches further down and to the left.
    ring = cavity.torso.radii("ring", cavity.spine.height(7.0))
    slim = 145.0 / (0.5 * float(ring[0] + ring[180]) - cavity.wall_mm) - 1.0
    lower = rng.normal(0.45, 0.25) + inspired + 1.6 * slim
    wide = rng.normal(1.0, 0.05)
    stations = []
    for place, corners in _LIVER:
        z = cavity.spine.height(place - lower * np.interp(place, [3, 6], [1.0, 0.2]))
        rows = np.array(corners)
        inner = rows[:, 0] > -0.95
        rows[inner] = (
            rows[inner] * np.array([wide, 1.0])
            + np.array([0.5 * slim, 0.0])
            + rng.normal(0, 0.04, (inner.sum(), 2))
        )
        stations.append((z, cavity.place(rows[:, 0], rows[:, 1], z)[:, :2]))
    return loft(Region.LIVER, None, stations, caps=(16.0, 20.0), rough=3.2, step=32.0)


def _spleen(cavity: Cavity, rng: np.random.Generator) -> Loft:
    shift, thick = rng.normal(0.0, 0.25), rng.normal(1.25, 0.2)
    stations = []
    for place, corners in _SPLEEN:
        z = cavity.spine.height(place - shift)
        rows = np.array(corners)
        middle = np.array([1.12, 0.65])
        rows = middle + (rows - middle) * np.array([np.clip(thick, 0.7, 1.6), 1.0])
        stations.append((z, cavity.place(rows[:, 0], rows[:, 1], z)[:, :2]))
    return loft(Region.SPLEEN, None, stations, caps=(14.0, 12.0), rough=1.2, step=20.0)


def chain(
    points: NDArray[np.float64], radii: ArrayLike, gas: ArrayLike, region: Region = Region.BOWEL, *,
    haustra: float = 0.0, mottle: float = 0.0, wall_mm: float = 2.5, step: float = 3.0,
    phase: float = 0.0, lumps: float | None = None,
) -> Chain:  # fmt: skip
    """A smooth tube through ``points``; ``haustra`` pinches it every 28 mm by that share."""
    lumps = (1.2 if region is Region.BOWEL else 0.0) if lumps is None else lumps
    curve, r, g = smooth_curve(points, radii, gas, step=step)
    along = np.arange(len(curve)) * step
    pinch = 1 - haustra * np.abs(np.cos(np.pi * along / 28.0 + phase)) ** 3
    f32 = np.float32
    return Chain(
        region,
        curve.astype(f32),
        (r[:, 0] * pinch).astype(f32),
        g[:, 0].astype(f32),
        mottle,
        wall_mm,
        None,
        lumps,
    )


def _hollow(parameters: PhantomParameters, cavity: Cavity, rng: np.random.Generator) -> list[Chain]:
    size, gas = parameters.size, parameters.body.bowel_gas

    def wander(rows: ArrayLike, by: float = 0.05) -> NDArray[np.float64]:
        nodes = np.asarray(rows, dtype=float)
        return cavity.at(nodes + rng.normal(0, by, nodes.shape) * np.array([1.0, 1.0, 1.5]))

    full = rng.normal(1.0, 0.15)
    stomach = wander(((.42, .50, 8.8), (.54, .32, 7.8), (.55, -.1, 6.8), (.42, -.5, 5.8), (.12, -.62, 5.1),
                      (-.14, -.5, 5.0)), 0.03)  # fmt: skip
    found = [
        chain(stomach, np.array([30, 37, 34, 27, 21, 13]) * size * np.clip(full, 0.6, 1.3),
              np.array([.1, .1, .28, .42, .35, .1]) * (0.4 + 2 * gas), wall_mm=4.5)
    ]  # fmt: skip
    found += _colon(parameters, wander, rng)
    duodenum = wander(((-.16, -.42, 5.0), (-.32, -.2, 4.8), (-.36, .0, 4.2), (-.32, .08, 3.4),
        (-.12, -.02, 3.0),
                       (.12, -.05, 3.2), (.26, -.12, 4.2)), 0.02)  # fmt: skip
    found.append(chain(duodenum, np.array([13, 13, 14, 14, 12, 12, 12]) * size, np.full(7, 0.05 + 0.3 * gas)))
    pancreas = wander(((-.26, -.1, 3.9), (-.24, -.18, 4.4), (-.1, -.3, 4.8), (.1, -.3, 5.0),
        (.3, -.05, 5.4),
                       (.52, .25, 5.8)), 0.025)  # fmt: skip
    found.append(
        chain(pancreas, np.array([10, 15, 11, 10, 11, 8]) * size * rng.normal(1, 0.1), np.zeros(6),
              Region.SOFT_TISSUE)
    )  # fmt: skip
    found += _gallbladder(wander, size, rng)
    return found


def _pelvic(parameters: PhantomParameters, rng: np.random.Generator) -> list[Chain]:
    """Bladder behind the pubis; the uterus on it, or the seminal vesicles and prostate's base."""
    size = parameters.size
    full = float(np.clip(rng.normal(33.0, 7.0), 18.0, 46.0)) * size
    base = -(parameters.pelvis.wing_depth - 22.0) * size
    aside = rng.normal(0.0, 4.0)
    bladder = np.array([[aside - 9, base, -112 * size], [aside + 9, base + 4, -104 * size]])
    soft = Region.SOFT_TISSUE
    found = [chain(bladder, np.array([full, full]), np.zeros(2), soft)]
    if parameters.sex == "female":
        tilt = rng.normal(0.0, 8.0)
        uterus = np.array([[aside, base + 52, -118 * size], [aside + tilt / 2, base + 46, -92 * size],
                           [aside + tilt, base + 32, -72 * size]])  # fmt: skip
        shrink = 0.75 if parameters.age > 55 else 1.0
        found.append(chain(uterus, np.array([15, 20, 25]) * size * shrink, np.zeros(3), soft))
        for s in (-1, 1):
            ovary = np.array(
                [[s * 34 + aside, base + 46, -80 * size], [s * 42 + aside, base + 48, -84 * size]]
            )
            found.append(chain(ovary, np.array([10, 9]) * size * shrink, np.zeros(2), soft))
    else:
        glands = np.array(
            [[-26.0, base + 44, -112 * size], [0, base + 40, -116 * size], [26, base + 44, -112 * size]]
        )
        found.append(chain(glands, np.array([6, 8, 6]) * size, np.zeros(3), soft))
        prostate = np.array([[0, base + 14, -150.0], [0, base + 18, -132.0]])
        found.append(chain(prostate, np.array([22, 22]) * size, np.zeros(2), soft))
    return found


def chest_organs(parameters: PhantomParameters, torso: Torso, spine: SpineLine) -> tuple[Chain, ...]:
    """Heart on the diaphragm and oesophagus before the spine."""
    rng = np.random.default_rng([parameters.seed, 48])
    cavity, size = Cavity(torso, spine, 11.0), parameters.size
    lift = rng.normal(0.0, 0.15)
    heart = cavity.at([[-0.12, -0.30, 10.2 + lift], [0.05, -0.42, 9.7 + lift], [0.34, -0.55, 9.5 + lift]])
    gullet = cavity.at([[0.06, 0.28, 11.5], [0.05, 0.22, 9.6], [0.14, 0.1, 8.8], [0.34, 0.35, 8.2]])
    soft = Region.SOFT_TISSUE
    return (
        chain(heart, np.array([34, 42, 36]) * size, np.zeros(3), soft),
        chain(gullet, np.array([7, 7.5, 8, 10]) * size, np.array([0.0, 0.25, 0.0, 0.0]), soft, wall_mm=3.5),
    )


def liver_vessels(parameters: PhantomParameters, torso: Torso, spine: SpineLine) -> tuple[Chain, ...]:
    """Hepatic veins to the cava, the portal vein's branches."""
    rng = np.random.default_rng([parameters.seed, 49])
    cavity = Cavity(torso, spine, 13.0)
    courses = (
        ((-.14, .02, 8.7), (-.45, .1, 8.2), (-.85, .35, 7.5)), ((-.14, .0, 8.7), (-.4, -.3, 8.1),
            (-.6, -.7, 7.2)),
        ((-.12, -.02, 8.7), (-.1, -.4, 8.2), (.1, -.8, 7.6)), ((-.2, -.12, 6.0), (-.42, .02, 6.7),
            (-.72, .3, 6.8)),
        ((-.42, .02, 6.7), (-.6, -.3, 6.6), (-.8, -.5, 6.2)), ((-.3, -.05, 6.4), (-.15, -.5, 7.0),
            (.12, -.75, 7.0)),
        ((-.6, .2, 6.75), (-.75, .6, 6.4), (-.8, .8, 5.8)),
    )  # fmt: skip
    found = []
    for course in courses:
        nodes = np.array(course)
        nodes[1:] += rng.normal(0, 0.05, (2, 3)) * np.array([1, 1, 2.0])
        found.append(chain(cavity.at(nodes), np.array([5.5, 4.2, 1.6]) * parameters.size, np.zeros(3),
                           Region.SOFT_TISSUE, step=1.5))  # fmt: skip
    return tuple(found)


def _gallbladder(wander: _Wander, size: float, rng: np.random.Generator) -> list[Chain]:
    if rng.random() < 0.12:  # taken out (share assumed)
        return []
    points = wander(((-.42, -.25, 5.2), (-.5, -.5, 4.9), (-.55, -.72, 4.5)), 0.03)  # fmt: skip
    return [
        chain(points, np.array([8, 14, 15]) * size * rng.normal(1, 0.15), np.zeros(3), Region.SOFT_TISSUE)
    ]


def _colon(parameters: PhantomParameters, wander: _Wander, rng: np.random.Generator) -> list[Chain]:
    """Caecum to rectum; stool mottled with gas on the right, more gas in front."""
    size, gas = parameters.size, parameters.body.bowel_gas
    sag = rng.uniform(0.0, 1.6)
    right = wander(((-.60, -.10, .2), (-.70, .05, 1.0), (-.76, .15, 2.0), (-.76, .2, 3.0), (-.72, .05, 3.9),
                    (-.62, -.35, 4.2)), 0.03)  # fmt: skip
    across = wander(((-.62, -.35, 4.2), (-.45, -.72, 3.8 - sag * .6), (-.15, -.8, 3.5 - sag),
        (.15, -.8, 3.6 - sag),
                     (.45, -.72, 4.2 - sag * .6), (.68, -.4, 5.4), (.80, .15, 6.2)), 0.04)  # fmt: skip
    down = wander(((.80, .15, 6.2), (.84, .4, 5.4), (.83, .42, 4.2), (.80, .38, 3.0), (.78, .3, 2.0),
                   (.74, .1, 1.0), (.64, -.1, .1)), 0.025)  # fmt: skip
    sigmoid = wander(((.64, -.1, .1), (.5, -.3, -.5), (.25, -.1, -1.0), (.05, -.45, -.5), (-.2, -.2, -.9),
                      (-.1, .3, -1.3), (.02, .75, -2.0), (.0, .8, -2.8),
                      (.0, .45, -3.8)), 0.05)  # fmt: skip
    stool = 0.9 - 0.4 * gas

    def fill(n: int, low: float, high: float) -> NDArray[np.float64]:
        return np.asarray(np.clip(rng.uniform(low, high, n) * (0.35 + 2.2 * gas), 0.0, 0.95))

    phase = rng.uniform(0, np.pi)
    wide = np.clip(rng.normal(1.0, 0.12), 0.75, 1.3) * size
    return [
        chain(right, np.array([27, 27, 25, 24, 23, 21]) * wide, fill(6, 0.05, 0.5), haustra=0.22,
              mottle=stool, phase=phase),
        chain(across, np.array([21, 21, 20, 20, 19, 19, 18]) * wide, fill(7, 0.2, 0.8), haustra=0.28,
              mottle=stool + 0.3, phase=phase),
        chain(down, np.array([18, 15, 14, 13.5, 13, 13, 13]) * wide, fill(7, 0.0, 0.6), haustra=0.25,
              mottle=stool + 0.3, phase=phase),
        chain(sigmoid, np.array([13, 13, 14, 14, 14, 14, 16, 18, 13]) * wide, fill(9, 0.0, 0.6), haustra=0.2,
              mottle=stool + 0.3, phase=phase),
    ]  # fmt: skip
