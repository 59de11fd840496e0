"""How well the 2D checks tell faults of X-ray and ultrasound pictures, and how often they cry wolf.

``python benchmarks/quality_projection.py [--part calibration|test] [--only xray|ultrasound]``, or
``--real``: what is found on each real picture as it is. Each fault is put on clean pictures at three
strengths, the middle one what a reader would call unfit (:data:`XRAY` and :data:`ULTRASOUND`, judged on
strips drawn by ``--draw FOLDER``). Limits in the checks were set on the part ``calibration``; the figures
that count are those of ``test``, whose pictures are others. Writes benchmarks/results/quality_2d_PART.json.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import quality_images as images
from recording import RESULTS, write_result

from procguide.imaging import Cine, Frame, View
from procguide.quality import Check, Examined, Kind, Worse
from procguide.quality.assess import assess_quality, checks_for
from procguide.quality.faults import projection, ultrasound
from procguide.quality.sector import sector_of

XRAY = {
    "burnt out": (projection.over_exposed, 0.3),
    "under-penetrated": (projection.under_penetrated, 0.6),
    "dark": (projection.under_exposed, 0.8),
    "contrast": (projection.over_penetrated, 0.8),
    "field size": (projection.collimated, 0.9),
    "field off centre": (projection.off_centre, 0.8),
    "noise": (projection.noisy, 0.9),
    "motion blur": (projection.moved, 0.5),
    "metal": (projection.with_metal, 0.4),
}
ULTRASOUND = {
    "contact": (ultrasound.contact_lost, 0.4),
    "gain too low": (ultrasound.gain_low, 0.8),
    "gain too high": (ultrasound.gain_high, 0.7),
    "empty depth": (ultrasound.too_deep, 0.7),
    "shadow": (ultrasound.shadowed, 0.7),
    "focus": (ultrasound.defocused, 0.5),
    "writing": (ultrasound.written_on, 0.2),
    "needle in plane": (ultrasound.needle_lost, 0.9),
}
"""Fault of each check, and the strength from which a reader would call the picture unfit."""


BEARERS = {
    "gain too high": ("SpinePhantomFreehand",),
    "empty depth": (
        "SpinePhantomFreehand",
        *(f"nerve {n:04d}" for n in (108, 162, 188, 196, 205, 220, 234)),
    ),
    "shadow": ("SpinePhantomFreehand",),
    "focus": ("needle",),
    "burnt out": ("c_arm_rf",),
    "contact": tuple(f"nerve {n:04d}" for n in (70, 79, 81, 123, 126, 197, 218, 241)),
}
"""Real pictures that were looked at and bear the fault as they are: no clean references for it."""


def _grey(brightness: images.Image) -> np.ndarray:
    return np.rint(np.clip(brightness, 0, 1) * 255).astype(np.uint8)


def examined_xray(xray: images.XRay, brightness: images.Image) -> Examined:
    """As a viewer shows it: radiographs with white bones."""
    kind = Kind.RADIOGRAPH if xray.name.startswith("Xray") else Kind.FLUOROSCOPY
    shown = 1 - brightness if kind is Kind.RADIOGRAPH else brightness
    return Examined(kind, frame=Frame(_grey(shown), View("DX" if kind is Kind.RADIOGRAPH else "RF")))


def examined_scan(brightness: images.Image, task: str = "") -> Examined:
    return Examined(Kind.ULTRASOUND, frame=Frame(_grey(brightness), View("US")), task=task)


def xrays(part: str) -> Iterator[images.XRay]:
    if part == "calibration":
        yield from images.phantom_xrays(images.CALIBRATION)
    else:
        yield from chain(images.phantom_xrays(images.TEST), images.ct_xrays(), images.real_xrays())


def scans(part: str) -> Iterator[images.Scan]:
    seeds = images.CALIBRATION[:3] if part == "calibration" else images.FRESH
    yield from chain(images.phantom_scans(seeds, 6), images.nerve_scans(part))
    if part == "test":
        yield from images.other_scans()


def score_of(check: Check, examined: Examined) -> float:
    score = check.measure(examined)
    return float("nan") if score is None else score.value


def strengths(unfit: float) -> tuple[float, float, float]:
    return (unfit / 2, unfit, min(1.0, unfit * 1.4))


def _sharp(xray: images.XRay) -> bool:
    """Turned lattices and thick slices are blurred by how they were made."""
    return xray.name.startswith(("Xray", "c_arm")) or (not xray.real and xray.name.endswith("view 0"))


def measured_xrays(part: str) -> dict[str, list[dict[str, Any]]]:
    rows = defaultdict(list)
    for n, xray in enumerate(xrays(part)):
        clean = examined_xray(xray, xray.brightness)
        for check in checks_for(clean.kind):
            if check.name not in XRAY:
                continue
            if check.name == "motion blur" and not _sharp(xray):
                continue
            fault, unfit = XRAY[check.name]
            row = {"name": xray.name, "real": xray.real, "clean": score_of(check, clean)}
            row["faulty"] = [
                score_of(check, examined_xray(xray, fault(xray.brightness, strength, 17 * n + 1)))
                for strength in strengths(unfit)
            ]
            rows[check.name].append(row)
    return rows


def measured_scans(part: str) -> dict[str, list[dict[str, Any]]]:
    rows = defaultdict(list)
    for n, scan in enumerate(scans(part)):
        clean = examined_scan(scan.brightness)
        sector = sector_of(clean.frame)
        where = (slice(sector.box[0], sector.box[2]), slice(sector.box[1], sector.box[3]))
        for check in checks_for(Kind.ULTRASOUND):
            if check.name not in ULTRASOUND:
                continue
            fault, unfit = ULTRASOUND[check.name]
            task = "needle" if "task" in check.needs else ""
            plain = scan.brightness
            if check.name == "needle in plane" and not scan.name.startswith("needle"):
                plain = fault(plain, where, 0.0, 17 * n + 1)
            row = {"name": scan.name, "real": scan.real, "clean": score_of(check, examined_scan(plain, task))}
            if not (check.name == "needle in plane" and scan.name.startswith("needle")):
                row["faulty"] = [
                    score_of(check, examined_scan(fault(scan.brightness, where, strength, 17 * n + 1), task))
                    for strength in strengths(unfit)
                ]
            rows[check.name].append(row)
    return rows


def measured_lag(part: str) -> list[dict[str, Any]]:
    """Runs of eight frames of a phantom's picture that drifts, with noise, with and without lag."""
    rows = []
    for n, xray in enumerate(
        images.phantom_xrays(images.CALIBRATION if part == "calibration" else images.TEST)
    ):
        base = xray.brightness[256:768, 256:768]
        run = np.stack(
            [projection.with_noise(np.roll(base, (n % 3) * t, axis=1), 400.0, 100 * n + t) for t in range(8)]
        )
        found = [
            score_of(
                LAG, Examined(Kind.FLUOROSCOPY, cine=Cine(_grey(projection.lagging(run, s)), (View("RF"),)))
            )
            for s in (0.0, *strengths(0.8))
        ]
        rows.append({"name": xray.name, "real": False, "clean": found[0], "faulty": found[1:]})
    return rows


