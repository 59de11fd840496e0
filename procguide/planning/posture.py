"""Whether the patient lay for the image as the procedure will have it."""

from __future__ import annotations

from procguide.findings import Finding, Severity
from procguide.planning.catalogue import Procedure

__all__ = ["posture_finding"]

_POSTURES = {"S": "supine", "P": "prone", "DR": "on the right side", "DL": "on the left side"}


def posture_finding(procedure: Procedure, patient_position: str) -> tuple[Finding, ...]:
    """A caution where image and procedure differ in posture; nothing where it is not known or agrees.

    ``patient_position`` is DICOM (0018,5100), PS3.3 C.7.3.1.1.2: head or feet first, then the posture.
    """
    posture = _POSTURES.get(patient_position[2:].upper()) if patient_position[:2] in ("HF", "FF") else None
    if posture is None or procedure.position.startswith(posture):
        return ()
    planned = procedure.position.split(",")[0]
    return (
        Finding(
            "posture",
            Severity.CAUTION,
            f"The image was taken {posture}, the procedure is done {planned}: depth, skin and the spine's "
            "curve will differ.",
            "Check depth and angles under fluoroscopy; angles are relative to the patient, not the table.",
        ),
    )
