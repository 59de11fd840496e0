"""How far subjects differ from the mean shapes: standard deviations between subjects and between levels.

Read: L5 of 196 patients on CT (Cook and Baker, Int J Spine Surg 2021;15:1072): body depth 9.8 %, heights
6-7 %, pedicle width 14 %, its height 10 %, canal width 11 %, depth 13 %; men over women: depth 1.11, height
1.04, pedicle width 1.10, height 1.05, canal width 1.03, depth 1.05. Pedicle width T9 17 %, height 10 % (Hou
et al., Spine 1993;18:1850); T12 angle 2.4, spinous slope 7 degrees (Kaur et al., J Clin Orthop Trauma
2016;7:101). Disc heights 13-20 % (anatomyjournal.ir A-10-159-1; 14 subjects). Wedging differs
by 2 degrees between the sexes (Eur Spine J 2010;19:768). Tropism: left and right differ by
4.1 +- 2.6 degrees at L4-L5, 4.8 +- 3.3 at L5-S1 (Mohanty et al., Asian Spine J 2018;12).
The rest is assumed. How a total splits into what a subject has at all levels and what one level has alone is
assumed throughout.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["ANGLES", "DISC_WEDGE", "LENGTHS", "Spread", "spread_of"]


@dataclass(frozen=True)
class Spread:
    """One measure's spread.

    ``subject`` is common to all levels of a subject, ``level`` belongs to one (shares of the mean, or
    degrees). Lengths follow the subject's ``size`` to the power ``size_power``: canals less than bodies.
    """

    subject: float
    level: float
    size_power: float = 1.0


LENGTHS = MappingProxyType(
    {
        "width": Spread(0.035, 0.020, 1.0),
        "depth": Spread(0.055, 0.025, 1.0),
        "body_height": Spread(0.050, 0.020, 0.45),
        "canal_width": Spread(0.085, 0.045, 0.30),
        "canal_depth": Spread(0.100, 0.055, 0.35),
        "pedicle_width": Spread(0.105, 0.060, 1.0),
        "pedicle_height": Spread(0.070, 0.040, 0.50),
        "lamina": Spread(0.060, 0.030, 0.6),
        "spinous_length": Spread(0.090, 0.060, 0.9),
        "spinous_height": Spread(0.110, 0.070, 0.9),
        "process_span": Spread(0.060, 0.035, 0.9),
        "process_height": Spread(0.100, 0.060, 0.9),
        "disc_height": Spread(0.110, 0.070, 0.7),
    }
)
"""By the beginning of the measure's name."""

ANGLES = MappingProxyType(
    {
        "spinous_slope_deg": Spread(4.0, 3.5),
        "process_back_deg": Spread(4.0, 3.0),
        "process_up_deg": Spread(5.0, 3.0),
        "pedicle_angle_deg": Spread(2.5, 1.8),
        "body_wedge_deg": Spread(1.0, 1.8),
    }
)
"""By measure; a disc's wedge has its own table."""

DISC_WEDGE = MappingProxyType({"L1": 2.4, "L2": 2.7, "L3": 3.0, "L4": 3.6, "L5": 4.6, "L6": 4.6})
"""Between subjects, degrees, before balance; 1.2 in the thoracic spine (assumed).

Segmental lordosis differs by 3.6 (L1) to 7.7 degrees (L5) standing: Sci Rep 2022 (doi
10.1038/s41598-022-21840-x).
"""


def spread_of(measure: str) -> Spread | None:
    """The spread of one of the lengths of a vertebra; None for what is not drawn by itself."""
    return next((spread for name, spread in LENGTHS.items() if measure.startswith(name)), None)
