"""Levels, points and sides on the true labels of phantoms with usual and unusual numbers of vertebrae."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from procguide.anatomy import VERSE_LABELS, Anchor, Region
from procguide.errors import UsageError
from procguide.geometry import vector
from procguide.imaging import Grid
from procguide.phantom import PhantomParameters, build
from procguide.phantom.population.draw_bones import curve_of
from procguide.phantom.population.morphometry import PHANTOM_LEVELS, mean_shapes
from procguide.segmentation import VERTEBRAL, TissueClass, class_of
from procguide.segmentation.hints import LevelAt, stated_levels
from procguide.segmentation.instances import Instances, claim_for_sacrum
from procguide.segmentation.naming import Naming, name_levels
from procguide.segmentation.sides import LEFT, arch_sides

SPACING = 2.0
USUAL = PHANTOM_LEVELS
SIX = (*USUAL, "L6")
FOUR = USUAL[:-1]


@dataclass(frozen=True)
class Truth:
    """True classes and vertebrae (1 for the lowest) of a phantom; ``levels`` from the lowest upward."""

    classes: NDArray[np.uint8]
    instances: Instances
    levels: tuple[str, ...]
    grid: Grid
    sided: NDArray[np.uint8]

    def between(self, lowest: str, highest: str, below_mm: float = 0.0) -> Truth:
        """The field cut to some vertebrae: from ``below_mm`` under the lowest body to the highest's top."""
        body = self.classes == TissueClass.BODY
        numbers = [self.levels.index(level) + 1 for level in (lowest, highest)]
        low = np.argwhere((self.instances.labels == numbers[0]) & body)[:, 0].min() - round(
            below_mm / SPACING
        )
        high = np.argwhere((self.instances.labels == numbers[1]) & body)[:, 0].max() + 1
        field = slice(max(int(low), 0), int(high))
        labels = self.instances.labels[field]
        sizes = np.bincount(np.where(body[field], labels, 0).ravel(), minlength=len(self.levels) + 1)
        kept = [n for n in range(1, len(self.levels) + 1) if sizes[n] * SPACING**3 > 3000]
        table = np.zeros(len(self.levels) + 1, dtype=np.uint8)
        table[kept] = range(1, len(kept) + 1)
        grid = Grid(labels.shape, self.grid.affine.shifted((field.start, 0, 0)))
        return replace(
            self,
            classes=self.classes[field],
            instances=_instances(table[labels], self.classes[field]),
            levels=tuple(self.levels[n - 1] for n in kept),
            grid=grid,
            sided=self.sided[field],
        )

    def named(self, **options: object) -> Naming:
        return name_levels(self.classes, self.instances, SPACING, **options)  # type: ignore[arg-type]


def _instances(labels: NDArray[np.uint8], classes: NDArray[np.uint8]) -> Instances:
    count = int(labels.max())
    body = classes == TissueClass.BODY
    heights = [float(np.argwhere((labels == n) & body)[:, 0].mean()) * SPACING for n in range(1, count + 1)]
    return Instances(labels, (1.0,) * count, tuple(heights))


@lru_cache(maxsize=8)
def truth(levels: tuple[str, ...] = USUAL, *, cobb_deg: float = 0.0) -> Truth:
    bones, joints = mean_shapes(levels)
    tilts, turns = curve_of(levels, cobb_deg, 6.0, 4.0, np.zeros((2, len(levels))))
    parameters = PhantomParameters(
        levels=levels,
        vertebrae=bones,
        facets=joints,
        tilts_deg=tilts,
        turns_deg=turns,
    )
    phantom = build(parameters, SPACING, box=((-72.0, -85.0, -70.0), (72.0, 90.0, 400.0)))
    table = np.zeros(256, dtype=np.uint8)
    table[list(Region)] = [class_of(region) for region in Region]
    classes = table[phantom.tissues.voxels]
    order = levels[::-1]
    numbers = np.zeros(256, dtype=np.uint8)
    numbers[[VERSE_LABELS[level] for level in order]] = range(1, len(order) + 1)
    labels = np.where(np.isin(classes, VERTEBRAL), numbers[phantom.levels.voxels], 0).astype(np.uint8)
    grid = phantom.tissues.grid
    return Truth(classes, _instances(labels, classes), order, grid, phantom.instances.voxels)


class TestWholeField:
    @pytest.mark.parametrize("levels", [USUAL, SIX, FOUR], ids=["usual", "L6", "no L5"])
    def test_lumbar_names_are_right(self, levels: tuple[str, ...]) -> None:
        found = truth(levels)
        naming = found.named()
        lumbar = [level for level in found.levels if level.startswith("L")]
        assert list(naming.levels[: len(lumbar)]) == lumbar
        assert naming.anchors == (Anchor.SACRUM, Anchor.LAST_RIB)

    def test_the_usual_one_is_sure_and_silent(self) -> None:
        naming = truth().named()
        assert naming.levels == USUAL[::-1]
        assert naming.findings == ()
        assert min(naming.confidence.values()) > 0.9

    @pytest.mark.parametrize(("levels", "count"), [(SIX, "6 lumbar"), (FOUR, "4 lumbar")])
    def test_what_is_unusual_is_said_and_less_sure(self, levels: tuple[str, ...], count: str) -> None:
        naming = truth(levels).named()
        assert any(count in finding.words for finding in naming.findings)
        assert naming.confidence[levels[-1]] < truth().named().confidence["L5"] - 0.1


