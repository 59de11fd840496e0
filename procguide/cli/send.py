"""``procguide send``: DICOM objects to an archive or another system."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from procguide import DISCLAIMER
from procguide.cli.audited import objects_moved
from procguide.cli.peer_options import PeersOption, peers_of
from procguide.cli.session import DebugFlag, JsonFlag, Session
from procguide.errors import CannotWriteError, InputUnreadableError, SomeFailedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from procguide.dicom.network.instances import Instance
    from procguide.dicom.network.outgoing import Sent
    from procguide.dicom.network.peers import Peers

__all__ = ["send"]


def send(
    context: typer.Context,
    *,
    path: Annotated[Path | None, typer.Argument(help="DICOM file, or a folder of them.")] = None,
    to: Annotated[str, typer.Option("--to", help="The peers file's name for it.", metavar="PEER")],
    peers: PeersOption = None,
    echo: Annotated[bool, typer.Option("--echo", help="Only ask whether it answers (C-ECHO).")] = False,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Store DICOM objects at a peer: C-STORE, or STOW-RS where the peer is a DICOMweb service.

    An object that is sent twice is the same object to the peer, so a run that was cut short is run again.

    Example: procguide send out --to pacs --peers peers.yaml
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    known = peers_of(peers)
    if echo:
        _echo(known, to)
        document = {"schema": "procguide.send/1", "peer": to, "answers": True, "disclaimer": DISCLAIMER}
        session.answer(document, lambda console: console.print(f"{to} answers", markup=False))
        return
    if path is None:
        raise UsageError("say what to send: a DICOM file, or a folder of them")
    instances, damaged = _instances(path)
    sent = send_all(known, to, instances)
    session.answer(_document(to, sent, damaged), lambda console: _show(console, to, sent, damaged))
    _complain(sent, damaged)


def send_all(
    peers: Peers,
    to: str,
    instances: Sequence[Instance],
    told: Callable[[Sent], None] = lambda _sent: None,
) -> tuple[Sent, ...]:
    """Every object to the peer of that name, by the protocol it speaks; ``told`` hears of each answer."""
    from procguide.dicom.network.peers import WebPeer

    peer = peers.named(to)
    sent: list[Sent] = []

    def hear(one: Sent) -> None:
        sent.append(one)
        told(one)

    try:
        if isinstance(peer, WebPeer):
            from procguide.dicom.network import web

            return web.store(instances, peer, peers.me, told=hear)
        from procguide.dicom.network.outgoing import store

        return store(instances, peer, peers.me, told=hear)
    finally:  # however it ends, what has gone is logged
        safe = [one.instance.study for one in sent if one.safe]
        objects_moved(to, safe, sent=True, failed=len(sent) - len(safe))


def _echo(peers: Peers, to: str) -> None:
    from procguide.dicom.network.peers import WebPeer

    peer = peers.named(to)
    if isinstance(peer, WebPeer):
        from procguide.dicom.network import web

        web.ready(peer, peers.me, fault=CannotWriteError)
    else:
        from procguide.dicom.network.association import echo

        echo(peers.me, peer, fault=CannotWriteError)


def _instances(path: Path) -> tuple[list[Instance], int]:
    """The DICOM objects under ``path``, and how many of its DICOM files are damaged."""
    from procguide.dicom.network.instances import looks_like_dicom, read_instance

    if not path.exists():
        raise InputUnreadableError(f"there is no file or folder {path}; check the path")
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    found, damaged = [], 0
    for file in files:
        if file != path and not looks_like_dicom(file):
            continue
        try:
            found.append(read_instance(file))
        except InputUnreadableError:
            if file == path:
                raise
            damaged += 1
    if not found:
        raise InputUnreadableError(f"{path} holds no DICOM object that can be sent")
    return found, damaged


def _document(to: str, sent: tuple[Sent, ...], damaged: int) -> dict[str, Any]:
    return {
        "schema": "procguide.send/1",
        "peer": to,
        "sent": sum(one.safe for one in sent),
        "failed": sum(not one.safe for one in sent),
        "damaged": damaged,
        "reasons": dict(_reasons(sent)),
        "disclaimer": DISCLAIMER,
    }


def _reasons(sent: tuple[Sent, ...]) -> Counter[str]:
    return Counter(one.words for one in sent if not one.safe)


def _show(console: Console, to: str, sent: tuple[Sent, ...], damaged: int) -> None:
    console.print(f"sent to {to}: {sum(one.safe for one in sent)} of {len(sent)} objects", markup=False)
    for words, count in _reasons(sent).items():
        console.print(f"{count} not sent: {words}", markup=False)
    if damaged:
        console.print(f"{damaged} damaged files, or files of no study, were left out", markup=False)


def _complain(sent: tuple[Sent, ...], damaged: int) -> None:
    failed = [one for one in sent if not one.safe]
    if len(failed) == len(sent):
        raise CannotWriteError(f"none of {len(sent)} objects was sent: {failed[0].words}")
    if failed or damaged:
        raise SomeFailedError(
            f"{len(failed)} objects were not sent and {damaged} files left out; the rest is there"
        )
