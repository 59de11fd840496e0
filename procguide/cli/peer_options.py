"""What the commands that talk to other systems share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from procguide.errors import UsageError

if TYPE_CHECKING:
    from procguide.dicom.network.peers import Peers

__all__ = ["PeersOption", "peers_of"]

PeersOption = Annotated[
    Path | None,
    typer.Option(
        "--peers",
        help="YAML file that says who we are and whom we talk to (docs/network.md).",
        envvar="PROCGUIDE_PEERS",
        metavar="FILE",
    ),
]


def peers_of(path: Path | None) -> Peers:
    """The peers file; that the optional libraries are there is checked first."""
    from procguide.dicom.network import require_network

    require_network()
    if path is None:
        raise UsageError("say whom to talk to: --peers FILE, or PROCGUIDE_PEERS in the environment")
    from procguide.dicom.network.peers import read_peers

    return read_peers(path)
