"""``preview.png``: a segmentation at a glance, in 3D and on three planes."""

from procguide.reporting.preview.draw import draw_preview, write_preview

__all__ = ["draw_preview", "write_preview"]
