"""The real command in a process of its own, killed while objects arrive: none lost, none doubled."""

import json
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import servers
import yaml
from pydicom import dcmread

from procguide.dicom.network.association import Waits
from procguide.dicom.network.instances import read_instance
from procguide.dicom.network.outgoing import store
from procguide.dicom.network.peers import DimsePeer, Me
from procguide.dicom.network.store import Store
from procguide.errors import CannotWriteError

QUICK = Waits(connect=2, associate=5, answer=10, silence=10)


class Listener:
    """``procguide listen`` on a port and a spool that stay the same however often it is killed."""

    def __init__(self, folder):
        self.folder, self.port = folder, servers.free_port()
        (folder / "peers.yaml").write_text(
            yaml.safe_dump({"peers": {"scu": {"ae_title": "SCU", "host": "127.0.0.1"}}})
        )
        self.words = ["--spool", folder / "spool", "--peers", folder / "peers.yaml", "--port", self.port]
        self.process = None

    def start(self, *more):
        words = [sys.executable, "-m", "procguide.cli", "listen", *map(str, [*self.words, *more])]
        log = (self.folder / "log").open("ab")
        with log:
            self.process = subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL
            )
        servers.wait_for(self.port, self.process)

    def stop(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        out, _ = self.process.communicate(timeout=90)
        return out

    @property
    def studies(self):
        return self.folder / "spool" / "studies"

    def holds(self, instance):
        return Store(self.studies).path_of(instance).exists()

    @property
    def peer(self):
        return DimsePeer(ae_title="PROCGUIDE", host="127.0.0.1", port=self.port)


@pytest.fixture
def listener(tmp_path):
    running = Listener(tmp_path)
    yield running
    if running.process is not None and running.process.poll() is None:
        running.stop()


def send_until_answered(instances, listener, seconds=300.0):
    """As an archive does: what has had no answer is sent again, until everything has one."""
    left = {one.sop_instance: one for one in instances}

    def told(sent):
        if sent.safe:
            assert listener.holds(sent.instance), "answered for before it was on disk"
            left.pop(sent.instance.sop_instance, None)

    end = time.monotonic() + seconds
    while left and time.monotonic() < end:
        try:
            store(list(left.values()), listener.peer, Me(ae_title="SCU"), waits=QUICK, told=told)
        except CannotWriteError:
            time.sleep(0.1)
    assert not left


def kill_now_and_then(listener, times):
    """Kill it at random moments, and start it again."""
    chance = random.Random(1)
    for _ in range(times):
        time.sleep(chance.uniform(0.1, 0.5))
        listener.stop()
        listener.start()


def test_none_lost_none_doubled(listener, study):
    files = study(150)
    instances = [read_instance(file) for file in files]
    listener.start()
    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(kill_now_and_then, listener, 3)
        send_until_answered(instances, listener)
        killing.result()
    held = {dcmread(file).SOPInstanceUID: dcmread(file) for file in listener.studies.rglob("*.dcm")}
    assert len(list(listener.studies.rglob("*.dcm"))) == len(held) == 150
    for file in files:
        sent = dcmread(file)
        assert np.array_equal(held[sent.SOPInstanceUID].pixel_array, sent.pixel_array)
    assert list((listener.folder / "spool" / "incoming").iterdir()) == []


def test_asked_to_stop_it_says_what_it_did(listener, study):
    listener.words.append("--json")
    listener.start()
    send_until_answered([read_instance(file) for file in study(3)], listener)
    document = json.loads(listener.stop(signal.SIGTERM))
    assert (document["schema"], document["received"], document["refused"]) == ("procguide.listen/1", 3, 0)
    assert listener.process.returncode == 0


def test_a_second_one_is_refused_and_no_rule_runs_unchecked(listener, tmp_path):
    listener.start()
    words = [sys.executable, "-m", "procguide.cli", "listen", *map(str, listener.words)]
    second = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (second.returncode, "another process listens" in second.stderr) == (6, True)
    rules = {"rules": [{"name": "x", "procedure": "no_such", "level": ["L4"]}]}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    wrong = subprocess.run(
        [*words, "--rules", str(tmp_path / "rules.yaml")], capture_output=True, text=True, check=False
    )
    assert (wrong.returncode, "no procedure 'no_such'" in wrong.stderr) == (2, True)


def test_a_study_that_cannot_be_planned_ends_as_failed_with_its_words(listener, tmp_path, study):
    """The real computation, in its own process: three slices are no spine."""
    rules = {"quiet_s": 0.5, "rules": [{"name": "labels", "do": "segment", "send_to": ["sender"]}]}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    listener.start("--rules", tmp_path / "rules.yaml", "--json")
    send_until_answered([read_instance(file) for file in study(3)], listener)
    record = servers.ended_job(tmp_path / "spool", seconds=240)
    assert (record["state"], record["exit_code"]) == ("failed", 5)
    assert record["words"]
    assert json.loads(listener.stop(signal.SIGTERM))["jobs"] == {"failed": 1}
    log = (tmp_path / "log").read_text()
    assert not [word for word in ("Secret", "4711", "1.2.3") if word in log]
    assert (tmp_path / "spool").stat().st_mode & 0o077 == 0


def test_it_leaves_when_all_is_done_if_asked_to(listener):
    listener.start("--until-idle", "2", "--json")
    out, _ = listener.process.communicate(timeout=60)
    assert (listener.process.returncode, json.loads(out)["received"]) == (0, 0)
