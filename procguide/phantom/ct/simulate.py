"""A CT from a phantom's maps: tissue, bone, surroundings, scanner. Nothing is painted anew.

Every slice is made alone, from the maps within its profile, so that memory stays small, slices can be made
side by side, and the same phantom, seed and settings give the same voxels however many threads work.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Region
from procguide.geometry import Affine
from procguide.imaging import Grid, Modality, Volume
from procguide.phantom.build import Phantom
from procguide.phantom.ct.hounsfield import TISSUE
from procguide.phantom.ct.kernel import Plane
from procguide.phantom.ct.noise import Noise, middle_of
from procguide.phantom.ct.settings import Arms, CtSettings
from procguide.phantom.ct.subject import Subject
from procguide.phantom.ct.surroundings import BELOW_MM, BESIDE_MM, Surroundings
from procguide.phantom.solids import Array

__all__ = ["CtSettings", "simulate_ct"]

THREADS = 2
LOWEST, HIGHEST = -1024, 3071


@dataclass(frozen=True)
class Profile:
    """A slice's sensitivity along z: ``offsets`` from its middle, mm, and ``weights`` that add up to 1."""

    offsets: NDArray[np.float64]
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, slice_mm: float, finest: float) -> Profile:
        """A box with slanting sides, ``slice_mm`` wide at half height, in steps of at most ``finest``."""
        slant = min(0.8, 0.4 * slice_mm)
        reach = slice_mm / 2 + slant / 2
        count = max(2, int(np.ceil(2 * reach / finest)))
        offsets = (np.arange(count) + 0.5) / count * 2 * reach - reach
        weights = np.clip((reach - np.abs(offsets)) / slant, 0, 1)
        return cls(offsets, weights / weights.sum())


@dataclass(frozen=True)
class Scan:
    """Everything a slice needs."""

    subject: Subject
    grid: Grid
    settings: CtSettings
    profile: Profile
    plane: Plane
    around: Surroundings
    noise: Noise

    @classmethod
    def of(cls, phantom: Phantom, settings: CtSettings, seed: int) -> Scan:
        """Prepare a scan."""
        subject, grid = Subject.of(phantom, settings), lattice(phantom, settings)
        plane = Plane.of((grid.shape[1], grid.shape[2]), settings.pixel_mm, settings.kernel)
        profile = Profile.of(settings.slice_mm, 0.75)
        around = Surroundings.of(phantom, grid, settings, seed)
        return cls(subject, grid, settings, profile, plane, around, Noise.of(subject, settings, seed))

    def slice(self, k: int) -> NDArray[np.int16]:
        """HU ``(j, i)`` of slice ``k``."""
        clean = self.tissue(k)
        middle = middle_of(clean)
        self.around.add(clean, k)
        wrong, grain = self.noise.of_slice(clean, middle, k, self.plane)
        seen = np.rint(self.plane.blurred(clean) + wrong + grain)
        return np.asarray(np.clip(seen, LOWEST, HIGHEST), dtype=np.int16)

    def tissue(self, k: int) -> Array:
        """HU ``(j, i)`` of the subject alone, before the scanner."""
        from procguide.phantom.ct._tissue_kernels import add_bone, resample_plane, soft_plane

        subject, (z, y, x) = self.subject, self.grid.affine.origin[::-1]
        heights = z + k * self.grid.affine.spacing[0] + self.profile.offsets
        ks, weights = self._planes(heights)
        shifted = subject.place.copy()
        shifted[0] += subject.shift
        soft = soft_plane(
            subject.tissues, subject.bone, ks, weights, subject.table, subject.is_filled, shifted,
            subject.blocks, subject.extra,
        )  # fmt: skip
        start = (np.array([y, x]) - subject.place[0, 1:]) / subject.place[1, 1:]
        step = self.settings.pixel_mm / subject.place[1, 1:]
        image = resample_plane(soft, start, step, self.plane.shape, -1000.0)
        add_bone(
            image, (subject.tissues, subject.instances, subject.bone), subject.place,
            np.array([y, x, self.settings.pixel_mm]), heights, self.profile.weights, subject.is_bone,
            subject.look,
        )  # fmt: skip
        metal = subject.metal(ks, weights)
        if metal is not None:
            share = resample_plane(metal, start, step, self.plane.shape, 0.0)
            image += (np.float32(TISSUE[Region.IMPLANT].mean) - image) * share
        return np.asarray(image)

    def _planes(self, heights: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Slices of the maps under the profile, and their weights."""
        last = self.subject.tissues.shape[0] - 1
        place = np.clip((heights - self.subject.place[0, 0]) / self.subject.place[1, 0], 0, last)
        low = np.floor(place).astype(np.int64)
        share = place - low
        total = np.zeros(last + 2)
        np.add.at(total, low, self.profile.weights * (1 - share))
        np.add.at(total, low + 1, self.profile.weights * share)
        ks = np.flatnonzero(total > 1e-6)
        return ks, total[ks]


def simulate_ct(
    phantom: Phantom,
    seed: int = 0,
    *,
    settings: CtSettings | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Volume:
    """HU int16 on the scan's own SPL lattice, within -1024 to 3071 as a scanner stores them.

    Made from the phantom's maps alone, whatever was done to them since they were painted. Bone is finer
    than the maps' lattice (its surface lies where ``bone_distance`` says); soft tissue is as fine as they
    are. The same phantom, seed and settings give the same voxels.
    """
    scan = Scan.of(phantom, settings or CtSettings(), seed)
    count = scan.grid.shape[0]
    out = np.empty(scan.grid.shape, dtype=np.int16)
    with ThreadPoolExecutor(THREADS) as pool:
        for k, image in enumerate(pool.map(scan.slice, range(count))):
            out[k] = image
            if on_progress is not None:
                on_progress((k + 1) / count)
    return Volume(out, scan.grid.affine, Modality.CT, "phantom")


def lattice(phantom: Phantom, settings: CtSettings) -> Grid:
    """The scan's lattice: the phantom's field with table and arms, or the square that was asked for."""
    corners = phantom.tissues.grid.corners
    low, high = corners.min(axis=0), corners.max(axis=0)
    if settings.field_mm is not None:
        middle = (low[:2] + high[:2]) / 2 if settings.centre_mm is None else np.asarray(settings.centre_mm)
        low[:2], high[:2] = middle - settings.field_mm / 2, middle + settings.field_mm / 2
    else:
        if settings.table and phantom.posture == "supine":
            high[1] += BELOW_MM
        elif settings.table:
            low[1] -= BELOW_MM
        if settings.arms is Arms.BESIDE:
            low[0], high[0] = low[0] - BESIDE_MM, high[0] + BESIDE_MM
    steps = np.array([settings.step, settings.pixel_mm, settings.pixel_mm])
    k, j, i = (max(1, int(n)) for n in np.floor((high - low)[::-1] / steps + 1e-6))
    return Grid((k, j, i), Affine.axis_aligned(steps, low + steps[::-1] / 2))
