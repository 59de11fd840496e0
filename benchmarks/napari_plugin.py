"""How quick the napari plugin is, and whether it holds the window up or memory back.

    python benchmarks/napari_plugin.py [--series ../shared/data/ct_abdomen_dicom] [--only opening ...]

A window on an X server of its own (xvfb-run) where there is no display, software OpenGL. Times are the wall's
and, of the window's thread, its own: on a busy machine only the latter tell.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "plugins" / "napari-procguide" / "tests")]

SAMPLE = ROOT / "sample_dicom" / "lumbar"
LABELS = SAMPLE / "truth" / "levels.nii.gz"
REQUEST = ("transforaminal_esi_subpedicular", "L4-L5", "left")
PARTS = ("opening", "scrolling", "dragging", "blocks", "memory")
STEPS = 40


class Window:
    """A viewer with the workspace, and waiting for it."""

    def __init__(self) -> None:
        from napari_procguide._launch import new_window
        from qtpy.QtWidgets import QApplication

        self.viewer, self.workspace = new_window()
        self.viewer.window.resize(1600, 1000)
        self.application = QApplication.instance()
        self.assistant = self.workspace.assistant
        self.wait(lambda: self.workspace.settled)

    def wait(self, condition: Callable[[], bool], seconds: float = 240.0) -> float:
        """Process events until ``condition``; the seconds it took."""
        start = time.perf_counter()
        while not condition():
            self.application.processEvents()
            time.sleep(0.001)
            assert time.perf_counter() - start < seconds
        return time.perf_counter() - start

    def open(self, path: Path) -> float:
        """Open a study; the seconds to its first image."""
        study = self.assistant.study
        before, start = study.image, time.perf_counter()
        self.assistant.open(path)
        self.wait(lambda: study.image is not before and study.image is not None)
        self.application.processEvents()  # the panes are painted here
        return time.perf_counter() - start

    def quiet(self) -> None:
        """Wait until nothing is under way."""
        self.wait(lambda: not self.assistant.jobs._jobs and self.workspace.settled)

    def plan(self) -> None:
        """Label by the truth, and plan."""
        self.assistant.segment(labels=LABELS)
        self.wait(lambda: self.assistant.study.labelled is not None)
        self.assistant.make_plan(*REQUEST)
        self.wait(lambda: self.assistant.plan.needle is not None)
        self.quiet()

    def close(self) -> None:
        """Close the window."""
        self.viewer.close()
        for _ in range(5):
            self.application.processEvents()


def opening(series: Path) -> dict[str, Any]:
    """From asking for a series to its first image in the panes: at once in a new window, and later."""
    window = Window()
    at_once = window.open(series)
    window.quiet()
    window.open(SAMPLE)
    window.quiet()
    later = window.open(series)
    window.quiet()
    window.close()
    seconds = {"at_once_s": round(at_once, 2), "later_s": round(later, 2)}
    return {"series": series.name, "first_image": seconds, "limit_s": 3.0}


def _per_step(window: Window, step: Callable[[int], None]) -> dict[str, float]:
    wall, own = time.perf_counter(), time.thread_time()
    for number in range(STEPS):
        step(number)
        window.application.processEvents()
    per = 1000 / STEPS
    return {
        "wall_ms": round((time.perf_counter() - wall) * per, 1),
        "thread_ms": round((time.thread_time() - own) * per, 1),
    }


def scrolling(series: Path) -> dict[str, Any]:
    """One step of the wheel with all panes drawn: ours, with labels and a needle, and three canvases."""
    window = Window()
    window.open(series)
    window.quiet()
    source = window.workspace.panes.panes["axial"].source
    result = {"large_series": _per_step(window, lambda n: source.scroll(1 if n % 2 else -1))}
    window.open(SAMPLE)
    window.quiet()
    window.plan()
    result["labels_and_needle"] = _per_step(window, lambda n: source.scroll(1 if n % 2 else -1))
    image = window.assistant.study.image
    window.close()
    return {**result, "naive_three_canvases": naive(image), "limit_ms": 100}


def naive(image: Any) -> dict[str, float]:
    """Three viewers of napari's own, linked, as its multiple-viewer example has them."""
    import napari
    from qtpy.QtWidgets import QApplication

    viewers = [napari.Viewer(show=True) for _ in range(3)]
    for viewer, order in zip(viewers, ((0, 1, 2), (1, 0, 2), (2, 0, 1)), strict=True):
        viewer.window.resize(600, 500)
        viewer.add_image(image.voxels, scale=image.spacing, contrast_limits=(-500, 1300))
        viewer.dims.order = order
    application = QApplication.instance()
    for _ in range(10):
        application.processEvents()
    wall, own = time.perf_counter(), time.thread_time()
    for number in range(STEPS):
        for viewer in viewers:
            viewer.dims.set_current_step(viewer.dims.order[0], 50 + number % 20)
        application.processEvents()
    per = 1000 / STEPS
    figures = {
        "wall_ms": round((time.perf_counter() - wall) * per, 1),
        "thread_ms": round((time.thread_time() - own) * per, 1),
    }
    for viewer in viewers:
        viewer.close()
    return figures


