"""Whether an image will do: what is unfit, why, and what to do about it."""

from procguide.quality.nouns import Acquisition, Box, Check, Examined, Kind, Limits, Score, Worse

__all__ = ["Acquisition", "Box", "Check", "Examined", "Kind", "Limits", "Score", "Worse"]
