"""What binary and fractional segmentations share: planes on the sources' slices, and their segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
from procguide.dicom.derived import Sources, equipment
from procguide.dicom.study import Series
from procguide.dicom.write_common import code_item
from procguide.errors import InputUnfitError, UsageError
from procguide.imaging import Volume

if TYPE_CHECKING:
    import highdicom

__all__ = ["Labelling", "describe_segments", "planes_on_slices", "segmentation_object"]

_CONSTRUCTION = Code("CONSTRUCTION", "99PROCGUIDE", "Construction of the phantom")
"""Algorithm family of a phantom's truth: CID 7162, which may be extended, has none that fits."""


@dataclass(frozen=True)
class Labelling:
    """What labelled: name and version, at most 64 characters each; ``remarks`` on segments by name.

    ``learned`` is False of a phantom's truth.
    """

    name: str = "procguide"
    version: str = __version__
    remarks: Mapping[str, str] = field(default_factory=dict)
    learned: bool = True


def planes_on_slices(volume: Volume, series: Series) -> NDArray[Any]:
    """Voxels of each source slice or frame, in the order of the sources, ``(slices, j, i)``.

    Slices that the series lacks are left out, and uneven ones take what is at the nearest place.
    """
    if not series.uid or series.grid is None:
        raise UsageError("a DICOM SEG refers to DICOM images, and this series is none; write NIfTI")
    if not volume.grid.isclose(series.grid):
        raise UsageError("the labels do not lie on the series' grid; resample them to series.grid first")
    nearest = np.rint([reference.index for reference in series.slices]).astype(int)
    frames = _frames(series)
    if frames is None:
        return np.asarray(volume.voxels[nearest])
    planes = np.zeros((frames, *volume.shape[1:]), volume.voxels.dtype)
    planes[[reference.frame for reference in series.slices]] = volume.voxels[nearest]
    return planes


def _frames(series: Series) -> int | None:
    """How many frames the one multi-frame file of ``series`` has; None for a file a slice."""
    if len(series.files) == len(series.slices) and not any(reference.frame for reference in series.slices):
        return None
    if len(series.files) > 1:
        raise InputUnfitError("a DICOM SEG cannot refer to several multi-frame files at once; write NIfTI")
    header = dcmread(series.files[0], stop_before_pixels=True, force=True)
    if "SharedFunctionalGroupsSequence" not in header:
        raise InputUnfitError("a DICOM SEG cannot refer to multi-frame files of this old kind; write NIfTI")
    return int(header.NumberOfFrames)


def describe_segments(names: Sequence[str], labelling: Labelling) -> list[highdicom.seg.SegmentDescription]:
    """Segments numbered from 1, coded in SNOMED CT by their names."""
    import highdicom

    family = codes.DCM.ArtificialIntelligence if labelling.learned else _CONSTRUCTION
    identification = highdicom.AlgorithmIdentificationSequence(
        name=labelling.name, family=family, version=labelling.version
    )
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
        if name in labelling.remarks:
            description.SegmentDescription = labelling.remarks[name]
        if meaning.side is not None:
            kind = description.SegmentedPropertyTypeCodeSequence[0]
            kind.SegmentedPropertyTypeModifierCodeSequence = code_item(meaning.side)
        described.append(description)
    return described


def segmentation_object(
    planes: NDArray[Any],
    sources: Sources,
    descriptions: list[highdicom.seg.SegmentDescription],
    description: str,
    **kind: Any,
) -> Dataset:
    """The object; ``kind`` says whether it is binary or fractional, in highdicom's terms."""
    import highdicom

    dataset: Dataset = highdicom.seg.Segmentation(
        source_images=sources.headers,
        pixel_array=planes,
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=9000,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        series_description=description,
        content_label="SPINE",
        content_description=description,
        **kind,
        **equipment(),
    )
    return dataset
