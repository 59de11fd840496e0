"""One multi-frame object for a whole series: enhanced CT and enhanced MR (PS3.3 A.38, A.36)."""

from __future__ import annotations

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.tag import BaseTag
from pydicom.uid import EnhancedCTImageStorage, EnhancedMRImageStorage

from procguide.dicom.write_common import Planes, code_item, common_dataset, item, number, put_pixels
from procguide.dicom.write_enhanced_ct import ct_image, ct_per_frame, ct_shared
from procguide.dicom.write_enhanced_mr import mr_image, mr_shared
from procguide.dicom.write_facts import Acquisition, CtAcquisition, SeriesIdentity, StudyIdentity

__all__ = ["enhanced_dataset"]

_STACK = "1"


def enhanced_dataset(
    planes: Planes, facts: Acquisition, study: StudyIdentity, series: SeriesIdentity
) -> Dataset:
    """All slices as frames of one stack, uncompressed, in order of k."""
    ct = isinstance(facts, CtAcquisition)
    sop_class = EnhancedCTImageStorage if ct else EnhancedMRImageStorage
    whole = common_dataset(study, series, "CT" if ct else "MR", sop_class)
    whole.SeriesInstanceUID = study.uid("series", series.description, series.number, "enhanced")
    whole.SOPInstanceUID = study.uid(whole.SeriesInstanceUID, "instance")
    whole.InstanceNumber = 1
    whole.AcquisitionDateTime = f"{whole.AcquisitionDate}{whole.AcquisitionTime}"
    del whole.AcquisitionDate, whole.AcquisitionTime
    whole.ContentQualification = "RESEARCH"
    whole.PixelPresentation = "MONOCHROME"
    whole.VolumetricProperties = "VOLUME"
    whole.VolumeBasedCalculationTechnique = "NONE"
    whole.BurnedInAnnotation = "NO"
    whole.LossyImageCompression = "00"
    whole.PresentationLUTShape = "IDENTITY"
    whole.AcquisitionContextSequence = Sequence()
    _put_dimensions(whole, study)
    shared = _shared(planes, facts)
    if isinstance(facts, CtAcquisition):
        ct_image(whole, shared, facts, planes)
        ct_shared(shared, facts, planes, study.uid(whole.SeriesInstanceUID, "irradiation"))
    else:
        mr_image(whole, shared, facts)
        mr_shared(shared, facts, planes)
    whole.SharedFunctionalGroupsSequence = Sequence([shared])
    frames = [_frame(planes, k, facts, whole.AcquisitionDateTime) for k in range(len(planes.stored))]
    whole.PerFrameFunctionalGroupsSequence = Sequence(frames)
    whole.NumberOfFrames = len(frames)
    put_pixels(whole, planes.stored, planes.bits)
    return whole


def _tag(keyword: str) -> BaseTag:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return BaseTag(tag)


def _put_dimensions(whole: Dataset, study: StudyIdentity) -> None:
    """Frames are ordered by their place in the one stack (PS3.3 C.7.6.17)."""
    organisation = study.uid(whole.SeriesInstanceUID, "dimensions")
    whole.DimensionOrganizationSequence = item(DimensionOrganizationUID=organisation)
    whole.DimensionOrganizationType = "3D"
    indices = [
        item(
            DimensionIndexPointer=_tag(keyword),
            FunctionalGroupPointer=_tag("FrameContentSequence"),
            DimensionOrganizationUID=organisation,
            DimensionDescriptionLabel=words,
        )[0]
        for keyword, words in (("StackID", "Stack"), ("InStackPositionNumber", "Position in stack"))
    ]
    whole.DimensionIndexSequence = Sequence(indices)


def _shared(planes: Planes, facts: Acquisition) -> Dataset:
    """The macros that both kinds have and that all frames share."""
    shared = Dataset()
    shared.PixelMeasuresSequence = item(
        SliceThickness=number(facts.slice_mm or abs(planes.step_mm)),
        SpacingBetweenSlices=number(abs(planes.step_mm)),
        PixelSpacing=[number(v) for v in planes.pixel_mm],
    )
    shared.PlaneOrientationSequence = item(ImageOrientationPatient=[number(v) for v in planes.orientation])
    shared.FrameAnatomySequence = item(
        FrameLaterality="U", AnatomicRegionSequence=code_item(codes.SCT.LumbarSpine)
    )
    return shared


def _frame(planes: Planes, k: int, facts: Acquisition, moment: str) -> Dataset:
    frame = Dataset()
    frame.FrameContentSequence = item(
        FrameAcquisitionNumber=1,
        FrameReferenceDateTime=moment,
        FrameAcquisitionDateTime=moment,
        FrameAcquisitionDuration=1000.0,
        StackID=_STACK,
        InStackPositionNumber=k + 1,
        DimensionIndexValues=[1, k + 1],
    )
    frame.PlanePositionSequence = item(ImagePositionPatient=[number(v) for v in planes.positions[k]])
    if isinstance(facts, CtAcquisition):
        ct_per_frame(frame, planes, k)
    return frame