def measured_markers(part: str) -> dict[str, str]:
    """Radiographs of phantoms with a side marker, with one turned over, and without: how often it is told."""
    told = {"read": 0, "turned_over": 0, "absent": 0}
    pictures = images.phantom_xrays(images.CALIBRATION if part == "calibration" else images.TEST)
    count = 0
    for count, xray in enumerate(pictures, 1):
        plain, letter = xray.brightness, "LR"[count % 2]
        for name, wanted, shown in (
            ("read", 1, projection.with_marker(plain, letter, count)),
            ("turned_over", -1, projection.with_marker(plain, letter, count, mirrored=True)),
            ("absent", 0, plain),
        ):
            examined = Examined(Kind.RADIOGRAPH, frame=Frame(_grey(1 - shown), View("DX")))
            told[name] += score_of(MARKER, examined) == wanted
    return {name: f"{right} of {count}" for name, right in told.items()}


MARKER = next(check for check in checks_for(Kind.RADIOGRAPH) if check.name == "side marker")
LAG = next(check for check in checks_for(Kind.FLUOROSCOPY) if check.name == "lag")


def area_under(clean: np.ndarray, faulty: np.ndarray) -> float:
    """Chance that a faulty picture scores worse than a clean one; equal scores count half."""
    less = (clean[:, None] < faulty[None]).mean()
    return float(less + (clean[:, None] == faulty[None]).mean() / 2)


