"""Sacrum, coccyx, hip bones, thighs and ribs, measured on the label map."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from procguide.anatomy import BONE, VERSE_LABELS, Region, Side
from procguide.phantom import Phantom, PhantomParameters, build, sample_parameters
from procguide.phantom.assemble import assemble
from procguide.phantom.bones.coccyx import coccyx_tip
from procguide.phantom.bones.ribs import ribs_of
from procguide.phantom.bones.sacrum import FORAMINA, SacrumModel, to_straight

SACRUM_BOX = ((-75, -40, -160), (75, 110, 25))
SPACING = 1.0


def _other() -> PhantomParameters:
    return replace(sample_parameters(11), sacralised=0.0)


@pytest.fixture(scope="module", params=["mean", "drawn"])
def pelvis(request: pytest.FixtureRequest) -> Phantom:
    parameters = PhantomParameters(seed=2) if request.param == "mean" else _other()
    return build(parameters, SPACING, box=SACRUM_BOX)


@pytest.fixture(scope="module")
def hips() -> Phantom:
    return build(PhantomParameters(), 1.5, box=((30, -80, -135), (150, 60, -60)))


@pytest.fixture(scope="module")
def chest() -> Phantom:
    return build(PhantomParameters(), 1.0, box=((-70, -40, 175), (70, 90, 330)))


def _values(phantom: Phantom, points: NDArray[np.float64]) -> NDArray[np.uint8]:
    index = np.rint(phantom.tissues.to_index(points)).astype(int)
    return np.asarray(phantom.tissues.voxels[tuple(index.T)])


def _bent(sacrum: SacrumModel, x: float, s: float, h: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(
        sacrum.frame.to_patient(
            np.column_stack([np.full(len(h), x), to_straight(sacrum, np.full(len(h), s), h)])
        )
    )


def _gap(phantom: Phantom, first: Region, second: Region) -> NDArray[np.float64]:
    """Mm from each voxel of ``second`` to the nearest of ``first``, surface to surface."""
    away = ndimage.distance_transform_edt(phantom.tissues.voxels != first, sampling=phantom.tissues.spacing)
    return np.asarray(away[phantom.tissues.voxels == second] - SPACING)


class TestSacrum:
    def test_four_pairs_of_foramina_open_in_front_and_behind(self, pelvis: Phantom) -> None:
        """A straight way through, back to front, within the foramen's few millimetres."""
        sacrum = pelvis.anatomy.sacrum
        solid = [int(r) for r in BONE]
        depth = np.arange(-40.0, 55.0, 0.5)
        for side in Side:
            for station, across, front, _ in FORAMINA:
                ways = [
                    not np.isin(
                        _values(pelvis, _bent(sacrum, side.sign * (across + dx) * sacrum.size,
                                              (station + ds) * sacrum.stretch, depth)), solid
                    ).any()
                    for dx in np.arange(-2.0, front, 1.0)
                    for ds in np.arange(-4.0, 5.0, 1.0)
                ]  # fmt: skip
                assert any(ways), (side, station)

    def test_between_the_foramina_lies_bone(self, pelvis: Phantom) -> None:
        sacrum = pelvis.anatomy.sacrum
        middle = np.array([np.mean([a[0], b[0]]) for a, b in pairwise(FORAMINA)])
        for side in Side:
            for station in middle:
                column = _bent(
                    sacrum,
                    side.sign * 20.0 * sacrum.size,
                    station * sacrum.stretch,
                    np.arange(-5.0, 20.0, 1.0),
                )
                assert (_values(pelvis, column) == Region.SACRUM).sum() >= 5

    def test_canal_runs_through_and_opens_at_the_hiatus(self, pelvis: Phantom) -> None:
        line = pelvis.anatomy.canal.points
        solid = [int(r) for r in BONE]
        sacral = line[line[:, 2] < -5]
        assert not np.isin(_values(pelvis, sacral), solid).any()
        # From the canal's end straight back there is no bone; 25 mm higher there is.
        sacrum = pelvis.anatomy.sacrum
        back = np.arange(7.0, 25.0, 0.5)
        assert not np.isin(_values(pelvis, _bent(sacrum, 0.0, 100.0 * sacrum.stretch, back)), solid).any()
        assert np.isin(_values(pelvis, _bent(sacrum, 0.0, 70.0 * sacrum.stretch, back)), solid).any()

    def test_remnant_disc_lies_inside_the_bone(self) -> None:
        parameters = PhantomParameters()
        worn = replace(parameters, pelvis=replace(parameters.pelvis, remnant_disc=0.8))
        none = replace(parameters, pelvis=replace(parameters.pelvis, remnant_disc=0.0))
        box = ((-25, -10, -50), (25, 50, -15))
        found = [
            (build(p, 1.0, box=box).tissues.voxels == Region.ANNULUS_FIBROSUS).sum() for p in (worn, none)
        ]
        assert found[0] > 200
        assert found[1] == 0

    def test_bone_distance_rises_by_a_millimetre_a_millimetre(self, pelvis: Phantom) -> None:
        sacral = pelvis.tissues.voxels == Region.SACRUM
        slope = np.sqrt(sum(g**2 for g in np.gradient(pelvis.bone_distance, SPACING)))
        near = sacral & (pelvis.bone_distance > -3.0) & (pelvis.bone_distance < -1.2)
        assert 0.85 < np.median(slope[near]) < 1.12
        assert np.quantile(slope[near], 0.1) > 0.6


