"""Mean sizes of the adult thoracolumbar spine by level, mm and degrees.

Sources. Endplates, canal, spinous and transverse processes: Panjabi et al., Spine 1991;16:888 (thoracic)
and 1992;17:299 (lumbar). Pedicle isthmus width, height and transverse angle: Zindrick et al., Spine
1987;12:160. Facet orientation to the sagittal plane: Panjabi et al., Spine 1993;18:1298; van Schaik et
al., Spine 1985;10:59. Where two sources differ the value lies between them.
Bodies are larger than Panjabi's cadavers (width 4 %, depth 5 %, height about 15 %), as in CT series of living
adults: that factor is assumed, and was checked only by eye and by volume against a few CTs.
The tables were entered from memory of these papers and have not been compared with them line by line:
take them as plausible sizes, not as quotations, until a test against the published tables stands.
Values without a source here (lamina, articular processes' outer size) are
assumed from anatomy atlases.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["FACETS", "PHANTOM_LEVELS", "VERTEBRAE", "FacetShape", "VertebraShape"]

PHANTOM_LEVELS = ("T8", "T9", "T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5")
"""The presacral levels of a subject without anomaly, cranial to caudal."""


@dataclass(frozen=True)
class VertebraShape:
    """One vertebra's sizes, mm and degrees. Frame: x left, y posterior, z superior, from the body's centre.

    ``body_wedge_deg`` is positive when the front is taller. ``process_*`` are those of the transverse
    process; its span runs from tip to tip. ``disc_*`` is the disc below this vertebra.
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
        30.5, 32.0, 28.5, 29.5, 20.5, -3.5, 17.0, 15.8, 5.2, 12.6, 7.5,
        21, 46, 12.0, 52, 60, 10, 45, 14, 5.0, 0.0,
    ),
    "T9": (
        32.0, 33.5, 29.2, 30.2, 21.5, -3.5, 17.5, 15.8, 6.1, 13.9, 7.0,
        21, 43, 12.5, 48, 60, 10, 43, 14, 5.0, 0.0,
    ),
    "T10": (
        33.8, 35.8, 30.0, 31.0, 23.0, -3.2, 18.2, 16.0, 6.8, 15.0, 5.0,
        21, 38, 13.5, 42, 60, 10, 42, 13, 5.5, 0.0,
    ),
    "T11": (
        36.4, 38.5, 31.0, 32.0, 25.0, -3.0, 19.5, 16.5, 8.2, 16.8, 1.0,
        22, 33, 15.0, 34, 58, 10, 40, 12, 6.0, 0.5,
    ),
    "T12": (
        40.0, 42.6, 32.6, 33.6, 26.6, -3.0, 21.5, 17.5, 7.9, 16.2, 3.0,
        22, 30, 17.0, 20, 52, 9, 35, 10, 7.0, 2.0,
    ),
    "L1": (
        43.2, 45.2, 34.6, 35.2, 28.2, -2.0, 22.5, 18.0, 8.4, 15.6, 10.5,
        22, 34, 21.0, 13, 72, 9, 22, 6, 8.5, 4.5,
    ),
    "L2": (
        44.7, 47.3, 35.5, 35.9, 28.8, -0.5, 23.0, 17.6, 8.8, 15.2, 12.0,
        22, 35, 23.0, 10, 82, 9.5, 20, 4, 10.0, 6.5,
    ),
    "L3": (
        46.6, 49.4, 36.1, 36.3, 28.8, 1.0, 23.5, 17.2, 10.2, 15.0, 14.4,
        21, 36, 24.0, 8, 92, 10, 18, 3, 11.0, 8.0,
    ),
    "L4": (
        48.9, 51.0, 36.5, 36.1, 28.5, 2.5, 24.5, 17.6, 12.6, 14.8, 17.7,
        19, 33, 21.0, 7, 86, 10, 17, 8, 11.5, 10.5,
    ),
    "L5": (
        51.5, 51.0, 36.5, 35.3, 27.7, 8.5, 27.0, 18.2, 17.2, 14.4, 27.0,
        16, 26, 17.0, 5, 94, 14, 17, 14, 10.5, 14.0,
    ),
}
# fmt: on
VERTEBRAE = MappingProxyType({level: VertebraShape(*values) for level, values in _VERTEBRAE.items()})

FACETS = MappingProxyType(
    {
        "T8": FacetShape(10.5, 15.0, 74.0, 10.5, 12.0),
        "T9": FacetShape(10.5, 15.0, 74.0, 11.0, 12.0),
        "T10": FacetShape(11.0, 15.5, 74.0, 11.5, 12.5),
        "T11": FacetShape(11.5, 16.0, 72.0, 12.0, 13.0),
        "T12": FacetShape(12.0, 16.5, 22.0, 12.5, 14.0),
        "L1": FacetShape(13.0, 17.0, 24.0, 13.5, 15.5),
        "L2": FacetShape(14.0, 17.0, 28.0, 14.0, 16.0),
        "L3": FacetShape(16.0, 17.0, 36.0, 15.0, 16.5),
        "L4": FacetShape(19.0, 17.0, 46.0, 16.0, 17.0),
        "L5": FacetShape(23.0, 16.5, 53.0, 16.5, 16.5),
    }
)
