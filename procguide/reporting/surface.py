"""A 3D picture of labelled structures: parallel rays, first surface met, sun and sky."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter

from procguide.geometry import Vector, unit, vector
from procguide.planning.nouns import Trajectory, Tube
from procguide.reporting.palette import NEEDLE, rgb
from procguide.reporting.plane import Plane
from procguide.reporting.shapes import Occluders, Shapes

__all__ = [
    "PAPER",
    "SLATE",
    "Rod",
    "Surface",
    "add_rods",
    "add_tubes",
    "cast",
    "needle_on",
    "shade",
    "veiled",
]

Colour = tuple[float, float, float]

PAPER: Colour = (0.965, 0.972, 0.98)
"""A light ground."""
SLATE: Colour = (0.055, 0.07, 0.095)
"""A dark ground."""
_LIGHT = np.array(unit((-0.55, -0.75, -1.0)))  # right, down, into: from above the viewer's left shoulder
_FILL = np.array(unit((0.9, 0.1, -0.5)))
_SKY_REACH_MM = 4.0
_FADES_OVER_MM = 220.0
_EDGE_MM = 4.0
_BAND_MM = 3.0
_VEIL = 0.16
_DIMMER = 0.17  # on a light ground the eye takes the same surface for brighter


@dataclass(frozen=True, eq=False)
class Surface:
    """What parallel rays meet first, per pixel, ``(rows, columns, ...)``.

    ``depth`` mm along the ray from the plane (inf where nothing is met), ``normal`` in (right, down,
    into) pointing out of the surface, ``colour`` RGB 0 to 1.
    """

    depth: NDArray[np.float32]
    normal: NDArray[np.float32]
    colour: NDArray[np.float32]


def cast(shapes: Shapes, plane: Plane, depth_mm: float) -> Surface:
    """The surface of ``shapes``, seen along ``plane.into`` through a slab ``depth_mm`` thick round it."""
    from procguide.reporting._ray_kernels import cast_rays

    rows, columns = plane.shape
    depth = np.full((rows, columns), np.inf, dtype=np.float32)
    normal = np.zeros((rows, columns, 3), dtype=np.float32)
    colour = np.zeros((rows, columns, 3), dtype=np.float32)
    lattice = plane.grid(depth_mm, depth_mm).affine  # one layer, at the plane itself
    to_index = shapes.affine.inverse.matrix[:3, :3]
    near = lattice.origin - 0.5 * depth_mm * np.asarray(plane.into)
    steps = to_index @ np.column_stack([plane.into, *(lattice.matrix[:3, n] for n in (1, 2))])
    start = shapes.affine.inverse.apply(near)
    axes = to_index @ np.column_stack([plane.right, plane.down, plane.into])
    if shapes.groups:

        def share(part: tuple[int, int]) -> None:
            cast_rays(
                shapes.fields,
                shapes.blocks,
                shapes.block_distance,
                shapes.materials,
                shapes.member,
                shapes.colours,
                start,
                steps,
                axes,
                float(depth_mm),
                part,
                depth,
                normal,
                colour,
            )

        _share_rows(share, rows)
    return Surface(depth - np.float32(depth_mm / 2), normal, colour)


def _share_rows(share: Callable[[tuple[int, int]], None], rows: int) -> None:
    """Rows in narrow bands for two threads."""
    edges = np.linspace(0, rows, 17).astype(int)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(share, [(int(a), int(b)) for a, b in pairwise(edges)]))


@dataclass(frozen=True)
class Rod:
    """A round-ended rod, LPS mm. ``through`` is how much it shows through what lies before it.

    ``banded`` darkens every other 3 mm of it: drawn, not seen in the image.
    """

    start: Vector
    end: Vector
    radius_mm: float
    colour: Colour
    through: float = 0.0
    banded: bool = False


def add_tubes(surface: Surface, plane: Plane, tubes: Iterable[Tube], colour: Colour) -> Surface:
    """The surface with modelled tubes in it, banded, hidden where bone lies before them."""
    rods = [
        Rod(start, end, radius, colour, banded=True)
        for tube in tubes
        for start, end, radius in zip(tube.points[:-1], tube.points[1:], tube.radii_mm, strict=True)
    ]
    return add_rods(surface, plane, rods)


def add_rods(surface: Surface, plane: Plane, rods: Iterable[Rod]) -> Surface:
    """The surface with rods in it, each hidden where something lies before it."""
    changed = Surface(surface.depth.copy(), surface.normal.copy(), surface.colour.copy())
    for rod in rods:
        _put_rod(changed, plane, rod)
    return changed


def _put_rod(surface: Surface, plane: Plane, rod: Rod) -> None:
    """Write one rod into the arrays of ``surface``, within the window it covers."""
    a, b = plane.project(rod.start), plane.project(rod.end)
    window = _window(plane, np.minimum(a, b)[:2] - rod.radius_mm, np.maximum(a, b)[:2] + rod.radius_mm)
    depth, normal, colour = surface.depth[window], surface.normal[window], surface.colour[window]
    if not depth.size:
        return
    rows, columns = np.mgrid[window]
    middle = (np.array(plane.shape[::-1]) - 1) / 2
    pixels = (np.stack([columns, rows], axis=-1) - middle) * plane.pixel_mm
    along = b[:2] - a[:2]
    fraction = np.clip((pixels - a[:2]) @ along / max(float(along @ along), 1e-9), 0, 1)
    offset = pixels - (a[:2] + fraction[..., None] * along)
    bulge = np.sqrt(np.maximum(rod.radius_mm**2 - (offset**2).sum(axis=-1), 0))
    here = a[2] + fraction * (b[2] - a[2]) - bulge
    front = (bulge > 0) & (here < depth)
    hidden = (bulge > 0) & ~front & np.isfinite(depth)
    depth[front] = here[front]
    normal[front] = np.concatenate([offset, -bulge[..., None]], axis=-1)[front] / rod.radius_mm
    length = float(np.linalg.norm(b - a))
    dark = rod.banded & (fraction * length % (2 * _BAND_MM) > _BAND_MM)
    tint = np.where(dark[..., None], np.multiply(rod.colour, 0.45), rod.colour)
    colour[front] = tint[front]
    colour[hidden] = (1 - rod.through) * colour[hidden] + rod.through * tint[hidden]


def _window(plane: Plane, low: NDArray[np.float64], high: NDArray[np.float64]) -> tuple[slice, slice]:
    """Rows and columns of the pixels between two (u, v) corners, mm, as far as they are in the picture."""
    rows, columns = plane.shape
    last = np.array([columns, rows])
    first = np.clip(np.floor(low / plane.pixel_mm + (last - 1) / 2), 0, last).astype(int)
    stop = np.clip(np.ceil(high / plane.pixel_mm + (last - 1) / 2) + 1, 0, last).astype(int)
    return slice(first[1], stop[1]), slice(first[0], stop[0])


def shade(
    surface: Surface, plane: Plane, occluders: Occluders, ground: Colour = PAPER
) -> NDArray[np.float32]:
    """The surface lit, ``(rows, columns, 3)`` RGB 0 to 1, on ``ground``.

    A sun that casts soft shadows, a sky that hollows see less of, a weak light from the side, a little
    gloss; what is far fades toward the ground, and edges before something far are drawn darker.
    """
    hit = np.isfinite(surface.depth)
    picture = np.empty((*hit.shape, 3), dtype=np.float32)
    picture[:] = ground
    if not hit.any():
        return picture
    normal = surface.normal[hit].astype(np.float64)
    sky, sun = _reached_by_light(surface, plane, occluders, hit)
    half = np.array(unit(_LIGHT + np.array([0.0, 0.0, -1.0])))
    key = np.clip(normal @ _LIGHT, 0, 1) * sun
    fill = np.clip(normal @ _FILL, 0, 1)
    above = 0.5 - 0.5 * normal[:, 1]
    light = (sky * (0.42 + 0.30 * above + 0.20 * fill) + 0.68 * key) * (1 - _DIMMER * float(np.mean(ground)))
    gloss = 0.16 * np.clip(normal @ half, 0, 1) ** 28 * sun
    colour = surface.colour[hit] * light[:, None] + gloss[:, None]
    depth = surface.depth[hit]
    far = np.clip((depth - depth.min()) / _FADES_OVER_MM, 0, 0.5)[:, None]
    picture[hit] = colour * (1 - far) + np.asarray(ground) * far
    nearest = minimum_filter(np.where(hit, surface.depth, np.float32(1e4)), size=3)
    behind = np.where(hit, np.clip((surface.depth - nearest) / _EDGE_MM - 0.4, 0, 1), 0)
    picture *= (1 - 0.55 * behind * hit)[..., None]
    return np.clip(picture, 0, 1)


def veiled(picture: NDArray[np.float32], behind: Surface, veil: Surface) -> NDArray[np.float32]:
    """``picture`` of ``behind`` through ``veil`` where that lies before it: clear in front, dense at rims."""
    before = veil.depth < behind.depth
    normal = veil.normal[before]
    light = 0.55 + 0.45 * np.clip(normal @ _LIGHT, 0, 1)
    dense = (_VEIL + (0.75 - _VEIL) * (1 - np.abs(normal[:, 2])) ** 2)[:, None]
    through = picture.copy()
    through[before] = picture[before] * (1 - dense) + veil.colour[before] * light[:, None] * dense
    return through


def _reached_by_light(
    surface: Surface, plane: Plane, occluders: Occluders, hit: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of sky and of sun, ``(n,)`` each, at the pixels of ``hit``."""
    from procguide.reporting._ray_kernels import light_reaching

    axes = np.column_stack([plane.right, plane.down, plane.into])
    to_index = occluders.affine.inverse.matrix[:3, :3]
    lattice = plane.grid().affine
    pixels = np.argwhere(hit)
    points = lattice.apply(np.column_stack([np.zeros(len(pixels)), pixels]))
    points += surface.depth[hit].astype(np.float64)[:, None] * np.asarray(plane.into)
    places = occluders.affine.inverse.apply(points)
    turned_away = surface.normal[hit] @ _LIGHT <= 0
    normals = surface.normal[hit].astype(np.float64) @ (to_index @ axes).T
    sky, sun = np.ones(len(places)), np.ones(len(places))
    toward_light = to_index @ axes @ _LIGHT

    def share(part: tuple[int, int]) -> None:
        window = slice(*part)
        light_reaching(
            occluders.broadly,
            occluders.closely,
            places[window],
            normals[window],
            turned_away[window],
            toward_light,
            _SKY_REACH_MM,
            sky[window],
            sun[window],
        )

    _share_rows(share, len(places))
    return sky, sun


def needle_on(surface: Surface, plane: Plane, trajectory: Trajectory) -> Surface:
    """The surface with the needle, drawn thicker than it is (at least 2.2 mm) so that it is seen."""
    radius = max(trajectory.needle.diameter_mm / 2, 1.1)
    outward = -np.asarray(trajectory.direction)
    hub = vector(np.asarray(trajectory.entry) + outward * 14.0)
    end = vector(np.asarray(hub) + outward * 9.0)
    target = trajectory.target
    rods = (
        Rod(hub, target, radius, rgb(NEEDLE), through=0.38),
        Rod(hub, end, 3.2, (0.16, 0.2, 0.3), through=0.38),
        Rod(target, target, 2.0, (0.85, 0.1, 0.05), through=0.38),
    )
    return add_rods(surface, plane, rods)
