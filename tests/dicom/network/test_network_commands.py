"""``send`` and ``fetch`` against a real archive, over the wire."""

import json
import sys
from io import BytesIO

import numpy as np
import pytest
import servers
from pydicom import dcmread
from pydicom.uid import JPEGLSLossless

from procguide.dicom import network, read_study, read_volume


@pytest.fixture
def peers(orthanc, peers_file):
    return "--peers", peers_file(orthanc.peers())


def of_instances(files):
    return {dcmread(file).SOPInstanceUID: dcmread(file) for file in files}


@pytest.mark.parametrize("peer", ["pacs", "web"])
class TestSend:
    def test_each_object_is_in_the_archive_as_it_was(self, command, study, orthanc, peers, peer):
        files = study(5)
        answer = command("send", files[0].parent, "--to", peer, "--json", *peers)
        assert answer.code == 0, answer.err
        document = json.loads(answer.out)
        assert (document["sent"], document["failed"], document["damaged"]) == (5, 0, 0)
        assert orthanc.ask("/statistics")["CountInstances"] == 5
        held = {
            orthanc.ask(f"/instances/{one}/tags?simplify")["SOPInstanceUID"]
            for one in orthanc.ask("/instances")
        }
        assert held == set(of_instances(files))

    def test_twice_is_once(self, command, study, orthanc, peers, peer):
        for _ in range(2):
            assert command("send", study(2)[0].parent, "--to", peer, *peers).code == 0
        assert orthanc.ask("/statistics")["CountInstances"] == 4  # each call writes two new ones

    def test_echo(self, command, peers, peer):
        answer = command("send", "--to", peer, "--echo", *peers)
        assert (answer.code, f"{peer} answers" in answer.out) == (0, True)

    def test_damaged_files_are_left_out_and_told(self, command, study, orthanc, peers, peer):
        files = study(3)
        files[1].write_bytes(files[1].read_bytes()[:140])
        (files[0].parent / "notes.txt").write_text("not DICOM")
        answer = command("send", files[0].parent, "--to", peer, "--json", *peers)
        assert answer.code == 8
        assert json.loads(answer.out)["damaged"] == 1
        assert orthanc.ask("/statistics")["CountInstances"] == 2

    def test_packed_pixels_go_as_they_are(self, command, study, orthanc, peers, peer):
        file = study(1)[0]
        dataset = dcmread(file)
        dataset.compress(JPEGLSLossless, generate_instance_uid=False)
        dataset.save_as(file)
        assert command("send", file, "--to", peer, *peers).code == 0
        held = dcmread(BytesIO(orthanc.file(orthanc.ask("/instances")[0])))
        assert held.file_meta.TransferSyntaxUID == JPEGLSLossless
        assert np.array_equal(held.pixel_array, dataset.pixel_array)


@pytest.mark.parametrize("by", ["get", "move", "web"])
class TestFetch:
    def call(self, command, orthanc, peers, by, output):
        words = {"get": ["--from", "pacs"], "web": ["--from", "web"]}
        how = words.get(by, ["--from", "pacs", "--move", orthanc.movable])
        return command("fetch", *how, "--patient", "ID-4711", "-o", output, "--json", *peers)

    def test_what_was_sent_comes_back(self, command, study, orthanc, peers, by, tmp_path):
        files = study(6)
        command("send", files[0].parent, "--to", "pacs", *peers)
        answer = self.call(command, orthanc, peers, by, tmp_path / "back")
        assert answer.code == 0, answer.err
        document = json.loads(answer.out)
        assert (document["objects"], document["fetched"], document["missing"]) == (6, 6, 0)
        sent, back = of_instances(files), of_instances((tmp_path / "back").rglob("*.dcm"))
        assert sent.keys() == back.keys()
        assert all(np.array_equal(sent[uid].pixel_array, back[uid].pixel_array) for uid in sent)
        before, after = (read_study(folder).series[0] for folder in (files[0].parent, tmp_path / "back"))
        assert np.array_equal(read_volume(before).voxels, read_volume(after).voxels)

    def test_run_again_fetches_only_the_rest(self, command, study, orthanc, peers, by, tmp_path):
        command("send", study(4)[0].parent, "--to", "pacs", *peers)
        self.call(command, orthanc, peers, by, tmp_path / "back")
        held = sorted((tmp_path / "back").rglob("*.dcm"))
        held[1].unlink()
        document = json.loads(self.call(command, orthanc, peers, by, tmp_path / "back").out)
        assert (document["held_before"], document["fetched"]) == (3, 1)
        assert sorted((tmp_path / "back").rglob("*.dcm")) == held

    def test_nothing_that_matches(self, command, orthanc, peers, by, tmp_path):
        answer = self.call(command, orthanc, peers, by, tmp_path / "back")
        assert (answer.code, "nothing that matches" in answer.err) == (3, True)
        assert not (tmp_path / "back").exists()


