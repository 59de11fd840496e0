"""Published means and standard deviations that the population is held against.

Only figures that were read for this purpose stand here (``read``: an abstract, a table, an open paper), and a
few that are known from memory and say so. Sexes are pooled half and half. ``tolerance`` is how far our mean
may lie off, in the measure's unit; it is wide where papers contradict each other (discs, T12's pedicle,
the canal) and where a paper measured people who stood.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from procguide.phantom.bones.body import DISH_MM
from procguide.phantom.bones.wear import worn_shape
from procguide.phantom.population.parameters import PhantomParameters

__all__ = ["PUBLISHED", "Published", "measured"]


@dataclass(frozen=True)
class Published:
    """One figure from a paper.

    ``level`` is empty for what a subject has once; ``sd`` None where not given.
    """

    measure: str
    level: str
    mean: float
    sd: float | None
    tolerance: float
    source: str
    read: bool = True


_WEDGED = "Eur Spine J 2010;19:768 (240 skeletons; SD printed in a unit not told)"
_COOK = "Int J Spine Surg 2021;15:1072 (196 CT)"
_HOU = "Spine 1993;18:1850 (40 skeletons)"
_LORDOSIS = "Sci Rep 2022, 10.1038/s41598-022-21840-x (324 standing)"
_IRAN = "anatomyjournal.ir A-10-159-1 (14 MR)"
_PANJABI = "Spine 1992;17:299 (12 cadavers), from memory"
_FACETS = "Spine 2016;41:E1138 (599 skeletons)"

_WEDGE = {"T9": -3.8, "T10": -3.2, "T11": -5.0, "T12": -4.2, "L1": -3.35, "L2": -1.65, "L3": -0.1, "L4": 1.9,
          "L5": 6.2}  # fmt: skip
_SEGMENTS = {"L1": (1.2, 3.6), "L2": (5.9, 4.1), "L3": (9.1, 4.2), "L4": (12.7, 5.1), "L5": (21.6, 7.7)}
_FRONT = {
    "L1": (10.82, 1.59),
    "L2": (13.09, 1.21),
    "L3": (15.21, 1.24),
    "L4": (18.14, 1.49),
    "L5": (18.71, 1.61),
}
_BACK = {"L1": (7.31, 1.71), "L2": (8.58, 1.66), "L3": (9.08, 1.22), "L4": (10.14, 1.01), "L5": (8.51, 1.08)}
_MIDDLE = {
    "L1": (10.0, 1.89),
    "L2": (11.59, 1.51),
    "L3": (12.45, 1.79),
    "L4": (13.82, 1.96),
    "L5": (12.99, 2.53),
}
_NEPAL = "Nepal, 106 MR (discovery.researcher.life)"
_MIDDLE_NEPAL = {"L1": 7.89, "L4": 11.96, "L5": 11.10}
_WIDTH = {"L1": 41.2, "L2": 42.6, "L3": 44.1, "L4": 46.6, "L5": 47.3}
_DEPTH = {"L1": 34.1, "L2": 34.6, "L3": 35.2, "L4": 35.5, "L5": 34.7}
_CANAL = {"L1": (23.7, 19.0), "L2": (23.8, 18.2), "L3": (24.3, 17.5), "L4": (25.4, 18.6), "L5": (27.1, 19.7)}

PUBLISHED: tuple[Published, ...] = (
    *(Published("body wedge, degrees", lv, mean, None, 1.0, _WEDGED) for lv, mean in _WEDGE.items()),
    Published("body anterior height, mm", "L5", 30.3, 1.9, 1.0, _COOK),
    Published("body posterior height, mm", "L5", 26.3, 1.9, 1.0, _COOK),
    Published("upper endplate depth, mm", "L5", 35.7, 3.5, 1.5, _COOK),
    Published("lower endplate depth, mm", "L5", 35.3, 3.6, 1.5, _COOK),
    Published("pedicle height, mm", "L5", 12.9, 1.3, 1.0, _COOK + "; SD from its groups"),
    Published("pedicle width, mm", "L5", 16.1, 2.3, 1.5, _COOK),
    Published("canal depth, mm", "L5", 15.6, 2.1, 2.0, _COOK),
    Published("canal width, mm", "L5", 28.2, 3.1, 1.5, _COOK),
    Published("pedicle width, mm", "L5", 13.61, None, 3.0, "Clin Anat 2005;18:404 (16 cadavers)"),
    Published("pedicle height, mm", "T11", 17.02, None, 1.0, "Clin Anat 2005;18:404 (16 cadavers)"),
    Published("pedicle width, mm", "T9", 5.6, 1.0, 0.6, _HOU),
    Published("pedicle height, mm", "T9", 12.35, 1.25, 1.2, _HOU),
    Published("pedicle width, mm", "T12", 8.31, 1.83, 0.8, "J Clin Orthop Trauma 2016;7:101 (50 CT)"),
    Published("pedicle width, mm", "T12", 6.08, 0.60, 2.2, "Pak J Neurol Surg 518 (200 CT)"),
    Published("pedicle angle, degrees", "T12", -9.8, 2.39, 10.0, "J Clin Orthop Trauma 2016;7:101 (50 CT)"),
    Published("pedicle angle, degrees", "T12", 3.99, 2.16, 6.0, "Pak J Neurol Surg 518 (200 CT)"),
    Published("spinous slope, degrees", "T12", 16.21, 7.38, 3.0, "J Clin Orthop Trauma 2016;7:101 (50 CT)"),
    Published("body anterior height, mm", "T12", 27.14, 1.34, 2.5, "Pak J Neurol Surg 518 (200 CT)"),
    Published(
        "anterior disc height, mm", "T10", 5.25, 1.25, 0.8, "Eur Spine J 2015, 10.1007/s00586-015-3925-y"
    ),
    *(Published("anterior disc height, mm", lv, mean, sd, 6.0, _IRAN) for lv, (mean, sd) in _FRONT.items()),
    *(Published("posterior disc height, mm", lv, mean, sd, 4.0, _IRAN) for lv, (mean, sd) in _BACK.items()),
    *(Published("middle disc height, mm", lv, mean, sd, 4.0, _IRAN) for lv, (mean, sd) in _MIDDLE.items()),
    *(Published("middle disc height, mm", lv, mean, None, 5.0, _NEPAL) for lv, mean in _MIDDLE_NEPAL.items()),
    Published("anterior disc height, mm", "L1", 6.91, None, 3.5, _NEPAL),
    Published(
        "anterior disc height, mm", "L5", 13.55, None, 2.5, "Nepal, 106 MR (discovery.researcher.life)"
    ),
    Published(
        "posterior disc height, mm", "L1", 5.52, None, 2.0, "Nepal, 106 MR (discovery.researcher.life)"
    ),
    Published(
        "posterior disc height, mm", "L4", 8.09, None, 1.5, "Nepal, 106 MR (discovery.researcher.life)"
    ),
    Published(
        "posterior disc height, mm", "L5", 6.94, None, 1.5, "Nepal, 106 MR (discovery.researcher.life)"
    ),
    *(
        Published("segmental lordosis, degrees", lv, mean, sd, 3.0, _LORDOSIS)
        for lv, (mean, sd) in _SEGMENTS.items()
    ),
    Published("facet angle, degrees", "T12", 22.6, 8.3, 3.0, _FACETS),
    Published("facet angle, degrees", "L5", 49.1, 12.4, 3.0, _FACETS),
    Published("facet angle, degrees", "L4", 45.0, None, 3.0, "J Pain Res 2022;15:2363 (146 controls)"),
    Published("facet tropism, degrees", "L4", 4.05, 2.62, 1.5, "Asian Spine J 2018;12(5) (without prolapse)"),
    Published("facet tropism, degrees", "L5", 4.82, 3.29, 1.5, "Asian Spine J 2018;12(5) (without prolapse)"),
    Published("pelvic incidence, degrees", "", 50.5, 11.4, 2.0, _LORDOSIS),
    Published("sacral slope, degrees", "", 39.2, None, 2.0, "Eur Spine J 2016;25:3630 (its line at 50.5)"),
    Published(
        "lordosis L1-S1, degrees", "", 54.9, None, 8.0, "Eur Spine J 2016;25:3630 (its line; standing)"
    ),
    Published(
        "lordosis T12-S1, degrees", "", 36.8, 13.2, 13.0, "Asian Spine J 2019, PMC6680033 (lying; 627)"
    ),
    Published("sacrum length, mm", "", 105.0, 10.0, 5.0, "Oman Med J, PMC5799488, and 62 more bones"),
    Published("L1 density under 30, HU", "", 226.0, 44.0, 12.0, "Radiology 2019;291:360 (20 374 CT)"),
    Published("L1 density at 85 and over, HU", "", 100.0, 38.0, 15.0, "Radiology 2019;291:360 (its line)"),
    *(
        Published("upper endplate width, mm", lv, w, None, 4.5, _PANJABI, read=False)
        for lv, w in _WIDTH.items()
    ),
    *(
        Published("upper endplate depth, mm", lv, d, None, 2.0, _PANJABI, read=False)
        for lv, d in _DEPTH.items()
    ),
    *(
        Published("canal width, mm", lv, width, None, 1.5, _PANJABI, read=False)
        for lv, (width, _) in _CANAL.items()
    ),
    *(
        Published("canal depth, mm", lv, depth, None, 3.0, _PANJABI, read=False)
        for lv, (_, depth) in _CANAL.items()
    ),
)


def _length(field: str) -> Callable[[PhantomParameters, str], float]:
    return lambda s, level: float(getattr(s.vertebrae[level], field)) * s.size


def _angle(field: str) -> Callable[[PhantomParameters, str], float]:
    return lambda s, level: float(getattr(s.vertebrae[level], field))


def _side_height(subject: PhantomParameters, level: str, part: str, front: bool) -> float:
    """Height of body or disc at its anterior or posterior rim, mm."""
    shape = worn_shape(subject.vertebrae[level], subject.worn(level))
    wedge = getattr(shape, f"{part}_wedge_deg")
    half = (shape.depth_upper + shape.depth_lower) / 2 * np.tan(np.radians(wedge / 2))
    return float((getattr(shape, f"{part}_height") + (half if front else -half)) * subject.size)


def _middle_height(subject: PhantomParameters, level: str) -> float:
    """Height of the disc between the endplates' hollows, mm."""
    worn = worn_shape(subject.vertebrae[level], subject.worn(level))
    return (worn.disc_height + sum(DISH_MM)) * subject.size


