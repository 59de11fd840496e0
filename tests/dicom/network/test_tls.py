"""TLS between application entities: both sides prove who they are, or nothing is sent."""

import hashlib
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
import servers
from ears import listening

from procguide.dicom.network import web
from procguide.dicom.network.association import Waits, echo
from procguide.dicom.network.instances import read_instance
from procguide.dicom.network.outgoing import store
from procguide.dicom.network.peers import Me, TlsFiles, WebPeer
from procguide.dicom.network.query import Wanted
from procguide.dicom.network.tls import client_context, server_context
from procguide.errors import CannotWriteError, UsageError

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
QUICK = Waits(connect=5, associate=5, answer=10, silence=5)


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def authority(folder, name):
    subject = [
        "-subj",
        f"/CN={name}",
        "-days",
        "2",
        "-nodes",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ]
    openssl(folder, "req", "-x509", "-keyout", f"{name}.key", "-out", f"{name}.pem", *subject)


def certificate(folder, name, signer="ca"):
    """A certificate of ``name`` for 127.0.0.1, signed by ``signer``, as the files of a peers file."""
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    openssl(
        folder,
        "req",
        *curve,
        "-nodes",
        "-keyout",
        f"{name}.key",
        "-out",
        f"{name}.csr",
        "-subj",
        f"/CN={name}",
    )
    signed = [
        "-CA",
        f"{signer}.pem",
        "-CAkey",
        f"{signer}.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        "san",
    ]
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signed)
    return {
        "certificate": str(folder / f"{name}.pem"),
        "key": str(folder / f"{name}.key"),
        "authorities": str(folder / "ca.pem"),
    }


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("ca", "stranger"):
        authority(folder, name)
    given = {name: certificate(folder, name) for name in ("ours", "scu")}
    given["forged"] = certificate(folder, "forged", "stranger")
    return given


def caller(papers, name):
    return Me(ae_title="SCU", tls=TlsFiles.model_validate(papers[name]))


def fingerprint(papers, name):
    with open(papers[name]["certificate"]) as stream:  # noqa: PTH123
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(stream.read())).hexdigest()


@pytest.fixture
def secured(papers, tmp_path):
    callers = {"scu": {"ae_title": "SCU", "host": "127.0.0.1", "tls": True}}
    with listening(tmp_path / "ear", callers, me={"tls": papers["ours"]}) as ear:
        yield ear


def test_objects_go_encrypted_between_who_knows_each_other(secured, papers, study):
    sent = store([read_instance(file) for file in study(3)], secured.peer, caller(papers, "scu"))
    assert all(one.safe for one in sent)
    assert len(secured.held()) == 3


def test_dcmtk_speaks_it_too(secured, papers, study):
    files = papers["scu"]
    words = [
        "+tls",
        files["key"],
        files["certificate"],
        "+cf",
        files["authorities"],
        "-aet",
        "SCU",
        "-aec",
        "PROCGUIDE",
    ]
    program = servers.dcmtk("storescu")
    if "+tls" not in subprocess.run([program, "--help"], capture_output=True, text=True, check=False).stdout:
        pytest.skip("this DCMTK has no TLS")
    target = ["127.0.0.1", str(secured.peer.port)]
    run = subprocess.run(
        [program, *words, *target, *map(str, study(2))], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert len(secured.held()) == 2


@pytest.mark.parametrize("who", ["forged", None])
def test_a_caller_whose_certificate_nobody_we_trust_signed_is_turned_away(secured, papers, who, study):
    me = (
        caller(papers, who)
        if who
        else Me(ae_title="SCU", tls=TlsFiles(authorities=papers["scu"]["authorities"]))
    )
    with pytest.raises(CannotWriteError):
        store([read_instance(study(1)[0])], secured.peer, me, waits=QUICK)
    assert secured.held() == []


def test_a_caller_without_tls_is_turned_away(secured, papers):
    plain = secured.peer.model_copy(update={"tls": False})
    with pytest.raises(CannotWriteError):
        echo(caller(papers, "scu"), plain, fault=CannotWriteError, waits=QUICK)


def test_a_receiver_whose_certificate_we_do_not_trust_gets_nothing(papers, tmp_path, study):
    with listening(tmp_path / "ear", me={"tls": papers["forged"]}) as ear:
        with pytest.raises(CannotWriteError, match="certificates on both sides"):
            store([read_instance(study(1)[0])], ear.peer, caller(papers, "scu"), waits=QUICK)
        assert ear.held() == []


@pytest.fixture(scope="module")
def secured_archive(papers, tmp_path_factory):
    folder = tmp_path_factory.mktemp("secured")
    ours = papers["ours"]
    settings = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": ours["certificate"],
        "DicomTlsPrivateKey": ours["key"],
        "DicomTlsTrustedCertificates": ours["authorities"],
    }
    with servers.orthanc(folder, settings) as server:
        yield server


