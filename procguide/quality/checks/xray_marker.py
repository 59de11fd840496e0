"""Whether a radiograph says which side is which: its lead letter, L or R."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from procguide.quality.checks.xray_exposure import field_of
from procguide.quality.nouns import Box, Check, Examined, Kind, Limits, Score, Worse

__all__ = ["CHECKS"]

_SIDE = 24
_ALIKE = 0.7
"""Correlation with a letter's drawing from which a mark is taken for it."""
_LETTERS = "LRABDEFPTUXYZ25"


def _marker(examined: Examined) -> Score | None:
    if examined.frame is None or (field := field_of(examined)) is None:
        return None
    view = examined.frame.view
    if view.laterality or len(view.orientation) == 2:
        return Score(1.0, None, {"said": "The file says which side is which."})
    read = [(_read(mark), box) for mark, box in _marks(1 - field.light, field.factor)]
    read = [(found, box) for found, box in read if found[1] in ("L", "R") and found[0] > _ALIKE]
    if not read:
        return Score(0.0, None, {"said": "No L or R can be read on the picture."})
    tallest = max(_height(box) for _, box in read)  # initials beside the letter are smaller
    read = [(found, box) for found, box in read if _height(box) > 0.8 * tallest]
    if len({found[1:] for found, _ in read}) > 1:
        return Score(0.0, read[0][1], {"said": "Marks on the picture read as L and as R."})
    (_, letter, mirrored), box = max(read, key=lambda entry: entry[0])
    if mirrored:
        return Score(-1.0, box, {"said": f"The letter {letter} reads mirrored: the picture is turned over."})
    return Score(1.0, box, {"said": f"A letter {letter} can be read."})


def _height(box: Box) -> int:
    return box.high[0] - box.low[0]


def _marks(shown: NDArray[np.float32], factor: int) -> Iterator[tuple[NDArray[np.float32], Box]]:
    """White marks of a letter's size and openness, cut out square, with their box in pixels."""
    from scipy.ndimage import find_objects, label, uniform_filter

    tall = shown.shape[0]
    lead = max(0.72, 0.75 * float(np.percentile(shown, 99.9)))
    white = (shown > lead) & (shown > uniform_filter(shown, max(tall // 8, 5)) + 0.18)
    parts, _ = label(white, np.ones((3, 3)))
    for n, place in enumerate(find_objects(parts), start=1):
        part = parts[place] == n
        rows, columns = part.shape
        if rows < 9 or not (0.018 < rows / tall < 0.11 and 0.3 < columns / rows < 1.25):
            continue
        if not 0.15 < part.mean() < 0.75:
            continue
        low = (place[0].start * factor, place[1].start * factor)
        high = (place[0].stop * factor, place[1].stop * factor)
        yield _square(part.astype(np.float32)), Box(low, high)


def _square(part: NDArray[Any]) -> NDArray[np.float32]:
    """Stretched to ``_SIDE`` x ``_SIDE``."""
    from scipy.ndimage import gaussian_filter, zoom

    filled = zoom(part, (_SIDE / part.shape[0], _SIDE / part.shape[1]), order=1)
    return np.asarray(gaussian_filter(filled, 0.8), np.float32)


def _read(mark: NDArray[Any]) -> tuple[float, str, bool]:
    """The likeliest letter: how like, which, and whether it is mirrored."""
    flat = mark - mark.mean()
    flat /= max(float(np.linalg.norm(flat)), 1e-6)
    scores = [(float((flat * drawn).sum()), letter, mirrored) for letter, mirrored, drawn in _drawings()]
    return max(scores)


@lru_cache(maxsize=1)
def _drawings() -> tuple[tuple[str, bool, NDArray[np.float32]], ...]:
    """Letters thin and bold, as they are and mirrored: other ones to tell L and R from them."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(64)
    drawn = []
    for letter in _LETTERS:
        for bold in (0, 3, 6):
            canvas = Image.new("L", (128, 128))
            ImageDraw.Draw(canvas).text((30, 20), letter, fill=255, font=font, stroke_width=bold)
            ink = np.asarray(canvas.crop(canvas.getbbox()), np.float32) / 255
            for mirrored in (False, True):
                flat = _square(ink[:, ::-1] if mirrored else ink)
                flat = flat - flat.mean()
                drawn.append((letter, mirrored, flat / np.linalg.norm(flat)))
    return tuple(drawn)


CHECKS = (
    Check(
        "side marker",
        frozenset((Kind.RADIOGRAPH,)),
        "letters",
        _marker,
        Limits(0.5, None, Worse.BELOW, "a side is never guessed; what counts as read: docs/quality_2d.md"),
        "{said}",
        "Confirm the side with the patient and the technologist before anything is planned on it.",
        "{said}",
    ),
)
