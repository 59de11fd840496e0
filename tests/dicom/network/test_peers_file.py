import pytest
from pydantic import ValidationError

from procguide.dicom.network.peers import Peers, WebPeer, read_peers
from procguide.errors import UsageError


def peers(**entry):
    return Peers.model_validate({"peers": {"pacs": entry}})


class TestWhatLeavesUnencryptedIsSaid:
    def test_another_machine_without_tls_is_refused(self):
        with pytest.raises(ValidationError, match="unencrypted"):
            peers(ae_title="PACS", host="10.1.2.3")

    @pytest.mark.parametrize("said", [{"tls": True}, {"unencrypted": True}])
    def test_tls_or_the_word_is_enough(self, said):
        assert peers(ae_title="PACS", host="10.1.2.3", **said).dimse("pacs").host == "10.1.2.3"

    @pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
    def test_this_machine_needs_neither(self, host):
        assert not peers(ae_title="PACS", host=host).dimse("pacs").tls

    def test_plain_http_too(self):
        with pytest.raises(ValidationError, match="unencrypted"):
            peers(url="http://pacs.example/dicom-web")
        assert peers(url="http://pacs.example/dicom-web", unencrypted=True).named("pacs").unencrypted

    def test_a_pin_needs_tls(self):
        with pytest.raises(ValidationError, match="certificate_sha256"):
            peers(ae_title="PACS", host="::1", certificate_sha256="0" * 64)


@pytest.mark.parametrize("title", ["", " PACS", "PACS ", "SEVENTEEN-LETTERS", "back\\slash", "täg"])
def test_ae_titles_are_of_16_plain_characters(title):
    with pytest.raises(ValidationError):
        peers(ae_title=title, host="::1")


def test_urls_hold_no_password_and_are_web():
    for url in ("https://me:secret@pacs/x", "ftp://pacs/x", "https:///x"):
        with pytest.raises(ValidationError):
            peers(url=url)


def test_secrets_come_from_the_environment(monkeypatch):
    peer = WebPeer(url="https://pacs/x", token_env="PACS_TOKEN")  # noqa: S106
    with pytest.raises(UsageError, match="PACS_TOKEN"):
        peer.secret("PACS_TOKEN")
    monkeypatch.setenv("PACS_TOKEN", "t0ken")
    assert peer.secret("PACS_TOKEN") == "t0ken"


class TestReading:
    def test_relative_paths_are_beside_the_file(self, peers_file):
        path = peers_file({"me": {"tls": {"certificate": "me.pem", "authorities": "/etc/ca.pem"}}})
        files = read_peers(path).me.tls
        assert (files.certificate, str(files.authorities)) == (path.parent / "me.pem", "/etc/ca.pem")

    def test_a_misspelt_key_is_named_with_its_place(self, peers_file):
        path = peers_file({"peers": {"pacs": {"ae_title": "PACS", "host": "::1", "prot": 104}}})
        with pytest.raises(UsageError, match=r"peers\.pacs\.dimse\.prot"):
            read_peers(path)

    def test_not_yaml_not_there_too_large(self, tmp_path):
        bad = tmp_path / "bad.yaml"
        bad.write_text("a: [")
        large = tmp_path / "large.yaml"
        large.write_text("#" * 1_000_001)
        for path, words in ((bad, "not YAML"), (large, "too large"), (tmp_path / "none", "cannot read")):
            with pytest.raises(UsageError, match=words):
                read_peers(path)

    def test_an_unknown_peer_lists_those_there_are(self):
        with pytest.raises(UsageError, match="it names: pacs"):
            peers(ae_title="PACS", host="::1").named("pax")

    def test_a_web_service_is_no_dimse_peer(self):
        with pytest.raises(UsageError, match="DICOMweb"):
            peers(url="https://pacs/x").dimse("pacs")
