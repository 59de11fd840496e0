"""Detection of Gibbs ringing: fits the shipped weights, calibrates them, and tests them on other images.

Fine images are cut off in k-space (they ring) or spared it in the ways that scanners and anatomy know: means
over each voxel, filters (Hamming, Fermi, raised cosine), anatomy softer than the voxels, unrung. Noise of 0.5
to 4 % of the brightest tissue is added as receivers do. Fine images: :mod:`benchmarks.ringing_scenes`.

    python -m benchmarks.gibbs_detection --work FOLDER --part train calibrate test fresh

``train`` and ``calibrate`` write procguide/quality/gibbs/ringing_model.json, ``test`` writes
benchmarks/results/gibbs_detection.json; ``fresh`` adds images that were chosen before any was looked at.
Seeds: 33.. train, 34.. calibrate, 32.. test.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from benchmarks.recording import write_result
from benchmarks.ringing_scenes import JUDGED, LEVELS, ROOT, Scene, real_scenes, scenes
from procguide.quality.faults.ringing import block_means, filled, filtered, truncated
from procguide.quality.gibbs.detect import Model, evidence_by_axis, weighed
from procguide.quality.gibbs.evidence import FEATURES, Evidence
from procguide.quality.gibbs.unring import unring

MODEL = ROOT / "procguide" / "quality" / "gibbs" / "ringing_model.json"
EDGE, RIPPLE = 4.0, 0.6
"""Slope of an edge, and ringing that counts as such: per cent of the brightest tissue. Assumed."""
VISIBLE = 0.35
"""Of the noise: fainter ringing is not seen in it. Five standard deviations (Rose, J Opt Soc Am 1948;38:196)
over 200 voxels of a band along an edge (assumed)."""
STRATA = 3
PLANES = (1, 2)
RIDGE = 1e-3
UNFOLDED = (0.25, 0.67)
"""Rows of phantoms, as shares: above and below the body folds in, with borders that lie along the matrix."""
RINGING = ("ring", "ring filled")
CLEAN = ("means", "hamming", "fermi", "cosine", "soft", "unrung")
CALIBRATED = (*CLEAN, "blurred")
"""With the hardest to tell from ringing: means of what was softened first, by this share of a voxel."""
BLUR = 0.45
TESTED = (*RINGING, *CLEAN, "hamming filled", "interpolated")
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
    if what == "blurred":
        fine = ndimage.gaussian_filter(fine, (0, BLUR * factor, BLUR * factor))
    if what in ("means", "blurred"):
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


def seen(rows: list[Row], *, in_noise: bool = True) -> list[Row]:
    """Without those that were cut but hardly ring: they are neither found nor missed, nor clean.

    ``in_noise``: nor those whose ringing noise hides.
    """
    share = VISIBLE if in_noise else 0.0
    return [row for row in rows if not row.rings or row.ripple >= max(RIPPLE, share * row.noise)]


def bright(fine: Array) -> Array:
    return fine * (100.0 / np.percentile(fine, 98))


def rows_of(scenes: Iterable[Scene], work: Path, kinds: tuple[str, ...]) -> list[Row]:
    """Rows of all scenes; what was worked out before is read from ``work``."""
    rows: list[Row] = []
    for scene in scenes:
        kept = work / f"rows {scene.name}.json"
        if not kept.exists():
            fine = bright(scene.make())
            some = [
                row_of(scene.name, fine, kind, *case, scene.seed) for case in scene.cases for kind in kinds
            ]
            kept.write_text(json.dumps([asdict(row) for row in some]))
        rows += [Row(**row) for row in json.loads(kept.read_text())]
    return rows


QUESTIONS = {
    "detail": (("finest", "residual"), ("soft", "hamming", "fermi", "cosine")),
    "grid": (("grid_at_edges", "grid_beside", "swing"), ("means", "unrung")),
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
    """The document with the scores of images that do not ring, in strata of as many of like noise."""
    model = Model.of(document | {"noise_percent": [], "clean_scores": [[]]})
    clean = [one for row in rows if not row.rings and np.isfinite((one := scored(row, model))[0])]
    shares = np.arange(1, STRATA) / STRATA
    edges = [round(float(edge), 1) for edge in np.quantile([noise for _, noise in clean], shares)]
    strata: list[list[float]] = [[] for _ in range(STRATA)]
    for score, noise in clean:
        strata[int(np.searchsorted(edges, noise))].append(round(score, 3))
    return document | {"noise_percent": edges, "clean_scores": [sorted(scores) for scores in strata]}


def auc(high: list[float], low: list[float]) -> float | None:
    """None where there is nothing to be told apart."""
    if not high or not low:
        return None
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
    for n in range(STRATA):
        table[f"stratum_{n}"] = {
            "false_alarms": rate(lambda r, noise, n=n: not r.rings and stratum(noise) == n),
            "found": rate(lambda r, noise, n=n: r.rings and stratum(noise) == n),
        }
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--part", nargs="+", choices=("train", "calibrate", "test", "fresh"))
    options = parser.parse_args()
    work, parts = options.work, options.part
    work.mkdir(parents=True, exist_ok=True)
    if "train" in parts:
        document = fit(seen(rows_of(scenes("train", work), work, ("ring", *CLEAN))))
        MODEL.write_text(json.dumps({"features": FEATURES} | document) + "\n")
    if "calibrate" in parts:
        document = calibrated(
            rows_of(scenes("calibrate", work), work, CALIBRATED), json.loads(MODEL.read_text())
        )
        MODEL.write_text(json.dumps({"made_by": "python -m benchmarks.gibbs_detection"} | document) + "\n")
    judged = [part for part in JUDGED if part in parts]
    if judged:
        load = os.getloadavg()[0]
        write_result("gibbs_detection", {part: told(part, work) for part in judged}, load)


def told(part: str, work: Path) -> dict[str, Any]:
    """Figures of a set that nothing was settled on: of all, and of each source of images."""
    model = Model.of(json.loads(MODEL.read_text()))
    rows = rows_of((*real_scenes(part), *scenes(part, work)), work, TESTED)
    result = {"all": figures(seen(rows), model)}
    for name in ("real", "ct", "bodies", "phantom"):
        result[name] = figures(seen([row for row in rows if row.source.startswith(name)]), model)
    return result | {"all, however faint in the noise": figures(seen(rows, in_noise=False), model)}


if __name__ == "__main__":
    main()
