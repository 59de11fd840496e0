"""The segmentation at a glance: what is where, what is said, and that it can be read."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from procguide.anatomy import VERSE_LABELS, Anchor, Region
from procguide.errors import CannotWriteError
from procguide.findings import Finding, Severity
from procguide.geometry import Affine
from procguide.imaging import LabelMap, Modality, Volume
from procguide.planning.labels import describe_labels
from procguide.reporting import write_preview
from procguide.reporting.palette import VERTEBRA_TINTS, rgb
from procguide.reporting.preview import draw_preview
from procguide.reporting.preview.layout import CANVAS, CORONAL, LATERAL, OBLIQUE, SAGITTAL, arrange
from procguide.reporting.preview.names import DOUBTFUL, UNANCHORED, level_names
from procguide.reporting.preview.planes import coronal_field, overlaid, sagittal_field
from procguide.reporting.preview.views import spine_points, views_of
from procguide.reporting.preview.words import WARNING, anchor_words
from procguide.reporting.shapes import Group, shapes_of
from procguide.segmentation.segment import Segmentation


@pytest.fixture(scope="module")
def found(case):
    confidence = {"L3": 0.93, "L4": 0.95, "L5": 0.97}
    models = {"locator": "1 abc", "vertebrae": "2 def"}
    caution = Finding("rib count", Severity.CAUTION, "the lowest rib seems to join L1")
    return Segmentation(
        levels=case.levels,
        regions=case.regions,
        anchor=Anchor.SACRUM,
        confidence=confidence,
        findings=(caution,),
        models=models,
    )


def _draw(case, found, spine=None, volume=None):
    spine = spine or case.spine
    return draw_preview(volume or case.volume, found, spine, describe_labels(found, spine))


@pytest.fixture(scope="module")
def preview(case, found):
    return _draw(case, found)


@pytest.fixture
def drawn(preview, monkeypatch):
    """``write_preview`` writes what is already drawn."""
    monkeypatch.setattr("procguide.reporting.preview.draw.draw_preview", lambda *_: preview)


@pytest.fixture(scope="module", autouse=True)
def quickly():
    """One ray a pixel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("procguide.reporting.preview.views._FINER", 1.0)
        yield


@pytest.fixture(scope="module")
def sheet(preview):
    return preview.sheet


def _of(sheet, kind):
    return [one for one in sheet.written if one.kind == kind]


def _said(sheet):
    return " ".join(one.words for one in sheet.written)


class TestWords:
    def test_levels_are_named_in_the_views_and_both_upright_planes(self, sheet):
        names = [one.words for one in _of(sheet, "name")]
        assert all(names.count(level) == 4 for level in ("L3", "L4", "L5", "S1"))

    def test_no_words_overlap_and_none_is_cut(self, sheet):
        assert all(sheet.box.contains(one.box) for one in sheet.written)
        for one, other in combinations(sheet.written, 2):
            assert not one.box.inset(1).overlaps(other.box.inset(1)), (one, other)

    def test_what_has_to_be_said_is_said(self, sheet):
        said = _said(sheet)
        for words in (
            WARNING,
            "Levels anchored on: sacrum; confidence 0.93 to 0.97",
            "by vertebrae 2 def",
            "the lowest rib seems to join L1",
            "locator 1 abc",
        ):
            assert words in said
        assert WARNING == "Research and training only, not for clinical use"
        seen, modelled = said.split("Seen in the image")[1].split("Modelled from bone, not seen")
        assert "sacrum" in seen
        assert "nerve root and ganglion L3 to L5 (likely course, spread" in modelled
        assert "dura L3 to L5 (likely course" in modelled

    def test_sides_are_marked_on_every_picture(self, sheet):
        assert sorted(one.words for one in _of(sheet, "side")) == sorted(
            ["LA", "RP", "A", "P", "A", "P", "R", "L", "R", "L"]
        )


