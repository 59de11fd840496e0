"""The main job on real CT. Reference points were read by eye on the images; see each table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from procguide.anatomy import VERSE_LABELS, Anchor, Region, Side, Spine
from procguide.anatomy.locate import locate_spine
from procguide.cli import main
from procguide.dicom import read_study, read_volume
from procguide.errors import InputUnfitError
from procguide.imaging import Volume
from procguide.imaging.files import read_labels
from procguide.imaging.resample import resample
from procguide.planning import PlanSet, Request, Subject, load_catalogue, plan
from procguide.segmentation.segment import Segmentation, segment

pytestmark = [pytest.mark.real, pytest.mark.slow]

# ct_abdomen_dicom, mid-sagittal view: z of each body's centre between the discs. The last ribs join the
# vertebra at -528, and L5 rests on the sacrum: T12 and five lumbar vertebrae.
ABDOMEN_BODY_Z = {"T12": -528.0, "L1": -562.0, "L2": -596.0, "L3": -631.0, "L4": -667.0, "L5": -701.0}
# The S1 endplate runs from -717 at its posterior to -736 at its anterior corner.
ABDOMEN_S1_ENDPLATE_Z = -726.0


def load(path: Path, lowest_level: str | None = None) -> tuple[Volume, Segmentation, Spine]:
    volume = read_volume(read_study(path).choose())
    found = segment(volume, lowest_level=lowest_level)
    spine = locate_spine(found.levels, found.regions, anchor=found.anchor, confidence=found.confidence)
    return volume, found, spine


@pytest.fixture(scope="module")
def abdomen(real_data: Path) -> tuple[Volume, Segmentation, Spine]:
    return load(real_data / "ct_abdomen_dicom")


def plans(case: tuple[Volume, Segmentation, Spine], procedure: str, level: str, side: Side) -> PlanSet:
    volume, found, spine = case
    request = Request(load_catalogue()[procedure], level, side)
    return plan(request, Subject(spine, found.levels, found.regions, volume))


def midline_x(spine: Spine, z: float) -> float:
    line = np.array(sorted(spine.canal, key=lambda point: point[2]))
    return float(np.interp(z, line[:, 2], line[:, 0]))


def test_every_lumbar_vertebra_is_found_and_named(abdomen: tuple[Volume, Segmentation, Spine]) -> None:
    _, found, spine = abdomen
    assert found.anchor is Anchor.SACRUM
    assert spine.levels[-6:] == ("T12", "L1", "L2", "L3", "L4", "L5")
    for level, z in ABDOMEN_BODY_Z.items():
        assert spine.vertebra(level).frame.origin[2] == pytest.approx(z, abs=7.0), level
    assert spine.sacrum is not None
    assert spine.sacrum.endplate.centre[2] == pytest.approx(ABDOMEN_S1_ENDPLATE_Z, abs=7.0)


@pytest.mark.parametrize(
    ("level", "upper", "lower_z", "side"),
    [
        *(("L3-L4", "L3", -667, side) for side in Side),
        *(("L4-L5", "L4", -701, side) for side in Side),
        ("L5-S1", "L5", -725, Side.RIGHT),
    ],
)
def test_transforaminal_targets_lie_in_the_right_foramen(
    abdomen: tuple[Volume, Segmentation, Spine], level: str, upper: str, lower_z: float, side: Side
) -> None:
    found = plans(abdomen, "transforaminal_esi_subpedicular", level, side)
    assert found.plans, found.reason
    target = found.plans[0].trajectory.target
    assert lower_z + 4 < target[2] < ABDOMEN_BODY_Z[upper] + 6
    vertebra = abdomen[2].vertebra(upper)
    pedicle = vertebra.pedicles[side]
    across = side.sign * vertebra.frame.to_local([target, pedicle.centre])[:, 0]
    # Under the pedicle, no farther out than its outer border, where L5's triangle ends.
    assert 9 < across[0] < across[1] + pedicle.width_mm / 2 + 1


def test_a_foramen_that_the_root_fills_is_refused(abdomen: tuple[Volume, Segmentation, Spine]) -> None:
    """L5-S1 left: the modelled root passes 5 mm under a pedicle only 13 mm high, its margins leave no way."""
    found = plans(abdomen, "transforaminal_esi_subpedicular", "L5-S1", Side.LEFT)
    assert not found.plans
    assert "nerve root" in found.reason


@pytest.mark.parametrize(
    ("nerve", "process_z", "side"),
    [
        ("L3", -663, Side.LEFT),
        ("L3", -663, Side.RIGHT),
        ("L4", -695, Side.RIGHT),
        ("L5", -716, Side.LEFT),
        ("L5", -716, Side.RIGHT),
    ],
)
def test_medial_branch_targets_lie_on_the_vertebra_below(
    abdomen: tuple[Volume, Segmentation, Spine], nerve: str, process_z: float, side: Side
) -> None:
    """``process_z``: the transverse processes of L4 and L5 and the top of the ala, frontal projection."""
    found = plans(abdomen, "lumbar_medial_branch_block", nerve, side)
    assert found.plans, found.reason
    x, _, z = found.plans[0].trajectory.target
    # 12 before the networks of version 2; L4 now lies 12.3 mm above, on the flank of the articular process.
    assert z == pytest.approx(process_z, abs=14)
    assert 14 < side.sign * (x - midline_x(abdomen[2], z)) < 40


def test_a_process_that_is_labelled_in_soft_tissue_is_refused(
    abdomen: tuple[Volume, Segmentation, Spine],
) -> None:
    """The networks miss most of L5's left transverse process, and label muscle 8 mm behind it."""
    with pytest.raises(InputUnfitError, match="shows no bone"):
        plans(abdomen, "lumbar_medial_branch_block", "L4", Side.LEFT)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize(
    ("level", "low", "high"), [("L3-L4", -675, -640), ("L4-L5", -712, -675), ("L5-S1", -735, -700)]
)
def test_interlaminar_targets_lie_between_the_laminae(
    abdomen: tuple[Volume, Segmentation, Spine], level: str, low: float, high: float, side: Side
) -> None:
    found = plans(abdomen, "lumbar_interlaminar_esi", level, side)
    assert found.plans, found.reason
    x, _, z = found.plans[0].trajectory.target
    assert low < z < high
    assert abs(x - midline_x(abdomen[2], z)) < 9