class TestOrthanc:
    """A real archive under TLS. DICOMweb goes through a proxy: see docs/network.md, HTTPS and Orthanc."""

    def peers(self, archive, me):
        secured = {
            "pacs": {"ae_title": "ORTHANC", "host": "127.0.0.1", "port": archive.dicom_port, "tls": True},
        }
        return {"me": {"tls": me}, "peers": secured}

    def test_send_and_fetch(self, secured_archive, papers, command, peers_file, study, tmp_path):
        path = peers_file(self.peers(secured_archive, papers["scu"]))
        files = study(3)
        answer = command("send", files[0].parent, "--to", "pacs", "--peers", path)
        assert answer.code == 0, answer.err
        words = ("fetch", "--from", "pacs", "--study", "1.2.3", "-o", tmp_path / "back", "--peers", path)
        assert command(*words).code == 0
        assert len(list((tmp_path / "back").rglob("*.dcm"))) == 3

    def test_send_and_fetch_by_https(self, secured_archive, papers, command, peers_file, study, tmp_path):
        secured_archive.clear()
        context = server_context(Me(tls=papers["ours"]))
        with servers.tls_before(secured_archive.http_port, context) as port:
            web_peer = {"url": f"https://127.0.0.1:{port}/dicom-web"}
            path = peers_file({"me": {"tls": papers["scu"]}, "peers": {"web": web_peer}})
            answer = command("send", study(3)[0].parent, "--to", "web", "--peers", path)
            assert answer.code == 0, answer.err
            words = ("fetch", "--from", "web", "--study", "1.2.3", "-o", tmp_path / "back", "--peers", path)
            assert command(*words).code == 0
        assert len(list((tmp_path / "back").rglob("*.dcm"))) == 3

    def test_nothing_goes_where_the_certificate_is_not_one_we_trust(
        self, secured_archive, papers, command, peers_file, study
    ):
        stranger = str(Path(papers["scu"]["authorities"]).with_name("stranger.pem"))
        path = peers_file(self.peers(secured_archive, {**papers["scu"], "authorities": stranger}))
        answer = command("send", study(1)[0], "--to", "pacs", "--peers", path)
        assert (answer.code, "certificate" in answer.err) == (6, True), answer.err

    def test_the_archive_turns_a_stranger_away(self, secured_archive, papers, command, peers_file, study):
        path = peers_file(self.peers(secured_archive, papers["forged"]))
        answer = command("send", study(1)[0], "--to", "pacs", "--peers", path)
        assert (answer.code, "certificates on both sides" in answer.err) == (6, True), answer.err


class TestHttps:
    @pytest.fixture
    def service(self, papers):
        with servers.answering(context=server_context(Me(tls=papers["ours"]))) as (url, asked):
            yield WebPeer(url=f"{url}/dicom-web"), asked

    def test_both_sides_show_certificates(self, service, papers):
        peer, asked = service
        assert web.find(peer, caller(papers, "scu"), Wanted(study="1.2")) == ()
        assert len(asked) == 1

    @pytest.mark.parametrize("trust", ["stranger", None])
    def test_a_service_that_we_do_not_trust_gets_nothing(self, service, papers, study, trust):
        peer, asked = service
        ours = papers["scu"]
        stranger = str(Path(ours["authorities"]).with_name("stranger.pem"))
        files = {**ours, "authorities": stranger if trust else None}
        me = Me(tls=TlsFiles.model_validate(files))
        with pytest.raises(CannotWriteError, match=r"certificate of .* cannot be verified"):
            web.store([read_instance(study(1)[0])], peer, me)
        assert asked == []

    def test_a_service_turns_a_stranger_away(self, service, papers, study):
        peer, asked = service
        with pytest.raises(CannotWriteError):
            web.store([read_instance(study(1)[0])], peer, caller(papers, "forged"))
        assert asked == []


class TestPins:
    def test_the_receivers_certificate(self, secured, papers):
        for name, right in (("ours", True), ("scu", False)):
            peer = secured.peer.model_copy(update={"certificate_sha256": fingerprint(papers, name)})
            if right:
                echo(caller(papers, "scu"), peer, fault=CannotWriteError)
            else:
                with pytest.raises(CannotWriteError, match="another certificate than the peers file pins"):
                    echo(caller(papers, "scu"), peer, fault=CannotWriteError)

    @pytest.mark.parametrize(("pinned", "taken"), [("scu", True), ("ours", False)])
    def test_the_callers_certificate(self, papers, tmp_path, study, pinned, taken):
        pin = fingerprint(papers, pinned)
        callers = {"scu": {"ae_title": "SCU", "host": "127.0.0.1", "tls": True, "certificate_sha256": pin}}
        with listening(tmp_path / "ear", callers, me={"tls": papers["ours"]}) as ear:
            sent = store([read_instance(study(1)[0])], ear.peer, caller(papers, "scu"))
            assert sent[0].safe is taken
            assert len(ear.held()) == int(taken)


class TestFiles:
    def test_a_receiver_needs_a_certificate_and_authorities(self):
        with pytest.raises(UsageError, match="certificate, key and authorities"):
            server_context(Me())

    def test_files_that_are_no_certificates_are_named(self, tmp_path, papers):
        (tmp_path / "bad.pem").write_text("no")
        bad = TlsFiles.model_validate({**papers["scu"], "certificate": str(tmp_path / "bad.pem")})
        with pytest.raises(UsageError, match=r"bad\.pem"):
            client_context(Me(tls=bad))

    def test_old_protocols_are_off(self, papers):
        for context in (client_context(caller(papers, "scu")), server_context(caller(papers, "scu"))):
            assert context.minimum_version == ssl.TLSVersion.TLSv1_2
            assert context.verify_mode == ssl.CERT_REQUIRED
        assert client_context(caller(papers, "scu")).check_hostname
