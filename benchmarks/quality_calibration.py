"""CT and MR checks against faults of graded strength, on phantoms and real images: AUC, false alarms.

Images are made once (``--images``): phantoms of seeds 3000.. to calibrate on, 3220.. to test on. Of each
a few slabs are taken, clean and with every fault at the strength that a reader would call unfit and at half
of it. Limits stand in the checks; they were set between the calibration set's clean and unfit scores, and
are tested here on the other set, and on real images with the same faults (``--set faulty``), which none was
set by. Also every real CT and MR of the shared data, with what was said of it (``--set real``).

    python benchmarks/quality_calibration.py --subjects 6 --images /tmp/quality --out benchmarks/results
"""

from __future__ import annotations

import argparse
import ast
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from procguide.errors import InputUnreadableError
from procguide.geometry import Affine
from procguide.imaging import Modality, Volume
from procguide.quality import Acquisition, Check, Examined, Kind, Limits, Score, Worse
from procguide.quality.assess import assess_quality, checks_for
from procguide.quality.faults import ct, mr

CALIBRATION, TEST = 3000, 3220
MR_NAMES = (
    "t2-sagittal", "t1-sagittal", "t2-axial", "stir-sagittal", "t2-sagittal", "dixon-water-sagittal",
)  # fmt: skip
UNFIT_CT = {
    "noisy": 0.6, "blurred": 0.6, "sharpened": 1.0, "thickened": 0.65, "shortened": 0.9, "tilted": 0.4,
    "truncated": 0.5, "jerked": 0.45, "moving": 0.5, "metallic": 0.6, "coarsened": 0.7,
}  # fmt: skip
UNFIT_MR = {
    "noisy": 0.5, "shaded": 0.7, "ghosted": 0.4, "jolted": 0.6, "wrapped": 0.4, "zero_filled": 0.75,
    "thickened": 0.9, "shortened": 0.9, "coarsened": 0.7,
}  # fmt: skip
"""What a reader would call unfit; in mm, HU and shares: see the faults' own words and docs/quality.md."""
ALSO = {Kind.CT: (("metallic", "metal"),), Kind.MR: (("noisy", "contrast to noise"),)}
"""Further checks that have to find a fault."""
REAL_CT = (
    "ct_abdomen_dicom", "ct_l3_crop/label-22_ct.nii.gz", "ct_lumbar_3mm/ct.nii.gz", "ct_thorax/ct.nii.gz",
)  # fmt: skip
REAL_MR = (
    "dicom_mr", "gibbs/b0.nii.gz", "mri_cervical/t1_t1w.nii.gz", "mri_cervical/t2_t2.nii.gz",
    "mri_cervical/t2s_t2s_uncropped.nii.gz", "mri_l_crop/label-6_T2w.nii.gz",
    "mri_lumbar/IVD_11_image.nii.gz", "mri_lumbar/IVD_20_image.nii.gz", "mri_lumbar/VB1_02_image.nii.gz",
    "mri_lumbar/VB1_15_image.nii.gz", "mri_lumbar/VB2_04_image.nii.gz", "mri_lumbar/VB3_01_image.nii.gz",
    "mri_lumbar/VB3_20_image.nii.gz", "mri_cervical/dmri_dmri.nii.gz", "gibbs/mrdegibbs_b0_unring.nii.gz",
    "mri_cervical/template_template_PAM50_small_t2.nii.gz",
)  # fmt: skip
FAULTY = {
    "3223_ct": {"metal"}, "ct_abdomen_dicom": {"resolution", "sharp kernel"},
    "ct_lumbar_3mm/ct.nii.gz": {"pixel size", "blur", "metal", "sharp kernel"},
    "ct_thorax/ct.nii.gz": {"metal"},
    "mri_cervical/t2s_t2s_uncropped.nii.gz": {"resolution", "coverage", "wrap-around"},
    "mri_lumbar/VB1_02_image.nii.gz": {"shading"}, "mri_lumbar/VB3_01_image.nii.gz": {"shading"},
}  # fmt: skip
"""Images that faults are put on, and the checks that find something in them as they are (3223 has screws),
or whose fault they cannot bear: the axial T2* has air all round, so that a field smaller by 18 % folds
nothing in, and pixels of 1 and 3 mm hold none of the frequencies that a sharp kernel raises."""
HEADERS_ONLY = {"coverage", "gantry tilt", "resolution", "orientation", "gap", "pixel size"}
"""Checks that look at no pixel: asked of whole images."""
SAMPLES = ("lumbar/ct", "difficult/ct", "lumbar/t1_sagittal", "lumbar/t2_sagittal", "lumbar/t2_axial",
           "difficult/t2_sagittal")  # fmt: skip


