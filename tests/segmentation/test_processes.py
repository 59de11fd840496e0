"""Short ribs on vertebrae are transverse processes."""

import numpy as np

from procguide.segmentation import TissueClass
from procguide.segmentation.instances import Instances
from procguide.segmentation.processes import claim_processes

SPACING = 1.5


def vertebra_with_rib(length: int, start: int = 40) -> tuple[np.ndarray, Instances]:
    """A block with a bar of rib beside it, ``length`` voxels along i."""
    classes = np.zeros((30, 40, 100), dtype=np.uint8)
    classes[5:25, 10:30, 20:40] = TissueClass.BODY
    labels = (classes > 0).astype(np.uint8)
    classes[12:18, 18:24, start : start + length] = TissueClass.RIB
    return classes, Instances(labels, (1.0,), (22.5,))


def test_a_short_piece_becomes_the_vertebras_process() -> None:
    classes, instances = vertebra_with_rib(16)
    claimed = claim_processes(classes, instances, SPACING)
    assert (classes[12:18, 18:24, 40:56] == TissueClass.TRANSVERSE_PROCESS).all()
    assert (claimed.labels[12:18, 18:24, 40:56] == 1).all()
    assert (instances.labels[12:18, 18:24, 40:56] == 0).all()  # the given ones are left alone


def test_a_rib_stays_a_rib() -> None:
    for length, start in ((40, 40), (16, 60), (60, 40)):  # long; not touching; cut by the field
        classes, instances = vertebra_with_rib(length, start)
        claimed = claim_processes(classes, instances, SPACING)
        assert not (classes == TissueClass.TRANSVERSE_PROCESS).any()
        assert np.array_equal(claimed.labels, instances.labels)
