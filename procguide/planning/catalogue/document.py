"""YAML from strangers: plain values with the line of each, or an error that names the line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from procguide.errors import UsageError
from procguide.planning.catalogue.numbers import Place

__all__ = ["LARGEST_BYTES", "Document", "read_document", "read_text"]

LARGEST_BYTES = 256 * 1024
_DEEPEST = 16
_MOST_FIELDS = 20_000


@dataclass(frozen=True)
class Document:
    """What a file holds: ``values`` as plain Python, and the ``lines`` (from 1) where each field begins."""

    name: str
    values: Any
    lines: Mapping[Place, int]

    def line(self, place: Place) -> int:
        """The line of a field; of what surrounds it, where the field itself is missing."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_text(path: Path) -> str:
    """A text file of at most 256 KB; anything else is an error that says what it is."""
    if not path.is_file():
        raise UsageError(f"{path} is not a file")
    with path.open("rb") as stream:
        content = stream.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        raise UsageError(f"{path.name} is larger than {LARGEST_BYTES // 1024} KB; an entry takes about 5")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UsageError(f"{path.name}, line {line}: not UTF-8 text") from None


def read_document(text: str, name: str) -> Document:
    """One YAML document of plain values, of at most 20,000 fields once its aliases are written out.

    Words are words: ``no``, ``on``, ``1:30`` and dates stay text, as in YAML 1.2.
    """
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            raise UsageError(f"{name}, line 1: the file is empty")
        lines = _lines(node)
        return Document(name, loader.construct_document(node), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        words = ", ".join(filter(None, (error.context, error.problem)))
        raise UsageError(f"{name} is not YAML that is read here{line}: {words}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise UsageError(f"{name} is not YAML that is read here: {error}") from None
    finally:
        if loader is not None:
            loader.dispose()


class _Loader(yaml.SafeLoader):
    """Composes no deep nesting, and takes few words for anything but text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML's own way)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self._depth >= _DEEPEST:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=self.get_mark())
        self._depth += 1
        try:
            node: yaml.Node | None = super().compose_node(parent, index)
        finally:
            self._depth -= 1
        return node


for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", ["n", "~", ""]),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,14})", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))


def _lines(root: yaml.Node) -> dict[Place, int]:
    """Every field's place and the line that it begins on; a key that repeats is an error."""
    lines: dict[Place, int] = {}
    waiting: list[tuple[Place, int, yaml.Node]] = [((), root.start_mark.line + 1, root)]
    while waiting:
        place, line, node = waiting.pop()
        lines[place] = line
        if len(lines) > _MOST_FIELDS or len(place) > _DEEPEST:
            problem = "too much, once aliases are written out"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        if isinstance(node, yaml.SequenceNode):
            waiting += [((*place, n), item.start_mark.line + 1, item) for n, item in enumerate(node.value)]
        elif isinstance(node, yaml.MappingNode):
            waiting += [((*place, name), line, value) for name, line, value in _fields(node)]
    return lines


def _fields(node: yaml.MappingNode) -> Iterator[tuple[str, int, yaml.Node]]:
    """Names, the lines that they stand on, and what they hold."""
    seen = set()
    for key, value in node.value:
        problem = ""
        if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
            problem = "a field's name must be a word"
        elif key.value in seen:
            problem = f"{key.value!r} stands there twice"
        if problem:
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
        seen.add(key.value)
        yield key.value, key.start_mark.line + 1, value
