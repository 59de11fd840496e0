"""A foreign package run in a process of its own: without the network, without pickles, without prints.

``python -m procguide.segmentation.adapters.child TASK ARGUMENTS`` is the child's side. In it every
connection to another machine is an error, ``torch.load`` is the restricted reader whatever the package
asks for, and a package's functions that download or report are replaced.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile

from procguide.errors import InputUnreadableError
from procguide.segmentation.adapters.foreign import Progress

__all__ = ["run_child"]

_TAIL_BYTES = 20_000
_POLL_S = 0.2


def run_child(
    arguments: Sequence[str], environment: Mapping[str, str], *, words: str, progress: Progress
) -> None:
    """Run a task of this module and wait; its last line of complaint is the error's.

    ``progress`` is called on this thread with ``words``. On interruption the child is ended.
    """
    command = [sys.executable, "-m", "procguide.segmentation.adapters.child", *arguments]
    progress(words, 0.0)
    with TemporaryFile() as said:
        child = subprocess.Popen(  # noqa: S603
            command,
            env={**os.environ, **environment, "TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            while True:
                try:
                    code = child.wait(_POLL_S)
                    break
                except subprocess.TimeoutExpired:
                    progress(words, 0.0)  # the package does not tell its share
        except BaseException:
            child.kill()
            child.wait()
            raise
        said.seek(max(0, said.seek(0, os.SEEK_END) - _TAIL_BYTES))
        tail = said.read().decode("utf-8", errors="replace")
    if code:
        raise InputUnreadableError(f"{arguments[0]} failed (exit {code}): {_last_line(tail)}")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"


def _refuse_connections() -> None:
    """No socket of this process reaches another machine, whatever a package tries."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "socket.getaddrinfo":
            raise OSError("this process has no network: nothing is downloaded")
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            raise OSError("this process has no network: nothing is downloaded")

    sys.addaudithook(hook)


def _totalsegmentator(source: str, target: str, options: Mapping[str, str]) -> None:
    """One task of TotalSegmentator, by its Python interface."""
    import totalsegmentator.python_api as api

    def nothing(*_arguments: object, **_options: object) -> None:
        return None

    api.download_pretrained_weights = nothing
    api.send_usage_stats = nothing
    api.increase_prediction_counter = nothing
    api.totalsegmentator(
        Path(source),
        Path(target),
        ml=True,
        task=options["task"],
        fast=options["fast"] == "yes",
        device=options["device"],
        quiet=True,
        nr_thr_resamp=1,
        nr_thr_saving=1,
    )


def _totalspineseg(source: str, target: str, options: Mapping[str, str]) -> None:
    """Both steps of TotalSpineSeg, by its Python interface."""
    import torch
    from totalspineseg.inference import inference

    inference(
        input_path=Path(source),
        output_path=Path(target),
        data_path=Path(options["data"]),
        default_release=options["release"],
        device=torch.device(options["device"]),
        keep_only=["step2_output"],
        max_workers=1,
        max_workers_nnunet=1,
        quiet=True,
    )


def _main(arguments: Sequence[str]) -> None:
    from procguide.segmentation.adapters.safe_files import numpy_scalars

    task, source, target, options = arguments
    _refuse_connections()
    threading.current_thread().name = task
    import torch

    torch.serialization.add_safe_globals(numpy_scalars())
    {"totalsegmentator": _totalsegmentator, "totalspineseg": _totalspineseg}[task](
        source, target, json.loads(options)
    )


if __name__ == "__main__":
    _main(sys.argv[1:])
