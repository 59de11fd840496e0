"""The body's surface in MRI of a phantom, against the skin that the phantom has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from procguide.anatomy import Region, Side
from procguide.errors import InputUnfitError
from procguide.geometry import Affine
from procguide.imaging import Modality, Volume
from procguide.phantom import Phantom, PhantomParameters, build
from procguide.phantom.mri import (
    STIR,
    T1_TSE,
    T2_TSE,
    Composition,
    MriSettings,
    Sequence,
    compose,
    sagittal,
    simulate_mri,
)
from procguide.planning import Request, Subject, load_catalogue, plan
from procguide.planning.nouns import PlanSet
from procguide.planning.skin import Body, Box, skin_points
from procguide.planning.skin_mri import body_from_mri

ORGANS = (Region.KIDNEY, Region.AORTA, Region.VENA_CAVA, Region.LIVER, Region.BOWEL)
SEQUENCES = {"T1": T1_TSE, "T2": T2_TSE, "STIR": STIR}
MEAN_MM, WORST_MM = 1.3, 3.5
"""How far the found skin may lie off the true one: the body's lattice has steps of 2 mm."""


@pytest.fixture(scope="module")
def piece() -> Phantom:
    """L2 to L4 from belly to back."""
    return build(PhantomParameters(), 1.5, box=((-45, -500, 55), (45, 500, 155)))


@pytest.fixture(scope="module")
def composed(piece: Phantom) -> Composition:
    return compose(piece)


@pytest.fixture(scope="module")
def images(composed: Composition) -> dict[str, Volume]:
    """A narrow slab of 57 mm, as a lumbar MRI is."""
    return {name: imaged(composed, sequence) for name, sequence in SEQUENCES.items()}


def imaged(composed: Composition, sequence: Sequence) -> Volume:
    stack = sagittal(composed.phantom.spine, "L3", slices=13)
    coarse = replace(stack, acquired=(176, 208), reconstructed=(224, 224), oversampling=0.0)
    return simulate_mri(composed, sequence, coarse, 1, settings=MriSettings(elements=4))


@pytest.fixture(scope="module")
def box(piece: Phantom) -> Box:
    x, y, z = piece.spine.vertebra("L3").frame.origin
    return np.array([x - 100.0, y - 30.0, z - 40.0]), np.array([x + 100.0, y + 230.0, z + 40.0])


@pytest.fixture(scope="module")
def rays(piece: Phantom) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From the canal of L3, up to 20 degrees up and down and 8 aside."""
    tilt, oblique = (grid.ravel() for grid in np.meshgrid(*(np.radians([-n, 0, n]) for n in (20, 8))))
    outward = np.stack([np.cos(tilt) * np.sin(oblique), np.cos(tilt) * np.cos(oblique), np.sin(tilt)], axis=1)
    return np.tile(piece.spine.vertebra("L3").canal_centre or (), (len(outward), 1)), outward


@pytest.fixture(scope="module")
def true_depth(piece: Phantom, rays: tuple[NDArray[np.float64], NDArray[np.float64]]) -> NDArray[np.float64]:
    """Where each ray leaves the last tissue."""
    steps = np.arange(0.0, 110.0, 0.25)
    points = rays[0][:, None] + rays[1][:, None] * steps[:, None]
    index = np.round(piece.tissues.to_index(points)).astype(int)
    assert (index[..., 0] >= 0).all()
    index = np.minimum(index, np.array(piece.tissues.shape) - 1)
    inside = piece.tissues.voxels[tuple(np.moveaxis(index, -1, 0))] > 0
    return np.asarray(steps[inside.shape[1] - 1 - np.argmax(inside[:, ::-1], axis=1)])


def noisy(image: Volume) -> Volume:
    real, imaginary = np.random.default_rng(3).normal(0, 30, (2, *image.shape))
    return image.with_voxels(np.hypot(image.voxels + real, imaginary).astype(np.float32))


def air_at_zero(image: Volume) -> Volume:
    smooth = gaussian_filter(image.voxels.astype(np.float32), (0, 1, 1))
    return image.with_voxels(np.where(smooth > np.percentile(smooth[:, :, -30:], 99.9), image.voxels, 0))


def lifted(image: Volume) -> Volume:
    return image.with_voxels(image.voxels + np.uint16(200))


def shaded(image: Volume) -> Volume:
    """Falling to a third 60 mm before the back's skin, under noise that does not fall."""
    fall = np.exp(np.minimum(np.arange(image.shape[2]) - 165, 0) / 45.0)
    return noisy(image.with_voxels((image.voxels * fall).astype(np.float32)))