class TestCoccyx:
    def test_it_is_one_bone_apart_from_the_sacrum(self, pelvis: Phantom) -> None:
        coccyx = pelvis.levels.voxels == VERSE_LABELS["coccyx"]
        assert 2.0 < coccyx.sum() * SPACING**3 / 1000 < 9.0
        np.testing.assert_array_equal(coccyx, pelvis.tissues.voxels == Region.COCCYX)
        pieces = np.bincount(ndimage.label(coccyx, np.ones((3, 3, 3)))[0].ravel())[1:]
        assert 1 <= (pieces > 100).sum() <= 2
        gap = _gap(pelvis, Region.SACRUM, Region.COCCYX)
        assert 0.4 <= gap.min() < 4.0

    def test_it_hangs_below_the_sacrum_in_the_midline(self, pelvis: Phantom) -> None:
        where = pelvis.tissues.to_patient(np.argwhere(pelvis.tissues.voxels == Region.COCCYX))
        sacral = pelvis.tissues.to_patient(np.argwhere(pelvis.tissues.voxels == Region.SACRUM))
        assert abs(where[:, 0].mean()) < 3
        assert where[:, 2].min() < sacral[:, 2].min() - 10

    def test_more_curve_brings_the_tip_forward(self) -> None:
        mean = PhantomParameters()
        tips = [
            coccyx_tip(assemble(replace(mean, pelvis=replace(mean.pelvis, coccyx_curve_deg=curve))).sacrum)
            for curve in (10.0, 80.0)
        ]
        assert tips[1][1] < tips[0][1] - 5


class TestSacroiliacJoint:
    def test_narrow_in_front_wide_behind(self, pelvis: Phantom) -> None:
        """Joint space 1.7 mm (0.8 to 4.4) on average (Demir et al., Kobe J Med Sci 2007;53:165)."""
        gap = _gap(pelvis, Region.SACRUM, Region.ILIUM)
        assert gap.min() >= 0.4
        facing = gap[gap < 4.4]
        assert len(facing) > 1500
        assert 0.8 < np.median(gap[gap < 3.0]) < 2.8

    def test_sides_differ_but_not_much(self, pelvis: Phantom) -> None:
        ilium = pelvis.tissues.voxels == Region.ILIUM
        x = pelvis.tissues.to_patient(np.argwhere(ilium))[:, 0]
        left, right = (x > 0).sum(), (x < 0).sum()
        assert left != right
        assert abs(left - right) / (left + right) < 0.1


