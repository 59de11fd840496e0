"""``procguide fetch``: studies from an archive into a folder."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from procguide import DISCLAIMER
from procguide.cli.audited import objects_asked_for, objects_moved
from procguide.cli.peer_options import PeersOption, peers_of
from procguide.cli.session import DebugFlag, JsonFlag, Session
from procguide.errors import CannotWriteError, NoResultError, SomeFailedError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from procguide.dicom.network.arrivals import Arrivals
    from procguide.dicom.network.peers import Peers
    from procguide.dicom.network.query import FoundObject, FoundSeries, FoundStudy, Wanted

    Found = tuple[tuple[FoundStudy, tuple[FoundSeries, ...]], ...]

__all__ = ["fetch"]

_INCOMING = ".incoming"
_WORDS = {"get": "C-GET", "move": "C-MOVE", "web": "DICOMweb"}


def fetch(
    context: typer.Context,
    *,
    source: Annotated[str, typer.Option("--from", help="The peers file's name for it.", metavar="PEER")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for the objects; may be one of an earlier fetch."),
    ] = None,
    study: Annotated[str, typer.Option(help="Study Instance UID.", metavar="UID")] = "",
    accession: Annotated[str, typer.Option(help="Accession number.", metavar="NUMBER")] = "",
    patient: Annotated[str, typer.Option(help="Patient ID.", metavar="ID")] = "",
    date: Annotated[str, typer.Option(help="Study date, or a range.", metavar="20260101-20260131")] = "",
    modality: Annotated[str, typer.Option(help="CT, MR, ...", metavar="MODALITY")] = "",
    series: Annotated[str, typer.Option(help="Series Instance UID.", metavar="UID")] = "",
    listing: Annotated[bool, typer.Option("--list", help="Only list what matches.")] = False,
    move: Annotated[
        int | None,
        typer.Option(
            help="C-MOVE to this port of ours in place of C-GET; 0: any.", metavar="PORT", min=0, max=65535
        ),
    ] = None,
    peers: PeersOption = None,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Find studies at a peer and fetch them: C-FIND with C-GET or C-MOVE, or DICOMweb.

    What the folder holds already is not fetched again: a run that was cut short is run again.

    Example: procguide fetch --from pacs --accession A1234 -o study --peers peers.yaml
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    known = peers_of(peers)
    from procguide.dicom.network.query import Wanted

    wanted = Wanted(study, accession, patient, date, modality, series)
    wanted.check(to_fetch=not listing)
    objects_asked_for(source)
    found = _find(known, source, wanted)
    if not found:
        raise NoResultError(f"{source} holds nothing that matches")
    if listing:
        session.answer(_listing(source, found), lambda console: _show(console, found))
        return
    if output is None:
        raise UsageError("say where to put them: -o FOLDER")
    document = _fetch(known, source, found, output, move)
    session.answer(document, lambda console: _tell(console, document))
    if document["missing"]:
        raise SomeFailedError(f"{document['missing']} objects did not come; run again to fetch them")


def _find(peers: Peers, source: str, wanted: Wanted) -> Found:
    from procguide.dicom.network.peers import WebPeer

    peer = peers.named(source)
    if isinstance(peer, WebPeer):
        from procguide.dicom.network import web

        return web.find(peer, peers.me, wanted)
    from procguide.dicom.network.query import find

    return find(peer, peers.me, wanted)


def _fetch(peers: Peers, source: str, found: Found, output: Path, move: int | None) -> dict[str, Any]:
    from procguide.dicom.network.arrivals import Arrivals, receiving_into
    from procguide.dicom.network.retrieve import absent
    from procguide.dicom.network.store import Store

    how = _how(peers, source, move)
    objects = _objects(peers, source, tuple(series for _, of_it in found for series in of_it))
    try:
        with receiving_into(output / _INCOMING) as incoming:
            arrivals = Arrivals(Store(output), incoming)
            lacking = absent(objects, arrivals)
            try:
                if lacking:
                    _get(peers, source, lacking, arrivals, move)
            finally:
                missing = absent(objects, arrivals)
                _log(source, lacking, missing)
            if missing and arrivals.is_full:
                raise CannotWriteError(f"{len(missing)} objects found no room: less than 1 GB is free")
    except OSError as error:
        raise CannotWriteError(f"cannot write {output}: {error.strerror}; check that it has space") from error
    finally:
        with suppress(OSError):
            (output / _INCOMING).rmdir()
    return {
        "schema": "procguide.fetch/1",
        "peer": source,
        "by": _WORDS[how],
        "studies": len(found),
        "objects": len(objects),
        "held_before": len(objects) - len(lacking),
        "fetched": len(lacking) - len(missing),
        "missing": len(missing),
        "output": str(output),
        "disclaimer": DISCLAIMER,
    }


def _log(source: str, lacking: tuple[FoundObject, ...], missing: tuple[FoundObject, ...]) -> None:
    """What has come, for the audit log, however fetching ended."""
    still = {one.uid for one in missing}
    come = [one.study for one in lacking if one.uid not in still]
    if come:
        objects_moved(source, come, sent=False, failed=len(missing))


def _how(peers: Peers, source: str, move: int | None) -> str:
    from procguide.dicom.network.peers import WebPeer

    if isinstance(peers.named(source), WebPeer):
        if move is not None:
            raise UsageError(f"{source} is a DICOMweb service; --move is for a peer with an AE title")
        return "web"
    return "get" if move is None else "move"


def _objects(peers: Peers, source: str, series: tuple[FoundSeries, ...]) -> tuple[FoundObject, ...]:
    from procguide.dicom.network.peers import WebPeer

    peer = peers.named(source)
    if isinstance(peer, WebPeer):
        from procguide.dicom.network import web

        return web.find_objects(peer, peers.me, series)
    from procguide.dicom.network.query import find_objects

    return find_objects(peer, peers.me, series)


def _get(
    peers: Peers, source: str, objects: tuple[FoundObject, ...], arrivals: Arrivals, move: int | None
) -> None:
    from procguide.dicom.network.peers import WebPeer

    peer = peers.named(source)
    if isinstance(peer, WebPeer):
        from procguide.dicom.network import web

        web.get(peer, peers.me, objects, arrivals.store, arrivals.incoming, source)
    elif move is None:
        from procguide.dicom.network.retrieve import get

        get(peer, peers.me, objects, arrivals, name=source)
    else:
        from procguide.dicom.network.receiver import Receiver
        from procguide.dicom.network.retrieve import move_here

        here = "127.0.0.1" if peer.host in ("127.0.0.1", "localhost") else ""
        only = peers.model_copy(update={"peers": {source: peer}})
        receiver = Receiver(only, arrivals, address=(here, move), tls=peer.tls)
        try:
            move_here(peer, peers.me, objects)
        finally:
            receiver.stop()


def _listing(source: str, found: Found) -> dict[str, Any]:
    return {
        "schema": "procguide.fetch/1",
        "peer": source,
        "studies": [
            {
                "study": study.uid,
                "date": study.date,
                "description": study.description,
                "objects": study.objects,
                "series": [
                    {
                        "series": one.uid,
                        "modality": one.modality,
                        "description": one.description,
                        "objects": one.objects,
                    }
                    for one in series
                ],
            }
            for study, series in found
        ],
        "disclaimer": DISCLAIMER,
    }


def _show(console: Console, found: Found) -> None:
    for study, series in found:
        console.print(f"study {study.uid}  {study.date}  {study.description}", markup=False)
        for one in series:
            count = "" if one.objects is None else f"{one.objects} objects"
            console.print(f"  series {one.uid}  {one.modality}  {count}  {one.description}", markup=False)


def _tell(console: Console, document: dict[str, Any]) -> None:
    console.print(
        f"fetched {document['fetched']} of {document['objects']} objects by {document['by']}; "
        f"{document['held_before']} were here before",
        markup=False,
    )
    console.print(f"written: {document['output']}", markup=False)
