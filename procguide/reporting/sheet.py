"""A picture with words on it, whose places are known: what may not overlap can be checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

__all__ = ["Box", "Sheet", "Written", "spread", "wrapped"]

Colour = tuple[float, float, float]
_SMALLEST = 9


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels: x to the right, y downward; ``right`` and ``bottom`` are just outside it."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Across."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Down."""
        return self.bottom - self.top

    @property
    def shape(self) -> tuple[int, int]:
        """Whole rows and columns."""
        return (max(round(self.height), 1), max(round(self.width), 1))

    def overlaps(self, other: Box) -> bool:
        """Whether the two share any pixel."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def contains(self, other: Box) -> bool:
        """Whether ``other`` lies wholly within."""
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom

    def inset(self, margin: float) -> Box:
        """Smaller by ``margin`` on every side."""
        return Box(self.left + margin, self.top + margin, self.right - margin, self.bottom - margin)


@dataclass(frozen=True)
class Written:
    """Words that stand on the sheet, where, and what for (``"name"``, ``"side"``, ``"words"``)."""

    words: str
    box: Box
    kind: str


class Sheet:
    """An RGB picture that takes pictures, lines and words, and remembers the words."""

    def __init__(self, width: int, height: int, ground: Colour) -> None:
        from PIL import Image, ImageDraw

        self.box = Box(0, 0, width, height)
        self.image = Image.new("RGB", (width, height), _eight_bit(ground))
        self.written: list[Written] = []
        self._draw = ImageDraw.Draw(self.image)

    def paste(self, picture: NDArray[np.floating], box: Box) -> None:
        """``picture`` (rows, columns, 3), RGB 0 to 1, with its first pixel at ``box``'s upper left corner."""
        from PIL import Image

        pixels = np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)
        self.image.paste(Image.fromarray(pixels), (round(box.left), round(box.top)))

    def write(
        self,
        words: str,
        x: float,
        y: float,
        *,
        size: float = 16,
        colour: Colour = (1.0, 1.0, 1.0),
        rim: Colour | None = (0.0, 0.0, 0.0),
        anchor: str = "la",
        bold: bool = False,
        within: Box | None = None,
        kind: str = "words",
    ) -> Box:
        """Words at (x, y), which ``anchor`` (Pillow's two letters) says the place of; returns their box.

        They are made smaller, then cut short, and moved until they lie ``within`` (the whole sheet unless
        said).
        """
        frame = within or self.box
        stroke = max(round(size / 7), 1) if rim is not None else 0
        box = Box(*self._draw.textbbox((x, y), words, _font(size, bold), anchor, stroke_width=stroke))
        while (box.width > frame.width or box.height > frame.height) and len(words) > 2:
            if size > _SMALLEST:
                size -= 1
            else:
                words = words[:-2] + "\u2026"
            box = Box(*self._draw.textbbox((x, y), words, _font(size, bold), anchor, stroke_width=stroke))
        x += max(frame.left - box.left, 0) - max(box.right - frame.right, 0)
        y += max(frame.top - box.top, 0) - max(box.bottom - frame.bottom, 0)
        font = _font(size, bold)
        rimmed = None if rim is None else _eight_bit(rim)
        self._draw.text(
            (x, y), words, _eight_bit(colour), font, anchor, stroke_width=stroke, stroke_fill=rimmed
        )
        box = Box(*self._draw.textbbox((x, y), words, font, anchor, stroke_width=stroke))
        self.written.append(Written(words, box, kind))
        return box

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, width: int = 1) -> None:
        """A line through ``points``."""
        self._draw.line([(x, y) for x, y in points], fill=_eight_bit(colour), width=width)

    def patch(self, box: Box, colour: Colour, rim: Colour | None = None) -> None:
        """A filled rectangle."""
        corners = (box.left, box.top, box.right - 1, box.bottom - 1)
        self._draw.rectangle(corners, _eight_bit(colour), None if rim is None else _eight_bit(rim))

    def save(self, path: Path) -> None:
        """As PNG."""
        self.image.save(path, format="PNG", compress_level=4)


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Ascending ``places`` moved as little as is needed to stand ``gap`` apart, between ``low`` and ``high``.

    Least squares: neighbours that are too close share their mean (pool adjacent violators). Where there
    is no room for all, they stand evenly and closer.
    """
    if not places:
        return []
    gap = min(gap, (high - low) / max(len(places) - 1, 1))
    pools: list[tuple[float, int]] = []
    for n, place in enumerate(places):
        total, count = place - n * gap, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            before, more = pools.pop()
            total, count = total + before, count + more
        pools.append((total, count))
    level = [total / count for total, count in pools for _ in range(count)]
    top = high - (len(places) - 1) * gap
    return [min(max(value, low), top) + n * gap for n, value in enumerate(level)]


def wrapped(words: str, size: float, width: float, *, bold: bool = False) -> list[str]:
    """``words`` in lines no wider than ``width`` pixels; a longer word stands alone."""
    font = _font(size, bold)
    lines: list[str] = []
    line = ""
    for word in words.split():
        longer = f"{line} {word}".strip()
        if line and font.getlength(longer) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line] if line else lines


@lru_cache(maxsize=64)
def _font(size: float, bold: bool) -> FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib."""
    import matplotlib as mpl
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / name), round(size))


def _eight_bit(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = (round(255 * value) for value in colour)
    return (red, green, blue)
