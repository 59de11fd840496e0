"""Images that the 2D checks are calibrated and tested on: X-rays and ultrasound, made and real.

X-rays of phantoms and of real CTs are sums along parallel rays, turned into intensity by
:func:`exposed`; ultrasound of a phantom is speckle of a layered map of scatterers. Calibration and test
never share an image: see :data:`CALIBRATION` and :data:`TEST`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, binary_erosion, gaussian_filter, gaussian_filter1d, zoom

REAL = Path(os.environ.get("PROCGUIDE_REAL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
CACHE = Path(os.environ.get("PROCGUIDE_CACHE", Path(__file__).resolve().parents[1] / "out" / "quality"))
CALIBRATION = (700, 701, *range(2000, 2006))
TEST = (720, 721, *range(2010, 2014))
"""Seeds of phantoms."""
FRESH = (3200, 3201, 3202)
"""Seeds of the ultrasound phantoms of the test part: they were made once the checks stood."""
VIEWS = ((0.0, 0.0), (8.0, 12.0), (28.0, 0.0), (-32.0, -8.0), (90.0, 0.0))
"""Oblique and tilt in degrees."""
WATER_MM = 0.0195
"""Linear attenuation of water near 70 keV, 1/mm (NIST XCOM 0.193 cm2/g at 70 keV)."""
PIXEL_MM = 0.25
_DETECTOR = 1024

Image = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class XRay:
    """A clean picture: ``brightness`` 0..1, bright where much radiation came through."""

    name: str
    brightness: Image
    real: bool


def phantom_xrays(seeds: tuple[int, ...]) -> Iterator[XRay]:
    """Fluoroscopy of phantoms, 1024 x 1024, by seed and view."""
    for seed in seeds:
        for n, line in enumerate(_phantom_lines(seed)):
            yield XRay(f"phantom {seed} view {n}", exposed(line, seed * 10 + n), real=False)


def ct_xrays() -> Iterator[XRay]:
    """Pictures made from the real CTs: coarser than a detector's, so not for sharpness."""
    from procguide.dicom import read_study, read_volume

    for name in ("ct_abdomen_dicom", "ct_lumbar_3mm/ct.nii.gz", "ct_thorax/ct.nii.gz"):
        volume = read_volume(read_study(REAL / name).choose())
        step = 1.2
        factors = np.asarray(volume.spacing) / step
        order = volume.affine.orientation
        voxels = np.asarray(volume.voxels, np.float32)
        wanted = [next(n for n, way in enumerate(order) if way in pair) for pair in ("SI", "AP", "LR")]
        voxels, factors = np.transpose(voxels, wanted), factors[wanted]
        for axis, positive in zip(range(3), "SPL", strict=True):
            if order[wanted[axis]] != positive:
                voxels = np.flip(voxels, axis)
        hounsfield = zoom(np.clip(voxels, -1000, 2500), factors, order=1)
        for n, (oblique, tilt) in enumerate(VIEWS):
            line = _rays(_attenuation(hounsfield) * step, oblique, tilt)
            middle = _middle(line, int(260 / step))
            yield XRay(f"{name.split('/')[0]} view {n}", exposed(_enlarged(middle, 1024), n), real=True)


def real_xrays() -> Iterator[XRay]:
    """The three real pictures, bright where much radiation came through."""
    from PIL import Image as Pillow

    from procguide.dicom import read_frames, read_study

    frame = read_frames(read_study(REAL / "fluoroscopy").series[0])[0]
    yield XRay("c_arm_rf", np.asarray(frame.pixels, np.float32) / 255, real=True)
    for name in ("Xray1", "Xray2"):
        with Pillow.open(REAL / "fluoroscopy" / f"{name}.jpg") as picture:
            yield XRay(name, 1 - np.asarray(picture, np.float32) / 255, real=True)


def exposed(line: Image, seed: int, photons: float = 20000.0) -> Image:
    """Brightness of a well exposed picture: Beer-Lambert, scatter, detector blur, noise, a display curve.

    ``line`` is the attenuation along each ray. Scatter is as much as the primary beam, smooth over 30 mm
    (grid in place); ``photons`` reach a pixel in the open beam's median. All assumed.
    """
    rng = np.random.default_rng(seed)
    primary = np.exp(-(line - np.percentile(line, 20)))
    scatter = gaussian_filter(primary, 30 / PIXEL_MM) * 0.5
    beam = gaussian_filter(primary + scatter, 0.8)
    beam = beam / np.median(beam)
    noisy = rng.poisson(beam * photons / 10).astype(np.float32) / (photons / 10)
    noisy = gaussian_filter(noisy, 0.5)
    density = -np.log(np.maximum(noisy, 1e-3))
    low, high = np.percentile(density, (0.5, 99.5))
    shown = 0.9 - 0.8 * (density - low) / max(high - low, 0.5)
    return np.clip(shown, 0, 1).astype(np.float32)


