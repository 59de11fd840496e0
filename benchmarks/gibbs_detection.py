"""Detection of Gibbs ringing: fits the shipped weights, calibrates them, and tests them on other images.

Fine images are cut off in k-space (they ring) or spared it in the ways that scanners and anatomy know: means
over each voxel, filters (Hamming, Fermi, raised cosine), anatomy softer than the voxels, unrung. Noise of 0.5
to 4 % of the brightest tissue is added as receivers do. Fine images are drawn bodies (``soft_bodies``),
phantoms (0.47 mm, no filter, no noise) and, for the test alone, real ones: halving them cuts away what rings
at their own matrix.

    python -m benchmarks.gibbs_detection --work FOLDER --part phantoms train calibrate test real

``train`` and ``calibrate`` write procguide/quality/gibbs/ringing_model.json, ``test`` and ``real`` write
benchmarks/results/gibbs_detection.json. Seeds: 33.. train, 34.. calibrate, 32.. test.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from benchmarks.recording import write_result
from procguide.quality.faults.ringing import block_means, filled, filtered, soft_bodies, truncated
from procguide.quality.gibbs.detect import Model, evidence_by_axis, weighed
from procguide.quality.gibbs.evidence import FEATURES, Evidence
from procguide.quality.gibbs.unring import unring

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "procguide" / "quality" / "gibbs" / "ringing_model.json"
REAL = Path(os.environ.get("PROCGUIDE_REAL_DATA", ROOT.parent / "shared" / "data"))
FIRST = {"train": 3300, "calibrate": 3400, "test": 3200}
BODIES = {"train": 24, "calibrate": 76, "test": 10}
LEVELS = (0.5, 1.5, 4.0)
EDGE, RIPPLE = 4.0, 0.6
"""Slope of an edge, and ringing that counts as such: per cent of the brightest tissue. Assumed."""
STRATA = (1.7, 3.0)
PLANES = (1, 2)
RIDGE = 1e-3
UNFOLDED = (0.25, 0.67)
"""Rows of phantoms, as shares: above and below the body folds in, with borders that lie along the matrix."""
RINGING = ("ring", "ring filled")
CLEAN = ("means", "hamming", "fermi", "cosine", "soft", "unrung")
TESTED = (*RINGING, *CLEAN, "hamming filled", "interpolated")
REAL_IMAGES = {
    "cervical t2*": "mri_cervical/t2s_t2s_uncropped.nii.gz",
    **{
        name: f"mri_lumbar/{name}_image.nii.gz"
        for name in ("VB1_02", "VB2_04", "VB3_01", "VB3_20", "IVD_11", "IVD_20")
    },
}
"""VB1_15 is left out: its rows are repeated (interpolated to the nearest), and its brightest are clipped."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One image: where it came from, what was done, and the evidence (values, noise in %) of each axis.

    ``ripple`` is how strong the ringing is that the cut makes of it, in per cent of the brightest tissue.
    """

    source: str
    kind: str
    factor: int
    noise: float
    ripple: float
    evidence: tuple[tuple[tuple[float, ...], float] | None, ...]

    @property
    def rings(self) -> bool:
        """Whether k-space was cut off and nothing done about it."""
        return self.kind in RINGING


def windows(rng: np.random.Generator) -> dict[str, Callable[[Array], Array]]:
    """What scanners multiply k-space with, of the absolute frequency in cycles a voxel."""
    end, width = rng.uniform(0.32, 0.38), rng.uniform(0.02, 0.04)
    start = rng.uniform(0.1, 0.3)
    return {
        "hamming": lambda f: 0.54 + 0.46 * np.cos(2 * np.pi * f),
        "fermi": lambda f: 1 / (1 + np.exp((f - end) / width)),
        "cosine": lambda f: 0.5 + 0.5 * np.cos(np.pi * np.clip((f - start) / (0.5 - start), 0, 1)),
    }


def image_of(fine: Array, kind: str, factor: int, noise: float, rng: np.random.Generator) -> Array:
    """Magnitude planes of ``fine`` (brightest about 100) on a matrix ``factor`` times coarser."""
    shape = tuple(n // factor for n in fine.shape[1:])
    fine = fine[:, : shape[0] * factor, : shape[1] * factor]
    receiver = noise * (rng.normal(size=(2, len(fine), *shape)) * np.array([1, 1j])[:, None, None, None]).sum(
        0
    )
    what, _, shown = kind.partition(" ")
    if what == "means":
        return np.abs(block_means(fine, factor) + receiver)
    if what == "soft":
        fine = ndimage.gaussian_filter(fine, (0, factor, factor))
    image = truncated(fine, shape, PLANES) + receiver
    if what in ("hamming", "fermi", "cosine"):
        image = filtered(image, PLANES, windows(rng)[what])
    if shown == "filled":
        return np.abs(filled(image, [3 * n // 2 for n in shape], PLANES))
    if what == "interpolated":
        return ndimage.zoom(np.abs(image), (1, 1.5, 1.5), order=3)
    return unring(np.abs(image), PLANES) if what == "unrung" else np.abs(image)


def ripple_of(fine: Array, factor: int) -> float:
    """What the cut adds 2 to 6 voxels from edges, without noise: root mean square."""
    shape = tuple(n // factor for n in fine.shape[1:])
    whole = fine[:, : shape[0] * factor, : shape[1] * factor]
    means = block_means(whole, factor)
    added = truncated(whole, shape, PLANES) - means
    slope = np.hypot(*np.gradient(means, axis=PLANES))
    away = np.stack([ndimage.distance_transform_edt(plane <= EDGE) for plane in slope])
    band = (away >= 2) & (away <= 6) & (means > 20)
    return float(np.sqrt(np.mean(added[band] ** 2))) if band.any() else 0.0


def row_of(source: str, fine: Array, kind: str, factor: int, noise: float, seed: int) -> Row:
    image = image_of(fine, kind, factor, noise, np.random.default_rng([seed, round(10 * noise), factor]))
    if source.startswith("phantom"):
        rows = image.shape[1]
        image = image[:, round(UNFOLDED[0] * rows) : round(UNFOLDED[1] * rows)]
    found = [e for _, e in evidence_by_axis(image)]
    kept = tuple(None if e is None else (e.values, e.noise_percent) for e in found)
    return Row(source, kind, factor, noise, ripple_of(fine, factor) if kind in RINGING else 0.0, kept)


def seen(rows: list[Row]) -> list[Row]:
    """Without those that were cut but hardly ring: they are neither found nor missed, nor clean."""
    return [row for row in rows if not row.rings or row.ripple >= RIPPLE]


def bright(fine: Array) -> Array:
    return fine * (100.0 / np.percentile(fine, 98))


def stored(file: Path) -> Array:
    return np.asarray(np.load(file)["v"], dtype=np.float64)


def fine_images(
    part: str, work: Path
) -> Iterator[tuple[str, Callable[[], Array], int, list[tuple[int, float]]]]:
    """Name, what makes the fine planes, seed, and which factors and noise levels."""
    for n in range(BODIES[part]):
        seed = 10 * FIRST[part] + n
        rng = np.random.default_rng(seed)
        case = (int(rng.integers(3, 6)), float(np.exp(rng.uniform(np.log(0.3), np.log(6.0)))))
        cases = [(int(rng.integers(3, 6)), level) for level in LEVELS] if part == "test" else [case]
        yield f"bodies {seed}", partial(soft_bodies, seed, 480, 4), seed, cases
    for file in sorted(work.glob(f"{FIRST[part] // 100}??.npz")):
        cases = [(3 + (int(file.stem) + n) % 2, level) for n, level in enumerate(LEVELS)]
        if part == "calibrate":  # few subjects: each at more matrices and noise levels
            cases = [(factor, level) for factor in (3, 4) for level in (0.5, 1.0, 1.5, 2.5, 4.0, 5.5)]
        yield f"phantom {file.stem}", partial(stored, file), int(file.stem), cases


def rows_of(part: str, work: Path, kinds: tuple[str, ...]) -> list[Row]:
    """All rows of a part; what was worked out before is read from ``work``."""
    rows: list[Row] = []
    for name, make, seed, cases in fine_images(part, work):
        kept = work / f"rows {name}.json"
        if kept.exists():
            rows += [Row(**row) for row in json.loads(kept.read_text())]
            continue
        fine = bright(make())
        some = [row_of(name, fine, kind, *case, seed) for case in cases for kind in kinds]
        kept.write_text(json.dumps([asdict(row) for row in some]))
        rows += some
    return rows


def real_rows(work: Path) -> list[Row]:
    """Six slices of each real image, halved."""
    import nibabel as nib

    rows: list[Row] = []
    for number, (name, path) in enumerate(REAL_IMAGES.items()):
        kept = work / f"rows real {name.replace('*', '')}.json"
        if not kept.exists():
            stack = np.moveaxis(np.asarray(nib.load(REAL / path).dataobj, dtype=np.float64), 2, 0)
            slices = np.linspace(0.3 * len(stack), 0.7 * len(stack), 6).astype(int)
            fine = bright(stack[slices])
            some = [row_of(name, fine, kind, 2, level, number) for level in LEVELS for kind in TESTED]
            kept.write_text(json.dumps([asdict(row) for row in some]))
        rows += [Row(**row) for row in json.loads(kept.read_text())]
    return rows


def phantoms(work: Path, count: int) -> None:
    """Fine phantom MR of every set: 6 slices of 640 x 640 at about 0.47 mm."""
    from procguide.phantom import build, mri, sample_parameters

    kinds = (
        (mri.T2_TSE, mri.sagittal), (mri.T1_TSE, mri.sagittal), (mri.T2_TSE_AXIAL, mri.axial_block),
        (mri.STIR, mri.sagittal), (mri.DIXON_WATER, mri.sagittal),
    )  # fmt: skip
    for first in FIRST.values():
        for seed in range(first, first + count):
            if (work / f"{seed}.npz").exists():
                continue
            phantom = build(sample_parameters(seed), 1.5)
            sequence, plane = kinds[(seed + (2 if first == FIRST["test"] else 0)) % len(kinds)]
            fine = replace(
                plane(phantom.spine), acquired=(640, 640), reconstructed=(640, 640), slices=6,
                gap=4.0 if plane is mri.sagittal else 20.0, oversampling=0.0,
            )  # fmt: skip
            settings = mri.MriSettings(
                noise=0.0, elements=1 if seed % 2 else 4, raised_cosine=0.0,
                faults=mri.MriFaults(flow_void=0.12),
            )  # fmt: skip
            volume = mri.simulate_mri(phantom, sequence, fine, seed, settings=settings)
            np.savez_compressed(work / f"{seed}.npz", v=volume.voxels)


QUESTIONS = {
    "detail": (("finest", "residual"), ("soft", "hamming", "fermi", "cosine")),
    "grid": (("grid_at_edges", "grid_beside"), ("means", "unrung")),
}
"""By which features images that ring are told from which others."""


def fit(rows: list[Row]) -> dict[str, Any]:
    """Logistic regressions, an axis each; ringing weighs as much as what it is told from."""
    return {"questions": {name: answered(rows, *question) for name, question in QUESTIONS.items()}}


def answered(rows: list[Row], names: tuple[str, ...], kinds: tuple[str, ...]) -> list[float]:
    """Weights of all features (0 for those not named) and the constant."""
    table = [(e[0], r.rings) for r in rows if r.rings or r.kind in kinds for e in r.evidence if e is not None]
    features, rings = np.array([values for values, _ in table]), np.array([ring for _, ring in table])
    columns = [FEATURES.index(name) for name in names]
    design = np.column_stack([features[:, columns], np.ones(len(rings))])
    weight = np.where(rings, 0.5 / rings.mean(), 0.5 / (~rings).mean())
    sign = np.where(rings, 1.0, -1.0)

    def loss(beta: Array) -> float:
        return float(
            (weight * np.logaddexp(0, -sign * (design @ beta))).mean() + RIDGE * (beta[:-1] ** 2).sum()
        )

    beta = optimize.minimize(loss, np.zeros(design.shape[1])).x
    full = np.zeros(len(FEATURES) + 1)
    full[[*columns, -1]] = beta
    return [round(float(value), 4) for value in full]


def scored(row: Row, model: Model) -> tuple[float, float]:
    """Score and noise (per cent) of the worse axis; minus infinity where none was judged."""
    judged = [
        (weighed(Evidence(tuple(e[0]), 0.0, 0.0, 0), model), e[1]) for e in row.evidence if e is not None
    ]
    return max(judged, default=(-np.inf, 0.0))


def calibrated(rows: list[Row], document: dict[str, Any]) -> dict[str, Any]:
    """The document with the scores of images that do not ring, by noise stratum."""
    empty = {"noise_percent": list(STRATA), "clean_scores": [[] for _ in range(len(STRATA) + 1)]}
    model = Model.of(document | empty)
    for row in rows:
        score, noise = scored(row, model)
        if not row.rings and np.isfinite(score):
            empty["clean_scores"][model.stratum(noise)].append(round(score, 3))
    return document | empty | {"clean_scores": [sorted(scores) for scores in empty["clean_scores"]]}


def auc(high: list[float], low: list[float]) -> float:
    a, b = np.array(high)[:, None], np.array(low)[None]
    return round(float((a > b).mean() + 0.5 * (a == b).mean()), 4)


def figures(rows: list[Row], model: Model) -> dict[str, Any]:
    """AUC pooled and by noise, false alarms by kind and by noise, sensitivity, at a chance of 0.05."""
    found = [(row, *scored(row, model)) for row in rows]
    alarm = [np.isfinite(s) and model.chance(s, noise) <= 0.05 for _, s, noise in found]

    def rate(where: Callable[[Row, float], bool]) -> str:
        hits = [a for (row, _, noise), a in zip(found, alarm, strict=True) if where(row, noise)]
        return f"{sum(hits)} of {len(hits)}"

    def stratum(noise: float) -> int:
        return model.stratum(noise) if noise > 0 else -1  # not judged: no stratum

    def scores(where: Callable[[Row], bool]) -> list[float]:
        return [s for row, s, _ in found if where(row)]

    table: dict[str, Any] = {
        "images": len(rows),
        "auc": auc(scores(lambda r: r.rings), scores(lambda r: not r.rings)),
        "auc_against": {
            kind: auc(scores(lambda r: r.rings), scores(lambda r, k=kind: r.kind == k))
            for kind in sorted({row.kind for row in rows if not row.rings})
        },
        "alarms": {kind: rate(lambda r, _, k=kind: r.kind == k) for kind in sorted({r.kind for r in rows})},
    }
    for level in LEVELS:
        table[f"noise_{level:g}_percent"] = {
            "auc": auc(
                scores(lambda r, z=level: r.rings and r.noise == z),
                scores(lambda r, z=level: not r.rings and r.noise == z),
            ),
            "false_alarms": rate(lambda r, _, z=level: not r.rings and r.noise == z),
            "found": rate(lambda r, _, z=level: r.rings and r.noise == z),
        }
    for n in range(len(STRATA) + 1):
        table[f"stratum_{n}"] = {
            "false_alarms": rate(lambda r, noise, n=n: not r.rings and stratum(noise) == n),
            "found": rate(lambda r, noise, n=n: r.rings and stratum(noise) == n),
        }
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--part", nargs="+", choices=("phantoms", "train", "calibrate", "test", "real"))
    parser.add_argument("--phantoms", type=int, default=6)
    options = parser.parse_args()
    work, parts = options.work, options.part
    work.mkdir(parents=True, exist_ok=True)
    if "phantoms" in parts:
        phantoms(work, options.phantoms)
    if "train" in parts:
        document = fit(seen(rows_of("train", work, ("ring", *CLEAN))))
        MODEL.write_text(json.dumps({"features": FEATURES} | document) + "\n")
    if "calibrate" in parts:
        document = calibrated(rows_of("calibrate", work, CLEAN), json.loads(MODEL.read_text()))
        MODEL.write_text(json.dumps({"made_by": "python -m benchmarks.gibbs_detection"} | document) + "\n")
    model = Model.of(json.loads(MODEL.read_text())) if MODEL.exists() else None
    result: dict[str, Any] = {}
    if "test" in parts and model is not None:
        rows = seen(rows_of("test", work, TESTED))
        for name in ("bodies", "phantom"):
            result[name] = figures([row for row in rows if row.source.startswith(name)], model)
        if "real" in parts:
            result["all"] = figures(rows + seen(real_rows(work)), model)
    if "real" in parts and model is not None:
        result["real"] = figures(seen(real_rows(work)), model)
    if result:
        write_result("gibbs_detection", result, os.getloadavg()[0])


if __name__ == "__main__":
    main()
