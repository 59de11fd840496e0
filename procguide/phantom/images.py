"""The series that are taken of a subject, by name, with what a scanner would say of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from procguide.dicom import CtAcquisition, MrAcquisition
from procguide.errors import UsageError
from procguide.imaging import Volume
from procguide.phantom.build import Phantom
from procguide.phantom.ct.settings import Contrast, CtSettings, Kernel
from procguide.phantom.ct.simulate import simulate_ct

if TYPE_CHECKING:
    from procguide.phantom.mri import Composition, Geometry, MriSettings, Sequence

__all__ = ["IMAGES", "PhantomImage", "take_images"]

Progress = Callable[[str, float], None]

IMAGES: Mapping[str, str] = MappingProxyType(
    {
        "ct": "Lumbar CT",
        "t1-sagittal": "T1 TSE sagittal",
        "t2-sagittal": "T2 TSE sagittal",
        "t2-axial": "T2 TSE axial",
        "stir-sagittal": "STIR sagittal",
        "dixon-water-sagittal": "T2 TSE Dixon water sagittal",
        "dixon-fat-sagittal": "T2 TSE Dixon fat sagittal",
    }
)
"""What can be taken, and how the series is called."""


@dataclass(frozen=True, eq=False)
class PhantomImage:
    """One series of a subject: voxels, and how they were acquired. ``name`` is one of :data:`IMAGES`."""

    name: str
    volume: Volume
    acquisition: CtAcquisition | MrAcquisition

    @property
    def folder(self) -> str:
        """``"t2_sagittal"`` for ``"t2-sagittal"``."""
        return self.name.replace("-", "_")

    @property
    def description(self) -> str:
        """Series description: never without the word synthetic."""
        return f"{IMAGES[self.name]} (synthetic)"


def take_images(
    phantom: Phantom,
    names: Iterable[str],
    seed: int = 0,
    *,
    ct: CtSettings | None = None,
    mri: MriSettings | None = None,
    on_progress: Progress | None = None,
) -> tuple[PhantomImage, ...]:
    """The named series of one subject in the order asked for; all MR from one composition of protons."""
    wanted = tuple(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in IMAGES]
    if unknown:
        raise UsageError(f"{unknown[0]!r} cannot be taken of a phantom; use {', '.join(IMAGES)}")
    said = on_progress or (lambda _words, _share: None)
    taken = []
    composition: Composition | None = None
    for name in wanted:
        step = _step(said, IMAGES[name])
        if name == "ct":
            taken.append(_take_ct(phantom, seed, ct or CtSettings(), step))
            continue
        if composition is None:
            from procguide.phantom.mri import compose

            composition = compose(phantom)
        taken.append(_take_mr(composition, name, seed, mri, step))
    return tuple(taken)


def _step(said: Progress, words: str) -> Callable[[float], None]:
    return lambda share: said(words, share)


def _take_ct(
    phantom: Phantom, seed: int, settings: CtSettings, on_progress: Callable[[float], None]
) -> PhantomImage:
    volume = simulate_ct(phantom, seed, settings=settings, on_progress=on_progress)
    usual = CtAcquisition()
    acquisition = CtAcquisition(
        exposure_mas=usual.exposure_mas if settings.mas is None else settings.mas,
        kernel=settings.kernel.value.upper(),
        kernel_group="BONE" if settings.kernel is Kernel.BONE else "SOFT_TISSUE",
        slice_mm=settings.slice_mm,
        contrast_agent="" if settings.contrast is Contrast.NONE else f"IODINE {settings.contrast.value}",
    )
    return PhantomImage("ct", volume, acquisition)


def _take_mr(
    composition: Composition,
    name: str,
    seed: int,
    settings: MriSettings | None,
    on_progress: Callable[[float], None],
) -> PhantomImage:
    from procguide.phantom.mri import MriSettings, simulate_mri

    sequence, geometry = _protocol(composition.phantom, name)
    chosen = settings or MriSettings()
    volume = simulate_mri(composition, sequence, geometry, seed, settings=chosen, on_progress=on_progress)
    image = {"dixon-water-sagittal": "WATER", "dixon-fat-sagittal": "FAT"}.get(name, "NONE")
    acquisition = MrAcquisition(
        sequence_name=sequence.name,
        contrast="STIR" if sequence.ti is not None else "T1" if sequence.te < 40 else "T2",
        tr=sequence.tr,
        te=sequence.te,
        ti=sequence.ti,
        field_t=sequence.field_strength,
        bandwidth_hz=sequence.bandwidth,
        echo_train=sequence.train,
        averages=sequence.averages,
        phase=geometry.phase.value,
        acquired=geometry.acquired,
        oversampling=geometry.oversampling,
        partial_fourier=chosen.partial_fourier,
        slice_mm=geometry.thickness,
        image=image,
    )
    return PhantomImage(name, volume, acquisition)


def _protocol(phantom: Phantom, name: str) -> tuple[Sequence, Geometry]:
    """Sequence and plane of one MR series; both belong together on a scanner's list."""
    from procguide.phantom import mri

    sequences = {
        "t1-sagittal": mri.T1_TSE,
        "t2-sagittal": mri.T2_TSE,
        "t2-axial": mri.T2_TSE_AXIAL,
        "stir-sagittal": mri.STIR,
        "dixon-water-sagittal": mri.DIXON_WATER,
        "dixon-fat-sagittal": mri.DIXON_FAT,
    }
    plane = mri.axial_block if name == "t2-axial" else mri.sagittal
    return sequences[name], plane(phantom.spine)
