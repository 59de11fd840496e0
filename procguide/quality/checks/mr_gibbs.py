"""MR: how the image was sampled: filled with zeros, and Gibbs ringing."""

from __future__ import annotations

from procguide.quality.gibbs.detect import Ringing, ringing_of
from procguide.quality.gibbs.native import Sampling, SamplingKind, sampling_of
from procguide.quality.nouns import Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.planes import LEAST_SIDE_MM, planes_of

__all__ = ["CHECKS"]


def _stated(examined: Examined) -> tuple[int | None, int | None]:
    """The acquisition's matrix along the planes' two axes; DICOM stacks planes along the first."""
    matrix = examined.acquisition.matrix
    return matrix if matrix is not None and planes_of(examined).axis == 0 else (None, None)


def _samplings(examined: Examined) -> tuple[Sampling, ...]:
    values = planes_of(examined).values
    return tuple(
        sampling_of(values, axis, said) for axis, said in zip((1, 2), _stated(examined), strict=True)
    )


def interpolation(examined: Examined) -> Score | None:
    """The pixel that k-space was measured for, mm, where it was filled with zeros; 0 if it was not."""
    planes = planes_of(examined)
    samplings: tuple[Sampling, ...] = examined.once("mr samplings", _samplings)
    if planes.least_side_mm < LEAST_SIDE_MM or all(s.kind is SamplingKind.UNKNOWN for s in samplings):
        return None
    shown = planes.values.shape[1:]
    factors = [count / sampling.count for count, sampling in zip(shown, samplings, strict=True)]
    worst = max((0, 1), key=lambda axis: factors[axis] * planes.pixel_mm[axis])
    pixel, factor = planes.pixel_mm[worst], factors[worst]
    return Score(pixel * factor if factor > 1 else 0.0, None, {"pixel": pixel, "factor": factor})


def _ringing(examined: Examined) -> Ringing | None:
    return ringing_of(planes_of(examined).values, _stated(examined))


def ringing(examined: Examined) -> Score | None:
    """How often an image without ringing, of the same noise, looks as much as if it rang."""
    found: Ringing | None = examined.once("gibbs ringing", _ringing)
    if found is None or found.worst.evidence is None:
        return None
    planes = planes_of(examined)
    axis = "kji"[[n for n in range(3) if n != planes.axis][found.worst.axis - 1]]
    details = {"axis": axis, "percent": found.worst.evidence.ringing_percent}
    return Score(found.chance, None, details)


_MR = frozenset({Kind.MR})

CHECKS = (
    Check(
        "interpolation",
        _MR,
        "mm",
        interpolation,
        Limits(1.6, 3.0, Worse.ABOVE, "calibrated on phantoms: docs/quality.md"),
        "Pixels of {pixel:.2f} mm are interpolated {factor:.1f}-fold: what was measured is {value:.1f} mm.",
        "Detail is not what the matrix promises: ask for a larger acquisition matrix.",
        "Pixels are hardly finer than what was measured (interpolated {factor:.1f}-fold).",
        "The image is too small to be judged.",
    ),
    Check(
        "Gibbs ringing",
        _MR,
        "chance",
        ringing,
        Limits(0.05, None, Worse.BELOW, "conformal prediction on phantoms: docs/gibbs.md"),
        "Edges ring along {axis}, by about {percent:.1f} % of their height: of images without ringing "
        "{value:.1%} look so.",
        "Stripes beside bright edges may pass for a syrinx or a cleft: procguide degibbs takes them out.",
        "No ringing is found: of images without it {value:.0%} look so.",
        "It was filtered, or interpolated since it was measured, which leaves no ringing that could be told; "
        "or it is too small.",
    ),
)
