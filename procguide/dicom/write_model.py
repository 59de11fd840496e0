"""Surfaces as Encapsulated STL (DICOM PS3.3 A.85.1): for 3D viewers and printers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import EncapsulatedSTLStorage

from procguide.dicom.derived import Sources, new_object, reference, references, save_derived
from procguide.dicom.write_common import code_item
from procguide.errors import UsageError

__all__ = ["Model", "read_model", "write_model"]

_SERIES_NUMBER = 9003
_HEADER = b"procguide: patient LPS, mm. Research only"
_FACET = np.dtype([("normal", "<f4", (3,)), ("corners", "<f4", (3, 3)), ("attribute", "<u2")], align=False)
_PLANNING = Code("129007", "DCM", "Planning Intent")


@dataclass(frozen=True, eq=False)
class Model:
    """A surface: ``points`` (n, 3) patient LPS mm, ``faces`` (m, 3) outward.

    ``title`` holds at most 64 characters.
    """

    title: str
    points: NDArray[np.float64]
    faces: NDArray[np.int64]


def write_model(model: Model, sources: Sources, path: str | Path) -> Path:
    """Write a surface in the frame of reference of ``sources``, as binary STL in mm."""
    if not len(model.faces):
        raise UsageError("there is nothing to write: the surface has no faces")
    dataset = new_object(
        sources, EncapsulatedSTLStorage, "M3D", number=_SERIES_NUMBER, description=model.title
    )
    now = datetime.now(UTC)
    dataset.ContentDate, dataset.ContentTime = f"{now:%Y%m%d}", f"{now:%H%M%S}"
    dataset.AcquisitionDateTime = ""
    dataset.FrameOfReferenceUID = sources.frame_of_reference_uid
    dataset.PositionReferenceIndicator = ""
    dataset.BurnedInAnnotation = "NO"
    dataset.RecognizableVisualFeatures = "NO"
    dataset.DocumentTitle = model.title
    dataset.ConceptNameCodeSequence = DicomSequence()
    dataset.SourceInstanceSequence = DicomSequence([reference(header) for header in sources.headers])
    dataset.MIMETypeOfEncapsulatedDocument = "model/stl"
    _put(dataset, _stl(model))
    dataset.MeasurementUnitsCodeSequence = code_item(codes.UCUM.Millimeter)
    dataset.ModelModification, dataset.ModelMirroring = "NO", "NO"
    dataset.ModelUsageCodeSequence = code_item(_PLANNING)
    dataset.ReferencedSeriesSequence = references(sources.headers)
    return save_derived(dataset, Path(path))


def _put(dataset: Dataset, data: bytes) -> None:
    """The document, padded to even length; its own length stands beside it (PS3.3 C.24.2)."""
    dataset.EncapsulatedDocumentLength = len(data)
    dataset.EncapsulatedDocument = data + b"\0" * (len(data) % 2)


def _stl(model: Model) -> bytes:
    """Binary STL: 80 bytes of header, the count, then normal and corners of each face."""
    corners = np.asarray(model.points, dtype=np.float64)[np.asarray(model.faces)]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    facets = np.zeros(len(corners), dtype=_FACET)
    facets["corners"] = corners
    facets["normal"] = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)
    stream = BytesIO()
    stream.write(_HEADER.ljust(80, b" "))
    stream.write(np.uint32(len(facets)).astype("<u4").tobytes())
    stream.write(facets.tobytes())
    return stream.getvalue()


def read_model(dataset: Dataset) -> NDArray[np.float64]:
    """Corners of each face, ``(faces, 3, 3)`` patient LPS mm, of an object by :func:`write_model`."""
    data = bytes(dataset.EncapsulatedDocument)
    count = int(np.frombuffer(data, "<u4", count=1, offset=80)[0])
    facets = np.frombuffer(data, _FACET, count=count, offset=84)
    return np.asarray(facets["corners"], dtype=np.float64)