def _facet(subject: PhantomParameters, level: str, side: int) -> float:
    return subject.facets[level].angle_deg + subject.jitter(level, side).facet_angle_deg


def _lordosis(subject: PhantomParameters, first: str) -> float:
    levels = subject.levels[subject.levels.index(first) :]
    shapes = [subject.vertebrae[level] for level in levels]
    return float(sum(shape.disc_wedge_deg + shape.body_wedge_deg for shape in shapes))


_MEASURES: dict[str, Callable[[PhantomParameters, str], float]] = {
    "body wedge, degrees": _angle("body_wedge_deg"),
    "body anterior height, mm": lambda s, level: _side_height(s, level, "body", True),
    "body posterior height, mm": lambda s, level: _side_height(s, level, "body", False),
    "upper endplate width, mm": _length("width_upper"),
    "upper endplate depth, mm": _length("depth_upper"),
    "lower endplate depth, mm": _length("depth_lower"),
    "pedicle width, mm": _length("pedicle_width"),
    "pedicle height, mm": _length("pedicle_height"),
    "pedicle angle, degrees": _angle("pedicle_angle_deg"),
    "canal width, mm": _length("canal_width"),
    "canal depth, mm": _length("canal_depth"),
    "spinous slope, degrees": _angle("spinous_slope_deg"),
    "anterior disc height, mm": lambda s, level: _side_height(s, level, "disc", True),
    "posterior disc height, mm": lambda s, level: _side_height(s, level, "disc", False),
    "middle disc height, mm": _middle_height,
    "segmental lordosis, degrees": lambda s, level: (
        s.vertebrae[level].disc_wedge_deg + s.vertebrae[level].body_wedge_deg
    ),
    "facet angle, degrees": lambda s, level: _facet(s, level, 1),
    "facet tropism, degrees": lambda s, level: abs(_facet(s, level, 1) - _facet(s, level, -1)),
    "pelvic incidence, degrees": lambda s, _: s.pelvis.incidence_deg,
    "sacral slope, degrees": lambda s, _: s.pelvis.sacral_slope_deg,
    "lordosis L1-S1, degrees": lambda s, _: _lordosis(s, "L1"),
    "lordosis T12-S1, degrees": lambda s, _: _lordosis(s, "T12"),
    "sacrum length, mm": lambda s, _: s.pelvis.sacrum_length * s.size,
    "L1 density under 30, HU": lambda s, _: s.trabecular_hu if s.age < 30 else np.nan,
    "L1 density at 85 and over, HU": lambda s, _: s.trabecular_hu if s.age >= 85 else np.nan,
}


def measured(figure: Published, subjects: list[PhantomParameters]) -> tuple[float, float, int]:
    """Mean, SD and number of the same measure among subjects with 24 presacral vertebrae."""
    usual = [s for s in subjects if len(s.levels) == 10 and s.sacralised == 0]
    values = np.array([_MEASURES[figure.measure](s, figure.level) for s in usual])
    values = values[~np.isnan(values)]
    return float(values.mean()), float(values.std()), len(values)
