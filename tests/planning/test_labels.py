"""What labels.json says: who saw what, and what was only modelled."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from procguide.anatomy import VERSE_LABELS, Anchor, Region, Side, Spine
from procguide.geometry import Affine
from procguide.imaging import LabelMap
from procguide.phantom import sample_parameters
from procguide.phantom.assemble import assemble
from procguide.phantom.truth.spine import true_spine
from procguide.planning.labels import SCHEMA, describe_labels, labels_to_json, remarks_of
from procguide.planning.structures.foramen import foramen_depth
from procguide.planning.structures.nerves import exiting_root, nerve_spread_mm
from procguide.segmentation.segment import Segmentation

FILES = {"levels": "labels.nii.gz", "regions": "regions.nii.gz", "sides": "sides.nii.gz"}
AFFINE = Affine.axis_aligned(2.0, (0.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def spine() -> Spine:
    return true_spine(assemble(sample_parameters(2)))


def _found(*regions: Region, **options: object) -> Segmentation:
    voxels = np.zeros((4, 4, 40), dtype=np.uint8)
    for n, region in enumerate(regions):
        voxels[1:3, 1:3, n] = region
    levels = np.where(voxels == Region.BODY, VERSE_LABELS["L4"], 0).astype(np.uint8)
    sides = np.where(voxels == Region.LAMINA, 100, 0).astype(np.uint8)
    given = {
        "levels": LabelMap(levels, AFFINE),
        "regions": LabelMap(voxels, AFFINE),
        "anchor": Anchor.SACRUM,
        "confidence": {"L4": 0.91},
        "findings": (),
        "models": {"locator": "1 aaa", "vertebrae": "2 bbb", "organs": "3 ccc"},
        "sides": LabelMap(sides, AFFINE, names={100: "left", 200: "right"}),
    }
    return Segmentation(**{**given, **options})  # type: ignore[arg-type]


class TestSeen:
    def test_each_structure_names_the_network_that_saw_it(self, spine: Spine) -> None:
        found = _found(Region.BODY, Region.LAMINA, Region.RIB, Region.KIDNEY, Region.AORTA)
        by = {one.name: dict(one.by) for one in describe_labels(found, spine).seen}
        assert by == {
            "body": {"vertebrae": "2 bbb"},
            "lamina": {"vertebrae": "2 bbb"},
            "rib": {"vertebrae": "2 bbb", "locator": "1 aaa"},
            "kidney": {"organs": "3 ccc"},
            "aorta": {"organs": "3 ccc"},
        }
        assert describe_labels(found, spine).network == ("procguide vertebrae", "2 bbb")

    def test_without_networks_the_labels_say_who_gave_them(self, spine: Spine) -> None:
        found = _found(Region.BODY, Region.KIDNEY, models={"labels": "given"})
        assert [dict(one.by) for one in describe_labels(found, spine).seen] == [{"labels": "given"}] * 2
        assert describe_labels(_found(Region.BODY, models={}), spine).network == ("unknown", "")


class TestModelled:
    def test_roots_have_courses_sides_and_the_planners_own_spread(self, spine: Spine) -> None:
        modelled = describe_labels(_found(Region.BODY), spine).modelled
        roots = {(one.level, one.side): one for one in modelled if one.course is not None}
        expected = {(one.level, side) for one in spine.vertebrae for side in one.pedicles}
        assert set(roots) == {(level, side) for level, side in expected if level[0] in "TL"}
        one = roots["L4", Side.LEFT]
        found = _found(Region.BODY)
        bone = found.levels.voxels > 0
        span = foramen_depth(spine.vertebra("L4"), Side.LEFT, bone, found.levels)
        assert one.course == exiting_root(spine.vertebra("L4"), Side.LEFT, span)
        assert one.spread_mm == nerve_spread_mm("L4")
        assert "not seen" in one.words

    def test_cut_and_cervical_vertebrae_have_no_roots(self, spine: Spine) -> None:
        cut, cervical = (
            replace(spine, vertebrae=(replace(spine.vertebra("L4"), **{name: value}),))
            for name, value in (("complete", False), ("level", "C5"))
        )
        assert describe_labels(_found(Region.BODY), cut).courses == ()
        assert describe_labels(_found(Region.BODY), cervical).courses == ()

    def test_the_dura_is_modelled_only_where_no_network_saw_the_sac(self, spine: Spine) -> None:
        kinds = [
            {one.kind for one in describe_labels(_found(*regions), spine).modelled}
            for regions in ((Region.BODY,), (Region.CANAL,), (Region.CANAL, Region.THECAL_SAC))
        ]
        assert ["dura" in some for some in kinds] == [False, True, False]

    def test_nothing_is_modelled_without_landmarks(self) -> None:
        bare = Spine((), None, (), Anchor.NONE)
        assert describe_labels(_found(Region.BODY, Region.CANAL), bare).modelled == ()


class TestDocument:
    def test_schema(self, spine: Spine) -> None:
        found = _found(Region.BODY, Region.LAMINA, Region.CANAL)
        document = labels_to_json(describe_labels(found, spine), found, spine, FILES)
        assert json.loads(json.dumps(document, allow_nan=False)) == document
        assert document["schema"] == SCHEMA == "procguide.labels/1"
        assert document["levels"]["anchor"] == "sacrum"
        (level,) = document["levels"]["labels"]
        assert (level["label"], level["name"], level["confidence"]) == (23, "L4", 0.91)
        for one in document["regions"]["labels"]:
            assert one["origin"] == "segmented"
            assert Region(one["label"]).label == one["name"]
            assert all(one["by"].values())
        assert document["sides"]["labels"] == [{"label": 100, "name": "left"}]
        for one in document["modelled"]:
            assert one["origin"] == "modelled"
            assert one["words"] == "modelled from bone, not seen"
            assert one["spread_sd_mm"] > 0

    def test_a_course_lies_where_the_root_is(self, spine: Spine) -> None:
        found = _found(Region.BODY)
        document = labels_to_json(describe_labels(found, spine), found, spine, FILES)
        entry = next(one for one in document["modelled"] if one["name"] == "L4 root left")
        assert (entry["level"], entry["side"]) == ("L4", "left")
        points = np.array(entry["points"])
        assert len(entry["radii_mm"]) == len(points) - 1
        pedicle = np.array(spine.vertebra("L4").pedicles[Side.LEFT].centre)
        assert np.linalg.norm(points - pedicle, axis=1).min() < 20
        assert points[-1, 2] < points[0, 2]  # it leaves downward
        assert points[-1, 0] > points[0, 0]  # and to the patient's left

    def test_sides_are_absent_where_nobody_told_them_apart(self, spine: Spine) -> None:
        found = _found(Region.BODY, sides=None)
        assert labels_to_json(describe_labels(found, spine), found, spine, FILES)["sides"] is None


def test_remarks_say_anchor_confidence_and_whether_it_is_whole(spine: Spine) -> None:
    assert remarks_of(_found(Region.BODY), spine)["L4"].startswith(
        "name anchored on: sacrum, confidence 0.91"
    )
