"""Fine images for the detection of Gibbs ringing to be trained, calibrated and tested on.

Drawn bodies (``soft_bodies``), phantoms (0.47 mm, no filter, no noise), CT slices recoloured as MR might show
them, and, for the test alone, real MR: halving it cuts away what rings at its own matrix. The CT that trains
and calibrates is ``ct_abdomen_dicom`` (TCIA ACRIN-FLT-Breast, CC BY 3.0), the one that tests ``ct_thorax``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from procguide.quality.faults.ringing import soft_bodies

ROOT = Path(__file__).resolve().parent.parent
REAL = Path(os.environ.get("PROCGUIDE_REAL_DATA", ROOT.parent / "shared" / "data"))
FIRST = {"train": 3300, "calibrate": 3400, "test": 3200, "fresh": 3200}
PHANTOMS = {
    **{part: tuple(FIRST[part] + n for n in range(4)) for part in ("train", "calibrate", "test")},
    "fresh": (3204, 3304, 3404),
}
BODIES = {"train": range(24), "calibrate": range(40), "test": range(10), "fresh": range(10, 20)}
RECOLOURED = {"train": range(20), "calibrate": range(40), "test": range(8), "fresh": range(8, 25)}
"""Seeds, and numbers of scenes. ``fresh`` was chosen before any of it was looked at, once all else stood."""
CT = {part: "ct_abdomen_dicom" if part in ("train", "calibrate") else "ct_thorax/ct.nii.gz" for part in FIRST}
SLICES = {"train": (0, 33), "calibrate": (33, 99), "test": (20, 120), "fresh": (20, 120)}
JUDGED = ("test", "fresh")
LEVELS = (0.5, 1.5, 4.0)
COARSE = 3
"""So many phantoms of each set were built at 1.5 mm, the others, of the slices' surroundings alone, at 0.8 mm
(axial ones at 1 mm)."""
REAL_IMAGES = {
    "cervical t2*": "mri_cervical/t2s_t2s_uncropped.nii.gz",
    **{
        name: f"mri_lumbar/{name}_image.nii.gz"
        for name in ("VB1_02", "VB2_04", "VB3_01", "VB3_20", "IVD_11", "IVD_20")
    },
}
"""VB1_15 is left out: its rows are repeated (interpolated to the nearest), and its brightest are clipped."""
HOUNSFIELD = (-1100.0, -950.0, -600.0, -200.0, -110.0, -60.0, 0.0, 40.0, 80.0, 160.0, 400.0, 1500.0)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """Fine planes ``(k, j, i)`` to be made, and by what factors and at what noise (%) they are shown."""

    name: str
    make: Callable[[], Array]
    seed: int
    cases: tuple[tuple[int, float], ...]


def scenes(part: str, work: Path) -> Iterator[Scene]:
    """All fine images of a part but the real ones; phantoms are kept in ``work``."""
    yield from drawn(part)
    yield from recoloured(part)
    for seed in PHANTOMS[part]:
        levels = (0.5, 1.0, 1.5, 2.5, 4.0, 5.5) if part == "calibrate" else LEVELS
        cases = tuple((3 + (seed + n) % 2, level) for n, level in enumerate(levels))
        yield Scene(f"phantom {seed}", partial(phantom_of, seed, work), seed, cases)


def drawn(part: str) -> Iterator[Scene]:
    """Bodies with edges of several widths, and texture."""
    for n in BODIES[part]:
        seed = 10 * FIRST[part] + n
        rng = np.random.default_rng(seed)
        cases = ((int(rng.integers(3, 6)), any_level(rng)),)
        if part in JUDGED:
            cases = tuple((int(rng.integers(3, 6)), level) for level in LEVELS)
        yield Scene(f"bodies {seed}", partial(soft_bodies, seed, 480, 4), seed, cases)


def recoloured(part: str) -> Iterator[Scene]:
    """Four CT slices each, turned and mirrored at random, to be shown two or three times coarser."""
    for n in RECOLOURED[part]:
        seed = 100 * FIRST[part] + n
        rng = np.random.default_rng(seed)
        factors = rng.integers(2, 4, len(LEVELS))
        cases = tuple((int(f), level) for f, level in zip(factors, LEVELS, strict=True))
        if part not in JUDGED:
            cases = ((int(factors[0]), any_level(rng)),)
        yield Scene(f"ct {seed}", partial(of_ct, part, n), seed, cases)


def any_level(rng: np.random.Generator) -> float:
    """Noise of 0.3 to 6 %, as often below as above 1.3 %."""
    return float(np.exp(rng.uniform(np.log(0.3), np.log(6.0))))


@lru_cache(maxsize=1)
def hounsfield(name: str) -> Array:
    """A CT's slices from below upwards, ``(k, j, i)``."""
    if name.endswith(".nii.gz"):
        import nibabel as nib

        return np.moveaxis(np.asarray(nib.load(REAL / name).dataobj, dtype=np.float64), 2, 0)
    from procguide.dicom import read_study, read_volume

    return np.asarray(read_volume(read_study(REAL / name).choose()).voxels, dtype=np.float64)


