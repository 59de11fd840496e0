"""The project's own sample studies, ``sample_dicom/``: two subjects, always the same files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from procguide.phantom.assemble import assemble
from procguide.phantom.build import Phantom, build
from procguide.phantom.ct.settings import CtSettings
from procguide.phantom.images import PhantomImage, take_images
from procguide.phantom.population.difficult import difficult_parameters
from procguide.phantom.population.parameters import PhantomParameters
from procguide.phantom.population.sample import sample_parameters
from procguide.phantom.truth.segments import true_segments
from procguide.phantom.write import write_phantom

__all__ = ["SAMPLES", "Sample", "build_sample", "made_on", "replace_samples", "sample_images", "write_sample"]

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Sample:
    """One subject and what is taken of it.

    The CT is a square field of ``ct_field_mm`` up to the skin of the back, from the vertebra ``ct_top`` to
    ``ct_bottom_mm`` (LPS z; the S1 endplate is 0). ``roots_by_level`` False joins all roots of a side in
    the DICOM Segmentation, which is large; None leaves it out.
    """

    parameters: Callable[[], PhantomParameters]
    seed: int
    images: tuple[str, ...]
    ct: CtSettings
    roots_by_level: bool | None = False
    ct_top: str = "T12"
    ct_bottom_mm: float = -58.0
    ct_field_mm: float = 256.0


SAMPLES: Mapping[str, Sample] = MappingProxyType(
    {
        "lumbar": Sample(
            lambda: sample_parameters(3),
            3,
            ("ct", "t1-sagittal", "t2-sagittal", "t2-axial"),
            CtSettings(pixel_mm=0.9, slice_mm=2.5, noise_hu=12.0),
        ),
        "difficult": Sample(
            difficult_parameters,
            90_001,
            ("ct", "t2-sagittal"),
            CtSettings(pixel_mm=1.0, slice_mm=3.0, noise_hu=14.0),
            roots_by_level=None,
        ),
    }
)
"""Chosen so that all of it stays under 40 MB."""

MADE_ON = "made_on.json"
BELOW_MM = 80.0
ABOVE_L3_MM = 165.0
"""The anatomy reaches beyond the sagittal MR's field of 300 mm round L3."""
SKIN_MARGIN_MM = 12.0
MRI_SPACING_MM = 0.7
MRI_HALF_WIDTH_MM = 110.0


def build_sample(name: str = "lumbar") -> Phantom:
    """The subject from the lower thoracic spine to the middle of the sacrum, the whole body round it."""
    parameters = SAMPLES[name].parameters()
    high = float(assemble(parameters).pose.frames["L3"].origin[2]) + ABOVE_L3_MM
    return build(parameters, 1.0, box=((-np.inf, -np.inf, -BELOW_MM), (np.inf, np.inf, high)))


def sample_images(
    phantom: Phantom, name: str = "lumbar", *, only: tuple[str, ...] = (), progress: Progress | None = None
) -> tuple[PhantomImage, ...]:
    """The sample's series, or ``only`` some of them: each is the same whichever others are taken."""
    sample = SAMPLES[name]
    back = float(phantom.anatomy.torso.back.max()) + SKIN_MARGIN_MM
    middle = (0.0, round(back - sample.ct_field_mm / 2, 1))
    settings = replace(sample.ct, field_mm=sample.ct_field_mm, centre_mm=middle)
    names = only or sample.images
    images = {}
    if "ct" in names:
        (image,) = take_images(phantom, ("ct",), sample.seed, ct=settings, on_progress=progress)
        images["ct"] = _cropped(image, phantom, sample)
    others = tuple(name for name in names if name != "ct")
    if others:
        fine = _fine(phantom)
        images |= {
            image.name: image for image in take_images(fine, others, sample.seed, on_progress=progress)
        }
    return tuple(images[name] for name in names)


def _fine(phantom: Phantom) -> Phantom:
    """The same field round the spine in finer steps: an MR pixel is smaller than the map's."""
    corners = phantom.tissues.grid.corners
    low, high = corners.min(axis=0), corners.max(axis=0)
    low[0], high[0] = -MRI_HALF_WIDTH_MM, MRI_HALF_WIDTH_MM
    return build(phantom.parameters, MRI_SPACING_MM, box=(low, high))


def _cropped(image: PhantomImage, phantom: Phantom, sample: Sample) -> PhantomImage:
    """Only the slices that a lumbar CT has."""
    volume = image.volume
    top = float(phantom.anatomy.pose.frames[sample.ct_top].origin[2])
    place = volume.affine.origin[2] + volume.spacing[0] * np.arange(volume.shape[0])
    inside = np.flatnonzero((place > sample.ct_bottom_mm) & (place < top))
    _, rows, columns = volume.shape
    return replace(image, volume=volume.crop((int(inside[0]), 0, 0), (int(inside[-1]) + 1, rows, columns)))


def write_sample(
    folder: str | Path, name: str = "lumbar", *, only: tuple[str, ...] = (), progress: Progress | None = None
) -> tuple[Path, ...]:
    """Write one sample study with its truth into ``folder``."""
    sample = SAMPLES[name]
    said = progress or (lambda _step, _share: None)
    said("anatomy", 0.0)
    phantom = build_sample(name)
    images = sample_images(phantom, name, only=only, progress=said)
    segments = true_segments(phantom, roots_by_level=bool(sample.roots_by_level))
    if sample.roots_by_level is None:
        segments = segments.with_voxels(np.zeros_like(segments.voxels))
    return write_phantom(
        phantom,
        images,
        folder,
        seed=sample.seed,
        segments=segments,
        on_progress=lambda share: said("DICOM", share),
    )


def replace_samples(folder: str | Path) -> None:
    """Write all of them, each into a folder of its own name, in place of what was there."""
    for name in SAMPLES:
        target = Path(folder) / name
        if target.is_dir():
            shutil.rmtree(target)
        write_sample(target, name)
    (Path(folder) / MADE_ON).write_text(json.dumps(made_on(), indent=1) + "\n", encoding="utf-8")


def made_on() -> dict[str, str]:
    """What the last digit of a sum hangs on: the processor's kind, and the libraries that do the sums."""
    import llvmlite.binding
    import numba
    import scipy

    return {
        "processor": str(llvmlite.binding.get_host_cpu_name()),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "numba": numba.__version__,
    }
