"""Associations with DIMSE peers (PS3.8): opened with time limits and TLS, refused in plain words."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pynetdicom import AE, _config
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from procguide.dicom.network.meter import meter
from procguide.dicom.network.peers import DimsePeer, Me
from procguide.dicom.network.tls import client_context, has_pinned_certificate
from procguide.errors import ProcguideError

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.presentation import PresentationContext

__all__ = ["MOST_CONTEXTS", "Waits", "associate", "echo", "entity"]

MOST_CONTEXTS = 128
"""Presentation contexts that one association can propose: odd numbers below 256 (PS3.8 9.3.2.2)."""

_MAX_PDU = 262_144
# Objects go from and to files in pieces: memory does not grow with their size. Identifiers of queries and
# answers hold patients' names: no log has them.
_config.STORE_SEND_CHUNKED_DATASET = True
_config.STORE_RECV_CHUNKED_DATASET = True
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False
_config.LOG_HANDLER_LEVEL = "none"


@dataclass(frozen=True)
class Waits:
    """Seconds until a silent peer is given up: while connecting, associating, answering, between PDUs."""

    connect: float = 10.0
    associate: float = 30.0
    answer: float = 120.0
    silence: float = 60.0


def entity(me: Me, waits: Waits) -> AE:
    """Our application entity, with its limits."""
    local = AE(ae_title=me.ae_title)
    local.connection_timeout = waits.connect
    local.acse_timeout = waits.associate
    local.dimse_timeout = waits.answer
    local.network_timeout = waits.silence
    local.maximum_pdu_size = _MAX_PDU
    return local


@contextmanager
def associate(
    me: Me,
    peer: DimsePeer,
    contexts: Sequence[PresentationContext],
    *,
    fault: type[ProcguideError],
    waits: Waits | None = None,
    roles: Sequence[Any] = (),
    handlers: Sequence[Any] = (),
) -> Iterator[Association]:
    """An established association; released at the end, aborted on an exception.

    Whatever keeps it from being established is raised as ``fault``.
    """
    association = _request(me, peer, contexts, fault, waits or Waits(), (list(roles), list(handlers)))
    if not association.is_established:
        raise fault(_why_not(association, peer))
    if not has_pinned_certificate(_socket(association), peer):
        association.abort()
        raise fault(f"{_place(peer)} shows another certificate than the peers file pins; nothing was sent")
    _answer_at_once(association)
    meter(association)
    try:
        yield association
    except BaseException:
        if association.is_established:
            association.abort()
        raise
    if association.is_established:
        association.release()


def _request(
    me: Me,
    peer: DimsePeer,
    contexts: Sequence[PresentationContext],
    fault: type[ProcguideError],
    waits: Waits,
    extras: tuple[list[Any], list[Any]],
) -> Association:
    """Ask for an association; whether there is one, it says itself."""
    roles, handlers = extras
    try:
        return entity(me, waits).associate(
            peer.host,
            peer.port,
            contexts=list(contexts),
            ae_title=peer.ae_title,
            max_pdu=_MAX_PDU,
            ext_neg=roles or None,
            tls_args=(client_context(me), peer.host) if peer.tls else None,
            evt_handlers=handlers or None,
        )
    except OSError as error:
        raise fault(f"{_place(peer)} cannot be reached: {error.strerror or error}") from error


def echo(me: Me, peer: DimsePeer, *, fault: type[ProcguideError], waits: Waits | None = None) -> None:
    """C-ECHO (PS3.4 A): return if the peer answers, raise ``fault`` if not."""
    from pynetdicom import build_context

    with associate(me, peer, [build_context(Verification)], fault=fault, waits=waits) as association:
        answer = association.send_c_echo()
        if answer.get("Status") != 0x0000:
            raise fault(f"{_place(peer)} does not answer C-ECHO with success")


def _socket(association: Association) -> object:
    wrapped = association.dul.socket
    return None if wrapped is None else wrapped.socket


def _answer_at_once(association: Association) -> None:
    """Short messages are not held back for longer ones: that would cost 40 ms an object."""
    connected = _socket(association)
    if isinstance(connected, socket.socket):
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _place(peer: DimsePeer) -> str:
    return f"{peer.ae_title} at {peer.host}:{peer.port}"


def _why_not(association: Association, peer: DimsePeer) -> str:
    place = _place(peer)
    if association.is_rejected:
        reply = association.acceptor.primitive
        why = f": {reply.reason_str}" if reply is not None and reply.reason_str else ""
        return f"{place} refuses the association{why}; check the AE titles on both sides"
    answered = association.acceptor.primitive is not None
    if answered and not association.accepted_contexts:
        return f"{place} accepts none of what was proposed; it does not offer this service"
    kind = "the port, and the certificates on both sides" if peer.tls else "that it runs, host and port"
    return f"{place} cannot be reached; check {kind}"
