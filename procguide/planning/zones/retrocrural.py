"""Behind the crus of the diaphragm, beside the front of T12 or L1, where the splanchnic nerves come down."""

from procguide.planning.zones.margin import about_margin as centre
from procguide.planning.zones.margin import beside_margin as sample

__all__ = ["centre", "sample"]
