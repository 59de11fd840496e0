"""The map of the skin on a ball whose entries are known, and its mesh on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from procguide.exchange import write_skin_mesh
from procguide.geometry import Affine
from procguide.imaging import Grid
from procguide.planning.skin import Body
from procguide.planning.skin_map import SkinEntries, SkinMap, SkinState, map_skin, quality_colours

RADIUS = 60.0


@pytest.fixture(scope="module")
def ball() -> Body:
    grid = Grid((81, 81, 81), Affine.axis_aligned(2.0, (-80.0, -80.0, -80.0)))
    index = np.stack(np.indices(grid.shape), axis=-1).astype(np.float64)
    field = np.linalg.norm(grid.affine.apply(index), axis=-1) - RADIUS
    return Body(field.astype(np.float32), grid)


def entries(ball: Body) -> SkinEntries:
    """About the back pole 2 mm apart: those on the left are open, the better the farther from the midline.

    Those on the right hit bone, the lowest of them the dura too; one candidate met no skin at all.
    """
    x, z = (grid.ravel() for grid in np.meshgrid(np.arange(-20.0, 21, 2), np.arange(-20.0, 21, 2)))
    points = np.stack([x, np.sqrt(RADIUS**2 - x**2 - z**2), z], axis=-1)
    points = np.concatenate([points, [[0.0, 0.0, 0.0]]])
    no_skin = np.zeros(len(points), bool)
    no_skin[-1] = True
    broken = {
        "skin in view": no_skin,
        "bone": ((points[:, 0] < -1) & (points[:, 2] > -11)) & ~no_skin,
        "dura": ((points[:, 0] < -1) & (points[:, 2] < -9)) & ~no_skin,
    }
    return SkinEntries.of(ball, points, points[:, 0] / 20, broken)


@pytest.fixture(scope="module")
def skin(ball: Body) -> SkinMap:
    return map_skin(entries(ball))


def at(skin: SkinMap, x: float, z: float) -> int:
    """The point nearest to (x, z) at the back."""
    return int(np.argmin(np.hypot(skin.points[:, 0] - x, skin.points[:, 2] - z) - skin.points[:, 1] / 1e3))


class TestMap:
    def test_lies_on_the_skin_and_faces_outward(self, skin: SkinMap) -> None:
        assert np.linalg.norm(skin.points, axis=1) == pytest.approx(RADIUS, abs=0.2)
        a, b, c = (skin.points[skin.faces[:, n]] for n in range(3))
        outward = (np.cross(b - a, c - a) * a).sum(axis=1)
        assert (outward > -1e-6).all()
        assert outward.max() > 0

    def test_open_places_have_the_best_needles_quality(self, skin: SkinMap) -> None:
        for x in (4.0, 10.0, 18.0):
            assert skin.state[at(skin, x, 0.0)] == SkinState.OPEN
            assert skin.quality[at(skin, x, 0.0)] == pytest.approx(x / 20, abs=0.11)
        assert skin.range == pytest.approx((0.0, 1.0))

    def test_closed_places_name_what_stands_in_the_way(self, skin: SkinMap) -> None:
        upper, lower = at(skin, -12.0, 8.0), at(skin, -12.0, -16.0)
        assert skin.state[upper] == skin.state[lower] == SkinState.EXCLUDED
        assert np.isnan(skin.quality[upper])
        assert skin.constraints[skin.blocker[upper]] == "bone"
        assert skin.constraints[skin.blocker[lower]] == "dura"

    def test_far_from_every_entry_nothing_is_said(self, skin: SkinMap) -> None:
        far = np.abs(skin.points[:, [0, 2]]).max(axis=1) > 29
        assert far.any()
        assert (skin.state[far] == SkinState.NOT_TRIED).all()

    def test_no_gap_between_entries(self, skin: SkinMap) -> None:
        inner = np.abs(skin.points[:, [0, 2]]).max(axis=1) < 18
        assert (skin.state[inner] != SkinState.NOT_TRIED).all()

    def test_a_candidate_that_met_no_skin_is_left_out(self, ball: Body) -> None:
        assert len(entries(ball).entries) == 21 * 21

    def test_without_entries_there_is_no_map(self, ball: Body) -> None:
        nobody = SkinEntries(ball, np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.uint8), ())
        assert len(map_skin(nobody).points) == 0
        assert map_skin(nobody).range == (0.0, 1.0)


def test_brighter_is_better() -> None:
    lightness = quality_colours(np.linspace(0.2, 0.8, 9), (0.2, 0.8)) @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(lightness) > 0).all()


class TestMesh:
    def test_other_programs_read_it(self, skin: SkinMap, tmp_path: Path) -> None:
        trimesh = pytest.importorskip("trimesh")
        path = tmp_path / "skin.ply"
        write_skin_mesh(skin, path)
        header = path.read_bytes().split(b"end_header")[0].decode()
        assert "comment SPACE=LPS" in header
        assert "property float quality" in header
        mesh = trimesh.load(path, process=False)
        assert mesh.vertices == pytest.approx(skin.points, abs=1e-3)
        assert (mesh.faces == skin.faces).all()
        raw = mesh.metadata["_ply_raw"]["vertex"]["data"]
        is_open = skin.state == SkinState.OPEN
        assert raw["quality"][is_open] == pytest.approx(skin.quality[is_open], abs=1e-6)
        assert (raw["quality"][~is_open] == -1).all()
        assert (np.asarray(mesh.visual.vertex_colors)[:, :3] == skin.colours()).all()
