"""The command line on real CT: CI runs these where the real data is at hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from procguide.anatomy import Side, Spine, Vertebra
from procguide.cli.pipeline import Anatomy, Case, locate, read_case
from procguide.cli.steps import Steps
from procguide.planning import load_catalogue, plan
from tests.cli.conftest import Invoke

pytestmark = [pytest.mark.real, pytest.mark.slow]

ASKED = {
    "transforaminal_esi_subpedicular": ("L3-L4", "L4-L5", "L5-S1"),
    "lumbar_medial_branch_block": ("L3", "L4", "L5"),
    "lumbar_interlaminar_esi": ("L3-L4", "L4-L5", "L5-S1"),
}


def _steps() -> Steps:
    from rich.console import Console

    return Steps(Console(stderr=True))


@pytest.fixture(scope="module")
def abdomen(real_data: Path) -> tuple[Case, Anatomy]:
    """The full DICOM series, T8 to pelvis, labelled by the shipped networks."""
    case = read_case(real_data / "ct_abdomen_dicom", _steps())
    return case, locate(case, _steps())


def test_the_lumbar_levels_are_found_from_the_sacrum(abdomen: tuple[Case, Anatomy]) -> None:
    spine = abdomen[1].spine
    assert spine.anchor == "sacrum"
    assert spine.levels[-5:] == ("L1", "L2", "L3", "L4", "L5")
    heights = [vertebra.frame.origin[2] for vertebra in spine.vertebrae[-5:]]
    steps = -np.diff(heights)
    assert ((steps > 25) & (steps < 50)).all()


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize(
    ("procedure", "level"), [(name, level) for name, levels in ASKED.items() for level in levels]
)
def test_targets_lie_at_their_landmark(
    abdomen: tuple[Case, Anatomy], procedure: str, level: str, side: Side
) -> None:
    """Level right, side right, the tip near the foramen, the junction or the interlaminar space."""
    case, anatomy = abdomen
    found = anatomy.segmentation
    result = plan(
        load_catalogue()[procedure],
        level=level,
        side=side,
        spine=anatomy.spine,
        levels=found.levels,
        regions=found.regions,
        image=case.volume,
    )
    if not result.plans:
        assert "excluded most" in result.reason
        pytest.skip(result.reason)
    trajectory = result.plans[0].trajectory
    landmark, reach_mm = _landmark(anatomy.spine, procedure, level, side)
    assert np.linalg.norm(np.subtract(trajectory.target, landmark)) < reach_mm
    assert trajectory.entry[1] > trajectory.target[1]
    assert 30 < trajectory.length_mm < 170
    if procedure != "lumbar_interlaminar_esi":
        upper = anatomy.spine.vertebra(level.split("-", maxsplit=1)[0])
        assert upper.frame.to_local(trajectory.target)[0] * side.sign > 5


def _landmark(
    spine: Spine, procedure: str, level: str, side: Side
) -> tuple[tuple[float, float, float], float]:
    """Where the tip belongs by the spine's own landmarks, and how near, mm."""
    upper = spine.vertebra(level.split("-", maxsplit=1)[0])
    if procedure == "transforaminal_esi_subpedicular":
        return upper.foramina[side], 15.0
    lower = spine.below(upper.level)
    if procedure == "lumbar_medial_branch_block":
        return lower.superior_articular_processes[side], 25.0
    centres = [
        bone.canal_centre for bone in (upper, lower) if isinstance(bone, Vertebra) and bone.canal_centre
    ]
    x, y, z = np.mean(centres, axis=0)
    return (float(x), float(y), float(z)), 30.0


def test_the_whole_command_on_the_dicom_study(invoke: Invoke, real_data: Path, tmp_path: Path) -> None:
    study = real_data / "ct_abdomen_dicom"
    before = sorted((file.name, file.stat().st_mtime_ns) for file in study.iterdir())
    asked = ["--procedure", "transforaminal_esi_subpedicular", "--level", "L4-L5", "--side", "left"]
    answer = invoke("plan", study, *asked, "-o", tmp_path / "out", "--json")
    assert answer.code in (0, 3), answer.err
    document = json.loads(answer.out)
    assert bool(document["plans"]) == (answer.code == 0)
    assert (tmp_path / "out" / "report.html").stat().st_size > 100_000
    assert sorted((file.name, file.stat().st_mtime_ns) for file in study.iterdir()) == before


def test_a_coarse_volume_is_labelled(invoke: Invoke, real_data: Path, tmp_path: Path) -> None:
    answer = invoke("segment", real_data / "ct_lumbar_3mm" / "ct.nii.gz", "-o", tmp_path / "out", "--json")
    assert answer.code == 0, answer.err
    levels = [level["level"] for level in json.loads(answer.out)["levels"]]
    assert levels[-5:] == ["L1", "L2", "L3", "L4", "L5"]


class TestNoSacrumInView:
    """The chest CT ends within L3."""

    def test_without_a_name_it_asks(self, invoke: Invoke, real_data: Path, tmp_path: Path) -> None:
        answer = invoke("segment", real_data / "ct_thorax" / "ct.nii.gz", "-o", tmp_path / "out")
        assert answer.code == 5, answer.err
        assert "--lowest-level" in answer.err
        assert list(tmp_path.iterdir()) == []

    def test_the_lowest_level_anchors(self, invoke: Invoke, real_data: Path, tmp_path: Path) -> None:
        path = real_data / "ct_thorax" / "ct.nii.gz"
        answer = invoke("segment", path, "-o", tmp_path / "out", "--lowest-level", "L2", "--json")
        assert answer.code == 0, answer.err
        document = json.loads(answer.out)
        assert document["anchor"] == "user"
        assert "L2" in [level["level"] for level in document["levels"]]
