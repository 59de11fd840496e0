"""C-STORE as a user (PS3.4 B): files to a peer, as they are wherever the peer takes them so."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_context

from procguide.dicom.bounded import read_file
from procguide.dicom.decode import check_frames
from procguide.dicom.network.association import MOST_CONTEXTS, Waits, associate
from procguide.dicom.network.instances import Instance
from procguide.dicom.network.peers import DimsePeer, Me
from procguide.errors import CannotWriteError, InputUnreadableError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pynetdicom.association import Association
    from pynetdicom.presentation import PresentationContext

__all__ = ["Outcome", "Sent", "store"]

_PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
_KINDS_AT_ONCE = 40  # each takes up to three contexts: as it is, and unpacked either way


class Outcome(StrEnum):
    """What became of one object. ``warned``: stored, though the peer changed or dropped something of it."""

    STORED = "stored"
    WARNED = "warned"
    REFUSED = "refused"
    UNREACHED = "unreached"


@dataclass(frozen=True)
class Sent:
    """One object and what the peer said of it; ``status`` as in PS3.4 B.2.3, None where none came."""

    instance: Instance
    outcome: Outcome
    status: int | None = None
    words: str = ""

    @property
    def safe(self) -> bool:
        """Whether the peer has taken it."""
        return self.outcome in (Outcome.STORED, Outcome.WARNED)

    @property
    def final(self) -> bool:
        """Whether asking again is of no use: it is taken, or refused for other reasons than lack of room."""
        full = self.status is not None and self.status >> 8 == 0xA7
        return self.safe or (self.outcome is Outcome.REFUSED and not full)


def store(
    instances: Sequence[Instance],
    peer: DimsePeer,
    me: Me,
    *,
    waits: Waits | None = None,
    told: Callable[[Sent], None] = lambda _sent: None,
) -> tuple[Sent, ...]:
    """Send every object once; one that is refused does not keep the others.

    ``told`` hears of each object as soon as the peer has answered for it. Raises
    :class:`CannotWriteError` where the peer cannot be reached at all.
    """
    sent: list[Sent] = []
    for some in _by_class(instances):
        for one in _store_some(some, peer, me, waits):
            told(one)
            sent.append(one)
    return tuple(sent)


def _by_class(instances: Iterable[Instance]) -> Iterator[list[Instance]]:
    """Groups whose kinds of object all fit into the contexts of one association."""
    kinds: dict[tuple[str, str], list[Instance]] = {}
    for instance in instances:
        kinds.setdefault((instance.sop_class, instance.transfer_syntax), []).append(instance)
    groups = list(kinds.values())
    for start in range(0, len(groups), _KINDS_AT_ONCE):
        yield [instance for kind in groups[start : start + _KINDS_AT_ONCE] for instance in kind]


def _store_some(
    instances: Sequence[Instance], peer: DimsePeer, me: Me, waits: Waits | None
) -> Iterator[Sent]:
    with associate(me, peer, _contexts(instances), fault=CannotWriteError, waits=waits) as association:
        for instance in instances:
            if not association.is_established:
                yield Sent(instance, Outcome.UNREACHED, words="the peer ended the association")
                continue
            yield _store_one(association, instance)


def _contexts(instances: Iterable[Instance]) -> list[PresentationContext]:
    """A context for each class and syntax as they are; for packed ones, also for them unpacked."""
    proposed: dict[tuple[str, str], PresentationContext] = {}
    for instance in instances:
        packed = UID(instance.transfer_syntax).is_compressed
        for syntax in (instance.transfer_syntax, *(_PLAIN if packed else ())):
            proposed.setdefault(
                (instance.sop_class, syntax), build_context(instance.sop_class, transfer_syntax=syntax)
            )
    return list(proposed.values())[:MOST_CONTEXTS]


def _store_one(association: Association, instance: Instance) -> Sent:
    accepted = {
        str(context.transfer_syntax[0])
        for context in association.accepted_contexts
        if context.abstract_syntax == instance.sop_class
    }
    try:
        if instance.transfer_syntax in accepted:
            answer = association.send_c_store(instance.file if instance.agrees else read_file(instance.file))
        elif accepted & set(_PLAIN) and UID(instance.transfer_syntax).is_compressed:
            answer = association.send_c_store(_unpacked(instance.file))
        else:
            return Sent(instance, Outcome.REFUSED, words="the peer takes no object of this kind")
    except (ValueError, AttributeError, OSError, RuntimeError, InputUnreadableError) as error:
        return Sent(instance, Outcome.REFUSED, words=f"it could not be encoded ({type(error).__name__})")
    return _judge(instance, answer)


def _unpacked(file: Path) -> Dataset:
    """The object with its pixels decompressed, for a peer that takes none as they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = read_file(file)
        check_frames(dataset)
        dataset.decompress(generate_instance_uid=False)
    return dataset


def _judge(instance: Instance, answer: Dataset) -> Sent:
    status = answer.get("Status")
    if status is None:
        return Sent(instance, Outcome.UNREACHED, words="no answer came in time")
    code = int(status)
    if code == 0x0000:
        return Sent(instance, Outcome.STORED, code)
    if 0xB000 <= code <= 0xBFFF:
        return Sent(instance, Outcome.WARNED, code)
    return Sent(instance, Outcome.REFUSED, code, _reason(code))


def _reason(code: int) -> str:
    """PS3.4 Table B.2-1 in words."""
    kinds = {0xA7: "it has no room", 0xA9: "it finds the object at odds with its kind"}
    said = kinds.get(code >> 8, "it cannot use the object")
    if code == 0x0124:
        said = "it does not allow this"
    return f"the peer refuses: {said} (status {code:04X}H)"