def test_the_command_plans_on_the_real_study(real_data: Path, tmp_path: Path) -> None:
    arguments = [
        "plan",
        str(real_data / "ct_abdomen_dicom"),
        "--procedure",
        "transforaminal_esi_subpedicular",
    ]
    arguments += ["--level", "L4-L5", "--side", "left", "-o", str(tmp_path / "out")]
    assert main(arguments) == 0
    document = json.loads((tmp_path / "out" / "plan.json").read_text())
    assert (document["level"], document["side"], document["approved"]) == ("L4-L5", "left", None)
    assert document["plans"][0]["rank"] == 1
    assert any("4.25 mm apart" in words for words in document["warnings"])
    assert any("taken supine" in words for words in document["warnings"])
    assert all(value > 0 for value in document["plans"][0]["clearance_mm"].values())
    assert "or research and training" in (tmp_path / "out" / "report.html").read_text()


def test_lumbar_ct_reaches_the_stated_overlap(real_data: Path) -> None:
    """Reference: TotalSegmentator v2's own labels; this case was not used in training."""
    folder = real_data / "ct_lumbar_3mm"
    volume, found, spine = load(folder / "ct.nii.gz")
    assert volume.shape == (112, 101, 122)
    truth = read_labels(folder / "labels_totalseg_v2.nii.gz", {})
    ours = resample(found.levels, truth.grid).voxels
    vertebra = truth.voxels >= 27
    mask = (ours > 0) & (ours < VERSE_LABELS["sacrum"])
    assert 2 * (mask & vertebra).sum() / (mask.sum() + vertebra.sum()) >= 0.75
    for label, level in ((27, "L5"), (28, "L4"), (29, "L3"), (30, "L2"), (31, "L1")):
        distance = np.linalg.norm(found.levels.centroid(VERSE_LABELS[level]) - truth.centroid(label))
        assert distance < 6.0, level
    assert spine.levels[-5:] == ("L1", "L2", "L3", "L4", "L5")
    assert (found.regions.voxels == Region.CANAL).any()


def test_a_chest_without_sacrum_is_named_by_its_lowest_rib_and_it_is_said(real_data: Path) -> None:
    """L3 is cut; twelve ribs, the last ones thin."""
    folder = real_data / "ct_thorax"
    found = segment(read_volume(read_study(folder / "ct.nii.gz").choose()))
    assert found.anchor is Anchor.LAST_RIB
    assert "level anchor" in {finding.name for finding in found.findings}
    truth = read_labels(folder / "labels_totalseg_v2.nii.gz", {})
    for label, level in ((30, "L2"), (31, "L1"), (32, "T12"), (33, "T11"), (43, "T1")):
        distance = np.linalg.norm(found.levels.centroid(VERSE_LABELS[level]) - truth.centroid(label))
        assert distance < 10.0, level


def test_a_chest_with_the_level_given_is_named(real_data: Path) -> None:
    """L2 is the lowest vertebra wholly in view by the case's own labels; L3 is cut."""
    folder = real_data / "ct_thorax"
    volume, found, _ = load(folder / "ct.nii.gz", lowest_level="L2")
    assert volume.shape == (133, 512, 512)
    truth = read_labels(folder / "labels_totalseg_v2.nii.gz", {})
    for label, level in ((30, "L2"), (31, "L1"), (32, "T12")):
        distance = np.linalg.norm(found.levels.centroid(VERSE_LABELS[level]) - truth.centroid(label))
        assert distance < 10.0, level
