"""Left stays left: a marker in the left kidney alone, looked for in the picture of every pane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from conftest import SAMPLE
from hands import picture, wait
from napari_procguide._launch import add_workspace
from napari_procguide.display.planes import letters
from napari_procguide.models.plan import Needle
from numpy.typing import NDArray
from scipy import ndimage

from procguide.anatomy import Region
from procguide.geometry import Affine
from procguide.imaging import Modality, Volume
from procguide.imaging.files import read_image, write_image

STEP_MM = 2.0
SIZE_MM = (200.0, 240.0, 280.0)  # superior, posterior, left
RIGHT, LEFT, FRONT, BACK, HEAD, FEET = np.eye(3)[[0, 0, 1, 1, 2, 2]] * [[-1], [1], [-1], [1], [1], [-1]]
LEAN = np.radians(20)

STORED = {
    "axial, from the feet": (HEAD, BACK, LEFT),
    "axial, NIfTI's own way": (HEAD, FRONT, RIGHT),
    "sagittal, from the left": (RIGHT, FEET, BACK),
    "coronal, leaned by 20 degrees": (
        BACK * np.cos(LEAN) + FEET * np.sin(LEAN),
        FEET * np.cos(LEAN) - BACK * np.sin(LEAN),
        LEFT,
    ),
}


@dataclass(frozen=True)
class Shown:
    """Where the marker's picture is, as shares of the pane from its middle: right and down."""

    right: float
    down: float


def marker_in(pixels: NDArray[np.uint8]) -> Shown | None:
    """The one thick white spot; letters, scale and crosshair are thin."""
    spots, count = ndimage.label(pixels.min(axis=-1) > 200)
    thick = [(min(np.ptp(np.argwhere(spots == n), axis=0)), n) for n in range(1, count + 1)]
    size, spot = max(thick, default=(0, 0))
    if size < 11:
        return None
    row, column = ndimage.center_of_mass(spots == spot)
    return Shown(column / pixels.shape[1] - 0.5, row / pixels.shape[0] - 0.5)


def marker_of(pane) -> Shown:
    """The marker in a pane, once the pane has drawn what was just asked of it."""
    wait(lambda: marker_in(picture(pane)) is not None, "no marker in the pane")
    found = marker_in(picture(pane))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def left_kidney():
    """The middle of the sample's left kidney, patient LPS mm, by the phantom's own tissues."""
    tissues = read_image(SAMPLE / "truth" / "tissues.nii.gz")
    index = np.argwhere(tissues.voxels[::4, ::4, ::4] == int(Region.KIDNEY)) * 4
    places = tissues.to_patient(index)
    middle = places[places[:, 0] > 0].mean(axis=0)
    assert middle[0] > 30  # patient LPS: left is positive
    return middle


def phantom(kidney, stored) -> Volume:
    """A soft block about the midline, a metal ball in the left kidney, its axes k, j, i along ``stored``."""
    directions = np.array(stored)
    shape = tuple(int(np.abs(one) @ SIZE_MM[::-1] / STEP_MM) for one in directions)
    centre = np.array([0.0, kidney[1] - 25.0, kidney[2] - 20.0])
    origin = centre - (np.array(shape) - 1) / 2 * STEP_MM @ directions
    affine = Affine.from_steps(directions * STEP_MM, origin)
    places = affine.apply(np.moveaxis(np.indices(shape), 0, -1))
    inside = np.linalg.norm(places - kidney, axis=-1) < 11
    return Volume(np.where(inside, 3000, 40).astype(np.int16), affine, Modality.CT)


@pytest.fixture(scope="module")
def workspace(qapp):
    import napari

    viewer = napari.Viewer(show=True)
    viewer.window.resize(1600, 1000)
    yield add_workspace(viewer)
    viewer.close()
    for _ in range(5):
        qapp.processEvents()


@pytest.fixture(scope="module", params=STORED.values(), ids=STORED)
def shown(request, workspace, left_kidney, tmp_path_factory):
    """The phantom open, the crosshair by the marker, a needle straight in from the back on the midline."""
    file = write_image(phantom(left_kidney, request.param), tmp_path_factory.mktemp("marked") / "ct.nii.gz")
    assistant = workspace.assistant
    before = assistant.study.image
    assistant.open(file)
    wait(lambda: assistant.study.image is not before and not assistant.jobs.busy, "open")
    wait(lambda: workspace.settled and not assistant.jobs.busy)
    assistant.view.window = (2000.0, 1000.0)
    assistant.view.point = tuple(left_kidney + 3.0)
    _, y, z = left_kidney
    assistant.plan.needle = Needle((0.0, y + 90.0, z), (0.0, y - 30.0, z), 0.7)
    for pane in workspace.panes.panes.values():
        pane.source.half_mm = 110.0
    workspace.panes.panes["along"].zoom = 0.5
    workspace.panes.panes["down"].source.before_tip_mm = 30.0
    assistant.plan.needle_changed.emit()
    wait(lambda: workspace.settled)
    yield workspace
    assistant.plan.needle = None


class TestMarker:
    def test_axial_has_patient_left_on_the_right(self, shown):
        pane = shown.panes.panes["axial"]
        assert letters(pane.plane.right) == "L"
        found = marker_of(pane)
        assert found.right > 0.05
        assert found.down > 0.03  # the kidney lies toward the back

    def test_coronal_has_patient_left_on_the_right_and_the_head_up(self, shown):
        pane = shown.panes.panes["coronal"]
        assert letters(pane.plane.right) == "L"
        found = marker_of(pane)
        assert found.right > 0.05
        assert found.down < -0.03

    def test_sagittal_shows_it_on_the_left_side_alone_the_back_on_the_right(self, shown, left_kidney):
        pane, view = shown.panes.panes["sagittal"], shown.assistant.view
        found = marker_of(pane)
        assert found.right > 0.03
        assert found.down < -0.03
        view.point = (-left_kidney[0], *left_kidney[1:])
        assert pane.source.title().startswith("sagittal  R")
        wait(lambda: marker_in(picture(pane)) is None, "the marker shows on the right side, too")
        view.point = tuple(left_kidney + 3.0)

    def test_down_the_needle_from_behind_left_is_on_the_left(self, shown):
        pane = shown.panes.panes["down"]
        assert letters(pane.plane.right) == "R"
        assert marker_of(pane).right < -0.05

    def test_along_the_needle_it_is_on_the_side_that_the_letter_says(self, shown):
        pane = shown.panes.panes["along"]
        side = 1 if letters(pane.plane.right) == "L" else -1
        assert side * marker_of(pane).right > 0.05

    def test_naparis_canvas_has_patient_left_on_the_right(self, shown):
        wait(lambda: shown.settled)
        level = shown.viewer.dims.point[0]
        assert level == pytest.approx(shown.assistant.view.point[2], abs=1.5)
        found = marker_in(shown.viewer.screenshot(canvas_only=True, flash=False)[..., :3])
        assert found is not None
        assert found.right > 0.05

    def test_the_value_under_the_marker_is_the_markers(self, shown, left_kidney):
        assert shown.assistant.study.image.value_at(tuple(left_kidney)) > 2500
        x, y, z = left_kidney
        assert shown.assistant.study.image.value_at((-x, y, z)) < 100
