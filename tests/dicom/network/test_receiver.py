import logging
import socket
import struct
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import servers
from ears import CALLERS, listening, storescu
from pydicom import dcmread
from pydicom.uid import generate_uid
from pynetdicom import AE

from procguide.dicom.network.arrivals import Status, receiving_into
from procguide.dicom.network.association import Waits, echo
from procguide.dicom.network.instances import read_instance
from procguide.dicom.network.outgoing import Outcome, store
from procguide.dicom.network.peers import DimsePeer, Me, Peers
from procguide.dicom.network.receiver import Limits, Receiver
from procguide.errors import CannotWriteError, UsageError

CT = "1.2.840.10008.5.1.4.1.1.2"
ME = Me(ae_title="SCU")
QUICK = Waits(connect=5, associate=5, answer=10, silence=5)


def run(command):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


class TestDcmtkSends:
    def test_each_object_lies_there_as_it_was_sent(self, ear, study):
        files = study(6)
        answer = run(storescu(ear.peer.port, files))
        assert answer.returncode == 0, answer.stderr
        held = {dcmread(file).SOPInstanceUID: dcmread(file) for file in ear.held()}
        assert held.keys() == {dcmread(file).SOPInstanceUID for file in files}
        for file in files:
            sent = dcmread(file)
            assert held[sent.SOPInstanceUID].PixelData == sent.PixelData
            assert held[sent.SOPInstanceUID].PatientName == sent.PatientName
        assert list((ear.folder / "incoming").iterdir()) == []

    def test_twice_is_once(self, ear, study):
        files = study(3)
        for _ in range(2):
            assert run(storescu(ear.peer.port, files)).returncode == 0
        counts = ear.receiver.arrivals.counts
        assert (len(ear.held()), counts.new, counts.again) == (3, 3, 3)

    def test_verification(self, ear):
        echo(ME, ear.peer, fault=CannotWriteError)


class TestOursSends:
    def test_every_object_is_answered_for(self, ear, study):
        instances = [read_instance(file) for file in study(4)]
        told = []
        sent = store(instances, ear.peer, ME, told=told.append)
        assert [one.outcome for one in sent] == [Outcome.STORED] * 4
        assert told == list(sent)
        assert len(ear.held()) == 4

    def test_other_content_of_the_same_uid_is_refused_and_the_first_stays(self, ear, study):
        file = study(1)[0]
        assert store([read_instance(file)], ear.peer, ME)[0].safe
        before = ear.held()[0].read_bytes()
        dataset = dcmread(file)
        dataset.PixelData = np.full((16, 16), 9, np.uint16).tobytes()
        dataset.save_as(file)
        sent = store([read_instance(file)], ear.peer, ME)[0]
        assert (sent.outcome, sent.status) == (Outcome.REFUSED, Status.HELD_OTHERWISE)
        assert ear.held()[0].read_bytes() == before

    def test_a_full_disk_refuses_so_that_the_sender_keeps_it(self, ear, study):
        ear.receiver.arrivals = replace(ear.receiver.arrivals, free_bytes=1 << 60)
        sent = store([read_instance(study(1)[0])], ear.peer, ME)[0]
        assert (sent.status, sent.safe, sent.final) == (Status.NO_ROOM, False, False)
        assert ear.held() == []
        assert list((ear.folder / "incoming").iterdir()) == []

    def test_a_file_whose_head_names_another_object_is_sent_as_what_it_is(self, ear, study):
        file = mislabelled(study(1)[0])
        assert store([read_instance(file)], ear.peer, ME)[0].safe
        assert dcmread(ear.held()[0]).file_meta.MediaStorageSOPInstanceUID == dcmread(file).SOPInstanceUID

    def test_a_data_set_at_odds_with_its_request_is_refused(self, ear, study):
        instance = replace(read_instance(mislabelled(study(1)[0])), agrees=True)
        sent = store([instance], ear.peer, ME)[0]
        assert (sent.status, ear.held()) == (Status.NOT_ITS_CLASS, [])

    def test_more_kinds_than_one_association_has_contexts_for(self, ear, study):
        instances = []
        for number, uid in enumerate(all_classes()[:90]):
            file = study(1, folder=f"kind{number}")[0]
            dataset = dcmread(file)
            dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = uid
            dataset.save_as(file)
            instances.append(read_instance(file))
        assert all(one.safe for one in store(instances, ear.peer, ME))
        assert len(ear.held()) == 90

    def test_packed_pixels_are_unpacked_only_where_the_peer_takes_them_no_other_way(self, ear, study):
        file = study(1)[0]
        dataset = dcmread(file)
        pixels = dataset.pixel_array
        dataset.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)
        dataset.save_as(file)
        assert store([read_instance(file)], ear.peer, ME)[0].safe
        assert dcmread(ear.held()[0]).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.5"
        plain = ae_that_takes(CT, "1.2.840.10008.1.2")
        with plain as (port, taken):
            sent = store([read_instance(file)], DimsePeer(ae_title="ANY", host="127.0.0.1", port=port), ME)
        assert sent[0].safe
        assert np.array_equal(taken[0].pixel_array, pixels)

    def test_a_kind_that_the_peer_does_not_take(self, study):
        with ae_that_takes("1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.2") as (port, _):
            peer = DimsePeer(ae_title="ANY", host="127.0.0.1", port=port)
            with pytest.raises(CannotWriteError, match="accepts none of what was proposed"):
                store([read_instance(study(1)[0])], peer, ME)


