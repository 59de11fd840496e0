"""How near the phantom's CT comes to real ones: HU by tissue, texture, noise, cortex.

``python benchmarks/phantom_realism.py [--seeds 3 8 14]`` reads PROCGUIDE_REAL_DATA (default ../shared/data)
and writes benchmarks/results/phantom_realism.json. Each real case is set beside phantoms scanned with its
own pixel, slice and about its noise. ``ct_thorax`` is for judging alone: nothing may be chosen by it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt, uniform_filter

from procguide.anatomy import Region
from procguide.dicom import read_study, read_volume
from procguide.geometry import Affine
from procguide.imaging import Grid, Volume
from procguide.imaging.files import read_labels
from procguide.imaging.resample import resample
from procguide.phantom import CtSettings, build, sample_parameters, simulate_ct
from procguide.phantom.ct.settings import Contrast, Kernel

ROOT = Path(__file__).resolve().parent.parent
REAL = Path(os.environ.get("PROCGUIDE_REAL_DATA", ROOT.parent / "shared" / "data"))
RESULTS = ROOT / "benchmarks" / "results" / "phantom_realism.json"


@dataclass(frozen=True)
class Sample:
    """An SPL image with masks by name, all ``(k, j, i)``."""

    hounsfield: NDArray[np.float64]
    spacing: NDArray[np.float64]
    masks: dict[str, NDArray[np.bool_]]


def upright(volume: Volume) -> Volume:
    """On its own spacing, axis-aligned SPL."""
    corners = volume.grid.corners
    low, high = corners.min(axis=0), corners.max(axis=0)
    axes = np.abs(volume.affine.directions).argmax(axis=0)
    steps = np.array([volume.spacing[list(axes).index(axis)] for axis in (2, 1, 0)])
    k, j, i = (max(1, int(n)) for n in np.round((high - low)[::-1] / steps))
    return resample(volume, Grid((k, j, i), Affine.axis_aligned(steps, low + steps[::-1] / 2)), -1000.0)


def real_lumbar() -> Sample:
    folder = REAL / "ct_lumbar_3mm"
    ct = upright(read_volume(read_study(folder / "ct.nii.gz").choose()))
    parts = resample(read_labels(folder / "labels_body_disc.nii.gz", {}), ct.grid).voxels
    return Sample(ct.voxels.astype(float), ct.spacing, {"body": parts == 1, "disc": parts == 2})


def real_thorax() -> Sample:
    """Bodies: what of T11 to L3 lies in front of the cord's level; the label map has no regions."""
    folder = REAL / "ct_thorax"
    ct = upright(read_volume(read_study(folder / "ct.nii.gz").choose()))
    labels = resample(read_labels(folder / "labels_totalseg_v2.nii.gz", {}), ct.grid).voxels
    body = np.zeros(labels.shape, dtype=bool)
    cord = labels == 79
    for k in range(labels.shape[0]):
        rows = np.flatnonzero(cord[k].any(axis=1))
        if len(rows):
            body[k, : rows[0] - 3] = np.isin(labels[k, : rows[0] - 3], range(29, 34))
    return Sample(ct.voxels.astype(float), ct.spacing, {"body": body})


def real_abdomen() -> Sample:
    """By our own segmenter."""
    from procguide.segmentation.segment import segment

    volume = read_volume(read_study(REAL / "ct_abdomen_dicom").choose())
    found = segment(volume)
    ct = upright(volume)
    regions = resample(found.regions, ct.grid).voxels
    names = {"body": Region.BODY, "disc": Region.DISC, "canal": Region.CANAL}
    return Sample(ct.voxels.astype(float), ct.spacing, {n: regions == r for n, r in names.items()})


CASES = {
    "ct_abdomen_dicom": (real_abdomen, CtSettings(0.977, 5.0, 4.25, kernel=Kernel.SOFT, noise_hu=18.0)),
    "ct_lumbar_3mm": (real_lumbar, CtSettings(3.0, 3.0, kernel=Kernel.STANDARD, noise_hu=10.0)),
    "ct_thorax": (
        real_thorax,
        CtSettings(0.703, 2.5, kernel=Kernel.STANDARD, noise_hu=14.0, contrast=Contrast.PORTAL),
    ),
}


def phantom(seed: int, settings: CtSettings) -> Sample:
    subject = build(sample_parameters(seed), 1.0, box=((-500, -500, 20), (500, 500, 230)))
    ct = simulate_ct(subject, seed, settings=settings)
    regions = resample(subject.regions, ct.grid).voxels
    names = {"body": Region.BODY, "disc": Region.DISC, "canal": Region.CANAL}
    return Sample(ct.voxels.astype(float), ct.spacing, {n: regions == r for n, r in names.items()})


def soft_masks(sample: Sample) -> dict[str, NDArray[np.bool_]]:
    """Muscle and fat by HU after smoothing, on either side alike: no labels needed."""
    width = [max(1, round(5.0 / s)) for s in sample.spacing]
    smooth = uniform_filter(sample.hounsfield, width)
    muscle, fat = (smooth > 35) & (smooth < 75), (smooth > -120) & (smooth < -85)
    near = np.zeros(smooth.shape, dtype=bool)
    rows = np.flatnonzero(sample.masks["body"].any(axis=(0, 2)))
    near[:, rows[-1] :] = True
    return {name: binary_erosion(mask & near) for name, mask in (("muscle", muscle), ("fat", fat))}


