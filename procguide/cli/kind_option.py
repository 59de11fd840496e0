"""The options that say what images are and show, where their files do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from procguide.errors import UsageError

if TYPE_CHECKING:
    from procguide.quality import Kind

__all__ = ["KindOption", "NeedleFlag", "kind_named"]

KindOption = Annotated[
    str | None,
    typer.Option(
        "--kind",
        help="What the images are, where files do not say it: CT, MR, fluoroscopy, radiograph, ultrasound.",
        metavar="KIND",
    ),
]

NeedleFlag = Annotated[bool, typer.Option("--needle", help="A needle is expected in ultrasound pictures.")]


def kind_named(word: str | None) -> Kind | None:
    """The kind of that name; None where none was given."""
    from procguide.quality import Kind

    kinds = {one.value.lower(): one for one in Kind}
    if word is not None and word.lower() not in kinds:
        raise UsageError(f"{word!r} is not a kind of image; use {', '.join(one.value for one in Kind)}")
    return None if word is None else kinds[word.lower()]
