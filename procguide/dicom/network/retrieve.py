"""C-GET and C-MOVE as a user (PS3.4 C.4.2, C.4.3): what a peer holds, into a store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset
from pydicom.uid import (
    HTJ2K,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLETransferSyntaxes,
)
from pynetdicom import StoragePresentationContexts, build_context, build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from procguide.dicom.network.arrivals import Arrivals
from procguide.dicom.network.association import MOST_CONTEXTS, Waits, associate
from procguide.dicom.network.instances import Instance, is_uid
from procguide.dicom.network.peers import DimsePeer, Me
from procguide.dicom.network.query import FoundObject
from procguide.errors import InputUnreadableError

if TYPE_CHECKING:
    from pynetdicom.events import Event
    from pynetdicom.presentation import PresentationContext

__all__ = ["Fetched", "absent", "get", "move_here"]

_AT_ONCE = 200  # objects named in one request
_SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    *JPEGTransferSyntaxes,
    *JPEGLSTransferSyntaxes,
    *JPEG2000TransferSyntaxes,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    HTJ2K,
    *RLETransferSyntaxes,
)
_CLASSES_AT_ONCE = (MOST_CONTEXTS - 1) // len(_SYNTAXES)


@dataclass(frozen=True)
class Fetched:
    """Objects that were asked for, and those that did not come."""

    asked: int
    missing: int


def absent(objects: Iterable[FoundObject], arrivals: Arrivals) -> tuple[FoundObject, ...]:
    """Those that the store does not hold yet."""
    return tuple(one for one in objects if not arrivals.store.path_of(_as_instance(one)).exists())


def get(
    peer: DimsePeer,
    me: Me,
    objects: Sequence[FoundObject],
    arrivals: Arrivals,
    *,
    name: str,
    waits: Waits | None = None,
) -> None:
    """C-GET ``objects`` over the association that asks for them; :func:`absent` tells what did not come."""
    for some in _by_class(objects):
        contexts = _get_contexts(some)
        stored = [str(context.abstract_syntax) for context in contexts[1:]]
        with associate(
            me,
            peer,
            contexts,
            fault=InputUnreadableError,
            waits=waits,
            roles=[build_role(uid, scp_role=True) for uid in sorted(set(stored))],
            handlers=[(evt.EVT_C_STORE, lambda event: _take(event, arrivals, name))],
        ) as association:
            for keys in _requests(some):
                _follow(association.send_c_get(keys, StudyRootQueryRetrieveInformationModelGet))


def move_here(peer: DimsePeer, me: Me, objects: Sequence[FoundObject], *, waits: Waits | None = None) -> None:
    """C-MOVE ``objects`` to our own AE title, where a :class:`Receiver` is to run; the peer must know it."""
    contexts = [build_context(StudyRootQueryRetrieveInformationModelMove)]
    with associate(me, peer, contexts, fault=InputUnreadableError, waits=waits) as association:
        for keys in _requests(objects):
            _follow(association.send_c_move(keys, me.ae_title, StudyRootQueryRetrieveInformationModelMove))


def _take(event: Event, arrivals: Arrivals, name: str) -> int:
    return arrivals.take(event, name)


def _by_class(objects: Sequence[FoundObject]) -> Iterator[list[FoundObject]]:
    """Groups of which every class fits into one association in every transfer syntax.

    Archives need not tell the class; those of which it is not known are a group by themselves.
    """
    unknown = [one for one in objects if not is_uid(one.sop_class)]
    if unknown:
        yield unknown
    objects = [one for one in objects if is_uid(one.sop_class)]
    classes = sorted({one.sop_class for one in objects})
    for start in range(0, len(classes), _CLASSES_AT_ONCE):
        some = set(classes[start : start + _CLASSES_AT_ONCE])
        yield [one for one in objects if one.sop_class in some]


def _get_contexts(objects: Sequence[FoundObject]) -> list[PresentationContext]:
    """A context for each class in each syntax, so that objects come as they are stored.

    Where the class is not known, one for each usual class: the peer then chooses one syntax for all.
    """
    classes = sorted({one.sop_class for one in objects})
    if all(map(is_uid, classes)):
        stored = [build_context(uid, transfer_syntax=syntax) for uid in classes for syntax in _SYNTAXES]
    else:
        usual = StoragePresentationContexts[: MOST_CONTEXTS - 1]
        stored = [build_context(str(one.abstract_syntax), list(_SYNTAXES)) for one in usual]
    return [build_context(StudyRootQueryRetrieveInformationModelGet), *stored]


def _requests(objects: Sequence[FoundObject]) -> Iterator[Dataset]:
    """Identifiers at image level (PS3.4 C.6.2.1.2.2), a series at a time, by lists of UIDs."""
    ordered = sorted(objects, key=lambda one: (one.study, one.series, one.uid))
    for (study, series), group in groupby(ordered, key=lambda one: (one.study, one.series)):
        uids = [one.uid for one in group]
        for start in range(0, len(uids), _AT_ONCE):
            keys = Dataset()
            keys.QueryRetrieveLevel = "IMAGE"
            keys.StudyInstanceUID, keys.SeriesInstanceUID = study, series
            keys.SOPInstanceUID = uids[start : start + _AT_ONCE]
            yield keys


def _follow(answers: Any) -> None:
    """Let the sub-operations run; raise where the peer refuses the whole request.

    Some that failed (status B000H) are no exception: what did not come is counted afterwards.
    """
    for status, _identifier in answers:
        code = status.get("Status")
        if code is None:
            raise InputUnreadableError("the peer fell silent while sending; run again to fetch the rest")
        if code == 0xA801:
            raise InputUnreadableError(
                "the peer does not know our AE title as a place to move to; enter it there, or use C-GET"
            )
        if 0xA000 <= code <= 0xAFFF or 0xC000 <= code <= 0xCFFF or code == 0x0122:
            raise InputUnreadableError(f"the peer refuses to send (status {code:04X}H)")


def _as_instance(found: FoundObject) -> Instance:
    return Instance(Path(), found.sop_class, found.uid, "", found.study, found.series)
