"""Our own receiver, for the tests: it runs in this process, and keeps what known callers send."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import servers

from procguide.dicom.network.arrivals import Arrivals, receiving_into
from procguide.dicom.network.peers import DimsePeer, Peers
from procguide.dicom.network.receiver import Receiver
from procguide.dicom.network.store import Store


@dataclass(frozen=True)
class Ear:
    """A receiver that runs, and how to call it."""

    receiver: Receiver
    store: Store
    peer: DimsePeer
    folder: Path

    def held(self) -> list[Path]:
        return sorted(self.store.root.rglob("*.dcm"))


CALLERS = {"scu": {"ae_title": "SCU", "host": "127.0.0.1"}}


@contextmanager
def listening(folder: Path, callers=None, *, limits=None, waits=None, **settings) -> Iterator[Ear]:
    """A receiver that keeps what ``callers`` send under ``folder``."""
    peers = Peers.model_validate({"peers": callers or CALLERS, **settings})
    with receiving_into(folder / "incoming") as incoming:
        store = Store(folder / "studies")
        tls = peers.me.tls.certificate is not None
        receiver = Receiver(
            peers, Arrivals(store, incoming), address=("127.0.0.1", 0), tls=tls, limits=limits, waits=waits
        )
        peer = DimsePeer(ae_title="PROCGUIDE", host="127.0.0.1", port=receiver.port, tls=tls)
        try:
            yield Ear(receiver, store, peer, folder)
        finally:
            receiver.stop()


def storescu(port: int, files: Sequence[Path], *options: str) -> list[str]:
    """DCMTK's sender's command line."""
    program = servers.dcmtk("storescu")
    return [program, "-aet", "SCU", "-aec", "PROCGUIDE", *options, "127.0.0.1", str(port), *map(str, files)]
