"""``procguide watch``: judge frames as they come, say what changes, keep the best."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from procguide import DISCLAIMER
from procguide.cli.audited import images_read
from procguide.cli.kind_option import KindOption, NeedleFlag, kind_named
from procguide.cli.session import DebugFlag, ForceFlag, JsonFlag, Session
from procguide.errors import InputUnfitError, InputUnreadableError, UsageError

if TYPE_CHECKING:
    from procguide.dicom import Series
    from procguide.imaging.frame_source import FrameSource
    from procguide.quality import Kind
    from procguide.quality.live import Best, Judgement

__all__ = ["watch"]

WATCH_SCHEMA = "procguide.watch/1"


def watch(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(help="Folder of pictures, video, or DICOM cine; fluoroscopy or ultrasound.")
    ],
    kind: KindOption = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for watch.json and best.png, the best frame."),
    ] = None,
    needle: NeedleFlag = False,
    follow: Annotated[
        float | None,
        typer.Option(
            help="Wait for pictures that are being written into the folder, until none has come for so long.",
            metavar="SECONDS",
        ),
    ] = None,
    force: ForceFlag = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Judge each frame of a stream as it comes: optimal, usable, not usable; and say what helps most.

    A line is printed when the verdict or the advice changes; under --json each line is one document, and the
    last one sums up. Where no frame is usable, the exit code is 5.

    Example: procguide watch frames --kind ultrasound --needle -o watched
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    from procguide.cli.outputs import output_folder

    stream = _stream(path, kind_named(kind), follow)
    watched = _Watched(session)
    if output is None:
        _watch(stream, needle, watched)
    else:
        with output_folder(output, force=force, source=path) as partial:
            _watch(stream, needle, watched)
            _write(partial, stream, watched)
    watched.end(output)
    if not watched.verdicts:
        raise InputUnreadableError("no frame came; check the path, or wait longer with --follow")
    if set(watched.verdicts) == {"not usable"}:
        raise InputUnfitError(f"no frame was usable: {watched.last_advice}")


@dataclass(frozen=True, eq=False)
class _Stream:
    """Frames to come, what they are, and the series they are of, where there is one."""

    source: FrameSource
    kind: Kind
    series: Series | None = None


def _stream(path: Path, kind: Kind | None, follow: float | None) -> _Stream:
    from procguide.imaging.frame_source import FilledFolder

    if follow is not None:
        if not path.is_dir():
            raise UsageError(f"{path} is no folder: --follow waits for pictures in one")
        return _Stream(FilledFolder(path, patience_s=follow), _known(kind))
    from procguide.dicom import read_study

    flat = [series for series in read_study(path).series if series.grid is None and all(series.shape)]
    if not flat:
        raise InputUnfitError("there are no frames here: give a folder of pictures, a video, or a DICOM cine")
    series = max(flat, key=lambda one: one.shape[0])
    images_read(series)
    return _Stream(_source(series), _known(kind, series), series)


def _source(series: Series) -> FrameSource:
    from procguide.dicom import read_frames
    from procguide.imaging import Cine
    from procguide.imaging.frame_source import FrameList

    if series.pictures is not None:
        return series.pictures
    images = read_frames(series)
    cines = [image for image in images if isinstance(image, Cine)]
    return max(cines, key=len) if cines else FrameList(tuple(i for i in images if not isinstance(i, Cine)))


def _known(kind: Kind | None, series: Series | None = None) -> Kind:
    from procguide.quality import Kind
    from procguide.quality.examine import kind_of

    found = kind or (None if series is None else kind_of(series))
    if found not in (Kind.FLUOROSCOPY, Kind.ULTRASOUND, Kind.RADIOGRAPH):
        raise UsageError("the frames do not say what they are: give --kind fluoroscopy or ultrasound")
    return found


@dataclass(eq=False)
class _Watched:
    """What was said so far, and the printing of it."""

    session: Session
    changes: list[dict[str, Any]] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)
    best: Best | None = None
    last_advice: str = ""
    began: float = field(default_factory=time.perf_counter)
    busy_s: float = 0.0
    _said: tuple[str, str] | None = None

    def hear(self, judgement: Judgement, time_s: float | None) -> None:
        """Count a frame; print it where the verdict or the advice is another."""
        advice = judgement.advice
        self.verdicts[judgement.verdict.value] += 1
        self.best = judgement.best
        self.last_advice = "" if advice is None else f"{advice.words} {advice.advice}"
        said = (judgement.verdict.value, "" if advice is None else advice.name)
        if said == self._said:
            return
        self._said = said
        change = {
            "frame": judgement.number,
            "time_s": None if time_s is None else round(time_s, 3),
            "verdict": said[0],
            "advice": None if advice is None else asdict(advice),
            "best_frame": None if self.best is None else self.best.number,
        }
        self.changes.append(change)
        at = "" if time_s is None else f" ({time_s:.1f} s)"
        self._print(change, f"frame {judgement.number}{at}: {said[0]}. {self.last_advice}".strip())

    def document(self) -> dict[str, Any]:
        """What ``watch.json`` holds."""
        frames = sum(self.verdicts.values())
        return {
            "schema": WATCH_SCHEMA,
            "frames": frames,
            "verdicts": dict(self.verdicts),
            "changes": self.changes,
            "best_frame": None if self.best is None else self.best.number,
            "judged_a_second": round(frames / self.busy_s, 1) if self.busy_s > 0 else None,
            "seconds": round(time.perf_counter() - self.began, 2),
            "disclaimer": DISCLAIMER,
        }

    def end(self, output: Path | None) -> None:
        """Sum up."""
        document = self.document()
        counted = ", ".join(f"{count} {verdict}" for verdict, count in self.verdicts.items()) or "none"
        written = "" if output is None else f"; written: {output}"
        self._print(
            {name: value for name, value in document.items() if name != "changes"},
            f"{document['frames']} frames: {counted}; best: frame {document['best_frame']}; "
            f"judged at {document['judged_a_second']} a second{written}\n\n{DISCLAIMER}",
        )

    def _print(self, document: dict[str, Any], words: str) -> None:
        line = json.dumps(document, ensure_ascii=False, allow_nan=False) if self.session.as_json else words
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        self.session.answered = True


def _watch(stream: _Stream, needle: bool, watched: _Watched) -> None:
    from procguide.quality.live import Recommender

    recommender = Recommender(stream.kind, "needle" if needle else "")
    for frame in stream.source:
        start = time.perf_counter()
        judgement = recommender.see(frame)
        watched.busy_s += time.perf_counter() - start
        watched.hear(judgement, frame.time_s)


def _write(folder: Path, stream: _Stream, watched: _Watched) -> None:
    from PIL import Image

    from procguide.cli.outputs import write_json, write_run
    from procguide.cli.steps import Steps
    from procguide.provenance import record

    if watched.best is not None:
        frame = watched.best.frame
        as_is = frame.pixels.dtype == "uint8" and not (frame.view.windows or frame.view.inverted)
        Image.fromarray(frame.pixels if as_is else frame.shown()).save(folder / "best.png")
    write_json(watched.document(), folder / "watch.json")
    files = () if stream.series is None else stream.series.files
    parameters = {"kind": stream.kind.value}
    write_run(folder, "watch", record(files, parameters=parameters), Steps(watched.session.console()))
