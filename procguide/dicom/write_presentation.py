"""Needles drawn on the source slices: Grayscale Softcopy Presentation State (DICOM PS3.3 A.33.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import generate_uid

from procguide.dicom.derived import Sources, equipment, mark, quiet, save_derived
from procguide.dicom.study import SliceReference
from procguide.errors import UsageError
from procguide.geometry import Vector

if TYPE_CHECKING:
    from highdicom import pr

__all__ = ["DrawnNeedle", "write_presentation"]

_SERIES_NUMBER = 9005
_RING_MM = 3.0
_RING_POINTS = 24
_YELLOW = (89.0, -7.0, 80.0)  # CIELab


@dataclass(frozen=True)
class DrawnNeedle:
    """A needle from ``entry`` to ``target``, patient LPS mm, and the words beside its target."""

    entry: Vector
    target: Vector
    words: str


def write_presentation(
    needles: Sequence[DrawnNeedle], sources: Sources, path: str | Path, description: str
) -> Path | None:
    """Write the pieces of each needle that lie within each slice, and a ring round its target.

    None, and no file, where no needle meets a slice. ``description`` holds at most 64 characters.
    """
    from highdicom import pr
    from highdicom.color import CIELabColor

    if sources.series.grid is None:
        raise UsageError("a presentation state draws on slices, and this series has none")
    layer = pr.GraphicLayer("NEEDLES", 1, description, CIELabColor(*_YELLOW))
    with quiet():
        drawn = list(_annotations(needles, sources, layer))
        if not drawn:
            return None
        dataset = pr.GrayscaleSoftcopyPresentationState(
            referenced_images=_unique(header for header, _ in drawn),
            series_instance_uid=generate_uid(),
            series_number=_SERIES_NUMBER,
            sop_instance_uid=generate_uid(),
            instance_number=1,
            content_label="NEEDLES",
            content_description=description,
            graphic_layers=[layer],
            graphic_annotations=[annotation for _, annotation in drawn],
            voi_lut_transformations=_window(drawn[0][0]),
            series_description=description,
            specific_character_set="ISO_IR 192",
            content_creator_name="procguide^",
            **equipment(),
        )
        dataset.BodyPartExamined = "SPINE"  # unpaired: Laterality is absent
        mark(dataset)
    return save_derived(dataset, Path(path))


def _window(header: Dataset) -> list[pr.SoftcopyVOILUTTransformation] | None:
    """The first of the image's own windows: a presentation state holds one (PS3.3 C.11.8)."""
    from highdicom import pr

    shared = header.get("SharedFunctionalGroupsSequence")
    macro = shared[0].get("FrameVOILUTSequence") if shared else None
    said = macro[0] if macro else header
    centre, width = said.get("WindowCenter"), said.get("WindowWidth")
    if centre in (None, "") or width in (None, ""):
        return None
    return [pr.SoftcopyVOILUTTransformation(window_center=_first(centre), window_width=_first(width))]


def _first(value: Any) -> float:
    return float(value[0] if isinstance(value, MultiValue) else value)


def _unique(headers: Iterator[Dataset]) -> list[Dataset]:
    return list({str(header.SOPInstanceUID): header for header in headers}.values())


def _annotations(
    needles: Sequence[DrawnNeedle], sources: Sources, layer: pr.GraphicLayer
) -> Iterator[tuple[Dataset, pr.GraphicAnnotation]]:
    """One for each slice that a needle passes."""
    from highdicom import pr

    by_uid = {str(header.SOPInstanceUID): header for header in sources.headers}
    for reference in sources.series.slices:
        header = by_uid[reference.instance_uid]
        graphics: list[pr.GraphicObject] = []
        texts: list[pr.TextObject] = []
        for needle in needles:
            _draw(needle, reference, sources, graphics, texts)
        if graphics:
            frame = reference.frame + 1 if "NumberOfFrames" in header else None
            yield header, pr.GraphicAnnotation([header], layer, frame, None, graphics, texts or None)


def _draw(
    needle: DrawnNeedle,
    reference: SliceReference,
    sources: Sources,
    graphics: list[pr.GraphicObject],
    texts: list[pr.TextObject],
) -> None:
    from highdicom import pr

    grid = sources.series.grid
    assert grid is not None  # noqa: S101 (write_presentation has looked)
    index = grid.affine.inverse.apply(np.array([needle.entry, needle.target]))
    low = np.array([reference.index, 0.0, 0.0]) - 0.5
    high = np.array([reference.index, grid.shape[1] - 1, grid.shape[2] - 1]) + 0.5
    within = _within(index, low, high)
    if within is None:
        return
    line = index[0] + np.array(within)[:, None] * (index[1] - index[0])
    graphics.append(_graphic(np.clip(line, low, high)[:, 1:]))
    if (low <= index[1]).all() and (index[1] <= high).all():
        centre = index[1, 1:]
        turn = np.linspace(0, 2 * np.pi, _RING_POINTS + 1)
        around = np.column_stack([np.sin(turn), np.cos(turn)]) * _RING_MM / grid.affine.spacing[1:]
        around[-1] = around[0]
        graphics.append(_graphic(np.clip(centre + around, low[1:], high[1:])))
        anchor = tuple((centre[::-1] + 0.5).tolist())
        texts.append(pr.TextObject(needle.words, pr.AnnotationUnitsValues.PIXEL, anchor_point=anchor))


def _within(
    ends: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[float, float] | None:
    """The fractions of the way along ``ends`` (2, 3) between which it lies in the box; None where nowhere."""
    first, last = 0.0, 1.0
    for start, step, lower, upper in zip(ends[0], ends[1] - ends[0], low, high, strict=True):
        if abs(step) < 1e-9:
            if not lower <= start <= upper:
                return None
            continue
        enters, leaves = sorted(((lower - start) / step, (upper - start) / step))
        first, last = max(first, enters), min(last, leaves)
    return (float(first), float(last)) if first < last else None


def _graphic(rows_and_columns: NDArray[np.float64]) -> pr.GraphicObject:
    """A polyline. Pixels count from the outer corner of the first one, columns first (PS3.3 C.10.5.1.2)."""
    from highdicom import pr

    points = rows_and_columns[:, ::-1] + 0.5
    return pr.GraphicObject(pr.GraphicTypeValues.POLYLINE, points, pr.AnnotationUnitsValues.PIXEL)
