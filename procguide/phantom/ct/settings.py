"""What the CT scanner was asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from procguide.errors import UsageError

__all__ = ["Arms", "Contrast", "CtSettings", "Kernel"]


class Kernel(StrEnum):
    """The reconstruction's sharpness, as three families that every maker has."""

    SOFT = "soft"
    STANDARD = "standard"
    BONE = "bone"


class Contrast(StrEnum):
    """When after the injection the scan was made."""

    NONE = "none"
    ARTERIAL = "arterial"
    PORTAL = "portal"


class Arms(StrEnum):
    """Where the arms were."""

    RAISED = "raised"
    BESIDE = "beside"


@dataclass(frozen=True)
class CtSettings:
    """The scan.

    ``slice_mm`` is the slice's thickness (width at half height of its profile), ``step_mm`` the distance
    from one to the next (the thickness unless given). ``field_mm`` is the side of a square field round
    ``centre_mm`` (x, y of the rotation centre, LPS mm; the middle of the subject unless given); without
    it the field is the phantom's own, with the table. ``noise_hu`` is the standard deviation in the middle
    of the body, whatever the kernel; with ``mas`` (effective tube current time product at 120 kV) it
    follows from dose, thickness, size and kernel instead. ``current_modulation`` is how far the tube
    current follows the body's attenuation along z: 0 not at all, 1 until the noise is the same everywhere.
    ``beam_hardening`` scales the error that the scanner's own correction leaves, 1 for none corrected.
    """

    pixel_mm: float = 0.9
    slice_mm: float = 2.0
    step_mm: float | None = None
    field_mm: float | None = None
    centre_mm: tuple[float, float] | None = None
    kernel: Kernel = Kernel.STANDARD
    noise_hu: float = 14.0
    mas: float | None = None
    current_modulation: float = 0.6
    beam_hardening: float = 0.3
    contrast: Contrast = Contrast.NONE
    table: bool = True
    blanket: bool = True
    arms: Arms = Arms.RAISED

    def __post_init__(self) -> None:
        for name, kind in (("kernel", Kernel), ("contrast", Contrast), ("arms", Arms)):
            word = getattr(self, name)
            if word not in list(kind):
                raise UsageError(f"{name} is one of {', '.join(kind)}; got {word!r}")
            object.__setattr__(self, name, kind(word))
        for name in ("pixel_mm", "slice_mm", "step_mm", "field_mm", "mas"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f"{name} must be positive, got {value}")
        if self.noise_hu < 0:
            raise UsageError(f"noise_hu must not be negative, got {self.noise_hu}")

    @property
    def step(self) -> float:
        """Distance between slices, mm."""
        return self.slice_mm if self.step_mm is None else self.step_mm
