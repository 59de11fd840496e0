import numpy as np
import pytest
import trimesh

from procguide.exchange.meshes import bone_mesh, needle_mesh
from procguide.geometry import Affine
from procguide.imaging import LabelMap
from procguide.planning import Trajectory
from procguide.planning.nouns import Needle


def ball(radius_mm, step_mm, flip=1):
    """A ball of label 3 about (1, 2, 3) mm, on a lattice whose k runs against z where ``flip`` is -1."""
    affine = Affine.from_steps(
        [(0, 0, flip * step_mm), (0, step_mm, 0), (step_mm, 0, 0)], (-20, -20, -20 * flip)
    )
    shape = (round(44 / step_mm),) * 3
    points = affine.apply(np.moveaxis(np.indices(shape), 0, -1))
    inside = np.linalg.norm(points - (1, 2, 3), axis=-1) < radius_mm
    return LabelMap((3 * inside).astype(np.uint8), affine, names={3: "C3"})


@pytest.mark.parametrize("flip", [1, -1])
def test_a_bone_is_closed_outward_and_in_its_place(flip):
    points, faces = bone_mesh(ball(12.0, 1.5, flip), [3])
    mesh = trimesh.Trimesh(points, faces, process=False)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 12**3, rel=0.04)
    assert mesh.center_mass.tolist() == pytest.approx([1, 2, 3], abs=0.05)
    radii = np.linalg.norm(points - (1, 2, 3), axis=1)
    assert np.abs(radii - 12.0).max() < 1.0


def test_at_the_edge_of_the_image_it_is_still_closed():
    labels = ball(12.0, 1.5)
    cut = labels.crop((0, 14, 0), (30, 30, 30))
    mesh = trimesh.Trimesh(*bone_mesh(cut, [3]), process=False)
    assert mesh.is_watertight
    assert mesh.volume > 0


def test_each_label_by_itself_and_absent_ones_are_passed_over():
    voxels = np.zeros((20, 20, 20), np.uint8)
    voxels[3:9, 3:9, 3:9], voxels[9:15, 3:9, 3:9] = 1, 2
    labels = LabelMap(voxels, Affine.axis_aligned(1.0, (0, 0, 0)), names={})
    mesh = trimesh.Trimesh(*bone_mesh(labels, [1, 2, 7]), process=False)
    assert len(mesh.split()) == 2
    points, faces = bone_mesh(labels, [7])
    assert (points.shape, faces.shape) == ((0, 3), (0, 3))


def test_a_needle_is_a_cylinder_from_skin_to_tip():
    trajectory = Trajectory((10.0, 80.0, -5.0), (22.0, 11.0, 4.0), Needle(22, 0.72, 127.0))
    mesh = trimesh.Trimesh(*needle_mesh(trajectory), process=False)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(np.pi * 0.36**2 * trajectory.length_mm, rel=0.04)
    along = (mesh.vertices - trajectory.entry) @ np.array(trajectory.direction)
    assert (along.min(), along.max()) == pytest.approx((0, trajectory.length_mm), abs=1e-6)
