"""Colours that touch stay apart, also for eyes that lack a kind of cone."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.color import rgb2lab

from procguide.anatomy import Region
from procguide.reporting.palette import PART_COLOURS, REGION_COLOURS, VERTEBRA_TINTS, mixed, rgb
from procguide.reporting.shapes import PART_SHARE

# Machado, Oliveira and Fernandes 2009 (IEEE TVCG 15:1291), severity 1, linear RGB.
SIGHT = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
PEDICLE, LAMINA, SPINOUS = Region.PEDICLE, Region.LAMINA, Region.SPINOUS_PROCESS
TRANSVERSE = Region.TRANSVERSE_PROCESS
UPPER, LOWER = Region.SUPERIOR_ARTICULAR_PROCESS, Region.INFERIOR_ARTICULAR_PROCESS
PARTS_THAT_TOUCH = (
    (PEDICLE, TRANSVERSE),
    (PEDICLE, UPPER),
    (PEDICLE, LAMINA),
    (TRANSVERSE, UPPER),
    (TRANSVERSE, LAMINA),
    (LAMINA, UPPER),
    (LAMINA, LOWER),
    (LAMINA, SPINOUS),
)
REGIONS_THAT_TOUCH = (
    (Region.DISC, Region.SACRUM),
    (Region.DISC, Region.CANAL),
    (Region.SACRUM, Region.ILIUM),
    (Region.SACRUM, Region.CANAL),
    (Region.CANAL, Region.THECAL_SAC),
    (Region.THECAL_SAC, Region.SPINAL_CORD),
    (Region.AORTA, Region.VENA_CAVA),
    (Region.KIDNEY, Region.LIVER),
    (Region.LIVER, Region.VENA_CAVA),
    (Region.LIVER, Region.BOWEL),
    (Region.LIVER, Region.LUNG),
)
LEAST = 12.0
"""CIELAB distance; 2.3 is just noticeable side by side (Mahy et al. 1994), lit surfaces need far more."""


def _seen(colour: tuple[float, float, float], sight: str) -> np.ndarray:
    value = np.array(colour)
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    through = np.clip(SIGHT[sight] @ linear, 0, 1)
    shown = np.where(through <= 0.0031308, through * 12.92, 1.055 * through ** (1 / 2.4) - 0.055)
    return np.asarray(rgb2lab(shown[None, None])[0, 0])


def _pairs():
    for tint in VERTEBRA_TINTS:
        for one, other in PARTS_THAT_TOUCH:
            colours = [mixed(PART_COLOURS[part], tint, PART_SHARE) for part in (one, other)]
            yield f"{one.label}, {other.label}", *colours
        yield "pedicle, body", mixed(PART_COLOURS[PEDICLE], tint, PART_SHARE), rgb(tint)
        for region in (Region.DISC, Region.CANAL):
            yield f"{region.label}, body", rgb(REGION_COLOURS[region]), rgb(tint)
    yield "neighbours", *(rgb(tint) for tint in VERTEBRA_TINTS)
    upper, lower = (
        mixed(PART_COLOURS[part], VERTEBRA_TINTS[n], PART_SHARE) for n, part in ((0, UPPER), (1, LOWER))
    )
    yield "facets", upper, lower
    for one, other in REGIONS_THAT_TOUCH:
        yield f"{one.label}, {other.label}", rgb(REGION_COLOURS[one]), rgb(REGION_COLOURS[other])


@pytest.mark.parametrize("sight", SIGHT)
def test_what_touches_is_told_apart(sight):
    near = {
        name: round(float(np.linalg.norm(_seen(one, sight) - _seen(other, sight))), 1)
        for name, one, other in _pairs()
    }
    assert {name: distance for name, distance in near.items() if distance < LEAST} == {}


def test_every_part_and_region_of_a_vertebra_has_a_colour():
    from procguide.segmentation.classes import FINE_CLASSES, ORGAN_CLASSES

    drawn = {*PART_COLOURS, *REGION_COLOURS, Region.BODY, Region.BACKGROUND}
    assert {tissue.region for tissue in (*FINE_CLASSES, *ORGAN_CLASSES)} <= drawn
