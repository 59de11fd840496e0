"""How common wear, injury and variants are, by age, sex and level.

Every figure names its source; *assumed* stands where no paper could be read. ``share`` is that of subjects
who have the finding at one level at least.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

__all__ = [
    "ADAMKIEWICZ",
    "ADAMKIEWICZ_LEFT",
    "BULGE",
    "CENTRAL_STENOSIS",
    "DISC_DEGENERATION",
    "FACET_ARTHROSIS",
    "FORAMINAL_STENOSIS",
    "FRACTURE",
    "HEIGHT_LOSS",
    "OSTEOPHYTES",
    "SCHMORL",
    "SCOLIOSIS",
    "SEVERE_STENOSIS",
    "SLIP",
    "VARIANTS",
    "Prevalence",
    "trabecular_hu_of",
]


@dataclass(frozen=True)
class Prevalence:
    """Shares of subjects with a finding, at ``ages``; between them it is interpolated.

    ``levels`` are odds of the levels relative to each other, on the probit scale.
    """

    ages: tuple[float, ...]
    shares: tuple[float, ...]
    levels: Mapping[str, float]
    source: str

    def share(self, age: float) -> float:
        """The share at that age; level beyond the ends."""
        return float(np.interp(age, self.ages, self.shares))


_DECADES = (20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0)
_LUMBAR = {"L1": -0.55, "L2": -0.30, "L3": -0.05, "L4": 0.30, "L5": 0.35, "L6": 0.35}
_BRINJIKJI = (
    "Brinjikji et al., AJNR 2015;36:811 (3110 without pain; ages 20-50 read in Scoliosis 2016;11:21, 80 in "
    "the abstract, 60-70 from memory)"
)

DISC_DEGENERATION = Prevalence(
    _DECADES,
    (0.37, 0.52, 0.68, 0.80, 0.88, 0.93, 0.96),
    MappingProxyType(_LUMBAR),
    _BRINJIKJI + "; L5-S1 and L4-L5 first: Ruangchainikom et al., Asian Spine J 2021;15:799",
)
HEIGHT_LOSS = Prevalence(
    _DECADES, (0.24, 0.34, 0.45, 0.56, 0.67, 0.76, 0.84), MappingProxyType(_LUMBAR), _BRINJIKJI
)
BULGE = Prevalence(
    _DECADES,
    (0.30, 0.40, 0.50, 0.60, 0.69, 0.77, 0.84),
    MappingProxyType({"L1": -0.9, "L2": -0.5, "L3": -0.1, "L4": 0.4, "L5": 0.3, "L6": 0.2}),
    _BRINJIKJI,
)
FACET_ARTHROSIS = Prevalence(
    (30.0, 45.0, 55.0, 65.0, 80.0),
    (0.24, 0.447, 0.742, 0.892, 0.90),
    MappingProxyType({"L1": -1.3, "L2": -1.03, "L3": -0.51, "L4": -0.12, "L5": -0.30, "L6": -0.3}),
    "Kalichman et al., Spine 2008;33:2560 (188 on CT; L2-L5 by level; their 69 % above 70 years is taken for "
    "chance, L1 assumed)",
)
CENTRAL_STENOSIS = Prevalence(
    (30.0, 45.0, 55.0, 65.0, 80.0),
    (0.20, 0.20, 0.30, 0.472, 0.52),
    MappingProxyType({"L1": -1.2, "L2": -0.5, "L3": 0.1, "L4": 0.5, "L5": -0.4, "L6": -0.4}),
    "Kalichman et al., Spine J 2009;9:545 (191 on CT: acquired, below 12 mm; ages 40-59, above 70 and levels "
    "assumed)",
)
SEVERE_STENOSIS = Prevalence(
    (30.0, 45.0, 55.0, 65.0, 80.0),
    (0.040, 0.04, 0.08, 0.194, 0.23),
    CENTRAL_STENOSIS.levels,
    "Kalichman et al., Spine J 2009;9:545 (acquired, below 10 mm)",
)
FORAMINAL_STENOSIS = Prevalence(
    (25.0, 35.0, 45.0, 55.0, 65.0, 75.0, 85.0),
    (0.039, 0.072, 0.130, 0.224, 0.358, 0.518, 0.675),
    MappingProxyType({"L1": -2.0, "L2": -1.4, "L3": -0.6, "L4": 0.2, "L5": 0.4, "L6": 0.4}),
    "Ding et al., Neuroradiology 2024;66:1649 (644 on MR: 21.9 %, odds 1.93 a decade; their mean age taken "
    "as 54, levels assumed)",
)
SLIP = Prevalence(
    (30.0, 40.0, 50.0, 60.0, 70.0, 80.0),
    (0.01, 0.02, 0.045, 0.085, 0.15, 0.22),
    MappingProxyType({"L2": -1.2, "L3": -0.5, "L4": 0.6, "L5": 0.0}),
    "Aoki et al., Sci Rep 2020 (doi 10.1038/s41598-020-63784-0; 580 on CT: 7.4 % of those without "
    "lysis, 9.8 % of all); rise with age as in Brinjikji at half its height, women three to one (Kalichman "
    "et al., Spine 2009;34:199); levels assumed",
)
SCHMORL = Prevalence(
    (20.0, 80.0),
    (0.164, 0.164),
    MappingProxyType({"T11": -0.2, "T12": 0.0, "L1": 0.3, "L2": 0.3, "L3": 0.0, "L4": -0.4, "L5": -0.9}),
    "Mok et al., Spine 2010;35:1944 (2449 on MR: 16.4 %, men 22.3, women 12.4, 54 % of them at L1-L3; no "
    "trend with age; thoracic levels assumed)",
)
OSTEOPHYTES = Prevalence(
    (20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0),
    (0.05, 0.15, 0.35, 0.60, 0.78, 0.88, 0.93),
    MappingProxyType(
        {"T8": 0.0, "T9": 0.3, "T10": 0.2, "T11": 0.1, "T12": -0.2, "L1": -0.3, "L2": 0.0, "L3": 0.3,
         "L4": 0.3, "L5": 0.0, "L6": 0.0}
    ),
    "PMID 10229405 (1180 above 50: 84 % of men, 74 % of women, most at T9-T10 and L3); "
    "younger ages assumed",
)  # fmt: skip
FRACTURE = Prevalence(
    (40.0, 55.0, 65.0, 75.0, 85.0),
    (0.02, 0.035, 0.055, 0.11, 0.18),
    MappingProxyType(
        {"T8": 0.0, "T9": -0.3, "T10": -0.4, "T11": 0.0, "T12": 0.5, "L1": 0.6, "L2": 0.1, "L3": -0.2,
         "L4": -0.3, "L5": -0.6}
    ),
    "NHANES 2013-14 (PMC7422504; 3330 aged 40 and more: 5.4 %, 11 % at 70-79, 18 % from 80; alike "
    "in men and women); levels assumed, 30 % with more than one: Waterloo et al., BMC Musculoskelet Disord "
    "2012;13:3",
)  # fmt: skip
SCOLIOSIS = Prevalence(
    (20.0, 45.0, 55.0, 65.0, 75.0, 85.0, 92.0),
    (0.025, 0.0314, 0.063, 0.122, 0.223, 0.373, 0.50),
    MappingProxyType({}),
    "Kebaish et al., Spine 2011;36:731 (2973 on DXA, Cobb 11 degrees and more: 8.85 %, 3.1 % at 40-50, half "
    "from 90; four in five mild; between them logistic, under 40 assumed)",
)

VARIANTS = MappingProxyType({"L6": 0.046, "sacralised": 0.070, "no L5": 0.025, "T13": 0.010})
"""Shares of numeric and transitional variants.

