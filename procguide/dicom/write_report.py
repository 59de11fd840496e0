"""A plan as a Comprehensive 3D Structured Report (DICOM PS3.3 A.35.13, PS3.16 TID 1500)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from procguide import DISCLAIMER, __version__
from procguide.dicom.codes import meaning_of
from procguide.dicom.derived import NOT_APPROVED, Sources, equipment, mark, quiet, save_derived
from procguide.dicom.report_layout import (
    APPROVAL,
    GROUPS,
    PATH,
    RANK,
    SCHEME,
    UNAPPROVED,
    Field,
    Group,
    Kind,
)
from procguide.dicom.study import SliceReference
from procguide.errors import UsageError

if TYPE_CHECKING:
    from highdicom import sr

__all__ = ["Builder", "number_item", "report_title", "save_report", "text_item", "write_plan_report"]

_SERIES_NUMBER = 9001
_DECIDED = (Group.SET, Group.NEEDLE, Group.SITTING)
"""What a person approves or not."""
_PROCEDURES = {"CT": codes.cid100.CTUnspecifiedBodyRegion, "MR": codes.cid100.MRIUnspecifiedBodyRegion}


def write_plan_report(
    document: Mapping[str, Any], sources: Sources, path: str | Path, *, related: Sequence[Dataset] = ()
) -> Path:
    """Write ``document``, that of ``plan.json``, as a structured report in the study of ``sources``.

    Every number stands as it is there, with its unit; entry and target as one polyline in the images'
    frame of reference (32-bit floats: exact to 0.01 mm). It is a proposal, unverified, and says that nobody
    has approved it: an approval is put into a written report (:mod:`procguide.dicom.approve_report`).
    ``related`` are objects of the same study that belong to the plan, such as its segmentation.
    """
    save_report(
        list(_groups({"disclaimer": DISCLAIMER, **document}, sources)), document, sources, path, related
    )
    return Path(path)


def save_report(
    groups: Sequence[sr.MeasurementsAndQualitativeEvaluations],
    document: Mapping[str, Any],
    sources: Sources,
    path: str | Path,
    related: Sequence[Dataset],
) -> None:
    """Write a proposal's groups as a report that nobody has verified."""
    from highdicom import sr
    from highdicom.coding_schemes import CodingSchemeIdentificationItem

    if document.get("approved") is not None:
        raise UsageError("a plan is written as a proposal, and approved then; leave approved null")
    with quiet():
        report = sr.Comprehensive3DSR(
            evidence=[*sources.headers, *related],
            content=_content(groups, sources)[0],
            series_instance_uid=generate_uid(),
            series_number=_SERIES_NUMBER,
            sop_instance_uid=generate_uid(),
            instance_number=1,
            is_complete=True,
            is_final=False,
            series_description=report_title(NOT_APPROVED),
            specific_character_set="ISO_IR 192",
            coding_schemes=[CodingSchemeIdentificationItem(SCHEME, name="procguide")],
            **equipment(),
        )
        mark(report)
    save_derived(report, Path(path))


def report_title(status: str) -> str:
    """Series Description of a plan's report."""
    return f"Needle plan, {status}; research only"


def _content(
    groups: Sequence[sr.MeasurementsAndQualitativeEvaluations], sources: Sources
) -> sr.MeasurementReport:
    from highdicom import sr

    modality = str(sources.first.get("Modality", ""))
    return sr.MeasurementReport(
        observation_context=sr.ObservationContext(
            observer_device_context=sr.ObserverContext(
                observer_type=codes.DCM.Device,
                observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
                    uid=generate_uid(),
                    name="procguide",
                    manufacturer_name="procguide",
                    model_name=f"procguide {__version__}",
                ),
            )
        ),
        procedure_reported=_PROCEDURES.get(modality, codes.cid100.ImagingProcedure),
        title=codes.DCM.ImagingMeasurementReport,
        imaging_measurements=list(groups),
    )


def _groups(
    document: Mapping[str, Any], sources: Sources
) -> Iterator[sr.MeasurementsAndQualitativeEvaluations]:
    """The plan as a whole, then each needle with its views and objectives, then the limits."""
    where = f"{document['level']} {document.get('side') or ''}".strip()
    builder = Builder(document, sources)
    yield builder.group(Group.SET, document, f"{document['procedure']} {where}")
    for plan in document["plans"]:
        name = f"plan {plan['rank']}"
        yield builder.group(Group.NEEDLE, plan, name)
        for view in plan.get("views", ()):
            yield builder.group(Group.VIEW, view, f"{name}: {view['name']}", rank=plan["rank"])
        for one in plan.get("objectives", ()):
            yield builder.group(Group.OBJECTIVE, one, f"{name}: {one['objective']}", rank=plan["rank"])
    for limit in document.get("limits", ()):
        yield builder.group(Group.LIMIT, limit, f"limit: {limit['structure']}")


