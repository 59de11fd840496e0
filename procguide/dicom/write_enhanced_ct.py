"""The attributes of enhanced CT (PS3.3 C.8.15)."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from procguide.dicom.write_common import CT_INTERCEPT, Planes, code_item, item, number
from procguide.dicom.write_facts import CtAcquisition

__all__ = ["ct_image", "ct_per_frame", "ct_shared"]

_FRAME_TYPE = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]


def ct_image(whole: Dataset, shared: Dataset, facts: CtAcquisition, planes: Planes) -> None:
    """Enhanced CT Image module, and what frames repeat of it."""
    whole.ImageType = _FRAME_TYPE
    whole.AcquisitionDuration = float(abs(planes.step_mm) * len(planes.stored) / facts.table_speed)
    shared.CTImageFrameTypeSequence = item(
        FrameType=_FRAME_TYPE,
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
    )
    if facts.contrast_agent:
        whole.ContrastBolusAgent = facts.contrast_agent


def ct_shared(shared: Dataset, facts: CtAcquisition, planes: Planes, irradiation: str) -> None:
    """Scan, reconstruction, exposure and HU, the same for all frames."""
    _put_scan(shared, facts)
    down, along = planes.field_mm
    shared.CTReconstructionSequence = item(
        ReconstructionAlgorithm="FILTER_BACK_PROJ",
        ConvolutionKernel=facts.kernel,
        ConvolutionKernelGroup=facts.kernel_group,
        ReconstructionFieldOfView=[along, down],
        ReconstructionPixelSpacing=[float(v) for v in planes.pixel_mm],
        ReconstructionAngle=360.0,
        ImageFilter="NONE",
    )
    shared.CTExposureSequence = item(
        ExposureTimeInms=facts.rotation_s * 1000,
        XRayTubeCurrentInmA=facts.tube_current_ma,
        ExposureInmAs=facts.exposure_mas,
        ExposureModulationType="NONE",
        CTDIvol=facts.ctdi_mgy,
        CTDIPhantomTypeCodeSequence=code_item(codes.DCM.IECBodyDosimetryPhantom),
    )
    shared.CTXRayDetailsSequence = item(
        KVP=number(facts.kvp),
        FocalSpots=[number(facts.focal_spot_mm)],
        FilterType="BUTTERFLY",
        FilterMaterial=["ALUMINUM"],
    )
    shared.PixelValueTransformationSequence = item(
        RescaleIntercept=number(CT_INTERCEPT), RescaleSlope=number(1), RescaleType="HU"
    )
    shared.FrameVOILUTSequence = item(
        WindowCenter=["40", "400"],
        WindowWidth=["400", "1800"],
        WindowCenterWidthExplanation=["SOFT_TISSUE", "BONE"],
    )
    shared.IrradiationEventIdentificationSequence = item(IrradiationEventUID=irradiation)


def _put_scan(shared: Dataset, facts: CtAcquisition) -> None:
    shared.CTAcquisitionTypeSequence = item(
        AcquisitionType="SPIRAL", ConstantVolumeFlag="NO", FluoroscopyFlag="NO"
    )
    shared.CTAcquisitionDetailsSequence = item(
        RotationDirection="CW",
        RevolutionTime=facts.rotation_s,
        SingleCollimationWidth=facts.single_collimation_mm,
        TotalCollimationWidth=facts.collimation_mm,
        TableHeight=number(0),
        GantryDetectorTilt=number(0),
        DataCollectionDiameter=number(500),
    )
    shared.CTTableDynamicsSequence = item(
        TableSpeed=facts.table_speed,
        TableFeedPerRotation=facts.table_speed * facts.rotation_s,
        SpiralPitchFactor=facts.pitch,
    )
    shared.CTGeometrySequence = item(
        DistanceSourceToDetector=number(facts.source_to_detector_mm),
        DistanceSourceToDataCollectionCenter=facts.source_to_centre_mm,
    )


def ct_per_frame(frame: Dataset, planes: Planes, k: int) -> None:
    """Where the table stood for this frame."""
    rows, columns = planes.stored.shape[1:]
    across, down = planes.orientation.reshape(2, 3)
    half = (columns - 1) / 2 * planes.pixel_mm[1] * across + (rows - 1) / 2 * planes.pixel_mm[0] * down
    centre = [float(v) for v in planes.positions[k] + half]
    frame.CTPositionSequence = item(
        TablePosition=float(planes.positions[k][2]),
        DataCollectionCenterPatient=centre,
        ReconstructionTargetCenterPatient=centre,
    )
