"""How a scan is made and what goes wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field

from procguide.errors import UsageError

__all__ = ["FAULTLESS", "MriFaults", "MriSettings"]


@dataclass(frozen=True)
class MriFaults:
    """What spoils an image; each has its own grade, 0 is none.

    ``breathing_mm`` moves the belly along the front-to-back axis while phase is encoded, ``bulk_mm`` the
    whole subject in a few sudden steps along the phase axis.
    ``pulsation`` is the share by which the signal of flowing CSF varies from echo train to echo train,
    ``flow_void`` the share that it loses in patches. ``zipper`` and ``spike`` are amplitudes against the
    brightest tissue: a line of interference across the phase axis, and one k-space sample gone wrong.
    ``swap`` exchanges water and fat in that share of the field of a Dixon image. ``metal`` scales the
    field that implants make (1 is titanium). ``shading`` is how far the transmitted field makes signal vary
    across the body, as at 3 T.
    """

    breathing_mm: float = 0.0
    bulk_mm: float = 0.0
    pulsation: float = 0.0
    flow_void: float = 0.0
    zipper: float = 0.0
    spike: float = 0.0
    swap: float = 0.0
    shading: float = 0.0
    metal: float = 1.0

    def __post_init__(self) -> None:
        if min(vars(self).values()) < 0:
            raise UsageError(f"faults are graded from 0 up: {self}")


FAULTLESS = MriFaults()
"""Only what physics leaves in: Gibbs ringing, chemical shift, metal, partial volume."""


@dataclass(frozen=True)
class MriSettings:
    """Coil, noise and reconstruction.

    ``noise`` is the standard deviation, in units of the signal of CSF's proton density under a coil of
    sensitivity 1, that one average of a 1 mm^3 voxel at 1.5 T and 200 Hz/pixel would have with 300 phase
    lines; thickness, matrix, bandwidth, averages and field change it as physics has it.
    ``elements`` of the posterior array (pairs down the spine); 1 is a volume coil. ``normalise`` is the
    share of the coil's shading taken out. ``partial_fourier`` is the share of phase lines acquired,
    completed by ``homodyne`` or by zeros. ``elliptic`` leaves out the corners of k-space, ``raised_cosine``
    softens its edge by that share. ``saturate_front`` is the share of signal that a saturation band takes
    from what lies more than ``saturation_mm`` before the spine. ``scale`` is the pixel value of signal 1;
    None lets the brightest tissue reach about 12 bit's upper third, as scanners do.
    """

    noise: float = 0.015
    elements: int = 8
    normalise: float = 0.6
    partial_fourier: float = 1.0
    homodyne: bool = True
    elliptic: bool = False
    raised_cosine: float = 0.35
    saturate_front: float = 0.0
    saturation_mm: float = 45.0
    scale: float | None = None
    faults: MriFaults = field(default=MriFaults(breathing_mm=5.0, pulsation=0.08, flow_void=0.12))

    def __post_init__(self) -> None:
        if not 0.5 < self.partial_fourier <= 1.0:
            raise UsageError(
                f"partial Fourier needs more than half of the lines, up to all: {self.partial_fourier}"
            )
        if self.elements != 1 and (self.elements < 2 or self.elements % 2):
            raise UsageError(f"the array has pairs of elements, or one volume coil; got {self.elements}")
        if not (0 <= self.normalise <= 1 and 0 <= self.raised_cosine <= 1 and 0 <= self.saturate_front <= 1):
            raise UsageError(f"shares run from 0 to 1: {self}")