class TestDoubt:
    def test_a_doubtful_name_bears_a_question_mark(self, case, found):
        doubtful = replace(found, confidence={**found.confidence, "L3": 0.4})
        names = {name.words: name.colour for name in level_names(doubtful, case.spine)}
        assert names["L3?"] == DOUBTFUL
        assert names["L4"] != DOUBTFUL
        words, colour = anchor_words(doubtful)
        assert "doubtful: L3" in words
        assert colour == DOUBTFUL

    def test_unanchored_is_said_in_red(self, case, found):
        unanchored = replace(found, anchor=Anchor.NONE)
        words, colour = anchor_words(unanchored)
        assert "NOT anchored" in words
        assert colour == UNANCHORED
        assert colour[0] > 0.9 > 2 * max(colour[1:]) - 0.1
        names = level_names(unanchored, replace(case.spine, sacrum=None))
        assert all(name.words.endswith("?") and name.colour == UNANCHORED for name in names)

    def test_a_vertebra_without_landmarks_is_named_at_its_labels(self, case, found):
        names = level_names(found, replace(case.spine, vertebrae=case.spine.vertebrae[1:]))
        (own,) = [name for name in names if name.words == "L3"]
        assert own.centre == pytest.approx((0.0, -1.0, 72.0), abs=4.0)

    def test_vertebrae_without_levels_are_drawn_and_bear_question_marks(self, case, found):
        numbers = np.zeros(case.levels.shape, dtype=np.uint8)
        for n, level in enumerate(("L5", "L4", "L3"), start=1):
            numbers[case.levels.voxels == VERSE_LABELS[level]] = n
        unnamed = replace(
            found,
            levels=case.levels.with_voxels(np.zeros_like(numbers)),
            instances=LabelMap(numbers, case.levels.affine),
            anchor=Anchor.NONE,
            confidence={},
        )
        names = level_names(unnamed, replace(case.spine, vertebrae=(), sacrum=None))
        assert [name.words for name in names] == ["?"] * 3
        assert sorted(name.centre[2] for name in names) == pytest.approx([0.0, 36.0, 72.0], abs=3.0)
        shapes = shapes_of(unnamed.levels, unnamed.regions, instances=unnamed.instances)
        assert {Group.EVEN_VERTEBRAE, Group.ODD_VERTEBRAE} <= set(shapes.groups)
        assert "vertebrae have no names" in anchor_words(unnamed)[0]

    def test_a_piece_of_an_arch_is_not_named(self, case, found):
        levels = case.levels.voxels.copy()
        levels[(levels == VERSE_LABELS["L3"]) & (case.regions.voxels == Region.BODY)] = 0
        pieces = replace(found, levels=case.levels.with_voxels(levels))
        names = level_names(pieces, replace(case.spine, vertebrae=case.spine.vertebrae[1:]))
        assert [name.words for name in names] == ["L4", "L5", "S1"]


class TestPlaces:
    def test_tints_stand_where_the_vertebrae_are_projected(self, case, preview):
        shapes = shapes_of(case.levels, case.regions)
        view = {one.name: one for one in views_of(*spine_points(shapes))}[LATERAL]
        picture = np.asarray(preview.sheet.image) / 255
        box, pixel_mm = _panel(preview, LATERAL)
        tints = []
        for vertebra in case.spine.vertebrae:
            u, v, _ = view.plane.project(vertebra.frame.origin)
            column = (box.left + box.right) / 2 + u / pixel_mm
            row = (box.top + box.bottom) / 2 + v / pixel_mm
            tints.append(picture[round(row) - 4 : round(row) + 5, round(column)].mean(axis=0))
        for vertebra, tint in zip((2, 3, 4), tints, strict=True):  # L3, L4, L5
            own = np.array(rgb(VERTEBRA_TINTS[(vertebra + 1) % 2]))
            assert tint / tint.sum() == pytest.approx(own / own.sum(), abs=0.02), vertebra

    def test_names_stand_left_of_their_bodies_at_their_height(self, case, preview):
        box, pixel_mm = _panel(preview, SAGITTAL)
        names = [one for one in _of(preview.sheet, "name") if box.contains(one.box)]
        low, high = _spine_box(case)
        for one in names[:-1]:
            z = case.spine.vertebra(one.words).frame.origin[2]
            row = (box.top + box.bottom) / 2 - (z - (low[2] + high[2]) / 2) / pixel_mm
            assert (one.box.top + one.box.bottom) / 2 == pytest.approx(row, abs=14)

    def test_planes_follow_the_canal(self, case):
        spine = replace(case.spine, canal=((10.0, 26.0, 72.0), (0.0, 26.0, 36.0), (-10.0, 26.0, 0.0)))
        panel = _layout(case).panels[SAGITTAL]
        field = sagittal_field(spine, panel, np.array([0.0, 20.0, 36.0]))
        row = round(field.pixel_of((0.0, 0.0, 72.0))[1])
        assert field.points[row, :, 0] == pytest.approx(10.0, abs=0.2)
        assert (np.diff(field.points[row, :, 1]) > 0).all()  # to posterior
        assert (np.diff(field.points[:, 0, 2]) < 0).all()  # head up

    def test_labels_are_translucent_over_the_image(self, case):
        panel = _layout(case).panels[SAGITTAL]
        field = sagittal_field(case.spine, panel, np.array([0.0, 20.0, 36.0]))
        shapes = shapes_of(case.levels, case.regions)
        plain = overlaid(case.volume, [], field)
        with_labels = overlaid(case.volume, [shapes], field)
        column, row = (round(n) for n in field.pixel_of((0.0, 0.0, 36.0)))
        assert np.ptp(plain[row, column]) == 0
        assert np.ptp(with_labels[row, column]) > 0.05
        brighter = case.volume.with_voxels((case.volume.voxels + 200).astype(np.int16))
        assert (
            overlaid(brighter, [shapes], field)[row, column].mean() > with_labels[row, column].mean() + 0.05
        )
        assert (with_labels[0, 0] == plain[0, 0]).all()


