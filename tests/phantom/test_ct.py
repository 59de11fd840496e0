"""The CT of a phantom: tissue, bone, scanner."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from procguide.anatomy import Region
from procguide.errors import UsageError
from procguide.imaging import LabelMap, Modality, Volume
from procguide.imaging.resample import resample
from procguide.phantom import CtSettings, Phantom, PhantomParameters, build, simulate_ct
from procguide.phantom.ct.settings import Arms, Contrast, Kernel

COARSE = CtSettings(pixel_mm=1.5, slice_mm=3.0)
CLEAN = replace(COARSE, noise_hu=0.0, beam_hardening=0.0, blanket=False)


@pytest.fixture(scope="module")
def piece() -> Phantom:
    """About L2 to L4, a strip from front to back."""
    return build(PhantomParameters(), 1.5, box=((-60, -500, 75), (60, 500, 130)))


@pytest.fixture(scope="module")
def ct(piece: Phantom) -> Volume:
    return simulate_ct(piece, 5, settings=COARSE)


def _inside(piece: Phantom, ct: Volume, region: Region) -> np.ndarray:
    labels = resample(piece.regions, ct.grid).voxels
    return binary_erosion(labels == region)


def test_tissues_have_their_hounsfield_units(piece: Phantom, ct: Volume) -> None:
    expected = {
        Region.MUSCLE: (45, 65), Region.FAT: (-112, -92), Region.DISC: (70, 105), Region.AORTA: (30, 65),
        Region.BODY: (120, 230),
    }  # fmt: skip
    for region, (low, high) in expected.items():
        assert low < np.median(ct.voxels[_inside(piece, ct, region)]) < high, region


def test_arch_is_denser_than_body(piece: Phantom, ct: Volume) -> None:
    labels = resample(piece.regions, ct.grid).voxels
    medians = {r: np.median(ct.voxels[labels == r]) for r in (Region.BODY, Region.LAMINA)}
    assert 300 < medians[Region.LAMINA] < 1000
    assert medians[Region.LAMINA] > medians[Region.BODY] + 150


def test_spongy_bone_follows_the_subject(piece: Phantom) -> None:
    found = []
    for hounsfield in (80.0, 220.0):
        subject = replace(piece, parameters=replace(piece.parameters, trabecular_hu=hounsfield))
        made = simulate_ct(subject, 5, settings=CLEAN)
        deep = resample(piece.regions, made.grid).voxels == Region.BODY
        found.append(np.median(made.voxels[binary_erosion(deep, iterations=3)]))
    assert found == pytest.approx([80, 220], abs=25)


def test_middle_of_l1_reads_what_the_subject_was_given() -> None:
    """As radiologists measure it: a disc in front of the vein at mid-height, in six uneven bones."""
    subject = PhantomParameters(trabecular_hu=170.0)
    frame = build(subject, 4.0, box=((-20, -80, 150), (20, 20, 200))).spine.vertebra("L1").frame
    spot = frame.to_patient((0, -6, 0))
    piece = build(subject, 1.0, box=(spot - np.array([14, 14, 5]), spot + np.array([14, 14, 5])))
    found = []
    for seed in range(6):
        other = replace(piece, parameters=replace(subject, seed=seed))
        made = simulate_ct(other, 1, settings=replace(CLEAN, slice_mm=2.5, table=False))
        index = np.moveaxis(np.indices(made.shape), 0, -1)
        local = frame.to_local(made.to_patient(index))
        disc = (np.hypot(local[..., 0], local[..., 1] + 6) < 8) & (np.abs(local[..., 2]) < 2.5)
        found.append(made.voxels[disc].mean())
    assert np.mean(found) == pytest.approx(170, abs=12)
    assert 4 < np.std(found) < 30


def test_air_around_and_hard_limits(ct: Volume) -> None:
    assert ct.modality is Modality.CT
    assert ct.voxels.dtype == np.int16
    assert np.median(ct.voxels[:, 0]) == pytest.approx(-1000, abs=20)
    assert ct.voxels.min() >= -1024
    assert 500 < ct.voxels.max() <= 3071


def test_same_seed_same_voxels_other_seed_other_noise(
    piece: Phantom, ct: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("procguide.phantom.ct.simulate.THREADS", 1)
    np.testing.assert_array_equal(simulate_ct(piece, 5, settings=COARSE).voxels, ct.voxels)
    other = simulate_ct(piece, 6, settings=COARSE).voxels
    assert (other != ct.voxels).mean() > 0.3


def test_table_only_when_asked_for_and_under_the_patient(piece: Phantom, ct: Volume) -> None:
    without = simulate_ct(piece, 5, settings=replace(COARSE, table=False))
    assert without.shape[1] < ct.shape[1]
    prone = simulate_ct(replace(piece, posture="prone"), 5, settings=COARSE)
    assert (ct.voxels[:, -28:] > -700).any()
    assert (prone.voxels[:, :28] > -700).any()


def test_field_of_view_and_overlapping_slices(piece: Phantom) -> None:
    settings = replace(COARSE, field_mm=90.0, centre_mm=(5.0, 10.0), step_mm=1.5)
    made = simulate_ct(piece, 5, settings=settings)
    assert made.shape == (37, 60, 60)
    assert made.spacing == pytest.approx([1.5, 1.5, 1.5])
    np.testing.assert_allclose(made.grid.corners[:, :2].mean(axis=0), (5, 10), atol=1e-6)


def test_noise_is_as_asked(piece: Phantom) -> None:
    clean = simulate_ct(piece, 5, settings=CLEAN).voxels.astype(float)
    solid = np.argwhere(clean[:, :-31] > -300)
    _, j, i = solid.mean(axis=0).round().astype(int)
    for wanted in (8.0, 20.0):
        made = simulate_ct(piece, 5, settings=replace(CLEAN, noise_hu=wanted, current_modulation=1.0)).voxels
        noise = (made - clean)[:, j - 8 : j + 9, i - 8 : i + 9]
        assert noise.std() == pytest.approx(wanted, rel=0.1)


def test_more_dose_and_thicker_slices_less_noise(piece: Phantom) -> None:
    def spread(**changes: object) -> float:
        settings = replace(CLEAN, noise_hu=1.0, **changes)  # type: ignore[arg-type]
        clean = simulate_ct(piece, 5, settings=replace(settings, mas=None, noise_hu=0.0)).voxels
        made = simulate_ct(piece, 5, settings=settings).voxels
        return float((made.astype(float) - clean)[:, 60:120, 20:60].std())

    usual = spread(mas=100.0)
    assert spread(mas=400.0) == pytest.approx(usual / 2, rel=0.15)
    assert spread(mas=100.0, slice_mm=1.5) == pytest.approx(usual * 2**0.5, rel=0.15)
    assert spread(mas=100.0, kernel=Kernel.BONE) > 1.3 * usual > 1.3 * spread(mas=100.0, kernel=Kernel.SOFT)


def test_kernels_differ_in_sharpness(piece: Phantom) -> None:
    fine = replace(CLEAN, pixel_mm=0.7)
    slices = [
        simulate_ct(piece, 5, settings=replace(fine, kernel=kernel)).voxels[8].astype(float)
        for kernel in (Kernel.SOFT, Kernel.STANDARD, Kernel.BONE)
    ]
    steep = [np.abs(np.diff(image)).max() for image in slices]
    assert steep[0] < steep[1] < steep[2]


def test_thick_slices_average_thin_ones(piece: Phantom) -> None:
    thin = simulate_ct(piece, 5, settings=replace(CLEAN, slice_mm=1.5)).voxels.astype(float)
    thick = simulate_ct(piece, 5, settings=replace(CLEAN, slice_mm=6.0)).voxels.astype(float)
    count = min(thin.shape[0] // 4, thick.shape[0])
    mean = thin[: 4 * count].reshape(count, 4, *thin.shape[1:]).mean(axis=1)
    assert np.corrcoef(mean.ravel(), thick[:count].ravel())[0, 1] > 0.99
    assert thick[:count].std() < thin.std()


def _with_block(piece: Phantom, region: Region) -> Phantom:
    tissues = piece.tissues.voxels.copy()
    k, j, i = (n // 2 for n in tissues.shape)
    tissues[k - 4 : k + 4, j - 2 : j + 3, i + 12 : i + 16] = region
    return replace(piece, tissues=LabelMap(tissues, piece.tissues.affine, names=piece.tissues.names))


def test_streaks_come_with_metal_alone(piece: Phantom) -> None:
    plain = simulate_ct(piece, 5, settings=CLEAN).voxels.astype(float)
    metal = simulate_ct(_with_block(piece, Region.IMPLANT), 5, settings=CLEAN).voxels.astype(float)
    muscle = simulate_ct(_with_block(piece, Region.MUSCLE), 5, settings=CLEAN).voxels.astype(float)
    k = plain.shape[0] // 2
    assert metal[k].max() == 3071
    away = np.abs(metal - plain)
    assert away[k].mean() > 5
    assert away[0].mean() < 0.5
    assert np.abs(muscle - plain)[k].mean() < 2


def test_partial_volume_is_monotone(piece: Phantom) -> None:
    """Moving metal by a part of a pixel moves its weight by as much."""
    settings = replace(CLEAN, field_mm=60.0, table=False)
    subject = _with_block(piece, Region.CEMENT)
    sums = []
    for shift in (0.0, 0.5, 1.0, 1.5):
        made = simulate_ct(subject, 5, settings=replace(settings, centre_mm=(21.0 + shift, 0.0)))
        row = np.clip(made.voxels[made.shape[0] // 2].astype(float), 200, None) - 200
        sums.append(float((row.sum(axis=0) * np.arange(row.shape[1])).sum() / max(row.sum(), 1)))
    assert (np.diff(sums) < 0).all()


def test_contrast_fills_the_aorta_first(piece: Phantom) -> None:
    medians = {}
    for contrast in Contrast:
        made = simulate_ct(piece, 5, settings=replace(CLEAN, contrast=contrast))
        medians[contrast] = np.median(made.voxels[_inside(piece, made, Region.AORTA)])
    assert medians[Contrast.NONE] < 60 < medians[Contrast.PORTAL] < medians[Contrast.ARTERIAL]


def test_arms_widen_the_field(piece: Phantom, ct: Volume) -> None:
    beside = simulate_ct(piece, 5, settings=replace(COARSE, arms=Arms.BESIDE))
    assert beside.shape[2] > ct.shape[2] + 100
    assert (beside.voxels[:, :, :60] > 500).any()


def test_maps_alone_are_read(piece: Phantom, ct: Volume) -> None:
    """A phantom whose maps were moved is seen where they are."""
    tissues, instances = (
        replace(labels, voxels=np.roll(labels.voxels, 3, axis=1))
        for labels in (piece.tissues, piece.instances)
    )
    bone = np.roll(piece.bone_distance, 3, axis=1)
    moved = replace(piece, tissues=tissues, bone_distance=bone, instances=instances)
    made = simulate_ct(moved, 5, settings=COARSE)
    shifted = np.roll(ct.voxels, 3, axis=1)[5, 70:130].astype(float)
    assert np.corrcoef(made.voxels[5, 70:130].ravel(), shifted.ravel())[0, 1] > 0.97


def test_memory_is_that_of_the_image_and_some_slices(piece: Phantom) -> None:
    simulate_ct(piece, 5, settings=COARSE)
    tracemalloc.start()
    made = simulate_ct(piece, 5, settings=replace(COARSE, pixel_mm=1.0, step_mm=1.0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    one = made.voxels[0].size * 4
    assert peak < made.voxels.nbytes + 2 * 60 * one


def test_words_are_taken_for_their_settings() -> None:
    assert CtSettings(kernel="bone", arms="beside").arms is Arms.BESIDE  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="soft, standard, bone"):
        CtSettings(kernel="sharp")  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"pixel_mm": 0}, {"slice_mm": -1.0}, {"field_mm": 0.0}, {"noise_hu": -1}])
def test_sizes_have_to_be_positive(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        CtSettings(**wrong)  # type: ignore[arg-type]
