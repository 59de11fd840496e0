"""Objects received over loopback: how fast, and what 20 kills cost.

    python benchmarks/dicom_network.py

writes ``benchmarks/results/dicom_network.json``. 1,000 CT slices of 512 x 512 (0.5 MB each, uncompressed)
are sent by DCMTK's storescu over one association to DCMTK's storescp, which hands them to the system and
answers, and to `procguide listen`, which answers when each is safe on disk (fsync of the file and of its
folder); in turns, the best and the median of three runs each. What the disk alone takes for the same
writes and fsyncs is measured beside it. Then 1,000 small slices are sent while `procguide listen` is killed
(SIGKILL) at 20 random moments; the sender, as an archive does, sends again what had no answer. Every object
is compared with what was sent, pixel by pixel, and the spool is searched for objects that lie there twice.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import rmtree, which
from typing import Any

import numpy as np
import yaml
from pydicom import dcmread
from pydicom.uid import generate_uid
from recording import write_result

from procguide.dicom import Compression, StudyIdentity, write_series
from procguide.dicom.network.association import Waits
from procguide.dicom.network.instances import Instance, read_instance
from procguide.dicom.network.outgoing import Sent, store
from procguide.dicom.network.peers import DimsePeer, Me
from procguide.errors import CannotWriteError
from procguide.geometry import Affine
from procguide.imaging import Modality, Volume

OBJECTS = 1000
SIZE = 512
RUNS = 3
KILLS = 20
WAITS = Waits(connect=2, associate=5, answer=20, silence=20)


def make_study(folder: Path, size: int) -> list[Path]:
    """``OBJECTS`` slices of one series, each with its own noise."""
    noise = np.random.default_rng(0)
    affine = Affine.from_steps([(0, 0, 1.0), (0, 0.5, 0), (0.5, 0, 0)], (0, 0, 0))
    template = Volume(np.zeros((2, size, size), np.int16), affine, Modality.CT)
    write_series(template, folder / "template", study=StudyIdentity(seed=1), compression=Compression.NONE)
    dataset = dcmread(next((folder / "template").iterdir()))
    rmtree(folder / "template")
    for number in range(OBJECTS):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.InstanceNumber = number + 1
        dataset.ImagePositionPatient = [0, 0, number]
        dataset.PixelData = noise.integers(0, 4096, (size, size), dtype=np.uint16).tobytes()
        dataset.save_as(folder / f"{number:04d}.dcm")
    return sorted(folder.glob("*.dcm"))


def dcmtk(name: str) -> str:
    """DCMTK's program, not the script of the same name that pynetdicom installs."""
    for place in os.environ["PATH"].split(os.pathsep):
        program = which(name, path=place)
        if program is not None and not Path(program).read_bytes().startswith(b"#!"):
            return program
    sys.exit(f"DCMTK's {name} is not installed")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)


class Listener:
    """``procguide listen`` with one spool, however often it is killed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.spool, self.port = folder / "spool", free_port()
        peers = folder / "peers.yaml"
        peers.write_text(yaml.safe_dump({"peers": {"scu": {"ae_title": "SCU", "host": "127.0.0.1"}}}))
        words = ["listen", "--spool", self.spool, "--peers", peers, "--port", self.port]
        self.command = [sys.executable, "-m", "procguide.cli", *map(str, words)]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        silent = subprocess.DEVNULL
        self.process = subprocess.Popen(self.command, stdout=silent, stderr=silent, stdin=silent)
        wait_for(self.port)

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it by a signal."""
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(30)


