"""Results to whom the rules name: each object until the peer has answered for it, and then no more."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from procguide.dicom.network.instances import Instance, handle, looks_like_dicom, read_instance
from procguide.dicom.network.jobs import Answer, Job, Queue
from procguide.dicom.network.outgoing import Sent
from procguide.errors import InputUnreadableError, ProcguideError

__all__ = ["Deliver", "Delivery"]

_log = logging.getLogger(__name__)

Deliver = Callable[[str, Sequence[Instance], Callable[[Sent], None]], object]
"""Name of a peer, objects, whom to tell of each answer. It raises :class:`ProcguideError` if unreached."""


@dataclass(frozen=True)
class Delivery:
    """The results of one job on their way to its receivers."""

    queue: Queue
    job: Job
    deliver: Deliver

    def run(self, peers: Sequence[str]) -> list[str]:
        """Send what is still to be sent; the reasons, without identifiers, why some of it is left."""
        objects = self._objects()
        return [reason for peer in peers for reason in self._to(peer, objects)]

    def summary(self, peers: Sequence[str]) -> str:
        """``"3 results; to pacs: 3 taken, 0 refused"``."""
        told = [f"{len(self._objects())} results"]
        for peer in peers:
            answers = list(self.queue.answers(self.job, peer).values())
            taken, refused = answers.count(Answer.TAKEN), answers.count(Answer.REFUSED)
            told.append(f"to {peer}: {taken} taken, {refused} refused")
        return "; ".join(told)

    def _to(self, peer: str, objects: Sequence[Instance]) -> list[str]:
        answered = self.queue.answers(self.job, peer)
        left = {one.sop_instance: one for one in objects if handle(one.sop_instance) not in answered}
        if not left:
            return []
        reasons = []

        def told(sent: Sent) -> None:
            if sent.final:
                answer = Answer.TAKEN if sent.safe else Answer.REFUSED
                self.queue.note_answer(self.job, peer, sent.instance.sop_instance, answer)
                left.pop(sent.instance.sop_instance, None)
            else:
                reasons.append(f"{peer}: {sent.words}")

        try:
            self.deliver(peer, tuple(left.values()), told)
        except ProcguideError as error:
            reasons.append(f"{peer}: {error}")
        return reasons[-1:] if left else []

    def _objects(self) -> list[Instance]:
        found = []
        for file in sorted(self.queue.out(self.job).rglob("*.dcm")):
            try:
                if looks_like_dicom(file):
                    found.append(read_instance(file))
            except InputUnreadableError:
                _log.warning("a result is no DICOM object; it is not sent")
        return found
