"""One slice: from protons to the complex plane that a coil sees, and through k-space to an image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from procguide.geometry import Affine
from procguide.phantom.mri import kspace
from procguide.phantom.mri._kernels import displace_lines, sample_plane
from procguide.phantom.mri.coils import CoilArray
from procguide.phantom.mri.composition import Composition
from procguide.phantom.mri.geometry import Geometry
from procguide.phantom.mri.motion import Motion, motion_of
from procguide.phantom.mri.sequence import Echo, Sequence, fat_signal, water_signal
from procguide.phantom.mri.settings import MriSettings
from procguide.phantom.solids import Array

__all__ = ["Plane", "Scan"]

FINER = 1.6
SUB_SLICE_MM = 0.8
JITTER = 0.75
GOLDEN = 0.381966
WAVE_MM = 260.0
DARKEST = 0.45  # share of the reference sensitivity below which normalising does not follow
SLICE_BANDWIDTH_HZ = 1200.0
Vec = NDArray[np.float64]


@dataclass(frozen=True)
class Plane:
    """The in-plane lattices of a scan. Axis 0 is phase, axis 1 readout, whatever the image's axes are.

    ``length`` are the fields in mm (phase with oversampling), ``lines`` and ``samples`` acquired,
    ``fine`` the object's lattice over the same fields, ``image`` the reconstructed one before cropping.
    """

    phase: Vec
    readout: Vec
    length: tuple[float, float]
    acquired: tuple[int, int]
    fine: tuple[int, int]
    image: tuple[int, int]
    crop: slice

    @classmethod
    def of(cls, geometry: Geometry) -> Plane:
        """Sizes from the prescription; the phase field is a whole number of reconstructed pixels."""
        axis = geometry.phase_axis
        order = (axis, 1 - axis)
        rows, columns = (geometry.reconstructed[n] for n in order)
        field = [geometry.fov[n] for n in order]
        wide = rows + 2 * round(rows * geometry.oversampling / 2)
        length = (field[0] * wide / rows, field[1])
        lines = 2 * round(geometry.acquired[axis] * wide / rows / 2)
        samples = geometry.acquired[1 - axis]
        fine = tuple(2 * fft.next_fast_len(int(np.ceil(FINER * n / 2))) for n in (lines, samples))
        directions = (np.asarray(geometry.column), np.asarray(geometry.row))
        return cls(
            directions[axis], directions[1 - axis], length, (lines, samples), (fine[0], fine[1]),
            (wide, columns), slice((wide - rows) // 2, (wide - rows) // 2 + rows),
        )  # fmt: skip

    @property
    def steps(self) -> tuple[Vec, Vec]:
        """LPS mm from one fine sample to the next along phase and readout."""
        return self.phase * (self.length[0] / self.fine[0]), self.readout * (self.length[1] / self.fine[1])


@dataclass(frozen=True, eq=False)
class Scan:
    """All that the slices of one series share."""

    composition: Composition
    sequence: Sequence
    geometry: Geometry
    settings: MriSettings
    coils: CoilArray
    seed: int
    metal: tuple[Array, Affine] | None

    @cached_property
    def plane(self) -> Plane:
        """The in-plane lattices."""
        return Plane.of(self.geometry)

    @cached_property
    def signals(self) -> tuple[Array, float]:
        """Signal of a unit of water by kind, and of a unit of fat."""
        water = [water_signal(self.sequence, tissue) for tissue in self.composition.tissues]
        return np.array(water, dtype=np.float32), fat_signal(self.sequence)

    @cached_property
    def window(self) -> Array:
        """The reconstruction's k-space window."""
        return kspace.window_of(*self.plane.acquired, self.settings)

    @cached_property
    def motion(self) -> Motion:
        """The same movement for every slice of the series."""
        rng = np.random.default_rng([self.seed, 61])
        return motion_of(self.settings.faults, self.sequence, self.plane.acquired[0], rng)

    @cached_property
    def spine_line(self) -> tuple[Vec, Vec]:
        """Heights z, ascending, and the y of the bodies' centres."""
        points = np.array([v.frame.origin for v in self.composition.phantom.spine.vertebrae])
        points = points[np.argsort(points[:, 2])]
        return points[:, 2], points[:, 1]

    @cached_property
    def noise_deviation(self) -> float:
        """Standard deviation per real channel of the image, before filters: voxel, bandwidth, time, field."""
        geometry, sequence, plane = self.geometry, self.sequence, self.plane
        voxel = geometry.thickness * np.prod(
            [a / n for a, n in zip(plane.length, plane.acquired, strict=True)]
        )
        lines = plane.acquired[0] * self.settings.partial_fourier
        time = sequence.averages * lines / 300.0
        return float(
            self.settings.noise
            / voxel
            * np.sqrt(sequence.bandwidth / 200.0 / time)
            * 1.5
            / sequence.field_strength
        )

    def slice_image(self, number: int) -> Array:
        """Magnitude in signal units, ``geometry.reconstructed``, of one slice."""
        centre = self.geometry.slice_centre(number)
        first, count = self._rows(centre)
        start = self._position(centre, first)
        objects = self._objects(start, count, number)
        rng = np.random.default_rng([self.seed, 59, number])
        total = np.zeros(self.plane.image, dtype=np.float32)
        for element in range(len(self.coils)):
            spectrum = self._spectrum(objects, element, start, first)
            seen = self._image(spectrum, rng)
            total += seen.real**2 + seen.imag**2
        image: Array = np.sqrt(total)
        self._normalise(image, centre)
        image = image[self.plane.crop]
        return image if self.geometry.phase_axis == 0 else np.ascontiguousarray(image.T)

    def _position(self, centre: Vec, row: int) -> Vec:
        """LPS mm of the fine lattice's sample (row, 0); rows may lie outside the field."""
        along, across = self.plane.steps
        half = (np.array(self.plane.fine) - 1) / 2
        return np.asarray(centre + (row - half[0]) * along - half[1] * across)

    def _rows(self, centre: Vec) -> tuple[int, int]:
        """First row and count that hold the whole body along the phase axis."""
        corners = self.composition.phantom.tissues.grid.corners
        along = (corners - centre) @ self.plane.phase
        step = self.plane.length[0] / self.plane.fine[0]
        half = (self.plane.fine[0] - 1) / 2
        low, high = np.floor(along.min() / step + half), np.ceil(along.max() / step + half)
        return int(low), int(high - low) + 1

    def _objects(self, start: Vec, count: int, number: int) -> list[NDArray[np.complex64]]:
        """Complex planes ``(count, fine)``: what lies still, breathes, flows; empty if nothing."""
        planes = self._sampled(start, count)
        faults = self.settings.faults
        along, across = self.plane.steps
        x, y, z = (
            start[n] + np.arange(count)[:, None] * along[n] + np.arange(planes.shape[2])[None, :] * across[n]
            for n in range(3)
        )
        ahead = (np.interp(z, *self.spine_line) - y).astype(np.float32)
        if faults.flow_void > 0:
            self._void(planes, number)
        if faults.shading > 0:
            planes *= 1 + faults.shading * self._standing_wave(x, y, z)
        whole = self._mixed(planes)
        if self.settings.saturate_front > 0:
            band = np.clip((ahead - self.settings.saturation_mm) / 12.0 + 0.5, 0, 1)
            whole *= 1 - self.settings.saturate_front * band
        moving = np.zeros((1, 1), dtype=np.complex64)
        if faults.breathing_mm > 0:
            share = np.clip((ahead - 25.0) / 70.0, 0, 1)
            moving = np.asarray(whole * (share * share), dtype=np.complex64)
        flowing = planes[2].astype(np.complex64) if faults.pulsation > 0 else np.zeros((1, 1), np.complex64)
        return [whole - moving if moving.shape == whole.shape else whole, moving, flowing]

    def _sampled(self, start: Vec, count: int) -> Array:
        """Water, fat and flowing water ``(3, count, fine)``, averaged through the slice."""
        made, geometry = self.composition, self.geometry
        to_index = made.affine.inverse
        rotate = to_index.matrix[:3, :3]
        along, across = self.plane.steps
        sub = max(3, int(np.ceil(geometry.thickness / SUB_SLICE_MM)) + 1)
        depth = (np.arange(sub) / (sub - 1) - 0.5) * geometry.thickness
        weights = np.ones(sub)
        weights[[0, -1]] = 0.5
        # Sub-slices lie a little off each other in plane too: labels' steps would show otherwise.
        aside = JITTER * float(made.affine.spacing.min())
        turn = 2 * np.pi * GOLDEN * np.arange(sub)
        offsets = depth[:, None] * (rotate @ np.asarray(geometry.normal))
        offsets += aside * np.cos(turn)[:, None] * (rotate @ self.plane.phase)
        offsets += aside * np.sin(turn)[:, None] * (rotate @ self.plane.readout)
        out = np.zeros((3, count, self.plane.fine[1]), dtype=np.float32)
        water, fat = self.signals
        softness = 0.8 * max(float(np.linalg.norm(across)), float(made.affine.spacing.min()) * 0.6)
        sample_plane(
            to_index.apply(start), rotate @ along, rotate @ across, offsets, weights / weights.sum(),
            made.kind, made.edge, made.water, made.fat, water, np.float32(fat), made.bone,
            made.marrow, made.flowing, made.cortex, softness, out,
        )  # fmt: skip
        return self._displaced(out, start, count)

    def _displaced(self, planes: Array, start: Vec, count: int) -> Array:
        """Fat shifted along the readout, and all of it where metal bends the field."""
        finer = self.plane.fine[1] / self.plane.acquired[1]
        shape = (count, self.plane.fine[1])
        fat_shift = np.full(shape, self.sequence.fat_shift_pixels * finer, dtype=np.float32)
        bent = self._metal_hertz(start, shape)
        out = planes.copy()
        if bent is not None:
            # Where the field differs across the slice's bandwidth, spins are excited elsewhere or not at all.
            left = np.clip(1.5 - np.abs(bent) / SLICE_BANDWIDTH_HZ, 0, 1)
            pixels = (bent / self.sequence.bandwidth * finer).astype(np.float32)
            for part in (0, 2):
                out[part] = 0
                displace_lines(planes[part] * left, pixels, out[part])
            fat_shift += pixels
            planes = (planes * left).astype(np.float32)
        if fat_shift.any():
            out[1] = 0
            displace_lines(planes[1], fat_shift, out[1])
        return out

    def _metal_hertz(self, start: Vec, shape: tuple[int, int]) -> Array | None:
        if self.metal is None:
            return None
        field, affine = self.metal
        along, across = self.plane.steps
        points = (
            start + np.arange(shape[0])[:, None, None] * along + np.arange(shape[1])[None, :, None] * across
        )
        index = np.moveaxis(affine.inverse.apply(points), -1, 0)
        return np.asarray(ndimage.map_coordinates(field, index, order=1, cval=0.0), dtype=np.float32)

    def _void(self, planes: Array, number: int) -> None:
        """Patches of flowing fluid that dephase, in place: stretched along the canal."""
        rng = np.random.default_rng([self.seed, 67, number])
        spacing = [np.linalg.norm(step) for step in self.plane.steps]
        sigma = [9.0 / spacing[0], 4.0 / spacing[1]]
        small = ndimage.gaussian_filter(
            rng.standard_normal(planes[2].shape, dtype=np.float32), sigma, truncate=2.5
        )
        small /= max(float(small.std()), 1e-6)
        lost = planes[2] * (self.settings.faults.flow_void * np.clip(0.4 * small + 0.1, 0, 1))
        planes[0] -= lost
        planes[2] -= lost

    def _standing_wave(self, x: Vec, y: Vec, z: Vec) -> Array:
        """-1 to 1: the transmitted field's pattern, of about its wavelength in tissue at 3 T."""
        turns = np.random.default_rng([self.composition.phantom.parameters.seed, 71]).uniform(0, 2 * np.pi, 3)
        wave = np.cos(2 * np.pi * x / WAVE_MM + turns[0]) * np.cos(2 * np.pi * y / WAVE_MM + turns[1])
        return np.asarray(0.7 * wave + 0.3 * np.cos(np.pi * z / WAVE_MM + turns[2]), dtype=np.float32)

    def _mixed(self, planes: Array) -> NDArray[np.complex64]:
        """Which protons the sequence shows, signed."""
        water, fat = planes[0], planes[1]
        echo = self.sequence.echo
        if echo in (Echo.WATER, Echo.FAT):
            shown, hidden = (water, fat) if echo is Echo.WATER else (fat, water)
            swap = self.settings.faults.swap
            if swap > 0:
                rows = np.arange(len(shown)) < swap * len(shown)
                shown = np.where(rows[:, None], hidden, shown)
            return np.asarray(shown, dtype=np.complex64)
        return np.asarray(water - fat if echo is Echo.OPPOSED else water + fat, dtype=np.complex64)

    def _spectrum(
        self, objects: list[NDArray[np.complex64]], element: int, start: Vec, first: int
    ) -> NDArray[np.complex64]:
        """k-space of one element, with everything that moves between lines."""
        plane, motion = self.plane, self.motion
        total = np.zeros(plane.acquired, dtype=np.complex64)
        for n, thing in enumerate(objects):
            if not thing.any():
                continue
            seen = self.coils.seen_by(element, thing, start, *plane.steps)
            part = kspace.measure(kspace.fold(seen, first, plane.fine[0]), *plane.acquired)
            if n == 1:
                part *= self._breathing
            elif n == 2:
                part *= motion.of_fluid
            total += part
        if self.settings.faults.bulk_mm > 0:
            total *= motion.of_all(plane.length[0])
        return total

    @cached_property
    def _breathing(self) -> NDArray[np.complex64]:
        forward = np.array([0.0, -1.0, 0.35])  # mostly forward, and down with the diaphragm (assumed)
        share = float(forward @ self.plane.phase), float(forward @ self.plane.readout)
        return self.motion.of_belly(*share, self.plane.acquired, self.plane.length)

    def _image(self, spectrum: NDArray[np.complex64], rng: np.random.Generator) -> NDArray[np.complex64]:
        """Noise, interference and reconstruction of one element."""
        lines, samples = self.plane.acquired
        faults, settings = self.settings.faults, self.settings
        if settings.noise > 0:
            deviation = np.float32(self.noise_deviation * np.sqrt(lines * samples))
            noise = rng.standard_normal((2, lines, samples), dtype=np.float32)
            spectrum = spectrum + deviation * (noise[0] + 1j * noise[1])
        if faults.zipper > 0:
            column = kspace.frequencies(samples) * (rng.integers(samples // 8, samples // 3) / samples)
            tone = faults.zipper * np.sqrt(lines) * np.exp(2j * np.pi * column)
            spectrum = spectrum + tone * np.exp(2j * np.pi * rng.uniform(size=(lines, 1)))
        if faults.spike > 0:
            at = (
                lines // 2 + int(rng.integers(-lines // 5, lines // 5)),
                samples // 2 + int(rng.integers(8, samples // 5)),
            )
            spectrum[at] += faults.spike * lines * samples * 0.05
        if settings.partial_fourier < 1:
            spectrum[~kspace.acquired_lines(lines, settings.partial_fourier)] = 0
            if settings.homodyne:
                spectrum = kspace.complete(spectrum, settings.partial_fourier)
        windowed = np.asarray(spectrum * self.window, dtype=np.complex64)
        return kspace.reconstruct(windowed, *self.plane.image)

    def _normalise(self, image: Array, centre: Vec) -> None:
        """Divide by the share of the coils' shading that the settings ask for, in place."""
        if self.settings.normalise <= 0 or len(self.coils) == 1:
            return
        along = self.plane.phase * (self.plane.length[0] / self.plane.image[0])
        across = self.plane.readout * (self.plane.length[1] / self.plane.image[1])
        half = (np.array(self.plane.image) - 1) / 2
        start = centre - half[0] * along - half[1] * across
        shading = self.coils.strength(start, along, across, self.plane.image) / self.reference_strength
        image /= np.maximum(shading, DARKEST) ** np.float32(self.settings.normalise)

    @cached_property
    def reference_strength(self) -> float:
        """The array's sensitivity at the scan's centre, which normalising leaves as it is."""
        point = np.asarray(self.geometry.centre).copy()
        point[1] = float(np.interp(point[2], *self.spine_line))
        return self.coils.strength_at(point)
