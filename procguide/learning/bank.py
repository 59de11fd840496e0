"""Write the bank of training shapes: ``python -m procguide.learning.bank --out DIR --phantoms 40``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from procguide.imaging.files import read_image, read_labels
from procguide.learning.shapes import (
    TrainingShape,
    from_cord,
    from_phantom,
    from_subregions,
    from_totalsegmentator,
    save,
)

__all__ = ["main"]

_FIRST_SEED = 10_000


def _from_crop(folder: Path, spacing_mm: float, name: str) -> TrainingShape:
    (file,) = (file for file in folder.glob("label-*.nii.gz"))
    instances = read_labels(next(folder.glob("seg-vert*_msk.nii.gz")), {})
    subregions = read_labels(next(folder.glob("seg-subreg*_msk.nii.gz")), {})
    return from_subregions(read_image(file), instances, subregions, spacing_mm, name)


def _from_map(file: Path, spacing_mm: float, name: str) -> TrainingShape:
    return from_totalsegmentator(read_labels(file, {}), spacing_mm, name)


def _from_cord(image: Path, cord: Path, spacing_mm: float, name: str) -> TrainingShape:
    return from_cord(read_image(image), read_labels(cord, {}), spacing_mm, name)


def _wanted(arguments: argparse.Namespace) -> Iterator[tuple[str, Callable[[], TrainingShape]]]:
    """Name of every shape asked for, and how to make it."""
    mm: float = arguments.spacing
    for number, file in enumerate(arguments.totalsegmentator):
        name = f"real-{number}"
        yield name, partial(_from_map, file, mm, name)
    for number, folder in enumerate(arguments.subregions):
        name = f"real-subregions-{number}"
        yield name, partial(_from_crop, folder, mm, name)
    for number, (image, cord) in enumerate(arguments.cord):
        name = f"real-cord-{number}"
        yield name, partial(_from_cord, image, cord, mm, name)
    for seed in range(_FIRST_SEED, _FIRST_SEED + arguments.phantoms):
        yield f"phantom-{seed}", partial(from_phantom, seed, mm, spine_only=arguments.spine_only)


def main() -> None:
    """Build what is missing in the folder."""
    parser = argparse.ArgumentParser(prog="python -m procguide.learning.bank", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--phantoms", type=int, default=40)
    parser.add_argument("--spacing", type=float, default=1.5, help="mm")
    parser.add_argument("--spine-only", action="store_true", help="phantoms 30 mm round their vertebrae")
    parser.add_argument("--totalsegmentator", type=Path, action="append", default=[], help="a label map")
    parser.add_argument("--subregions", type=Path, action="append", default=[], help="folder of a crop")
    parser.add_argument("--cord", type=Path, nargs=2, action="append", default=[], metavar=("IMAGE", "CORD"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, make in _wanted(arguments):
        target = arguments.out / f"{name}.npz"
        if not target.exists():
            save(make(), target)


if __name__ == "__main__":
    main()
