"""The canal's centre line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from procguide.anatomy.locate_patch import Labels, keep_large
from procguide.anatomy.spine import Vertebra
from procguide.geometry import Vector, vector

__all__ = ["locate_canal"]

_STEP_MM = 3.0


def locate_canal(labels: Labels, vertebrae: Sequence[Vertebra]) -> tuple[Vector, ...]:
    """Centres of the canal's cross-sections, about 3 mm apart, from cranial to caudal.

    Where the canal is not labelled, the canal centres of the vertebrae stand in.
    """
    known = np.array([v.canal_centre for v in vertebrae if v.canal_centre is not None]).reshape(-1, 3)
    line = _labelled_line(labels)
    if line is None:
        return tuple(vector(point) for point in known)
    if len(known):
        gap = np.linalg.norm(known[:, None] - line[None], axis=2).min(axis=1)
        outside = known[(gap > 12) & ((known[:, 2] > line[0, 2]) | (known[:, 2] < line[-1, 2]))]
        line = np.concatenate([line, outside])
        line = line[np.argsort(-line[:, 2], kind="stable")]
    return tuple(vector(point) for point in line)


def _labelled_line(labels: Labels) -> NDArray[np.float64] | None:
    """Centroids by axial slab first, then by slabs across the line itself, twice."""
    mask = keep_large(labels.canal(), share=0.05)
    index = np.argwhere(mask)
    if len(index) * np.prod(labels.levels.spacing) < 1500:
        return None
    points = labels.levels.to_patient(index)
    height = points[:, 2]
    edges = np.arange(height.min(), height.max() + _STEP_MM, _STEP_MM)
    line = _means(points, np.digitize(height, edges))[::-1]
    for _ in range(2):
        if len(line) < 4:
            break
        line = _means(points, _nearest_section(points, line))
    return line


def _nearest_section(points: NDArray[np.float64], line: NDArray[np.float64]) -> NDArray[np.int64]:
    """For each point the section of the (smoothed, resampled) line whose plane it lies closest to."""
    smooth = ndimage.gaussian_filter1d(line, 1.5, axis=0, mode="nearest")
    steps = np.linalg.norm(np.diff(smooth, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    stations = np.arange(-9.0, along[-1] + 9.1, _STEP_MM)
    nodes = np.column_stack([np.interp(stations, along, smooth[:, axis]) for axis in range(3)])
    first, last = smooth[0] - smooth[1], smooth[-1] - smooth[-2]
    before, after = stations < 0, stations > along[-1]
    nodes[before] += np.outer(-stations[before], first / max(np.linalg.norm(first), 1e-6))
    nodes[after] += np.outer(stations[after] - along[-1], last / max(np.linalg.norm(last), 1e-6))
    tangent = np.gradient(nodes, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    best = np.zeros(len(points), dtype=np.int64)
    least = np.full(len(points), np.inf)
    for number, (node, direction) in enumerate(zip(nodes, tangent, strict=True)):
        relative = points - node
        off = np.abs(relative @ direction)
        distance = off + 1e3 * (np.einsum("ij,ij->i", relative, relative) > 30.0**2)
        closer = distance < least
        best[closer], least[closer] = number, distance[closer]
    return best


def _means(points: NDArray[np.float64], section: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean point of each section that holds a fair share of points, in the sections' order."""
    counts = np.bincount(section)
    sums = np.column_stack([np.bincount(section, points[:, axis]) for axis in range(3)])
    fair = counts >= max(0.25 * np.median(counts[counts > 0]), 4)
    return np.asarray(sums[fair] / counts[fair, None])