class TestWhoIsLetIn:
    def test_an_unknown_calling_title(self, ear):
        with pytest.raises(CannotWriteError, match="refuses the association"):
            echo(Me(ae_title="STRANGER"), ear.peer, fault=CannotWriteError)

    def test_a_wrong_called_title(self, ear):
        with pytest.raises(CannotWriteError, match="refuses the association"):
            echo(ME, ear.peer.model_copy(update={"ae_title": "OTHER"}), fault=CannotWriteError)

    def test_an_unknown_address(self, tmp_path):
        callers = {"scu": {"ae_title": "SCU", "host": "192.0.2.1", "unencrypted": True}}
        with listening(tmp_path, callers) as ear, pytest.raises(CannotWriteError):
            echo(ME, ear.peer, fault=CannotWriteError, waits=QUICK)

    def test_addresses_of_a_peer_take_the_place_of_its_host(self, tmp_path):
        callers = {
            "scu": {"ae_title": "SCU", "host": "192.0.2.1", "unencrypted": True, "addresses": ["127.0.0.1"]}
        }
        with listening(tmp_path, callers) as ear:
            echo(ME, ear.peer, fault=CannotWriteError)

    def test_a_peer_that_may_not_send(self, tmp_path):
        callers = {**CALLERS, "pacs": {"ae_title": "PACS", "host": "127.0.0.1", "may_send": False}}
        with listening(tmp_path, callers) as ear, pytest.raises(CannotWriteError, match="refuses"):
            echo(Me(ae_title="PACS"), ear.peer, fault=CannotWriteError)

    def test_nobody_to_listen_to(self):
        with pytest.raises(UsageError, match="nobody"):
            Receiver(Peers(), None)

    def test_the_port_is_taken(self, ear):
        peers = Peers.model_validate({"peers": CALLERS})
        with pytest.raises(CannotWriteError, match="choose another --port"):
            Receiver(peers, ear.receiver.arrivals, address=("127.0.0.1", ear.peer.port))


class TestHostileSenders:
    def test_a_pdu_that_claims_4_gb_is_not_waited_for(self, ear):
        with socket.create_connection(("127.0.0.1", ear.peer.port), timeout=10) as caller:
            caller.sendall(struct.pack(">BBL", 1, 0, 0xFFFFFFFF) + b"\0" * 1000)
            assert ended(caller)
        echo(ME, ear.peer, fault=CannotWriteError)

    def test_a_silent_caller_keeps_nobody_waiting(self, ear):
        with socket.create_connection(("127.0.0.1", ear.peer.port)):
            start = time.monotonic()
            echo(ME, ear.peer, fault=CannotWriteError)
            assert time.monotonic() - start < 5

    def test_garbage_is_answered_by_closing(self, tmp_path):
        with listening(tmp_path, waits=Waits(associate=0.5)) as ear:
            for garbage in (b"GET / HTTP/1.1\r\n\r\n" * 2, b"\x16\x03\x01" + b"\0" * 50, b"\xff" * 64):
                with socket.create_connection(("127.0.0.1", ear.peer.port), timeout=10) as caller:
                    caller.sendall(garbage)
                    assert ended(caller)
            echo(ME, ear.peer, fault=CannotWriteError)

    def test_a_request_that_drips_in_is_not_waited_for_longer_than_a_silent_one(self, tmp_path):
        with listening(tmp_path, waits=Waits(associate=1.0)) as ear:
            with socket.create_connection(("127.0.0.1", ear.peer.port), timeout=10) as caller:
                caller.sendall(struct.pack(">BBL", 1, 0, 200))
                assert gives_up(caller, within=8.0)
            echo(ME, ear.peer, fault=CannotWriteError)

    def test_an_object_larger_than_allowed_is_cut_off_and_leaves_nothing(self, tmp_path, study):
        with listening(tmp_path, limits=Limits(object_bytes=100_000)) as ear:
            small, large = study(1)[0], study(1, folder="large")[0]
            dataset = dcmread(large)
            dataset.Rows = dataset.Columns = 512
            dataset.PixelData = bytes(2 * 512 * 512)
            dataset.save_as(large)
            sent = store([read_instance(large)], ear.peer, ME, waits=QUICK)[0]
            assert (sent.outcome, sent.final) == (Outcome.UNREACHED, False)
            assert store([read_instance(small)], ear.peer, ME)[0].safe
            assert len(ear.held()) == 1
            assert list((tmp_path / "incoming").iterdir()) == []

    def test_too_many_associations_are_refused(self, tmp_path):
        with listening(tmp_path, limits=Limits(associations=2)) as ear:
            entity = AE(ae_title="SCU")
            entity.add_requested_context("1.2.840.10008.1.1")
            held = [entity.associate("127.0.0.1", ear.peer.port, ae_title="PROCGUIDE") for _ in range(3)]
            assert [one.is_established for one in held] == [True, True, False]
            for one in held[:2]:
                one.release()
            echo(ME, ear.peer, fault=CannotWriteError)

    def test_deflated_objects_are_not_offered_a_context(self, ear):
        entity = AE(ae_title="SCU")
        entity.add_requested_context(CT, ["1.2.840.10008.1.2.1.99"])
        association = entity.associate("127.0.0.1", ear.peer.port, ae_title="PROCGUIDE")
        accepted = bool(association.accepted_contexts)
        if association.is_established:
            association.abort()
        assert not accepted

    def test_no_log_has_an_identifier(self, ear, study, caplog):
        caplog.set_level(logging.DEBUG)
        file = study(1)[0]
        store([read_instance(file)], ear.peer, ME)
        dataset = dcmread(file)
        uid = dataset.SOPInstanceUID
        dataset.PixelData = bytes(range(256)) * 2
        dataset.save_as(file)
        store([read_instance(file)], ear.peer, ME)
        ours = "\n".join(one.getMessage() for one in caplog.records if one.name.startswith("procguide"))
        assert "other content" in ours
        assert not [word for word in ("Secret", "4711", str(uid)) if word in caplog.text]


