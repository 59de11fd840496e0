"""MR images of the phantom: contrast, geometry, noise, k-space, faults."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from procguide.anatomy import Region
from procguide.errors import UsageError
from procguide.geometry import Vector, vector
from procguide.imaging import Grid, LabelMap, Modality, Volume
from procguide.imaging.resample import resample
from procguide.phantom import Phantom, PhantomParameters, build
from procguide.phantom.canvas import instance_of
from procguide.phantom.mri import (
    DIXON_FAT,
    DIXON_WATER,
    FAULTLESS,
    STIR,
    T1_TSE,
    T2_TSE,
    Composition,
    Echo,
    Geometry,
    MriFaults,
    MriSettings,
    PhaseAxis,
    Sequence,
    axial_block,
    axial_disc,
    compose,
    coronal,
    kspace,
    sagittal,
    simulate_mri,
)
from procguide.phantom.mri.sequence import fat_null_ti, fat_signal, water_signal
from procguide.phantom.mri.tissue import TISSUES, disc_tissue, marrow_fat_fraction
from procguide.phantom.population.parameters import LevelWear

CLEAN = MriSettings(noise=0.0, elements=1, raised_cosine=0.0, faults=FAULTLESS)
PLAIN = replace(CLEAN, scale=2000.0)
DISC_PARTS = (Region.NUCLEUS_PULPOSUS, Region.ANNULUS_FIBROSUS)


@pytest.fixture(scope="module")
def piece() -> Phantom:
    """L2 to L4 from belly to back."""
    return build(PhantomParameters(), 1.5, box=((-45, -500, 60), (45, 500, 150)))


@pytest.fixture(scope="module")
def composed(piece: Phantom) -> Composition:
    return compose(piece)


@pytest.fixture(scope="module")
def small(piece: Phantom) -> Geometry:
    """Three sagittal slices through the canal, coarse; the readout runs up and down, phase to the back."""
    stack = sagittal(piece.spine, "L3", slices=3)
    return replace(
        stack, fov=(160.0, 320.0), acquired=(112, 224), reconstructed=(112, 224), phase=PhaseAxis.ROW,
        oversampling=0.0, gap=0.0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def labels(piece: Phantom, small: Geometry) -> LabelMap:
    return resample(piece.regions, small.grid)


def ball(piece: Phantom, centre: NDArray[np.float64], radius: float = 8.0) -> Phantom:
    """Nothing but a ball of fluid in air."""
    tissues = np.zeros_like(piece.tissues.voxels)
    points = piece.tissues.to_patient(np.moveaxis(np.indices(tissues.shape), 0, -1))
    tissues[np.linalg.norm(points - centre, axis=-1) < radius] = Region.CEREBROSPINAL_FLUID
    far = np.full_like(piece.bone_distance, 1000.0)
    return replace(piece, tissues=replace(piece.tissues, voxels=tissues), bone_distance=far)


def mean_in(volume: Volume, labels: LabelMap, *regions: Region) -> float:
    """Median over the middle slice where the whole neighbourhood is of that region."""
    inside = np.isin(labels.voxels, regions)
    from scipy.ndimage import binary_erosion

    core = np.stack([binary_erosion(plane, iterations=2) for plane in inside])
    return float(np.median(volume.voxels[core]))


class TestSequence:
    def test_inversion_nulls_fat_at_both_fields(self) -> None:
        for field in (1.5, 3.0):
            stir = STIR.at(field)
            assert stir.ti == pytest.approx(fat_null_ti(stir), abs=2)
            assert abs(fat_signal(stir)) < 0.01

    def test_fat_offset_against_bandwidth(self) -> None:
        assert T2_TSE.fat_shift_hz == pytest.approx(217, abs=2)
        assert T2_TSE.fat_shift_pixels == pytest.approx(T2_TSE.fat_shift_hz / T2_TSE.bandwidth)
        assert DIXON_FAT.fat_shift_pixels == 0

    def test_contrast_by_the_signal_equation(self) -> None:
        fluid, muscle = TISSUES[Region.CEREBROSPINAL_FLUID], TISSUES[Region.MUSCLE]
        assert fat_signal(T1_TSE) > water_signal(T1_TSE, muscle) > water_signal(T1_TSE, fluid)
        assert water_signal(T2_TSE, fluid) > fat_signal(T2_TSE) > water_signal(T2_TSE, muscle)

    def test_discs_darken_with_wear_and_marrow_yellows_with_age(self) -> None:
        nuclei = [water_signal(T2_TSE, disc_tissue(wear, 1.0)) for wear in (0, 0.25, 0.5, 0.75, 1)]
        assert np.all(np.diff(nuclei) < 0)
        assert 0.3 < marrow_fat_fraction(30, "male") < 0.36
        assert marrow_fat_fraction(70, "female") > marrow_fat_fraction(70, "male") + 0.05
        assert marrow_fat_fraction(30, "female") < marrow_fat_fraction(30, "male")

    def test_nonsense_is_refused(self) -> None:
        with pytest.raises(UsageError, match=r"1\.5 and 3 T"):
            Sequence("x", 500, 10, field_strength=7.0)
        with pytest.raises(UsageError, match="no time"):
            Sequence("x", 200, 100, train=30)
        with pytest.raises(UsageError, match="graded"):
            MriFaults(spike=-1)
        with pytest.raises(UsageError, match="half of the lines"):
            MriSettings(partial_fourier=0.4)
        with pytest.raises(UsageError, match="perpendicular"):
            Geometry((0, 0, 0), (1, 0, 0), (0.8, 0.6, 0))


class TestContrast:
    def signals(
        self, composed: Composition, small: Geometry, labels: LabelMap, sequence: Sequence
    ) -> NDArray:
        image = simulate_mri(composed, sequence, small, settings=PLAIN)
        return np.array([mean_in(image, labels, r) for r in (Region.CANAL, Region.FAT, Region.BODY)])

    def test_t1_and_t2(self, composed: Composition, small: Geometry, labels: LabelMap) -> None:
        canal, fat, body = self.signals(composed, small, labels, T1_TSE)
        assert fat > 1.3 * body
        assert body > 1.3 * canal
        canal, fat, body = self.signals(composed, small, labels, T2_TSE)
        assert canal > fat > body

    def test_stir_nulls_fat(self, composed: Composition, small: Geometry, labels: LabelMap) -> None:
        canal, fat, body = self.signals(composed, small, labels, STIR)
        assert canal > 4 * body > 0
        assert fat < 0.04 * canal

    def test_dixon_adds_up(self, composed: Composition, small: Geometry) -> None:
        def scan(echo: Echo) -> NDArray[np.float64]:
            sequence = replace(DIXON_WATER, echo=echo, bandwidth=1e9)
            return simulate_mri(composed, sequence, small, settings=PLAIN).voxels.astype(float)

        water, fat, both = scan(Echo.WATER), scan(Echo.FAT), scan(Echo.BOTH)
        opposed = scan(Echo.OPPOSED)
        body = both > 100
        # Ringing's negative lobes lose their sign in the magnitude: hence not everywhere.
        assert np.percentile(np.abs(water + fat - both)[body], 90) <= 8
        assert np.median(np.abs(water + fat - both)[body]) <= 1
        assert np.median(np.abs(np.abs(water - fat) - opposed)[body]) <= 1

    def test_texture_belongs_to_the_subject(self, composed: Composition, piece: Phantom) -> None:
        again = compose(piece)
        np.testing.assert_array_equal(again.water, composed.water)
        body = piece.tissues.voxels == Region.BODY
        assert 0.02 < composed.fat[body].std() < 0.2


class TestVolume:
    def test_same_seed_same_voxels(self, composed: Composition, small: Geometry) -> None:
        one, two, other = (simulate_mri(composed, T2_TSE, small, seed) for seed in (4, 4, 5))
        np.testing.assert_array_equal(one.voxels, two.voxels)
        assert (one.voxels != other.voxels).mean() > 0.5
        assert one.modality is Modality.MR
        assert one.voxels.dtype == np.uint16
        assert one.voxels.max() <= 4095

    def test_scale_is_used(self, composed: Composition, small: Geometry) -> None:
        one = simulate_mri(composed, T2_TSE, small, settings=PLAIN).voxels.astype(float)
        two = simulate_mri(composed, T2_TSE, small, settings=replace(PLAIN, scale=4000.0)).voxels
        assert np.abs(two - 2 * one).max() <= 1.5

    @pytest.mark.parametrize("turn", [(0.0, (1, 0, 0)), (25.0, (1, 0.4, 0.2)), (70.0, (0.3, 1, -0.5))])
    @pytest.mark.parametrize("phase", list(PhaseAxis))
    def test_landmark_lies_where_the_affine_says(
        self, piece: Phantom, turn: tuple[float, Vector], phase: PhaseAxis
    ) -> None:
        """A ball of fluid at the canal's centre, in planes of any obliquity, to a fifth of a voxel."""
        centre = np.asarray(piece.spine.vertebra("L3").canal_centre)
        subject = ball(piece, centre)
        stack = Geometry(
            vector(centre + np.array([3.1, -4.7, 2.3])), (1, 0, 0), (0, 1, 0),
            (120.0, 144.0), (90, 108), (100, 132),
            thickness=2.0, gap=0.5, slices=15, phase=phase, oversampling=0.25,
        ).tilted(*turn)  # fmt: skip
        image = simulate_mri(subject, T2_TSE, stack, settings=PLAIN)
        signal = np.where(image.voxels > 40, image.voxels, 0).astype(float)
        found = np.array([(signal * axis).sum() for axis in np.indices(image.shape)]) / signal.sum()
        assert np.abs(found - image.to_index(centre)).max() < 0.2

    def test_prescriptions(self, piece: Phantom) -> None:
        spine = piece.spine
        assert sagittal(spine).affine.orientation == "RIP"
        assert coronal(spine).affine.orientation[1:] == "IL"
        disc = axial_disc(spine, "L4")
        assert disc.affine.orientation == "SPL"
        endplate = spine.vertebra("L4").inferior_endplate
        assert np.dot(disc.normal, endplate.normal) > 0.98
        for stack in (sagittal(spine), coronal(spine), disc, axial_block(spine)):
            middle = (np.array(stack.grid.shape) - 1) / 2
            np.testing.assert_allclose(stack.affine.apply(middle), stack.centre, atol=1e-9)

    def test_progress_is_told(self, composed: Composition, small: Geometry) -> None:
        told: list[float] = []
        simulate_mri(composed, T2_TSE, small, settings=PLAIN, on_progress=told.append)
        assert told[-1] == 1.0
        assert len(told) == 3


