"""A C-arm as numbers: how far it turns, how much room it leaves, and what lies in the way.

All default sizes are assumed: devices, tables and patients differ. A user's own device is read from YAML.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, PositiveFloat

from procguide.geometry import Vector, unit
from procguide.imaging import Volume
from procguide.planning.nouns import CArmReach
from procguide.planning.posture import Lying
from procguide.planning.site import Subject
from procguide.settings import read_settings_file

__all__ = ["CArm", "Surroundings", "read_carm", "room_mm", "surroundings_of"]

_STEP_MM = 8.0
_AIR_HU = -300


class CArm(BaseModel):
    """A C-arm and a table as settings, mm and degrees.

    ``oblique_deg`` is reached either way, ``far_deg`` only toward the side that the C opens to (where it
    stands), ``tilt_deg`` either way. ``gap_mm`` is free between the tube's housing and the intensifier's
    face, whose radii follow. ``spare_mm`` stays free on both ends.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    oblique_deg: PositiveFloat = 50.0
    far_deg: PositiveFloat = 95.0
    tilt_deg: PositiveFloat = 35.0
    gap_mm: PositiveFloat = 780.0
    intensifier_radius_mm: PositiveFloat = 155.0
    tube_radius_mm: PositiveFloat = 120.0
    table_width_mm: PositiveFloat = 530.0
    table_thickness_mm: PositiveFloat = 90.0
    spare_mm: PositiveFloat = 10.0

    def reach(self, lying: Lying) -> CArmReach:
        """How far it turns with the intensifier above, for the view down the needle."""
        return CArmReach(self.oblique_deg, self.tilt_deg, lying)

    def turns_to(self, dial_deg: float, tilt_deg: float) -> bool:
        """Whether both angles, the oblique counted from vertical, are within its range."""
        return abs(dial_deg) <= self.far_deg and abs(tilt_deg) <= self.tilt_deg


def read_carm(path: Path) -> CArm:
    """A device's settings from a YAML file; what the file leaves out keeps the assumed value."""
    return read_settings_file(path, CArm, "a C-arm's settings")


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What a C-arm can run into: points ``(n, 3)`` LPS mm on the patient's skin and on the table."""

    points: NDArray[np.float64]


def surroundings_of(subject: Subject, lying: Lying, carm: CArm, about: Vector) -> Surroundings:
    """The patient's skin on a lattice of 8 mm, and a table under what lies lowest.

    The patient is taken to keep the shape of the image, which was often taken supine.
    """
    up = np.asarray(lying.up)
    across = np.array([1.0, 0.0, 0.0]) if abs(up[1]) > 0.5 else np.array([0.0, 1.0, 0.0])
    skin = _skin(subject)
    near = skin[np.abs(skin[:, 2] - about[2]) < 250.0]
    middle = across * float((near @ across).min() + (near @ across).max()) / 2
    top = float((near @ up).min())
    return Surroundings(np.concatenate([near, _table(carm, middle, up * top, up, across, about[2])]))


def _table(
    carm: CArm,
    middle: NDArray[np.float64],
    top: NDArray[np.float64],
    up: NDArray[np.float64],
    across: NDArray[np.float64],
    height: float,
) -> NDArray[np.float64]:
    """Points on the rim and the faces of a slab, 40 mm apart along and 20 mm across."""
    offsets = np.linspace(-carm.table_width_mm / 2, carm.table_width_mm / 2, 27)
    along = np.arange(-240.0, 241.0, 40.0)
    depths = np.linspace(0.0, carm.table_thickness_mm, 4)
    a, b, c = (grid.ravel()[:, None] for grid in np.meshgrid(offsets, along, depths, indexing="ij"))
    axis = np.array([0.0, 0.0, 1.0])
    return np.asarray(middle + top + a * across + (height + b) * axis - c * up)


def _skin(subject: Subject) -> NDArray[np.float64]:
    """Voxels of the body that touch the outside, ``(n, 3)`` LPS mm, about 8 mm apart."""
    import cc3d
    from scipy import ndimage

    source: Volume = subject.image if subject.image is not None else subject.regions
    steps = np.maximum((_STEP_MM / source.spacing).astype(int), 1)
    voxels = source.voxels[tuple(slice(None, None, int(step)) for step in steps)]
    inside = voxels > (_AIR_HU if subject.image is not None else 0)
    thick = max(float((source.spacing * steps).max()), 1.0)
    if thick < 12.0:
        inside = ndimage.binary_opening(np.pad(inside, 1, mode="edge"))[1:-1, 1:-1, 1:-1]
    body = cc3d.largest_k(np.ascontiguousarray(inside), k=1, connectivity=6) > 0
    rim = body & ~ndimage.binary_erosion(body, border_value=0)
    index = np.argwhere(rim)
    return np.asarray(source.to_patient(index * steps), dtype=np.float64)


def room_mm(
    carm: CArm, around: Surroundings, centre: ArrayLike, direction: ArrayLike, needle_mm: float = 0.0
) -> float:
    """What is left of the C-arm's gap when its beam runs along ``direction`` through ``centre``, mm.

    A simple envelope: the intensifier's face must clear everything within its radius of the beam (and
    ``needle_mm`` of needle and hub toward it), the tube's housing likewise on the other side. Negative
    where it does not fit. The C's own arc and its stand are not modelled.
    """
    toward = -np.asarray(unit(direction))
    relative = around.points - np.asarray(centre, dtype=np.float64)
    along = relative @ toward
    off = np.linalg.norm(relative - along[:, None] * toward, axis=1)
    above, below = along[off <= carm.intensifier_radius_mm], -along[off <= carm.tube_radius_mm]
    needed = max(float(above.max(initial=0.0)), needle_mm) + float(below.max(initial=0.0))
    return carm.gap_mm - needed - 2 * carm.spare_mm
