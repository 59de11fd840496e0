"""Needles by gauge."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["OUTER_DIAMETER_MM"]

OUTER_DIAMETER_MM: Mapping[int, float] = MappingProxyType(
    {
        8: 4.191,
        10: 3.404,
        11: 3.048,
        12: 2.769,
        13: 2.413,
        14: 2.108,
        15: 1.829,
        16: 1.651,
        17: 1.473,
        18: 1.270,
        19: 1.067,
        20: 0.908,
        21: 0.819,
        22: 0.718,
        23: 0.641,
        24: 0.566,
        25: 0.515,
    }
)
"""Birmingham wire gauge of hypodermic tubing to outer diameter, mm."""
