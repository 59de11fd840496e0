"""Contact sheets of phantom subjects, to be looked at critically.

``python benchmarks/phantom_sheet.py`` writes docs/images/phantom_ct.jpg and phantom_mri.jpg: eight subjects
in three planes and 3D, and four with T2, T1, STIR and axial T2. ``--real FOLDER`` also writes there the same
sheets with real images of PROCGUIDE_REAL_DATA (default ../shared/data) below the phantoms: those pictures
show patients and are never kept in the project.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

from procguide.anatomy import Spine
from procguide.dicom import read_study, read_volume
from procguide.geometry import vector
from procguide.imaging import LabelMap, Volume
from procguide.imaging.files import read_image
from procguide.phantom import CtSettings, build, sample_parameters, simulate_ct
from procguide.reporting.plane import Plane, coronal_at, sample
from procguide.reporting.surface import cast, shade, tints

ROOT = Path(__file__).resolve().parent.parent
REAL = Path(os.environ.get("PROCGUIDE_REAL_DATA", ROOT.parent / "shared" / "data"))
SEEDS = (100, 101, 102, 103, 104, 105, 106, 107)
REAL_CASES = (("ct_abdomen_dicom", None), ("ct_lumbar_3mm/ct.nii.gz", None), ("ct_thorax/ct.nii.gz", "L2"))
SOFT, BONE = (40.0, 400.0), (400.0, 1800.0)
TILE = 300


def axial(centre: ArrayLike, size_mm: float) -> Plane:
    return Plane(vector(centre), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), size_mm, size_mm * 0.75)


def sagittal(centre: ArrayLike, size_mm: float) -> Plane:
    return Plane(vector(centre), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0), size_mm * 0.75, size_mm)


def grey(volume: Volume, plane: Plane, window: tuple[float, float]) -> Image.Image:
    """One plane of the volume at a window (centre, width), ``TILE`` pixels high."""
    centre, width = window
    values = np.asarray(sample(volume, plane), dtype=np.float32)
    pixels = np.clip((values - centre + width / 2) / width * 255, 0, 255).astype(np.uint8)
    image = Image.fromarray(pixels)
    return image.resize((round(TILE * image.width / image.height), TILE))


def bones(levels: LabelMap, spine: Spine) -> Image.Image:
    """The labelled bones from behind and the left."""
    middle = np.mean([v.frame.origin for v in spine.vertebrae], axis=0)
    view = np.array([-0.5, -0.85, 0.0]) / np.hypot(0.5, 0.85)
    down = np.array([0.0, 0.0, -1.0])
    centre, right = vector(np.add(middle, (0, 20, 0))), vector(np.cross(down, view))
    plane = Plane(centre, right, vector(down), 150.0, 300.0, 0.8)
    surface = cast(levels, tints(levels), plane, 190.0)
    image = Image.fromarray((np.clip(shade(surface, plane.pixel_mm), 0, 1) * 255).astype(np.uint8))
    return image.resize((round(TILE * image.width / image.height), TILE))


def row(words: str, volume: Volume, levels: LabelMap, spine: Spine) -> Image.Image:
    """Axial at L3 (soft, bone), sagittal, coronal and 3D, with words over them."""
    vertebra = spine.vertebra("L3") if "L3" in spine.levels else spine.vertebrae[-1]
    centre = vertebra.frame.origin
    back = vertebra.canal_centre or centre
    tiles = [
        grey(volume, axial(np.add(centre, (0, 0, 6.0)), 380.0), SOFT),
        grey(volume, axial(np.add(back, (0, 6.0, 0)), 120.0), BONE),
        grey(volume, sagittal(centre, 300.0), SOFT),
        grey(volume, sagittal(np.add(centre, (17.0, 10.0, 0)), 150.0), BONE),
        grey(volume, coronal_at(centre, 300.0), BONE),
        bones(levels, spine),
    ]
    return side_by_side(words, tiles)


def side_by_side(words: str, tiles: list[Image.Image]) -> Image.Image:
    """Tiles of one height in a row, with words over them."""
    sheet = Image.new("RGB", (sum(tile.width for tile in tiles), TILE))
    left = 0
    for tile in tiles:
        sheet.paste(tile.convert("RGB"), (left, 0))
        left += tile.width
    ImageDraw.Draw(sheet).text((6, 4), words, fill=(255, 220, 80))
    return sheet


def phantom_row(seed: int) -> Image.Image:
    parameters = sample_parameters(seed)
    phantom = build(parameters, 1.0)
    ct = simulate_ct(phantom, seed, settings=CtSettings(pixel_mm=0.8, slice_mm=2.0))
    words = f"phantom {seed}: {parameters.sex}, {parameters.age} y"
    return row(words, ct, phantom.levels, phantom.spine)


def real_row(path: str, lowest: str | None) -> Image.Image:
    from procguide.anatomy.locate import locate_spine
    from procguide.segmentation.segment import segment

    volume = read_volume(read_study(REAL / path).choose())
    found = segment(volume, lowest_level=lowest)
    spine = locate_spine(found.levels, found.regions, anchor=found.anchor, confidence=found.confidence)
    return row(f"real: {path.split('/', maxsplit=1)[0]}", volume, found.levels, spine)


def mri_row(seed: int) -> Image.Image:
    """Sagittal T2 (middle, through foramina), T1, STIR, and axial T2 through L4-L5."""
    from procguide.phantom.mri import (
        STIR,
        T1_TSE,
        T2_TSE,
        T2_TSE_AXIAL,
        axial_disc,
        compose,
        sagittal,
        simulate_mri,
    )

    parameters = sample_parameters(seed)
    phantom = build(parameters, 0.8, box=((-105, -400, -120), (105, 400, 300)))
    composition, plane = compose(phantom), sagittal(phantom.spine)
    t2 = simulate_mri(composition, T2_TSE, plane, seed)
    middle = plane.slices // 2
    aside = middle + round(18.0 / float(t2.spacing[0]))
    level = "L4" if "L4" in parameters.levels else parameters.levels[-1]
    axial_t2 = simulate_mri(composition, T2_TSE_AXIAL, axial_disc(phantom.spine, level), seed)
    planes = [t2.voxels[middle], t2.voxels[min(aside, len(t2.voxels) - 1)]]
    planes += [simulate_mri(composition, kind, plane, seed).voxels[middle] for kind in (T1_TSE, STIR)]
    return slices_row(f"phantom {seed}: {parameters.sex}, {parameters.age} y", [*planes, axial_t2.voxels[2]])


def slices_row(words: str, planes: list[np.ndarray]) -> Image.Image:
    """Slices at their own windows (0 to the 99.5th percentile), side by side."""
    tiles = []
    for plane in planes:
        values = np.asarray(plane, dtype=np.float32)
        pixels = np.clip(values / max(np.percentile(values, 99.5), 1) * 255, 0, 255).astype(np.uint8)
        image = Image.fromarray(pixels)
        tiles.append(image.resize((round(TILE * image.width / image.height), TILE)))
    return side_by_side(words, tiles)


def real_mri_rows() -> list[Image.Image]:
    """Middle slices of the real lumbar MRIs, seen from the left."""
    rows = []
    for file in sorted((REAL / "mri_lumbar").glob("*_image*")):
        volume = read_image(file)
        across = int(np.argmax(np.abs(volume.affine.directions[0])))
        up = int(np.argmax(np.abs(volume.affine.directions[2])))
        back = 3 - across - up
        voxels = np.transpose(volume.voxels, (across, up, back))
        signs = volume.affine.directions[2, up] > 0, volume.affine.directions[1, back] < 0
        voxels = voxels[:, :: -1 if signs[0] else 1, :: -1 if signs[1] else 1]
        middle = len(voxels) // 2
        rows.append(slices_row(f"real: {file.name[:12]}", [voxels[middle], voxels[middle + 16]]))
    return rows


def stacked(rows: list[Image.Image], file: Path) -> None:
    sheet = Image.new("RGB", (max(image.width for image in rows), sum(image.height for image in rows)))
    top = 0
    for image in rows:
        sheet.paste(image, (0, top))
        top += image.height
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(file, quality=85)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=Path, help="folder for the sheet with patients")
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--suffix", default="jpg", help="jpg or png")
    parser.add_argument("--only", choices=("ct", "mri"))
    arguments = parser.parse_args()
    if arguments.only != "mri":
        rows = [phantom_row(seed) for seed in arguments.seeds]
        stacked(rows, arguments.out / f"phantom_ct.{arguments.suffix}")
        if arguments.real is not None:
            real = [real_row(*case) for case in REAL_CASES]
            stacked([*rows[:4], *real], arguments.real / f"phantom_and_real_ct.{arguments.suffix}")
    if arguments.only != "ct":
        rows = [mri_row(seed) for seed in arguments.seeds[:4]]
        stacked(rows, arguments.out / f"phantom_mri.{arguments.suffix}")
        if arguments.real is not None:
            stacked([*rows, *real_mri_rows()], arguments.real / f"phantom_and_real_mri.{arguments.suffix}")


if __name__ == "__main__":
    main()
