"""Beside the anterolateral margin of a lumbar body, where the sympathetic trunk runs before the psoas."""

from procguide.planning.zones.margin import about_margin as centre
from procguide.planning.zones.margin import beside_margin as sample

__all__ = ["centre", "sample"]
