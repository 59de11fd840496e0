"""Who is let in, and how much they may send before they are thrown out: what the upper layer leaves open."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from socketserver import BaseServer
from typing import TYPE_CHECKING, Any, cast

from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from procguide.dicom.network.meter import meter

if TYPE_CHECKING:
    from pynetdicom.association import Association

    from procguide.dicom.network.peers import DimsePeer
    from procguide.dicom.network.receiver import Limits

__all__ = ["Doorway"]

_HANDSHAKE_S = 10.0


class MeteredRequest(RequestHandler):
    """One connection, read within bounds."""

    server: Doorway

    def setup(self) -> None:
        """Prove who is there first, in this connection's own thread: a silent caller keeps nobody waiting."""
        self.request.settimeout(_HANDSHAKE_S)
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()
        self.request.settimeout(self.server.ae.network_timeout)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _create_association(self) -> Association:
        association = super()._create_association()
        association.acse_timeout = self.server.ae.acse_timeout  # its ARTIM timer would have its own 30 s
        meter(association, largest_object=self.server.limits.object_bytes, most_waiting=4)
        return association


class Doorway(ThreadedAssociationServer):
    """A server that answers connections from the addresses of known peers only, and not too many at once."""

    daemon_threads = True

    def __init__(self, *args: Any, peers: tuple[DimsePeer, ...], limits: Limits, **kwargs: Any) -> None:
        places = [place for peer in peers for place in (peer.addresses or (peer.host,))]
        self._known = frozenset(address for place in places for address in _addresses(place))
        self.limits = limits
        super().__init__(*args, **{**kwargs, "request_handler": MeteredRequest})

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether the connection comes from a known address, and there is room for one more."""
        del request
        crowded = len(self.active_associations) >= 2 * self.limits.associations
        return not crowded and _plain(client_address[0]) in self._known

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept a connection; its TLS handshake is left to its own thread."""
        accepted, address = cast("socket.socket", self.socket).accept()
        if self.ssl_context is not None:
            accepted = self.ssl_context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
        return accepted, address

    def shutdown(self) -> None:
        """Stop accepting connections and close the port."""
        BaseServer.shutdown(self)
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that fails is closed; nothing of it is printed."""
        del request, client_address


def _addresses(host: str) -> set[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return set()
    return {_plain(str(entry[4][0])) for entry in found}


def _plain(address: str) -> str:
    """An IP address in one spelling; IPv4 within IPv6 as IPv4."""
    try:
        parsed = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return address
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)
