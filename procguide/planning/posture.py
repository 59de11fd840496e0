"""How the patient lies for a procedure, and whether the image was taken so."""

from __future__ import annotations

from enum import StrEnum

from procguide.anatomy import Side
from procguide.findings import Finding, Severity
from procguide.geometry import Vector
from procguide.planning.catalogue import Procedure

__all__ = ["Lying", "lying_of", "posture_finding"]

_EITHER_SIDE = ("on the side", "lateral")
_POSTURES = {"S": "supine", "P": "prone", "DR": "on the right side", "DL": "on the left side"}


class Lying(StrEnum):
    """What of the patient is up during the procedure."""

    PRONE = "prone"
    SUPINE = "supine"
    LEFT_UP = "left side up"
    RIGHT_UP = "right side up"

    @property
    def up(self) -> Vector:
        """From the table to the ceiling, LPS."""
        return {
            Lying.PRONE: (0.0, 1.0, 0.0),
            Lying.SUPINE: (0.0, -1.0, 0.0),
            Lying.LEFT_UP: (1.0, 0.0, 0.0),
            Lying.RIGHT_UP: (-1.0, 0.0, 0.0),
        }[self]

    def dial_deg(self, oblique_deg: float) -> float:
        """The C-arm's own oblique from vertical for one that counts from the patient's back.

        Prone and supine: positive toward the patient's left. On the side: positive toward the back.
        """
        turned = {
            Lying.PRONE: oblique_deg,
            Lying.SUPINE: 180.0 - oblique_deg,
            Lying.LEFT_UP: 90.0 - oblique_deg,
            Lying.RIGHT_UP: 90.0 + oblique_deg,
        }[self]
        return turned - 360.0 * round(turned / 360.0)


def lying_of(position: str, side: Side | None) -> Lying:
    """From a procedure's ``position`` in words.

    On the left side, the right is up; where it does not say which side, the procedure's own is up.
    """
    first = position.strip().lower()
    if first.startswith("supine"):
        return Lying.SUPINE
    if first.startswith("on the left side") or (first.startswith(_EITHER_SIDE) and side is Side.RIGHT):
        return Lying.RIGHT_UP
    if first.startswith("on the right side") or (first.startswith(_EITHER_SIDE) and side is Side.LEFT):
        return Lying.LEFT_UP
    return Lying.PRONE


def posture_finding(
    procedure: Procedure, patient_position: str, *, on_mri: bool = False
) -> tuple[Finding, ...]:
    """A caution where image and procedure differ in posture; nothing where it is not known or agrees.

    ``patient_position`` is DICOM (0018,5100), PS3.3 C.7.3.1.1.2: head or feet first, then the posture. An MRI
    that does not say it is taken for one of a patient who lay supine, as most do.
    """
    posture = _POSTURES.get(patient_position[2:].upper()) if patient_position[:2] in ("HF", "FF") else None
    taken = f"The image was taken {posture}"
    if posture is None and on_mri:
        posture = _POSTURES["S"]
        taken = "The image does not say how the patient lay; most MRI is taken supine"
    if posture is None or procedure.position.startswith(posture):
        return ()
    planned = procedure.position.split(",")[0]
    return (
        Finding(
            "posture",
            Severity.CAUTION,
            f"{taken}, the procedure is done {planned}: depth, skin and the spine's curve will differ.",
            "Check depth and angles under fluoroscopy; angles are relative to the patient, not the table.",
        ),
    )