def ghosted(image: Volume, share: float = 0.03) -> Volume:
    """A copy 27 mm farther back."""
    ghost = share * np.roll(image.voxels.astype(np.float32), 20, axis=2)
    return image.with_voxels((image.voxels + ghost).astype(np.float32))


def framed(image: Volume) -> Volume:
    """A white line behind and below, and rows before the body that were never measured."""
    voxels = image.voxels.copy()
    voxels[:, :, :12] = 0
    voxels[:, :, -1] = voxels[:, -1] = voxels[-1] = 2500
    return image.with_voxels(voxels)


def same(image: Volume) -> Volume:
    return image


CHANGES = [same, noisy, air_at_zero, lifted, shaded, ghosted, framed]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("sequence", ["T1", "T2"])
def test_the_skin_is_where_the_phantom_has_it(
    images: dict[str, Volume],
    box: Box,
    rays: tuple[NDArray[np.float64], NDArray[np.float64]],
    true_depth: NDArray[np.float64],
    sequence: str,
    change: Callable[[Volume], Volume],
) -> None:
    off = skin_points(body_from_mri(change(images[sequence]), box), *rays, 250.0) - true_depth
    assert abs(off.mean()) < MEAN_MM
    assert np.abs(off).max() < WORST_MM


def test_suppressed_fat_is_not_taken_for_air(
    images: dict[str, Volume],
    box: Box,
    rays: tuple[NDArray[np.float64], NDArray[np.float64]],
    true_depth: NDArray[np.float64],
) -> None:
    off = skin_points(body_from_mri(images["STIR"], box), *rays, 250.0) - true_depth
    assert np.abs(off).max() < WORST_MM


def test_a_ghost_that_is_too_strong_puts_the_skin_in_doubt(images: dict[str, Volume], box: Box) -> None:
    assert body_from_mri(images["T2"], box).doubt == ""
    assert "uncertain" in body_from_mri(ghosted(images["T2"], 0.08), box).doubt


@pytest.mark.parametrize("sequence", ["T1", "T2"])
@pytest.mark.parametrize("short_mm", [3.0, 15.0, 40.0])
def test_an_image_that_ends_before_the_skin_is_refused(
    images: dict[str, Volume],
    box: Box,
    rays: tuple[NDArray[np.float64], NDArray[np.float64]],
    true_depth: NDArray[np.float64],
    sequence: str,
    short_mm: float,
) -> None:
    image = images[sequence]
    rows = image.to_index(rays[0] + rays[1] * true_depth[:, None])[:, 2]
    stop = int(rows.min() - short_mm / image.spacing[2])
    with pytest.raises(InputUnfitError, match=r"no air was found behind the back.*Load a series"):
        body_from_mri(image.crop((0, 0, 0), (*image.shape[:2], stop)), box)


def wedge() -> Volume:
    """A block whose back lies at y 100 mm on the patient's right and 110 on the left, 60 mm wide."""
    values = np.random.default_rng(5).normal(20, 2, (30, 80, 60)).astype(np.float32)
    y, x = np.arange(80) * 2.0, np.arange(60) - 30.0
    values[:, y[:, None] < 105.0 + x[None, :] / 6.0] = 400.0
    return Volume(values, Affine.axis_aligned((3.0, 2.0, 1.0), (-30.0, 0.0, 0.0)), Modality.MR)


def stored(image: Volume, order: tuple[int, int, int], flips: tuple[int, ...]) -> Volume:
    """The same image with its axes in another order and direction."""
    matrix = image.affine.matrix @ np.eye(4)[:, [*order, 3]]
    voxels = image.voxels.transpose(order)
    for axis in flips:
        voxels = np.flip(voxels, axis)
        matrix[:3, 3] += matrix[:3, axis] * (voxels.shape[axis] - 1)
        matrix[:3, axis] *= -1
    return Volume(voxels, Affine(matrix), image.modality)


