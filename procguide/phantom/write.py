"""A phantom study on disk: the DICOM series with its truth beside it, and the project's own sample."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from procguide.dicom import write_ct_series
from procguide.imaging import Volume
from procguide.imaging.files import replacing, write_image
from procguide.phantom.build import Phantom, build
from procguide.phantom.ct.simulate import CtSettings, simulate_ct
from procguide.phantom.population.parameters import parameters_to_json
from procguide.phantom.population.sample import sample_parameters

__all__ = ["SAMPLE_SEED", "SAMPLE_SETTINGS", "write_phantom", "write_sample"]

SAMPLE_SEED = 3
SAMPLE_SETTINGS = CtSettings(pixel_mm=0.9, slice_mm=2.5, noise_hu=12.0)
"""Chosen so that the sample stays under 20 MB."""

Progress = Callable[[str, float], None]


def write_phantom(
    phantom: Phantom, ct: Volume, folder: str | Path, *, seed: int | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> tuple[Path, ...]:  # fmt: skip
    """Write ``ct/*.dcm`` and ``truth/{levels,regions}.nii.gz``, ``truth/{spine,parameters}.json``.

    The truth's label maps lie on the phantom's own lattice, not on the CT's. UIDs follow from ``seed``
    (by default the subject's own). Returns the paths, the DICOM files first.
    """
    folder = Path(folder)
    truth = folder / "truth"
    identity = phantom.parameters.seed if seed is None else seed
    slices = write_ct_series(
        ct,
        folder / "ct",
        patient_id=f"PHANTOM-{identity}",
        study_description="Lumbar phantom",
        series_description="Lumbar CT (synthetic)",
        seed=identity,
        patient_position="HFS" if phantom.posture == "supine" else "HFP",
        on_progress=on_progress,
    )
    return (
        *slices,
        write_image(phantom.levels, truth / "levels.nii.gz"),
        write_image(phantom.regions, truth / "regions.nii.gz"),
        _write_json(_spine_json(phantom), truth / "spine.json"),
        _write_json(parameters_to_json(phantom.parameters), truth / "parameters.json"),
    )


def write_sample(folder: str | Path, *, progress: Progress | None = None) -> tuple[Path, ...]:
    """The lumbar CT of ``sample_dicom/``: one subject, one seed, always the same files."""
    said = progress or (lambda _step, _share: None)
    said("anatomy", 0.0)
    phantom = build(sample_parameters(SAMPLE_SEED), 1.5)
    ct = simulate_ct(
        phantom, seed=SAMPLE_SEED, settings=SAMPLE_SETTINGS, on_progress=lambda share: said("CT", share)
    )
    return write_phantom(phantom, ct, folder, on_progress=lambda share: said("DICOM", share))


def _spine_json(phantom: Phantom) -> Mapping[str, Any]:
    from procguide.anatomy.serialise import spine_to_json

    return spine_to_json(phantom.spine)


def _write_json(data: Mapping[str, Any], path: Path) -> Path:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return path