def make(seed: int, folder: Path) -> None:
    """One subject's CT, 140 mm long, and its MR series; of odd subjects water and fat too."""
    name = MR_NAMES[seed % len(MR_NAMES)]
    pair = ("dixon-water-sagittal", "dixon-fat-sagittal") if seed % 2 else ()
    for names, box in (
        (["ct"], ((-1e3, -1e3, 20), (1e3, 1e3, 160))),
        ([*dict.fromkeys((name, *pair))], None),
    ):
        if not all((folder / f"{seed}_{one}.npz").exists() for one in names):
            _make(seed, names, box, folder)


def _make(seed: int, names: list[str], box: tuple[ArrayLike, ArrayLike] | None, folder: Path) -> None:
    from procguide.phantom import CtSettings, build, sample_parameters, take_images

    rng = np.random.default_rng([seed, 5])
    phantom = build(sample_parameters(seed), 1.5, box=box)
    kernel = ("soft", "standard", "bone")[seed % 3]
    settings = CtSettings(
        pixel_mm=float(rng.uniform(0.7, 0.95)),
        slice_mm=float(rng.choice([1.5, 2, 2.5, 3])),
        kernel=kernel,  # type: ignore[arg-type]
        noise_hu=float(rng.uniform(8, 22)) * (1.6 if kernel == "bone" else 1),
        beam_hardening=float(rng.uniform(0.1, 0.4)),
    )
    for image in take_images(phantom, names, seed, ct=settings):
        facts = str(asdict(image.acquisition)) if image.name != "ct" else ""
        np.savez_compressed(
            folder / f"{seed}_{image.name}.npz",
            v=image.volume.voxels, a=image.volume.affine.matrix, acq=facts, kernel=kernel,
        )  # fmt: skip


def load(file: Path) -> Examined:
    data = np.load(file)
    if file.stem.endswith("_ct"):
        volume = Volume(data["v"], Affine(data["a"]), Modality.CT, "phantom")
        return Examined(Kind.CT, volume=volume, acquisition=Acquisition(kernel=str(data["kernel"])))
    facts = ast.literal_eval(str(data["acq"]))
    known = Acquisition(
        thickness_mm=facts["slice_mm"],
        phase_axis=facts["phase"],
        fat_suppressed="stir" in file.stem or "water" in file.stem,
    )
    return Examined(Kind.MR, volume=Volume(data["v"], Affine(data["a"]), Modality.MR), acquisition=known)


def score(check: Check, examined: Examined) -> float:
    found = check.measure(replace(examined, memory={}))
    return float("nan") if found is None else found.value


def auc(clean: np.ndarray, faulty: np.ndarray, worse: str) -> float:
    sign = 1 if worse == "above" else -1
    a, b = sign * clean[np.isfinite(clean)], sign * faulty[np.isfinite(faulty)]
    if not len(a) or not len(b):
        return float("nan")
    return float((b[:, None] > a).mean() + 0.5 * (b[:, None] == a).mean())


SLAB = {"slice shift": 16}
"""Slices that a check is shown, where it needs more than the six (CT) or five (MR) of the others."""


