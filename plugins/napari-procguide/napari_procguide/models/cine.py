"""Pictures one after the other: which is shown, whether they play, how fast."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_procguide.engine.messages import FramesShown

__all__ = ["CineModel"]

_RATE_HZ = 15.0
"""Where the file says none (assumed: a usual rate of fluoroscopy)."""
_RATES_HZ = (0.5, 60.0)


class CineModel:
    """The frames that are open. ``at`` counts from 0; a cine that plays begins again after its last frame."""

    frames_changed = Signal()
    at_changed = Signal()
    playing_changed = Signal()

    def __init__(self) -> None:
        self.shown: FramesShown | None = None
        self._frames: NDArray[np.uint8] | None = None
        self._at = 0
        self._playing = False
        self._rate_hz = _RATE_HZ

    def set_shown(self, shown: FramesShown | None) -> None:
        """Other frames; None closes them."""
        self.playing = False
        self.shown = shown
        self._frames = None if shown is None else np.load(shown.file, mmap_mode="r")
        self._at = 0
        self.rate_hz = _RATE_HZ if shown is None or not shown.rate_hz else shown.rate_hz
        self.frames_changed.emit()

    @property
    def count(self) -> int:
        """How many frames there are."""
        return 0 if self._frames is None else len(self._frames)

    @property
    def frame(self) -> NDArray[Any] | None:
        """The picture shown, ``(rows, columns)`` or ``(rows, columns, 3)``, 0..255."""
        return None if self._frames is None else np.ascontiguousarray(self._frames[self._at])

    @property
    def at(self) -> int:
        """Which frame is shown."""
        return self._at

    @at.setter
    def at(self, number: int) -> None:
        number = max(0, min(int(number), self.count - 1))
        if number != self._at:
            self._at = number
            self.at_changed.emit()

    def step(self, steps: int = 1) -> None:
        """On by ``steps``, round the ends."""
        if self.count:
            self.at = (self._at + steps) % self.count

    @property
    def playing(self) -> bool:
        """Whether frames follow one another by themselves; a single one never does."""
        return self._playing

    @playing.setter
    def playing(self, playing: bool) -> None:
        playing = bool(playing) and self.count > 1
        if playing != self._playing:
            self._playing = playing
            self.playing_changed.emit()

    @property
    def rate_hz(self) -> float:
        """Frames a second."""
        return self._rate_hz

    @rate_hz.setter
    def rate_hz(self, rate: float) -> None:
        self._rate_hz = float(np.clip(rate, *_RATES_HZ))
        self.playing_changed.emit()

    @property
    def words(self) -> str:
        """The counter, and what is known of the frames: ``"frame 3 / 40, 0.13 s"``."""
        if self.shown is None:
            return ""
        words = f"frame {self._at + 1} / {self.count}"
        if self.shown.rate_hz:
            words += f", {self._at / self.shown.rate_hz:.2f} s"
        return words
