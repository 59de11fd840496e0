"""``listen`` as a whole: from a scanner's C-STORE to results in an archive."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import servers
import yaml
from ears import storescu

from procguide.cli import listen as command_line
from procguide.dicom.network.rules import Rule, Task
from procguide.dicom.network.worker import Computed

REPOSITORY = Path(__file__).resolve().parents[3]
SAMPLE = REPOSITORY / "sample_dicom" / "lumbar" / "ct"


@pytest.mark.slow
@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the sample study is not here")
def test_a_study_is_received_planned_and_the_plan_is_in_the_archive(orthanc, tmp_path):
    peers = orthanc.peers()
    peers["peers"]["scu"] = {"ae_title": "SCU", "host": "127.0.0.1"}
    (tmp_path / "peers.yaml").write_text(yaml.safe_dump(peers))
    rule = {
        "name": "tfesi",
        "when": {"from": ["scu"], "modality": ["CT"], "description": ["*lumbar*"]},
        "procedure": "transforaminal_esi_subpedicular",
        "level": ["L4-L5"],
        "side": "left",
        "send_to": ["pacs"],
    }
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"quiet_s": 1, "rules": [rule]}))
    port = servers.free_port()
    words = ["--spool", "spool", "--peers", "peers.yaml", "--rules", "rules.yaml", "--port", str(port)]
    command = [sys.executable, "-m", "procguide.cli", "listen", *words, "--json"]
    with (tmp_path / "log").open("wb") as log:
        listener = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=log)
    try:
        servers.wait_for(port, listener)
        subprocess.run(storescu(port, sorted(SAMPLE.iterdir()), "-xt"), check=True)
        assert servers.ended_job(tmp_path / "spool", seconds=900)["state"] == "done"
    finally:
        listener.terminate()
        out, _ = listener.communicate(timeout=60)
    assert json.loads(out)["jobs"] == {"done": 1}, (tmp_path / "log").read_text()
    folder = next((tmp_path / "spool" / "jobs").iterdir())
    plan = json.loads((folder / "out" / "plan.json").read_text())
    assert plan["plans"][0]["rank"] == 1
    sent = sorted((folder / "out").rglob("*.dcm"))
    assert orthanc.ask("/statistics")["CountInstances"] == len(sent) > 0
    modalities = {one["MainDicomTags"]["Modality"] for one in orthanc.ask("/series?expand")}
    assert {"SR", "SEG"} <= modalities
    studies = {one["MainDicomTags"]["StudyInstanceUID"] for one in orthanc.ask("/studies?expand")}
    assert len(studies) == 1


class TestComputation:
    """The process that computes: bounded in time, its words kept, its lock its own."""

    @pytest.fixture
    def compute(self, tmp_path, monkeypatch):
        (tmp_path / "job").mkdir()

        def call(code, timeout_s=20.0):
            words = [sys.executable, "-c", code]
            monkeypatch.setattr(command_line, "_command", lambda _task, _study, _output: words)
            rule = Rule(name="x", do="segment", timeout_s=timeout_s)
            with (tmp_path / "lock").open("wb") as lock:
                return command_line._compute(Task(rule), tmp_path, tmp_path / "job" / "out", lock.fileno())

        return call

    def test_its_exit_code_and_words(self, compute):
        code = 'import sys; print(\'{"error": "no vertebra"}\'); sys.exit(5)'
        assert compute(code) == Computed(5, "no vertebra")

    def test_one_that_hangs_is_stopped_with_all_it_started(self, compute, tmp_path):
        inner = f"import time; time.sleep(3); open({str(tmp_path / 'late')!r}, 'w')"
        code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
        start = time.monotonic()
        found = compute(code, timeout_s=1.0)
        assert (found.exit_code, "longer than 1 s" in found.words) == (5, True)
        assert time.monotonic() - start < 3
        time.sleep(3)
        assert not (tmp_path / "late").exists()

    def test_one_that_dies_is_a_fault_worth_another_attempt(self, compute):
        assert compute(f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})") == Computed(1)

    def test_garbage_for_an_answer(self, compute):
        assert compute("print('[1]')") == Computed(0)
        assert compute("print('no')") == Computed(0)


def test_the_rule_becomes_a_command_line():
    given = {"name": "x", "procedure": "p", "level": ["L3", "L4"], "side": "both", "lowest_level": "L5"}
    rule = Rule.model_validate(given)
    words = command_line._command(Task(rule, rule.level, rule.side), Path("study"), Path("out"))
    assert words[1:6] == ["-m", "procguide.cli", "plan", "study", "-o"]
    rest = " ".join(words[6:])
    assert rest == "out --json --procedure p --level L3 --level L4 --side both --lowest-level L5"


def test_open_ears_beside_a_tls_peer_are_refused(command, peers_file, tmp_path):
    path = peers_file({"peers": {"ct": {"ae_title": "CT", "host": "10.0.0.1", "tls": True}}})
    words = ("listen", "--spool", tmp_path / "spool", "--peers", path, "--address", "0.0.0.0")  # noqa: S104
    answer = command(*words)
    assert (answer.code, "listen with --tls" in answer.err) == (2, True)