class TestSides:
    def test_marker_on_the_patients_left_is_on_the_right_of_the_coronal_picture(self, case, found):
        voxels = case.volume.voxels.copy()
        low, high = np.rint(case.volume.to_index([(40, -8, 0), (52, 40, 70)])).astype(int)
        voxels[low[0] : high[0], low[1] : high[1], low[2] : high[2]] = 2000
        marked = case.volume.with_voxels(voxels)
        preview = _draw(case, found, volume=marked)
        box, _ = _panel(preview, CORONAL)
        picture = np.asarray(preview.sheet.image.convert("L")).astype(int)
        part = picture[round(box.top) : round(box.bottom), round(box.left) : round(box.right)]
        columns = np.nonzero((part > 245).sum(axis=0) > 100)[0]
        assert len(columns)
        assert columns.min() > 0.6 * part.shape[1]
        field = coronal_field(case.spine, preview.layout.panels[CORONAL], np.array([0.0, 20.0, 36.0]))
        stored = overlaid(_stored_right_to_left(voxels, case.volume), [], field)
        np.testing.assert_allclose(stored, overlaid(marked, [], field), atol=1e-5)

    def test_labels_stored_right_to_left_give_the_same_picture(self, case, found, sheet):
        flipped = replace(
            found,
            levels=_flipped(case.levels),
            regions=_flipped(case.regions),
        )
        again = np.asarray(_draw(case, flipped).sheet.image).astype(int)
        assert np.abs(again - np.asarray(sheet.image)).mean() < 0.5


def test_a_magnetic_resonance_image_gets_its_own_window(case, found):
    mr = Volume(np.clip(case.volume.voxels, 0, None), case.volume.affine, Modality.MR)
    preview = _draw(case, found, volume=mr)
    assert "Spine labels on MR" in _said(preview.sheet)
    box, _ = _panel(preview, SAGITTAL)
    part = np.asarray(preview.sheet.image.convert("L").crop((box.left, box.top, box.right, box.bottom)))
    assert np.percentile(part, 95) > 100


def test_sac_and_cord_and_organs_are_drawn_and_in_the_legend(case, found):
    regions = case.regions.voxels.copy()
    canal = regions == Region.CANAL
    _, j, i = np.indices(regions.shape)
    regions[canal & (np.abs(i * 2.0 - 91.0) < 6)] = Region.THECAL_SAC
    regions[canal & (np.abs(i * 2.0 - 91.0) < 3)] = Region.SPINAL_CORD
    regions[(regions == Region.SOFT_TISSUE) & (j < 10)] = Region.LIVER
    names = {int(region): region.label for region in Region}
    more = replace(found, regions=LabelMap(regions, case.regions.affine, names=names))
    said = _said(_draw(case, more).sheet)
    for words in ("thecal sac", "spinal cord", "liver"):
        assert words in said
    assert "dura" not in said.split("Modelled")[1]


