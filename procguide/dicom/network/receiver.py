"""C-STORE as a provider (PS3.4 B): what known peers send is taken, and nothing from anybody else."""

from __future__ import annotations

import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from pydicom.uid import DeflatedExplicitVRLittleEndian
from pynetdicom import ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from procguide.dicom.network.arrivals import Arrivals, Status
from procguide.dicom.network.association import Waits, entity
from procguide.dicom.network.doorway import Doorway
from procguide.dicom.network.peers import DimsePeer, Me, Peers
from procguide.dicom.network.tls import has_pinned_certificate, server_context
from procguide.errors import CannotWriteError, UsageError

if TYPE_CHECKING:
    from pynetdicom.events import Event

__all__ = ["Limits", "Receiver"]


@dataclass(frozen=True)
class Limits:
    """What a sender may use up: associations at once, and bytes of one object."""

    associations: int = 10
    object_bytes: int = 4 << 30


class Receiver:
    """A storage provider on ``address`` = host, port (0: any free one).

    Deflated objects are not offered a context: their size is not known until they are unpacked, and every
    sender can send them otherwise (PS3.5 10).
    """

    def __init__(
        self,
        peers: Peers,
        arrivals: Arrivals,
        *,
        address: tuple[str, int] = ("127.0.0.1", 11112),
        tls: bool = False,
        limits: Limits | None = None,
        waits: Waits | None = None,
    ) -> None:
        self.arrivals = arrivals
        self._peers = {
            name: peer for name, peer in peers.peers.items() if isinstance(peer, DimsePeer) and peer.may_send
        }
        if not self._peers:
            raise UsageError("no peer of the peers file may send: there is nobody to listen to")
        self._server = self._start(peers.me, address, tls, limits or Limits(), waits or Waits())

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def stop(self) -> None:
        """Take no more; associations under way are aborted, and what they have not had an answer for goes."""
        for association in self._server.active_associations:
            if association.is_established:
                association.abort()
            else:
                association.kill()
        self._server.shutdown()

    def _start(self, me: Me, address: tuple[str, int], tls: bool, limits: Limits, waits: Waits) -> Doorway:
        local = entity(me, waits)
        local.require_called_aet = True
        local.require_calling_aet = sorted({peer.ae_title for peer in self._peers.values()})
        local.maximum_associations = limits.associations
        syntaxes = [one for one in ALL_TRANSFER_SYNTAXES if one != DeflatedExplicitVRLittleEndian]
        for context in AllStoragePresentationContexts:
            local.add_supported_context(str(context.abstract_syntax), syntaxes)
        local.add_supported_context(Verification)
        handlers: list[Any] = [
            (evt.EVT_C_STORE, self._on_store),
            (evt.EVT_C_ECHO, lambda _event: Status.SUCCESS),
        ]
        secured = server_context(me) if tls else None
        try:
            server = local.make_server(
                address,
                ae_title=me.ae_title,
                ssl_context=secured,
                evt_handlers=handlers,
                server_class=Doorway,
                limits=limits,
                peers=tuple(self._peers.values()),
            )
        except OSError as error:
            place = f"{address[0]}:{address[1]}"
            raise CannotWriteError(
                f"cannot listen on {place}: {error.strerror}; choose another --port or --address"
            ) from error
        threading.Thread(target=server.serve_forever, name="dicom-doorway", daemon=True).start()
        return cast("Doorway", server)

    def _on_store(self, event: Event) -> int:
        """Called for each C-STORE request; the answer is sent when this returns."""
        return self.arrivals.take(event, self._sender(event))

    def _sender(self, event: Event) -> str | None:
        """The peers file's name for who calls: by AE title, and by certificate where one is pinned."""
        title = str(event.assoc.requestor.ae_title).strip()
        wrapped = event.assoc.dul.socket
        socket = wrapped.socket if wrapped is not None else None
        for name, peer in self._peers.items():
            fitting = isinstance(socket, ssl.SSLSocket) or not peer.tls
            if peer.ae_title == title and fitting and has_pinned_certificate(socket, peer):
                return name
        return None
