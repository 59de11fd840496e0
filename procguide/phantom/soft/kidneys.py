"""Where each kidney lies, and its shape: an ellipsoid with a hilum, leaning on the psoas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import Side
from procguide.geometry import AnatomicalFrame
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.soft.spine_line import SpineLine

__all__ = ["Kidney", "kidneys_of"]


@dataclass(frozen=True)
class Kidney:
    """One kidney. ``frame``: x from the hilum outward, z along its axis to the upper pole.

    ``half`` are its half-sizes along these axes (width, thickness, length), mm.
    """

    side: Side
    frame: AnatomicalFrame
    half: tuple[float, float, float]

    @property
    def hilum(self) -> NDArray[np.float64]:
        """Where vessels enter and the ureter leaves, LPS mm."""
        return np.asarray(self.frame.to_patient((-0.78 * self.half[0], 0.0, 0.0)))


def kidneys_of(parameters: PhantomParameters, spine: SpineLine) -> Mapping[Side, Kidney]:
    """Both kidneys between T12 and L3, the right one about a centimetre lower as a rule.

    Lengths 10 to 12 cm, axis leaning on the psoas with the upper pole medial and behind: anatomy
    atlases; the spread of place is assumed.
    """
    rng = np.random.default_rng([parameters.seed, 41])
    # Parenchyma about 193 mL a side in men, 157 in women: Geraghty et al., Abdom Imaging 2004;29:482.
    scale = parameters.size * parameters.body.kidney_scale * (1.03 if parameters.sex == "male" else 1.0)
    lowest = len(parameters.levels)
    first = 1 + [level for level in parameters.levels if level.startswith("L")][::-1].index("L1")
    height = rng.normal(0.0, 10.0)
    kidneys = {}
    for side in (Side.LEFT, Side.RIGHT):
        lower = 0.0 if side is Side.LEFT else rng.normal(11.0, 6.0)
        z = spine.height(min(first, lowest) - 0.5) + height - lower + rng.normal(0.0, 4.0) - 13.0
        half = np.array([30.0, 25.5, 57.5]) * scale * rng.normal(1.0, 0.03, 3)
        out = (spine.at("half_width", z) + 42.0 * parameters.size + 6.0 * parameters.body.visceral_fat
               + rng.normal(0.0, 5.5))  # fmt: skip
        behind = -10.0 + rng.normal(0.0, 4.0) - 5.0 * parameters.body.visceral_fat
        s = side.sign
        centre = np.array([spine.at("x", z) + s * out, spine.at("wall", z) + behind, z])
        lean, back = np.radians([rng.normal(14.0, 3.5), rng.normal(12.0, 3.0)])
        up = np.array([-s * np.sin(lean), np.sin(back), np.cos(lean) * np.cos(back)])
        turn = np.radians(rng.normal(35.0, 7.0))
        outward = np.array([s * np.cos(turn), np.sin(turn), 0.0])
        frame = AnatomicalFrame.from_axes(centre, up, outward)
        kidneys[side] = Kidney(side, frame, (float(half[0]), float(half[1]), float(half[2])))
    return kidneys
