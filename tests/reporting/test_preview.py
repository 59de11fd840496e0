"""The segmentation at a glance follows the spine and keeps left on the right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from procguide.errors import CannotWriteError
from procguide.reporting import write_preview
from procguide.reporting.preview import curved_planes


def test_planes_follow_the_bodies(case):
    moved = tuple(
        replace(one, frame=replace(one.frame, origin=(n * 10.0, n * 5.0, one.frame.origin[2])))
        for n, one in enumerate(case.spine.vertebrae)
    )
    sagittal, coronal, heights = curved_planes(case.levels, replace(case.spine, vertebrae=moved, sacrum=None))
    row = int(np.argmin(np.abs(heights - 36.0)))
    assert sagittal[row, :, 0] == pytest.approx(10.0, abs=0.5)
    assert coronal[row, :, 1] == pytest.approx(5.0, abs=0.5)
    assert (np.diff(heights) < 0).all()
    assert (np.diff(coronal[row, :, 0]) > 0).all()  # columns run to the patient's left
    assert (np.diff(sagittal[row, :, 1]) > 0).all()  # and to posterior


def test_png_is_written_in_colour(case, tmp_path):
    path = tmp_path / "preview.png"
    write_preview(path, case.volume, case.levels, case.spine)
    picture = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert min(picture.shape[:2]) > 300
    coloured = np.ptp(picture, axis=2) > 40
    assert coloured.mean() > 0.02
    assert [item.name for item in tmp_path.iterdir()] == ["preview.png"]


def test_marker_on_the_left_is_on_the_right(case, tmp_path):
    voxels = case.volume.voxels.copy()
    low, high = np.rint(case.volume.to_index([(54, -8, -50), (66, 8, 100)])).astype(int)
    voxels[:, low[1] : high[1], low[2] : high[2]] = 2000
    marked = case.volume.with_voxels(voxels)
    write_preview(tmp_path / "preview.png", marked, case.levels, case.spine)
    picture = np.asarray(Image.open(tmp_path / "preview.png").convert("L")).astype(int)
    height, width = picture.shape
    middle = picture[height // 5 : height // 3]
    share = 150.0 / 340.0
    coronal = middle[:, int(width * share) :]
    columns = np.nonzero((coronal > 245).mean(axis=0) > 0.8)[0]
    assert len(columns)
    assert columns.min() > 0.6 * coronal.shape[1]


def test_empty_segmentation_still_shows_the_image(case, tmp_path):
    empty = case.levels.with_voxels(np.zeros(case.levels.shape, dtype=np.uint8))
    write_preview(tmp_path / "p.png", case.volume, empty, replace(case.spine, vertebrae=(), sacrum=None))
    assert (tmp_path / "p.png").stat().st_size > 10_000


def test_unwritable_place_is_named(case, tmp_path):
    with pytest.raises(CannotWriteError, match="preview"):
        write_preview(tmp_path / "no" / "preview.png", case.volume, case.levels, case.spine)
