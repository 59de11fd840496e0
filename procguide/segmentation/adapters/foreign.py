"""The nouns of a foreign model: its card, its labels, and the contract that every model here meets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from procguide.anatomy.vocabularies import Meaning
from procguide.imaging import LabelMap, Volume
from procguide.segmentation.hints import LevelAt
from procguide.segmentation.segment import Segmentation

__all__ = ["ForeignLabels", "Labeller", "ModelCard", "Progress", "Segmenter"]

Progress = Callable[[str, float], None]
"""Gets the step in words and its share done (0 to 1), on the calling thread."""


@dataclass(frozen=True)
class ModelCard:
    """Whose model it is. ``licence`` is shown before it runs and kept in ``run.json``.

    ``fingerprint`` is the start of the SHA-256 of its weights, empty where the weights lie elsewhere.
    """

    name: str
    version: str
    licence: str
    fingerprint: str = ""

    @property
    def words(self) -> str:
        """Version and fingerprint in one."""
        return " ".join(part for part in (self.version, self.fingerprint) if part)


@dataclass(frozen=True, eq=False)
class ForeignLabels:
    """A model's own integers on any lattice, and what they mean here; others mean nothing."""

    labels: LabelMap
    meanings: Mapping[int, Meaning]


class Labeller(Protocol):
    """A foreign model that answers in its own integers.

    ``label`` blocks until it is done, calls ``progress`` on the calling thread, downloads nothing and
    leaves no file. ``device`` is ``auto``, ``cpu`` or ``cuda``. Lattices of the answer may be any in the
    patient's space. Where several maps come back, later ones say more exactly what earlier ones said.
    A missing package or missing weights are :class:`procguide.errors.MissingPartError`, files that are
    not what they should be :class:`procguide.errors.InputUnreadableError`.
    """

    @property
    def card(self) -> ModelCard:
        """Whose model this is."""

    def label(self, volume: Volume, *, device: str, progress: Progress) -> tuple[ForeignLabels, ...]:
        """The model's answer for one image."""


class Segmenter(Protocol):
    """What labels a spine: the shipped networks or a foreign model.

    ``segment`` blocks until it is done and calls ``progress`` on the calling thread. The answer's two
    maps lie on one axis-aligned lattice (superior, posterior, left) round the spine: levels in VerSe
    integers, regions in this project's. ``lowest_level`` names the lowest vertebra wholly in view,
    ``level_at`` others by a point, and both go before what a model says. No spine, or no name for its
    levels, is :class:`procguide.errors.InputUnfitError`; a level is never guessed in silence.
    """

    @property
    def card(self) -> ModelCard:
        """Whose model this is."""

    def segment(
        self,
        volume: Volume,
        *,
        lowest_level: str | None = None,
        level_at: Sequence[LevelAt] = (),
        device: str = "auto",
        progress: Progress | None = None,
    ) -> Segmentation:
        """Label and name every vertebra in view."""