def spread(values: NDArray[np.float64]) -> dict[str, float]:
    if not len(values):
        return {}
    quantiles = np.percentile(values, (5, 25, 50, 75, 95))
    row = {f"p{p}": round(float(q), 1) for p, q in zip((5, 25, 50, 75, 95), quantiles, strict=True)}
    return row | {"mean": round(float(values.mean()), 1), "sd": round(float(values.std()), 1)}


def patches(image: NDArray[np.float64], mask: NDArray[np.bool_], size: int) -> list[NDArray[np.float64]]:
    """Squares that lie wholly within the mask, not overlapping, detrended."""
    found = []
    j, i = np.mgrid[0:size, 0:size] - (size - 1) / 2
    basis = np.column_stack([np.ones(size * size), j.ravel(), i.ravel()])
    free = mask.copy()
    for k in range(mask.shape[0]):
        for a in range(0, mask.shape[1] - size, 2):
            for b in range(0, mask.shape[2] - size, 2):
                if free[k, a : a + size, b : b + size].all():
                    free[k, a : a + size, b : b + size] = False
                    flat = image[k, a : a + size, b : b + size].ravel()
                    fit = basis @ np.linalg.lstsq(basis, flat, rcond=None)[0]
                    found.append((flat - fit).reshape(size, size))
    return found


def spectrum(found: list[NDArray[np.float64]], pixel: float) -> dict[str, Any]:
    """Radial power of the patches, its slope, mean frequency, and power across against along the body."""
    if len(found) < 3:
        return {"patches": len(found)}
    size = found[0].shape[0]
    window = np.outer(np.hanning(size + 2)[1:-1], np.hanning(size + 2)[1:-1])
    power = np.mean([np.abs(np.fft.fft2(p * window)) ** 2 for p in found], axis=0)
    power *= pixel**2 / (window**2).sum()
    fy, fx = np.meshgrid(*[np.fft.fftfreq(size, pixel)] * 2, indexing="ij")
    f = np.hypot(fy, fx)
    edges = np.arange(0.5, size / 2) / (size * pixel)
    bins = [(f >= a) & (f < b) for a, b in itertools.pairwise(edges)]
    radial, middle = np.array([power[b].mean() for b in bins]), (edges[:-1] + edges[1:]) / 2
    use = (middle > 0.06) & (middle < 0.36)
    slope = np.polyfit(np.log(middle[use]), np.log(radial[use]), 1)[0] if use.sum() > 2 else np.nan
    upright, level = np.abs(fy) > 2 * np.abs(fx), np.abs(fx) > 2 * np.abs(fy)
    return {
        "patches": len(found),
        "sd": round(float(np.mean([p.std() for p in found])), 1),
        "slope": round(float(slope), 2),
        "mean_frequency": round(float((power * f).sum() / power.sum()), 3),
        "up_over_across": round(float(power[upright].sum() / power[level].sum()), 2),
        "frequency": [round(float(m), 3) for m in middle],
        "power": [round(float(p), 1) for p in radial],
    }


def cortex_profile(sample: Sample) -> dict[str, float]:
    """Mean HU by mm from the surface of the bodies' label, negative inside."""
    mask = sample.masks["body"]
    k = np.flatnonzero(mask.any(axis=(1, 2)))
    cut = np.s_[k[0] : k[-1] + 1]
    inside = distance_transform_edt(mask[cut], sampling=sample.spacing)
    outside = distance_transform_edt(~mask[cut], sampling=sample.spacing)
    distance = np.where(mask[cut], -inside, outside)
    image = sample.hounsfield[cut]
    return {
        str(at): round(float(image[np.abs(distance - at) < 0.5].mean()), 1)
        for at in range(-8, 5)
        if (np.abs(distance - at) < 0.5).any()
    }


def figures(sample: Sample) -> dict[str, Any]:
    inside = {"body": 3.5, "disc": 3.0, "canal": 2.5}
    deep = {
        n: distance_transform_edt(np.pad(m, 1), sampling=sample.spacing)[1:-1, 1:-1, 1:-1] > inside[n]
        for n, m in sample.masks.items()
    }
    deep |= soft_masks(sample)
    row: dict[str, Any] = {"hounsfield": {n: spread(sample.hounsfield[m]) for n, m in deep.items()}}
    pixel = float(sample.spacing[1])
    if pixel < 2:
        size = round(15 / pixel)
        row["spongy"] = spectrum(patches(sample.hounsfield, deep["body"], size), pixel)
        row["muscle_noise"] = spectrum(patches(sample.hounsfield, deep["muscle"], size), pixel)
        row["fat_noise"] = spectrum(patches(sample.hounsfield, deep["fat"], size), pixel)
    return row | {"cortex_profile": cortex_profile(sample)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 8, 14])
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    asked = parser.parse_args()
    rows: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for name in asked.cases:
        load, settings = CASES[name]
        rows[name] = {"real": figures(load())}
        for seed in asked.seeds:
            rows[name][f"phantom {seed}"] = figures(phantom(seed, settings))
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
    for name, cases in rows.items():
        for case, row in cases.items():
            print(name, case, json.dumps(dict(row.items())))


if __name__ == "__main__":
    main()
