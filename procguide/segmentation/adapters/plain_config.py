"""A MONAI bundle's configuration read as data: references and simple formulas, never code.

In a bundle a string that begins with ``$`` is Python, which MONAI evaluates; here only literals,
arithmetic, comparisons and conditions between references are. ``_target_`` may name those of MONAI's own
networks, transforms and inferers that read no file, write none and download nothing.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from procguide.errors import UsageError

__all__ = ["CodeInConfigError", "PlainConfig"]

_REFERENCE = re.compile(r"@([\w]+(?:(?:#|::)[\w]+)*)")
_NETWORKS = (
    "AttentionUnet BasicUNet BasicUNetPlusPlus BasicUnet BasicUnetPlusPlus DynUNet DynUnet HighResNet "
    "SegResNet SegResNetDS SegResNetDS2 SegResNetVAE SwinUNETR UNETR UNet Unet VNet"
)
_TRANSFORMS = (
    "AdjustContrast BorderPad CastToType CenterSpatialCrop ClipIntensityPercentiles CropForeground "
    "DivisiblePad EnsureChannelFirst EnsureType GaussianSmooth HistogramNormalize Identity LoadImage "
    "MedianSmooth "
    "NormalizeIntensity Orientation Resize ResizeWithPadOrCrop ScaleIntensity ScaleIntensityRange "
    "ScaleIntensityRangePercentiles ShiftIntensity Spacing SpatialPad StdShiftIntensity ThresholdIntensity "
    "ToTensor"
)
_INFERERS = "SimpleInferer SlidingWindowInferer SlidingWindowInfererAdapt"
_MODULES: Mapping[str, frozenset[str]] = {
    "monai.networks.nets": frozenset(_NETWORKS.split()),
    "monai.transforms": frozenset(
        ["Compose", *(name + end for name in _TRANSFORMS.split() for end in ("", "d", "D", "Dict"))]
    ),
    "monai.inferers": frozenset(_INFERERS.split()),
}
_SMALLEST_STEP_MM = 0.2
_MAX_SIZE = 1024
_SIZES = ("spatial_size", "roi_size", "spatial_border", "k", "k_divisible", "margin", "sw_batch_size")
_MAX_NUMBER = 10**9
_MAX_STEPS = 5000

_BINARY: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_UNARY: Mapping[type, Callable[[Any], Any]] = {
    ast.Not: operator.not_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


class CodeInConfigError(UsageError):
    """The configuration needs code to be run; ``where`` is its place, ``code`` the text."""

    def __init__(self, where: str, code: str) -> None:
        super().__init__(f"{where} is Python code: {code[:80]}")
        self.where, self.code = where, code


@dataclass
class PlainConfig:
    """``tree`` is what the file holds; ``given`` values stand for entries that would need code."""

    tree: Mapping[str, Any]
    given: Mapping[str, Any] = field(default_factory=dict)
    _steps: int = field(default=0, init=False)

    def value(self, place: str) -> Any:
        """The entry at ``place`` (``"inferer"``, ``"transforms#0"``), references resolved.

        Components stay dictionaries with ``_target_``. :class:`CodeInConfigError` where only code could
        say it, ``KeyError`` where there is none.
        """
        self._steps = 0
        return self._at(place, ())

    def build(self, place: str) -> Any:
        """The component at ``place``, built from MONAI's own classes."""
        return _built(self.value(place), place)

    def _at(self, place: str, path: tuple[str, ...]) -> Any:
        if place in self.given:
            return self.given[place]
        if place in path:
            raise UsageError(f"the bundle's {place} refers to itself")
        node: Any = self.tree
        for key in re.split(r"#|::", place):
            node = node[int(key)] if isinstance(node, list) else node[key]
        return self._plain(node, (*path, place))

    def _plain(self, node: Any, path: tuple[str, ...]) -> Any:
        self._steps += 1
        if self._steps > _MAX_STEPS:
            raise UsageError("the bundle's configuration is too large")
        if isinstance(node, dict):
            return {key: self._plain(value, path) for key, value in node.items()}
        if isinstance(node, list):
            return [self._plain(value, path) for value in node]
        if not isinstance(node, str):
            return node
        if node.startswith("%"):
            raise CodeInConfigError(path[-1], node)
        if node.startswith("$"):
            return self._formula(node[1:], path)
        whole = _REFERENCE.fullmatch(node)
        return self._at(whole[1], path) if whole else node

    def _formula(self, text: str, path: tuple[str, ...]) -> Any:
        names: dict[str, str] = {}

        def named(match: re.Match[str]) -> str:
            name = f"reference_{len(names)}"
            names[name] = match[1]
            return name

        try:
            tree = ast.parse(_REFERENCE.sub(named, text).strip(), mode="eval").body
            return self._evaluate(tree, names, path)
        except (SyntaxError, RecursionError, TypeError, ZeroDivisionError, _NotPlainError) as error:
            raise CodeInConfigError(path[-1], f"${text}") from error

    def _evaluate(self, node: ast.expr, names: Mapping[str, str], path: tuple[str, ...]) -> Any:  # noqa: PLR0911
        def inner(child: ast.expr) -> Any:
            return self._evaluate(child, names, path)

        match node:
            case ast.Constant(value=value) if isinstance(value, int | float | str | bool | None):
                return value
            case ast.Name(id=name) if name in names:
                return self._at(names[name], path)
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [inner(item) for item in items]
            case ast.IfExp(test=test, body=body, orelse=other):
                return inner(body) if inner(test) else inner(other)
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
                return _UNARY[type(op)](inner(operand))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return _small(_BINARY[type(op)](_scalar(inner(left)), _scalar(inner(right))))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _BINARY:
                return _BINARY[type(op)](inner(left), inner(right))
            case ast.BoolOp(op=ast.And(), values=values):
                return all(inner(value) for value in values)
            case ast.BoolOp(op=ast.Or(), values=values):
                return any(inner(value) for value in values)
        raise _NotPlainError


