"""Reading: what a path holds, a series as it is shown, frames and cines."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_procguide.engine.messages import BesideShown, FramesShown, Listed, Opened, SeriesShown
from napari_procguide.engine.state import State
from procguide.cli.audited import images_read
from procguide.cli.pipeline import Case
from procguide.cli.steps import Steps
from procguide.dicom import Series, read_frames, read_study, read_volume
from procguide.dicom.identity import identity_of
from procguide.errors import ProcguideError, UsageError
from procguide.imaging import Cine, Modality, Volume
from procguide.imaging.resample import resample, working_grid

__all__ = ["beside", "frames", "list_sample", "list_series", "show", "straight", "thumbnails"]

_MOST_VOXELS = 80_000_000
_THUMBNAIL = 72


def list_series(state: State, steps: Steps, path: Path) -> Listed:
    """What lies under ``path``, without pixels, and which series to show first (None: none is a volume)."""
    with steps.step("read"):
        study = read_study(path)
    state.study = study
    shown = tuple(_line(number, series) for number, series in enumerate(study.series))
    try:
        first: int | None = study.series.index(study.choose())
    except ProcguideError:
        volumes = [one.number for one in shown if one.is_volume]
        first = volumes[0] if volumes else None
    return Listed(path, shown, first, study.findings)


def list_sample(state: State, steps: Steps) -> Listed:
    """The synthetic study beside the package, or one made now."""
    from procguide.cli.demo import sample_study
    from procguide.phantom import write_sample

    folder = sample_study()
    if folder is None:
        folder = state.scratch / "sample"
        with steps.step("make the sample") as advance:
            write_sample(folder, progress=advance)
    return list_series(state, steps, folder)


def show(state: State, steps: Steps, number: int) -> Opened:
    """Read one series' voxels, straightened for display."""
    study, series = state.study, _series(state, number)
    with steps.step("read pixels"):
        volume = read_volume(series)
        images_read(series)
    with steps.step("straighten"):
        image, straightened = straight(volume)
    found = (*study.findings, *series.findings)
    shown = state.save("image", image.voxels, image.grid)
    state.case = Case(series, volume, found, study.lost)
    identity = ""
    if series.volume is None:
        whose = identity_of(series.files[0])
        identity = "  ".join(filter(None, (whose.patient_name, whose.patient_id, whose.birth_date)))
    return Opened(
        _line(number, series),
        shown,
        str(volume.modality),
        found,
        straightened,
        _header(series),
        identity,
        _window(volume),
        _key(series),
    )


def beside(state: State, steps: Steps, number: int) -> BesideShown:
    """Read another series' voxels; what is planned in stays."""
    series = _series(state, number)
    with steps.step("read pixels"):
        volume = read_volume(series)
        images_read(series)
    image, _ = straight(volume)
    shown = state.save("beside", image.voxels, image.grid)
    here, there = _frame_of_reference(state.case.series), _frame_of_reference(series)
    return BesideShown(
        _line(number, series), shown, _header(series), _window(volume), bool(here) and here == there
    )


def _frame_of_reference(series: Series) -> str:
    """DICOM (0020,0052) of its first image; empty where none is said."""
    from pydicom import dcmread

    if series.volume is not None:
        return ""
    header = dcmread(series.files[0], stop_before_pixels=True, specific_tags=["FrameOfReferenceUID"])
    return str(header.get("FrameOfReferenceUID", ""))


def _key(series: Series) -> str:
    """A hash of what names the series: its UID; of a file without one its name, size and time."""
    parts = [series.uid, *map(str, series.shape)]
    if series.volume is not None:
        parts.extend(f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in series.files)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def straight(volume: Volume) -> tuple[Volume, bool]:
    """``volume`` with axes (superior, posterior, left); whether it had to be resampled for that."""
    affine = volume.affine
    if affine.is_axis_aligned:
        return _turned(volume), False
    spacing = float(np.clip(np.min(volume.spacing), 0.3, 3.0))
    extent = np.ptp(volume.grid.corners, axis=0)
    spacing = max(spacing, float((np.prod(extent) / _MOST_VOXELS) ** (1 / 3)))
    fill = float(volume.voxels.min())
    turned = resample(volume, working_grid(volume.grid, spacing), fill)
    return turned.with_voxels(_narrow(turned.voxels)), True


def _turned(volume: Volume) -> Volume:
    """Axes swapped and turned round, nothing resampled."""
    directions = volume.affine.directions
    order = [int(np.argmax(np.abs(directions[axis]))) for axis in (2, 1, 0)]
    voxels = np.transpose(volume.voxels, order)
    steps = [volume.affine.matrix[:3, axis] for axis in order]
    corner = volume.affine.origin.copy()
    window = []
    for array_axis, patient_axis in enumerate((2, 1, 0)):
        forward = steps[array_axis][patient_axis] > 0
        window.append(slice(None, None, 1 if forward else -1))
        if not forward:
            corner += steps[array_axis] * (voxels.shape[array_axis] - 1)
            steps[array_axis] = -steps[array_axis]
    turned = np.ascontiguousarray(voxels[tuple(window)])
    return Volume(_narrow(turned), type(volume.affine).from_steps(steps, corner), volume.modality)


