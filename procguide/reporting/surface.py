"""A 3D picture of the labelled bones with the needle: parallel rays, first surface met, soft light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates, maximum_filter

from procguide.anatomy import VERSE_LABELS
from procguide.geometry import Affine, Vector, unit
from procguide.imaging import LabelMap, Volume
from procguide.imaging.resample import resample
from procguide.planning.nouns import Trajectory, Tube
from procguide.reporting.palette import NEEDLE, VERTEBRA_TINTS, rgb
from procguide.reporting.plane import Plane

__all__ = ["Surface", "add_rod", "add_tube", "cast", "needle_on", "shade", "tints"]

Colour = tuple[float, float, float]

_STEP_MM = 1.0
_BACKGROUND: Colour = (0.965, 0.972, 0.98)
_LIGHT = np.array(unit((-0.45, -0.65, -1.0)))  # right, down, into: from above the viewer's left shoulder
_FILL = np.array(unit((0.8, 0.2, -0.6)))


@dataclass(frozen=True, eq=False)
class Surface:
    """What parallel rays meet first, per pixel, ``(rows, columns, ...)``.

    ``depth`` mm along the ray from the plane (inf where nothing is met), ``normal`` in (right, down,
    into) pointing out of the surface, ``colour`` RGB 0 to 1.
    """

    depth: NDArray[np.float32]
    normal: NDArray[np.float32]
    colour: NDArray[np.float32]


def tints(levels: LabelMap) -> dict[int, Colour]:
    """A colour for every label of a level map: neighbours in turn, the sacrum its own."""
    order = list(VERSE_LABELS.values())
    colours = {
        label: rgb(VERTEBRA_TINTS[order.index(label) % 2]) for label in levels.present() if label in order
    }
    colours[VERSE_LABELS["sacrum"]] = (0.86, 0.79, 0.85)
    return colours


def cast(labels: LabelMap, colours: Mapping[int, Colour], plane: Plane, depth_mm: float) -> Surface:
    """The smoothed surface of the labels in ``colours``, seen along ``plane.into`` through a slab.

    The mask is smoothed by about a voxel, so that normals follow the bone and not its voxels; less where
    voxels are coarse, or thin laminae would vanish.
    """
    mask = labels.mask(*colours)
    spacing = float(labels.spacing.mean())
    smooth = Volume(gaussian_filter(mask.astype(np.float32), 1.15 if spacing < 1.5 else 0.85), labels.affine)
    grid = plane.grid(depth_mm, _STEP_MM)
    occupancy = resample(smooth, grid).voxels
    solid = occupancy > 0.5
    hit = solid.any(axis=0)
    first = solid.argmax(axis=0)
    depth = np.where(hit, _refine(occupancy, first), np.inf)
    normal = _normals(occupancy, np.where(hit, depth, 0.0), plane.pixel_mm, spacing)
    colour = _colours(labels, mask, colours, grid.affine, np.where(hit, depth, 0.0), plane.pixel_mm)
    depth_in_mm = (depth - (grid.shape[0] - 1) / 2) * _STEP_MM
    return Surface(depth_in_mm.astype(np.float32), normal, colour)


def _refine(occupancy: NDArray[np.float32], first: NDArray[np.intp]) -> NDArray[np.float64]:
    """Where between two layers the field passes 0.5, in layers."""
    behind = np.take_along_axis(occupancy, first[None], axis=0)[0]
    before = np.take_along_axis(occupancy, np.maximum(first - 1, 0)[None], axis=0)[0]
    return np.asarray(first - np.clip((behind - 0.5) / np.maximum(behind - before, 1e-6), 0, 1))


def _normals(
    occupancy: NDArray[np.float32], depth: NDArray[np.float64], pixel_mm: float, reach_mm: float
) -> NDArray[np.float32]:
    """Outward unit normals (right, down, into): differences of the field ``reach_mm`` to either side."""
    rows, columns = np.indices(depth.shape, dtype=np.float64)
    here = np.array([depth, rows, columns])
    slopes = []
    for axis, size in ((2, pixel_mm), (1, pixel_mm), (0, _STEP_MM)):
        shift = np.zeros((3, 1, 1))
        shift[axis] = reach_mm / size
        ahead = map_coordinates(occupancy, here + shift, order=1, mode="nearest", prefilter=False)
        back = map_coordinates(occupancy, here - shift, order=1, mode="nearest", prefilter=False)
        slopes.append(back - ahead)
    normal = np.stack(slopes, axis=-1)
    return np.asarray(
        normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9), dtype=np.float32
    )


def _colours(
    labels: LabelMap,
    mask: NDArray[np.bool_],
    colours: Mapping[int, Colour],
    lattice: Affine,
    depth: NDArray[np.float64],
    pixel_mm: float,
) -> NDArray[np.float32]:
    """Each pixel's tint by the label at its hit; just off the labels, by the nearest one within a voxel.

    Tints are blended over about a third of a voxel, so that borders do not show the voxels.
    """
    grown = np.where(mask, labels.voxels, 0)
    grown = np.where(grown > 0, grown, maximum_filter(grown, size=3))
    rows, columns = np.indices(depth.shape, dtype=np.float64)
    points = lattice.apply(np.stack([depth, rows, columns], axis=-1))
    index = np.rint(labels.to_index(points)).astype(int)
    k, j, i = (np.clip(index[..., axis], 0, labels.shape[axis] - 1) for axis in range(3))
    table = np.full((int(labels.voxels.max()) + 1, 3), 0.8, dtype=np.float32)
    for label, colour in colours.items():
        if label < len(table):
            table[label] = colour
    tint = table[grown[k, j, i]]
    soft = 0.35 * float(labels.spacing.mean()) / pixel_mm
    return np.asarray(gaussian_filter(tint, (soft, soft, 0)), dtype=np.float32)


def add_tube(surface: Surface, plane: Plane, tube: Tube, colour: Colour) -> Surface:
    """The surface with a tube's segments in it, hidden where bone lies before them."""
    for start, end, radius in zip(tube.points[:-1], tube.points[1:], tube.radii_mm, strict=True):
        surface = add_rod(surface, plane, start, end, radius, colour)
    return surface


