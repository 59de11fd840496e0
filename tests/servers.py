"""Real DICOM servers for the tests: Orthanc and DCMTK's, started on free ports and stopped again."""

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer

import pytest
import requests

_PLUGINS = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def dcmtk(name: str) -> str:
    """The path of DCMTK's program: pynetdicom installs scripts of the same names."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        program = shutil.which(name, path=folder)
        if program is not None and not Path(program).read_bytes().startswith(b"#!"):
            return program
    pytest.skip(f"DCMTK's {name} is not installed")


def wait_for(port: int, process: subprocess.Popen, seconds: float = 60.0) -> None:
    """Return when something listens on ``port``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, f"it ended with {process.returncode}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"nothing listens on {port} after {seconds:g} s")


def ended_job(spool: Path, seconds: float) -> dict:
    """The record of the one job in ``spool``, when it has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for file in spool.glob("jobs/*/job.json"):
            record = json.loads(file.read_text())
            if record["state"] not in ("waiting", "computed"):
                return record
        time.sleep(0.1)
    pytest.fail(f"no job has ended after {seconds:g} s")


@contextmanager
def running(command: Sequence[str], port: int, **settings) -> Iterator[subprocess.Popen]:
    """A server that listens on ``port`` while the block runs."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, **settings
    )
    try:
        wait_for(port, process)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@dataclass(frozen=True)
class Orthanc:
    """A running archive. ``movable`` is the port where C-MOVE to PROCGUIDE goes."""

    dicom_port: int
    http_port: int
    movable: int

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.http_port}/dicom-web"

    def ask(self, path: str):
        return requests.get(f"http://127.0.0.1:{self.http_port}{path}", timeout=10).json()

    def file(self, instance: str) -> bytes:
        place = f"http://127.0.0.1:{self.http_port}/instances/{instance}/file"
        return requests.get(place, timeout=10).content

    def clear(self) -> None:
        for study in self.ask("/studies"):
            requests.delete(f"http://127.0.0.1:{self.http_port}/studies/{study}", timeout=10)

    def peers(self) -> dict:
        """The peers file that names it."""
        return {
            "schema": "procguide.peers/1",
            "peers": {
                "pacs": {"ae_title": "ORTHANC", "host": "127.0.0.1", "port": self.dicom_port},
                "web": {"url": self.web},
            },
        }


@contextmanager
def orthanc(folder: Path, settings: Mapping[str, object] | None = None) -> Iterator[Orthanc]:
    """An Orthanc that keeps its data in ``folder`` and can be talked to from this machine only."""
    program = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
    if program is None or not _PLUGINS.exists():
        pytest.skip("Orthanc and its DICOMweb plugin are not installed (orthanc, orthanc-dicomweb)")
    server = Orthanc(free_port(), free_port(), free_port())
    config = {
        "Name": "test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "DicomAet": "ORTHANC",
        "DicomPort": server.dicom_port,
        "HttpPort": server.http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowMove": True,
        "DicomModalities": {"procguide": ["PROCGUIDE", "127.0.0.1", server.movable]},
        "Plugins": [str(_PLUGINS)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        **(settings or {}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "orthanc.json").write_text(json.dumps(config))
    command = [program, str(folder / "orthanc.json")]
    with running(command, server.http_port, cwd=folder) as process:
        wait_for(server.dicom_port, process)
        yield server


@contextmanager
def answering(status=200, body=b"[]", context=None, **headers):
    """A web service that gives the same answer to whatever is asked, and remembers what was."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            length = int(self.headers.get("Content-Length") or 0)
            asked.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
            self.send_response(status)
            given = {"Content-Type": "application/dicom+json", "Content-Length": str(len(body))}
            given.update({name.replace("_", "-"): value for name, value in headers.items()})
            for name, value in given.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer  # noqa: N815 (the library's names)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        kind = "http" if context is None else "https"
        yield f"{kind}://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def tls_before(port: int, context) -> Iterator[int]:
    """A port that speaks TLS and hands on what it hears to ``port``, as a proxy before a service does."""

    def pump(source, target):
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    class Handler(BaseRequestHandler):
        def handle(self):
            with (
                suppress(OSError),
                context.wrap_socket(self.request, server_side=True) as outer,
                socket.create_connection(("127.0.0.1", port)) as inner,
            ):
                back = threading.Thread(target=pump, args=(inner, outer), daemon=True)
                back.start()
                pump(outer, inner)
                back.join(10)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
