"""Gibbs correction against the truth, against MRtrix3's mrdegibbs and dipy, and how long it takes.

``python -m benchmarks.gibbs`` needs Debian's mrtrix3; dipy is measured where it is installed. Images of
bodies whose Fourier transform is known exactly are made at 256 x 256 with noise of 0, 1 and 2 % of the body's
value, and corrected by each; the error is against the mean over each voxel. "Band" is 2 to 6 voxels from an
edge, where ringing is seen. Speed is on 256 x 256 x 30, the same threads, in one run; mrdegibbs reads and
writes a file, as its users do. Writes benchmarks/results/gibbs.json.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.recording import write_result
from procguide.quality.faults.ringing import filtered, measured, random_ellipsoids, true_means
from procguide.quality.gibbs.unring import unring

ROOT = Path(__file__).resolve().parent.parent
REAL = Path(os.environ.get("PROCGUIDE_REAL_DATA", ROOT.parent / "shared" / "data"))
NOISE = (0.0, 1.0, 2.0)
PLANES = (1, 2)

Array = NDArray[np.float64]
Method = Callable[[Array, int], Array]


def procguide(image: Array, threads: int) -> Array:
    return unring(image, PLANES, threads=threads)


def mrdegibbs(image: Array, threads: int) -> Array:
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "in.nii", Path(folder) / "out.nii"
        nib.save(nib.Nifti1Image(image.T.astype(np.float32), np.eye(4)), before)
        command = ["mrdegibbs", before, after, "-quiet", "-nthreads", str(threads)]
        subprocess.run(command, check=True)
        return np.asarray(nib.load(after).dataobj, dtype=np.float64).T


def dipy(image: Array, threads: int) -> Array:
    from dipy.denoise.gibbs import gibbs_removal

    return np.asarray(gibbs_removal(image.T.copy(), slice_axis=2, num_processes=threads)).T


def hamming(image: Array, _threads: int) -> Array:
    return filtered(image, PLANES, lambda f: 0.54 + 0.46 * np.cos(2 * np.pi * f)).real


def methods() -> dict[str, Method]:
    found: dict[str, Method] = {"procguide": procguide, "hamming": hamming}
    if shutil.which("mrdegibbs"):
        found["mrdegibbs"] = mrdegibbs
    if importlib.util.find_spec("dipy"):
        found["dipy"] = dipy
    return found


def band_of(truth: Array) -> NDArray[np.bool_]:
    """Voxels 2 to 6 from where the truth steps by 5 or more; all but the last axes are planes."""
    step = np.zeros(truth.shape, dtype=bool)
    for axis in range(truth.ndim):
        jump = np.abs(np.diff(truth, axis=axis)) >= 5.0
        low, high = [slice(None)] * truth.ndim, [slice(None)] * truth.ndim
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        step[tuple(low)] |= jump
        step[tuple(high)] |= jump
    away = ndimage.distance_transform_edt(~step)
    return (away >= 2) & (away <= 6)


def rmse(image: Array, truth: Array, where: NDArray[np.bool_]) -> float:
    return float(np.sqrt(np.mean((image - truth)[where] ** 2)))


def against_truth(subjects: int) -> dict[str, Any]:
    """Per noise level and method: how much of the error is gone, per cent, in the band and in all."""
    shape = (256, 256)
    bodies = [random_ellipsoids(shape, seed) for seed in range(subjects)]
    truth = np.stack([true_means(b, shape) for b in bodies])
    clean = np.stack([measured(b, shape) for b in bodies])
    band = np.stack([band_of(t) for t in truth])
    everywhere = np.ones_like(band)
    rng = np.random.default_rng(7)
    table: dict[str, Any] = {}
    for noise in NOISE:
        image = clean + rng.normal(0.0, noise, clean.shape) if noise else clean
        rows = {}
        for name, method in methods().items():
            done = method(image, 2)
            rows[name] = {
                f"{place}_error_gone_percent": round(
                    100 * (1 - rmse(done, truth, where) / rmse(image, truth, where)), 1
                )
                for place, where in (("band", band), ("whole", everywhere))
            }
        table[f"noise_{noise:g}_percent"] = rows
    return table


def in_three_dimensions(subjects: int) -> dict[str, Any]:
    """Error left of images that ring along all axes: unrung at once, and plane by plane one after another."""
    shape = (96, 96, 96)
    rows = []
    for seed in range(subjects):
        bodies = random_ellipsoids(shape, 100 + seed)
        truth, image = true_means(bodies, shape, fine=4), measured(bodies, shape)
        band, whole = band_of(truth), np.ones(shape, dtype=bool)
        done = {
            "none": image,
            "two_dimensions": unring(image, (1, 2), threads=2),
            "sequential": unring(unring(image, (1, 2), threads=2), (0, 1), threads=2),
            "three_dimensions": unring(image, (0, 1, 2), threads=2),
        }
        rows.append({n: [rmse(d, truth, band), rmse(d, truth, whole)] for n, d in done.items()})
    return {
        name: {
            "band_rmse": round(float(np.mean([row[name][0] for row in rows])), 3),
            "whole_rmse": round(float(np.mean([row[name][1] for row in rows])), 3),
        }
        for name in rows[0]
    }


def against_reference() -> dict[str, float] | str:
    """MRtrix3's own test image and the output it holds its program to, with a tolerance of 0.2."""
    folder = REAL / "gibbs"
    if not folder.is_dir():
        return "absent"
    image = np.asarray(nib.load(folder / "b0.nii.gz").dataobj, dtype=np.float64).T
    reference = np.asarray(nib.load(folder / "mrdegibbs_b0_unring.nii.gz").dataobj, dtype=np.float64).T
    off = np.abs(unring(image, PLANES) - reference)
    return {
        "largest_difference": round(float(off.max()), 4),
        "above_0.2": int((off > 0.2).sum()),
        "voxels": int(off.size),
        "mean_correction": round(float(np.abs(reference - image).mean()), 2),
    }


def speed(repeats: int) -> dict[str, Any]:
    shape = (256, 256)
    image = np.stack([measured(random_ellipsoids(shape, seed), shape) for seed in range(30)])
    image += np.random.default_rng(3).normal(0.0, 1.0, image.shape)
    found = {name: method for name, method in methods().items() if name != "hamming"}
    procguide(image[:1], 1)
    table: dict[str, Any] = {}
    for threads in (1, 2):
        seconds: dict[str, list[float]] = {name: [] for name in found}
        for _ in range(repeats):
            for name, method in found.items():
                started = time.perf_counter()
                method(image, threads)
                seconds[name].append(time.perf_counter() - started)
        best = {name: round(min(times), 3) for name, times in seconds.items()}
        ratios = {
            f"over_{name}": round(best["procguide"] / best[name], 2) for name in best if name != "procguide"
        }
        table[f"{threads}_threads"] = {"seconds": best} | ratios
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    figures = {
        "speed_256x256x30": speed(arguments.repeats),
        "known_truth": against_truth(arguments.subjects),
        "three_dimensions": in_three_dimensions(3),
        "reference": against_reference(),
    }
    write_result("gibbs", figures, load)


if __name__ == "__main__":
    main()