def add_rod(
    surface: Surface,
    plane: Plane,
    start: Vector,
    end: Vector,
    radius_mm: float,
    colour: Colour,
    through: float = 0.0,
) -> Surface:
    """The surface with one round-ended rod; ``through`` is how much it shows through what lies before it."""
    rows, columns = surface.depth.shape
    u = (np.arange(columns) - (columns - 1) / 2) * plane.pixel_mm
    v = (np.arange(rows) - (rows - 1) / 2) * plane.pixel_mm
    pixels = np.stack(np.meshgrid(u, v), axis=-1)
    a, b = plane.project(start), plane.project(end)
    along = b[:2] - a[:2]
    fraction = np.clip((pixels - a[:2]) @ along / max(float(along @ along), 1e-9), 0, 1)
    axis_point = a[:2] + fraction[..., None] * along
    offset = pixels - axis_point
    square = radius_mm**2 - (offset**2).sum(axis=-1)
    inside = square > 0
    bulge = np.sqrt(np.maximum(square, 0))
    depth = a[2] + fraction * (b[2] - a[2]) - bulge
    normal = np.concatenate([offset, -bulge[..., None]], axis=-1) / radius_mm
    front = inside & (depth < surface.depth)
    hidden = inside & ~front & np.isfinite(surface.depth)
    tint = np.where(front[..., None], colour, surface.colour)
    if through:
        tint = np.where(hidden[..., None], (1 - through) * tint + through * np.asarray(colour), tint)
    return replace(
        surface,
        depth=np.where(front, depth, surface.depth).astype(np.float32),
        normal=np.where(front[..., None], normal, surface.normal).astype(np.float32),
        colour=tint.astype(np.float32),
    )


def shade(surface: Surface, pixel_mm: float) -> NDArray[np.float32]:
    """The surface lit, ``(rows, columns, 3)`` RGB 0 to 1, on a light ground.

    Two lights, a little gloss, and darker hollows: a pixel deeper than its surroundings gets less of
    the sky (screen-space ambient occlusion at two radii).
    """
    hit = np.isfinite(surface.depth)
    key = np.clip(surface.normal @ _LIGHT, 0, 1)
    fill = np.clip(surface.normal @ _FILL, 0, 1)
    half = np.array(unit(_LIGHT + np.array([0.0, 0.0, -1.0])))
    gloss = np.clip(surface.normal @ half, 0, 1) ** 24
    light = 0.34 + 0.62 * key + 0.16 * fill
    for radius_mm, strength in ((2.5, 0.05), (9.0, 0.028)):
        light = light * np.exp(-strength * _hollow(surface.depth, hit, radius_mm / pixel_mm))
    far = np.clip((surface.depth - _nearest(surface.depth, hit)) / 160.0, 0, 1)
    rgb_values = surface.colour * light[..., None] + 0.10 * gloss[..., None]
    fog = np.where(hit, 0.35 * far, 0)[..., None]
    rgb_values = rgb_values * (1 - fog) + np.asarray(_BACKGROUND) * fog
    return np.clip(np.where(hit[..., None], rgb_values, _BACKGROUND), 0, 1).astype(np.float32)


def _nearest(depth: NDArray[np.float32], hit: NDArray[np.bool_]) -> float:
    return float(depth[hit].min()) if hit.any() else 0.0


def _hollow(depth: NDArray[np.float32], hit: NDArray[np.bool_], sigma: float) -> NDArray[np.float32]:
    """By how many mm a pixel lies behind the surface round it (0 where it stands out)."""
    weight = gaussian_filter(hit.astype(np.float32), sigma)
    filled = np.where(hit, depth, 0.0).astype(np.float32)
    around = gaussian_filter(filled, sigma) / np.maximum(weight, 1e-3)
    return np.where(hit, np.clip(filled - around, 0, 15), 0.0)


def needle_on(surface: Surface, plane: Plane, trajectory: Trajectory) -> Surface:
    """The surface with the needle, drawn thicker than it is (at least 2.2 mm) so that it is seen."""
    radius = max(trajectory.needle.diameter_mm / 2, 1.1)
    outward = -np.asarray(trajectory.direction)
    entry = np.asarray(trajectory.entry)
    hub = entry + outward * 14.0
    red = rgb(NEEDLE)

    def rod(
        canvas: Surface, a: NDArray[np.float64], b: NDArray[np.float64], size: float, colour: Colour
    ) -> Surface:
        return add_rod(canvas, plane, (a[0], a[1], a[2]), (b[0], b[1], b[2]), size, colour, through=0.38)

    target = np.asarray(trajectory.target)
    surface = rod(surface, hub, target, radius, red)
    surface = rod(surface, hub, hub + outward * 9.0, 3.2, (0.16, 0.2, 0.3))
    return rod(surface, target, target, 2.0, (0.85, 0.1, 0.05))
