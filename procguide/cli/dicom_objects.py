"""What ``segment`` and ``plan`` add to the patient's study, for input that came as DICOM."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from procguide.errors import InputUnfitError, UsageError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from procguide.anatomy import Spine
    from procguide.cli.pipeline import Anatomy, Case
    from procguide.dicom.write_capture import Capture
    from procguide.imaging import LabelMap
    from procguide.planning import Plan, PlanSet
    from procguide.planning.labels import LabelsDescription
    from procguide.reporting.pictures import Gallery

__all__ = [
    "OBJECTS",
    "REPORT",
    "Attempts",
    "captures_of",
    "write_bones",
    "write_fractional_labels",
    "write_label_object",
    "write_plan_objects",
    "write_sitting_object",
    "write_study_objects",
]

OBJECTS = "dicom"
"""Folder of the objects, beside ``plan.json``."""
REPORT = "plan.dcm"
_LONGEST = 64  # characters of a DICOM long string (LO)
_RESEARCH = "research only"

Written = TypeVar("Written")


class Attempts:
    """Objects one by one: what the images' headers do not allow is said, and the others are written.

    ``say`` takes one line. Faults of pydicom and highdicom are not quoted: they quote the headers.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def write(self, name: str, write: Callable[[], Written]) -> Written | None:
        """What ``write`` gives back, or None where it could not be."""
        try:
            return write()
        except InputUnfitError as error:
            self._say(f"{name} is not written: {error}")
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            fault = type(error).__name__
            self._say(f"{name} is not written: the images' headers do not allow it ({fault})")
        return None


def write_label_object(
    path: Path, case: Case, anatomy: Anatomy, described: LabelsDescription, on_grid: LabelMap
) -> Dataset:
    """Write the segmentation; its header."""
    from pydicom import dcmread

    from procguide.dicom import write_segmentation
    from procguide.planning.labels import remarks_of

    name, version = described.network
    write_segmentation(
        on_grid,
        case.series,
        path,
        algorithm_name=name[:_LONGEST],
        algorithm_version=version[:_LONGEST],
        remarks=remarks_of(anatomy.segmentation, anatomy.spine),
        sources=case.sources,
    )
    return dcmread(path, stop_before_pixels=True)


def write_fractional_labels(folder: Path, case: Case, anatomy: Anatomy) -> None:
    """Write how much of each of the input's voxels each labelled bone fills, as the labels have it."""
    from procguide.dicom.segments import Labelling
    from procguide.dicom.write_segmentation import write_fractional_segmentation
    from procguide.imaging import Volume
    from procguide.imaging.resample import resample
    from procguide.planning.labels import describe_labels, remarks_of

    if not case.is_dicom:
        raise UsageError("--fractional writes a DICOM segmentation, which needs images that came as DICOM")
    levels = anatomy.segmentation.levels
    shares = (
        (
            levels.names[label],
            resample(Volume(levels.mask(label).astype("float32"), levels.affine), case.volume.grid),
        )
        for label in levels.present()
    )
    name, version = describe_labels(anatomy.segmentation, anatomy.spine).network
    remarks = remarks_of(anatomy.segmentation, anatomy.spine)
    write_fractional_segmentation(
        shares,
        case.series,
        folder / OBJECTS / "labels_fractional.dcm",
        labelling=Labelling(name[:_LONGEST], version[:_LONGEST], remarks),
        sources=case.sources,
    )


def write_study_objects(folder: Path, case: Case, anatomy: Anatomy, attempts: Attempts) -> Dataset | None:
    """For DICOM input, what all plans of a run share: segmentation and bones; the former's header."""
    from procguide.imaging.resample import resample
    from procguide.planning.labels import describe_labels

    if not case.is_dicom:
        return None
    found = anatomy.segmentation
    described = describe_labels(found, anatomy.spine)
    objects = folder / OBJECTS

    def write_labels() -> Dataset:
        on_grid = resample(found.levels, case.volume.grid)
        return write_label_object(objects / "labels.dcm", case, anatomy, described, on_grid)

    attempts.write("bones.dcm", lambda: write_bones(objects / "bones.dcm", case, anatomy))
    return attempts.write("labels.dcm", write_labels)


def write_bones(path: Path, case: Case, anatomy: Anatomy) -> None:
    """Write the labelled vertebrae and the sacrum as one surface model; nothing where there are none."""
    from procguide.dicom.write_model import Model, write_model
    from procguide.exchange.meshes import bone_mesh

    levels = anatomy.segmentation.levels
    points, faces = bone_mesh(levels, levels.present())
    if len(faces):
        write_model(Model(_bones_title(anatomy.spine), points, faces), case.sources, path)


