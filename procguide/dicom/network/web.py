"""DICOMweb as a user (PS3.18): QIDO-RS to find, WADO-RS to retrieve, STOW-RS to store."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from dicomweb_client import DICOMwebClient
from pydicom import dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from procguide.dicom.bounded import read_file
from procguide.dicom.network.arrivals import Status
from procguide.dicom.network.instances import Instance, read_instance
from procguide.dicom.network.outgoing import Outcome, Sent
from procguide.dicom.network.peers import Me, WebPeer
from procguide.dicom.network.query import (
    MOST_ANSWERS,
    FoundObject,
    FoundSeries,
    FoundStudy,
    Wanted,
    fits,
    object_from,
    series_from,
    study_from,
)
from procguide.dicom.network.store import Kept, Store
from procguide.errors import CannotWriteError, InputUnreadableError, ProcguideError, UsageError

__all__ = ["find", "find_objects", "get", "ready", "store"]

_WAITS_S = (10.0, 120.0)  # to connect, and between bytes
_MOST_BYTES = 2 << 30
_DEFLATED = str(DeflatedExplicitVRLittleEndian).encode()


class _Session(requests.Session):
    """Goes nowhere but where it is sent: no redirects, no proxies or passwords from the surroundings.

    A body that is longer than an object may be is not read to its end.
    """

    def __init__(self, peer: WebPeer, me: Me) -> None:
        super().__init__()
        self.trust_env = False
        self.max_redirects = 0
        self.verify = str(me.tls.authorities) if me.tls.authorities else True
        if me.tls.certificate is not None:
            key = me.tls.key
            self.cert = str(me.tls.certificate) if key is None else (str(me.tls.certificate), str(key))
        if peer.token_env is not None:
            self.headers["Authorization"] = f"Bearer {peer.secret(peer.token_env)}"
        elif peer.user is not None:
            password = "" if peer.password_env is None else peer.secret(peer.password_env)
            self.auth = (peer.user, password)

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
        """Send, and read the answer as far as it may go."""
        response = super().send(request, **{**settings, "stream": True})
        body = bytearray()
        for piece in response.iter_content(1 << 20):
            body += piece
            if len(body) > _MOST_BYTES:
                response.close()
                raise requests.exceptions.ContentDecodingError("the answer is longer than it may be")
        if _DEFLATED in body:  # its size is not known until it is unpacked, and the library unpacks it
            raise requests.exceptions.ContentDecodingError("the answer is deflated, which was not asked for")
        response._content = bytes(body)
        return response


def ready(peer: WebPeer, me: Me, *, fault: type[ProcguideError]) -> None:
    """Return if the service answers a query for one study, raise ``fault`` if not."""
    with _client(peer, me, fault) as client:
        client.search_for_studies(limit=1)


def find(peer: WebPeer, me: Me, wanted: Wanted) -> tuple[tuple[FoundStudy, tuple[FoundSeries, ...]], ...]:
    """The studies that match, each with those of its series that match (QIDO-RS)."""
    keys = {
        "StudyInstanceUID": wanted.study,
        "AccessionNumber": wanted.accession,
        "PatientID": wanted.patient,
        "StudyDate": wanted.date,
        "ModalitiesInStudy": wanted.modality,
    }
    fields = ["StudyDescription", "ModalitiesInStudy", "NumberOfStudyRelatedInstances"]
    with _client(peer, me, InputUnreadableError) as client:
        answers = client.search_for_studies(
            fields=fields, search_filters={key: value for key, value in keys.items() if value}
        )
        found = []
        for study in map(study_from, _datasets(answers)):
            narrower = {"SeriesInstanceUID": wanted.series, "Modality": wanted.modality}
            given = {key: value for key, value in narrower.items() if value}
            series = client.search_for_series(study.uid, search_filters=given)
            of_it = (series_from(one, study.uid) for one in _datasets(series))
            found.append((study, tuple(one for one in of_it if fits(one, wanted))))
    return tuple((study, series) for study, series in found if series)


def find_objects(peer: WebPeer, me: Me, series: tuple[FoundSeries, ...]) -> tuple[FoundObject, ...]:
    """Every object of these series."""
    objects: list[FoundObject] = []
    with _client(peer, me, InputUnreadableError) as client:
        for one in series:
            answers = client.search_for_instances(one.study, one.uid)
            objects.extend(object_from(answer, one) for answer in _datasets(answers))
    return tuple(objects)


def get(
    peer: WebPeer, me: Me, objects: Sequence[FoundObject], kept: Store, incoming: Path, name: str
) -> None:
    """Retrieve ``objects`` one by one, as the service stores them, and keep each before the next."""
    with _client(peer, me, InputUnreadableError) as client:
        for one in objects:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of answers in one part, which are met with and read
                dataset = client.retrieve_instance(
                    one.study, one.series, one.uid, media_types=(("application/dicom", "*"),)
                )
            _keep(dataset, one, kept, incoming, name)


def _keep(dataset: Dataset, asked: FoundObject, kept: Store, incoming: Path, name: str) -> None:
    part = incoming / "web.part"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dcmwrite(part, dataset, enforce_file_format=True)
        instance = read_instance(part)
        if (instance.sop_instance, instance.study) != (asked.uid, asked.study):
            raise InputUnreadableError("the service sent another object than was asked for")
        if kept.keep(instance, name) is Kept.OTHER:
            raise InputUnreadableError(
                "an object is held already with other content; fetch into a new folder"
            )
    finally:
        part.unlink(missing_ok=True)


def store(
    instances: Sequence[Instance],
    peer: WebPeer,
    me: Me,
    *,
    told: Callable[[Sent], None] = lambda _sent: None,
) -> tuple[Sent, ...]:
    """Send every object once (STOW-RS), one in a request: each has its own answer."""
    sent = []
    with _client(peer, me, CannotWriteError) as client:
        for instance in instances:
            one = _store_one(client, instance)
            told(one)
            sent.append(one)
    return tuple(sent)


def _store_one(client: DICOMwebClient, instance: Instance) -> Sent:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = client.store_instances([read_file(instance.file)])
    except InputUnreadableError:
        return Sent(instance, Outcome.REFUSED, words="it is refused here: its header is no honest one")
    except requests.HTTPError as error:
        code = error.response.status_code if error.response is not None else 0
        if code in (401, 403):
            raise
        outcome = Outcome.UNREACHED if code >= 500 or code == 429 else Outcome.REFUSED
        return Sent(instance, outcome, words=f"the service answers HTTP {code}")
    failed = answer.get("FailedSOPSequence") or ()
    if failed:
        status = int(failed[0].get("FailureReason") or Status.NOT_UNDERSTOOD)
        return Sent(instance, Outcome.REFUSED, status, f"the service refuses it (status {status:04X}H)")
    return Sent(instance, Outcome.STORED, Status.SUCCESS)


@contextmanager
def _client(peer: WebPeer, me: Me, fault: type[ProcguideError]) -> Iterator[Any]:
    """A client whose faults are told in words, without what was asked for."""
    with _Session(peer, me) as session:
        try:
            client = DICOMwebClient(peer.url, session=session, timeout=_WAITS_S, permissive_uid=True)
            client.set_http_retry_params(retry=False)
            yield client
        except requests.TooManyRedirects as error:
            raise fault(f"{peer.url} points elsewhere; put the place itself into the peers file") from error
        except requests.exceptions.SSLError as error:
            raise fault(
                f"the certificate of {peer.url} cannot be verified; check me.tls.authorities"
            ) from error
        except requests.HTTPError as error:
            code = error.response.status_code if error.response is not None else 0
            who = "; check user, password or token" if code in (401, 403) else ""
            raise fault(f"{peer.url} answers HTTP {code}{who}") from error
        except requests.exceptions.InvalidJSONError as error:
            raise fault(f"{peer.url} does not answer as a DICOMweb service does") from error
        except requests.RequestException as error:
            raise fault(f"{peer.url} cannot be reached ({type(error).__name__})") from error
        except (ProcguideError, OSError):
            raise
        except Exception as error:  # whatever an answer that is none provokes in the libraries
            raise fault(f"{peer.url} does not answer as a DICOMweb service does") from error


def _datasets(answers: Sequence[dict[str, Any]]) -> Iterator[Dataset]:
    if len(answers) > MOST_ANSWERS:
        raise UsageError(f"more than {MOST_ANSWERS} answers; ask more narrowly")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for answer in answers:
            yield Dataset.from_json(answer)
