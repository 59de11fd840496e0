"""Peers to talk to, and a small study to talk about."""

import gc
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import ears
import numpy as np
import pytest
import servers
import yaml

from procguide.cli.app import run


def pytest_collection_modifyitems(items) -> None:
    """A call that is turned away leaves pynetdicom's socket to the garbage collector, which says so."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed .*socket:ResourceWarning"))
            item.add_marker(
                pytest.mark.filterwarnings(
                    "ignore:Exception ignored in. <.*socket:pytest.PytestUnraisableExceptionWarning"
                )
            )


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Iterator[None]:
    """Those sockets are collected before another file's tests, where the warning would be a failure."""
    yield
    gc.collect()


@dataclass(frozen=True)
class Told:
    """What a command line gave back."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def command() -> Callable[..., Told]:
    def call(*words: object) -> Told:
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run([str(word) for word in words])
        return Told(code, out.getvalue(), err.getvalue())

    return call


@pytest.fixture(scope="session")
def archive(tmp_path_factory) -> Iterator[servers.Orthanc]:
    with servers.orthanc(tmp_path_factory.mktemp("orthanc")) as server:
        yield server


@pytest.fixture
def orthanc(archive) -> servers.Orthanc:
    """An empty archive."""
    archive.clear()
    return archive


@pytest.fixture
def peers_file(tmp_path) -> Callable[[dict], Path]:
    def write(content: dict) -> Path:
        path = tmp_path / "peers.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


@pytest.fixture
def study(slice_maker, tmp_path) -> Callable[..., list[Path]]:
    """Write ``count`` slices of one CT series as files."""

    def write(count: int = 6, folder: str = "study", **attributes) -> list[Path]:
        target = tmp_path / folder
        target.mkdir(parents=True, exist_ok=True)
        files = []
        for k in range(count):
            pixels = np.full((16, 16), k, np.uint16)
            dataset = slice_maker(pixels, (0, 0, 2.0 * k), InstanceNumber=k + 1, **attributes)
            dataset.save_as(target / f"{k:03d}.dcm", enforce_file_format=True)
            files.append(target / f"{k:03d}.dcm")
        return files

    return write


@pytest.fixture
def ear(tmp_path) -> Iterator[ears.Ear]:
    with ears.listening(tmp_path / "ear") as running:
        yield running
