"""DICOM Segmentation on the source images' own grid."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from procguide import __version__
from procguide.dicom.codes import meaning_of
from procguide.dicom.derived import Sources, equipment, mark, read_sources, save_derived
from procguide.dicom.study import Series
from procguide.dicom.write_common import code_item
from procguide.dicom.write_facts import StudyIdentity
from procguide.errors import InputUnfitError, UsageError
from procguide.imaging import LabelMap

if TYPE_CHECKING:
    import highdicom

__all__ = ["write_segmentation"]

_CONSTRUCTION = Code("CONSTRUCTION", "99PROCGUIDE", "Construction of the phantom")
"""Algorithm family of a phantom's truth: CID 7162, which may be extended, has none that fits."""


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
    planes = _planes(labels, series)
    present = [int(label) for label in np.unique(planes) if label]
    if not present:
        raise UsageError("there is nothing to write: the label map is empty")
    numbers = np.zeros(int(planes.max()) + 1, dtype=np.uint8 if len(present) < 256 else np.uint16)
    numbers[present] = np.arange(1, len(present) + 1)
    names = [labels.names.get(label, f"label {label}") for label in present]
    with warnings.catch_warnings():
        # highdicom's and pydicom's remarks on the sources' attributes quote them: the patient's name, too.
        warnings.simplefilter("ignore")
        described = _descriptions(
            names, algorithm_name, algorithm_version, remarks or {}, learned=study is None
        )
        segmentation = _segmentation(numbers[planes], sources or read_sources(series), described, description)
        if study is None:
            mark(segmentation)
        else:
            _make_repeatable(segmentation, study)
    return save_derived(segmentation, Path(path))


def _planes(labels: LabelMap, series: Series) -> NDArray[Any]:
    """Labels of each source slice or frame, in the order of the sources, ``(slices, j, i)``."""
    if not series.uid or series.grid is None:
        raise UsageError("a DICOM SEG refers to DICOM images, and this series is none; write NIfTI")
    if not labels.grid.isclose(series.grid):
        raise UsageError("the labels do not lie on the series' grid; resample them to series.grid first")
    nearest = np.rint([reference.index for reference in series.slices]).astype(int)
    frames = _frames(series)
    if frames is None:
        return np.asarray(labels.voxels[nearest])
    planes = np.zeros((frames, *labels.shape[1:]), labels.voxels.dtype)
    planes[[reference.frame for reference in series.slices]] = labels.voxels[nearest]
    return planes


def _frames(series: Series) -> int | None:
    """How many frames the one multi-frame file of ``series`` has; None for a file a slice."""
    if len(series.files) == len(series.slices) and not any(reference.frame for reference in series.slices):
        return None
    if len(series.files) > 1:
        raise InputUnfitError("a DICOM SEG cannot refer to several multi-frame files at once; write NIfTI")
    return int(dcmread(series.files[0], stop_before_pixels=True, force=True).NumberOfFrames)


def _descriptions(
    names: Sequence[str], algorithm: str, version: str, remarks: Mapping[str, str], *, learned: bool
) -> list[highdicom.seg.SegmentDescription]:
    import highdicom

    family = codes.DCM.ArtificialIntelligence if learned else _CONSTRUCTION
    identification = highdicom.AlgorithmIdentificationSequence(name=algorithm, family=family, version=version)
    described = []
    for number, name in enumerate(names, start=1):
        meaning = meaning_of(name)
        description = highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=meaning.category,
            segmented_property_type=meaning.kind,
            algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=identification,
        )
        if name in remarks:
            description.SegmentDescription = remarks[name]
        if meaning.side is not None:
            kind = description.SegmentedPropertyTypeCodeSequence[0]
            kind.SegmentedPropertyTypeModifierCodeSequence = code_item(meaning.side)
        described.append(description)
    return described


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


def _segmentation(
    planes: NDArray[Any],
    sources: Sources,
    descriptions: list[highdicom.seg.SegmentDescription],
    description: str,
) -> Dataset:
    import highdicom

    dataset: Dataset = highdicom.seg.Segmentation(
        source_images=sources.headers,
        pixel_array=planes,
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=9000,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        series_description=description,
        content_label="SPINE",
        content_description=description,
        **equipment(),
    )
    return dataset
