"""An output folder that appears whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from procguide import DISCLAIMER
from procguide.cli.steps import Steps, peak_memory_mb
from procguide.errors import CannotWriteError
from procguide.findings import Finding
from procguide.provenance import Provenance, hash_file

__all__ = ["RUN_SCHEMA", "changed_folder", "hashes_of", "output_folder", "write_json", "write_run"]

RUN_SCHEMA = "procguide.run/1"
_RUN = "run.json"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


@contextmanager
def output_folder(folder: Path, *, force: bool, source: Path | None = None) -> Iterator[Path]:
    """A new empty folder beside ``folder`` that takes its name when the block ends well, and else goes.

    A folder that exists and is not empty is refused; with ``force`` it is replaced, if it holds only
    what an earlier run lists in its ``run.json``. ``source``, the input, is never in the way of it.
    """
    target = Path(os.path.abspath(folder))  # noqa: PTH100 (keeps a link as it is; resolve() would not)
    _refuse_source(target, source)
    _refuse_existing(target, force)
    with _taking_the_place_of(target, lambda partial: partial.mkdir(parents=True)) as partial:
        yield partial


@contextmanager
def changed_folder(folder: Path) -> Iterator[Path]:
    """A copy of ``folder`` that takes its place when the block ends well, and else goes."""
    target = folder.resolve()
    with _taking_the_place_of(target, lambda copy: shutil.copytree(target, copy, symlinks=True)) as copy:
        yield copy


@contextmanager
def _taking_the_place_of(target: Path, make: Callable[[Path], object]) -> Iterator[Path]:
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    missing = [parent for parent in target.parents if not parent.exists()]
    try:
        with _write_errors(target):
            make(partial)
        with _write_errors(target, within=partial):
            yield partial
        with _write_errors(target):
            _put_in_place(partial, target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        _remove_empty(missing)
        raise


def _refuse_source(target: Path, source: Path | None) -> None:
    if source is None or not source.exists():
        return
    place, origin = target.resolve(), source.resolve()
    inside = origin.is_dir() and place.is_relative_to(origin)
    if inside or origin.is_relative_to(place):
        raise CannotWriteError(
            f"the output folder {target} and the input lie within one another; choose a folder of its own"
        )


def _refuse_existing(target: Path, force: bool) -> None:
    if target.is_dir() and not any(target.iterdir()):
        return
    if not (target.exists() or target.is_symlink()):
        return
    if target.is_symlink() or not target.is_dir():
        raise CannotWriteError(f"{target} is not a folder; choose another name")
    if not force:
        raise CannotWriteError(f"{target} exists and is not empty; choose another folder, or add --force")
    listed = _listed(target)
    strangers = sorted(
        str(file.relative_to(target))
        for file in target.rglob("*")
        if not file.is_dir() and file.relative_to(target).as_posix() not in listed
    )
    if strangers:
        raise CannotWriteError(
            f"{target} holds files that no earlier run has written there, as {strangers[0]}; "
            "--force does not remove those: choose another folder, or move them"
        )


def _listed(folder: Path) -> set[str]:
    """The files that the run which wrote ``folder`` says are its own; none where nothing says so."""
    try:
        record = json.loads((folder / _RUN).read_text())
        return set(record["outputs"]) if record.get("schema") == RUN_SCHEMA else set()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


@contextmanager
def _write_errors(target: Path, within: Path | None = None) -> Iterator[None]:
    """Faults of writing as :class:`CannotWriteError`; ``within`` a folder, the others pass."""
    try:
        yield
    except OSError as error:
        ours = within is None or Path(str(error.filename)).is_relative_to(within)
        if not (ours or error.errno in _FULL):
            raise
        raise CannotWriteError(
            f"cannot write {target}: {error.strerror}; check that the folder may be written to and has space"
        ) from error


def _put_in_place(partial: Path, target: Path) -> None:
    if not target.exists():
        partial.rename(target)
        return
    old = partial.with_suffix(".old")
    target.rename(old)
    try:
        partial.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def write_json(document: Mapping[str, Any], path: Path) -> None:
    """One indented JSON file; a number that JSON does not have (NaN) is a fault."""
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def hashes_of(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file that the ``run.json`` of ``folder`` answers for."""
    own = {run.parent for run in folder.rglob(_RUN)} - {folder}
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file != folder / _RUN)
    return {
        file.relative_to(folder).as_posix(): hash_file(file) for file in files if own.isdisjoint(file.parents)
    }


def write_run(
    folder: Path, command: str, provenance: Provenance, steps: Steps, findings: Iterable[Finding] = ()
) -> dict[str, Any]:
    """Write ``run.json`` last: what was run, how long each step took, and the files beside it.

    ``sha256`` holds the hash of each; those of a folder within that has a ``run.json`` stand there.
    """
    outputs = [file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()]
    document = {
        "schema": RUN_SCHEMA,
        "command": command,
        "steps_s": {name: round(seconds, 3) for name, seconds in steps.seconds.items()},
        "total_s": round(steps.total_s, 3),
        "peak_memory_mb": peak_memory_mb(),
        "findings": [asdict(finding) for finding in findings],
        "outputs": sorted({*outputs, _RUN}),
        "sha256": hashes_of(folder),
        "provenance": asdict(provenance),
        "disclaimer": DISCLAIMER,
    }
    write_json(document, folder / _RUN)
    return document
