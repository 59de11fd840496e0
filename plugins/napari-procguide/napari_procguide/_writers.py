"""Writing a layer with its place in the patient: NIfTI, NRRD, MetaImage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from procguide.errors import UsageError

__all__ = ["write_layer"]


def write_layer(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write a 3D layer whose axes are (superior, posterior, left) in mm; others are refused."""
    from procguide.geometry import Affine
    from procguide.imaging import Volume
    from procguide.imaging.files import write_image

    voxels = np.asarray(data)
    scale, place = np.asarray(attributes["scale"]), np.asarray(attributes["translate"])
    if voxels.ndim != 3 or len(scale) != 3:
        raise UsageError("Only 3D layers have a place in the patient; choose a layer of a study.")
    volume = Volume(voxels, Affine.axis_aligned(scale, place[::-1]))
    return [str(write_image(volume, Path(path)))]
