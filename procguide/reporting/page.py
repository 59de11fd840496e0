"""One self-contained HTML page from a template: styles within, no script, no address."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from procguide.approval import Approval
from procguide.errors import InputUnfitError
from procguide.imaging.files import replacing

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["approve_page", "write_page"]

_DISCLAIMER = "For research and training"


def write_page(path: Path, template: str, **values: Any) -> None:
    """Write ``path`` whole or not at all. Autoescape is on; only the package's own style sheet is exempt."""
    style = (files("procguide.reporting") / "templates" / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = (
        _environment()
        .get_template(template)
        .render(style=style, style_sha256=digest, disclaimer=_DISCLAIMER, **values)
    )
    _write(Path(path), page)


def approve_page(path: Path, approval: Approval) -> None:
    """Say in the first lines of a page by :func:`write_page` who approved which needle, when and why."""
    words: Any = _environment().get_template("approval.html.j2").module
    page = path.read_text(encoding="utf-8")
    stated = _stated(approval)
    of_sitting = approval.rank is None
    kind = partial(words.kind, "Plan of a sitting" if of_sitting else "Needle plan")
    for macro in (words.state, kind) if of_sitting else (words.state, kind, words.review):
        before, after = str(macro(None)), str(macro(stated))
        if page.count(before) != 1:
            raise InputUnfitError(f"{path.name} does not say once that it is not approved; plan again")
        page = page.replace(before, after)
    _write(path, page)


def _stated(approval: Approval) -> dict[str, str]:
    when = datetime.fromisoformat(approval.time_utc)
    return {
        "short": "APPROVED" if approval.rank is None else f"RANK {approval.rank} APPROVED",
        "what": "all needles" if approval.rank is None else f"needle of rank {approval.rank}",
        "by": approval.by.replace("^", " ").strip(),
        "organisation": approval.organisation,
        "time": f"{when:%Y-%m-%d %H:%M} UTC",
        "reason": approval.reason,
        "seal": approval.plan_sha256,
    }


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("procguide.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )


def _write(path: Path, page: str) -> None:
    with replacing(path, make_folder=False) as temporary:
        temporary.write_bytes(page.encode("utf-8"))
