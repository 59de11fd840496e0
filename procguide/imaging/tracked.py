"""Tracked ultrasound as PLUS and 3D Slicer record it: frames in one MetaImage, ``.igs.mha`` or ``.mha``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from procguide.errors import InputUnreadableError
from procguide.imaging.frame import Frame, View
from procguide.imaging.limits import check_decoded_size

__all__ = ["TrackedSequence", "is_tracked_sequence"]

_HEADER_BYTES = 65536
_FRAME = b"Seq_Frame0000_"
_UNSAID = "a tracked sequence does not say how large its pixels are in the patient"


def is_tracked_sequence(path: Path) -> bool:
    """Whether the file is a MetaImage whose header tells of frames (PLUS: ``Seq_Frame0000_...``)."""
    if path.suffix.lower() != ".mha" or not path.is_file():
        return False
    with path.open("rb") as stream:
        return _FRAME in stream.read(_HEADER_BYTES)


@dataclass(frozen=True)
class TrackedSequence:
    """A recorded sequence's frames ``(j, i)``, with the skin at the top, by the times that it says.

    Where ``UltrasoundImageOrientation`` says that rows run towards the transducer (N, near) or columns away
    from its marker (U), they are turned round. Transforms of probe and tools are not read.
    """

    path: Path

    @property
    def modality(self) -> str:
        """``US`` where the header says how the transducer lies, else ``OT``."""
        return "US" if self._facts.get("UltrasoundImageOrientation") else "OT"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, rows and columns."""
        columns, rows, frames = (int(n) for n in self._facts["DimSize"].split())
        return frames, rows, columns

    @property
    def times_s(self) -> tuple[float, ...] | None:
        """From the first frame, where every frame has its time."""
        said = [self._facts.get(f"Seq_Frame{n:04d}_Timestamp") for n in range(self.shape[0])]
        if any(one is None for one in said):
            return None
        times = [float(one) for one in said if one is not None]
        return tuple(one - times[0] for one in times)

    @property
    def rate_hz(self) -> float | None:
        """By the middle of the steps in time."""
        times = self.times_s
        step = 0.0 if times is None or len(times) < 2 else float(np.median(np.diff(times)))
        return 1.0 / step if step > 0 else None

    @cached_property
    def _facts(self) -> dict[str, str]:
        import SimpleITK

        reader = SimpleITK.ImageFileReader()
        reader.SetFileName(str(self.path))
        try:
            reader.ReadImageInformation()
        except RuntimeError as error:
            raise self._unreadable() from error
        sizes = reader.GetSize()
        if len(sizes) != 3 or reader.GetNumberOfComponents() != 1:
            raise InputUnreadableError(f"{self.path.name!r} holds no grey frames: convert it to grey ones")
        each = SimpleITK.Image([1, 1, 1], reader.GetPixelID()).GetSizeOfPixelComponent()
        check_decoded_size(sizes, each, self.path.stat().st_size, compressed=True)
        facts = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
        return facts | {"DimSize": " ".join(str(n) for n in sizes)}

    def _unreadable(self) -> InputUnreadableError:
        return InputUnreadableError(
            f"{self.path.name!r} cannot be read as a tracked sequence; it is damaged or cut short: "
            "get it again from its source"
        )

    def __iter__(self) -> Iterator[Frame]:
        """One after the other; the file is decoded whole."""
        import SimpleITK

        try:
            pixels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(self.path)))
        except RuntimeError as error:
            raise self._unreadable() from error
        turned = self._facts.get("UltrasoundImageOrientation", "").upper()
        pixels = pixels[:, ::-1] if turned[1:2] == "N" else pixels
        pixels = pixels[:, :, ::-1] if turned[:1] == "U" else pixels
        view = View(self.modality, why_unmeasurable=_UNSAID)
        times = self.times_s
        for n, frame in enumerate(pixels):
            when = None if times is None else times[n]
            yield Frame(np.ascontiguousarray(frame), view, when, f"tracked frame {n}")
