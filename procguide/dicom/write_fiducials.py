"""Named points of a plan as Spatial Fiducials (DICOM PS3.3 A.40)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import SpatialFiducialsStorage, generate_uid

from procguide.dicom.derived import Sources, new_object, reference, references, save_derived
from procguide.dicom.write_common import item, number
from procguide.errors import UsageError
from procguide.geometry import Vector

__all__ = ["Fiducial", "read_fiducials", "write_fiducials"]

_SERIES_NUMBER = 9002
_SHORT = 16  # characters of a short string (SH)


@dataclass(frozen=True)
class Fiducial:
    """A point: ``identifier`` (at most 16 characters), what it is in words, place in patient LPS mm."""

    identifier: str
    words: str
    position: Vector


def write_fiducials(fiducials: Sequence[Fiducial], sources: Sources, path: str | Path, title: str) -> Path:
    """Write points in the frame of reference of ``sources``. ``title`` holds at most 64 characters."""
    if not fiducials:
        raise UsageError("there is nothing to write: no points")
    dataset = new_object(sources, SpatialFiducialsStorage, "FID", number=_SERIES_NUMBER, description=title)
    now = datetime.now(UTC)
    dataset.ContentDate, dataset.ContentTime = f"{now:%Y%m%d}", f"{now:%H%M%S}"
    dataset.ContentLabel, dataset.ContentDescription = "NEEDLES", title
    dataset.ContentCreatorName = "procguide^"
    dataset.BodyPartExamined = "SPINE"  # unpaired: Laterality is absent
    dataset.FiducialSetSequence = item(
        ReferencedImageSequence=[reference(header) for header in sources.headers],
        FrameOfReferenceUID=sources.frame_of_reference_uid,
        FiducialSequence=DicomSequence([_point(fiducial) for fiducial in fiducials]),
    )
    dataset.ReferencedSeriesSequence = references(sources.headers)
    return save_derived(dataset, Path(path))


def _point(fiducial: Fiducial) -> Dataset:
    (point,) = item(
        ShapeType="POINT",
        FiducialDescription=fiducial.words,
        FiducialIdentifier=fiducial.identifier[:_SHORT],
        FiducialUID=generate_uid(),
        NumberOfContourPoints=1,
        ContourData=[number(value) for value in fiducial.position],
    )
    return point


def read_fiducials(dataset: Dataset) -> tuple[Fiducial, ...]:
    """The points of an object by :func:`write_fiducials`."""
    found = []
    for group in dataset.FiducialSetSequence:
        for point in group.FiducialSequence:
            x, y, z = (float(value) for value in point.ContourData)
            words = str(point.get("FiducialDescription", ""))
            found.append(Fiducial(str(point.FiducialIdentifier), words, (x, y, z)))
    return tuple(found)