def _bones_title(spine: Spine) -> str:
    names = [vertebra.level for vertebra in spine.vertebrae]
    span = f"{names[0]} to {names[-1]}" if len(names) > 1 else "".join(names)
    return f"Bones {span}; {_RESEARCH}"[:_LONGEST]


def write_plan_objects(
    folder: Path,
    case: Case,
    plan_set: PlanSet,
    document: Mapping[str, Any],
    attempts: Attempts,
    *,
    captures: Sequence[Capture] = (),
    related: Sequence[Dataset] = (),
) -> None:
    """Write report, points, needle, drawing on the slices and key pictures of one plan set.

    ``document`` is that of ``plan.json``. Needle and drawing are of the first plan; without any there are
    only the report, which says why, and the pictures.
    """
    from procguide.dicom.derived import NOT_APPROVED
    from procguide.dicom.write_capture import write_captures
    from procguide.dicom.write_report import write_plan_report

    status = "approved" if document.get("approved") else NOT_APPROVED
    said = f"proposal of the software, {status}"
    attempts.write(
        REPORT, lambda: write_plan_report(document, case.sources, folder / REPORT, related=related)
    )
    if plan_set.plans:
        attempts.write("points.dcm", lambda: _write_points(folder, case, plan_set, status))
        attempts.write("needle.dcm", lambda: _write_needle(folder, case, plan_set.plans[0], status))
        attempts.write("drawing.dcm", lambda: _write_drawing(folder, case, plan_set.plans[0], status))
    attempts.write("picture.dcm", lambda: write_captures(captures, case.sources, folder, status=said))


def write_sitting_object(folder: Path, case: Case, document: Mapping[str, Any], attempts: Attempts) -> None:
    """For DICOM input, write the report of a sitting, whose needles' own reports are written already."""
    from pydicom import dcmread

    from procguide.dicom.write_sitting_report import write_sitting_report

    if not case.is_dicom:
        return
    own = {
        stop["number"]: folder / stop["folder"] / OBJECTS / REPORT
        for stop in document["stops"]
        if stop["folder"]
    }
    reports = {number: dcmread(file) for number, file in own.items() if file.is_file()}
    path = folder / OBJECTS / REPORT
    attempts.write(REPORT, lambda: write_sitting_report(document, case.sources, path, reports=reports))


def _write_points(folder: Path, case: Case, plan_set: PlanSet, status: str) -> None:
    from procguide.dicom.write_fiducials import Fiducial, write_fiducials

    points = [
        Fiducial(f"{plan.rank} {end}", _words(plan_set, plan, end, status), place)
        for plan in plan_set.plans
        for end, place in (("entry", plan.trajectory.entry), ("target", plan.trajectory.target))
    ]
    write_fiducials(points, case.sources, folder / "points.dcm", _title("Needles' ends", status))


def _write_needle(folder: Path, case: Case, plan: Plan, status: str) -> None:
    from procguide.dicom.write_model import Model, write_model
    from procguide.exchange.meshes import needle_mesh

    model = Model(_title(f"Needle of plan {plan.rank}", status), *needle_mesh(plan.trajectory))
    write_model(model, case.sources, folder / "needle.dcm")


def _write_drawing(folder: Path, case: Case, plan: Plan, status: str) -> None:
    from procguide.dicom.write_presentation import DrawnNeedle, write_presentation

    needle = DrawnNeedle(plan.trajectory.entry, plan.trajectory.target, f"plan {plan.rank}, {status}")
    title = _title(f"Needle of plan {plan.rank} on the slices", status)
    write_presentation([needle], case.sources, folder / "drawing.dcm", title)


def _title(words: str, status: str) -> str:
    return f"{words}, {status}; {_RESEARCH}"[:_LONGEST]


def _words(plan_set: PlanSet, plan: Plan, end: str, status: str) -> str:
    where = f"{plan_set.level} {plan_set.side.value}" if plan_set.side else plan_set.level
    return f"{end} of plan {plan.rank}: {plan_set.procedure} {where}, {status}"


def captures_of(gallery: Gallery) -> tuple[Capture, ...]:
    """The report's key pictures: what it shows first, and the simulated X-rays."""
    from procguide.dicom.write_capture import Capture

    shown = (*gallery.first, *(picture for picture in gallery.views if picture is not None))
    return tuple(Capture(b64decode(one.data), one.title[:_LONGEST], one.alt) for one in shown)