def figures(check: Check, rows: Iterable[Mapping[str, Any]], unfit: float) -> dict[str, Any]:
    sign = 1 if check.limits.worse is Worse.ABOVE else -1
    bear = BEARERS.get(check.name, ())
    judged = [row for row in rows if np.isfinite(row["clean"])]
    bearers = [
        sign * row["clean"] > sign * check.limits.caution for row in judged if row["name"].startswith(bear)
    ]
    rows = [row for row in judged if not row["name"].startswith(bear)]
    clean = np.array([row["clean"] for row in rows])
    faulty = np.array([row["faulty"] for row in rows if "faulty" in row])
    alarms = [row["name"] for row in rows if sign * row["clean"] > sign * check.limits.caution]
    real = [row for row in rows if row["real"]]
    seen = [column[np.isfinite(column)] for column in faulty.T]
    return {
        "limit": check.limits.caution,
        "unit": check.unit,
        "pictures": len(rows),
        "strengths": [round(s, 3) for s in strengths(unfit)],
        "auc": [round(area_under(sign * clean, sign * column), 4) for column in seen],
        "found": [round(float((sign * column > sign * check.limits.caution).mean()), 3) for column in seen],
        "clean_percentiles_1_50_99": np.percentile(clean, (1, 50, 99)).round(2).tolist(),
        "faulty_median": [round(float(np.median(column)), 2) for column in seen],
        "alarms_made": f"{len(alarms) - _among(real, alarms)} of {len(rows) - len(real)}",
        "alarms_real": f"{_among(real, alarms)} of {len(real)}",
        "alarms": alarms,
        "bearers_found": f"{sum(bearers)} of {len(bearers)}",
    }


def _among(rows: Iterable[Mapping[str, Any]], names: list[str]) -> int:
    return sum(row["name"] in names for row in rows)


def draw(folder: Path) -> None:
    """Strips of each fault at its three strengths, to judge what is unfit."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    xray = next(iter(images.phantom_xrays(images.CALIBRATION[:1])))
    real = list(images.real_xrays())[1]
    for name, (fault, unfit) in XRAY.items():
        strip = [
            _grey(p.brightness if s == 0 else fault(p.brightness, s, 3))[:1000:2, :760:2]
            for p in (xray, real)
            for s in (0, *strengths(unfit))
        ]
        Image.fromarray(np.hstack(strip)).save(folder / f"xray {name}.png")
    nerve = list(images.nerve_scans("calibration"))[20:60:20]
    for name, (fault, unfit) in ULTRASOUND.items():
        strip = []
        for scan in nerve:
            top, left, bottom, right = sector_of(examined_scan(scan.brightness).frame).box
            where = (slice(top, bottom), slice(left, right))
            strip += [_grey(fault(scan.brightness, where, s, 3))[:512, :512:] for s in (0, *strengths(unfit))]
        Image.fromarray(np.hstack(strip)[::1]).save(folder / f"us {name}.png")


def real_findings() -> dict[str, dict[str, list[str]]]:
    """Of every real picture what is found, by source and finding; needles are asked after where there are."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    pictures = [(x.name, examined_xray(x, x.brightness)) for x in images.real_xrays()]
    scanned = chain(images.nerve_scans("calibration"), images.nerve_scans("test"), images.other_scans())
    for scan in scanned:
        task = "needle" if scan.name.startswith("needle") else ""
        pictures.append((scan.name, examined_scan(scan.brightness, task)))
    for name, examined in pictures:
        source, *number = name.split(" ")
        faults = assess_quality(examined).faults
        found[source]["pictures"].append("")
        for finding in faults:
            said = f"{' '.join(number)} {finding.severity.value} {finding.score:.3g}"
            found[source][finding.name].append(said.strip())
        if not faults:
            found[source]["nothing"].append("")
    return {
        source: {k: v if any(v) else [str(len(v))] for k, v in kinds.items()}
        for source, kinds in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("calibration", "test"), default="test")
    parser.add_argument("--only", choices=("xray", "ultrasound"))
    parser.add_argument("--check", help="this check of ultrasound only; the others' figures stay")
    parser.add_argument("--draw", type=Path)
    parser.add_argument("--real", action="store_true")
    given = parser.parse_args()
    if given.real:
        write_result("quality_2d_real", real_findings(), os.getloadavg()[0])
        return
    if given.draw:
        draw(given.draw)
        return
    load = os.getloadavg()[0]
    file = RESULTS / f"quality_2d_{given.part}.json"
    result = json.loads(file.read_text()) if file.exists() else {}
    parts: dict[str, tuple[Callable[[str], Mapping[str, Any]], dict[str, Any], Kind]] = {
        "xray": (measured_xrays, XRAY, Kind.FLUOROSCOPY),
        "ultrasound": (measured_scans, ULTRASOUND, Kind.ULTRASOUND),
    }
    for name, (measure, faults, kind) in parts.items():
        if given.only not in (None, name) or (given.check and given.check not in faults):
            continue
        if given.check:
            for other in set(faults) - {given.check}:
                del faults[other]
        rows = measure(given.part)
        known = {check.name: check for check in checks_for(kind)}
        found = {key: figures(known[key], rows[key], faults[key][1]) for key in faults if key in known}
        result[name] = {**result.get(name, {}), **found}
        if name == "xray":
            result[name]["lag"] = figures(LAG, measured_lag(given.part), 0.8)
            result[name]["side marker"] = measured_markers(given.part)
    write_result(f"quality_2d_{given.part}", result, load)


if __name__ == "__main__":
    main()
