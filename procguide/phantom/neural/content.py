"""What fills the canal: sac with cord, epidural fat, flavum, posterior longitudinal ligament."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region
from procguide.phantom.assemble import Anatomy
from procguide.phantom.canvas import Canvas
from procguide.phantom.neural.canal import CanalLine
from procguide.phantom.solids import FAR, Array, Window, radial
from procguide.phantom.tubes import nearest_point

__all__ = ["Places", "paint_content", "places_along"]

DURA_MM = 0.35
SAC_TAPER = 0.23
DURA_SPACING_MM = 0.6
"""The dura is painted on lattices at least this fine."""
FLAVUM_SLOPE = 0.80
"""Fall of the flavum's front per mm from the midline: its halves meet at about 100 degrees; assumed."""
LIGAMENT_MM = 1.3
LIGAMENT_HALF_WIDTH = (4.0, 8.0)
"""Posterior longitudinal ligament behind bodies and discs, mm; assumed from anatomy atlases."""
BESIDE = np.array(
    [Region.BODY, Region.DISC, Region.NUCLEUS_PULPOSUS, Region.ANNULUS_FIBROSUS, Region.VACUUM], np.uint8
)


@dataclass(frozen=True)
class Places:
    """The voxels near the canal as flat arrays: station, mm to the left and behind the centreline."""

    where: Window
    near: NDArray[np.bool_]
    station: NDArray[np.intp]
    x: Array
    y: Array

    def of(self, values: NDArray[np.float64]) -> Array:
        """A profile's value at each."""
        return values.astype(np.float32)[self.station]


def paint_content(canvas: Canvas, anatomy: Anatomy) -> Array:
    """Fill the canal; returns the distance to its wall, negative inside. Discs that bulge into it stay."""
    wall = np.full(canvas.grid.shape, FAR, dtype=np.float32)
    places = places_along(canvas, anatomy.canal_line)
    if places is None:
        return wall
    line, sac = anatomy.canal_line, anatomy.sac
    tube = line.tube
    half_x, half_y = places.of(sac.half_x), places.of(sac.half_y)
    x, y = places.x, places.y
    straight = x / (1 - np.float32(tube.taper) * np.clip(y / half_y, -1.2, 1.2))
    d = radial(straight, y, half_x, half_y, tube.power)
    wall[places.where][places.near] = d
    ax = np.asarray(np.abs(x), np.float32)
    aside, back = np.asarray(ax / half_x, np.float32), np.asarray(y / half_y, np.float32)
    front = (half_y + places.of(sac.recess) - np.float32(FLAVUM_SLOPE) * ax).astype(np.float32)
    recess = (back > 0.3) & (y < front) & (aside < 0.75)
    inside = (d < 0) | recess
    tissues = canvas.tissues[places.where][places.near]
    kept = np.isin(tissues, BESIDE[1:])
    out = np.full(len(x), 255, dtype=np.uint8)
    # Behind bodies and laminae, where the bone recedes from the tube, lie fat and veins, not muscle.
    out[d < np.where(back < -0.3, 5.0, 1.6)] = Region.FAT
    out[(d < 5.0) & (back < -0.3) & (aside < 0.9)] = Region.EPIDURAL_FAT
    out[inside] = Region.EPIDURAL_FAT
    _flavum(out, places, sac.flavum, (aside, back, d, y - front))
    within = _sac_distance(places, anatomy)
    _ligament(out, places, anatomy, (ax, y, d, within))
    _sac(out, places, anatomy, within, float(canvas.grid.affine.spacing.max()))
    chosen = (out != 255) & ~kept
    _write(canvas, places, out, chosen)
    return wall


def places_along(canvas: Canvas, line: CanalLine) -> Places | None:
    """The voxels within 9 mm of the canal's wall; None where it lies outside the lattice."""
    points = line.tube.points
    found = nearest_point(canvas.grid, points, float(line.tube.half.max()) + 9.0)
    if found is None:
        return None
    where, index = found
    place = np.argwhere(index >= 0)
    station = index[index >= 0].astype(np.intp)
    at = canvas.grid.affine.apply(place + [s.start for s in where])
    offset = (at - points[station]).astype(np.float32)
    tangent, left, posterior = (axis.astype(np.float32)[station] for axis in line.axes)
    # Beyond either end of the line the nearest point is its end: no canal there.
    ends = (station == 0) | (station == line.count - 1)
    beyond = ends & (np.abs((offset * tangent).sum(axis=1)) > 0.8)
    keep = ~beyond
    near = np.zeros(index.shape, dtype=bool)
    near[tuple(place[keep].T)] = True
    x, y = (np.einsum("ij,ij->i", offset, axis)[keep] for axis in (left, posterior))
    return Places(where, near, station[keep], x, y)