def either_fat(examined: Examined) -> Score | None:
    """The worse of the two fat checks, as a share of its limit."""
    checks = [check for check in checks_for(Kind.MR) if check.name.startswith("fat suppression")]
    shares = [(check.measure(replace(examined, memory={})), check.limits.caution) for check in checks]
    known = [found.value / limit for found, limit in shares if found is not None]
    return Score(max(known)) if known else None


FAT = Check(
    "fat suppression or in front", frozenset({Kind.MR}), "of the limit", either_fat,
    Limits(1.0, None, Worse.ABOVE, "the checks' own"), "", "",
)  # fmt: skip


def asked_of(kind: Kind) -> dict[str, Check]:
    """The checks that need nothing but the image; Gibbs ringing has a benchmark of its own."""
    checks = [check for check in checks_for(kind) if not check.needs and "ringing" not in check.name]
    return {check.name: check for check in (*checks, *((FAT,) if kind is Kind.MR else ()))}


def portions(examined: Examined, count: int) -> Iterator[tuple[Examined, set[str]]]:
    """What of an image is shown to which checks: all of it where that costs nothing, else slabs."""
    volume = examined.volume
    assert volume is not None
    names = set(asked_of(examined.kind))
    length, mr_image = volume.shape[0], examined.kind is Kind.MR
    yield examined, HEADERS_ONLY & names
    rest = names - HEADERS_ONLY
    for share in np.linspace(0.25, 0.75, count):
        for size, asked in (
            (5 if mr_image else 6, rest - set(SLAB)),
            (SLAB["slice shift"], rest & set(SLAB)),
        ):
            start = round(share * (length - size))
            cut = volume.crop((start, 0, 0), (start + size, *volume.shape[1:]))
            yield replace(examined, volume=cut, memory={}), asked


def bears_sharp(examined: Examined) -> set[str]:
    """A phantom that was reconstructed with the bone kernel is no clean reference for its grain."""
    return {"sharp kernel", "kernel"} if examined.acquisition.kernel == "bone" else set()


Scores = dict[str, dict[str, list[float]]]
Image = tuple[str, Examined, Volume | None]
"""Its name, itself, and the image of the fat alone where there is one."""


def tests_of(kind: Kind) -> list[tuple[str, str, str]]:
    """Row of the table, fault, and the check that has to find it."""
    faults, unfit = (ct.FAULTS, UNFIT_CT) if kind is Kind.CT else (mr.FAULTS, UNFIT_MR)
    rows = [(f"{kind.value} {fault}", fault, name) for fault, (_, name) in faults.items() if fault in unfit]
    return rows + [(f"{kind.value} {fault}: {name}", fault, name) for fault, name in ALSO[kind]]


