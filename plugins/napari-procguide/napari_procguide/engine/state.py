"""What the engine holds: the study, the series shown, its labels, the search of the last plan."""

from __future__ import annotations

import contextlib
import pickle
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_procguide.engine.messages import GridShown
from procguide.cli.pipeline import Anatomy, Case
from procguide.dicom import Study
from procguide.errors import UsageError
from procguide.findings import Finding
from procguide.imaging import Grid

if TYPE_CHECKING:
    from procguide.planning import CArm, Frontier, Plan, PlanSet, Subject
    from procguide.planning import Request as PlanRequest

__all__ = ["Kept", "Planned", "State"]


@dataclass(eq=False)
class Planned:
    """One needle's search and its plans; ``drawn`` are needles that a person set, in the order kept."""

    request: PlanRequest
    subject: Subject
    frontier: Frontier
    carm: CArm
    plan_set: PlanSet
    drawn: list[Plan] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Kept:
    """A needle of a sitting: what was asked for, all its plans, and the one that a person chose."""

    request: PlanRequest
    plan_set: PlanSet
    plan: Plan


class State:
    """Held in memory; case, labels and sitting also in the scratch folder, for an engine that takes over."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self._study: Study | None = None
        self.planned: Planned | None = None
        self._sitting: dict[str, Kept] | None = None
        self._case: Case | None = None
        self._anatomy: Anatomy | None = None
        self._count = 0
        self._newest: dict[str, Path] = {}

    @property
    def study(self) -> Study:
        """What was opened."""
        if self._study is None:
            self._study = self._taken_up("study")
        if self._study is None:
            raise UsageError("No study is open. Open one first.")
        return self._study

    @study.setter
    def study(self, study: Study) -> None:
        self._study = study
        self._keep("study", study)

    @property
    def case(self) -> Case:
        """The series that is shown."""
        if self._case is None:
            self._case = self._taken_up("case")
        if self._case is None:
            raise UsageError("No study is open. Open one first.")
        return self._case

    @case.setter
    def case(self, case: Case) -> None:
        self._case = case
        self._keep("case", case)
        self._forget_labels()

    def case_quality(self, faults: tuple[Finding, ...]) -> None:
        """Keep what the checks found with the case, for the plan to ask; labels stay."""
        case = self.case
        said = {finding.name for finding in case.findings}
        added = tuple(finding for finding in faults if finding.name not in said)
        self._case = replace(case, findings=(*case.findings, *added))
        self._keep("case", self._case)

    @property
    def anatomy(self) -> Anatomy:
        """The labels of the series that is shown."""
        if self._anatomy is None:
            self._anatomy = self._taken_up("anatomy")
        if self._anatomy is None:
            raise UsageError("The spine is not labelled yet. Press Segment first.")
        return self._anatomy

    @anatomy.setter
    def anatomy(self, anatomy: Anatomy) -> None:
        self._anatomy = anatomy
        self._keep("anatomy", anatomy)
        self.planned, self.sitting = None, {}

    @property
    def search(self) -> Planned:
        """The last plan's."""
        if self.planned is None:
            raise UsageError("Nothing is planned yet. Press Plan first.")
        return self.planned

    @property
    def sitting(self) -> dict[str, Kept]:
        """The needles kept together, by name."""
        if self._sitting is None:
            self._sitting = self._taken_up("sitting") or {}
        return self._sitting

    @sitting.setter
    def sitting(self, sitting: dict[str, Kept]) -> None:
        self._sitting = sitting
        self._keep("sitting", sitting)

    def fresh(self, name: str) -> Path:
        """A file that the window does not read yet; those of the name before go, but the last one."""
        self._count += 1
        for old in self.scratch.glob(f"{name}-*.npy"):
            if old != self._newest.get(name):  # which the window may yet have to read
                with contextlib.suppress(OSError):  # still read, where a file that is open cannot go
                    old.unlink()
        self._newest[name] = self.scratch / f"{name}-{self._count}.npy"
        return self._newest[name]

    def save(self, name: str, array: NDArray[Any], grid: Grid) -> GridShown:
        """``array`` on the axis-aligned ``grid`` (superior, posterior, left) as a file for the window."""
        file = self.fresh(name)
        np.save(file, array)
        x, y, z = (float(value) for value in grid.affine.origin)
        k, j, i = (float(step) for step in grid.affine.spacing)
        return GridShown(file, (z, y, x), (k, j, i))

    def _keep(self, name: str, value: object) -> None:
        with (self.scratch / f"{name}.pkl").open("wb") as stream:
            pickle.dump(value, stream, protocol=5)

    def _taken_up(self, name: str) -> Any:
        file = self.scratch / f"{name}.pkl"
        if not file.exists():
            return None
        with file.open("rb") as stream:
            return pickle.load(stream)  # noqa: S301 (our own file, in a folder that only this user reads)

    def _forget_labels(self) -> None:
        self._anatomy = self.planned = None
        self.sitting = {}
        (self.scratch / "anatomy.pkl").unlink(missing_ok=True)
