"""One self-contained HTML page from a template: styles within, no script, no address."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Any

from procguide.imaging.files import replacing

__all__ = ["write_page"]

_DISCLAIMER = "For research and training"


def write_page(path: Path, template: str, **values: Any) -> None:
    """Write ``path`` whole or not at all. Autoescape is on; only the package's own style sheet is exempt."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("procguide.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    style = (files("procguide.reporting") / "templates" / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = environment.get_template(template).render(
        style=style, style_sha256=digest, disclaimer=_DISCLAIMER, **values
    )
    with replacing(Path(path), make_folder=False) as temporary:
        temporary.write_bytes(page.encode("utf-8"))