class Builder:
    """Measurement groups of one document or of one stop of a sitting, at its level and side."""

    def __init__(self, document: Mapping[str, Any], sources: Sources) -> None:
        self._sources = sources
        self._sites = tuple(_sites(str(document.get("level") or ""), document.get("side")))
        self._software = str(document.get("provenance", {}).get("software") or f"procguide {__version__}")

    def group(
        self, kind: Group, part: Mapping[str, Any], name: str, *, rank: int | None = None
    ) -> sr.MeasurementsAndQualitativeEvaluations:
        """One group with all that ``part`` of the document holds of its fields."""
        from highdicom import sr

        measurements = [] if rank is None else [number_item(RANK, rank, codes.UCUM.NoUnits)]
        evaluations, texts = self._evaluations(kind), []
        for field in GROUPS[kind]:
            value = _value(part, field.path)
            if value is None:
                continue
            measurements += self._numbers(field, value, part)
            if field.kind is Kind.FLAG:
                evaluations.append(sr.QualitativeEvaluation(field.concept, _yes_or_no(bool(value))))
            texts += [text_item(field.concept, words) for words in _texts(field, value)]
        group = sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=sr.TrackingIdentifier(uid=generate_uid(), identifier=name),
            finding_type=kind.value,
            algorithm_id=self._algorithm() if kind in _DECIDED else None,
            finding_sites=[_site(*one) for one in self._sites] if kind in _DECIDED else None,
            measurements=measurements,
            qualitative_evaluations=evaluations,
            source_images=self._images(part) if kind is Group.NEEDLE else None,
        )
        group[0].ContentSequence.extend(texts)
        if kind in (Group.SET, Group.SITTING):  # a reader meets what is said before what is counted
            group[0].ContentSequence = sorted(group[0].ContentSequence, key=_is_number)
        return group

    def _evaluations(self, kind: Group) -> list[sr.QualitativeEvaluation]:
        """That the plan, or the needle, is not approved."""
        from highdicom import sr

        if kind not in _DECIDED:
            return []
        return [sr.QualitativeEvaluation(APPROVAL, UNAPPROVED)]

    def _algorithm(self) -> sr.AlgorithmIdentification:
        from highdicom import sr

        name, _, version = self._software.partition(" ")
        return sr.AlgorithmIdentification(name=name, version=version or __version__)

    def _numbers(self, field: Field, value: Any, part: Mapping[str, Any]) -> Iterable[sr.Measurement]:
        if field.kind is Kind.NUMBERS_BY_NAME:
            return [number_item(field.concept, one, field.unit, key=key) for key, one in value.items()]
        if field.kind is Kind.NUMBERS:
            return [number_item(field.concept, one, field.unit) for one in value]
        if field.kind is not Kind.NUMBER:
            return []
        ends = [self._ends(part)] if field.concept == PATH else None
        return [number_item(field.concept, value, field.unit, ends=ends)]

    def _ends(self, plan: Mapping[str, Any]) -> sr.CoordinatesForMeasurement3D:
        from highdicom import sr

        return sr.CoordinatesForMeasurement3D(
            graphic_type=sr.GraphicTypeValues3D.POLYLINE,
            graphic_data=np.array([plan["entry_lps_mm"], plan["target_lps_mm"]], dtype=np.float64),
            frame_of_reference_uid=self._sources.frame_of_reference_uid,
        )

    def _images(self, plan: Mapping[str, Any]) -> list[sr.SourceImageForMeasurementGroup]:
        """The slice that the target lies nearest to."""
        from highdicom import sr

        series = self._sources.series
        if series.grid is None:
            return []
        k = float(series.grid.affine.inverse.apply(plan["target_lps_mm"])[0])
        nearest = min(series.slices, key=lambda one: abs(one.index - k))
        header = next(h for h in self._sources.headers if str(h.SOPInstanceUID) == nearest.instance_uid)
        return [
            sr.SourceImageForMeasurementGroup(
                header.SOPClassUID, header.SOPInstanceUID, referenced_frame_numbers=_frames(nearest, header)
            )
        ]


def _is_number(content: Dataset) -> bool:
    return str(content.ValueType) == "NUM"


def _frames(reference: SliceReference, header: Dataset) -> list[int] | None:
    return [reference.frame + 1] if "NumberOfFrames" in header else None


def _value(part: Mapping[str, Any], path: Sequence[str]) -> Any:
    """What stands at ``path``; None where nothing does."""
    found: Any = part
    for key in path:
        if not isinstance(found, Mapping) or key not in found:
            return None
        found = found[key]
    return found


def number_item(
    concept: Code,
    value: float,
    unit: Code,
    *,
    key: str | None = None,
    ends: Sequence[sr.CoordinatesForMeasurement3D] | None = None,
) -> sr.Measurement:
    """A number; ``key`` is what it belongs to, such as a structure."""
    from highdicom import sr

    known = key is not None and meaning_of(key.replace("_", " ")).kind != codes.SCT.AnatomicalStructure
    return sr.Measurement(
        name=concept,
        value=value,
        unit=unit,
        tracking_identifier=None if key is None else sr.TrackingIdentifier(generate_uid(), key),
        finding_sites=[_site(key.replace("_", " "), None)] if key is not None and known else None,
        referenced_coordinates=ends,
    )


def _sites(level: str, side: str | None) -> Iterator[tuple[str, str | None]]:
    """The vertebrae of a level such as ``"L4"`` or ``"L4-L5"``; of S1 and below, the sacrum."""
    for name in filter(None, level.split("-")):
        yield ("sacrum" if name.startswith("S") else name, side)


def _site(name: str, side: str | None) -> sr.FindingSite:
    from highdicom import sr

    meaning = meaning_of(name)
    sides = {"left": codes.SCT.Left, "right": codes.SCT.Right}
    return sr.FindingSite(meaning.kind, laterality=sides.get(side or "", meaning.side))


def _yes_or_no(value: bool) -> Code:
    code: Code = codes.SCT.Yes if value else codes.SCT.No
    return code


def _texts(field: Field, value: Any) -> list[str]:
    if field.kind is Kind.TEXT:
        return [str(value)] if value else []
    if field.kind is Kind.TEXTS:
        return [str(words) for words in value]
    if field.kind is Kind.TEXTS_BY_NAME:
        return [f"{key}: {json.dumps(one, ensure_ascii=False)}" for key, one in value.items()]
    return []


def text_item(concept: Code, words: str) -> sr.TextContentItem:
    """Words under a concept."""
    from highdicom import sr

    return sr.TextContentItem(concept, words, sr.RelationshipTypeValues.CONTAINS)
