"""A vertebra's frame and endplates: superior from the endplates, left from the bone's own symmetry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from procguide.anatomy.levels import VERSE_LABELS
from procguide.anatomy.locate_patch import STEP_MM, Labels, Mask, Patch, largest, without_holes
from procguide.anatomy.spine import Endplate
from procguide.geometry import AnatomicalFrame, unit, vector

__all__ = ["Body", "fit_plane", "least_volume_mm3", "locate_body", "symmetric_frame"]


@dataclass(frozen=True)
class _Least:
    """What a body must have to be one: volume, height, and ``rim_mm`` from its border a floor."""

    volume_mm3: float
    height_mm: int
    rim_mm: float
    floor_mm2: int


_LEAST = _Least(2000, 10, 3.0, 100)
_LEAST_CERVICAL = _Least(900, 7, 2.0, 50)
"""Small women's C3 to C5 have 1.2 to 2 ml and are 10 to 12 mm high (assumed with room)."""
_BODY_LOW, _BODY_HIGH = (-38, -32, -30), (38, 32, 30)
_ALL_LOW, _ALL_HIGH = (-56, -34, -38), (56, 72, 30)
MaskOf = Callable[[Labels], Mask]
Plane = tuple[float, float, float]
"""Height above the local origin, and its slope along left and posterior: z = c + a x + b y."""


@dataclass(frozen=True)
class Body:
    """A body that was found: its label, frame, endplates and the position of its posterior wall.

    ``wall_mm`` is the local posterior coordinate of the posterior wall at mid-height.
    """

    label: int
    frame: AnatomicalFrame
    superior_endplate: Endplate
    inferior_endplate: Endplate
    wall_mm: float
    complete: bool


def locate_body(
    labels: Labels, label: int, start: AnatomicalFrame, *, cut_above: bool, cut_below: bool
) -> Body | None:
    """Refine a rough frame (origin in the body) on the labels; None where there is no body to speak of."""
    frame = start
    planes: tuple[Plane, Plane] | None = None
    for rounds in (2, 1):
        for _ in range(rounds):
            patch = Patch.around(labels, frame, _BODY_LOW, _BODY_HIGH)
            body = _solid_body(patch, label)
            planes = _planes(patch, body, label) if body is not None else None
            if planes is None:
                return None
            frame = _level(frame, planes, cut_above, cut_below)
        frame = symmetric_frame(
            Patch.around(labels, frame, _ALL_LOW, _ALL_HIGH),
            lambda found: found.arch(label),
            lambda found: found.body(label),
        )
    patch = Patch.around(labels, frame, _BODY_LOW, _BODY_HIGH)
    body = _solid_body(patch, label)
    planes = _planes(patch, body, label) if body is not None else None
    if body is None or planes is None:
        return None
    return _describe(patch, body, planes, label, complete=not (cut_above or cut_below))


def least_volume_mm3(label: int) -> float:
    """Of a body of that level: less in the neck."""
    return _least(label).volume_mm3


def _least(label: int) -> _Least:
    return _LEAST_CERVICAL if label <= VERSE_LABELS["C7"] else _LEAST


def _solid_body(patch: Patch, label: int) -> Mask | None:
    """The body without crumbs and holes; None where it is too small or too low for its level."""
    body = largest(ndimage.binary_opening(patch.sample(lambda found: found.body(label))))
    least = _least(label)
    if body.sum() < least.volume_mm3 or body.any(axis=(1, 2)).sum() < least.height_mm:
        return None
    return without_holes(body)


def _planes(patch: Patch, body: Mask, label: int) -> tuple[Plane, Plane] | None:
    """Planes through the upper and the lower surface, away from the rim."""
    height = body.sum(axis=0)
    footprint = largest(height >= 0.6 * np.percentile(height[height > 0], 90))
    least = _least(label)
    inner = ndimage.distance_transform_edt(footprint) >= least.rim_mm
    if inner.sum() < least.floor_mm2:
        return None
    top = patch.superior[-1] - np.argmax(body[::-1], axis=0) * STEP_MM + STEP_MM / 2
    bottom = patch.superior[0] + np.argmax(body, axis=0) * STEP_MM - STEP_MM / 2
    j, i = np.nonzero(inner)
    x, y = patch.left[i], patch.posterior[j]
    return fit_plane(x, y, top[inner]), fit_plane(x, y, bottom[inner])


def fit_plane(x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64]) -> Plane:
    """Least squares with Tukey weights: an osteophyte or a Schmorl node does not tilt it."""
    design = np.column_stack([np.ones_like(x), x, y])
    weights: NDArray[np.float64] = np.ones(len(z))
    solution: NDArray[np.float64] = np.zeros(3)
    for _ in range(8):
        solution = np.asarray(np.linalg.lstsq(design * weights[:, None], z * weights, rcond=None)[0])
        residual = np.abs(z - design @ solution)
        scale = 4.685 * max(1.4826 * float(np.median(residual)), 0.4)
        weights = np.clip(1 - (residual / scale) ** 2, 0, None)
    c, a, b = (float(value) for value in solution)
    return c, a, b


def _normal(plane: Plane) -> NDArray[np.float64]:
    """Unit normal toward superior, local."""
    return np.asarray(unit((-plane[1], -plane[2], 1.0)))


