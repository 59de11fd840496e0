"""Files of a model that a stranger may have made: sizes checked, nothing unpickled, no code run."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from procguide.errors import InputUnreadableError, MissingPartError
from procguide.provenance import hash_files

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "brief",
    "fingerprint",
    "licence_of",
    "load_checkpoint",
    "need_package",
    "numpy_scalars",
    "read_document",
    "silenced",
    "tensors_of",
]

_MAX_TEXT_BYTES = 16 * 2**20
_MAX_WEIGHT_BYTES = 8 * 2**30
_MAX_DEPTH = 40


def read_document(path: Path) -> dict[str, Any]:
    """A JSON or YAML mapping of at most 16 MB, without YAML tags."""
    try:
        if path.stat().st_size > _MAX_TEXT_BYTES:
            raise InputUnreadableError(f"{path.name} of the model is larger than 16 MB: this is not one")
        text = path.read_text("utf-8")
        document = json.loads(text) if path.suffix == ".json" else yaml.load(text, _PlainLoader)  # noqa: S506
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputUnreadableError(f"{path} of the model cannot be read ({brief(error)})") from error
    if not isinstance(document, dict):
        raise InputUnreadableError(f"{path} of the model is not a mapping")
    _check_depth(document, path)
    return document


class _PlainLoader(yaml.SafeLoader):
    """Without aliases, which can name more nodes than memory holds."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        return super().compose_node(parent, index)


def _check_depth(document: Any, path: Path) -> None:
    level = [document]
    for _ in range(_MAX_DEPTH):
        children = [child for node in level for child in (node.values() if isinstance(node, dict) else node)]
        level = [child for child in children if isinstance(child, dict | list)]
        if not level:
            return
    raise InputUnreadableError(f"{path} of the model is nested too deeply")


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Tensors and plain values of ``.safetensors`` or of a torch file, which is not unpickled.

    torch's own restricted reader takes tensors, containers and numpy's scalars, which nnU-Net keeps its
    training figures in; anything else is :class:`InputUnreadableError`.
    """
    _check_weights(path)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        return _load_restricted(path)
    except InputUnreadableError:
        raise
    except Exception as error:  # damaged archives fail in many ways
        raise InputUnreadableError(
            f"the weights {path.name} cannot be read without running code that lies in them, or are damaged "
            f"({brief(error)}); get them again from their source, or save them as tensors only"
        ) from error


def _load_restricted(path: Path) -> dict[str, Any]:
    import torch

    with torch.serialization.safe_globals(numpy_scalars()):
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(loaded, dict):
        raise InputUnreadableError(f"the weights {path.name} hold no named tensors (a traced module?)")
    return loaded


def numpy_scalars() -> list[Any]:
    """What pickles of numpy scalars name, as numpy 1 and numpy 2 write them; none of it runs code."""
    import numpy as np
    from numpy._core import multiarray

    kinds = [type(np.dtype(name)) for name in ("f2", "f4", "f8", "i4", "i8", "u1", "?")]
    return [
        (multiarray.scalar, "numpy.core.multiarray.scalar"),
        (multiarray.scalar, "numpy._core.multiarray.scalar"),
        np.dtype,
        *kinds,
    ]


def _check_weights(path: Path) -> None:
    """Size on disk, and of what a zip archive would unpack to."""
    if not path.is_file():
        raise MissingPartError(
            f"the model's weights {path} are not there; put them in place (none are loaded)"
        )
    size = path.stat().st_size
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            size = max(size, sum(member.file_size for member in archive.infolist()))
    if size > _MAX_WEIGHT_BYTES:
        raise InputUnreadableError(f"the weights {path.name} unpack to {size / 2**30:.0f} GB; 8 are read")


def tensors_of(weights: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """Those entries that are tensors; none is an error."""
    import torch

    tensors = {str(name): value for name, value in weights.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise InputUnreadableError(f"the weights {path.name} hold no named tensors")
    return tensors


def fingerprint(*files: Path) -> str:
    """The start of the SHA-256 of ``files``."""
    return hash_files(files)[:12]


def licence_of(folder: Path, document: Mapping[str, Any]) -> str:
    """What a model says of its licence, in one line."""
    for key in ("licence", "license", "copyright"):
        said = document.get(key)
        if isinstance(said, str) and said.strip():
            return " ".join(said.split())[:200]
    for name in ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "docs/LICENSE", "COPYING"):
        file = folder / name
        if file.is_file() and file.stat().st_size <= _MAX_TEXT_BYTES:
            lines = [line.strip() for line in file.read_text("utf-8", errors="replace").splitlines()]
            return next((line for line in lines if line), "not stated")[:200]
    return "not stated: ask its makers before you use it"


def need_package(module: str, line: str, feature: str) -> None:
    """A missing package is :class:`MissingPartError` with the line that installs it."""
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise MissingPartError(f"{feature} needs a package that is not installed: {line}")


@contextmanager
def silenced() -> Iterator[None]:
    """Foreign packages print and warn; standard output belongs to the result."""
    with redirect_stdout(StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def brief(error: BaseException) -> str:
    """The first line of an error, shortened."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]
