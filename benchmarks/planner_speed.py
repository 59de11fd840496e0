"""100,000 candidate needles against every structure of one case, ours and by VTK's mesh ray caster.

    pip install vtk          # in the dev group
    python benchmarks/planner_speed.py

writes ``benchmarks/results/planner_speed.json``. The case is a phantom's truth (labels at 1.2 mm). Timed from
labels to ranked plans, with the compiled loops warm: scene (landmarks, skin, models, distance fields, zone),
candidates (rays to the skin), judging (distance to every structure), placement errors and objectives of what
is feasible, ranking. Peak memory is all that the process holds, libraries and labels included.

VTK does the same work as far as a mesh ray caster can: the surface at each structure's limit (margin and
needle's radius), a vtkModifiedBSPTree for each, and for each needle one cast a structure until one is hit.
It says hit or not, and neither how near nor how sure. Its time holds Python's calls; what those cost alone
(casts at a tree of one far triangle) is measured and given apart. We use every core, VTK one.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from recording import write_result

from procguide.anatomy import Side
from procguide.phantom import build, sample_parameters
from procguide.planning import Request, Subject, build_case, load_catalogue
from procguide.planning import plan as find_plans
from procguide.planning.candidates import Candidates, generate
from procguide.planning.clearance import Shafts
from procguide.planning.frontier import explore
from procguide.planning.planner import Case, plans_of
from procguide.planning.search import Judged, judge
from procguide.planning.zones import TargetZone

SEED = 2
SPACING_MM = 1.2
NEEDLES = 100_000
REPEATS = 5
VTK_NEEDLES = 20_000
PROCEDURE, LEVEL = "transforaminal_esi_subpedicular", "L4-L5"


def timed(work: Callable[[], Any], repeats: int = REPEATS) -> tuple[Any, dict[str, float]]:
    """What ``work`` gives, and its least seconds by the clock and by the processor."""
    wall, cpu, result = np.inf, np.inf, None
    for _ in range(repeats):
        start, cpu_start = time.perf_counter(), time.process_time()
        result = work()
        wall = min(wall, time.perf_counter() - start)
        cpu = min(cpu, time.process_time() - cpu_start)
    return result, {"seconds": round(wall, 4), "cpu_seconds": round(cpu, 4)}


def widened(case: Case) -> Case:
    """The case with more points in its zone, so that its candidates are 100,000 or a few more."""
    rng = np.random.default_rng(0)
    directions = len(case.bearings.inward)
    count = -(-NEEDLES // directions)
    which = rng.integers(0, len(case.zone.points), count)
    points = case.zone.points[which] + rng.normal(0, 0.3, (count, 3))
    return replace(case, zone=TargetZone(points, case.zone.misfit[which]))


def measure_ours(subject: Subject) -> dict[str, Any]:
    request = Request(load_catalogue()[PROCEDURE], LEVEL, Side.LEFT)
    find_plans(request, subject)
    forget_peak_memory()
    held = peak_memory_mb()
    case, scene = timed(lambda: build_case(request, subject))
    case = widened(case)
    candidates, candidates_s = timed(lambda: generate(case.scene.body, case.zone, case.bearings))
    judged, judging = timed(lambda: judge(case.scene, case.procedure, case.rules, candidates))
    frontier, exploring = timed(lambda: explore(case))
    plan_set, ranking = timed(lambda: plans_of(frontier))
    whole, whole_s = timed(lambda: plans_of(explore(replace(build_case(request, subject), zone=case.zone))))
    assert len(whole.plans) == len(plan_set.plans)
    return {
        "candidates": len(candidates),
        "feasible": int(judged.feasible.sum()),
        "plans": len(plan_set.plans),
        "structures": [str(rule.name) for rule in case.rules],
        "lattice": list(case.scene.grid.shape),
        "scene": scene,
        "candidates_to_the_skin": candidates_s,
        "judging": judging,
        "candidates_judged_and_measured": exploring,
        "ranking": ranking,
        "whole_case": whole_s,
        "memory_held_before_mb": held,
        "peak_memory_mb": peak_memory_mb(),
        "needles_per_second_judged": round(len(candidates) / judging["seconds"]),
        "vtk": measure_vtk(case, candidates, judged, judging),
    }


def distance_to(case: Case, name: str) -> np.ndarray:
    """Distance (mm) from every voxel's centre, ``(k, j, i)``; of tubes too."""
    structure, grid = case.scene.structures[name], case.scene.grid
    if structure.field is not None:
        return structure.field
    from procguide.planning._kernels import capsule_minimum

    shafts = Shafts.between(case.scene, np.zeros((1, 3)), np.zeros((1, 3)))
    capsules = np.concatenate([shafts._capsules(tube) for tube in structure.tubes])
    points = np.stack(np.indices(grid.shape), axis=-1).reshape(-1, 3) * grid.affine.spacing
    return capsule_minimum(capsules, points, points + 1e-3, 0.0).reshape(grid.shape)