def _watch(panes: Iterable[Any], plan: Any) -> dict[Any, Any]:
    """The needle that each pane has drawn last; filled as the panes are painted."""
    from qtpy.QtCore import QEvent, QObject

    last: dict[Any, Any] = {}

    class Eye(QObject):
        def eventFilter(self, pane: Any, event: Any) -> bool:  # noqa: N802 (Qt's name)
            if event.type() == QEvent.Type.Paint:
                last[pane] = plan.needle
            return False

    for pane in panes:
        pane.installEventFilter(Eye(pane))
    return last


def dragging(_series: Path) -> dict[str, Any]:
    """From a needle's end moved to every clearance drawn: engine, table and all panes."""
    import numpy as np

    window = Window()
    window.open(SAMPLE)
    window.quiet()
    window.plan()
    plan, needle = window.assistant.plan, window.assistant.plan.needle
    panes = window.workspace.panes.panes.values()
    drawn = _watch(panes, plan)
    window.workspace.tabs.setCurrentWidget(window.workspace.plan)
    window.application.processEvents()
    seconds = []
    for number in range(STEPS):
        x, y, z = needle.entry
        start = time.perf_counter()
        window.assistant.drag((x + number % 8, y, z), needle.target)
        window.wait(lambda: plan.needle.judged and all(drawn.get(one) is plan.needle for one in panes))
        seconds.append(time.perf_counter() - start)
    window.close()
    low, high = np.percentile(seconds[5:], (50, 95)) * 1000
    return {"median_ms": round(float(low), 1), "p95_ms": round(float(high), 1), "limit_ms": 50}


def blocks(series: Path) -> dict[str, Any]:
    """The longest time that the window's thread was busy at a stretch, through a session, step by step."""
    from watchdog import Watchdog

    window, found = Window(), {}
    with Watchdog().watching() as watch:
        for step, act in _session(window, series):
            watch.longest_ms = watch.wall_ms = 0.0
            act()
            window.quiet()
            found[step] = {"thread_ms": round(watch.longest_ms), "wall_ms": round(watch.wall_ms)}
    window.close()
    longest = {unit: max(one[unit] for one in found.values()) for unit in ("thread_ms", "wall_ms")}
    return {"longest": longest, "steps": found, "limit_ms": 200}


def _session(window: Window, series: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """What a person does, in order."""
    assistant, workspace, plan = window.assistant, window.workspace, window.assistant.plan
    folder = Path(tempfile.mkdtemp()) / "plan"

    def until(act: Callable[[], object], done: Callable[[], object]) -> Callable[[], object]:
        return lambda: (act(), window.wait(lambda: bool(done())))

    def drag() -> None:
        needle = plan.needle
        for number in range(10):
            assistant.drag((needle.entry[0] + number, *needle.entry[1:]), needle.target)
            window.wait(lambda: plan.needle.judged)

    yield "open the series", lambda: window.open(series)
    yield "open the sample", lambda: window.open(SAMPLE)
    yield "judge its quality", until(assistant.judge, lambda: assistant.study.judged)
    yield "label and plan", window.plan
    yield "drag the needle", drag
    yield "fly to another", lambda: assistant.fly_to(1)
    before = plan.planned
    weights = {"length": 1.0}
    yield "rank anew", until(lambda: assistant.rerank(weights), lambda: plan.planned is not before)
    for _ in range(2):
        yield f"3D {'off' if workspace.in_3d.isChecked() else 'on'}", workspace.in_3d.toggle
    yield "export", until(lambda: workspace.plan.export_to(folder), lambda: plan.folder == folder)
    yield "edit labels", workspace.spine.edit.click
    labelled = assistant.study.labelled
    yield (
        "use edited labels",
        until(workspace.spine.take.click, lambda: assistant.study.labelled is not labelled),
    )
    yield "open the series again", lambda: window.open(series)
    yield "segment it", until(assistant.segment, lambda: assistant.study.labelled)


def memory(_series: Path) -> dict[str, Any]:
    """Memory of the window's process over opening a study 20 times."""
    import psutil

    window, process = Window(), psutil.Process()
    sizes = []
    for _ in range(20):
        window.open(SAMPLE)
        window.quiet()
        sizes.append(round(process.memory_info().rss / 1e6))
    window.close()
    return {"resident_mb": sizes, "growth_of_last_ten_mb": sizes[-1] - sizes[9]}


def on_own_screen() -> None:
    """Start this script again on an X server of its own where there is no display."""
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        runner = shutil.which("xvfb-run")
        assert runner, "no display, and no xvfb-run"
        screen = ["-a", "-s", "-screen 0 1600x1000x24"]
        os.execv(runner, [runner, *screen, sys.executable, *sys.argv])  # noqa: S606 (this script again)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--series", type=Path, default=ROOT.parent / "shared/data/ct_abdomen_dicom")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    on_own_screen()
    from benchmarks.recording import RESULTS, write_result

    load = os.getloadavg()[0]
    file = RESULTS / "napari_plugin.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    figures = {name: known[name] for name in PARTS if name in known}
    for name in options.only:
        os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="procguide-figures-")  # nothing is taken up
        figures[name] = globals()[name](options.series.resolve())
        print(name, figures[name], flush=True)
    write_result("napari_plugin", figures, load)


if __name__ == "__main__":
    main()