def send(files: list[Path], port: int) -> float:
    """Seconds that storescu takes for all ``files``."""
    command = [dcmtk("storescu"), "-aet", "SCU", "-aec", "PROCGUIDE", "+sd", "127.0.0.1", str(port)]
    start = time.perf_counter()
    subprocess.run([*command, str(files[0].parent)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def to_storescp(files: list[Path], folder: Path) -> float:
    folder.mkdir()
    port = free_port()
    server = subprocess.Popen([dcmtk("storescp"), "-od", str(folder), str(port)], stderr=subprocess.DEVNULL)
    wait_for(port)
    try:
        seconds = send(files, port)
    finally:
        server.terminate()
        server.wait()
    assert len(list(folder.iterdir())) == OBJECTS
    return seconds


def to_procguide(files: list[Path], folder: Path) -> float:
    listener = Listener(folder)
    listener.start()
    try:
        seconds = send(files, listener.port)
    finally:
        listener.stop()
    assert len(list((listener.spool / "studies").rglob("*.dcm"))) == OBJECTS
    return seconds


def to_disk(files: list[Path], folder: Path) -> float:
    """Seconds of the same writes with the same care, and no network."""
    folder.mkdir()
    content = [file.read_bytes() for file in files]
    start = time.perf_counter()
    for number, piece in enumerate(content):
        part = folder / "part"
        with part.open("wb") as stream:
            stream.write(piece)
            stream.flush()
            os.fsync(stream.fileno())
        part.rename(folder / str(number))
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    return time.perf_counter() - start


def speed(files: list[Path], folder: Path) -> dict[str, Any]:
    """Objects a second, in turns."""
    ways = {"storescp": to_storescp, "procguide_listen": to_procguide, "disk_alone": to_disk}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for run in range(RUNS):
        for name, way in ways.items():
            place = folder / f"{name}{run}"
            seconds[name].append(way(files, place))
            rmtree(place)
    return {
        name: {
            "objects_per_s_median": round(OBJECTS / statistics.median(taken), 1),
            "objects_per_s_best": round(OBJECTS / min(taken), 1),
            "seconds": [round(one, 2) for one in taken],
        }
        for name, taken in seconds.items()
    }


def kill_at_random(listener: Listener, kills: int, seconds: float) -> list[float]:
    """Kill it ``kills`` times within about ``seconds`` of its running; the seconds that each life lasted."""
    chance = random.Random(0)  # noqa: S311
    lives = []
    for _ in range(kills):
        lives.append(chance.uniform(0, 2 * seconds / kills))
        time.sleep(lives[-1])
        listener.stop(signal.SIGKILL)
        listener.start()
    return lives


def send_until_answered(instances: list[Instance], port: int) -> Counter[str]:
    """Send again and again what had no answer; how often anything was sent again."""
    left = {one.sop_instance: one for one in instances}
    told: Counter[str] = Counter()

    def hear(sent: Sent) -> None:
        told[sent.outcome] += 1
        if sent.safe:
            left.pop(sent.instance.sop_instance, None)

    peer = DimsePeer(ae_title="PROCGUIDE", host="127.0.0.1", port=port)
    while left:
        try:
            store(list(left.values()), peer, Me(ae_title="SCU"), waits=WAITS, told=hear)
        except CannotWriteError:
            told["no association"] += 1
            time.sleep(0.05)
    return told


def kills(files: list[Path], folder: Path) -> dict[str, Any]:
    """What is lost and what is doubled by ``KILLS`` kills."""
    instances = [read_instance(file) for file in files]
    listener = Listener(folder)
    listener.start()
    start = time.perf_counter()
    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(kill_at_random, listener, KILLS, OBJECTS / 60)
        told = send_until_answered(instances, listener.port)
        sent_after = time.perf_counter() - start
        lives = killing.result()
    listener.stop()
    held = Counter(str(dcmread(file).SOPInstanceUID) for file in (listener.spool / "studies").rglob("*.dcm"))
    return {
        "objects": OBJECTS,
        "kills": KILLS,
        "kills_while_sending": sum(bool(sum(lives[: n + 1]) < sent_after) for n in range(len(lives))),
        "lost": sum(one.sop_instance not in held for one in instances),
        "doubled": sum(count > 1 for count in held.values()),
        "strangers": len(held.keys() - {one.sop_instance for one in instances}),
        "damaged": sum(not same(file, listener.spool / "studies") for file in files),
        "answers": dict(told),
        "seconds": round(time.perf_counter() - start, 1),
    }


def same(file: Path, studies: Path) -> bool:
    """Whether what lies in the spool has the pixels that were sent."""
    from procguide.dicom.network.store import Store

    sent = dcmread(file)
    held = Store(studies).path_of(read_instance(file))
    return held.exists() and dcmread(held).PixelData == sent.PixelData


def main() -> None:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="procguide_network_") as name:
        folder = Path(name)
        result: dict[str, Any] = {"objects": OBJECTS, "rows_and_columns": SIZE}
        result["receiving"] = speed(make_study(folder / "large", SIZE), folder)
        rmtree(folder / "large")
        result["killed"] = kills(make_study(folder / "small", 64), folder / "killed")
    write_result("dicom_network", result, load)


if __name__ == "__main__":
    main()
