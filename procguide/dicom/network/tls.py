"""TLS between application entities: both sides show a certificate and verify the other's (PS3.15 B.12)."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from procguide.dicom.network.peers import DimsePeer, Me
from procguide.errors import UsageError

__all__ = ["client_context", "has_pinned_certificate", "server_context"]


def client_context(me: Me) -> ssl.SSLContext:
    """For calls: the peer's certificate is verified, by its host name too; ours is shown if we have one."""
    with _explained(me):
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=me.tls.authorities)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        _show_ours(context, me)
    return context


def server_context(me: Me) -> ssl.SSLContext:
    """For being called: who shows no certificate signed by one of our authorities is not let in."""
    if me.tls.certificate is None or me.tls.authorities is None:
        raise UsageError(
            "to be called under TLS, the peers file needs certificate, key and authorities under me.tls"
        )
    with _explained(me):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=me.tls.authorities)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED
        _show_ours(context, me)
    return context


def has_pinned_certificate(socket: object, peer: DimsePeer) -> bool:
    """Whether the other side of ``socket`` shows the certificate that the peers file pins, if it pins one."""
    if peer.certificate_sha256 is None:
        return True
    if not isinstance(socket, ssl.SSLSocket):
        return False
    shown = socket.getpeercert(binary_form=True) or b""
    return hashlib.sha256(shown).hexdigest() == peer.certificate_sha256


def _show_ours(context: ssl.SSLContext, me: Me) -> None:
    if me.tls.certificate is not None:
        context.load_cert_chain(me.tls.certificate, me.tls.key, password=_no_password)


def _no_password() -> str:
    """A key under a password would make OpenSSL ask on the terminal."""
    raise UsageError("the key of me.tls.key is under a password; give one without, readable by you alone")


@contextmanager
def _explained(me: Me) -> Iterator[None]:
    try:
        yield
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(str(path) for path in (me.tls.certificate, me.tls.key, me.tls.authorities) if path)
        raise UsageError(
            f"the certificates of the peers file cannot be used ({files}): {error.strerror or error}; "
            "they are to be PEM files, and the key that of the certificate"
        ) from error
