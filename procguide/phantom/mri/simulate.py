"""An MRI of the phantom, from its maps alone: tissues, instances, bone's distance and parameters."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from procguide.anatomy import Region
from procguide.imaging import Modality, Volume
from procguide.phantom.build import Phantom
from procguide.phantom.mri.coils import posterior_array
from procguide.phantom.mri.composition import Composition, compose
from procguide.phantom.mri.geometry import Geometry, sagittal
from procguide.phantom.mri.metal import implant_field
from procguide.phantom.mri.scan import Scan
from procguide.phantom.mri.sequence import T2_TSE, Sequence, fat_signal, water_signal
from procguide.phantom.mri.settings import MriSettings
from procguide.phantom.mri.tissue import TISSUES

__all__ = ["simulate_mri"]

THREADS = 2
BRIGHTEST = 1500.0
TWELVE_BITS = 4095


def simulate_mri(
    subject: Phantom | Composition,
    sequence: Sequence = T2_TSE,
    geometry: Geometry | None = None,
    seed: int = 0,
    *,
    settings: MriSettings | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Volume:
    """Magnitudes 0 to 4095, uint16, on ``geometry``'s lattice (by default a sagittal lumbar stack).

    Composing the protons takes as long as a series or two: pass :func:`compose`'s result in the phantom's
    place to take several series of one subject. The same subject, sequence, geometry, seed and settings
    give the same voxels; texture belongs to the subject and is the same in all its series.
    """
    composition = compose(subject) if isinstance(subject, Phantom) else subject
    phantom, chosen = composition.phantom, settings or MriSettings()
    where = geometry or sagittal(phantom.spine)
    metal = implant_field(phantom, sequence.field_strength, chosen.faults.metal)
    coils = posterior_array(phantom, where, chosen.elements)
    scan = Scan(composition, sequence, where, chosen, coils, seed, metal)
    scale = chosen.scale or _scale(scan)
    out = np.empty(where.grid.shape, dtype=np.uint16)
    done = 0
    with ThreadPoolExecutor(THREADS) as pool:
        for number, image in enumerate(pool.map(scan.slice_image, range(where.slices))):
            out[number] = np.clip(np.rint(image * scale), 0, TWELVE_BITS)
            done += 1
            if on_progress is not None:
                on_progress(done / where.slices)
    return Volume(out, where.affine, Modality.MR, "phantom")


def _scale(scan: Scan) -> float:
    """Pixel value of signal 1: the brightest common tissue at the spine's depth becomes 1500.

    It depends on the sequence and the coil, not on the subject, and is the same for both Dixon images.
    """
    signals = []
    for region in (Region.CEREBROSPINAL_FLUID, Region.FAT, Region.MUSCLE, Region.KIDNEY):
        tissue = TISSUES[region]
        water, fat = water_signal(scan.sequence, tissue), fat_signal(scan.sequence)
        signals.append(abs(tissue.density * ((1 - tissue.fat) * water + tissue.fat * fat)))
    return BRIGHTEST / (max(signals) * scan.reference_strength)
