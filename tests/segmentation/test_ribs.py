"""Ribs: gaps closed by the density of a CT, and which vertebra bears one."""

import numpy as np
import pytest

from procguide.anatomy import Side
from procguide.geometry import Affine
from procguide.imaging import Grid, Modality, Volume
from procguide.segmentation import TissueClass
from procguide.segmentation.dense_ribs import complete_ribs
from procguide.segmentation.inference import Prediction
from procguide.segmentation.network import NetworkSpec
from procguide.segmentation.rib_signs import BodyExtent, Rib, RibPieces

SPACING = 1.5
SPEC = NetworkSpec("vertebrae", "0", SPACING, 16, (4, 8), tuple(TissueClass))
BAR = (slice(18, 22), slice(20, 24))
"""Where a rib runs (k, j), along i."""


def scene(seen: list[slice], bone: slice = slice(30, 80)) -> tuple[Volume, Prediction]:
    """A bar of 300 HU in soft tissue, of which the network saw ``seen`` along i."""
    shape = (40, 40, 100)
    grid = Grid(shape, Affine.axis_aligned(SPACING, (0, 0, 0)))
    image = np.full(shape, 40.0, dtype=np.float32)
    image[*BAR, bone] = 300.0
    classes = np.zeros(shape, dtype=np.uint8)
    for part in seen:
        classes[*BAR, part] = TissueClass.RIB
    answer = Prediction(classes, np.zeros(shape, dtype=np.float32), grid, SPEC)
    return Volume(image, grid.affine, Modality.CT), answer


def test_a_gap_in_a_rib_is_closed() -> None:
    volume, answer = scene([slice(30, 45), slice(60, 80)])
    before = answer.classes.copy()
    classes = complete_ribs(volume, answer)
    middle = classes[19:21, 21:23]
    assert (middle[..., 30:80] == TissueClass.RIB).all()
    assert (classes == TissueClass.RIB).sum() <= 4 * 4 * 50
    assert np.array_equal(answer.classes, before)


def test_what_the_network_hardly_saw_does_not_grow() -> None:
    volume, answer = scene([slice(50, 52)])
    assert np.array_equal(complete_ribs(volume, answer), answer.classes)


def test_other_classes_and_soft_tissue_are_left() -> None:
    volume, answer = scene([slice(30, 50)], bone=slice(30, 58))
    answer.classes[*BAR, 54:58] = TissueClass.TRANSVERSE_PROCESS
    classes = complete_ribs(volume, answer)
    assert (classes[19:21, 21:23, 30:53] == TissueClass.RIB).all()
    assert (classes[*BAR, 54:58] == TissueClass.TRANSVERSE_PROCESS).all()
    assert not (classes[..., 58:] == TissueClass.RIB).any()


def test_without_a_rib_there_is_nothing_to_grow() -> None:
    volume, answer = scene([])
    assert complete_ribs(volume, answer) is answer.classes


def borne(process: slice | None, rib: slice, width: int = 160) -> dict[Side, Rib]:
    """Signs of a body with a bar to its left: a transverse process, then a rib."""
    classes = np.zeros((60, 60, width), dtype=np.uint8)
    classes[15:35, 10:30, 60:90] = TissueClass.BODY
    labels = (classes > 0).astype(np.uint8)
    if process is not None:
        classes[22:28, 34:40, process] = TissueClass.TRANSVERSE_PROCESS
        labels[22:28, 34:40, process] = 1
    classes[22:28, 34:40, rib] = TissueClass.RIB
    classes[50:58, 0:6, 0:40] = TissueClass.RIB  # another rib, elsewhere
    box = (slice(15, 35), slice(10, 30), slice(60, 90))
    body = BodyExtent.of(classes[box] == TissueClass.BODY, box, SPACING)
    return dict(RibPieces.of(classes, labels, SPACING).at(1, body))


@pytest.mark.parametrize(
    ("process", "rib", "sign"),
    [
        (slice(85, 105), slice(105, 140), Rib.SEEN),  # its neck was taken for the process
        (slice(85, 105), slice(105, 109), Rib.NONE),  # the tip of a process was taken for a rib
        (slice(85, 105), slice(115, 150), Rib.NONE),  # a rib that passes by, 15 mm away
        (None, slice(88, 140), Rib.NONE),  # behind the body without a process: nothing joins
    ],
)
def test_a_long_rib_at_the_process_is_borne(process: slice | None, rib: slice, sign: Rib) -> None:
    assert borne(process, rib) == {Side.LEFT: sign, Side.RIGHT: Rib.NONE}


def test_in_a_field_that_ends_beside_the_process_nothing_is_told() -> None:
    """Sagittal MRI: what meets the process there may be its own tip, cut off."""
    assert borne(slice(85, 100), slice(100, 102), width=102)[Side.LEFT] is Rib.HIDDEN


@pytest.mark.parametrize(
    ("reach", "sign"),
    [
        (30, Rib.DOUBTFUL),  # 15 mm farther out than the process of the next below
        (24, Rib.NONE),  # 6 mm
    ],
)
def test_a_process_far_longer_than_the_next_below_may_be_a_short_rib(reach: int, sign: Rib) -> None:
    """Three vertebrae from below, the highest with ribs; the processes of the middle one reach ``reach``."""
    classes = np.zeros((70, 60, 160), dtype=np.uint8)
    labels = np.zeros_like(classes)
    bodies = []
    for number, (low, half) in enumerate([(2, 20), (24, reach), (46, 18)], start=1):
        box = (slice(low, low + 18), slice(10, 30), slice(65, 95))
        classes[box] = TissueClass.BODY
        labels[box] = number
        arm = (slice(low + 6, low + 12), slice(34, 40), slice(80 - half, 80 + half))
        classes[arm] = TissueClass.TRANSVERSE_PROCESS
        labels[arm] = number
        bodies.append(BodyExtent.of(classes[box] == TissueClass.BODY, box, SPACING))
    classes[52:58, 20:26, 95:140] = classes[52:58, 20:26, 20:65] = TissueClass.RIB
    pieces = RibPieces.of(classes, labels, SPACING)
    read = [pieces.at(n, body) for n, body in enumerate(bodies, start=1)]
    found = pieces.with_short_ones(read, bodies)
    assert [dict(one) for one in found] == [
        dict.fromkeys(Side, Rib.NONE),
        dict.fromkeys(Side, sign),
        dict.fromkeys(Side, Rib.SEEN),
    ]
