"""What a person does, in one place: opens, judges, labels, plans, drags, approves, exports.

All models and the engine meet here; widgets call it and listen to the models.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psygnal import Signal

from napari_procguide.engine.messages import (
    Evaluated,
    FramesShown,
    Judged,
    Labelled,
    Listed,
    Opened,
    Planned,
    ResultsRead,
    Written,
)
from napari_procguide.models.cine import CineModel
from napari_procguide.models.jobs import Asked, Jobs
from napari_procguide.models.measurements import MeasurementsModel
from napari_procguide.models.memory import Memory, restore, state_of
from napari_procguide.models.plan import PlanModel
from napari_procguide.models.study import Lattice, StudyModel
from napari_procguide.models.view import ViewModel
from procguide.geometry import Vector

__all__ = ["Assistant"]


class Assistant:
    """The models and the actions on them. ``said`` is a line for the status bar."""

    said = Signal(str)
    exported = Signal(object)
    thumbnails_made = Signal(object)

    def __init__(self, engine: Asked) -> None:
        self.jobs = Jobs(engine)
        self.study, self.view, self.plan = StudyModel(), ViewModel(), PlanModel()
        self.cine, self.measurements = CineModel(), MeasurementsModel()
        self.memory: Memory | None = None
        self._results: Path | None = None
        self._dragging = False
        self._waiting: tuple[Vector, Vector] | None = None

    def open(self, path: Path) -> None:
        """List what ``path`` holds, and show the series that serves planning best.

        A folder that ``procguide plan`` wrote lays its needles over the study that is open.
        """
        folder = path.parent if path.name == "plan.json" else path
        if (folder / "plan.json").is_file():
            self.open_results(folder)
            return
        self.jobs.run("Opening", "list_series", self._listed, path=Path(path))

    def open_results(self, folder: Path) -> None:
        """Lay a written plan's needles over the study; where none is open, over the next one."""
        if self.study.image is None:
            self._results = folder
            self.said.emit("Now open the study that this plan was made of: its needles come with it")
            return
        self._results = None
        self.jobs.run("Opening the plan", "read_results", self._results_read, path=folder)

    def _results_read(self, found: ResultsRead) -> None:
        words = [f"{len(found.needles)} needles of {found.path.name}"]
        if found.same_images is False:
            words.append("MADE OF OTHER IMAGES than those shown: they may not lie where they belong")
        elif found.same_images is None:
            words.append("whether it was made of these images is not known")
        if found.approved is None:
            words.append("nobody has approved it")
        else:
            words.append(f"approved by {found.approved['by']}, {found.approved['time_utc']}")
        said = "; ".join(words)
        self.plan.wish(found.request)
        self.plan.set_sitting({one.name: (one.entry, one.target) for one in found.needles}, said)
        self.view.point = found.needles[0].target
        self.said.emit(said)

    def remember(self) -> None:
        """Keep how the series shown is looked at, for the next time."""
        opened = self.study.opened
        if self.memory is not None and opened is not None:
            self.memory.keep(opened.key, state_of(self))

    def _take_up(self, found: Opened) -> None:
        """As it was left, if it is remembered; then a plan that waits for its study."""
        if self.memory is not None:
            if restore(self, self.memory.recall(found.key)):
                self.said.emit("Taken up where it was left")
            labels = self.memory.labels(found.key)
            if labels.is_file():
                self.jobs.run("Taking up labels", "take_up_labels", self.study.set_labelled, file=labels)
        if self._results is not None:
            self.open_results(self._results)

    def open_sample(self) -> None:
        """The synthetic study; it is made where the package has none beside it."""
        self.jobs.run("Opening the sample", "list_sample", self._listed)

    def _listed(self, found: Listed) -> None:
        self.study.set_listed(found)
        if found.first is not None:
            self.show(found.first)
        elif found.series:
            self.show_frames(found.series[0].number)
        self.jobs.run("Thumbnails", "thumbnails", self.thumbnails_made.emit, quiet=True)

    def show(self, number: int) -> None:
        """Show one of the listed series in the panes."""

        def opened(found: Opened) -> None:
            image = Lattice.read(found.image)
            self.plan.set_planned(None)
            self.plan.set_sitting({})
            self.measurements.set_done(())
            self.study.set_opened(found, image)
            self.view.window = found.window
            self.view.set_box(image.low, image.high)
            self._take_up(found)
            if found.straightened:
                self.said.emit("Acquired obliquely: shown straightened, in the patient's own axes")

        self.jobs.run("Opening", "show", opened, number=number)

    def show_beside(self, number: int) -> None:
        """Show another series beside the one in which is planned."""
        self.jobs.run("Opening", "beside", self.study.set_beside, number=number)

    def show_frames(self, number: int) -> None:
        """Show a series of pictures in a pane of its own."""

        def opened(found: FramesShown) -> None:
            self.cine.set_shown(found)

        self.jobs.run("Opening", "frames", opened, number=number)

    def judge(self) -> None:
        """Ask the quality checks."""

        def judged(found: Judged) -> None:
            self.study.set_judged(found)

        self.jobs.run("Quality", "judge", judged)

    def segment(self, lowest_level: str | None = None, labels: Path | None = None) -> None:
        """Label the spine."""
        self.jobs.run("Segmentation", "segment", self._labelled, lowest_level=lowest_level, labels=labels)

    def rename(self, point: Vector, level: str) -> None:
        """Name a vertebra; the others follow."""
        self.jobs.run("Naming levels", "rename", self._labelled, point=point, level=level)

    def take_edited(self, levels: Path | None, regions: Path | None = None) -> None:
        """Take labels that a person has edited."""
        self.jobs.run("Taking edited labels", "edited", self._labelled, levels=levels, regions=regions)

    def _labelled(self, found: Labelled) -> None:
        self.plan.set_planned(None)
        self.plan.set_sitting({})
        self.study.set_labelled(found)
        opened = self.study.opened
        if self.memory is not None and opened is not None:
            labels = self.memory.labels(opened.key)
            self.jobs.run("Keeping labels", "keep_labels", _done, quiet=True, file=labels)

    def degibbs(self, *, keep: bool = False) -> None:
        """Take ringing out of an MR series, to be looked at beside the image."""

        def done(found: Mapping[str, Any]) -> None:
            self.study.set_unrung(Lattice.read(found["image"]))
            words = f"Changed by {found['mean_change']:.2g} on average, {found['largest_change']:.3g} at most"
            self.said.emit("; ".join([words, *found["cautions"]]))

        self.jobs.run("Removing ringing", "degibbs", done, keep=keep)

    def make_plan(self, procedure: str, level: str, side: str | None) -> None:
        """Search needles for a request."""

        def planned(found: Planned) -> None:
            self.plan.request = {"procedure": procedure, "level": level, "side": side}
            self.plan.set_planned(found)
            self.fly_to(0)
            if not found.plan_set.plans:
                self.said.emit(found.plan_set.reason)

        self.jobs.run("Planning", "make_plan", planned, procedure=procedure, level=level, side=side)

    def rerank(self, weights: Mapping[str, float]) -> None:
        """Rank the same search by other weights."""
        self.jobs.run("Ranking", "rerank", self.plan.set_planned, quiet=True, weights=dict(weights))

    def fly_to(self, row: int) -> None:
        """Choose a plan, and bring its target into every pane."""
        self.plan.choose(row)
        if self.plan.needle is not None:
            self.view.point = self.plan.needle.target

    def drag(self, entry: Vector, target: Vector) -> None:
        """Move the needle, and have it judged: of places that come quicker than answers, the last."""
        if self.plan.needle is None or self.plan.locked:
            return
        if self._dragging:
            self._waiting = (entry, target)
        else:
            self._ask_about(entry, target)  # first, so that the engine judges while the panes get ready
        self.plan.move(entry, target)

    def _ask_about(self, entry: Vector, target: Vector) -> None:
        self._dragging = True

        def judged(found: Evaluated) -> None:
            self._dragging = False
            self.plan.set_evaluated(found)
            waiting, self._waiting = self._waiting, None
            if waiting is not None:
                self._ask_about(*waiting)

        ends = {"hub": entry, "tip": target}
        self.jobs.run("Needle", "drag", judged, quiet=True, otherwise=self._not_judged, **ends)

    def _not_judged(self) -> None:
        self._dragging, self._waiting = False, None

    def keep_needle(self) -> None:
        """Put the dragged needle among the plans."""
        needle = self.plan.needle
        if needle is None:
            return

        def kept(found: Planned) -> None:
            self.plan.set_planned(found, choose=len(found.plan_set.plans) - 1)

        self.jobs.run("Keeping the needle", "keep_drawn", kept, hub=needle.entry, tip=needle.target)

    def add_to_sitting(self) -> None:
        """Keep the chosen needle beside the next request's, to be seen and written together."""
        plan = self.plan.plan
        if plan is not None:
            self.jobs.run("Keeping the needle", "add_to_sitting", self.plan.set_kept, rank=plan.rank)

    def clear_sitting(self) -> None:
        """Forget the needles kept together."""
        self.plan.set_sitting({})
        self.jobs.run("Clearing the sitting", "clear_sitting", _done, quiet=True)

    def export(self, folder: Path, *, of_sitting: bool = False, force: bool = False) -> None:
        """Write everything that ``procguide plan`` writes, of one request or of the sitting."""

        def done(written: Written) -> None:
            self.plan.set_written(written)
            self.exported.emit(written.folder)
            self.said.emit(f"{len(written.files)} files written to {written.folder}")

        task = "export_sitting" if of_sitting else "export"
        self.jobs.run("Exporting", task, done, folder=Path(folder), force=force)

    def approve(self, by: str, reason: str, organisation: str = "") -> None:
        """Record a named person's approval in the exported folder: of the chosen plan, or of the sitting."""
        written, plan = self.plan.written, self.plan.plan
        if written is None or plan is None:
            self.jobs.failed.emit("Export the plan first: an approval is written into its files.", "")
            return
        rank = None if written.sitting else plan.rank
        wishes: dict[str, Any] = {"by": by, "reason": reason, "organisation": organisation}
        approved = self.plan.set_approved
        self.jobs.run("Approving", "approve", approved, folder=written.folder, rank=rank, **wishes)

    def cancel(self) -> None:
        """Stop all work."""
        self._dragging, self._waiting = False, None
        self.jobs.cancel()
        self.said.emit("Stopped")


def _done(_result: object) -> None:
    """Nothing follows."""