def test_organs_of_the_whole_field_are_drawn_on_the_planes(case, found, preview):
    regions = np.zeros(case.regions.shape, dtype=np.uint8)
    regions[:, 60:, :] = Region.LIVER  # behind the spine: only the sagittal picture's right shows it
    organs = replace(found, organs=LabelMap(regions, case.regions.affine))
    box, _ = _panel(preview, SAGITTAL)
    pixels = [np.asarray(one.sheet.image).astype(int) for one in (preview, _draw(case, organs))]
    changed = (np.abs(pixels[1] - pixels[0]).sum(axis=-1) > 20)[
        round(box.top) : round(box.bottom), round(box.left) : round(box.right)
    ]
    middle = changed.shape[1] // 2
    assert changed[:, middle:].mean() > 0.05 > changed[:, : middle // 2].mean()


@pytest.mark.parametrize("extent", [(60, 60, 90), (120, 90, 330), (110, 80, 700), (200, 60, 40), (1, 1, 1)])
def test_any_field_fits(extent):
    x, y, z = (float(n) for n in extent)
    sizes = {OBLIQUE: (x, z), LATERAL: (y, z), SAGITTAL: (y, z), CORONAL: (x, z), "axial": (118.0, 96.0)}
    layout = arrange(sizes)
    boxes = [panel.box for panel in layout.panels.values()] + [layout.words]
    assert all(box.left >= 0 and box.right <= CANVAS[0] and box.bottom <= CANVAS[1] for box in boxes)
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    for name, (wide, tall) in sizes.items():
        panel = layout.panels[name]
        assert panel.box.height * panel.pixel_mm >= tall
        assert panel.box.width * panel.pixel_mm >= wide
    assert layout.words.width >= 300


def test_empty_segmentation_still_shows_the_image(case, found, tmp_path):
    nothing = np.zeros(case.levels.shape, dtype=np.uint8)
    empty = replace(
        found,
        levels=case.levels.with_voxels(nothing),
        regions=case.regions.with_voxels(nothing),
        confidence={},
        anchor=Anchor.NONE,
    )
    spine = replace(case.spine, vertebrae=(), sacrum=None, canal=())
    write_preview(tmp_path / "p.png", case.volume, empty, spine, describe_labels(empty, spine))
    picture = np.asarray(Image.open(tmp_path / "p.png").convert("L"))
    assert (picture > 100).mean() > 0.02


@pytest.mark.usefixtures("drawn")
def test_png_is_written_whole(case, found, tmp_path):
    path = tmp_path / "preview.png"
    write_preview(path, case.volume, found, case.spine, describe_labels(found, case.spine))
    picture = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert picture.shape == (*CANVAS[::-1], 3)
    assert (np.ptp(picture, axis=2) > 20).mean() > 0.05
    assert [item.name for item in tmp_path.iterdir()] == ["preview.png"]


@pytest.mark.usefixtures("drawn")
def test_unwritable_place_is_named(case, found, tmp_path):
    with pytest.raises(CannotWriteError, match="preview"):
        write_preview(
            tmp_path / "no" / "preview.png",
            case.volume,
            found,
            case.spine,
            describe_labels(found, case.spine),
        )


def _spine_box(case):
    points, _ = spine_points(shapes_of(case.levels, case.regions))
    return points.min(axis=0), points.max(axis=0)


def _layout(case):
    from procguide.reporting.preview import draw as module

    shapes = shapes_of(case.levels, case.regions)
    points, others = spine_points(shapes)
    low, high = points.min(axis=0), points.max(axis=0)
    subject = module.Subject(case.volume, shapes, None, case.spine, (), low, high)
    return arrange(module._sizes(subject, {view.name: view for view in views_of(points, others)}))


def _panel(preview, name):
    panel = preview.layout.panels[name]
    return panel.box, panel.pixel_mm


def _stored_right_to_left(voxels, volume):
    return Volume(voxels[:, :, ::-1], _mirrored(volume), volume.modality)


def _flipped(labels):
    return LabelMap(labels.voxels[:, :, ::-1], _mirrored(labels), names=dict(labels.names))


def _mirrored(volume):
    turn = np.eye(4)
    turn[2, 2], turn[2, 3] = -1, volume.shape[2] - 1
    return volume.affine @ Affine(turn)
