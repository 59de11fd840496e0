"""A connection that is read as long as its peer stays within bounds."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any, cast

from pynetdicom.transport import AssociationSocket

if TYPE_CHECKING:
    from pynetdicom.association import Association

__all__ = ["LARGEST_OBJECT", "meter"]

LARGEST_OBJECT = 4 << 30
_LARGEST_PDU = 1 << 20
_LARGEST_IN_MEMORY = 16 << 20
_MOST_ANSWERS = 20_000
_LONGEST_WAIT_S = 60.0
_PIECE = 1 << 16


class MeteredSocket(AssociationSocket):
    """Reads what a peer sends as long as it stays within bounds; beyond them the connection is closed.

    A PDU announces its own length (PS3.8 9.3) and a message has none: without a meter, four bytes could
    ask for 4 GB of memory, and a data set never end.
    """

    largest_object: int
    most_waiting: int
    read_so_far: int

    def recv(self, nr_bytes: int) -> bytearray:
        """Read ``nr_bytes``, or raise ``OSError`` where they are more than a peer may send."""
        message = self.assoc.dimse.message
        if message is None:
            self.read_so_far = 0
        on_disk = message is not None and message._data_set_file is not None
        most = self.largest_object if on_disk else _LARGEST_IN_MEMORY
        self.read_so_far += nr_bytes
        waiting = self.assoc.dimse.msg_queue.qsize()
        try:
            if nr_bytes > _LARGEST_PDU or self.read_so_far > most or waiting > self.most_waiting:
                raise OSError("the peer sends more than it may")
            received = self._read(nr_bytes)
        except OSError:
            self._give_up()
            raise
        if len(received) < nr_bytes:  # the peer has gone
            self._give_up()
        return received

    def _read(self, nr_bytes: int) -> bytearray:
        """Up to ``nr_bytes``, fewer where the peer has gone; in time, however slowly they drip."""
        connection = cast("socket.socket", self.socket)
        established = self.assoc.is_established
        wait = self.assoc.network_timeout if established else self.assoc.acse_timeout
        end = time.monotonic() + (wait or _LONGEST_WAIT_S)
        received = bytearray()
        while len(received) < nr_bytes:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("the peer sends too slowly")
            connection.settimeout(left)
            piece = connection.recv(min(nr_bytes - len(received), _PIECE))
            if not piece:
                break
            received += piece
        connection.settimeout(wait)
        return received

    def close(self) -> None:
        """Close it, and remove what had arrived of an object that will not be whole."""
        super().close()
        self._discard_parts()

    def _give_up(self) -> None:
        """Close the connection where the library, told that it is lost, leaves it open."""
        self._shutdown_socket()
        self.socket, self._is_connected = None, False
        self._discard_parts()

    def _discard_parts(self) -> None:
        message = self.assoc.dimse.message
        _discard(None if message is None else message._data_set_file)
        with suppress(Empty):
            while True:
                _, unread = self.assoc.dimse.msg_queue.get_nowait()
                _discard(getattr(unread, "_dataset_file", None))

    def _shutdown_socket(self) -> None:
        """Close it even where the other side has gone, which the library's own way leaves open."""
        connection = self.socket
        super()._shutdown_socket()
        if connection is not None:
            connection.close()


def _discard(part: Any) -> None:
    if part is not None:
        part.close()
        Path(part.name).unlink(missing_ok=True)


def meter(
    association: Association, *, largest_object: int = LARGEST_OBJECT, most_waiting: int = _MOST_ANSWERS
) -> None:
    """Put a meter on an association's connection.

    Objects may have ``largest_object`` bytes, and ``most_waiting`` messages may have come that nobody has
    read yet: answers to a query come in a row, requests only one by one (PS3.7 D.3.3.3).
    """
    plain = association.dul.socket
    if plain is None:  # closed meanwhile
        return
    metered = MeteredSocket.__new__(MeteredSocket)  # the same connection: nothing is to begin again
    vars(metered).update(vars(plain), largest_object=largest_object, most_waiting=most_waiting, read_so_far=0)
    association.dul.socket = metered
