"""How an image was sampled is found out, and what may be unrung is, at its own matrix."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from procguide.errors import InputUnfitError
from procguide.geometry import Affine
from procguide.imaging import Modality, Volume
from procguide.quality import Acquisition
from procguide.quality.faults.ringing import filled, filtered, measured, random_ellipsoids
from procguide.quality.gibbs.correct import degibbs, encoded_axes
from procguide.quality.gibbs.native import SamplingKind, at_matrix, sampling_of
from procguide.quality.gibbs.unring import unring

N = 128


def magnitude(seed: int = 1, noise: float = 1.0) -> np.ndarray:
    """Two slices of bodies of exact spectrum, with complex noise, ``(2, 128, 128)``."""
    rng = np.random.default_rng(seed)
    image = np.stack([measured(random_ellipsoids((N, N), seed + k), (N, N)) for k in range(2)])
    return image + noise * (rng.normal(size=image.shape) + 1j * rng.normal(size=image.shape))


def zero_filled(image: np.ndarray) -> np.ndarray:
    """Interpolation by two within slices, as scanners do before the magnitude is taken."""
    return np.abs(filled(image, (2 * N, 2 * N), (1, 2)))


def hamming(image: np.ndarray) -> np.ndarray:
    return np.abs(filtered(image, (1, 2), lambda f: 0.54 + 0.46 * np.cos(2 * np.pi * f)))


def volume(image: np.ndarray, modality: Modality = Modality.MR) -> Volume:
    return Volume(
        np.rint(image * 4).astype(np.int16), Affine.axis_aligned((4.0, 1.0, 1.0), (0, 0, 0)), modality
    )


@pytest.mark.parametrize("noise", [0.5, 2.0, 5.0])
def test_sampling_is_told_from_the_image(noise: float) -> None:
    image = magnitude(int(noise * 10), noise)
    assert sampling_of(np.abs(image), 1).kind is SamplingKind.NATIVE
    shown = sampling_of(zero_filled(image), 2)
    assert shown.kind is SamplingKind.ZERO_FILLED
    assert shown.count == pytest.approx(N, abs=2)
    assert sampling_of(hamming(image), 1).kind is SamplingKind.FILTERED
    cubic = ndimage.zoom(np.abs(image), (1, 2, 2), order=3)
    assert sampling_of(cubic, 1).kind is SamplingKind.INTERPOLATED
    assert sampling_of(np.abs(image)[:, :40], 1).kind is SamplingKind.UNKNOWN


@pytest.mark.parametrize("unit", [1.0, 0.37])
def test_zeros_are_told_below_the_noise_of_rounding(unit: float) -> None:
    image = magnitude(3, 1.0)
    few = unit * np.rint(zero_filled(image) * 0.6)
    shown = sampling_of(few, 2)
    assert shown.step_db < 23.5  # too little for what was not rounded
    assert shown.kind is SamplingKind.ZERO_FILLED
    assert shown.count == pytest.approx(N, abs=2)
    assert sampling_of(np.rint(np.abs(image) * 0.6), 2).kind is SamplingKind.NATIVE
    cubic = ndimage.zoom(np.abs(image), (1, 1.5, 1.5), order=3)
    assert sampling_of(np.rint(cubic * 0.6), 2).kind is not SamplingKind.ZERO_FILLED


def test_flat_pieces_say_nothing() -> None:
    image = np.abs(magnitude())
    image[:, :, : N // 2] = 100.0
    assert sampling_of(image, 1).kind is SamplingKind.NATIVE
    assert sampling_of(np.full((2, N, N), 100.0), 1).kind is SamplingKind.UNKNOWN


def test_the_headers_matrix_counts_where_the_spectrum_ends_early() -> None:
    image = magnitude()
    assert sampling_of(zero_filled(image), 1, stated=120).count == 120
    assert sampling_of(np.abs(image), 1, stated=96).kind is SamplingKind.NATIVE


def test_native_and_back_is_the_same() -> None:
    image = np.abs(magnitude())
    shown = at_matrix(image, (2, 2 * N, 2 * N))
    assert np.allclose(shown[:, ::2, ::2], image, atol=1e-9)
    assert np.allclose(at_matrix(shown, (2, N, N)), image, atol=1e-9)


def test_zero_filled_images_are_unrung_at_their_matrix() -> None:
    image = magnitude(noise=0.2)
    done = degibbs(volume(zero_filled(image)), (1, 2))
    assert [sampling.count for sampling in done.samplings] == pytest.approx([N, N], abs=2)
    change = done.volume.voxels / 4 - zero_filled(image)
    wanted = at_matrix(unring(np.abs(image), (1, 2)) - np.abs(image), change.shape)
    assert np.corrcoef(change.ravel(), wanted.ravel())[0, 1] > 0.8
    assert done.volume.voxels.dtype == np.int16
    assert np.array_equal(done.volume.affine.matrix, volume(np.abs(image)).affine.matrix)
    assert any("does not say" in caution for caution in done.cautions)


def test_a_stated_full_k_space_is_no_caution() -> None:
    assert degibbs(volume(np.abs(magnitude())), (1, 2), Acquisition(partial_fourier=False)).cautions == ()


@pytest.mark.parametrize(
    ("given", "acquisition", "words"),
    [
        (volume(np.abs(magnitude()), Modality.CT), Acquisition(), "CT has no"),
        (volume(np.abs(magnitude())), Acquisition(partial_fourier=True), "partial Fourier"),
        (volume(np.abs(magnitude())[:, :12]), Acquisition(), "too few voxels"),
        (volume(ndimage.zoom(np.abs(magnitude()), (1, 2, 2), order=3)), Acquisition(), "was interpolated"),
    ],
)
def test_what_cannot_be_unrung_is_refused(given: Volume, acquisition: Acquisition, words: str) -> None:
    with pytest.raises(InputUnfitError, match=words):
        degibbs(given, (1, 2), acquisition)


def test_the_slice_axis_is_said_or_told_by_the_steps() -> None:
    thick = volume(np.abs(magnitude()))
    assert encoded_axes(thick, None, from_dicom=False) == (1, 2)
    assert encoded_axes(thick, 2, from_dicom=True) == (0, 1)
    even = replace(thick, affine=Affine.axis_aligned(1.0, (0, 0, 0)))
    assert encoded_axes(even, None, from_dicom=True) == (1, 2)
    with pytest.raises(InputUnfitError, match="--slice-axis"):
        encoded_axes(even, None, from_dicom=False)