class TestNoise:
    def air(self, composed: Composition, small: Geometry, settings: MriSettings) -> NDArray[np.float64]:
        away = replace(small, centre=(0.0, 0.0, 900.0))
        return simulate_mri(composed, T2_TSE, away, settings=settings).voxels.astype(float)

    def test_rayleigh_in_air(self, composed: Composition, small: Geometry) -> None:
        air = self.air(composed, small, replace(PLAIN, noise=0.5, scale=2e4))
        assert air.mean() / air.std() == pytest.approx(1.913, rel=0.03)

    def test_noncentral_chi_of_several_coils(self, composed: Composition, small: Geometry) -> None:
        settings = replace(PLAIN, noise=0.5, scale=2e4, elements=4, normalise=0.0)
        air = self.air(composed, small, settings)
        # Chi with eight degrees of freedom: mean and deviation in units of one channel's.
        assert air.mean() / air.std() == pytest.approx(2.7416 / 0.6957, rel=0.03)

    def test_noise_follows_bandwidth_and_averages(self, composed: Composition, small: Geometry) -> None:
        noisy = replace(PLAIN, noise=0.5, scale=2e4)
        away = replace(small, centre=(0.0, 0.0, 900.0), slices=1)
        base = simulate_mri(composed, T2_TSE, away, settings=noisy).voxels.mean()
        wide = replace(T2_TSE, bandwidth=4 * T2_TSE.bandwidth)
        assert simulate_mri(composed, wide, away, settings=noisy).voxels.mean() / base == pytest.approx(
            2, rel=0.05
        )
        thick = replace(away, thickness=8.0)
        assert simulate_mri(composed, T2_TSE, thick, settings=noisy).voxels.mean() / base == pytest.approx(
            0.5, rel=0.05
        )


