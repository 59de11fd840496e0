"""DICOMweb services that are not what they should be."""

import json
from contextlib import contextmanager

import pytest
from pydicom import Dataset, dcmread
from servers import answering as answering_at

from procguide.dicom.network import web
from procguide.dicom.network.instances import read_instance
from procguide.dicom.network.outgoing import Outcome
from procguide.dicom.network.peers import Me, WebPeer
from procguide.dicom.network.query import FoundObject, Wanted
from procguide.dicom.network.store import Store
from procguide.errors import CannotWriteError, InputUnreadableError, UsageError

ME = Me()
MULTIPART = "multipart/related; type=application/dicom; boundary=b"


@contextmanager
def answering(*given, **headers):
    with answering_at(*given, **headers) as (url, asked):
        yield WebPeer(url=f"{url}/dicom-web"), asked


def part(content):
    return b"--b\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--b--"


class TestStrangeAnswers:
    @pytest.mark.parametrize(
        ("status", "body", "words"),
        [
            (200, b"<html>", "does not answer as a DICOMweb service"),
            (200, b"{}", "no usable StudyInstanceUID"),
            (200, b"[1]", "does not answer as a DICOMweb service"),
            (200, b"[" * 100_000, "does not answer as a DICOMweb service"),
            (200, b'[{"0020000D": {"vr": "UI", "Value": ["../x"]}}]', "no usable StudyInstanceUID"),
            (401, b"", "check user, password or token"),
            (500, b"", "HTTP 500"),
        ],
    )
    def test_each_is_told_in_words(self, status, body, words):
        with answering(status, body) as (peer, _), pytest.raises(InputUnreadableError, match=words):
            web.find(peer, ME, Wanted(study="1.2"))

    def test_more_answers_than_anybody_reads(self):
        many = json.dumps([{}] * 10_001).encode()
        with answering(body=many) as (peer, _), pytest.raises(UsageError, match="more narrowly"):
            web.find(peer, ME, Wanted(study="1.2"))

    def test_an_answer_without_end(self, monkeypatch):
        monkeypatch.setattr(web, "_MOST_BYTES", 1000)
        with answering(body=b"x" * 5000) as (peer, _), pytest.raises(InputUnreadableError):
            web.find(peer, ME, Wanted(study="1.2"))


class TestWhereItGoes:
    def test_no_redirect_is_followed(self, study):
        instance = read_instance(study(1)[0])
        with answering() as (elsewhere, asked):
            with answering(307, Location=elsewhere.url) as (peer, _):
                with pytest.raises(CannotWriteError, match="points elsewhere"):
                    web.store([instance], peer, ME)
                with pytest.raises(InputUnreadableError, match="points elsewhere"):
                    web.find(peer, ME, Wanted(study="1.2"))
            assert asked == []

    def test_no_proxy_of_the_surroundings(self, monkeypatch):
        with answering() as (proxy, asked), answering() as (peer, seen):
            monkeypatch.setenv("http_proxy", proxy.url)
            monkeypatch.delenv("no_proxy", raising=False)
            assert web.find(peer, ME, Wanted(study="1.2")) == ()
            assert (asked, len(seen)) == ([], 1)

    def test_credentials_go_along_as_the_peers_file_says(self, monkeypatch):
        monkeypatch.setenv("SECRET", "s3cret")
        with answering() as (peer, asked):
            web.find(peer.model_copy(update={"token_env": "SECRET"}), ME, Wanted(study="1.2"))
            given = {"user": "me", "password_env": "SECRET"}
            web.find(peer.model_copy(update=given), ME, Wanted(study="1.2"))
            web.find(peer, ME, Wanted(study="1.2"))
        sent = [headers.get("Authorization") for _, _, headers, _ in asked]
        assert sent == ["Bearer s3cret", "Basic bWU6czNjcmV0", None]


class TestWhatIsSent:
    def test_a_file_that_is_no_honest_one_does_not_keep_the_others(self, study):
        """Its identity reads well; what follows is nested deeper than any image needs."""
        deep, other = study(2)
        dataset, inner = dcmread(deep), Dataset()
        inner.TextValue = "long " * 20_000
        for _ in range(40):
            outer = Dataset()
            outer.ContentSequence = [inner]
            inner = outer
        instance, good = read_instance(deep), read_instance(other)
        dataset.ContentSequence = [inner]
        dataset.save_as(deep)
        with answering(body=b"{}", Content_Type="application/dicom+json") as (peer, asked):
            sent = web.store([instance, good], peer, ME)
        assert [one.outcome for one in sent] == [Outcome.REFUSED, Outcome.STORED]
        assert len(asked) == 1


class TestObjects:
    def fetch(self, peer, folder):
        (folder / "incoming").mkdir()
        asked = FoundObject("1.2.3", "1.2.3.4", "1.2.9", "1.2.840.10008.5.1.4.1.1.2")
        web.get(peer, ME, [asked], Store(folder / "store"), folder / "incoming", "web")

    def test_another_object_than_was_asked_for(self, study, tmp_path):
        content = part(study(1)[0].read_bytes())
        told = pytest.raises(InputUnreadableError, match="another object than was asked for")
        with answering(body=content, Content_Type=MULTIPART) as (peer, _), told:
            self.fetch(peer, tmp_path)
        assert list((tmp_path / "store").rglob("*.dcm")) == []
        assert list((tmp_path / "incoming").iterdir()) == []

    def test_a_deflated_one(self, study, tmp_path):
        dataset = dcmread(study(1)[0])
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
        dataset.save_as(tmp_path / "deflated")
        content = part((tmp_path / "deflated").read_bytes())
        with (
            answering(body=content, Content_Type=MULTIPART) as (peer, _),
            pytest.raises(InputUnreadableError),
        ):
            self.fetch(peer, tmp_path)

    def test_one_that_is_not_in_parts_as_the_standard_asks(self, study, tmp_path):
        dataset = dcmread(study(1)[0])
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.9"
        dataset.save_as(tmp_path / "one")
        content = (tmp_path / "one").read_bytes()
        with answering(body=content, Content_Type="application/dicom") as (peer, _):
            self.fetch(peer, tmp_path)
        held = [dcmread(file) for file in (tmp_path / "store").rglob("*.dcm")]
        assert [one.SOPInstanceUID for one in held] == ["1.2.9"]
        assert held[0].PixelData == dataset.PixelData

    @pytest.mark.parametrize("content", [b"", b"no", b"\0" * 128 + b"DICM" + b"\xff" * 100])
    def test_garbage(self, tmp_path, content):
        told = pytest.raises(InputUnreadableError)
        with answering(body=part(content), Content_Type=MULTIPART) as (peer, _), told:
            self.fetch(peer, tmp_path)
        assert list((tmp_path / "store").rglob("*.dcm")) == []

    @pytest.mark.parametrize(
        ("status", "outcome", "final"),
        [(409, Outcome.REFUSED, True), (413, Outcome.REFUSED, True), (503, Outcome.UNREACHED, False)],
    )
    def test_a_refused_one_is_told_from_one_to_send_again(self, study, status, outcome, final):
        with answering(status, b"") as (peer, _):
            sent = web.store([read_instance(study(1)[0])], peer, ME)[0]
        assert (sent.outcome, sent.final, sent.safe) == (outcome, final, False)

    def test_one_that_the_service_says_has_failed(self, study):
        failed = {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [0xA700]}}]}}
        with answering(200, json.dumps(failed).encode()) as (peer, _):
            sent = web.store([read_instance(study(1)[0])], peer, ME)[0]
        assert (sent.outcome, sent.status, sent.final) == (Outcome.REFUSED, 0xA700, False)
