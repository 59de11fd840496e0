"""Images with their place in the patient, and moving them between lattices."""

from procguide.imaging.frame import (
    CarmView,
    Cine,
    Frame,
    LookupTable,
    PixelSize,
    SpacingPlane,
    UltrasoundRegion,
    View,
    Window,
)
from procguide.imaging.volume import Grid, LabelMap, Modality, Volume

__all__ = [
    "CarmView",
    "Cine",
    "Frame",
    "Grid",
    "LabelMap",
    "LookupTable",
    "Modality",
    "PixelSize",
    "SpacingPlane",
    "UltrasoundRegion",
    "View",
    "Volume",
    "Window",
]