def _phantom_lines(seed: int) -> list[Image]:
    """Attenuation along rays through a phantom's spine with its soft tissue, by view; cached."""
    file = CACHE / f"lines_{seed}.npz"
    if not file.exists():
        from procguide.phantom import build, sample_parameters

        step = _step(seed)
        tissues = build(sample_parameters(seed), step, box=((-125, -85, -10), (125, 110, 205))).tissues
        lines = [_rays(_body(tissues.voxels) * step, *view) for view in VIEWS]
        CACHE.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(file, *[line.astype(np.float16) for line in lines])
    with np.load(file) as stored:
        lines = [stored[name].astype(np.float32) for name in stored.files]
    return [_enlarged(_middle(line, int(205 / _step(seed))), _DETECTOR) for line in lines]


def _step(seed: int) -> float:
    """The phantom's lattice, mm: a few fine, for sharpness."""
    return 0.7 if seed < 1000 else 1.2


def _body(tissues: NDArray[np.uint8]) -> Image:
    """Attenuation 1/mm: bone has a shell one voxel thick; outside the phantom is more of the patient."""
    from procguide.anatomy import BONE
    from procguide.phantom.ct.hounsfield import tissue_tables
    from procguide.phantom.ct.settings import Contrast

    hounsfield = tissue_tables(Contrast.NONE)[0][tissues]
    bone = np.isin(tissues, [int(region) for region in BONE])
    hounsfield[bone] = 190.0
    hounsfield[bone & ~binary_erosion(bone)] = 1100.0
    hounsfield[tissues == 0] = 0.0
    return _attenuation(hounsfield)


def _attenuation(hounsfield: NDArray[np.float32]) -> Image:
    """1/mm: water's, and bone above it counts 1.6 times (its calcium at 70 keV; assumed)."""
    excess = np.maximum(hounsfield - 100, 0) * 0.6
    return np.asarray(WATER_MM * np.maximum(1000 + hounsfield + excess, 0) / 1000, np.float32)


def _rays(attenuation: Image, oblique: float, tilt: float) -> Image:
    """Sums along rays of an ``(S, P, L)`` volume, head at the top of the picture; in steps of the lattice."""
    a, b = np.radians(oblique), np.radians(tilt)
    turn = np.array([[1, 0, 0], [0, np.cos(a), np.sin(a)], [0, -np.sin(a), np.cos(a)]])
    nod = np.array([[np.cos(b), np.sin(b), 0], [-np.sin(b), np.cos(b), 0], [0, 0, 1]])
    matrix = turn @ nod
    shape = np.array(attenuation.shape)
    room = np.array([shape[0], int(np.hypot(*shape[1:])), int(np.hypot(*shape[1:]))])
    offset = (shape - 1) / 2 - matrix @ ((room - 1) / 2)
    moved = affine_transform(attenuation, matrix, offset, tuple(room.tolist()), order=1)
    return np.asarray(moved.sum(axis=1)[::-1], np.float32)


def _middle(line: Image, size: int) -> Image:
    rows, columns = (min(size, n) for n in line.shape)
    j, i = (line.shape[0] - rows) // 2, (line.shape[1] - columns) // 2
    return line[j : j + rows, i : i + columns]


def _enlarged(line: Image, size: int) -> Image:
    return np.asarray(zoom(line, (size / line.shape[0], size / line.shape[1]), order=1), np.float32)


@dataclass(frozen=True, eq=False)
class Scan:
    """A clean ultrasound picture: ``brightness`` 0..1 of the whole frame, ``(j, i)``."""

    name: str
    brightness: Image
    real: bool


def phantom_scans(seeds: tuple[int, ...], each: int = 8) -> Iterator[Scan]:
    """Linear-array pictures of layered tissue, 600 x 800 with black margins, by seed."""
    for seed in seeds:
        for n in range(each):
            yield Scan(f"layers {seed} {n}", phantom_scan(seed * 100 + n), real=False)


