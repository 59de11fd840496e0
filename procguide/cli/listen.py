"""``procguide listen``: receive studies, plan them by a rule file, send the results back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from procguide import DISCLAIMER
from procguide.cli.audited import ArrivalBursts
from procguide.cli.peer_options import PeersOption, peers_of
from procguide.cli.session import DebugFlag, JsonFlag, Session
from procguide.errors import CannotWriteError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from procguide.dicom.network.instances import Instance
    from procguide.dicom.network.outgoing import Sent
    from procguide.dicom.network.peers import Peers
    from procguide.dicom.network.receiver import Receiver
    from procguide.dicom.network.rules import Rules, Task
    from procguide.dicom.network.worker import Computed, Worker

__all__ = ["listen"]

_POLL_S = 0.5


def listen(
    context: typer.Context,
    *,
    spool: Annotated[
        Path, typer.Option(help="Folder for what arrives, and for the queue.", metavar="FOLDER")
    ],
    rules: Annotated[
        Path | None, typer.Option(help="YAML file: what is planned, and whom results go to.", metavar="FILE")
    ] = None,
    port: Annotated[int, typer.Option(help="Port to listen on; 0: any.", min=0, max=65535)] = 11112,
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    tls: Annotated[
        bool, typer.Option("--tls", help="Take TLS calls only, certificates on both sides.")
    ] = False,
    until_idle: Annotated[
        float | None,
        typer.Option(
            help="Leave when all is done and nothing has come for so long.", metavar="SECONDS", min=0
        ),
    ] = None,
    peers: PeersOption = None,
    as_json: JsonFlag = False,
    debug: DebugFlag = False,
) -> None:
    """Take studies that known peers store here, plan them by the rules, send the results where they say.

    An object is answered for when it is safe on disk. The command can be killed at any moment: started
    again with the same folder, it goes on where it was, loses nothing and does nothing twice.

    Example: procguide listen --spool spool --peers peers.yaml --rules rules.yaml
    """
    session = Session.begin(context, as_json=as_json, debug=debug)
    known = peers_of(peers)
    ruled = _rules(rules, known)
    if not tls and address not in ("127.0.0.1", "::1", "localhost"):
        _refuse_open_ears(known)
    counts = _serve(_Post(session, known, ruled, spool, (address, port), tls, until_idle))
    document = {"schema": "procguide.listen/1", **counts, "disclaimer": DISCLAIMER}
    session.answer(document, lambda console: _show(console, document))


@dataclass(frozen=True)
class _Post:
    """All that listening needs."""

    session: Session
    peers: Peers
    rules: Rules
    spool: Path
    address: tuple[str, int]
    tls: bool
    until_idle: float | None


def _rules(path: Path | None, peers: Peers) -> Rules:
    """The rule file, every rule held against the peers file and the catalogue before anything arrives."""
    from procguide.cli.request import parse_lowest_level, parse_requests
    from procguide.dicom.network.rules import Rules, read_rules

    if path is None:
        return Rules()
    rules = read_rules(path)
    rules.check(peers)
    for rule in rules.rules:
        parse_lowest_level(rule.lowest_level)
        if rule.procedure is not None and rule.level:
            parse_requests(rule.procedure, rule.level, rule.side)
    return rules


def _refuse_open_ears(peers: Peers) -> None:
    from procguide.dicom.network.peers import DimsePeer

    for name, peer in peers.peers.items():
        if isinstance(peer, DimsePeer) and peer.may_send and peer.tls:
            raise UsageError(f"the peer {name!r} speaks TLS: listen with --tls, or set its may_send: false")


def _serve(post: _Post) -> dict[str, Any]:
    from procguide.dicom.network.arrivals import Arrivals, receiving_into
    from procguide.dicom.network.jobs import Queue, only_one
    from procguide.dicom.network.receiver import Receiver
    from procguide.dicom.network.store import Store
    from procguide.dicom.network.worker import Worker

    spool = post.spool.absolute()
    try:
        spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        with only_one(spool), receiving_into(spool / "incoming") as incoming:
            store, queue = Store(spool / "studies"), Queue(spool / "jobs")
            arrivals = Arrivals(store, incoming)
            worker = Worker(store, queue, post.rules, _compute, _deliver_by(post.peers), post.session.say)
            receiver = Receiver(post.peers, arrivals, address=post.address, tls=post.tls)
            post.session.say(f"listening on {post.address[0]}:{receiver.port} as {post.peers.me.ae_title}")
            with suppress(KeyboardInterrupt, SystemExit):
                _work(worker, receiver, post.until_idle)
            receiver.stop()
    except OSError as error:
        raise CannotWriteError(f"cannot use {spool}: {error.strerror}; check that it has space") from error
    states = [job.state.value for job in queue.all()]
    return {
        "received": arrivals.counts.new,
        "received_again": arrivals.counts.again,
        "refused": arrivals.counts.refused,
        "jobs": {state: states.count(state) for state in sorted(set(states))},
    }


def _work(worker: Worker, receiver: Receiver, until_idle: float | None) -> None:
    """Step until told to stop, or until nothing has been left to do for ``until_idle`` seconds."""
    quiet_since = time.monotonic()
    before = -1
    bursts = ArrivalBursts(receiver.arrivals.counts.new)
    while True:
        busy = worker.step()
        arrived = receiver.arrivals.counts.new + receiver.arrivals.counts.again
        bursts.heard(receiver.arrivals.counts.new, still=arrived != before)
        if busy or arrived != before or not worker.idle:
            quiet_since, before = time.monotonic(), arrived
        elif until_idle is not None and time.monotonic() - quiet_since >= until_idle:
            return
        if not busy:
            time.sleep(_POLL_S)


def _deliver_by(peers: Peers) -> Callable[[str, Sequence[Instance], Callable[[Sent], None]], object]:
    from procguide.cli.send import send_all

    return lambda to, instances, told: send_all(peers, to, instances, told)


def _compute(task: Task, study: Path, output: Path, lock: int) -> Computed:
    """Run our own command in a process of its own: what a hostile image does to it, it does not do to us."""
    from procguide.dicom.network.worker import Computed

    log = output.with_name("log.txt")
    with (
        log.open("wb") as messages,
        subprocess.Popen(  # noqa: S603 (our own program; words from a checked rule file)
            _command(task, study, output),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=messages,
            pass_fds=(lock,),
            start_new_session=True,
        ) as child,
    ):
        try:
            answer, _ = child.communicate(timeout=task.rule.timeout_s)
        except subprocess.TimeoutExpired:
            return Computed(5, f"it took longer than {task.rule.timeout_s:g} s and was stopped")
        finally:
            _end(child)
    return Computed(child.returncode if child.returncode >= 0 else 1, _words(answer))


def _command(task: Task, study: Path, output: Path) -> list[str]:
    rule = task.rule
    words = [
        sys.executable,
        "-m",
        "procguide.cli",
        rule.do,
        os.fspath(study),
        "-o",
        os.fspath(output),
        "--json",
    ]
    if rule.procedure is not None:
        words += ["--procedure", rule.procedure]
    for level in task.level:
        words += ["--level", level]
    if task.side is not None:
        words += ["--side", task.side]
    if rule.lowest_level is not None:
        words += ["--lowest-level", rule.lowest_level]
    return words


def _end(child: subprocess.Popen[bytes]) -> None:
    """Stop the child and all that it started."""
    if child.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)


def _words(answer: bytes) -> str:
    """The error of a ``--json`` document; nothing where it went well."""
    try:
        document = json.loads(answer)
    except ValueError:
        return ""
    return str(document.get("error", "")) if isinstance(document, dict) else ""


def _show(console: Console, document: dict[str, Any]) -> None:
    console.print(
        f"received {document['received']} objects; {document['received_again']} came again, "
        f"{document['refused']} were refused",
        markup=False,
    )
    for state, count in document["jobs"].items():
        console.print(f"studies {state}: {count}", markup=False)
