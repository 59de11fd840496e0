"""Formats of systems outside: 3D Slicer."""

from procguide.exchange.skin_mesh import write_skin_mesh
from procguide.exchange.slicer import write_markups

__all__ = ["write_markups", "write_skin_mesh"]
