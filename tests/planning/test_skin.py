"""The body's surface on a block in air, and where the image's edge is no skin."""

from __future__ import annotations

import numpy as np
import pytest

from procguide.geometry import Affine
from procguide.imaging import Modality, Volume
from procguide.planning.skin import Body, body_from_ct, skin_points

SLICE_MM = 4.25
BACK_MM = 120.0
"""The block's back; it reaches the image's first and last slice."""


@pytest.fixture(scope="module")
def image() -> Volume:
    hounsfield = np.full((21, 90, 80), -1000, np.int16)
    hounsfield[:, 20:60, 10:70] = 40
    return Volume(hounsfield, Affine.axis_aligned((SLICE_MM, 2.0, 2.0), (0.0, 1.0, 0.0)), Modality.CT)


@pytest.fixture(scope="module")
def body(image: Volume) -> Body:
    return body_from_ct(image, (np.array([-400.0, -400.0, -400.0]), np.array([400.0, 400.0, 400.0])))


def depths(body: Body, target: tuple[float, float, float], tilts: list[float]) -> np.ndarray:
    angle = np.radians(tilts)
    outward = np.stack([np.zeros_like(angle), np.cos(angle), np.sin(angle)], axis=1)
    return skin_points(body, np.tile(target, (len(tilts), 1)), outward, 250.0)


def test_straight_out_of_the_back_there_is_skin(body: Body) -> None:
    assert depths(body, (80.0, 80.0, 40.0), [0.0]) == pytest.approx([BACK_MM - 80.0], abs=1.1)


@pytest.mark.parametrize("height", [4.0, 8.0, 77.0, 83.0])
def test_the_images_first_and_last_slice_are_no_skin(body: Body, height: float) -> None:
    out = 1 if height > 40 else -1
    found = depths(body, (80.0, 80.0, height), [out * tilt for tilt in (20.0, 35.0, 50.0, 70.0, 89.0)])
    assert (found[np.abs(found + 1) > 1e-9] > 40).all()
    assert (found[1:] == -1).all()


def test_what_the_field_of_view_cuts_off_has_no_skin(image: Volume) -> None:
    rows = image.crop((0, 0, 0), (21, 58, 80))
    cut = body_from_ct(rows, (np.array([-400.0, -400.0, -400.0]), np.array([400.0, 400.0, 400.0])))
    assert depths(cut, (80.0, 80.0, 40.0), [0.0, 10.0]) == pytest.approx([-1, -1])


def test_a_tilted_images_edge_is_no_skin_either(image: Volume) -> None:
    turn = np.radians(18.0)
    rotation = np.eye(4)
    rotation[1:3, 1:3] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    tilted = Volume(image.voxels, Affine(rotation) @ image.affine, Modality.CT)
    box = np.array([-400.0, -400.0, -400.0]), np.array([400.0, 400.0, 400.0])
    target = Affine(rotation).apply(np.array([80.0, 80.0, 40.0]))
    outward = np.stack(
        [np.zeros(50), *(f(np.radians(np.linspace(-70, 70, 50)) + turn) for f in (np.cos, np.sin))], axis=1
    )
    found = skin_points(body_from_ct(tilted, box), np.tile(target, (50, 1)), outward, 250.0)
    tip = Affine(rotation).inverse.apply(target + outward * found[:, None])
    met = found >= 0
    assert 10 < met.sum() < 45
    assert tip[met, 1] == pytest.approx(np.full(met.sum(), BACK_MM), abs=1.6)