def surface_tree(field: np.ndarray, spacing: np.ndarray, limit_mm: float) -> Any:
    """A BSP tree of the surface ``limit_mm`` from a structure; None where it has none."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D
    from vtkmodules.vtkFiltersFlowPaths import vtkModifiedBSPTree

    image = vtkImageData()
    image.SetDimensions(*(int(n) for n in field.shape[::-1]))
    image.SetSpacing(*(float(step) for step in spacing[::-1]))
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(field, np.float32).ravel()))
    edges = vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, float(limit_mm))
    edges.ComputeNormalsOff()
    edges.ComputeGradientsOff()
    edges.Update()
    mesh = edges.GetOutput()
    if not mesh.GetNumberOfCells():
        return None
    tree = vtkModifiedBSPTree()
    tree.SetDataSet(mesh)
    tree.BuildLocator()
    return tree


def far_triangle() -> Any:
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData, vtkTriangle
    from vtkmodules.vtkFiltersFlowPaths import vtkModifiedBSPTree

    points, cells, triangle, mesh = vtkPoints(), vtkCellArray(), vtkTriangle(), vtkPolyData()
    for n, corner in enumerate([(1e5, 0, 0), (1e5, 1, 0), (1e5, 0, 1)]):
        points.InsertNextPoint(*corner)
        triangle.GetPointIds().SetId(n, n)
    cells.InsertNextCell(triangle)
    mesh.SetPoints(points)
    mesh.SetPolys(cells)
    tree = vtkModifiedBSPTree()
    tree.SetDataSet(mesh)
    tree.BuildLocator()
    return tree


def cast(trees: list[Any], starts: list[tuple], ends: list[tuple]) -> tuple[np.ndarray, int]:
    """Which segments hit any tree, and how many casts that took."""
    from vtkmodules.vtkCommonCore import reference

    share, at, local, part = reference(0.0), [0.0] * 3, [0.0] * 3, reference(0)
    hits = np.zeros(len(starts), bool)
    casts = 0
    for n, (start, end) in enumerate(zip(starts, ends, strict=True)):
        for tree in trees:
            casts += 1
            if tree.IntersectWithLine(start, end, 1e-4, share, at, local, part):
                hits[n] = True
                break
    return hits, casts


def measure_vtk(
    case: Case, candidates: Candidates, judged: Judged, ours: Mapping[str, float]
) -> dict[str, Any]:
    """Both on the same needles: those that reach the skin; VTK on a random part of them."""
    import vtkmodules

    radius, spacing = case.procedure.needle.radius_mm, case.scene.grid.affine.spacing
    structures = case.scene.structures
    near = [
        rule for rule in case.rules if structures[rule.name].field is not None or structures[rule.name].tubes
    ]
    distances = {rule.name: distance_to(case, rule.name) for rule in near}
    trees, building = timed(
        lambda: [surface_tree(distances[rule.name], spacing, rule.margin_mm.value + radius) for rule in near],
        repeats=1,
    )
    trees = [tree for tree in trees if tree is not None]
    which = np.flatnonzero(candidates.depth_mm >= 0)
    which = np.random.default_rng(0).choice(which, min(VTK_NEEDLES, len(which)), replace=False)
    shafts = Shafts.between(case.scene, candidates.entries[which], candidates.targets[which])
    starts, ends = (list(map(tuple, points[:, ::-1].tolist())) for points in (shafts.starts, shafts.ends))
    (hits, casts), casting = timed(lambda: cast(trees, starts, ends), repeats=3)
    far = [far_triangle()]
    (_, calls), calling = timed(lambda: cast(far, starts, ends), repeats=3)
    scale = len(candidates) / len(which)
    seconds, cpu_seconds = (casting[clock] * scale for clock in ("seconds", "cpu_seconds"))
    overhead = calling["cpu_seconds"] / calls * casts * scale
    broken = np.logical_or.reduce([judged.broken[rule.name] for rule in near])[which]
    return {
        "version": vtkmodules.__version__,
        "meshes": len(trees),
        "triangles": [int(tree.GetDataSet().GetNumberOfCells()) for tree in trees],
        "needles_cast": len(which),
        "casts": casts,
        "building_surfaces_and_trees": building,
        "casting_all": {"seconds": round(seconds, 3), "cpu_seconds": round(cpu_seconds, 3)},
        "of_which_calls_from_python_cpu_seconds": round(overhead, 3),
        "ratio_to_our_judging": round(seconds / ours["seconds"], 1),
        "ratio_of_cpu_seconds_without_calls": round((cpu_seconds - overhead) / ours["cpu_seconds"], 1),
        "same_verdict_share": round(float((hits == broken).mean()), 4),
    }


def forget_peak_memory() -> None:
    """Start the kernel's count of the most memory held anew (Linux, proc(5): clear_refs)."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mb() -> int:
    (line,) = [row for row in Path("/proc/self/status").read_text().splitlines() if row[:6] == "VmHWM:"]
    return round(int(line.split()[1]) / 1024)


def main() -> None:
    phantom = build(sample_parameters(SEED), spacing_mm=SPACING_MM)
    subject = Subject(phantom.spine, phantom.levels, phantom.regions)
    del phantom
    load = os.getloadavg()[0]
    result = {
        "phantom": {"seed": SEED, "spacing_mm": SPACING_MM},
        "procedure": PROCEDURE,
        "level": LEVEL,
        **measure_ours(subject),
    }
    write_result("planner_speed", result, load)


if __name__ == "__main__":
    main()
