"""The pictures of docs/napari.md: a session with the napari plugin, step by step, each one photographed.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/napari_guide.py [--out docs/images]

The study is the synthetic sample with its own labels; the frames are projections of its CT.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from benchmarks.napari_plugin import LABELS, SAMPLE, Window  # noqa: E402

SIZE = (1500, 940)
FRAMES = 24


class Photographed(Window):
    """A session; every picture goes to ``out``."""

    def __init__(self, out: Path) -> None:
        super().__init__()
        self.out = out
        self.viewer.window.resize(*SIZE)
        self.rest()

    def rest(self) -> None:
        """Until nothing runs and the canvas has followed."""
        self.wait(lambda: self.workspace.settled and not self.assistant.jobs.busy)
        for _ in range(10):
            self.wait(lambda: True)
            self.application.processEvents()

    def take(self, name: str, widget: Any = None) -> None:
        """The whole window, or one widget of it."""
        from PIL import Image

        self.rest()
        if widget is None:
            shot = self.viewer.screenshot(canvas_only=False, flash=False)[..., :3]
        else:
            from qtpy.QtCore import QBuffer, QIODevice

            buffer = QBuffer()
            buffer.open(QIODevice.OpenModeFlag.WriteOnly)
            widget.grab().save(buffer, "PNG")
            shot = np.asarray(Image.open(io.BytesIO(bytes(buffer.data()))).convert("RGB"))
        assert shot.std() > 5, f"{name} is blank"
        image = Image.fromarray(shot)
        image.thumbnail((1400, 1400))
        image.save(self.out / f"napari_{name}.jpg", quality=82, optimize=True)

    def tab(self, panel: Any) -> None:
        """Bring a panel to the front."""
        self.workspace.tabs.setCurrentWidget(panel)


def open_study(session: Photographed) -> None:
    """The sample, as it comes up."""
    session.open(SAMPLE)
    session.assistant.view.point = (20.0, 20.0, 60.0)
    browser = session.workspace.series.list
    session.wait(lambda: not browser.item(0).icon().isNull())
    session.take("open")


def put_beside(session: Photographed) -> None:
    """The sagittal T2 series beside the CT, then away again."""
    study = session.assistant.study
    number = next(one.number for one in study.listed.series if "T2 TSE sagittal" in one.description)
    session.assistant.show_beside(number)
    session.wait(lambda: study.beside is not None)
    session.take("beside")
    study.set_beside(None)


def judge(session: Photographed) -> None:
    """Quality, one finding gone to."""
    session.tab(session.workspace.quality)
    session.workspace.quality.judge.click()
    session.wait(lambda: session.assistant.study.judged is not None)
    session.take("quality")


def label(session: Photographed) -> None:
    """The spine with its names."""
    session.tab(session.workspace.spine)
    session.assistant.segment(labels=LABELS)
    session.wait(lambda: session.assistant.study.labelled is not None)
    session.take("spine")


def plan(session: Photographed) -> None:
    """Ranked needles, the first in view."""
    panel = session.workspace.plan
    session.tab(panel)
    panel.procedure.setCurrentIndex(panel.procedure.findData("transforaminal_esi_subpedicular"))
    panel.level.setCurrentText("L4-L5")
    panel.side.setCurrentText("left")
    panel.plan.click()
    session.wait(lambda: session.assistant.plan.needle is not None)
    session.take("plan")


def drag(session: Photographed) -> None:
    """The tip dragged to where a limit is broken, then back."""
    assistant = session.assistant
    needle = assistant.plan.needle
    (x, y, z), target = needle.entry, needle.target
    assistant.drag((x + 8, y, z + 3), (target[0] - 9, target[1] + 2, target[2]))
    session.wait(lambda: assistant.plan.needle.judged)
    session.take("drag")
    session.workspace.plan.undo.click()


def measure(session: Photographed) -> None:
    """A distance and an angle in the axial pane."""
    from napari_procguide.models.measurements import Kind, Measurement

    assistant = session.assistant
    x, y, z = assistant.plan.needle.target
    distance = Measurement(Kind.DISTANCE, ((x - 60, y + 20, z), (x - 60, y + 62, z)))
    angle = Measurement(Kind.ANGLE, ((x - 90, y - 30, z), (x - 45, y - 20, z), (x - 60, y - 60, z)))
    assistant.measurements.set_done([distance, angle])
    assistant.view.point = (x, y, z)
    session.take("measure", session.workspace.panes.panes["axial"])
    assistant.measurements.set_done([])


def approve(session: Photographed) -> None:
    """Exported, and the dialog that asks for a name and a reason."""
    with tempfile.TemporaryDirectory() as folder:
        panel = session.workspace.plan
        panel.export_to(Path(folder) / "plan")
        session.wait(lambda: session.assistant.plan.folder is not None)
        panel.approve.click()
        assert panel.dialog is not None
        panel.dialog.name.setText("Jane Doe")
        panel.dialog.reason.setText("path clear on all slices")
        panel.dialog.looked.setChecked(True)
        session.take("approve", panel.dialog)
        panel.dialog.reject()


def sit(session: Photographed) -> None:
    """The needle of the left side kept, one on the right beside it."""
    panel, plan = session.workspace.plan, session.assistant.plan
    for number, side in enumerate(("left", "right"), start=1):
        panel.side.setCurrentText(side)
        before = plan.planned
        panel.plan.click()
        session.wait(lambda: plan.planned is not before)  # noqa: B023
        panel.sitting.click()
        session.wait(lambda: len(plan.kept) == number)  # noqa: B023
    session.take("sitting")
    panel.clear.click()
    panel.side.setCurrentText("left")


def list_keys(session: Photographed) -> None:
    """The list of keys."""
    session.workspace.show_keys()
    session.take("keys", session.workspace.key_list)
    session.workspace.key_list.close()


def play(session: Photographed) -> None:
    """Frames in their own pane."""
    with tempfile.TemporaryDirectory() as folder:
        _project(session.assistant.study.image, Path(folder))
        session.tab(session.workspace.series)
        session.assistant.open(Path(folder))
        session.wait(lambda: session.assistant.cine.count > 0)
        session.assistant.cine.at = 5
        session.take("frames")
        session.assistant.cine.set_shown(None)


def _project(image: Any, folder: Path) -> None:
    """Radiograph-like sums through the CT as it turns about the head-foot axis, as PNG files."""
    from PIL import Image
    from scipy.ndimage import rotate

    dense = np.clip(image.voxels[:, ::2, ::2].astype(np.float32) + 1000, 0, None) / 1000
    for number in range(FRAMES):
        turned = rotate(dense, -30 + 60 * number / (FRAMES - 1), axes=(1, 2), reshape=False, order=1)
        through = turned.sum(axis=1)[::-1]
        grey = np.clip(through / through.max() * 255, 0, 255).astype(np.uint8)
        rows = round(grey.shape[0] * float(image.spacing[0] / (2 * image.spacing[2])))
        Image.fromarray(grey).resize((2 * grey.shape[1], 2 * rows)).save(folder / f"{number:03d}.png")


STEPS: tuple[Callable[[Photographed], None], ...] = (
    open_study,
    put_beside,
    judge,
    label,
    plan,
    drag,
    measure,
    approve,
    sit,
    list_keys,
    play,
)


def main() -> None:
    """Go through the session."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    wishes = parser.parse_args()
    os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="procguide-guide-")
    wishes.out.mkdir(parents=True, exist_ok=True)
    session = Photographed(wishes.out)
    for step in STEPS:
        step(session)
        print(step.__name__, flush=True)
    session.viewer.close()


if __name__ == "__main__":
    main()