def _level(
    frame: AnatomicalFrame, planes: tuple[Plane, Plane], cut_above: bool, cut_below: bool
) -> AnatomicalFrame:
    """Turn superior to the mean normal (of the whole endplates only) and centre between them."""
    upper, lower = planes
    if cut_above == cut_below:
        normal = _normal(upper) + _normal(lower)
    else:
        normal = _normal(lower) if cut_above else _normal(upper)
    superior = frame.rotation @ np.asarray(unit(normal))
    origin = frame.to_patient((0, 0, (upper[0] + lower[0]) / 2))
    return AnatomicalFrame.from_axes(origin, superior, frame.left)


def symmetric_frame(
    patch: Patch, arch: MaskOf, body: MaskOf, turn_deg: float = 24.0, shift_mm: float = 8.0
) -> AnatomicalFrame:
    """Turn about superior, and shift to the side, so that the bone mirrors onto itself."""
    behind = patch.sample(arch).sum(axis=0)
    front = patch.sample(body).sum(axis=0)
    if behind.sum() < 300:
        return patch.frame
    picture = np.sqrt(np.minimum(behind, 25) + 0.35 * np.minimum(front, 25))
    coarse = np.arange(-turn_deg, turn_deg + 0.1, 3.0)
    scores = [_mirror(patch, picture, angle, shift_mm)[0] for angle in coarse]
    best = float(coarse[int(np.argmax(scores))])
    fine = best + np.arange(-3.0, 3.01, 0.5)
    scored = [_mirror(patch, picture, angle, shift_mm) for angle in fine]
    best_index = int(np.argmax([score for score, _ in scored]))
    angle, shift = np.radians(float(fine[best_index])), scored[best_index][1]
    left = np.cos(angle) * np.asarray(patch.frame.left) + np.sin(angle) * np.asarray(patch.frame.posterior)
    origin = np.asarray(patch.frame.origin) + shift * left
    return AnatomicalFrame.from_axes(origin, patch.frame.superior, left)


def _mirror(
    patch: Patch, picture: NDArray[np.float64], angle_deg: float, shift_mm: float
) -> tuple[float, float]:
    """How well the axial picture, turned by an angle, mirrors about x = shift; the best shift with it."""
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    half = 60
    x, y = np.arange(-half, half + 1.0)[None, :], patch.posterior[:, None]
    source_x, source_y = x * cos - y * sin, x * sin + y * cos
    index = [(source_y - patch.low[1]) / STEP_MM, (source_x - patch.low[0]) / STEP_MM]
    turned = ndimage.map_coordinates(picture, index, order=1)
    size = 4 * half
    spectrum = np.fft.rfft(turned, size, axis=1)
    folded = np.fft.irfft((spectrum**2).sum(axis=0), size)
    # folded[m] pairs columns p and m - p: the mirror stands at m / 2 - half.
    middle = 2 * half
    reach = int(2 * shift_mm)
    window = folded[middle - reach : middle + reach + 1]
    peak = int(np.argmax(window))
    offset = 0.0
    if 0 < peak < len(window) - 1:
        before, here, after = window[peak - 1 : peak + 2]
        offset = 0.5 * (before - after) / min(before - 2 * here + after, -1e-9)
    return float(window[peak] / max((turned**2).sum(), 1e-9)), (peak + offset - reach) / 2


def _describe(patch: Patch, body: Mask, planes: tuple[Plane, Plane], label: int, *, complete: bool) -> Body:
    """Centre of the body, its posterior wall and both endplates."""
    upper, lower = planes
    waist = np.abs(patch.superior - (upper[0] + lower[0]) / 2) <= 0.25 * (upper[0] - lower[0])
    outline = body[waist].mean(axis=0) >= 0.5
    columns = np.abs(patch.left) <= 14
    rows = outline[:, columns]
    used = rows.any(axis=0)
    front = patch.posterior[np.argmax(rows, axis=0)[used]] - STEP_MM / 2
    back = patch.posterior[-1] - np.argmax(rows[::-1], axis=0)[used] * STEP_MM + STEP_MM / 2
    wall = float(np.percentile(back, 90))
    middle = (float(np.percentile(front, 10)) + float(np.percentile(back, 90))) / 2
    height = (upper[0] + upper[2] * middle + lower[0] + lower[2] * middle) / 2
    origin = patch.to_patient((0.0, middle, height))
    frame = AnatomicalFrame.from_axes(origin, patch.frame.superior, patch.frame.left)
    plates = [_endplate(patch, body, plane, middle, below) for plane, below in ((upper, -1), (lower, 1))]
    return Body(label, frame, plates[0], plates[1], wall - middle, complete)


def _endplate(patch: Patch, body: Mask, plane: Plane, middle: float, inward: int) -> Endplate:
    """Width and depth of the body within 5 mm of the plane."""
    x, y = patch.left[None, :], patch.posterior[:, None]
    surface = plane[0] + plane[1] * x + plane[2] * y
    depth = (patch.superior[:, None, None] - surface) * inward
    rim = np.any(body & (depth >= -2) & (depth <= 5), axis=0)
    centre = patch.to_patient((0.0, middle, plane[0] + plane[2] * middle))
    normal = patch.frame.rotation @ _normal(plane)
    return Endplate(
        vector(centre),
        vector(normal),
        _extent(np.any(rim, axis=0)),
        _extent(np.any(rim, axis=1)),
    )


def _extent(profile: ArrayLike) -> float:
    index = np.flatnonzero(profile)
    return float((index[-1] - index[0] + 1) * STEP_MM) if len(index) else 0.0
