"""Write the bank of training shapes: ``python -m procguide.learning.bank --out DIR --phantoms 40``."""

from __future__ import annotations

import argparse
from pathlib import Path

from procguide.imaging.files import read_image, read_labels
from procguide.learning.shapes import (
    TrainingShape,
    from_phantom,
    from_subregions,
    from_totalsegmentator,
    save,
)

__all__ = ["main"]


def _from_crop(folder: Path, spacing_mm: float, name: str) -> TrainingShape:
    image = read_image(next(folder.glob("*_ct.nii.gz")))
    instances = read_labels(next(folder.glob("seg-vert*_msk.nii.gz")), {})
    subregions = read_labels(next(folder.glob("seg-subreg*_msk.nii.gz")), {})
    return from_subregions(image, instances, subregions, spacing_mm, name)


def main() -> None:
    """Build what is missing in the folder."""
    parser = argparse.ArgumentParser(prog="python -m procguide.learning.bank", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--phantoms", type=int, default=40)
    parser.add_argument("--spacing", type=float, default=1.5, help="mm")
    parser.add_argument("--totalsegmentator", type=Path, action="append", default=[], help="a label map")
    parser.add_argument(
        "--subregions", type=Path, action="append", default=[], help="folder of a TPTBox CT crop"
    )
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(arguments.totalsegmentator):
        target = arguments.out / f"real-{number}.npz"
        if not target.exists():
            labels = read_labels(file, {})
            save(from_totalsegmentator(labels, arguments.spacing, target.stem), target)
    for number, folder in enumerate(arguments.subregions):
        target = arguments.out / f"real-subregions-{number}.npz"
        if not target.exists():
            save(_from_crop(folder, arguments.spacing, target.stem), target)
    for seed in range(arguments.phantoms):
        target = arguments.out / f"phantom-{seed:04d}.npz"
        if not target.exists():
            save(from_phantom(10_000 + seed, arguments.spacing), target)


if __name__ == "__main__":
    main()