class _NotPlainError(Exception):
    """An expression beyond arithmetic."""


def _scalar(value: Any) -> Any:
    if not isinstance(value, int | float | str):
        raise _NotPlainError
    return value


def _small(value: Any) -> Any:
    """Numbers and texts that cannot fill memory."""
    if isinstance(value, str) and len(value) > 4096:
        raise _NotPlainError
    if isinstance(value, int | float) and abs(value) > _MAX_NUMBER:
        raise _NotPlainError
    return value


def _built(node: Any, place: str) -> Any:
    if isinstance(node, list):
        return [_built(item, f"{place}#{n}") for n, item in enumerate(node)]
    if not isinstance(node, dict):
        return node
    options = {
        key: _built(value, f"{place}#{key}")
        for key, value in node.items()
        if not (key.startswith("_") and key.endswith("_"))
    }
    if "_target_" not in node:
        return options
    _check_sizes(options, place)
    if node.get("_disabled_") in (True, "true", "True"):
        return None
    if node.get("_mode_", "default") != "default":
        raise CodeInConfigError(place, f"_mode_ {node['_mode_']}")
    return _class_of(str(node["_target_"]), place)(**options)


def _check_sizes(options: Mapping[str, Any], place: str) -> None:
    """Refuse lattices and windows that no memory holds."""
    steps = [step for step in _numbers(options.get("pixdim")) if step > 0]
    sizes = [size for key in _SIZES for size in _numbers(options.get(key))]
    if any(step < _SMALLEST_STEP_MM for step in steps) or any(size > _MAX_SIZE for size in sizes):
        raise ValueError(
            f"{place} asks for a spacing below {_SMALLEST_STEP_MM} mm or a size above {_MAX_SIZE}"
        )


def _numbers(value: Any) -> list[float]:
    values = value if isinstance(value, list) else [value]
    return [float(one) for one in values if isinstance(one, int | float) and not isinstance(one, bool)]


def _class_of(target: str, place: str) -> Any:
    """MONAI's class of that name, if it is one of those listed; anything else is other people's code."""
    from importlib import import_module

    module_name, _, name = target.rpartition(".")
    for allowed, names in _MODULES.items():
        own = module_name in ("", "monai", allowed) or module_name.startswith(f"{allowed}.")
        if own and name in names:
            return getattr(import_module(allowed), name)
    raise CodeInConfigError(place, f"_target_ {target}")
