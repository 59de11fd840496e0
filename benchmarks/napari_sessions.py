"""Whole sessions of the napari plugin on real studies, through its widgets, a picture of each step.

    python benchmarks/napari_sessions.py [--only abdomen mri] [--pictures FOLDER]

A window on an X server of its own (xvfb-run) where there is no display. The pictures are for looking at:
side, level, needle in place, nothing cut off.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "plugins" / "napari-procguide" / "tests")]

from benchmarks.napari_guide import Photographed  # noqa: E402
from benchmarks.napari_plugin import on_own_screen  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
FILES = ("plan.json", "report.html", "plan.mrk.json")


@dataclass(frozen=True)
class Session:
    """A study, and what is planned in it; ``side`` as the panel words it."""

    path: Path
    procedure: str
    level: str
    side: str


SESSIONS = {
    "abdomen": Session(DATA / "ct_abdomen_dicom", "transforaminal_esi_subpedicular", "L3-L4", "left"),
    "mri": Session(
        DATA / "mri_lumbar" / "VB1_02_image.nii.gz", "lumbar_interlaminar_esi", "L4-L5", "no side"
    ),
}


def run(name: str, pictures: Path) -> dict[str, Any]:
    """One session; what took how long and what came of it."""
    wanted = SESSIONS[name]
    pictures.mkdir(parents=True, exist_ok=True)
    session = Photographed(pictures)
    failed: list[str] = []
    session.assistant.jobs.failed.connect(lambda words, _trace: failed.append(words))
    found: dict[str, Any] = {"study": wanted.path.name, "first_image_s": round(session.open(wanted.path), 2)}
    session.take(f"{name}_1_open")
    found |= _label(session, failed)
    session.take(f"{name}_2_spine")
    if session.assistant.study.labelled is not None:
        found |= _plan(session, wanted, failed)
        session.take(f"{name}_3_plan")
    if session.assistant.plan.needle is not None:
        found |= _drag(session)
        session.take(f"{name}_4_drag")
        _click(session.workspace.plan.undo)
        found |= _approve(session)
        session.take(f"{name}_5_approved")
    session.close()
    return {**found, "refused": failed}


def _click(widget: Any) -> None:
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    assert widget.isEnabled(), widget.text()
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def _label(session: Photographed, failed: list[str]) -> dict[str, Any]:
    session.tab(session.workspace.spine)
    start = time.perf_counter()
    _click(session.workspace.spine.segment)
    session.wait(lambda: session.assistant.study.labelled is not None or bool(failed), 1200)
    labelled = session.assistant.study.labelled
    levels = [] if labelled is None else [one.level for one in labelled.spine.vertebrae]
    return {"labelled_s": round(time.perf_counter() - start, 1), "levels": levels}


def _plan(session: Photographed, wanted: Session, failed: list[str]) -> dict[str, Any]:
    panel, plan = session.workspace.plan, session.assistant.plan
    session.tab(panel)
    panel.procedure.setCurrentIndex(panel.procedure.findData(wanted.procedure))
    panel.level.setCurrentText(wanted.level)
    panel.side.setCurrentText(wanted.side)
    start = time.perf_counter()
    _click(panel.plan)
    session.wait(lambda: plan.planned is not None or bool(failed), 600)
    session.rest()
    needles = [] if plan.plan_set is None else plan.plan_set.plans
    asked = f"{wanted.procedure} {wanted.level} {wanted.side}"
    return {"asked": asked, "planned_s": round(time.perf_counter() - start, 1), "needles": len(needles)}


def _drag(session: Photographed) -> dict[str, Any]:
    """The needle's entry by the mouse in the axial pane, 12 mm toward the patient's left."""
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    plan, pane = session.assistant.plan, session.workspace.panes.panes["axial"]
    entry = plan.needle.entry

    def pixel(point: tuple[float, float, float]) -> Any:
        right, down, _ = pane.plane.to_plane(point)
        return pane.scale().to_pixel(float(right), float(down)).toPoint()

    QTest.mousePress(pane, Qt.MouseButton.LeftButton, pos=pixel(entry))
    for step in range(1, 5):
        place = pixel((entry[0] + 3 * step, *entry[1:]))
        assert pane.tool is not None
        pane.tool.move(_move_to(place))
        session.wait(lambda: plan.needle.judged)
    QTest.mouseRelease(pane, Qt.MouseButton.LeftButton, pos=pixel(plan.needle.entry))
    return {"dragged": plan.needle.dragged, "breaks": list(plan.needle.broken)}


def _move_to(place: Any) -> Any:
    from qtpy.QtCore import QEvent, QPointF, Qt
    from qtpy.QtGui import QMouseEvent

    left, no_key = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    where = QPointF(place)
    return QMouseEvent(QEvent.Type.MouseMove, where, where, left, left, no_key)


def _approve(session: Photographed) -> dict[str, Any]:
    from procguide.approval import approval_of

    panel, plan = session.workspace.plan, session.assistant.plan
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "plan"
        panel.export_to(folder)
        session.wait(lambda: plan.folder == folder, 600)
        _click(panel.approve)
        dialog = panel.dialog
        dialog.name.setText("Jane Doe")
        dialog.reason.setText("path clear on all slices")
        dialog.looked.setChecked(True)
        _click(dialog.ok)
        session.wait(lambda: plan.approved is not None)
        approval = approval_of(json.loads((folder / "plan.json").read_text()))
        files = [name for name in FILES if (folder / name).is_file()]
    return {"files": files, "approved_by": None if approval is None else approval.by}


def main() -> None:
    """The sessions, and their figures to ``results/napari_sessions.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(SESSIONS), default=list(SESSIONS))
    parser.add_argument("--pictures", type=Path, default=Path(tempfile.gettempdir()) / "napari_sessions")
    wishes = parser.parse_args()
    on_own_screen()
    os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="procguide-session-")
    from benchmarks.recording import RESULTS, write_result

    load = os.getloadavg()[0]
    file = RESULTS / "napari_sessions.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    figures = {name: known[name] for name in SESSIONS if name in known}
    for name in wishes.only:
        figures[name] = run(name, wishes.pictures)
    write_result("napari_sessions", figures, load)


if __name__ == "__main__":
    main()