def measure(images: Iterable[Image], count: int) -> Iterator[tuple[dict[str, list[float]], Scores]]:
    """Scores of clean portions by kind and check, of faulty ones by fault and strength; after each image."""
    clean: dict[str, list[float]] = {}
    faulty: Scores = {}
    for image, whole, fat in images:
        ct_image = whole.kind is Kind.CT
        module, unfit = (ct, UNFIT_CT) if ct_image else (mr, UNFIT_MR)
        checks = asked_of(whole.kind)
        for number, (part, every) in enumerate(portions(whole, count)):
            asked = every - FAULTY.get(image, set()) - bears_sharp(whole)
            for name in asked:
                clean.setdefault(f"{whole.kind.value} {name}", []).append(score(checks[name], part))
            for label, fault, name in tests_of(whole.kind):
                if name in asked:
                    spoil, rows = module.FAULTS[fault][0], faulty.setdefault(label, {})
                    more = {"phase": 1} if fault == "wrapped" and image.startswith("mri_lumbar") else {}
                    for share in (0.5, 1.0):  # tissue reaches the borders of the real ones head to feet
                        spoilt = spoil(part.volume, share * unfit[fault], number + 17, **more)
                        value = score(checks[name], replace(part, volume=spoilt))
                        rows.setdefault(str(share), []).append(value)
        if fat is not None:
            middle, rows = (
                slice(fat.shape[0] // 2 - 1, fat.shape[0] // 2 + 2),
                faulty.setdefault("MR unsuppressed", {}),
            )
            low, high = (middle.start, 0, 0), (middle.stop, *fat.shape[1:])
            water, back = whole.volume.crop(low, high), fat.crop(low, high)
            for seed, share in ((seed, share) for seed in range(6) for share in (0.5, 1.0)):
                spoilt = mr.unsuppressed(water, back, share * 0.8, seed)
                rows.setdefault(str(share), []).append(score(FAT, replace(whole, volume=spoilt)))
        print(image, flush=True)
        yield clean, faulty


def phantom_images(files: Iterable[Path]) -> Iterator[Image]:
    for file in files:
        fat = file.with_name(file.name.replace("water", "fat"))
        yield file.stem, load(file), load(fat).volume if "water" in file.stem and fat.exists() else None


def real_images(data: Path) -> Iterator[Image]:
    """Real images that are no small crops, for faults to be put on."""
    from procguide.dicom import read_study
    from procguide.quality.examine import examine

    for name in (*REAL_CT, *REAL_MR):
        if name in FAULTY or name.startswith("mri_lumbar"):
            (examined,) = examine(read_study(data / name).series[0])
            yield name, examined, None


def table(
    clean: dict[str, list[float]], faulty: dict[str, dict[str, list[float]]]
) -> dict[str, dict[str, object]]:
    """One row a fault: AUC and sensitivity at both strengths against its check on clean slabs."""
    rows: dict[str, dict[str, object]] = {}
    targets = {
        **{label: (kind.value, name) for kind in (Kind.CT, Kind.MR) for label, _, name in tests_of(kind)},
        "MR unsuppressed": ("MR", FAT.name),
    }
    for fault, strengths in faulty.items():
        kind, name = targets[fault]
        check = asked_of(Kind(kind))[name]
        base = np.array(clean[f"{kind} {name}"])
        if not np.isfinite(base).any() or not np.isfinite(np.concatenate([*strengths.values()])).any():
            continue  # where no phase axis is known, motion is not judged
        row: dict[str, object] = {"check": name, "clean": len(base), "limit": check.limits.caution}
        for share, values in strengths.items():
            found = np.array(values)
            alarms = [check.limits.severity(v) != "ok" for v in found[np.isfinite(found)]]
            label = "unfit" if share == "1.0" else "half"
            row[label] = {
                "n": len(found),
                "auc": round(auc(base, found, check.limits.worse.value), 3),
                "sensitivity": round(float(np.mean(alarms)), 3) if alarms else None,
                "median": round(float(np.nanmedian(found)), 3),
                "p10_p90": [round(float(v), 3) for v in np.nanpercentile(found, [10, 90])],
            }
        rows[fault] = row
    return rows


def alarms_on(clean: dict[str, list[float]]) -> dict[str, dict[str, object]]:
    """False alarms on clean slabs at the checks' own limits."""
    rows = {}
    for name, values in clean.items():
        kind, check_name = name.split(" ", 1)
        check = asked_of(Kind(kind))[check_name]
        found = np.array(values)[np.isfinite(values)]
        if len(found):
            rows[name] = {
                "n": len(found),
                "false_alarms": int(sum(check.limits.severity(v) != "ok" for v in found)),
                "p1_p50_p99": [round(float(v), 3) for v in np.percentile(found, [1, 50, 99])],
                "limit": check.limits.caution,
            }
    return rows


def with_labels(files: Iterable[Path]) -> dict[str, dict[str, dict[str, float]]]:
    """The checks that need labels, given the phantom's own: clean, and with the fault that each is for."""
    from procguide.phantom import build, sample_parameters

    checks = {check.name: check for check in checks_for(Kind.MR) if check.needs == {"labels"}}
    rows = {}
    for file in files:
        phantom = build(sample_parameters(int(file.name[:4])), 1.5)
        known = replace(load(file), labels=phantom.tissues, levels=phantom.levels)
        assert known.volume is not None
        sagittal = "axial" not in file.stem
        spoilt = {
            "clean": known.volume,
            "noisy": mr.noisy(known.volume, UNFIT_MR["noisy"], 1),
            **({"falling to the feet": _falling(known.volume)} if sagittal else {}),
        }
        rows[file.stem] = {
            image: {
                name: round(score(check, replace(known, volume=volume)), 2) for name, check in checks.items()
            }
            for image, volume in spoilt.items()
        }
        print(file.stem, rows[file.stem], flush=True)
    return rows


def _falling(volume: Volume) -> Volume:
    """Sevenfold brighter at one end of the spine than at the other."""
    axis = 1 + int(np.argmax(np.abs(volume.affine.directions[2, 1:])))
    shape = [1, 1, 1]
    shape[axis] = volume.shape[axis]
    field = np.geomspace(1, 1 / 7, volume.shape[axis]).reshape(shape)
    return volume.with_voxels(np.rint(volume.voxels * field).astype(volume.voxels.dtype))


def real_findings(data: Path) -> dict[str, list[str]]:
    from procguide.dicom import read_study
    from procguide.quality.examine import examine

    found = {}
    samples = Path(__file__).parents[1] / "sample_dicom"
    for path in (*(data / name for name in (*REAL_CT, *REAL_MR)), *(samples / name for name in SAMPLES)):
        if not path.exists():
            continue
        name = str(path.relative_to(data if data in path.parents else samples.parent))
        try:
            study = read_study(path)
        except InputUnreadableError as error:
            found[name] = [f"refused: {error}"]
            continue
        for series in study.series:
            for examined in examine(series):
                quality = assess_quality(examined)
                found[name] = [f"{one.severity}: {one.name}: {one.words}" for one in quality.faults]
                print(name, *found[name], sep="\n    ", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=6)
    parser.add_argument("--slabs", type=int, default=2)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument(
        "--set",
        choices=("calibration", "test", "faulty", "real"),
        nargs="+",
        default=["test", "faulty", "real"],
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    options.images.mkdir(parents=True, exist_ok=True)
    target = options.out / "quality_calibration.json"
    document = json.loads(target.read_text()) if target.exists() else {}

    def write(
        name: str, facts: dict[str, object], found: Iterator[tuple[dict[str, list[float]], Scores]]
    ) -> None:
        for done, (clean, faulty) in enumerate(found, start=1):
            rows = {"images": done, "faults": table(clean, faulty), "clean": alarms_on(clean)}
            document[name] = {**facts, **rows}
            target.write_text(json.dumps(document, indent=1) + "\n")

    for name, first in (("calibration", CALIBRATION), ("test", TEST)):
        if name not in options.set:
            continue
        for seed in range(first, first + options.subjects):
            make(seed, options.images)
        wanted = {str(seed) for seed in range(first, first + options.subjects)}
        files = sorted(
            f for f in options.images.glob("*.npz") if f.name[:4] in wanted and "-fat-" not in f.name
        )
        seeds = [first, first + options.subjects - 1]
        write(name, {"seeds": seeds}, measure(phantom_images(files), options.slabs))
    data = Path(os.environ.get("PROCGUIDE_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if "faulty" in options.set:
        write("faulty", {}, measure(real_images(data), options.slabs))
    if "labels" in options.set:
        seeds = range(TEST, TEST + options.subjects)
        files = [f for seed in seeds for f in options.images.glob(f"{seed}_t[12]-sagittal.npz")]
        document["labels"] = with_labels(files)
    if "real" in options.set:
        document["real"] = real_findings(data)
    target.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
