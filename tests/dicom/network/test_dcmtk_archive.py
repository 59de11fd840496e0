"""``send`` and ``fetch`` against DCMTK's own archive: another implementation's word for what is right."""

import json

import pytest
import servers
from pydicom import dcmread

CONFIG = """
NetworkTCPPort  = {port}
MaxPDUSize      = 16384
MaxAssociations = 16
HostTable BEGIN
us = (PROCGUIDE, 127.0.0.1, {back})
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
QRSCP {folder} RW (200, 1024mb) ANY
AETable END
"""


@pytest.fixture
def qrscp(tmp_path, peers_file):
    """A running dcmqrscp: the words that name it, and the port to which it moves."""
    port, back = servers.free_port(), servers.free_port()
    (tmp_path / "archive").mkdir()
    config = tmp_path / "dcmqrscp.cfg"
    config.write_text(CONFIG.format(port=port, back=back, folder=tmp_path / "archive"))
    path = peers_file({"peers": {"qrscp": {"ae_title": "QRSCP", "host": "127.0.0.1", "port": port}}})
    with servers.running([servers.dcmtk("dcmqrscp"), "-c", str(config)], port, cwd=tmp_path):
        yield ("--peers", path), back


def test_send_list_get_and_move(qrscp, command, study, tmp_path):
    peers, back = qrscp
    files = study(5)
    answer = command("send", files[0].parent, "--to", "qrscp", "--json", *peers)
    assert (answer.code, json.loads(answer.out)["sent"]) == (0, 5), answer.err
    listed = command("fetch", "--from", "qrscp", "--patient", "ID*", "--list", "--json", *peers)
    assert json.loads(listed.out)["studies"][0]["series"][0]["series"] == "1.2.3.4"
    sent = {dcmread(file).SOPInstanceUID: dcmread(file).PixelData for file in files}
    for how in ((), ("--move", back)):
        output = tmp_path / f"back{len(how)}"
        words = ("fetch", "--from", "qrscp", "--study", "1.2.3", "-o", output, *how, "--json", *peers)
        answer = command(*words)
        assert answer.code == 0, answer.err
        assert json.loads(answer.out)["fetched"] == 5
        assert {
            dcmread(file).SOPInstanceUID: dcmread(file).PixelData for file in output.rglob("*.dcm")
        } == sent


def test_a_peer_that_does_not_know_us_says_so(qrscp, command, study, tmp_path):
    (_, path), _ = qrscp
    content = path.read_text()
    assert command("send", study(1)[0], "--to", "qrscp", "--peers", path).code == 0
    path.write_text("me: {ae_title: NOBODY}\n" + content)
    words = (
        "fetch",
        "--from",
        "qrscp",
        "--study",
        "1.2.3",
        "-o",
        tmp_path / "x",
        "--move",
        0,
        "--peers",
        path,
    )
    answer = command(*words)
    assert (answer.code, "does not know our AE title" in answer.err) == (4, True), answer.err