class TestList:
    # Orthanc 1.10 takes the %2A of a percent-encoded wildcard for two letters.
    @pytest.mark.parametrize(("peer", "patient"), [("pacs", "ID*"), ("web", "ID-4711")])
    def test_series_without_the_patients_name(self, command, study, orthanc, peers, peer, patient):
        command("send", study(3)[0].parent, "--to", "pacs", *peers)
        answer = command("fetch", "--from", peer, "--patient", patient, "--list", "--json", *peers)
        assert answer.code == 0, answer.err
        found = json.loads(answer.out)["studies"][0]
        assert found["study"] == "1.2.3"
        assert [(one["modality"], one["series"]) for one in found["series"]] == [("CT", "1.2.3.4")]
        assert orthanc.ask("/statistics")["CountInstances"] == 3
        assert "Secret" not in answer.out + answer.err
        told = command("fetch", "--from", peer, "--patient", patient, "--list", *peers)
        assert "1.2.3.4" in told.out

    def test_another_modality_does_not_match(self, command, study, peers):
        command("send", study(1)[0].parent, "--to", "pacs", *peers)
        assert command("fetch", "--from", "pacs", "--modality", "MR", "--list", *peers).code == 3


class TestUsage:
    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (["fetch", "--from", "pacs", "--modality", "CT", "-o", "x"], "say what to fetch"),
            (["fetch", "--from", "pacs", "--patient", "*", "-o", "x"], "say what to fetch"),
            (["fetch", "--from", "pacs", "--study", "1.2/3", "-o", "x"], "takes a UID"),
            (["fetch", "--from", "pacs", "--list"], "at least one of"),
            (["fetch", "--from", "pacs", "--accession", "a\\b", "-o", "x"], "no backslash"),
            (["fetch", "--from", "nobody", "--study", "1.2", "-o", "x"], "it names: pacs"),
            (["send", "--to", "pacs"], "say what to send"),
        ],
    )
    def test_each_is_told_and_nobody_is_called(self, command, peers_file, words, told):
        path = peers_file({"peers": {"pacs": {"ae_title": "PACS", "host": "127.0.0.1", "port": 1}}})
        answer = command(*words, "--peers", path)
        assert (answer.code, told in answer.err) == (2, True), answer.err

    def test_no_peers_file(self, command, monkeypatch):
        monkeypatch.delenv("PROCGUIDE_PEERS", raising=False)
        answer = command("send", "x", "--to", "pacs")
        assert (answer.code, "PROCGUIDE_PEERS" in answer.err) == (2, True)

    def test_libraries_that_are_not_there(self, command, monkeypatch):
        monkeypatch.setattr(network, "find_spec", lambda _name: None)
        answer = command("send", "x", "--to", "pacs")
        assert (answer.code, "procguide[network]" in answer.err) == (7, True)

    def test_nobody_there(self, command, peers_file, study):
        port = servers.free_port()
        content = {
            "pacs": {"ae_title": "PACS", "host": "127.0.0.1", "port": port},
            "web": {"url": f"http://127.0.0.1:{port}/x"},
        }
        path = peers_file({"peers": content})
        for peer in content:
            answer = command("send", study(1)[0], "--to", peer, "--peers", path)
            assert (answer.code, "cannot be reached" in answer.err) == (6, True)
            answer = command("fetch", "--from", peer, "--study", "1.2", "-o", "x", "--peers", path)
            assert (answer.code, "cannot be reached" in answer.err) == (4, True)

    def test_nothing_to_send(self, command, tmp_path, peers_file):
        (tmp_path / "empty").mkdir()
        path = peers_file({"peers": {"pacs": {"ae_title": "PACS", "host": "127.0.0.1"}}})
        for place in ("empty", "none"):
            assert command("send", tmp_path / place, "--to", "pacs", "--peers", path).code == 4


def test_help_stays_quick_without_the_network_libraries():
    assert "procguide.cli.send" in sys.modules
    import subprocess

    code = "import sys, procguide.cli; print([m for m in ('pynetdicom', 'requests') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
