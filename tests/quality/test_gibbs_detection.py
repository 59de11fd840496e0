"""Ringing is told from its absence, from filters and from interpolation, at a stated rate of false alarms."""

from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from procguide.geometry import Affine
from procguide.imaging import Modality, Volume
from procguide.quality import Acquisition, Examined, Kind
from procguide.quality.assess import assess_quality, checks_for
from procguide.quality.faults.ringing import (
    block_means,
    filled,
    filtered,
    measured,
    random_ellipsoids,
    soft_bodies,
    true_means,
    truncated,
)
from procguide.quality.gibbs.detect import Model, ringing_of, shipped_model
from procguide.quality.gibbs.evidence import FEATURES, evidence_of
from procguide.quality.gibbs.native import SamplingKind
from procguide.quality.gibbs.unring import unring

N, SLICES = 128, 4
SHAPE = (N, N)


@cache
def bodies(seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Exact bodies as measured, and their means over each voxel; 1 % noise in both channels."""
    drawn = [random_ellipsoids(SHAPE, seed + k) for k in range(SLICES)]
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(SLICES, N, N)) + 1j * rng.normal(size=(SLICES, N, N))
    return (
        np.stack([measured(one, SHAPE) for one in drawn]) + noise,
        np.stack([true_means(one, SHAPE, fine=4) for one in drawn]) + noise,
    )


def hamming(image: np.ndarray) -> np.ndarray:
    return filtered(image, (1, 2), lambda f: 0.54 + 0.46 * np.cos(2 * np.pi * f))


def feature(image: np.ndarray, name: str, axis: int = 1) -> float:
    found = evidence_of(np.abs(image), axis)
    assert found is not None
    return found.values[FEATURES.index(name)]


def test_a_cut_spectrum_does_not_favour_the_voxels_places() -> None:
    rings, means = bodies()
    assert abs(feature(rings, "grid_at_edges")) < 0.25 < feature(means, "grid_at_edges")
    assert feature(means, "grid_beside") < -0.3 < feature(rings, "grid_beside")
    assert feature(unring(np.abs(rings), (1, 2)), "grid_beside") < -0.3


def test_unringing_takes_more_away_beside_edges() -> None:
    rings, means = bodies()
    assert feature(rings, "residual") > max(feature(means, "residual"), 0.0) + 0.3


def test_a_filter_takes_the_finest_detail_away() -> None:
    rings, _ = bodies()
    assert feature(hamming(rings), "finest") < feature(rings, "finest") - 1.0


def test_block_means_keep_the_mean() -> None:
    fine = soft_bodies(4, 3 * N, 2)
    coarse = block_means(fine, 3)
    assert coarse.shape == (2, N, N)
    assert coarse.mean() == pytest.approx(fine.mean())
    assert coarse[1, 5, 7] == pytest.approx(fine[1, 15:18, 21:24].mean())


def test_zeros_in_k_space_keep_what_was_measured() -> None:
    image = bodies()[0]
    shown = filled(image, (2 * N, 2 * N), (1, 2))
    assert np.allclose(shown[:, ::2, ::2], image, atol=1e-9)
    with pytest.raises(ValueError, match="cannot be filled with zeros to 64"):
        filled(image, (64, 64), (1, 2))


def test_evidence_needs_samples_and_edges() -> None:
    assert evidence_of(np.abs(bodies()[0])[:, :50], 1) is None
    assert evidence_of(np.full((2, N, N), 7.0), 1) is None
    assert evidence_of(np.zeros((2, N, N)), 1) is None


def test_evidence_does_not_depend_on_scale() -> None:
    image = np.abs(bodies()[0])
    once, again = evidence_of(image, 2), evidence_of(40.0 * image, 2)
    assert once is not None
    assert again is not None
    assert np.allclose(once.values, again.values, atol=1e-3)


@pytest.mark.parametrize("shown", ["native", "filled with zeros"])
def test_ringing_is_found_at_the_matrix_it_was_measured_at(shown: str) -> None:
    image = bodies()[0]
    if shown != "native":
        image = filled(image, (3 * N // 2, 3 * N // 2), (1, 2))
    found = ringing_of(np.abs(image))
    assert found is not None
    assert found.chance < 0.05
    assert [one.sampling.count for one in found.axes] == pytest.approx([N, N], abs=2)
    assert found.worst.evidence is not None
    assert found.worst.evidence.ringing_percent > 1.0


@pytest.mark.parametrize("what", ["means", "hamming", "hamming filled with zeros", "unrung", "soft"])
def test_what_does_not_ring_is_not_said_to(what: str) -> None:
    rings, means = bodies()
    fine = soft_bodies(3, 3 * N, SLICES)
    image = {
        "means": lambda: np.abs(means),
        "hamming": lambda: np.abs(hamming(rings)),
        "hamming filled with zeros": lambda: np.abs(filled(hamming(rings), (192, 192), (1, 2))),
        "unrung": lambda: unring(np.abs(rings), (1, 2)),
        "soft": lambda: truncated(ndimage.gaussian_filter(fine, (0, 3, 3)), SHAPE, (1, 2)),
    }[what]()
    found = ringing_of(image)
    assert found is None or found.chance > 0.05


def test_ringing_along_one_axis_is_laid_to_it() -> None:
    soft = np.abs(filtered(bodies()[0], (2,), lambda f: 0.54 + 0.46 * np.cos(2 * np.pi * f)))
    found = ringing_of(soft)
    assert found is not None
    assert found.worst.axis == 1
    assert found.axes[1].sampling.kind is SamplingKind.FILTERED


def test_what_was_interpolated_since_is_not_judged() -> None:
    assert ringing_of(ndimage.zoom(np.abs(bodies()[0]), (1, 1.5, 1.5), order=3)) is None


def test_the_chance_counts_clean_images_of_like_noise() -> None:
    model = Model(np.zeros((2, len(FEATURES) + 1)), (2.0,), (np.array([0.0, 1.0, 2.0]), np.array([5.0])))
    assert model.chance(1.0, 1.0) == pytest.approx(3 / 4)
    assert model.chance(2.5, 1.0) == pytest.approx(1 / 4)
    assert model.chance(2.5, 3.0) == 1.0


def test_every_stratum_of_the_shipped_model_can_raise_an_alarm() -> None:
    model = shipped_model()
    assert model.questions.shape == (2, len(FEATURES) + 1)
    assert len(model.clean_scores) == len(model.noise_percent) + 1
    assert min(len(scores) for scores in model.clean_scores) >= 40


def test_the_check_says_along_which_axis() -> None:
    (check,) = (one for one in checks_for(Kind.MR) if one.name == "Gibbs ringing")
    words = {}
    for name, image in zip(("ring", "means"), bodies(), strict=True):
        voxels = np.rint(10 * np.abs(image)).astype(np.int16)
        volume = Volume(voxels, Affine.axis_aligned((4.0, 1.0, 1.0), (0, 0, 0)), Modality.MR)
        examined = Examined(Kind.MR, volume=volume, acquisition=Acquisition())
        (answer,) = assess_quality(examined, [check]).answers
        assert answer.finding is not None
        words[name] = answer.finding.words
    assert words["ring"].startswith(("Edges ring along j", "Edges ring along i"))
    assert words["means"].startswith("No ringing is found")