Lumbarisation 4.0 and 6.2 %, sacralisation 12.3 and 2.7 %: Skeletal Radiol 2025 (doi
10.1007/s00256-025-04952-z, 551 whole-spine CTs) and Insights Imaging 2014 (PMC3948909, 226). How many of the
sacralised have no free L5 and the share of T13 are assumed (thirteen ribs in 5 of 1340: Korean series,
synapse.koreamed.org 1158507).
"""

ADAMKIEWICZ = MappingProxyType(
    {"T8": 0.09, "T9": 0.25, "T10": 0.24, "T11": 0.14, "T12": 0.12, "L1": 0.09, "L2": 0.05, "L3": 0.02}
)
"""Level of origin, of those from T8 down.

T8-L1 89 %: Neuroradiology 2019 (doi 10.1007/s00234-019-02207-y; 5437 subjects); T9 or T10 half, none under
L3: Surg Radiol Anat 2011;33:3; how the rest divides is assumed.
"""
ADAMKIEWICZ_LEFT = 0.766


def trabecular_hu_of(age: float) -> tuple[float, float]:
    """Mean and SD of L1's cancellous bone on CT at 120 kV, HU.

    Jang et al., Radiology 2019;291:360 (20 374 CTs): 226 +- 44 under 30 years, 89 +- 38 from 90, linear.
    """
    ages = (25.0, 92.0)
    return float(np.interp(age, ages, (226.0, 89.0))), float(np.interp(age, ages, (44.0, 38.0)))
