"""The project's own sample studies, ``sample_dicom/``: two subjects, always the same files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from procguide.phantom.write import write_phantom

__all__ = ["SAMPLES", "Sample", "build_sample", "sample_images", "write_sample", "write_samples"]

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Sample:
    """One subject, what is taken of it, and the vertebra under whose top the field begins."""

    parameters: Callable[[], PhantomParameters]
    seed: int
    images: tuple[str, ...]
    ct: CtSettings
    top: str = "T11"
    bottom_mm: float = -75.0
    spacing_mm: float = 1.0


SAMPLES: Mapping[str, Sample] = MappingProxyType(
    {
        "lumbar": Sample(
            lambda: sample_parameters(3),
            3,
            ("ct", "t1-sagittal", "t2-sagittal", "t2-axial"),
            CtSettings(pixel_mm=0.85, slice_mm=2.5, noise_hu=12.0),
        ),
        "difficult": Sample(
            difficult_parameters, 90_001, ("ct", "t2-sagittal"), CtSettings(pixel_mm=0.9, slice_mm=2.5)
        ),
    }
)
"""Chosen so that all of it stays under 40 MB."""


def build_sample(name: str = "lumbar") -> Phantom:
    """The subject from its top vertebra to the middle of the sacrum, the whole body round it."""
    sample = SAMPLES[name]
    parameters = sample.parameters()
    anatomy = assemble(parameters)
    high = float(anatomy.pose.frames[sample.top].origin[2]) + 15.0
    box = ((-np.inf, -np.inf, sample.bottom_mm), (np.inf, np.inf, high))
    return build(parameters, sample.spacing_mm, box=box)


def sample_images(
    phantom: Phantom, name: str = "lumbar", *, only: tuple[str, ...] = (), progress: Progress | None = None
) -> tuple[PhantomImage, ...]:
    """The sample's series, or ``only`` some of them: each is the same whichever others are taken."""
    sample = SAMPLES[name]
    return take_images(phantom, only or sample.images, sample.seed, ct=sample.ct, on_progress=progress)


def write_sample(
    folder: str | Path, name: str = "lumbar", *, only: tuple[str, ...] = (), progress: Progress | None = None
) -> tuple[Path, ...]:
    """Write one sample study with its truth into ``folder``."""
    said = progress or (lambda _step, _share: None)
    said("anatomy", 0.0)
    phantom = build_sample(name)
    images = sample_images(phantom, name, only=only, progress=said)
    return write_phantom(
        phantom, images, folder, seed=SAMPLES[name].seed, on_progress=lambda share: said("DICOM", share)
    )


def write_samples(folder: str | Path, *, progress: Progress | None = None) -> tuple[Path, ...]:
    """Write all of them, each into a folder of its own name."""
    folder = Path(folder)
    return tuple(file for name in SAMPLES for file in write_sample(folder / name, name, progress=progress))
