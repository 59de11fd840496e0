"""A column is followed a little beyond where the locator lost it."""

import numpy as np

from procguide.segmentation.column_ends import continued

SPACING = 3.0


def leaning(top: int, slope: float) -> np.ndarray:
    """A column of 9 x 9 voxels that leans forward (j falls) by ``slope`` a row, up to row ``top``."""
    spine = np.zeros((80, 60, 60), dtype=bool)
    for k in range(10, top + 1):
        j = round(40 - slope * (k - 10))
        spine[k, j - 4 : j + 5, 26:35] = True
    return spine


def test_it_goes_on_along_its_own_direction() -> None:
    spine = leaning(50, 0.5)
    grown = continued(spine, SPACING)
    assert grown[spine].all()
    added = np.argwhere(grown & ~spine)
    assert (added[:, 0] >= 45).all()
    ahead = 40 - 0.5 * 50  # where the column would be ten rows on
    assert grown[60, round(ahead), 30]
    assert not grown[60, 40, 30]
    beyond = (added.max(axis=0)[0] - 50) * SPACING
    assert 45 / np.hypot(1, 0.5) <= beyond <= 45 / np.hypot(1, 0.5) + 18
    assert abs(added[:, 2].mean() - 30) < 0.1


def test_the_field_ends_it() -> None:
    spine = leaning(79, 0.0)
    grown = continued(spine, SPACING)
    assert grown.shape == spine.shape
    assert (np.argwhere(grown & ~spine)[:, 0] >= 74).all()


def test_a_stump_has_no_direction() -> None:
    spine = leaning(18, 0.0)
    assert np.array_equal(continued(spine, SPACING), spine)
