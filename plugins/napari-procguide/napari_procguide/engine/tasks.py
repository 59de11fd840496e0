"""What the engine can be asked for, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from napari_procguide.engine import kept_labels, labelling, opening, planning, results, sitting
from procguide.cli.steps import Steps

__all__ = ["TASKS", "warm_up"]


def warm_up(_state: Any, _steps: Steps) -> None:
    """Import what the first segmentation and plan need, while nobody waits."""
    import procguide.quality.assess
    import procguide.segmentation.segment  # noqa: F401


TASKS: Mapping[str, Callable[..., Any]] = {
    "add_to_sitting": sitting.add_to_sitting,
    "approve": planning.approve,
    "beside": opening.beside,
    "clear_sitting": sitting.clear_sitting,
    "degibbs": labelling.degibbs,
    "drag": planning.drag,
    "edited": labelling.edited,
    "export": planning.export,
    "export_sitting": sitting.export_sitting,
    "frames": opening.frames,
    "judge": labelling.judge,
    "keep_drawn": planning.keep_drawn,
    "keep_labels": kept_labels.keep_labels,
    "list_sample": opening.list_sample,
    "list_series": opening.list_series,
    "plan": planning.make_plan,
    "read_results": results.read_results,
    "rename": labelling.rename,
    "rerank": planning.rerank,
    "segment": labelling.segment,
    "show": opening.show,
    "take_up_labels": kept_labels.take_up_labels,
    "thumbnails": opening.thumbnails,
    "warm_up": warm_up,
}
