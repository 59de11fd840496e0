"""Checks that ask what the image is for, and what the labels show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from procguide.anatomy import VERSE_LABELS, Region
from procguide.findings import Severity
from procguide.geometry import Affine
from procguide.imaging import LabelMap, Modality, Volume
from procguide.quality import Acquisition, Check, Examined, Kind
from procguide.quality.assess import assess_quality, checks_for

LEVELS = ("L2", "L3", "L4")


def named(name: str, kind: Kind = Kind.MR) -> Check:
    return next(check for check in checks_for(kind) if check.name == name)


def spine(fall: float = 0.0, canal: float = 400.0, cut: int = 0) -> Examined:
    """Three bodies of 24 mm every 36 mm, the canal behind, in an image of 132 mm less ``cut`` at its foot.

    Marrow is 200 with a spread of 20, darker by e to the ``fall`` over 100 mm towards the head.
    """
    grid = Affine.axis_aligned([2, 2, 2], [0, 0, 0])
    shape = (66, 40, 40)
    regions, levels = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for n, level in enumerate(reversed(LEVELS)):
        part = slice(9 + 18 * n, 21 + 18 * n)
        regions[part, 5:20, 10:30] = Region.BODY
        levels[part, 5:20, 10:30] = VERSE_LABELS[level]
    regions[:, 24:32, 15:25] = Region.CANAL
    rng = np.random.default_rng(2)
    values = rng.normal(200, 20, shape)
    values[regions == Region.CANAL] = canal
    values *= np.exp(-fall * np.arange(66) * 2 / 100)[:, None, None]
    volume = Volume(values.astype(np.float32), grid, Modality.MR)
    return Examined(
        Kind.MR,
        volume=volume.crop((cut // 2, 0, 0), shape),
        labels=LabelMap(regions, grid),
        levels=LabelMap(levels, grid),
    )


def value(name: str, examined: Examined) -> float:
    found = named(name, examined.kind).measure(examined)
    assert found is not None
    return found.value


class TestCoverageOfTheLevel:
    def test_it_is_the_room_to_the_nearer_end(self) -> None:
        case = replace(spine(), sites=("L4", "L5"))
        assert value("coverage of the level", case) == pytest.approx(18.0, abs=1.5)
        assert value("coverage of the level", replace(case, sites=("L3",))) == pytest.approx(54.0, abs=1.5)

    def test_a_vertebra_that_is_cut_off_has_none(self) -> None:
        case = replace(spine(cut=24), sites=("L4",))
        assert value("coverage of the level", case) == 0
        (finding,) = assess_quality(case, [named("coverage of the level")]).faults
        assert finding.severity is Severity.CAUTION
        assert "0 mm from L4" in finding.words

    def test_a_level_that_was_not_found_is_not_judged(self) -> None:
        check = named("coverage of the level")
        assert check.measure(replace(spine(), sites=("T5",))) is None
        assert check.measure(spine()) is None
        assert check.measure(replace(spine(), levels=None, sites=("L4",))) is None


class TestResolutionForTheTask:
    def test_thick_slices_serve_a_foramen_but_no_facet_joint(self) -> None:
        case = replace(spine(), acquisition=Acquisition(thickness_mm=4.0))
        limits = named("resolution for the task").limits
        shown = {
            task: limits.severity(value("resolution for the task", replace(case, task=task)))
            for task in ("transforaminal_esi_kambin", "facet_joint_injection")
        }
        assert shown == {
            "transforaminal_esi_kambin": Severity.OK,
            "facet_joint_injection": Severity.CAUTION,
        }

    def test_a_task_that_is_not_known_is_not_judged(self) -> None:
        assert named("resolution for the task").measure(replace(spine(), task="tea")) is None

    def test_every_procedure_of_the_catalogue_is_known_or_needs_nothing_fine(self) -> None:
        from procguide.planning import load_catalogue
        from procguide.quality.tasks import STRUCTURES

        catalogue = set(load_catalogue())
        assert set(STRUCTURES) <= catalogue
        assert len(catalogue - set(STRUCTURES)) <= 3  # plexus, ganglion and sympathetic chain


class TestLabels:
    def test_shading_along_the_spine_is_read_from_the_marrow(self) -> None:
        assert value("vertebral shading", spine()) < 1.1
        assert value("vertebral shading", spine(fall=1.0)) == pytest.approx(np.exp(0.72), rel=0.1)

    def test_a_canal_as_bright_as_marrow_is_said(self) -> None:
        limits = named("contrast of the canal").limits
        assert value("contrast of the canal", spine()) == pytest.approx(10, rel=0.15)
        assert limits.severity(value("contrast of the canal", spine(canal=215.0))) is Severity.CAUTION

    def test_without_labels_nothing_is_judged_and_it_says_why(self) -> None:
        bare = replace(spine(), labels=None)
        answers = assess_quality(bare, [named("vertebral shading"), named("contrast of the canal")]).answers
        assert all("labels" in answer.why_not for answer in answers)