def step_edge(rows: int = 512, columns: int = 512) -> NDArray[np.complex64]:
    """Bright from a quarter to three quarters of axis 0."""
    plane = np.zeros((rows, columns), dtype=np.complex64)
    plane[rows // 4 : 3 * rows // 4, columns // 4 : 3 * columns // 4] = 1
    return plane


class TestKspace:
    def test_values_come_back(self) -> None:
        image = np.abs(kspace.reconstruct(kspace.measure(step_edge(), 128, 128), 128, 128))
        assert image[64, 64] == pytest.approx(1, abs=0.02)
        assert np.abs(image[:8]).max() < 0.02

    def test_gibbs_overshoot_and_period(self) -> None:
        """Nine per cent of the step beside it; the ringing's period is two acquired pixels."""
        lines, zoom = 64, 8
        image = np.abs(kspace.reconstruct(kspace.measure(step_edge(4096, 64), lines, 32), lines * zoom, 32))
        profile = image[:, 16] / image[lines * zoom // 2, 16]
        middle = lines * zoom // 2
        assert profile.max() - 1 == pytest.approx(0.0895, abs=0.012)
        ripple = profile[middle - 12 * zoom : middle]
        peaks = [n for n in range(1, len(ripple) - 1) if ripple[n - 1] < ripple[n] > ripple[n + 1]]
        assert np.mean(np.diff(peaks)) == pytest.approx(2 * zoom, rel=0.06)

    def test_softened_edge_rings_less(self) -> None:
        spectrum = kspace.measure(step_edge(), 64, 64)
        soft = kspace.window_of(64, 64, replace(CLEAN, raised_cosine=0.6))
        hard, gentle = (np.abs(kspace.reconstruct(s, 256, 256)).max() for s in (spectrum, spectrum * soft))
        assert gentle < hard - 0.03

    def test_half_a_pixel_is_not_lost(self) -> None:
        """A lattice's middle stays its middle at every size."""
        for size in (64, 100, 128):
            image = np.abs(kspace.reconstruct(kspace.measure(step_edge(), 64, 64), size, size))
            centre = (image.sum(axis=1) * np.arange(size)).sum() / image.sum()
            assert centre == pytest.approx((size - 1) / 2, abs=0.02)

    def test_wrap(self) -> None:
        plane = np.zeros((30, 4), dtype=np.complex64)
        plane[2], plane[25] = 1, 2
        folded = kspace.fold(plane, -5, 20)
        assert folded[17, 0] == 1
        assert folded[0, 0] == 2
        assert folded.sum() == plane.sum()

    @pytest.mark.parametrize("homodyne", [True, False])
    def test_partial_fourier(self, homodyne: bool) -> None:
        """Homodyne keeps the edge that zero-filling blurs, phase or no phase."""
        plane = step_edge()
        plane *= np.exp(1j * np.linspace(0, 1.5, len(plane)))[:, None].astype(np.complex64)
        full = kspace.measure(plane, 128, 128)
        part = full.copy()
        part[~kspace.acquired_lines(128, 0.6)] = 0
        whole = kspace.complete(part, 0.6) if homodyne else part
        error = np.abs(kspace.reconstruct(whole, 128, 128)) - np.abs(kspace.reconstruct(full, 128, 128))
        worst = np.abs(error[:, 64]).max()
        assert worst < 0.12 if homodyne else worst > 0.15


class TestFaults:
    def scan(
        self, composed: Composition, small: Geometry, faults: MriFaults = FAULTLESS, **more: float
    ) -> NDArray[np.float64]:
        settings = replace(PLAIN, faults=faults, **more)
        one = replace(small, slices=1)
        return simulate_mri(composed, T2_TSE, one, 2, settings=settings).voxels[0].astype(float)

    @pytest.mark.parametrize(
        "name", ["breathing_mm", "bulk_mm", "pulsation", "flow_void", "zipper", "spike", "shading"]
    )
    def test_each_fault_grows_with_its_grade(self, composed: Composition, small: Geometry, name: str) -> None:
        clean = self.scan(composed, small)
        weak, strong = (
            np.abs(self.scan(composed, small, MriFaults(**{name: grade})) - clean).mean()
            for grade in (0.5, 2.0)
        )
        assert 0 < weak < strong

    def test_ghosts_run_along_the_phase_axis(self, composed: Composition, small: Geometry) -> None:
        difference = self.scan(composed, small, MriFaults(pulsation=1.0)) - self.scan(composed, small)
        energy = (difference**2).sum(axis=0)
        front = energy[:60].sum()  # air and belly before the spine, along the phase axis (columns)
        assert front > 0.005 * energy.sum()

    def test_wrap_when_the_field_is_too_small(self, composed: Composition, small: Geometry) -> None:
        """Front of the body in phase direction cut off: it comes back in behind; oversampling prevents it."""
        narrow = replace(small, fov=(160.0, 150.0), acquired=(112, 104), reconstructed=(112, 104), slices=1)
        wide = replace(narrow, oversampling=1.4)
        wrapped, free = (
            simulate_mri(composed, T1_TSE, g, settings=PLAIN).voxels.astype(float) for g in (narrow, wide)
        )
        assert (wrapped - free).mean() > 0.2 * free.mean()
        direct = simulate_mri(composed, T1_TSE, replace(small, slices=1), settings=PLAIN)
        index = direct.to_index(wide.affine.apply([[0, 56, 20], [0, 56, 80]]))
        assert index[0, 0] == pytest.approx(0)

    def test_fat_moves_by_its_offset(self, composed: Composition, small: Geometry) -> None:
        """Fat at twice the shift against none, by cross-correlation along the readout."""
        one = replace(small, slices=1)
        fat = replace(T1_TSE, echo=Echo.FAT)
        still = simulate_mri(composed, fat, one, settings=PLAIN).voxels[0].astype(float)
        both = replace(T1_TSE, bandwidth=T1_TSE.fat_shift_hz / 3.0)
        water = simulate_mri(composed, replace(T1_TSE, echo=Echo.WATER), one, settings=PLAIN).voxels[0]
        moved = simulate_mri(composed, both, one, settings=PLAIN).voxels[0] - water.astype(float)
        assert both.fat_shift_pixels == pytest.approx(3.0)
        scores = [(np.roll(still, n, axis=0) * moved)[8:-8].sum() for n in range(-6, 7)]
        assert int(np.argmax(scores)) - 6 == 3

    def test_saturation_darkens_the_front(self, composed: Composition, small: Geometry) -> None:
        clean, saturated = (self.scan(composed, small, saturate_front=s) for s in (0.0, 0.9))
        columns = np.flatnonzero(clean.mean(axis=0) > 60)
        front = columns[:12]
        assert saturated[:, front].mean() < 0.3 * clean[:, front].mean()

    def test_surface_coil_is_brighter_behind(self, composed: Composition, small: Geometry) -> None:
        settings = replace(PLAIN, elements=8, normalise=0.0)
        even = self.scan(composed, small)
        shaded = simulate_mri(composed, T2_TSE, replace(small, slices=1), settings=settings).voxels[0]
        ratio = shaded / np.maximum(even, 1)
        body = even > 100
        columns = np.flatnonzero(body.any(axis=0))
        back, front = (
            ratio[:, columns[-20:]][body[:, columns[-20:]]],
            ratio[:, columns[:20]][body[:, columns[:20]]],
        )
        assert np.median(back) > 4 * np.median(front)


class TestReconstruction:
    def image(self, composed: Composition, small: Geometry, **more: float | bool) -> NDArray[np.float64]:
        settings = replace(PLAIN, elements=4, **more)
        image = simulate_mri(composed, T2_TSE, replace(small, slices=1), settings=settings)
        return image.voxels[0].astype(float)

    def test_partial_fourier_completed_is_nearer_than_zeros(
        self, composed: Composition, small: Geometry
    ) -> None:
        full = self.image(composed, small)
        near, far = (
            np.sqrt(((self.image(composed, small, partial_fourier=0.65, homodyne=h) - full) ** 2).mean())
            for h in (True, False)
        )
        assert near < 0.7 * far
        assert near < 0.1 * np.sqrt((full**2).mean())

    def test_elliptic_cut_leaves_out_the_corners(self) -> None:
        window = kspace.window_of(64, 96, replace(CLEAN, elliptic=True))
        assert window[0, 0] == window[-1, -1] == 0
        assert window[32, 48] == window[0, 48] == 1
        assert 0.75 < window.mean() < 0.82

    def test_swapped_dixon_shows_the_other(self, composed: Composition, small: Geometry) -> None:
        one = replace(small, slices=1)
        swapped = replace(PLAIN, faults=MriFaults(swap=1.0))
        water = simulate_mri(composed, DIXON_WATER, one, settings=swapped).voxels
        np.testing.assert_array_equal(water, simulate_mri(composed, DIXON_FAT, one, settings=PLAIN).voxels)

    def test_array_of_odd_size_is_refused(self) -> None:
        with pytest.raises(UsageError, match="pairs"):
            MriSettings(elements=5)


def test_a_worn_disc_is_darker() -> None:
    worn = PhantomParameters(wear={"L3": LevelWear(disc=0.9)})
    subject = compose(build(worn, 2.0, box=((-20, -60, 60), (20, 60, 150))))
    tissues, instances = subject.phantom.tissues.voxels, subject.phantom.instances.voxels
    upper, lower = (
        subject.water[(tissues == Region.NUCLEUS_PULPOSUS) & (instances == instance_of(level))].mean()
        for level in ("L2", "L3")
    )
    assert lower < 0.8 * upper
    kinds = subject.kind[np.isin(tissues, DISC_PARTS) & (instances == instance_of("L3"))]
    assert max(subject.tissues[k].t2[0] for k in np.unique(kinds)) < 80


def metal_block(piece: Phantom) -> Phantom:
    """An implant as thick as a finger through L3's body."""
    tissues = piece.tissues.voxels.copy()
    k, j, i = (round(n) for n in piece.tissues.to_index(piece.spine.vertebra("L3").frame.origin))
    tissues[k - 3 : k + 3, j - 3 : j + 3, i - 8 : i + 8] = Region.IMPLANT
    return replace(piece, tissues=replace(piece.tissues, voxels=tissues))


def test_metal_leaves_a_void_and_bends_what_is_near(piece: Phantom, small: Geometry) -> None:
    one = replace(small, slices=1)
    subject = metal_block(piece)
    none, some = (
        simulate_mri(subject, T1_TSE, one, settings=replace(PLAIN, faults=MriFaults(metal=grade)))
        for grade in (0.0, 1.0)
    )
    _, j, i = (round(n) for n in none.to_index(piece.spine.vertebra("L3").frame.origin))
    assert none.voxels[0, j, i] < 120
    changed = np.abs(some.voxels.astype(float) - none.voxels) > 60
    assert 50 < changed.sum() < 0.3 * changed.size


def test_empty_box_is_air(piece: Phantom) -> None:
    grid = Grid((6, 6, 6), piece.tissues.affine.shifted((-200, -200, 0)))
    empty = build(PhantomParameters(), grid=grid)
    image = simulate_mri(empty, T2_TSE, sagittal(empty.spine, slices=1), settings=PLAIN)
    assert image.voxels.max() == 0
