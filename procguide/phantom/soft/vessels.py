"""The great vessels and ureters as tubes, known before any lattice.

Aorta left of the midline, dividing at L4; vena cava on the right, from the confluence at L5; the iliac
vessels along the pelvic brim and the psoas; renal vessels to the hilum; ureters over the psoas. Courses
after anatomy atlases; radii: aorta from the parameters, the others assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region, Side
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.soft.kidneys import Kidney
from procguide.phantom.soft.spine_line import SpineLine
from procguide.phantom.tubes import Tube, smooth_curve

__all__ = ["VESSEL_REGIONS", "great_vessels"]

VESSEL_REGIONS: Mapping[str, Region] = MappingProxyType(
    {
        "aorta": Region.AORTA,
        "vena cava": Region.VENA_CAVA,
        "common iliac artery": Region.ILIAC_ARTERY,
        "external iliac artery": Region.ILIAC_ARTERY,
        "internal iliac artery": Region.ILIAC_ARTERY,
        "common iliac vein": Region.ILIAC_VEIN,
        "external iliac vein": Region.ILIAC_VEIN,
        "internal iliac vein": Region.ILIAC_VEIN,
        "renal artery": Region.SOFT_TISSUE,
        "renal vein": Region.SOFT_TISSUE,
        "mesenteric artery": Region.SOFT_TISSUE,
        "ureter": Region.URETER,
    }
)
"""Region by the name of :func:`great_vessels` without its side."""

_Line = list[tuple[float, float, float]]


def great_vessels(
    parameters: PhantomParameters, spine: SpineLine, kidneys: Mapping[Side, Kidney]
) -> dict[str, Tube]:
    """Tubes by name, points LPS mm at most 1 mm apart, proximal to distal (veins: caudal to cranial).

    Names: ``"aorta"``, ``"vena cava"``, ``"mesenteric artery"`` and, with ``"left "`` or ``"right "``
    before them, ``"common iliac artery"``, ``"external iliac artery"``, ``"internal iliac artery"``, the
    same for veins, ``"renal artery"``, ``"renal vein"``, ``"ureter"``. ``half[:, 0]`` is the radius.
    """
    rng = np.random.default_rng([parameters.seed, 42])
    fork = spine.height(_place(parameters, "L4") + rng.normal(-0.3, 0.2))
    radius = parameters.body.aorta_radius
    aorta = _aorta(parameters, spine, fork, rng)
    cava = _cava(parameters, spine, fork - rng.normal(22.0, 4.0))
    found = {
        "aorta": _tube(aorta, [radius * f for f in np.linspace(1.18, 0.86, len(aorta))]),
        "vena cava": _tube(cava, [1.05 * radius] * len(cava), 0.82),
        "mesenteric artery": _mesenteric(found_from=np.array(aorta), spine=spine, parameters=parameters),
    }
    for side in Side:
        word = f"{side.value} "
        for kind, start, thick in (("artery", aorta[-1], 0.55), ("vein", cava[0], 0.72)):
            lines = _iliac(parameters, np.array(start), side, kind == "vein", rng)
            for name, line in lines.items():
                share = {"common": 1.0, "external": 0.82, "internal": 0.6}[name]
                order = line[::-1] if kind == "vein" else line
                found[f"{word}{name} iliac {kind}"] = _tube(order, [radius * thick * share] * len(line))
        for kind, trunk, r in (("artery", aorta, 2.8), ("vein", cava, 4.6)):
            found[f"{word}renal {kind}"] = _renal(kidneys[side], np.array(trunk), r, kind == "vein")
        found[f"{word}ureter"] = _ureter(parameters, spine, kidneys[side], rng)
    return found


def _place(parameters: PhantomParameters, level: str) -> float:
    names = list(parameters.levels)[::-1]
    return 1.0 + names.index(level) if level in names else 1.6


def _tube(line: _Line, radii: list[float], flat: float = 1.0) -> Tube:
    points, half = smooth_curve(np.array(line), np.outer(radii, [1.0, flat]), step=0.7)
    posterior = np.tile([0.0, 1.0, 0.0], (len(points), 1))
    along = np.gradient(points, axis=0)
    sagittal = np.abs(along[:, 1]) > 0.8 * np.linalg.norm(along, axis=1)
    posterior[sagittal] = (0.0, 0.0, 1.0)
    return Tube(points, half, posterior)


def _aorta(parameters: PhantomParameters, spine: SpineLine, fork: float, rng: np.random.Generator) -> _Line:
    size, r = parameters.size, parameters.body.aorta_radius
    top = spine.z[-1] - 60.0
    twelfth = spine.height(_place(parameters, "T12"))
    winding = rng.normal(0.0, 2.5) + 0.09 * max(0, parameters.age - 60) * rng.normal(0.0, 1.0)
    line: _Line = []
    for z in np.linspace(top, fork, 11):
        high = np.clip((z - twelfth) / 90.0, 0.0, 1.2)
        low = np.clip((twelfth - z) / (twelfth - fork), 0.0, 1.0)
        left = (7.0 + 15.0 * high - 3.0 * low) * size + winding * np.sin(np.pi * low)
        ahead = r * (1.16 - 0.2 * low) + 3.0 - 8.0 * high
        line.append((spine.at("x", z) + left, spine.at("front", z) - ahead, float(z)))
    return line


def _cava(parameters: PhantomParameters, spine: SpineLine, confluence: float) -> _Line:
    size, r = parameters.size, parameters.body.aorta_radius
    top = spine.height(9.7)
    first = spine.height(_place(parameters, "L1"))
    line: _Line = []
    for z in np.linspace(confluence, top, 10):
        rise = np.clip((z - first) / 120.0, 0.0, 1.2)
        low = np.clip((first - z) / (first - confluence), 0.0, 1.0)
        right = (22.0 - 9.0 * low**3 + 6.0 * rise - 23.0 * rise**2) * size
        ahead = 0.82 * r + 2.0 + 46.0 * rise * size - 3.0 * (1 - low) * (rise == 0)
        line.append((spine.at("x", z) - right, spine.at("front", z) - ahead, float(z)))
    return line


def _iliac(
    parameters: PhantomParameters, start: NDArray[np.float64], side: Side, vein: bool,
    rng: np.random.Generator,
) -> dict[str, _Line]:  # fmt: skip
    """Common, external and internal iliac vessel of one side, from the midline outward."""
    size, s = parameters.size, side.sign
    behind = 9.0 if vein else 0.0
    inward = 4.0 if vein else 0.0

    def at(x: float, y: float, z: float) -> tuple[float, float, float]:
        return (s * (x - inward) * size + jitter[0], (y + behind) * size + jitter[1], z * size)

    jitter = rng.normal(0.0, 1.5, 2)
    split = at(41.0, -20.0, -12.0)
    middle = (start + np.array(split)) / 2 + np.array([s * 1.5, -2.5, 2.0])
    common: _Line = [(float(start[0]), float(start[1]), float(start[2])), _triple(middle), split]
    external = [
        split, at(50.0, -42.0, -34.0), at(60.0, -62.0, -58.0), at(68.0, -80.0, -82.0),
        at(74.0, -95.0, -108.0), at(78.0, -104.0, -140.0),
    ]  # fmt: skip
    internal = [split, at(44.0, -6.0, -32.0), at(46.0, 8.0, -56.0), at(48.0, 14.0, -82.0)]
    return {"common": common, "external": external, "internal": internal}


def _triple(point: NDArray[np.float64]) -> tuple[float, float, float]:
    return (float(point[0]), float(point[1]), float(point[2]))


def _renal(kidney: Kidney, trunk: NDArray[np.float64], radius: float, vein: bool) -> Tube:
    """From the trunk to the hilum; the artery behind the vein."""
    hilum = kidney.hilum + np.array([0.0, -2.0 if vein else 3.0, -3.0 if vein else 4.0])
    order = np.argsort(trunk[:, 2])
    z = hilum[2] + (4.0 if vein else 8.0)
    start = np.array([np.interp(z, trunk[order, 2], trunk[order, n]) for n in range(3)])
    start += np.array([kidney.side.sign * 4.0, -5.0 if vein else 0.0, 0.0])
    middle = (start + hilum) / 2 + np.array([0.0, -5.0 if vein else 2.0, 0.0])
    return _tube([_triple(start), _triple(middle), _triple(hilum)], [radius] * 3)


def _mesenteric(found_from: NDArray[np.float64], spine: SpineLine, parameters: PhantomParameters) -> Tube:
    """The superior mesenteric artery: from L1 downward in front of the aorta."""
    z0 = spine.height(_place(parameters, "L1") + 0.1)
    order = np.argsort(found_from[:, 2])
    line: _Line = []
    for drop in (0.0, 10.0, 30.0, 60.0, 95.0):
        x, y = (np.interp(z0 - drop, found_from[order, 2], found_from[order, n]) for n in range(2))
        line.append((float(x) - 0.06 * drop, float(y) - 8.0 - 16.0 * (1 - np.exp(-drop / 18.0)), z0 - drop))
    return _tube(line, [4.0, 3.8, 3.6, 3.0, 2.2])


def _ureter(
    parameters: PhantomParameters, spine: SpineLine, kidney: Kidney, rng: np.random.Generator
) -> Tube:
    """Pelvis, over the psoas, across the iliac fork, along the pelvic wall to the bladder's back."""
    size, s = parameters.size, kidney.side.sign
    hilum = kidney.hilum
    line: _Line = [_triple(hilum), _triple(hilum + np.array([-s * 4.0, -4.0, -18.0]))]
    top, low = hilum[2] - 36.0, 12.0 * size
    for z in np.linspace(top, low, 4):
        share = (top - z) / max(top - low, 1.0)
        out = (36.0 - 3.0 * share) * size + rng.normal(0.0, 2.0)
        line.append((spine.at("x", z) + s * out, spine.at("front", z) + (5.0 - 9.0 * share) * size, float(z)))
    line += [
        (s * 37.0 * size, -30.0 * size, -14.0 * size),
        (s * 44.0 * size, -14.0 * size, -46.0 * size),
        (s * 45.0 * size, -14.0 * size, -78.0 * size),
        (s * 24.0 * size, -40.0 * size, -112.0 * size),
    ]
    return _tube(line, [3.6, 2.6, *[2.2] * (len(line) - 2)])
