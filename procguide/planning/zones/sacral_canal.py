"""The sacral canal just above its hiatus, where a caudal epidural injection goes."""

from __future__ import annotations

import numpy as np

from procguide.geometry import Vector
from procguide.planning.sacral import canal_end, hiatus_of
from procguide.planning.site import LocalLabels, Site
from procguide.planning.zones.nouns import TargetZone

__all__ = ["centre", "sample"]

_POOR_ALONG_MM, _POOR_ASIDE_MM = 12.0, 2.0
"""So far from the best place along the canal, or from its middle, a tip is as good as none (assumed)."""
_GATE_CAUDAL_MM = (0.0, 2.0, 4.0, 6.0, 8.0)
_GATE_BACK_MM = (1.0, 2.5, 4.0, 5.5)
_GATE_ACROSS_MM = (-0.7, 0.0, 0.7)


def centre(site: Site) -> Vector:
    """The hiatus."""
    return hiatus_of(site)


def sample(site: Site, _labels: LocalLabels) -> TargetZone:
    """The canal's middle above the hiatus; the needle passes the hiatus on its way."""
    end = canal_end(site)
    low, high, best = (site.number(name) for name in ("above_low_mm", "above_high_mm", "above_best_mm"))
    rows = np.arange(round(low), min(round(high), len(end.line) - 1) + 1, 2)
    backs = np.array([-1.0, 0.0, 1.0])
    points = end.line[rows][:, None] + backs[:, None] * end.behind
    misfit = np.abs(rows - best)[:, None] / _POOR_ALONG_MM + np.abs(backs) / _POOR_ASIDE_MM
    gates = [
        end.hiatus + along * end.caudal + back * end.behind + across * end.left
        for along in _GATE_CAUDAL_MM
        for back in _GATE_BACK_MM
        for across in _GATE_ACROSS_MM
    ]
    return TargetZone(points.reshape(-1, 3), np.clip(misfit, 0, 1).ravel(), np.array(gates))
