"""Mean sizes of the adult thoracolumbar spine by level, mm and degrees: the middle of both sexes.

Read for this table (abstracts, tables or open papers; figures in ``published``):
body wedging T9-L5: Eur Spine J 2010;19:768 (PMC2899959); L5 (depth, heights, pedicle, canal):
Cook and Baker, Int J Spine Surg 2021;15:1072; pedicles T9 and L5: Hou et al., Spine 1993;18:1850; T11, L5:
Clin Anat 2005;18:404; T12 (pedicle, its angle, spinous slope): Kaur et al., J Clin
Orthop Trauma 2016;7:101; ranges T1-L5: PMC2200778; thoracic discs: Fletcher et
al., Eur Spine J 2015 (doi 10.1007/s00586-015-3925-y) and J Anat 2011;219:375.
Segmental lordosis, here less 6 degrees in all because the subject lies (assumed): Sci Rep 2022;12 (doi
10.1038/s41598-022-21840-x). Facet angles: T12-L1 and L5-S1
of 599 spines: Spine 2016;41:E1138; L4-L5: J Pain Res 2022;15:2363; thoracic ones 25-30 degrees from the
frontal plane, L3-L5 40-56 from the sagittal one: Masharawi et al., Facet orientation in the thoracolumbar
spine (read at cris.haifa.ac.il).
Known only from memory and not read again: endplates, canal, processes: Panjabi et al., Spine 1991;16:888
and 1992;17:299; pedicles of the other levels: Zindrick et al., Spine 1987;12:160.
Bodies are larger than Panjabi's cadavers (width 4 %, depth 5 %, height about 15 %), as in CT series of living
adults: that factor is assumed and agrees with Cook's L5. Values without a source here (lamina, articular
processes' outer size, T8's row where the papers begin at T9) are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

__all__ = [
    "FACETS",
    "PHANTOM_LEVELS",
    "VERTEBRAE",
    "FacetShape",
    "VertebraShape",
    "mean_shapes",
]

PHANTOM_LEVELS = ("T8", "T9", "T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5")
"""The presacral levels of a subject without anomaly, cranial to caudal."""


@dataclass(frozen=True)
class VertebraShape:
    """One vertebra's sizes, mm and degrees. Frame: x left, y posterior, z superior, from the body's centre.

    ``body_wedge_deg`` is positive when the front is taller. ``process_*`` are those of the transverse
    process; its span runs from tip to tip. ``disc_*`` is the disc below this vertebra, before wear, between
    the rims of the endplates.
    """

    width_upper: float
    width_lower: float
    depth_upper: float
    depth_lower: float
    body_height: float
    body_wedge_deg: float
    canal_width: float
    canal_depth: float
    pedicle_width: float
    pedicle_height: float
    pedicle_angle_deg: float
    lamina_height: float
    spinous_length: float
    spinous_height: float
    spinous_slope_deg: float
    process_span: float
    process_height: float
    process_back_deg: float
    process_up_deg: float
    disc_height: float
    disc_wedge_deg: float


@dataclass(frozen=True)
class FacetShape:
    """The facet joints under one vertebra, mm and degrees.

    ``half_distance`` from the midline to the joint's centre; ``behind`` from the posterior body wall;
    ``angle_deg`` between the joint and the sagittal plane (0 sagittal, 90 coronal).
    """

    half_distance: float
    behind: float
    angle_deg: float
    width: float
    height: float
    gap: float = 1.6


# fmt: off
_VERTEBRAE = {
    #      wu    wl    du    dl    h     wedge cw cd pw ph pa lh sl sh slope span ph back up dh dw
    "T8": (
        30.5, 32.0, 28.5, 29.5, 20.0, -3.8, 17.0, 15.8, 5.5, 12.4, 8.0,
        21, 46, 12.0, 52, 60, 10, 45, 14, 4.5, 0.0,
    ),
    "T9": (
        32.0, 33.5, 29.2, 30.2, 21.0, -3.8, 17.5, 15.8, 5.9, 13.2, 7.5,
        21, 43, 12.5, 48, 60, 10, 43, 14, 4.8, 0.0,
    ),
    "T10": (
        33.8, 35.8, 30.0, 31.0, 22.6, -3.2, 18.2, 16.0, 6.6, 14.8, 5.0,
        21, 38, 13.5, 42, 60, 10, 42, 13, 5.2, 0.5,
    ),
    "T11": (
        36.4, 38.5, 31.0, 32.0, 24.8, -5.0, 19.5, 16.5, 8.0, 16.9, 1.0,
        22, 33, 15.0, 32, 58, 10, 40, 12, 6.0, 1.0,
    ),
    "T12": (
        40.0, 42.6, 32.6, 33.6, 26.6, -4.2, 21.5, 17.5, 8.0, 16.2, -1.0,
        22, 30, 17.0, 18, 52, 9, 35, 10, 7.2, 2.0,
    ),
    "L1": (
        43.2, 45.2, 34.6, 35.2, 28.2, -3.3, 22.5, 18.0, 8.4, 15.6, 10.5,
        22, 34, 21.0, 13, 72, 9, 22, 6, 8.9, 3.8,
    ),
    "L2": (
        44.7, 47.3, 35.5, 35.9, 28.8, -1.6, 23.0, 17.6, 8.8, 15.2, 12.0,
        22, 35, 23.0, 10, 82, 9.5, 20, 4, 10.5, 6.4,
    ),
    "L3": (
        46.6, 49.4, 36.1, 36.3, 28.8, -0.1, 23.5, 17.2, 10.2, 14.9, 14.4,
        21, 36, 24.0, 8, 92, 10, 18, 3, 12.2, 8.0,
    ),
    "L4": (
        48.9, 51.0, 36.5, 36.1, 28.5, 1.9, 24.5, 17.3, 12.6, 14.4, 17.7,
        19, 33, 21.0, 7, 86, 10, 17, 8, 13.4, 10.0,
    ),
    "L5": (
        51.5, 51.0, 36.2, 35.3, 28.0, 6.2, 27.4, 17.4, 16.2, 13.3, 27.0,
        16, 26, 17.0, 5, 94, 14, 17, 14, 13.0, 13.4,
    ),
}
# fmt: on
VERTEBRAE = MappingProxyType({level: VertebraShape(*values) for level, values in _VERTEBRAE.items()})

FACETS = MappingProxyType(
    {
        "T8": FacetShape(10.5, 15.0, 64.0, 10.5, 12.0),
        "T9": FacetShape(10.5, 15.0, 64.0, 11.0, 12.0),
        "T10": FacetShape(11.0, 15.5, 64.0, 11.5, 12.5),
        "T11": FacetShape(11.5, 16.0, 62.0, 12.0, 13.0),
        "T12": FacetShape(12.0, 16.5, 24.0, 12.5, 14.0),
        "L1": FacetShape(13.0, 17.0, 27.0, 13.5, 15.5),
        "L2": FacetShape(14.0, 17.0, 31.0, 14.0, 16.0),
        "L3": FacetShape(16.0, 17.0, 38.0, 15.0, 16.5),
        "L4": FacetShape(19.0, 17.0, 45.5, 16.0, 17.0),
        "L5": FacetShape(23.0, 16.5, 50.5, 16.5, 16.5),
    }
)


_Shape = TypeVar("_Shape", VertebraShape, FacetShape)


def _between(first: _Shape, second: _Shape, share: float) -> _Shape:
    """A shape ``share`` of the way from the first to the second."""
    other = vars(second)
    values = {name: value + share * (other[name] - value) for name, value in vars(first).items()}
    return type(first)(**values)


def mean_shapes(levels: tuple[str, ...]) -> tuple[dict[str, VertebraShape], dict[str, FacetShape]]:
    """Mean vertebrae and facet joints of a subject with these levels.

    A vertebra too many lies between its neighbours in shape (assumed): T13 halfway from T12 to L1, with the
    change from thoracic to lumbar facets under it. The lowest free vertebra is the wedged one: with L6, the
    fifth takes half of L4's shape, the sixth all of L5's; without L5, L4 takes half of L5's.
    """
    bones: dict[str, VertebraShape] = dict(VERTEBRAE)
    joints: dict[str, FacetShape] = dict(FACETS)
    if "T13" in levels:
        bones["T13"], joints["T13"] = _between(bones["T12"], bones["L1"], 0.5), joints["T12"]
        joints["T12"] = _between(joints["T11"], joints["T12"], 0.4)
    if "L6" in levels:
        bones["L6"], joints["L6"] = bones["L5"], joints["L5"]
        bones["L5"] = _between(bones["L4"], bones["L5"], 0.5)
        joints["L5"] = _between(joints["L4"], joints["L5"], 0.5)
    if "L5" not in levels:
        bones["L4"], joints["L4"] = _between(bones["L4"], bones["L5"], 0.5), joints["L5"]
    return {level: bones[level] for level in levels}, {level: joints[level] for level in levels}