class TestTruncatedField:
    def test_lumbar_alone_is_not_anchored(self) -> None:
        naming = truth().between("L4", "L1").named(require_anchor=False)
        assert (naming.anchor, naming.levels) == (Anchor.NONE, ())

    def test_thoracic_alone_is_not_anchored(self) -> None:
        naming = truth().between("T12", "T8").named(require_anchor=False)
        assert naming.anchor is Anchor.NONE

    def test_lowest_rib_in_view(self) -> None:
        cut = truth().between("L3", "T9")
        naming = cut.named()
        assert naming.levels == cut.levels
        assert naming.anchors == (Anchor.LAST_RIB,)

    def test_lumbosacral(self) -> None:
        cut = truth().between("L5", "L2", below_mm=60.0)
        naming = cut.named()
        assert naming.levels == ("L5", "L4", "L3", "L2")
        assert naming.anchors == (Anchor.SACRUM,)

    def test_lost_ribs_do_not_move_the_names(self) -> None:
        """T12's ribs are gone, as where a network misses them: the count from the sacrum holds."""
        full = truth()
        classes = full.classes.copy()
        low = np.argwhere(full.instances.labels == 6)[:, 0]
        ribs = classes == TissueClass.RIB
        ribs[: low.min() - 45] = False
        ribs[low.max() :] = False
        classes[ribs] = TissueClass.OTHER
        naming = name_levels(classes, full.instances, SPACING)
        assert naming.levels[:5] in (("L5", "L4", "L3", "L2", "L1"), ("L6", "L5", "L4", "L3", "L2"))
        assert naming.findings
        assert naming.confidence[naming.levels[0]] < 0.9


class TestSacrumTakenForAVertebra:
    def test_s1_without_a_disc_becomes_sacrum(self) -> None:
        full = truth()
        classes, labels = full.classes.copy(), full.instances.labels.copy()
        top = int(np.argwhere(classes == TissueClass.SACRUM)[:, 0].max())
        first = (classes == TissueClass.SACRUM) & (np.arange(len(classes))[:, None, None] > top - 18)
        first[:, :, : classes.shape[2] // 2 - 12] = False
        first[:, :, classes.shape[2] // 2 + 12 :] = False
        classes[first] = TissueClass.BODY
        labels = np.where(first, 1, np.where(labels > 0, labels + 1, 0)).astype(np.uint8)
        instances = claim_for_sacrum(classes, _instances(labels, classes), SPACING)
        assert instances.count == len(USUAL)
        assert name_levels(classes, instances, SPACING).levels == USUAL[::-1]

    def test_a_cut_vertebra_with_a_speck_of_sacrum_stays_one(self) -> None:
        cut = truth().between("L4", "T11")
        classes = cut.classes.copy()
        classes[:2, 40:43, 34:37] = TissueClass.SACRUM
        assert claim_for_sacrum(classes, cut.instances, SPACING).count == cut.instances.count


class TestPoints:
    def point(self, found: Truth, level: str, shift: tuple[float, float, float] = (0, 0, 0)) -> LevelAt:
        own = found.instances.labels == found.levels.index(level) + 1
        centre = np.argwhere(own & (found.classes == TissueClass.BODY)).mean(axis=0)
        return LevelAt(vector(found.grid.affine.apply(centre) + shift), level)

    def test_a_point_in_a_body_names_it(self) -> None:
        cut = truth().between("L4", "L1")
        stated = stated_levels(cut.instances, cut.grid, [self.point(cut, "L3"), self.point(cut, "L1")])
        assert stated == {1: "L3", 3: "L1"}
        naming = cut.named(stated=stated)
        assert naming.levels == cut.levels
        assert naming.anchor is Anchor.USER

    def test_a_point_just_before_it_too(self) -> None:
        found = truth()
        stated = stated_levels(found.instances, found.grid, [self.point(found, "L2", (0.0, -28.0, 0.0))])
        assert stated == {3: "L2"}

    def test_a_point_too_far_off_is_refused(self) -> None:
        found = truth()
        with pytest.raises(UsageError, match="no vertebra lies within 15 mm"):
            stated_levels(found.instances, found.grid, [self.point(found, "L2", (0.0, -60.0, 0.0))])
        with pytest.raises(UsageError, match="no vertebra lies within 15 mm"):
            stated_levels(found.instances, found.grid, [LevelAt(vector((0, 0, 9000)), "L2")])

    def test_two_names_for_one_vertebra_are_refused(self) -> None:
        found = truth()
        with pytest.raises(UsageError, match="both L3 and L2"):
            stated_levels(
                found.instances,
                found.grid,
                [self.point(found, "L3"), replace(self.point(found, "L3", (0.0, 5.0, 0.0)), level="L2")],
            )


@pytest.mark.parametrize("cobb_deg", [0.0, 35.0])
def test_left_and_right_follow_a_turned_vertebra(cobb_deg: float) -> None:
    found = truth(cobb_deg=cobb_deg)
    sides = arch_sides(found.classes, found.instances, SPACING)
    paired = (found.sided >= LEFT) & (found.instances.labels > 0)
    right = found.sided[paired] // 100 == sides[paired] // 100
    assert right.mean() > 0.97
    far = (TissueClass.TRANSVERSE_PROCESS, TissueClass.PEDICLE, TissueClass.INFERIOR_ARTICULAR_PROCESS)
    processes = paired & np.isin(found.classes, far)
    assert (found.sided[processes] // 100 == sides[processes] // 100).mean() > 0.99
    assert not sides[found.classes == TissueClass.BODY].any()