def test_what_a_kill_left_behind_is_cleared(tmp_path):
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / "tmpx.dcm").write_bytes(b"half")
    with receiving_into(tmp_path / "incoming") as incoming:
        assert list(incoming.iterdir()) == []


def mislabelled(file):
    """The file with another SOP Instance UID in its meta information than in its data set."""
    dataset = dcmread(file)
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.save_as(file)
    return file


def ended(caller: socket.socket) -> bool:
    """Whether the other side closes the connection, perhaps after an abort."""
    try:
        while caller.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


def gives_up(caller: socket.socket, within: float) -> bool:
    """Whether the other side ends the connection while byte after byte is sent to it."""
    end = time.monotonic() + within
    try:
        while time.monotonic() < end:
            caller.sendall(b"\0")
            time.sleep(0.2)
    except OSError:
        return True
    return False


def all_classes() -> list[str]:
    from pynetdicom import AllStoragePresentationContexts

    return [str(context.abstract_syntax) for context in AllStoragePresentationContexts]


class ae_that_takes:  # noqa: N801 (reads as a function)
    """Another application entity that takes one kind of object in one transfer syntax."""

    def __init__(self, sop_class: str, syntax: str) -> None:
        self.entity = AE(ae_title="ANY")
        self.entity.add_supported_context(sop_class, [syntax])
        self.taken: list = []

    def __enter__(self):
        from pynetdicom import evt

        def take(event):
            self.taken.append(dcmread(event.dataset_path))
            self.taken[-1].pixel_array  # noqa: B018 (before the file goes)
            return 0

        self.server = self.entity.start_server(
            ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, take)]
        )
        return self.server.server_address[1], self.taken

    def __exit__(self, *_):
        self.server.shutdown()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_large_object_does_not_stand_in_memory(tmp_path, study):
    """80 MB arrive in a process of its own; it grows by a small part of that."""
    file = study(1)[0]
    dataset = dcmread(file)
    dataset.Rows = dataset.Columns = 1024
    dataset.NumberOfFrames = 40
    dataset.PixelData = bytes(2 * 40 * 1024 * 1024)
    dataset.save_as(file)
    (tmp_path / "peers.yaml").write_text("peers: {scu: {ae_title: SCU, host: 127.0.0.1}}")
    port = servers.free_port()
    words = ["--spool", str(tmp_path / "spool"), "--peers", str(tmp_path / "peers.yaml"), "--port", str(port)]
    command = [sys.executable, "-m", "procguide.cli", "listen", *words]
    with servers.running(command, port) as listener:
        status = Path(f"/proc/{listener.pid}/status")
        before = peak_mb(status)
        assert run(storescu(port, [file])).returncode == 0
        assert peak_mb(status) - before < 20
    assert next((tmp_path / "spool" / "studies").rglob("*.dcm")).stat().st_size > 80_000_000


def peak_mb(status: Path) -> float:
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
