"""The process that decodes compressed frames for another: ``python -m procguide.dicom.decoding_child``.

Asked on standard input, it answers on standard output, one frame after another: a line of JSON, then as many
bytes as the line says. Its memory is limited as a whole, the processor's time for each frame by the asker;
the system ends it where the time is used up. It opens no file, says nothing else, and ends with its input.
"""

from __future__ import annotations

import json
import signal
import sys
import warnings
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder

import procguide.dicom.jpeg  # noqa: F401 (a plugin of pydicom's)

__all__ = ["MOST_DATA_BYTES", "serve"]

MOST_DATA_BYTES = 2**29
"""What this process may hold in all: twice what the largest frame that is let through takes."""


def serve(asked: BinaryIO, answered: BinaryIO) -> None:
    """Decode frame after frame until there are no more."""
    while line := asked.readline():
        request = json.loads(line)
        frame = asked.read(request["bytes"])
        _limit_time(request["seconds"])
        values: bytes | memoryview = b""
        answer: dict[str, Any]
        try:
            array = np.ascontiguousarray(_decoded(request, frame))
            answer, values = {"shape": array.shape, "dtype": array.dtype.str}, array.data.cast("B")
        except Exception as error:  # the decoders raise almost anything on damaged data
            answer = {"error": type(error).__name__}
        _limit_time(0)
        answered.write(json.dumps(answer).encode() + b"\n")
        answered.write(values)
        answered.flush()


def _decoded(request: dict[str, Any], frame: bytes) -> NDArray[Any]:
    """One frame as pydicom decodes it: ``(j, i)`` or ``(j, i, 3)``."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = request["syntax"]
    for keyword, value in request["attributes"].items():
        setattr(dataset, keyword, value)
    dataset.NumberOfFrames = 1
    dataset.PixelData = encapsulate([frame], has_bot=False)
    dataset["PixelData"].VR = "OB"
    decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
    frames = decoder.iter_array(dataset, raw=request["raw"], decoding_plugin=request["plugin"])
    return next(frames)[0]


def _limit_time(seconds: float) -> None:
    """Let the system end this process after so much of its processor's time; 0 for no limit."""
    if hasattr(signal, "setitimer"):  # its signal's own action is to end the process, whatever runs
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    within = MOST_DATA_BYTES if most == resource.RLIM_INFINITY else min(MOST_DATA_BYTES, most)
    resource.setrlimit(resource.RLIMIT_DATA, (within, most))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all: who asks decides
    warnings.simplefilter("ignore")
    _limit_memory()
    serve(sys.stdin.buffer, sys.stdout.buffer)
