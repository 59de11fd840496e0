"""From a series to what is examined: pixels read, and what the headers say of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from procguide.dicom.frame_view import PROJECTIONS
from procguide.dicom.frames import read_frames
from procguide.dicom.pixels import read_volume
from procguide.dicom.study import Series
from procguide.imaging import Cine, LabelMap, Volume
from procguide.quality.acquisition import acquisition_of
from procguide.quality.nouns import Acquisition, Examined, Kind

if TYPE_CHECKING:
    from procguide.imaging import Frame

__all__ = ["examine", "examine_frame", "examine_volume", "kind_of"]

_RADIOGRAPHS = PROJECTIONS - {"XA", "RF"}
_KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "CT": Kind.CT,
        "MR": Kind.MR,
        "US": Kind.ULTRASOUND,
        "XA": Kind.FLUOROSCOPY,
        "RF": Kind.FLUOROSCOPY,
        **dict.fromkeys(_RADIOGRAPHS, Kind.RADIOGRAPH),
    }
)


def kind_of(series: Series) -> Kind | None:
    """What a series is examined as; None for what is no such image (pictures of a screen, reports).

    A 3D image of no stated modality that does not look like CT is taken for MR.
    """
    if series.modality == "OT" and series.grid is not None:
        return Kind.MR
    if any(finding.name in ("secondary capture", "no image", "colour") for finding in series.findings):
        return None
    volumetric = series.modality in ("CT", "MR")
    if volumetric and series.grid is None:
        return None
    return _KINDS.get(series.modality)


def examine(series: Series, *, kind: Kind | None = None, task: str = "") -> tuple[Examined, ...]:
    """The images of ``series``, read: one volume, or each file's frame or cine; () if it is of no kind."""
    kind = kind or kind_of(series)
    if kind is None:
        return ()
    if kind in (Kind.CT, Kind.MR):
        return (examine_volume(read_volume(series), series, kind=kind, task=task),)
    return tuple(examine_frame(image, kind, series, task=task) for image in read_frames(series))


def examine_volume(
    volume: Volume,
    series: Series | None = None,
    *,
    kind: Kind | None = None,
    labels: LabelMap | None = None,
    task: str = "",
) -> Examined:
    """A volume that has been read already."""
    acquisition = Acquisition() if series is None else acquisition_of(series)
    kind = kind or (Kind.CT if volume.modality == "CT" else Kind.MR)
    return Examined(kind, volume=volume, acquisition=acquisition, labels=labels, task=task)


def examine_frame(
    image: Frame | Cine, kind: Kind, series: Series | None = None, *, task: str = ""
) -> Examined:
    """A frame or a cine that has been read already."""
    acquisition = Acquisition() if series is None else acquisition_of(series)
    if isinstance(image, Cine):
        return Examined(kind, cine=image, acquisition=acquisition, task=task)
    return Examined(kind, frame=image, acquisition=acquisition, task=task)