def phantom_scan(seed: int) -> Image:
    """Speckle of skin, fat, fascia, muscle, vessels and, in half of them, bone with its shadow."""
    rng = np.random.default_rng(seed)
    rows, columns = 560, int(rng.integers(420, 780))
    strength = _layers(rng, rows, columns)
    grain = rng.standard_normal((2, rows, columns)).astype(np.float32)
    axial, lateral = rng.uniform(1.0, 1.6), rng.uniform(1.8, 3.0)
    blurred = [gaussian_filter(part * np.sqrt(strength), (axial, lateral)) for part in grain]
    envelope = np.hypot(*blurred) + 1e-7
    level = 20 * np.log10(envelope / np.percentile(envelope[strength > 0.02], 97))
    span, reference = rng.uniform(50, 62), rng.uniform(0.5, 0.72)
    deep = np.linspace(0, 1, rows)[:, None]
    level = level - rng.uniform(0, 8) * deep + rng.uniform(-3, 2)
    picture = np.clip((level + span * reference) / span, 0, 1)
    picture = np.maximum(picture, np.abs(rng.normal(0, 0.012, picture.shape)))
    frame = np.zeros((600, 800), np.float32)
    j, i = 20, (800 - columns) // 2
    frame[j : j + rows, i : i + columns] = picture
    return frame


def _layers(rng: np.random.Generator, rows: int, columns: int) -> Image:
    """Scatterers' strength: layers with wavy bounds, bright fascia between, dark vessels, bone."""
    deep = np.arange(rows)[:, None] / rows
    wave = gaussian_filter1d(rng.standard_normal(columns), 60) * 8 / rows * rng.uniform(2, 6)
    bounds = np.sort(rng.uniform(0.06, 0.85, int(rng.integers(3, 6))))
    strength = np.full((rows, columns), rng.uniform(0.2, 0.5), np.float32)
    for n, bound in enumerate(bounds):
        below = deep > bound + wave * (0.5 + n / 4)
        strength = np.where(below, rng.uniform(0.08, 0.7), strength)
        line = np.abs(deep - bound - wave * (0.5 + n / 4)) < rng.uniform(0.002, 0.006)
        strength = np.where(line, rng.uniform(3, 12), strength)
    stripes = gaussian_filter(rng.standard_normal((rows, columns)), (1.2, 25))
    strength = strength * np.exp(0.9 * stripes / stripes.std()).astype(np.float32)
    strength[: int(rng.integers(4, 9))] = 15.0
    for _ in range(int(rng.integers(0, 3))):
        centre, radius = rng.uniform((0.2, 0.1), (0.7, 0.9)), rng.uniform(0.03, 0.09)
        away = np.hypot(deep - centre[0], (np.arange(columns)[None] / columns - centre[1]) * columns / rows)
        strength = np.where(away < radius, 0.002, strength)
    if rng.random() < 0.5:
        strength = _with_bone(strength, rng)
    return np.asarray(strength, np.float32)


def _with_bone(strength: Image, rng: np.random.Generator) -> Image:
    """One convex bone's surface, at most a third of the width, with its shadow."""
    rows, columns = strength.shape
    across = (np.arange(columns) / columns - rng.uniform(0.2, 0.8)) / rng.uniform(0.08, 0.16)
    top = rng.uniform(0.4, 0.7) + 0.12 * across**2
    deep = np.arange(rows)[:, None] / rows
    under = (deep > top[None]) & (np.abs(across) < 1)[None]
    strength = np.where(under, 0.0015, strength)
    surface = under & (deep < top[None] + 0.01)
    return np.asarray(np.where(surface, 14.0, strength), np.float32)


def nerve_scans(part: str) -> Iterator[Scan]:
    """Real nerve-block frames: ``"calibration"`` those numbered to 0120, ``"test"`` those after.

    Neighbours in number may be of one patient: the parts share none of them but at the cut.
    """
    from PIL import Image as Pillow

    for file in sorted((REAL / "ultrasound_nerve" / "images").glob("*.png")):
        if (int(file.stem) <= 120) == (part == "calibration"):
            with Pillow.open(file) as picture:
                yield Scan(f"nerve {file.stem}", np.asarray(picture.convert("L"), np.float32) / 255, True)


def other_scans() -> Iterator[Scan]:
    """The needle frames and the tracked sweeps' frames."""
    import SimpleITK
    from PIL import Image as Pillow

    for file in sorted((REAL / "ultrasound_needle").rglob("*/image/*.png")):
        with Pillow.open(file) as picture:
            yield Scan(f"needle {file.stem[-5:]}", np.asarray(picture.convert("L"), np.float32) / 255, True)
    for name in ("BoneUltrasound_L14", "SpinePhantomFreehand"):
        path = REAL / "ultrasound_tracked" / f"TestImages_{name}.igs.mha"
        frames = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
        for n, frame in enumerate(frames):
            yield Scan(f"{name} {n}", np.asarray(frame, np.float32) / 255, True)