@pytest.mark.parametrize("flips", [(), (0,), (1,), (2,), (0, 1, 2)])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_left_stays_left_however_the_image_is_stored(
    order: tuple[int, int, int], flips: tuple[int, ...]
) -> None:
    box = np.array([-40.0, 20.0, 0.0]), np.array([40.0, 200.0, 90.0])
    body: Body = body_from_mri(stored(wedge(), order, flips), box)
    left, right = np.array([[24.0, 50.0, 45.0]]), np.array([[-24.0, 50.0, 45.0]])
    back = np.array([[0.0, 1.0, 0.0]])
    assert skin_points(body, left, back, 250.0) == pytest.approx([59.0], abs=1.5)
    assert skin_points(body, right, back, 250.0) == pytest.approx([51.0], abs=1.5)


@pytest.fixture(scope="module")
def found(piece: Phantom, images: dict[str, Volume]) -> PlanSet:
    """With true labels, so that the image's part is what is shown."""
    return planned(piece, images["T2"])


def planned(piece: Phantom, image: Volume) -> PlanSet:
    subject = Subject(piece.spine, piece.levels, piece.regions, image)
    return plan(Request(load_catalogue()["lumbar_interlaminar_esi"], "L2-L3", None), subject)


def test_the_tip_is_in_the_epidural_space_and_the_entry_at_the_skin(piece: Phantom, found: PlanSet) -> None:
    assert found.plans, found.reason
    needle = found.plans[0].trajectory
    fat = piece.tissues.to_patient(np.argwhere(piece.tissues.mask(Region.EPIDURAL_FAT)))
    assert np.linalg.norm(fat - needle.target, axis=1).min() < 2.0
    outward = np.subtract(needle.entry, needle.target)
    outward /= np.linalg.norm(outward)
    for off, inside in ((-3.0, True), (3.0, False)):
        index = np.round(piece.tissues.to_index(needle.entry + off * outward)).astype(int)
        assert (piece.tissues.voxels[tuple(index)] > 0) == inside


def test_a_plan_says_what_an_mri_does_not_show(found: PlanSet) -> None:
    said = "; ".join(found.warnings)
    assert "no organ or vessel is labelled" in said
    assert "C-arm room is not judged" in said
    assert "not judged: lung, bowel, vena cava" in said
    assert all(view.room_mm is None for one in found.plans for view in one.views)


def test_slices_stored_from_the_other_side_give_the_same_needle(
    piece: Phantom, images: dict[str, Volume], found: PlanSet
) -> None:
    again = planned(piece, stored(images["T2"], (0, 1, 2), (0,)))
    assert again.plans[0].trajectory.entry == pytest.approx(found.plans[0].trajectory.entry, abs=0.01)


def test_what_needs_an_organ_is_refused(piece: Phantom, images: dict[str, Volume]) -> None:
    """Labels of MRI never hold kidney and aorta."""
    without = np.where(piece.regions.mask(*ORGANS), 0, piece.regions.voxels).astype(np.uint8)
    subject = Subject(piece.spine, piece.levels, piece.regions.with_voxels(without), images["T2"])
    request = Request(load_catalogue()["lumbar_sympathetic_block"], "L2", Side.LEFT)
    with pytest.raises(InputUnfitError, match="needs kidney, aorta, which the labels do not hold"):
        plan(request, subject)


def test_a_surface_before_the_spinous_process_is_no_skin(piece: Phantom, images: dict[str, Volume]) -> None:
    """As where fat and skin are as dark as air, and only muscle is seen."""
    tip = piece.spine.vertebra("L2").spinous_process_tip
    assert tip is not None
    image = images["T2"]
    row = int(image.to_index(tip)[2])
    air = image.voxels[:, :, -40:].astype(np.int32)
    voxels = image.voxels.copy()
    voxels[:, :, row:] = np.resize(air, voxels[:, :, row:].shape)
    with pytest.raises(InputUnfitError, match="on or in front of a spinous process"):
        planned(piece, image.with_voxels(voxels))
