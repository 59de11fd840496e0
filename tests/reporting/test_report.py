"""The whole page: parses, says what it must, hides nothing, fetches nothing."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from procguide.anatomy import Anchor
from procguide.errors import CannotWriteError
from procguide.findings import Finding, Severity
from procguide.imaging import Modality
from procguide.planning.catalogue import ViewName
from procguide.planning.nouns import ViewSetting
from procguide.reporting import write_report
from procguide.reporting.pictures import Gallery, Picture

VOID = {"meta", "img", "br", "rect", "line", "link", "input", "hr"}


class Page(HTMLParser):
    """Tags balanced, and what the tests ask of them."""

    def __init__(self):
        super().__init__()
        self.open, self.images, self.tags, self.captions = [], [], [], []
        self.words = ""

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if tag == "img":
            self.images.append(attributes)
        if tag == "figcaption":
            self.captions.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words += " " + data.strip()
        if "figcaption" in self.open:
            self.captions[-1] += data


@pytest.fixture(scope="module")
def write(tmp_path_factory, case, findings, provenance):
    def run(plan_set, **changes):
        path = tmp_path_factory.mktemp("report") / "report.html"
        values = {"volume": case.volume, "findings": findings, "provenance": provenance, "spine": case.spine}
        write_report(
            path,
            segmentation_levels=case.levels,
            regions=case.regions,
            plan_set=plan_set,
            **(values | changes),
        )
        text = path.read_text(encoding="utf-8")
        page = Page()
        page.feed(text)
        assert page.open == []
        return text, page

    return run


@pytest.fixture(scope="module")
def written(write, plan_set):
    """The page of the usual case, made once."""
    return write(plan_set)


@pytest.fixture
def without_drawing(monkeypatch):
    """For tests of words: the same two small pictures, whatever the plan."""
    drawn = Picture("AAAA", "A picture", "", "what it shows")
    gallery = Gallery((drawn,), (drawn,), (), ())
    monkeypatch.setattr("procguide.reporting.report.plan_pictures", lambda *_: gallery)


def picture(image):
    data = base64.b64decode(image["src"].split(",", 1)[1])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def test_page_says_what_a_physician_needs(written):
    text, page = written
    words = re.sub(r"\s+", " ", page.words)
    assert len(text) < 5e6
    for needed in (
        "L4-L5",
        "LEFT",
        "25 degrees left oblique, 5 degrees cranial tilt",
        "80 mm",
        "22G, 90 mm",
        "left of the midline",
        "not approved",
        "approve rank",
        "reject",
        "Signature",
        "Soft tissue is noisy",
        "Trust bone.",
        "Kidney not judged",
        "A paper, 2015",
        "modelled",
        "procguide 0",
        "ab" * 32,
    ):
        assert needed in words, needed
    assert words.index("Before use") < words.index("Recommended")


def test_every_picture_says_what_it_is_for_and_what_it_shows(written):
    _, page = written
    assert len(page.images) == 6
    for image, caption in zip(page.images, page.captions, strict=True):
        assert "For research and training" in image["alt"]
        assert "For research and training" in caption
        assert len(image["alt"]) > 40
        assert picture(image).shape == (int(image["height"]), int(image["width"]), 3)


def test_nothing_comes_from_outside(written):
    text, page = written
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:)""", text)
    assert "http" not in text.replace("http-equiv", "")
    assert "@import" not in text
    assert "url(" not in text
    assert not [tag for tag, _ in page.tags if tag in {"script", "iframe", "link", "object", "form"}]
    (policy,) = [a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert not [a for _, a in page.tags if "style" in a or any(name.startswith("on") for name in a)]


def test_style_matches_the_policys_hash(written):
    text, _ = written
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in text


@pytest.mark.usefixtures("without_drawing")
def test_hostile_text_stays_text(write, plan_set, case, provenance):
    hostile = '<script>alert("x")</script><img src=x onerror=y>'
    text, page = write(
        replace(plan_set, warnings=(hostile,), level="L4-L5"),
        volume=replace(case.volume, source=hostile),
        findings=(Finding("f", Severity.CAUTION, hostile, hostile),),
        provenance=replace(provenance, models={hostile: hostile}, parameters={hostile: hostile}),
    )
    assert "<script" not in text
    assert len(page.images) == 2
    assert text.count("&lt;script&gt;") >= 4


def test_axial_picture_has_the_left_on_its_right(written):
    _, page = written
    (axial,) = [image for image in page.images if image["alt"].startswith("Axial")]
    assert "R on the picture's left, L on its right" in axial["alt"]
    pixels = picture(axial)
    orange = (pixels[..., 0] > 210) & (abs(pixels[..., 1] - 90) < 45) & (pixels[..., 2] < 70)
    rows, columns = np.nonzero(orange)
    assert len(rows) > 300
    # A left oblique needle comes from the patient's left and from behind: from the lower right.
    assert np.corrcoef(rows, columns)[0, 1] > 0.8


def test_right_sided_needle_is_mirrored(write, plan_set, right_sided_plan):
    _, page = write(replace(plan_set, plans=(right_sided_plan,)))
    assert "25 degrees right oblique, no tilt" in page.words
    pixels = picture(next(image for image in page.images if image["alt"].startswith("Axial")))
    orange = (pixels[..., 0] > 210) & (abs(pixels[..., 1] - 90) < 45) & (pixels[..., 2] < 70)
    assert np.corrcoef(*np.nonzero(orange))[0, 1] < -0.8


def test_without_a_plan_the_page_names_the_limit(write, plan_set):
    none = replace(plan_set, plans=(), feasible=0, reason="No needle: nerve root excluded most (9000).")
    _, page = write(none)
    assert "No needle is proposed" in page.words
    assert "nerve root excluded most (9000)" in page.words
    assert "Nerve root" in page.words
    assert "Recommended" not in page.words
    assert len(page.images) == 4
    assert all("For research and training" in image["alt"] for image in page.images)


@pytest.mark.usefixtures("without_drawing")
def test_midline_procedure_has_no_side(write, plan_set):
    central = replace(plan_set, procedure="lumbar_interlaminar_esi", side=None, modelled=())
    _, page = write(central)
    assert "MIDLINE" in page.words
    assert "Lumbar interlaminar" in page.words


@pytest.mark.usefixtures("without_drawing")
def test_unanchored_levels_come_first(write, plan_set, case):
    _, page = write(plan_set, spine=replace(case.spine, anchor=Anchor.NONE))
    assert page.words.index("Check the level") < page.words.index("Soft tissue is noisy")


@pytest.mark.usefixtures("without_drawing")
def test_spine_without_landmarks_still_makes_a_page(write, plan_set, case):
    bare = tuple(replace(one, spinous_process_tip=None, foramina={}) for one in case.spine.vertebrae)
    _, page = write(plan_set, spine=replace(case.spine, vertebrae=bare))
    assert "see patient coordinates" in page.words


@pytest.mark.usefixtures("without_drawing")
def test_unknown_folder_is_an_error_and_leaves_nothing(tmp_path, case, plan_set, findings, provenance):
    path = tmp_path / "missing" / "report.html"
    with pytest.raises(CannotWriteError, match=r"report\.html"):
        write_report(
            path,
            volume=case.volume,
            segmentation_levels=case.levels,
            regions=case.regions,
            spine=case.spine,
            plan_set=plan_set,
            findings=findings,
            provenance=provenance,
        )
    assert list(tmp_path.iterdir()) == []


def test_magnetic_resonance_has_no_radiograph_and_no_hounsfield_window(write, plan_set, case):
    volume = replace(case.volume, modality=Modality.MR)
    _, page = write(plan_set, volume=volume)
    assert len(page.images) == 5
    assert "window" not in " ".join(page.captions)


@pytest.mark.usefixtures("without_drawing")
def test_views_stand_in_order_with_what_to_see(write, plan_set, monkeypatch):
    views = (
        ViewSetting(ViewName.BULLS_EYE, "tip under the pedicle", 25.0, 5.0, 25.0, reachable=True),
        ViewSetting(
            ViewName.TRUE_LATERAL, "tip dorsal", 89.0, 0.0, 89.0, reachable=False, warnings=("no room",)
        ),
    )
    monkeypatch.setattr(
        "procguide.reporting.report.plan_pictures", lambda *_: Gallery((), (None, None), (), ())
    )
    best = replace(plan_set.plans[0], views=views)
    _, page = write(replace(plan_set, plans=(best,)))
    words = re.sub(r"\s+", " ", page.words)
    first, second = words.index("1. Down the needle"), words.index("2. True lateral")
    assert first < words.index("Tip under the pedicle") < second < words.index("Tip dorsal")
    assert "89 degrees from vertical, intensifier on the patient's left; no tilt" in words
    assert words.index("no room") > second


def test_first_come_where_to_go_and_what_it_looks_like(written):
    _, page = written
    words = re.sub(r"\s+", " ", page.words)
    order = ["Recommended", "What is near", "Views, in order", "Contrast", "Other needles", "Every distance"]
    places = [words.index(name) for name in order]
    assert places == sorted(places)
    assert page.images[0]["alt"].startswith("Axial")
