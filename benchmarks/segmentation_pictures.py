"""One picture a case: labels over the image in three planes, with the reference's outline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt  # noqa: TID253 (a script)
from matplotlib.axes import Axes  # noqa: TID253
from matplotlib.colors import ListedColormap  # noqa: TID253
from segmentation_cases import Case
from segmentation_worker import read

from procguide.anatomy import VERSE_NAMES, Region
from procguide.evaluation.labelled import Labelled
from procguide.geometry import Affine
from procguide.imaging import Grid, LabelMap, Modality, Volume
from procguide.imaging.files import read_labels
from procguide.imaging.resample import resample

plt.switch_backend("agg")

SPACING_MM = 0.8
MARGIN_MM = 25.0
PLANES = ("sagittal", "coronal", "axial")
# The axis of (k, j, i) = (superior, posterior, left) that each plane cuts across.
ACROSS = {"axial": 0, "coronal": 1, "sagittal": 2}
EMPHASIS = 0.45


def draw(case: Case, folder: Path, row: dict[str, Any], file: Path) -> None:
    """Write the picture of one case, refused or not."""
    volume = read(case.image, case.modality)
    references = [known(one) for side in case.references() for one in side.maps]
    maps = {
        name: read_labels(folder / f"{name}.nii", {})
        for name in ("regions", "labels", "instances", "organs")
        if (folder / f"{name}.nii").exists()
    }
    low, high, centre = view_box(volume, maps, references)
    figure, axes = plt.subplots(1, 3, figsize=(21, 9), facecolor="black")
    for axis, plane in zip(axes, PLANES, strict=True):
        grid = plane_grid(plane, low, high, centre)
        show(axis, plane, grid, volume, maps, references)
    words = row["refused"] or f"anchor used: {row['anchor']}; {', '.join(row['levels']) or 'no names'}"
    figure.suptitle(f"{case.name} ({row['use']}): {words}"[:180], color="white", fontsize=13)
    figure.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=55)
    plt.close(figure)


def known(one: Labelled) -> LabelMap:
    """Without the labels that have no meaning here."""
    voxels = one.labels.voxels
    return (
        one.labels.with_voxels(np.where(np.isin(voxels, one.unknown), 0, voxels))
        if one.unknown
        else one.labels
    )


def view_box(
    volume: Volume, maps: dict[str, LabelMap], references: list[LabelMap]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The box round what is labelled, and the point the three planes pass through: LPS mm."""
    corners = volume.grid.corners
    low, high = corners.min(axis=0), corners.max(axis=0)
    shown = maps.get("instances") or maps.get("labels")
    if shown is None or not shown.voxels.any():
        shown = next((labels for labels in references if labels.voxels.any()), None)
    if shown is None:
        return low, high, (low + high) / 2
    index = np.argwhere(shown.voxels)
    points = shown.to_patient(index[:: max(1, len(index) // 50_000)])
    centre = np.median(points, axis=0)
    low = np.maximum(low, points.min(axis=0) - MARGIN_MM)
    high = np.minimum(high, points.max(axis=0) + MARGIN_MM)
    return low, high, np.clip(centre, low + SPACING_MM, high - SPACING_MM)


def plane_grid(plane: str, low: np.ndarray, high: np.ndarray, centre: np.ndarray) -> Grid:
    """A lattice of one slice through ``centre``."""
    axis = 2 - ACROSS[plane]
    low, high = low.copy(), high.copy()
    low[axis] = centre[axis]
    high[axis] = centre[axis] + SPACING_MM
    k, j, i = np.maximum(np.round((high - low) / SPACING_MM).astype(int), 1)[::-1]
    return Grid((int(k), int(j), int(i)), Affine.axis_aligned(SPACING_MM, low))


def show(
    axes: Axes,
    plane: str,
    grid: Grid,
    volume: Volume,
    maps: dict[str, LabelMap],
    references: list[LabelMap],
) -> None:
    def cut(labels: Volume, fill: float = 0.0) -> np.ndarray:
        flat = np.squeeze(resample(labels, grid, fill).voxels, axis=ACROSS[plane])
        return flat if plane == "axial" else flat[::-1]

    picture = cut(volume, float(volume.voxels.min()))
    low, high = (
        (-200.0, 600.0) if volume.modality is Modality.CT else (0.0, float(np.percentile(picture, 99.5)))
    )
    axes.imshow(picture, cmap="gray", vmin=low, vmax=max(high, low + 1), interpolation="bilinear")
    for name in ("organs", "regions"):
        if name in maps:
            flat = cut(maps[name])
            overlay = np.ma.masked_equal(flat, 0)
            axes.imshow(
                overlay, cmap=PALETTE, vmin=0, vmax=len(Region), alpha=EMPHASIS, interpolation="nearest"
            )
    for labels in references:
        outline(axes, cut(labels))
    if "labels" in maps and plane != "axial":
        write_names(axes, cut(maps["labels"]))
    axes.set_title(plane, color="white")
    axes.axis("off")


def outline(axes: Axes, flat: np.ndarray) -> None:
    """The border of every label, one by one, so that neighbours stay apart."""
    for label in np.unique(flat)[1:]:
        axes.contour(flat == label, [0.5], colors="white", linewidths=0.7)


def write_names(axes: Axes, flat: np.ndarray) -> None:
    for label in np.unique(flat)[1:]:
        row, column = np.argwhere(flat == label).mean(axis=0)
        axes.text(column, row, VERSE_NAMES.get(int(label), "?"), color="yellow", fontsize=11, ha="center")


def _palette() -> ListedColormap:
    colours = np.array(plt.get_cmap("tab20")(np.arange(max(Region) + 2) * 7 % 20))
    return ListedColormap(colours)


PALETTE = _palette()
