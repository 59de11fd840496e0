"""``procguide phantom``: a synthetic study with its truth."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from procguide import DISCLAIMER
from procguide.cli.session import DebugFlag, ForceFlag, JsonFlag, Session

if TYPE_CHECKING:
    from procguide.cli.steps import Steps

__all__ = ["phantom"]


class Subject(StrEnum):
    """Who is imaged."""

    SEED = "seed"
    DIFFICULT = "difficult"


class Posture(StrEnum):
    """How the subject lies on the table."""

    SUPINE = "supine"
    PRONE = "prone"


class Image(StrEnum):
    """The series that can be taken; the names of ``procguide.phantom.IMAGES``."""

    CT = "ct"
    T1_SAGITTAL = "t1-sagittal"
    T2_SAGITTAL = "t2-sagittal"
    T2_AXIAL = "t2-axial"
    STIR_SAGITTAL = "stir-sagittal"
    DIXON_WATER_SAGITTAL = "dixon-water-sagittal"
    DIXON_FAT_SAGITTAL = "dixon-fat-sagittal"


@dataclass(frozen=True)
class _Order:
    """What was asked for."""

    subject: Subject
    seed: int
    images: tuple[Image, ...]
    posture: Posture
    spacing_mm: float
    enhanced: bool

    def as_parameters(self) -> dict[str, str | float | int | bool | None]:
        """For the record of the run."""
        return {
            "subject": self.subject.value,
            "seed": self.seed,
            "modalities": ",".join(self.images),
            "posture": self.posture.value,
            "spacing_mm": self.spacing_mm,
            "enhanced": self.enhanced,
        }


def phantom(
    context: typer.Context,
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write; it must not exist yet.")],
    seed: Annotated[int, typer.Option(help="Which subject: the same seed gives the same study.", min=0)] = 0,
    subject: Annotated[
        Subject,
        typer.Option(
            help="Whom to image: the subject that the seed draws, or the one difficult subject "
            "(scoliosis, L6, stenosis, screws); for that one the seed only changes the noise."
        ),
    ] = Subject.SEED,
    modality: Annotated[
        list[Image] | None,
        typer.Option(help="Which series to take; give it again for each further one. [default: ct]"),
    ] = None,
    posture: Annotated[
        Posture, typer.Option(help="How the subject lies; prone comes with the map back to supine.")
    ] = Posture.SUPINE,
    spacing: Annotated[
        float, typer.Option(help="Steps of the anatomy in mm: finer takes longer.", min=0.4, max=4.0)
    ] = 1.0,
    enhanced: Annotated[
        bool, typer.Option("--enhanced", help="One multi-frame DICOM file a series, not one a slice.")
    ] = False,
    force: ForceFlag = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Make a synthetic lumbar study as DICOM, CT and MR, with all that is true of it beside the images.

    Example: procguide phantom -o study --seed 7 --modality ct --modality t2-sagittal
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    from procguide.cli.outputs import output_folder, write_run
    from procguide.cli.steps import Steps
    from procguide.provenance import record

    images = tuple(dict.fromkeys(modality or [Image.CT]))
    order = _Order(subject, seed, images, posture, spacing, enhanced)
    steps = Steps(session.console())
    provenance = record((), parameters=order.as_parameters())
    with output_folder(output, force=force) as partial:
        _make_study(partial, order, steps)
        write_run(partial, "phantom", provenance, steps)
        files = sum(1 for file in partial.rglob("*.dcm"))
    document = {
        "schema": "procguide.phantom/1",
        "seed": seed,
        "subject": subject.value,
        "posture": posture.value,
        "modalities": [image.value for image in images],
        "output": str(output),
        "dicom_files": files,
        "provenance": asdict(provenance),
        "disclaimer": DISCLAIMER,
    }
    session.answer(
        document,
        lambda console: console.print(f"{files} DICOM files and their truth: {output}", markup=False),
    )


def _make_study(folder: Path, order: _Order, steps: Steps) -> None:
    """Build, turn, image and write the subject."""
    from procguide import phantom

    difficult = order.subject is Subject.DIFFICULT
    with steps.step("build"):
        parameters = phantom.difficult_parameters() if difficult else phantom.sample_parameters(order.seed)
        subject = phantom.build(parameters, order.spacing_mm)
        if order.posture is Posture.PRONE:
            subject, _ = phantom.turn_prone(subject)
    with steps.step("image") as advance:
        images = phantom.take_images(subject, order.images, order.seed, on_progress=advance)
    with steps.step("write") as advance:
        phantom.write_phantom(
            subject,
            images,
            folder,
            seed=f"difficult-{order.seed}" if difficult else order.seed,
            enhanced=order.enhanced,
            on_progress=lambda share: advance("", share),
        )
