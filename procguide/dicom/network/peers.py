"""Who we are and whom we talk to, from a file that a person writes.

A peer that is not in the file is neither called nor answered. What leaves this machine unencrypted must
be said in so many words: ``unencrypted: true``, unless it stays on this machine.
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from procguide.errors import UsageError
from procguide.settings import read_settings_file

__all__ = ["DimsePeer", "Me", "Model", "Peer", "Peers", "TlsFiles", "WebPeer", "read_peers"]


AeTitle = Annotated[
    str, Field(max_length=16, pattern=r"^[\x21-\x5b\x5d-\x7e]([\x20-\x5b\x5d-\x7e]*[\x21-\x5b\x5d-\x7e])?$")
]
"""An application entity title (PS3.5 6.2, VR AE): 1 to 16 characters, no backslash, no space at its ends."""
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
"""What this file calls a peer; it stands in logs and in names of files."""
Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Model(BaseModel):
    """A frozen part of a settings file; a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TlsFiles(Model):
    """Our certificate and key, and whose signatures we trust, all PEM (PS3.15 B.12: BCP 195, both verified).

    Without ``authorities`` the system's own are trusted, for calls only: a receiver needs them.
    """

    certificate: Path | None = None
    key: Path | None = None
    authorities: Path | None = None

    @field_validator("certificate", "key", "authorities")
    @classmethod
    def _beside_the_file(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        folder = (info.context or {}).get("folder")
        return path if path is None or folder is None else folder / path


class Me(Model):
    """Ourselves: the name it calls itself by, and its side of TLS."""

    ae_title: AeTitle = "PROCGUIDE"
    tls: TlsFiles = TlsFiles()


class DimsePeer(Model):
    """A system that speaks the DICOM upper layer (PS3.8).

    ``certificate_sha256`` pins its certificate by the hash of the DER form. ``may_send`` lets it store
    into ``procguide listen``; ``addresses`` are where its calls come from, where that is not ``host``.
    """

    ae_title: AeTitle
    host: Annotated[str, Field(min_length=1, max_length=255)]
    port: Annotated[int, Field(ge=1, le=65535)] = 104
    tls: bool = False
    unencrypted: bool = False
    certificate_sha256: Fingerprint | None = None
    may_send: bool = True
    addresses: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _said(self) -> DimsePeer:
        if not (self.tls or self.unencrypted or _is_loopback(self.host)):
            raise ValueError("images would leave unencrypted: set tls: true, or say unencrypted: true")
        if self.certificate_sha256 and not self.tls:
            raise ValueError("certificate_sha256 goes with tls: true")
        return self


class WebPeer(Model):
    """A DICOMweb service (PS3.18): the root under which ``/studies`` lies.

    Secrets do not stand in the file: ``token_env`` names the environment variable of a bearer token,
    ``password_env`` that of the password of ``user``.
    """

    url: Annotated[str, Field(max_length=2000)]
    unencrypted: bool = False
    user: str | None = None
    password_env: str | None = None
    token_env: str | None = None

    @model_validator(mode="after")
    def _said(self) -> WebPeer:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url is to begin with https:// and name a host")
        if parts.username or parts.password:
            raise ValueError("url holds a password; use user and password_env")
        if parts.scheme == "http" and not (self.unencrypted or _is_loopback(parts.hostname)):
            raise ValueError("images would leave unencrypted: use https://, or say unencrypted: true")
        return self

    def secret(self, variable: str) -> str:
        """The value of the environment variable ``variable``."""
        try:
            return os.environ[variable]
        except KeyError:
            raise UsageError(
                f"the environment variable {variable}, named in the peers file, is not set"
            ) from None


def _kind(given: Any) -> str:
    web = isinstance(given, WebPeer) or (isinstance(given, dict) and "url" in given)
    return "web" if web else "dimse"


Peer = Annotated[
    Annotated[DimsePeer, Tag("dimse")] | Annotated[WebPeer, Tag("web")],
    Discriminator(_kind),
]


class Peers(Model):
    """The peers file."""

    schema_: Annotated[Literal["procguide.peers/1"], Field(alias="schema")] = "procguide.peers/1"
    me: Me = Me()
    peers: dict[Name, Peer] = {}

    def named(self, name: str) -> DimsePeer | WebPeer:
        """The peer of that name, or an error that lists the names there are."""
        try:
            return self.peers[name]
        except KeyError:
            known = ", ".join(sorted(self.peers)) or "none"
            raise UsageError(f"there is no peer {name!r} in the peers file; it names: {known}") from None

    def dimse(self, name: str) -> DimsePeer:
        """The peer of that name, which is to speak DIMSE."""
        peer = self.named(name)
        if not isinstance(peer, DimsePeer):
            raise UsageError(
                f"the peer {name!r} is a DICOMweb service; this needs one with host and ae_title"
            )
        return peer


def read_peers(path: Path) -> Peers:
    """Read and check a peers file; relative paths in it are relative to it."""
    return read_settings_file(path, Peers, "a peers file")


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
