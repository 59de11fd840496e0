"""What can be planned, and where the study shows it."""

from __future__ import annotations

from functools import lru_cache

from napari_procguide.engine.messages import Labelled
from procguide.planning import Procedure, load_catalogue

__all__ = ["levels_in_view", "procedures"]


@lru_cache(maxsize=1)
def procedures() -> tuple[Procedure, ...]:
    """The catalogue, by name."""
    return tuple(sorted(load_catalogue().values(), key=lambda one: one.title))


def levels_in_view(procedure: Procedure, labelled: Labelled | None) -> list[str]:
    """The levels that ``procedure`` takes and whose bones are in view; all where nothing is labelled."""
    allowed = list(procedure.level.allowed)
    if labelled is None:
        return allowed
    seen = {*labelled.spine.levels, *(["S1", "sacrum"] if labelled.spine.sacrum is not None else [])}
    if procedure.level.names == "sacrum":
        return allowed if labelled.spine.sacrum is not None else []
    return [level for level in allowed if set(level.split("-")) <= seen]
