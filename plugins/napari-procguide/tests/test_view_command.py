"""``procguide view PATH`` as a command of its own: its window comes up, shows the image, and is closed."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from ctypes import byref, c_char_p, c_int, c_long, c_uint, c_ulong, c_void_p
from pathlib import Path

import numpy as np
import psutil
import pytest
from conftest import SAMPLE
from qtpy.QtGui import QImage

COMMAND = Path(sys.executable).with_name("procguide")
TITLE = "procguide"
WAIT_S = 120.0
GREYS = range(40, 200)
CLIENT_MESSAGE = 33  # X.h

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at the X server's screen")


class ClientMessage(ctypes.Structure):
    """``XClientMessageEvent`` of Xlib.h, padded to the size of ``XEvent``."""

    _fields_ = (
        *(("type", c_int), ("serial", c_ulong), ("send_event", c_int), ("display", c_void_p)),
        *(("window", c_ulong), ("message_type", c_ulong), ("format", c_int)),
        *(("data", c_long * 5), ("pad", c_long * 24)),
    )


class Screen:
    """The X server as its other clients see it: windows by title, and asked to close."""

    def __init__(self) -> None:
        self._x = ctypes.CDLL("libX11.so.6")
        self._x.XOpenDisplay.restype = c_void_p
        self._x.XInternAtom.restype = self._x.XDefaultRootWindow.restype = c_ulong
        self._display = c_void_p(self._x.XOpenDisplay(None))

    def close(self) -> None:
        self._x.XCloseDisplay(self._display)

    def window(self, title: str) -> int | None:
        """The top window whose title begins so."""
        root, parent, count = c_ulong(), c_ulong(), c_uint()
        children = ctypes.POINTER(c_ulong)()
        top = c_ulong(self._x.XDefaultRootWindow(self._display))
        self._x.XQueryTree(self._display, top, byref(root), byref(parent), byref(children), byref(count))
        for child in children[: count.value]:
            name = c_char_p()
            self._x.XFetchName(self._display, c_ulong(child), byref(name))
            if (name.value or b"").decode(errors="replace").startswith(title):
                return int(child)
        return None

    def ask_to_close(self, window: int) -> None:
        """As a window manager does when its cross is clicked (ICCCM 4.2.8.1)."""
        protocols = self._x.XInternAtom(self._display, b"WM_PROTOCOLS", 0)
        delete = self._x.XInternAtom(self._display, b"WM_DELETE_WINDOW", 0)
        event = ClientMessage(CLIENT_MESSAGE, 0, 1, self._display, window, protocols, 32)
        event.data[0] = delete
        self._x.XSendEvent(self._display, c_ulong(window), 0, c_long(0), byref(event))
        self._x.XFlush(self._display)


@pytest.fixture
def screen(qapp) -> Iterator[Screen]:
    """Without windows that other tests of this process left, which the command's would lie under."""
    for widget in qapp.topLevelWidgets():
        widget.hide()
    qapp.processEvents()
    screen = Screen()
    yield screen
    screen.close()


@pytest.fixture
def command(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command at work, with settings of its own: napari does not ask whether to close."""
    settings = tmp_path / "settings.yaml"
    settings.write_text("application:\n  confirm_close_window: false\n")
    environment = {**os.environ, "NAPARI_CONFIG": str(settings), "TMPDIR": str(tmp_path)}
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen([COMMAND, "view", SAMPLE / "ct"], stderr=said, env=environment)
        yield process
        if process.poll() is None:
            process.kill()
            process.wait()


def until(condition: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        assert process.poll() is None, "it has ended"
        assert time.monotonic() < end
        time.sleep(0.1)


def share_of_greys(qapp) -> float:
    """How much of the screen is neither black, white nor coloured: napari's own parts are bluish."""
    image = qapp.primaryScreen().grabWindow(0).toImage().convertToFormat(QImage.Format.Format_RGB32)
    bits = image.constBits()
    if hasattr(bits, "setsize"):
        bits.setsize(image.sizeInBytes())
    pixels = np.frombuffer(bits, np.uint8).reshape(-1, 4)[:, :3]
    return float(((np.ptp(pixels, axis=1) == 0) & np.isin(pixels[:, 0], GREYS)).mean())


def test_its_window_comes_up_with_the_image_and_closes_cleanly(qapp, screen, command, tmp_path):
    until(lambda: screen.window(TITLE) is not None, command)
    until(lambda: share_of_greys(qapp) > 0.06, command)
    engine = psutil.Process(command.pid).children()
    assert len(engine) == 1
    assert list(tmp_path.glob("procguide-view-*"))
    window = screen.window(TITLE)
    assert window is not None
    screen.ask_to_close(window)
    assert command.wait(timeout=WAIT_S) == 0
    assert screen.window(TITLE) is None
    psutil.wait_procs(engine, timeout=10)
    assert not engine[0].is_running()
    assert not list(tmp_path.glob("procguide-view-*"))
    said = (tmp_path / "said").read_text()
    assert "Traceback" not in said, said
