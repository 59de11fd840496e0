"""DICOM Segmentation on the source images' own grid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import JPEGLSLossless

from procguide import __version__
from procguide.dicom.derived import Sources, mark, quiet, read_sources, save_derived
from procguide.dicom.segments import Labelling, describe_segments, planes_on_slices, segmentation_object
from procguide.dicom.study import Series
from procguide.dicom.write_facts import StudyIdentity
from procguide.errors import InputUnfitError, UsageError
from procguide.imaging import LabelMap, Volume

__all__ = ["write_fractional_segmentation", "write_segmentation"]

_WHOLE = 255
"""Stored value of a voxel that is wholly within."""
_MOST_BYTES = 4 * 2**30


def write_segmentation(
    labels: LabelMap,
    series: Series,
    path: str | Path,
    *,
    algorithm_name: str = "procguide",
    algorithm_version: str = __version__,
    description: str = "Spine segmentation",
    remarks: Mapping[str, str] | None = None,
    study: StudyIdentity | None = None,
    sources: Sources | None = None,
) -> Path:
    """Write ``labels`` as a binary DICOM SEG that refers to the slices of ``series``. Returns the path.

    ``labels`` must lie on the series' own grid; resample them to ``series.grid`` first. Each label that
    occurs becomes a segment named as in ``labels.names`` and coded in SNOMED CT. Segments are numbered
    from 1 in the labels' order: read the names, not the numbers. Slices that the series lacks (see its
    findings) are left out, and uneven ones take the labels of the nearest place. The object holds the
    patient's identity, as the source images do. ``remarks`` by name become Segment Description (0062,0006).

    ``study``, the identity that the images were written under, says that they are a phantom and this its
    truth: the bytes are then the same each time. ``sources`` are the headers of ``series``, where they
    have been read already.
    """
    planes = planes_on_slices(labels, series)
    present = [int(label) for label in np.unique(planes) if label]
    if not present:
        raise UsageError("there is nothing to write: the label map is empty")
    numbers = np.zeros(int(planes.max()) + 1, dtype=np.uint8 if len(present) < 256 else np.uint16)
    numbers[present] = np.arange(1, len(present) + 1)
    names = [labels.names.get(label, f"label {label}") for label in present]
    with quiet():
        labelling = Labelling(algorithm_name, algorithm_version, remarks or {}, learned=study is None)
        segmentation = segmentation_object(
            numbers[planes],
            sources or read_sources(series),
            describe_segments(names, labelling),
            description,
            segmentation_type="BINARY",
        )
        if study is None:
            mark(segmentation)
        else:
            _make_repeatable(segmentation, study)
    return save_derived(segmentation, Path(path))


def write_fractional_segmentation(
    fractions: Iterable[tuple[str, Volume]],
    series: Series,
    path: str | Path,
    *,
    labelling: Labelling | None = None,
    description: str = "Spine segmentation, share of each voxel",
    sources: Sources | None = None,
) -> Path:
    """Write how much of each voxel a structure fills, 0 to 1, in steps of 1/255 (occupancy; JPEG-LS).

    ``fractions`` are names and volumes on the series' own grid; those that are nowhere above 0 are left
    out. One byte a voxel and structure is held, and five more while it is encoded.
    """
    names, stored = [], []
    for name, volume in fractions:
        planes = np.rint(np.clip(planes_on_slices(volume, series), 0, 1) * _WHOLE).astype(np.uint8)
        if planes.any():
            names.append(name)
            stored.append(planes)
    if not names:
        raise UsageError("there is nothing to write: no voxel holds any of the structures")
    if 6 * sum(planes.nbytes for planes in stored) > _MOST_BYTES:
        raise InputUnfitError("the series is too large for a fractional segmentation; write the binary one")
    with quiet():
        segmentation = segmentation_object(
            np.stack(stored, axis=-1) / np.float32(_WHOLE),
            sources or read_sources(series),
            describe_segments(names, labelling or Labelling()),
            description,
            segmentation_type="FRACTIONAL",
            fractional_type="OCCUPANCY",
            max_fractional_value=_WHOLE,
            transfer_syntax_uid=JPEGLSLossless,
        )
        mark(segmentation)
    return save_derived(segmentation, Path(path))


def _make_repeatable(segmentation: Dataset, study: StudyIdentity) -> None:
    """UIDs from the study's seed and its date in place of the clock's, wherever the object holds them."""
    source = segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID
    segmentation.SeriesInstanceUID = study.uid("segmentation", source)
    segmentation.SOPInstanceUID = study.uid("segmentation", source, "instance")
    segmentation.file_meta.MediaStorageSOPInstanceUID = segmentation.SOPInstanceUID
    organisation = study.uid("segmentation", source, "dimensions")
    for entry in (*segmentation.DimensionOrganizationSequence, *segmentation.DimensionIndexSequence):
        entry.DimensionOrganizationUID = organisation
    for contribution in segmentation.get("ContributingEquipmentSequence", ()):
        contribution.pop("ContributionDateTime", None)
    for keyword in ("InstanceCreationDate", "SeriesDate", "ContentDate"):
        if keyword in segmentation:
            setattr(segmentation, keyword, study.date)
    for keyword in ("InstanceCreationTime", "SeriesTime", "ContentTime"):
        if keyword in segmentation:
            setattr(segmentation, keyword, "130000")