def _narrow(voxels: NDArray[Any]) -> NDArray[Any]:
    """16 bits where the values fit them: half the memory, and quick to draw."""
    if voxels.dtype in (np.int16, np.uint8, np.uint16):
        return voxels
    low, high = float(voxels.min()), float(voxels.max())
    if high - low > 50 and low >= -32768 and high <= 32767:
        return np.round(voxels).astype(np.int16)
    return voxels.astype(np.float32)


def _window(volume: Volume) -> tuple[float, float]:
    """Level and width to begin with: bone for CT, else what most voxels span."""
    if volume.modality == Modality.CT:
        return 400.0, 1800.0
    sample = volume.voxels[:: max(1, volume.shape[0] // 12), ::4, ::4]
    low, high = np.percentile(sample, (1, 99.5))
    return float(low + high) / 2, max(float(high - low), 1e-3)


def thumbnails(state: State, steps: Steps) -> dict[int, NDArray[np.uint8]]:
    """A small picture of each series, from the middle one of its images."""
    found = {}
    series = state.study.series
    with steps.step("thumbnails") as advance:
        for number, one in enumerate(series):
            advance("thumbnails", number / len(series))
            picture = _thumbnail(one)
            if picture is not None:
                found[number] = picture
    return found


def _thumbnail(series: Series) -> NDArray[np.uint8] | None:
    from dataclasses import replace

    try:
        if series.volume is not None:
            middle = series.volume.voxels[series.shape[0] // 2]
        elif series.grid is not None and len(series.slices) > 2:
            at = len(series.slices) // 2
            few = series.slices[at : at + 1]
            one = replace(series, slices=few, files=(few[0].file,), shape=(1, *series.shape[1:]), grid=None)
            image = read_frames(one)[0]
            middle = image.pixels[few[0].frame] if isinstance(image, Cine) else image.pixels
        else:
            image = read_frames(series)[0]
            middle = image.pixels[len(image) // 2] if isinstance(image, Cine) else image.pixels
    except (ProcguideError, ValueError, IndexError):
        return None
    grey = middle.mean(axis=-1) if middle.ndim == 3 else middle
    step = max(1, -(-max(grey.shape) // _THUMBNAIL))
    small = grey[::step, ::step].astype(np.float32)
    low, high = np.percentile(small, (2, 99))
    return np.asarray(np.clip((small - low) * 255 / max(high - low, 1e-6), 0, 255), np.uint8)


def frames(state: State, steps: Steps, number: int) -> FramesShown:
    """A series of X-ray, ultrasound or captured pictures: its first file's frames, as they are shown."""
    series = _series(state, number)
    with steps.step("read pixels") as advance:
        images = read_frames(series, lambda share: advance("read pixels", share))
        images_read(series)
    stacks: list[NDArray[Any]] = []
    for image in images:
        many = list(image) if isinstance(image, Cine) else [image]
        stacks.extend(frame.shown() for frame in many)
    first = stacks[0].shape
    kept = np.stack([one for one in stacks if one.shape == first])
    file = state.fresh("frames")
    np.save(file, kept)
    cine = images[0] if isinstance(images[0], Cine) else None
    view = images[0].view
    size = view.patient_mm or view.pixel_size
    words = "pixel size unknown" if size is None else f"{size.rows_mm:.3g} mm a pixel ({size.plane.value})"
    rate = cine.rate_hz if cine is not None else None
    return FramesShown(_line(number, series), file, len(kept), rate, words)


def _series(state: State, number: int) -> Series:
    if not 0 <= number < len(state.study.series):
        raise UsageError("This series is no longer open. Open the study again.")
    return state.study.series[number]


def _line(number: int, series: Series) -> SeriesShown:
    k, j, i = series.shape
    size = f"{k} × {j} × {i}"
    if series.spacing_mm is not None:
        size += "  ({:.2g} × {:.2g} × {:.2g} mm)".format(*series.spacing_mm)
    date = ""
    if series.volume is None:
        date = identity_of(series.files[0]).study_date
    stops = "; ".join(finding.words for finding in series.stopped)
    volume = series.grid is not None and all(series.shape)
    return SeriesShown(
        number, series.modality, series.description, size, date, series.usable_for, volume, stops
    )


def _header(series: Series) -> str:
    """What may stand on a screen that others see: no name, number or date."""
    tilt = f", tilt {series.tilt_deg:.0f}°" if series.tilt_deg > 0.5 else ""
    spacing = series.spacing_mm
    steps = "" if spacing is None else "{:.2g} × {:.2g} × {:.2g} mm".format(*spacing)
    words = (series.modality, f"{series.shape[0]} slices", series.patient_position)
    return "\n".join(filter(None, ("  ".join(filter(None, words)), steps + tilt)))
