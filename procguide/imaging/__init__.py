"""Images with their place in the patient, and moving them between lattices."""

from procguide.imaging.volume import Grid, LabelMap, Modality, Volume

__all__ = ["Grid", "LabelMap", "Modality", "Volume"]