class TestHips:
    def test_head_in_its_socket(self, hips: Phantom) -> None:
        tissues = hips.tissues.voxels
        away = ndimage.distance_transform_edt(tissues != Region.ILIUM, sampling=hips.tissues.spacing) - 1.5
        head = away[tissues == Region.FEMUR]
        assert 1.5 < head.min() < 4.5
        assert (head < 6).sum() > 600

    def test_instance_tells_the_side(self, hips: Phantom) -> None:
        thigh = hips.tissues.voxels == Region.FEMUR
        assert set(np.unique(hips.instances.voxels[thigh])) == {100}


def _ribs(phantom: Phantom) -> Iterator[tuple[str, Side, NDArray[np.bool_]]]:
    for level in ("T9", "T10", "T11", "T12"):
        for side in Side:
            number = VERSE_LABELS[level] + (100 if side is Side.LEFT else 200)
            own = (phantom.tissues.voxels == Region.RIB) & (phantom.instances.voxels == number)
            yield level, side, own


class TestRibs:
    def test_each_starts_at_its_own_vertebra_without_touching(self, chest: Phantom) -> None:
        bone = np.isin(chest.tissues.voxels, [int(r) for r in BONE if r is not Region.RIB])
        for level, side, own in _ribs(chest):
            assert own.sum() > 500, (level, side)
            assert not (ndimage.binary_dilation(own) & bone).any(), (level, side)
            vertebra = chest.levels.voxels == VERSE_LABELS[level]
            away = ndimage.distance_transform_edt(~vertebra)
            assert away[own].min() <= 3.0, (level, side)

    def test_right_side_and_falling(self, chest: Phantom) -> None:
        for level, side, own in _ribs(chest):
            where = chest.tissues.to_patient(np.argwhere(own))
            assert side.sign * np.median(where[:, 0]) > 20
            outer = where[side.sign * where[:, 0] > 55]
            inner = where[side.sign * where[:, 0] < 35]
            assert outer[:, 2].mean() < inner[:, 2].mean() - 4, level

    def test_lengths_follow_the_parameters(self) -> None:
        for lengths in ((190.0, 120.0), (150.0, 80.0)):
            ribs = ribs_of(assemble(replace(PhantomParameters(), rib_lengths=lengths)))
            found = {
                level: np.linalg.norm(np.diff(tube.points, axis=0), axis=1).sum()
                for level, side, tube in ribs
                if side is Side.LEFT
            }
            assert found["T11"] == pytest.approx(lengths[0], abs=6)
            assert found["T12"] == pytest.approx(lengths[1], abs=6)


def test_no_two_bones_touch_at_the_pelvis(pelvis: Phantom) -> None:
    tissues = pelvis.tissues.voxels
    for a, b in ((Region.SACRUM, Region.ILIUM), (Region.SACRUM, Region.COCCYX), (Region.ILIUM, Region.FEMUR)):
        assert not (ndimage.binary_dilation(tissues == a) & (tissues == b)).any(), (a, b)


def test_a_sacralised_vertebra_meets_the_ala_without_fusing() -> None:
    """Its transverse processes come near, in a false joint; a free one's stay away."""
    nearest = {}
    for share in (0.0, 1.0):
        phantom = build(
            replace(PhantomParameters(), sacralised=share), 1.5, box=((-70, -10, -20), (0, 60, 50))
        )
        away = ndimage.distance_transform_edt(phantom.tissues.voxels != Region.SACRUM) * 1.5
        process = phantom.tissues.voxels == Region.TRANSVERSE_PROCESS
        process &= phantom.levels.voxels == VERSE_LABELS["L5"]
        lateral = phantom.tissues.to_patient(np.argwhere(process))[:, 0] < -34
        process[process] = lateral
        nearest[share] = away[process].min()
    assert nearest[1.0] <= 3.1
    assert nearest[0.0] > nearest[1.0] + 4
