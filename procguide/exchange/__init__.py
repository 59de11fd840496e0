"""Formats of systems outside: 3D Slicer."""

from procguide.exchange.slicer import write_markups

__all__ = ["write_markups"]
