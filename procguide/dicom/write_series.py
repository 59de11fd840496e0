"""CT and MR series written from a volume: for phantoms and for tests, with no real patient in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, MRImageStorage

from procguide.dicom.write_common import (
    CT_INTERCEPT,
    Compression,
    Planes,
    code_item,
    common_dataset,
    number,
    put_pixels,
    save,
)
from procguide.dicom.write_enhanced import enhanced_dataset
from procguide.dicom.write_facts import (
    Acquisition,
    CtAcquisition,
    MrAcquisition,
    SeriesIdentity,
    StudyIdentity,
)
from procguide.errors import UsageError
from procguide.imaging import Modality, Volume

__all__ = ["write_series"]


def write_series(
    volume: Volume,
    folder: str | Path,
    acquisition: Acquisition | None = None,
    *,
    study: StudyIdentity | None = None,
    series: SeriesIdentity | None = None,
    enhanced: bool = False,
    compression: Compression | str = Compression.JPEG_LS,
    on_progress: Callable[[float], None] | None = None,
) -> tuple[Path, ...]:
    """Write CT in HU or MR ``(k, j, i)``, one file a slice in order of k, or one ``enhanced`` file for all.

    Series that share a ``study`` share patient, study and frame of reference; its seed makes all bytes
    the same each time. Values are rounded and kept within -1024..31743 HU, or 0..65535 for MR. Rows and
    columns of the grid must be perpendicular (DICOM PS3.3 C.7.6.2.1.1); slices may be oblique or tilted.
    """
    syntax = Compression(compression)
    if syntax is Compression.JPEG_2000 and min(volume.shape[1:]) < 32:
        raise UsageError("JPEG 2000 is written from 32x32 pixels upward; take JPEG-LS")
    facts = acquisition or (MrAcquisition() if volume.modality is Modality.MR else CtAcquisition())
    planes = Planes.of(volume, facts)
    whose = study or StudyIdentity()
    which = series or SeriesIdentity()
    folder = Path(folder)
    modality = "CT" if isinstance(facts, CtAcquisition) else "MR"
    if enhanced:
        dataset = enhanced_dataset(planes, facts, whose, which)
        path = save(dataset, folder / f"{modality}.dcm", syntax)
        if on_progress is not None:
            on_progress(1.0)
        return (path,)
    common = _classic(planes, facts, whose, which)
    files = []
    for k in range(len(planes.stored)):
        path = folder / f"{modality}_{k + 1:04d}.dcm"
        files.append(save(_slice(common, planes, k, whose), path, syntax))
        if on_progress is not None:
            on_progress((k + 1) / len(planes.stored))
    return tuple(files)


def _classic(planes: Planes, facts: Acquisition, study: StudyIdentity, series: SeriesIdentity) -> Dataset:
    """All that the slices share."""
    ct = isinstance(facts, CtAcquisition)
    common = common_dataset(study, series, "CT" if ct else "MR", CTImageStorage if ct else MRImageStorage)
    common.SeriesInstanceUID = study.uid("series", series.description, series.number)
    common.BodyPartExamined = facts.body_part
    common.ImageOrientationPatient = [number(v) for v in planes.orientation]
    common.PixelSpacing = [number(v) for v in planes.pixel_mm]
    common.SliceThickness = number(facts.slice_mm or abs(planes.step_mm))
    common.SpacingBetweenSlices = number(abs(planes.step_mm))
    if isinstance(facts, CtAcquisition):
        _put_ct(common, facts, planes)
    else:
        _put_mr(common, facts, planes)
    return common


def _put_ct(common: Dataset, facts: CtAcquisition, planes: Planes) -> None:
    """CT Image module (PS3.3 C.8.2.1)."""
    common.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    common.ScanOptions = "HELICAL"
    common.KVP = number(facts.kvp)
    common.XRayTubeCurrent = round(facts.tube_current_ma)
    common.ExposureTime = round(facts.rotation_s * 1000)
    common.Exposure = round(facts.exposure_mas)
    common.ConvolutionKernel = facts.kernel
    common.RotationDirection = "CW"
    common.GantryDetectorTilt = number(0)
    common.ReconstructionDiameter = number(max(planes.field_mm))
    common.CTDIvol = facts.ctdi_mgy
    common.CTDIPhantomTypeCodeSequence = code_item(codes.DCM.IECBodyDosimetryPhantom)
    if facts.contrast_agent:
        common.ContrastBolusAgent = facts.contrast_agent
    common.RescaleIntercept = CT_INTERCEPT
    common.RescaleSlope = 1
    common.RescaleType = "HU"
    common.WindowCenter = ["40", "400"]
    common.WindowWidth = ["400", "1800"]
    common.WindowCenterWidthExplanation = ["SOFT TISSUE", "BONE"]


def _put_mr(common: Dataset, facts: MrAcquisition, planes: Planes) -> None:
    """MR Image module (PS3.3 C.8.3.1)."""
    common.ImageType = ["ORIGINAL", "PRIMARY", facts.image if facts.image != "NONE" else "OTHER"]
    common.ScanningSequence = ["SE", "IR"] if facts.ti is not None else "SE"
    common.SequenceVariant = "SK"
    common.ScanOptions = "PFP" if facts.partial_fourier < 1 else ""
    common.MRAcquisitionType = "2D"
    common.SequenceName = facts.sequence_name[:16]
    common.ProtocolName = facts.sequence_name
    common.RepetitionTime, common.EchoTime = number(facts.tr), number(facts.te)
    if facts.ti is not None:
        common.InversionTime = number(facts.ti)
    common.EchoTrainLength, common.EchoNumbers = facts.echo_train, 1
    common.NumberOfAverages = number(facts.averages)
    common.ImagingFrequency, common.ImagedNucleus = number(facts.larmor_mhz), "1H"
    common.MagneticFieldStrength = number(facts.field_t)
    common.PixelBandwidth = number(facts.bandwidth_hz)
    common.FlipAngle = number(facts.flip_deg)
    common.InPlanePhaseEncodingDirection = facts.phase
    matrix = facts.matrix(planes.stored.shape[1:], planes.field_mm)
    # PS3.3 C.8.3.1: frequency rows, frequency columns, phase rows, phase columns.
    rows, columns = facts.acquired or planes.stored.shape[1:]
    common.AcquisitionMatrix = [0, columns, rows, 0] if facts.phase == "COL" else [rows, 0, 0, columns]
    common.NumberOfPhaseEncodingSteps = matrix.lines
    common.PercentPhaseFieldOfView = number(matrix.percent_phase_field)
    common.PercentSampling = number(matrix.percent_sampling)
    common.ReceiveCoilName = facts.receive_coil
    common.WindowCenter, common.WindowWidth, common.WindowCenterWidthExplanation = planes.window


def _slice(common: Dataset, planes: Planes, k: int, study: StudyIdentity) -> Dataset:
    """One slice's dataset, uncompressed."""
    dataset = Dataset()
    dataset.update(common)
    dataset.SOPInstanceUID = study.uid(common.SeriesInstanceUID, k)
    dataset.InstanceNumber = k + 1
    dataset.ImagePositionPatient = [number(v) for v in planes.positions[k]]
    dataset.SliceLocation = number(float(planes.positions[k] @ planes.normal))
    put_pixels(dataset, planes.stored[k], planes.bits)
    return dataset