def of_ct(part: str, number: int) -> Array:
    """Slices of a CT in new grey values: air dark, fat, soft tissue and bone each as drawn."""
    first, end = SLICES[part]
    places = (first + 7 * number + (end - first) // 4 * np.arange(4)) % (end - first) + first
    rng = np.random.default_rng([number, first])
    fat = rng.uniform(0.2, 1.0)
    values = [0, 0, rng.uniform(0, 0.1), rng.uniform(0.1, 0.5), fat, fat * rng.uniform(0.9, 1.1)]
    values += [*rng.uniform(0.2, 1.0, 5), rng.uniform(0, 0.8)]
    planes = np.interp(hounsfield(CT[part])[places], HOUNSFIELD, values)
    planes = np.rot90(planes, int(rng.integers(4)), axes=(1, 2))
    return np.ascontiguousarray(planes[:, :, ::-1] if rng.integers(2) else planes)


def real_scenes(part: str) -> Iterator[Scene]:
    """Six slices of each real MR image, halved; ``fresh`` ones lie beside those that test."""
    for number, name in enumerate(REAL_IMAGES):
        kept = f"real {name.replace('*', '')}{' beside' if part == 'fresh' else ''}"
        yield Scene(kept, partial(of_mr, name, part), number, tuple((2, z) for z in LEVELS))


def of_mr(name: str, part: str) -> Array:
    import nibabel as nib

    stack = np.moveaxis(np.asarray(nib.load(REAL / REAL_IMAGES[name]).dataobj, dtype=np.float64), 2, 0)
    places = np.linspace(0.3 * len(stack), 0.7 * len(stack), 6)
    if part == "fresh":
        places = places + (places[1] - places[0]) / 2
    return stack[places.astype(int)]


def phantom_of(seed: int, work: Path) -> Array:
    """A phantom's fine MR, 6 slices of 640 x 640 at about 0.47 mm; made once and kept in ``work``."""
    file = work / f"{seed}.npz"
    if not file.exists():
        np.savez_compressed(file, v=fine_phantom(seed // 100 * 100, seed % 100))
    return np.asarray(np.load(file)["v"], dtype=np.float64)


def fine_phantom(first: int, number: int) -> NDArray[np.generic]:
    from procguide.phantom import build, mri, sample_parameters

    kinds = (
        (mri.T2_TSE, mri.sagittal), (mri.T1_TSE, mri.sagittal), (mri.T2_TSE_AXIAL, mri.axial_block),
        (mri.STIR, mri.sagittal), (mri.DIXON_WATER, mri.sagittal),
    )  # fmt: skip
    seed = first + number
    sequence, plane = kinds[(seed + (2 if first == FIRST["test"] else 0)) % len(kinds)]
    upright, far = plane is mri.sagittal, 1e4
    box = ((-30, -far, -far), (30, far, far)) if upright else ((-far, -far, -70), (far, far, 190))
    spacing = 1.5 if number < COARSE else 0.8 if upright else 1.0
    phantom = build(sample_parameters(seed), spacing, box=None if number < COARSE else box)
    fine = replace(
        plane(phantom.spine), acquired=(640, 640), reconstructed=(640, 640), slices=6,
        gap=4.0 if upright else 20.0, oversampling=0.0,
    )  # fmt: skip
    settings = mri.MriSettings(
        noise=0.0, elements=1 if seed % 2 else 4, raised_cosine=0.0, faults=mri.MriFaults(flow_void=0.12)
    )
    return mri.simulate_mri(phantom, sequence, fine, seed, settings=settings).voxels
