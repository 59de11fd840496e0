"""The attributes of enhanced MR (PS3.3 C.8.13)."""

from __future__ import annotations

from pydicom.dataset import Dataset

from procguide.dicom.write_common import Planes, item, number
from procguide.dicom.write_facts import MrAcquisition

__all__ = ["mr_image", "mr_shared"]


def mr_image(whole: Dataset, shared: Dataset, facts: MrAcquisition) -> None:
    """Enhanced MR Image and MR Pulse Sequence modules, and what frames repeat of them."""
    whole.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", facts.image]
    whole.AcquisitionDuration = 240.0
    whole.ResonantNucleus = "1H"
    whole.KSpaceFiltering = "RIESZ"
    whole.MagneticFieldStrength = facts.field_t
    whole.ApplicableSafetyStandardAgency = "IEC"
    whole.ComplexImageComponent = "MAGNITUDE"
    whole.AcquisitionContrast = facts.contrast
    shared.MRImageFrameTypeSequence = item(
        FrameType=list(whole.ImageType),
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
        ComplexImageComponent="MAGNITUDE",
        AcquisitionContrast=facts.contrast,
    )
    whole.PulseSequenceName = facts.sequence_name[:16]
    whole.MRAcquisitionType = "2D"
    whole.EchoPulseSequence = "SPIN"
    whole.MultipleSpinEcho = "YES" if facts.echo_train > 1 else "NO"
    for keyword in (
        "MultiPlanarExcitation",
        "PhaseContrast",
        "TimeOfFlightContrast",
        "EchoPlanarPulseSequence",
        "SaturationRecovery",
    ):
        setattr(whole, keyword, "NO")
    whole.SteadyStatePulseSequence = "NONE"
    whole.SpectrallySelectedSuppression = "NONE"
    whole.OversamplingPhase = "2D" if facts.oversampling else "NONE"
    whole.GeometryOfKSpaceTraversal = "RECTILINEAR"
    whole.SegmentedKSpaceTraversal = "PARTIAL" if facts.echo_train > 1 else "SINGLE"
    whole.RectilinearPhaseEncodeReordering = "LINEAR"
    whole.NumberOfKSpaceTrajectories = 1


def mr_shared(shared: Dataset, facts: MrAcquisition, planes: Planes) -> None:
    """Timing, matrix, modifiers and coils, the same for all frames."""
    shared.MRTimingAndRelatedParametersSequence = item(
        RepetitionTime=number(facts.tr),
        FlipAngle=number(facts.flip_deg),
        EchoTrainLength=facts.echo_train,
        RFEchoTrainLength=facts.echo_train,
        GradientEchoTrainLength=0,
        SpecificAbsorptionRateSequence=item(
            SpecificAbsorptionRateDefinition="IEC_WHOLE_BODY", SpecificAbsorptionRateValue=1.0
        ),
        GradientOutputType="DB_DT",
        GradientOutput=20.0,
        OperatingModeSequence=item(OperatingModeType="STATIC FIELD", OperatingMode="IEC_NORMAL"),
    )
    _put_matrix(shared, facts, planes)
    shared.MREchoSequence = item(EffectiveEchoTime=facts.te)
    _put_modifiers(shared, facts)
    shared.MRReceiveCoilSequence = item(
        ReceiveCoilName=facts.receive_coil,
        ReceiveCoilManufacturerName="procguide",
        ReceiveCoilType="SURFACE",
        QuadratureReceiveCoil="NO",
    )
    shared.MRTransmitCoilSequence = item(
        TransmitCoilName="BODY", TransmitCoilManufacturerName="procguide", TransmitCoilType="BODY"
    )
    shared.MRAveragesSequence = item(NumberOfAverages=number(facts.averages))
    shared.PixelValueTransformationSequence = item(
        RescaleIntercept=number(0), RescaleSlope=number(1), RescaleType="US"
    )
    centres, widths, names = planes.window
    shared.FrameVOILUTSequence = item(
        WindowCenter=centres, WindowWidth=widths, WindowCenterWidthExplanation=names
    )


def _put_matrix(shared: Dataset, facts: MrAcquisition, planes: Planes) -> None:
    matrix = facts.matrix(planes.stored.shape[1:], planes.field_mm)
    shared.MRFOVGeometrySequence = item(
        InPlanePhaseEncodingDirection="COLUMN" if facts.phase == "COL" else "ROW",
        MRAcquisitionFrequencyEncodingSteps=matrix.samples,
        MRAcquisitionPhaseEncodingStepsInPlane=matrix.lines,
        PercentSampling=number(matrix.percent_sampling),
        PercentPhaseFieldOfView=number(matrix.percent_phase_field),
    )


def _put_modifiers(shared: Dataset, facts: MrAcquisition) -> None:
    modifier = item(
        InversionRecovery="YES" if facts.ti is not None else "NO",
        FlowCompensation="NONE",
        Spoiling="NONE",
        T2Preparation="NO",
        SpectrallySelectedExcitation="NONE",
        SpatialPresaturation="NONE",
        PartialFourier="YES" if facts.partial_fourier < 1 else "NO",
        ParallelAcquisition="NO",
    )
    if facts.ti is not None:
        modifier[0].InversionTimes = [facts.ti]
    if facts.partial_fourier < 1:
        modifier[0].PartialFourierDirection = "PHASE"
    shared.MRModifierSequence = modifier
    shared.MRImagingModifierSequence = item(
        MagnetizationTransfer="NONE",
        BloodSignalNulling="NO",
        Tagging="NONE",
        TransmitterFrequency=[facts.larmor_mhz],
        PixelBandwidth=number(facts.bandwidth_hz),
    )
