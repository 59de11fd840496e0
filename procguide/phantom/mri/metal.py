"""What an implant does to the field round it: a dipole field in Hz, which displaces signal.

Susceptibility of titanium 182 ppm, of tissue -9 ppm (Schenck, Med Phys 1996;23:815). The field of a
magnetised body is its susceptibility folded with a dipole's, done in k-space (Marques and Bowtell, Concepts
Magn Reson 2005;25B:65).
"""

from __future__ import annotations

import numpy as np
from scipy import fft, ndimage

from procguide.anatomy import Region
from procguide.geometry import Affine
from procguide.phantom.build import Phantom
from procguide.phantom.mri.sequence import LARMOR_MHZ_PER_TESLA
from procguide.phantom.solids import Array

__all__ = ["implant_field"]

TITANIUM_PPM = 182.0 + 9.0
STEP_MM = 1.2
MARGIN_MM = 40.0


def implant_field(phantom: Phantom, field_strength: float, grade: float) -> tuple[Array, Affine] | None:
    """Offset in Hz ``(k, j, i)`` on a coarse lattice round the metal; None where there is none.

    The main field runs along the patient (z).
    """
    if grade <= 0:
        return None
    metal = phantom.tissues.voxels == Region.IMPLANT
    if not metal.any():
        return None
    index = np.argwhere(metal)
    spacing = phantom.tissues.spacing
    step = np.maximum(1, np.rint(STEP_MM / spacing)).astype(int)
    margin = np.rint(MARGIN_MM / spacing).astype(int)
    low, high = index.min(axis=0) - margin, index.max(axis=0) + margin + 1
    size = np.array([fft.next_fast_len(int(n)) for n in np.ceil((high - low) / step)])
    place = (index - low) // step
    share = np.zeros(size, dtype=np.float32)
    np.add.at(share, tuple(place.T), np.float32(1.0 / step.prod()))
    # The labels' steps would make a saw of the field.
    share = ndimage.gaussian_filter(share, 1.0)
    kz, ky, kx = (fft.fftfreq(n, d) for n, d in zip(size, step * spacing, strict=True))
    squared = kz[:, None, None] ** 2 + ky[:, None] ** 2 + kx**2
    squared[0, 0, 0] = 1.0
    dipole = 1 / 3 - kz[:, None, None] ** 2 / squared
    dipole[0, 0, 0] = 0.0
    relative = fft.ifftn(fft.fftn(share) * dipole).real
    hertz = relative * TITANIUM_PPM * grade * LARMOR_MHZ_PER_TESLA * field_strength
    affine = phantom.tissues.affine.shifted(low + (step - 1) / 2)
    coarse = Affine.axis_aligned(affine.spacing * step, affine.origin)
    return np.asarray(hertz, dtype=np.float32), coarse
