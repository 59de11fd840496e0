"""Planes, letters, slices and marks: where things lie, and on which side."""

import numpy as np
import pytest
from napari_procguide.display.overlay import Dot, Stroke, Tag, plan_marks
from napari_procguide.display.planes import AXIAL, CORONAL, SAGITTAL, along_needle, down_needle, letters
from napari_procguide.display.slices import grey, take
from napari_procguide.engine.messages import Near
from napari_procguide.models.plan import Needle, PlanModel
from napari_procguide.models.study import Lattice

LEFT_KIDNEY = (40.0, 30.0, 20.0)


@pytest.fixture
def marked() -> Lattice:
    """A body with one bright place, in the left kidney: patient left, behind, above the middle."""
    voxels = np.zeros((40, 60, 70), np.int16)
    lattice = Lattice(voxels, np.array([-40.0, -60.0, -70.0]), np.array([2.0, 2.0, 2.0]), float(voxels.min()))
    index = np.round(lattice.index_of(LEFT_KIDNEY)).astype(int)
    voxels[tuple(slice(i - 1, i + 2) for i in index)] = 1000
    return lattice


def brightest(lattice, plane) -> tuple[float, float]:
    """Where on the plane the bright place is seen, mm from its centre, right and down."""
    found = take(lattice, plane)
    row, column = np.unravel_index(np.argmax(found.values), found.values.shape)
    rows, columns = found.values.shape
    right = found.left + (column + 0.5) * found.width / columns
    return right, found.top + (row + 0.5) * found.height / rows


class TestSides:
    @pytest.mark.parametrize("plane", [AXIAL, SAGITTAL, CORONAL], ids=["axial", "sagittal", "coronal"])
    def test_the_left_kidney_is_seen_where_its_letters_say(self, marked, plane):
        at = plane.at((10.0, 5.0, 0.0))
        normal = int(np.argmax(np.abs(plane.normal)))
        through = [10.0, 5.0, 0.0]
        through[normal] = LEFT_KIDNEY[normal]
        at = plane.at(tuple(through))
        right, down = brightest(marked, at)
        expected = at.to_plane(LEFT_KIDNEY)
        assert (right, down) == pytest.approx(expected[:2], abs=2.5)

    def test_patient_left_is_on_the_right_in_axial_and_coronal(self):
        for plane in (AXIAL, CORONAL):
            assert letters(plane.right) == "L"
        assert letters(AXIAL.down) == "P"
        assert letters(CORONAL.down) == letters(SAGITTAL.down) == "I"
        assert letters(SAGITTAL.right) == "P"

    def test_an_oblique_plane_shows_it_in_its_place_too(self, marked):
        plane = down_needle((60.0, 80.0, 30.0), LEFT_KIDNEY, LEFT_KIDNEY)
        assert brightest(marked, plane) == pytest.approx((0, 0), abs=2.5)
        beside = plane.at(tuple(np.array(LEFT_KIDNEY) - 10 * np.array(plane.right)))
        assert brightest(marked, beside) == pytest.approx((10, 0), abs=2.5)

    def test_from_behind_patient_left_is_on_the_left(self):
        plane = down_needle((0, 100, 0), (0, 0, 0), (0, 0, 0))
        assert letters(plane.right) == "R"
        assert letters(plane.down) == "I"
        assert plane.normal == pytest.approx((0, -1, 0))

    def test_along_the_needle_the_skin_is_at_the_top(self):
        plane = along_needle((20, 90, 0), (0, 0, 0))
        entry, target = plane.to_plane([(20, 90, 0), (0, 0, 0)])
        assert entry[1] < target[1]
        assert entry[[0, 2]] == pytest.approx(target[[0, 2]], abs=1e-9)


class TestSlices:
    def test_a_slab_shows_its_maximum(self, marked):
        plane = AXIAL.at((0, 0, LEFT_KIDNEY[2] + 8))
        assert take(marked, plane).values.max() == 0
        assert take(marked, plane, slab_mm=24).values.max() == 1000

    def test_an_oblique_plane_is_sampled_where_it_is_looked_at(self, marked):
        plane = down_needle((60.0, 80.0, 30.0), LEFT_KIDNEY, LEFT_KIDNEY)
        whole, part = take(marked, plane), take(marked, plane, view=(-10.0, -40.0, 20.0, 80.0))
        assert part.values.shape == (384, 96)
        assert (part.left, part.top, part.width, part.height) == (-10.0, -40.0, 20.0, 80.0)
        assert part.values.max() == pytest.approx(whole.values.max(), rel=0.1)

    def test_a_plane_outside_shows_nothing(self, marked):
        assert take(marked, AXIAL.at((0, 0, 500.0))) is None

    def test_window(self):
        values = np.array([[-500, 400, 1300]], np.int16)
        assert grey(values, (400, 1800)).tolist() == [[0, 127, 255]]


def test_a_surface_is_lit_from_behind_and_above():
    from napari_procguide.display.shading import shaded

    corners = np.array([[-1, 0, -1], [1, 0, -1], [0, 0, 1.0]])
    white = np.ones((3, 3))
    back = shaded(corners, np.array([[0, 2, 1]]), white)  # faces posterior
    front = shaded(corners, np.array([[0, 1, 2]]), white)
    assert back.mean() > front.mean() > 0.2


class TestMarks:
    @pytest.fixture
    def plan(self) -> PlanModel:
        model = PlanModel()
        near = Near("dura", 1.0, 3.0, (0, 0, 0), (1.0, 0, 0))
        model.needle = Needle((30.0, 60.0, 20.0), (0.0, 0.0, 0.0), 0.7, (near,), ("dura: 1.0 mm, margin 3",))
        return model

    def test_a_needle_oblique_to_the_plane_is_drawn_where_it_is(self, plan):
        plane = AXIAL.at((0.0, 0.0, 10.0))
        strokes = [mark for mark in plan_marks(plane, plan) if isinstance(mark, Stroke)]
        shadow, within = strokes[0], strokes[1]
        assert shadow.points.tolist() == [[30, 60], [0, 0]]
        assert within.points == pytest.approx(np.array([[18.0, 36.0], [12.0, 24.0]]), abs=1e-6)
        rings = [mark.place for mark in plan_marks(plane, plan) if isinstance(mark, Dot)]
        assert any(place == pytest.approx((15.0, 30.0)) for place in rings)

    def test_a_plane_that_it_never_meets_has_its_shadow_alone(self, plan):
        plane = AXIAL.at((0.0, 0.0, -30.0))
        strokes = [mark for mark in plan_marks(plane, plan) if isinstance(mark, Stroke)]
        assert len(strokes) == 1
        assert strokes[0].dashed

    def test_a_broken_margin_is_said_in_words_and_dashes(self, plan):
        marks = list(plan_marks(AXIAL, plan))
        tags = [mark.words for mark in marks if isinstance(mark, Tag)]
        assert tags == ["dura 1.0 mm < 3"]
        assert any(isinstance(mark, Stroke) and mark.dashed and mark.width == 3.0 for mark in marks)
