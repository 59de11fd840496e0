"""A phantom study on disk: DICOM series of any kind with the truth beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from procguide.anatomy.serialise import spine_to_json
from procguide.dicom import SeriesIdentity, StudyIdentity, read_study, write_segmentation, write_series
from procguide.imaging import LabelMap
from procguide.imaging.files import replacing, write_image
from procguide.imaging.resample import resample
from procguide.phantom.build import Phantom
from procguide.phantom.deformation import Deformation
from procguide.phantom.images import PhantomImage
from procguide.phantom.truth.segments import true_segments
from procguide.phantom.truth.serialise import courses_to_json, subject_to_json, zones_to_json

__all__ = ["study_of", "write_phantom"]


def write_phantom(
    phantom: Phantom,
    images: Iterable[PhantomImage],
    folder: str | Path,
    *,
    seed: int | str | None = None,
    enhanced: bool = False,
    segments: LabelMap | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> tuple[Path, ...]:
    """Write each image's series into a folder of its own (``ct/``, ``t2_sagittal/``) and ``truth/`` beside.

    The truth: ``tissues``, ``regions``, ``levels`` and ``instances`` as NIfTI on the phantom's own lattice;
    ``spine``, ``courses``, ``zones`` and ``parameters`` as JSON; of a prone subject where it was supine
    (``supine_from_prone.mha``); and ``segmentation.dcm``, a DICOM Segmentation on the lattice of the first
    series (``segments``, by default :func:`true_segments`; none where they are empty). All series share
    study and frame of reference. UIDs follow from ``seed`` (by default the subject's own). Returns the
    paths, the DICOM files first.
    """
    folder = Path(folder)
    taken = tuple(images)
    study = study_of(phantom, seed)
    files: list[Path] = []
    for n, image in enumerate(taken):
        files += write_series(
            image.volume,
            folder / image.folder,
            image.acquisition,
            study=study,
            series=SeriesIdentity(image.description, n + 1),
            enhanced=enhanced,
            on_progress=_share_of(on_progress, n, len(taken)),
        )
    if taken:
        named = true_segments(phantom) if segments is None else segments
        if named.present():
            files.append(_write_segments(named, folder, taken[0], study))
    return (*files, *_write_truth(phantom, folder / "truth"))


def study_of(phantom: Phantom, seed: int | str | None = None) -> StudyIdentity:
    """Who the subject is and how it lies, as DICOM says it."""
    who = phantom.parameters
    chosen = who.seed if seed is None else seed
    return StudyIdentity(
        patient_name=f"Phantom^{chosen}",
        patient_id=f"PHANTOM-{chosen}",
        sex={"male": "M", "female": "F"}.get(who.sex, "O"),
        age_years=who.age,
        height_m=round(who.height_cm / 100, 2),
        weight_kg=round(who.weight_kg, 1),
        description="Lumbar phantom",
        patient_position="HFS" if phantom.posture == "supine" else "HFP",
        seed=chosen,
    )


def _share_of(
    on_progress: Callable[[float], None] | None, part: int, parts: int
) -> Callable[[float], None] | None:
    if on_progress is None:
        return None
    return lambda share: on_progress((part + share) / parts)


def _write_segments(segments: LabelMap, folder: Path, image: PhantomImage, study: StudyIdentity) -> Path:
    """DICOM SEG of the truth on the first series' lattice."""
    (series,) = read_study(folder / image.folder).series
    assert series.grid is not None  # noqa: S101 (for the type checker: it was just written with one)
    return write_segmentation(
        resample(segments, series.grid),
        series,
        folder / "truth" / "segmentation.dcm",
        algorithm_name="procguide phantom",
        description="Truth of the phantom",
        study=study,
    )


def _write_truth(phantom: Phantom, truth: Path) -> tuple[Path, ...]:
    maps = {
        "tissues": phantom.tissues,
        "regions": phantom.regions,
        "levels": phantom.levels,
        "instances": phantom.instances,
    }
    documents = {
        "spine": spine_to_json(phantom.spine),
        "courses": courses_to_json(phantom.courses),
        "zones": zones_to_json(phantom.zones),
        "parameters": subject_to_json(phantom.parameters, phantom.posture),
    }
    files = [write_image(labels, truth / f"{name}.nii.gz") for name, labels in maps.items()]
    files += [_write_json(document, truth / f"{name}.json") for name, document in documents.items()]
    if phantom.deformation is not None:
        files.append(_write_deformation(phantom.deformation, truth / "supine_from_prone.mha"))
    return tuple(files)


def _write_deformation(deformation: Deformation, path: Path) -> Path:
    """A displacement field as ITK keeps it: at prone points, LPS mm, what leads to the supine ones."""
    import SimpleITK

    affine = deformation.grid.affine
    image = SimpleITK.GetImageFromArray(deformation.displacement, isVector=True)
    image.SetOrigin(affine.origin.tolist())
    image.SetSpacing(affine.spacing[::-1].tolist())
    with replacing(path, ".mha") as temporary:
        SimpleITK.WriteImage(image, str(temporary), useCompression=True)
    return path


def _write_json(data: Mapping[str, Any], path: Path) -> Path:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(data, separators=(",", ":")) + "\n", encoding="utf-8")
    return path