def _flavum(
    out: NDArray[np.uint8], places: Places, thickness: NDArray[np.float64],
    shape: tuple[Array, Array, Array, Array],
) -> None:  # fmt: skip
    """Two halves from the midline ridge to the joints; what bone there is will be painted over it."""
    aside, back, d, past = shape
    thick = places.of(thickness)
    behind = past * np.float32(1 / np.hypot(1, FLAVUM_SLOPE))
    ridge = (behind >= 0) & (behind < thick) & (d < thick + 2.5) & (aside < 0.95)
    lateral = (
        (aside > 0.55)
        & (aside < 1.02)
        & (d > -0.5 * thick)
        & (d < 0.7 * thick)
        & (back > -0.05)
        & (behind < thick)
    )
    out[(thick > 0) & (ridge | lateral)] = Region.LIGAMENTUM_FLAVUM


def _ligament(
    out: NDArray[np.uint8], places: Places, anatomy: Anatomy, shape: tuple[Array, Array, Array, Array]
) -> None:
    """The posterior longitudinal ligament along the canal's front wall, wide at the discs, down to S2."""
    ax, y, d, within = shape
    line = anatomy.canal_line
    stations = np.arange(line.count, dtype=float)
    disc = np.zeros(line.count)
    for level in anatomy.parameters.levels:
        disc = np.maximum(disc, np.exp(-(((stations - line.height(level, 0.87)) / 6.0) ** 2)))
    wide = LIGAMENT_HALF_WIDTH[0] + disc * (LIGAMENT_HALF_WIDTH[1] - LIGAMENT_HALF_WIDTH[0])
    end = np.clip((line.height("S2", 0.3) - stations) / 10, 0, 1)
    thick = LIGAMENT_MM * anatomy.parameters.size * end
    # It is one with the disc, and lies on the sac where that reaches forward of the wall line.
    thin = places.of(thick)
    ahead = (d < 0) | (within < thin) | ((places.of(disc) > 0.4) & (d < 3.5))
    strip = ahead & (d > -thin) & (y < 0) & (ax < places.of(wide)) & (thin > 0)
    out[strip] = Region.POSTERIOR_LONGITUDINAL_LIGAMENT


def _sac_distance(places: Places, anatomy: Anatomy) -> Array:
    """Distance to the dura, negative inside, 1000 where there is no sac."""
    sac = anatomy.sac
    half_x = places.of(sac.sac_half_x)
    y, half_y = places.y - places.of(sac.sac_y), np.maximum(places.of(sac.sac_half_y), np.float32(0.3))
    # Broad in front, narrower between the halves of the flavum.
    wide = np.maximum(half_x, 0.3) * (1 - np.float32(SAC_TAPER) * np.clip(y / half_y, -1.1, 1.1))
    d = radial(places.x, y, wide, half_y, 2.2)
    return np.asarray(np.where(half_x > 0.3, d, FAR), dtype=np.float32)


def _sac(out: NDArray[np.uint8], places: Places, anatomy: Anatomy, d: Array, spacing: float) -> None:
    """Dura, fluid and cord."""
    sac, some = anatomy.sac, d < FAR
    out[d < 0] = Region.CEREBROSPINAL_FLUID
    if spacing <= DURA_SPACING_MM:
        out[some & (np.abs(d) < DURA_MM) & (out != 255)] = Region.DURA
    cord_x = places.of(sac.cord_half_x)
    cord = radial(places.x, places.y - places.of(sac.cord_y), np.maximum(cord_x, 0.2),
                  np.maximum(places.of(sac.cord_half_y), 0.2))  # fmt: skip
    out[some & (cord_x > 0.25) & (cord < 0)] = Region.SPINAL_CORD


def _write(canvas: Canvas, places: Places, out: NDArray[np.uint8], chosen: NDArray[np.bool_]) -> None:
    index = tuple(axis[chosen] for axis in np.nonzero(places.near))
    canvas.tissues[places.where][index] = out[chosen]
    canvas.instances[places.where][index] = 0
