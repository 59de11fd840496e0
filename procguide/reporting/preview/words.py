"""What the preview says beside its pictures: anchor, doubts, what was seen, what was modelled, colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from procguide import __version__
from procguide.anatomy import VERSE_NAMES, Anchor, Region
from procguide.findings import Finding, Severity
from procguide.planning.labels import LabelsDescription, Modelled
from procguide.reporting.palette import PART_COLOURS, REGION_COLOURS, ROOT, VERTEBRA_TINTS, rgb
from procguide.reporting.preview.names import DOUBTFUL, LEAST_CONFIDENCE, UNANCHORED
from procguide.reporting.sheet import Box, Sheet, wrapped
from procguide.reporting.words import plain
from procguide.segmentation.segment import Segmentation

__all__ = ["WARNING", "anchor_words", "modelled_words", "seen_words", "write_head", "write_words"]

Colour = tuple[float, float, float]

WARNING = "Research and training only, not for clinical use"
_INK: Colour = (0.93, 0.95, 0.97)
_SOFT: Colour = (0.66, 0.71, 0.77)
_SALMON = rgb("#FFB5A0")
_GREEN = rgb("#7FE0B0")
_ANCHOR_WORDS = {
    Anchor.USER: "what the user said",
    Anchor.LAST_RIB: "last rib",
    Anchor.C2: "C2",
    Anchor.MODEL: "the model's own names",
}
_LINE = 1.32


@dataclass(frozen=True)
class Paragraph:
    """A heading and its words; ``colour`` is that of the words."""

    heading: str
    words: str
    colour: Colour = _INK


def anchor_words(found: Segmentation) -> tuple[str, Colour]:
    """What the level names hang on, and in which colour to say it."""
    if found.anchor is Anchor.NONE:
        named = any(label in VERSE_NAMES for label in found.levels.present())
        beside = ": every name is a guess" if named else ": vertebrae have no names"
        return f"Levels NOT anchored{beside}", UNANCHORED
    how = _ANCHOR_WORDS.get(found.anchor, found.anchor.value)
    sure = list(found.confidence.values())
    if not sure:
        return f"Levels anchored on: {how}; no vertebra is named", DOUBTFUL
    doubtful = [level for level, confidence in found.confidence.items() if confidence < LEAST_CONFIDENCE]
    between = f"{min(sure):.2f}" if max(sure) - min(sure) < 0.005 else f"{min(sure):.2f} to {max(sure):.2f}"
    said = f"Levels anchored on: {how}; confidence {between}"
    return (f"{said}; doubtful: {', '.join(doubtful)}", DOUBTFUL) if doubtful else (said, _GREEN)


def seen_words(description: LabelsDescription) -> str:
    """Every structure in the labels, by the network that saw it."""
    by: dict[str, list[str]] = {}
    for one in description.seen:
        by.setdefault(" and ".join(f"{name} {version}" for name, version in one.by.items()), []).append(
            one.name
        )
    return "; ".join(f"{', '.join(names)} (by {networks})" for networks, names in by.items()) or "nothing"


def modelled_words(description: LabelsDescription) -> str:
    """Every kind of structure that was modelled, with its levels and its spread."""
    kinds: dict[str, list[Modelled]] = {}
    for one in description.modelled:
        kinds.setdefault(one.kind, []).append(one)
    parts = []
    for kind, ones in kinds.items():
        levels = list(dict.fromkeys(one.level for one in ones if one.level))
        where = (
            f" {levels[0]} to {levels[-1]}" if len(levels) > 1 else "".join(f" {level}" for level in levels)
        )
        low, high = (f"{choice(one.spread_mm for one in ones):g}" for choice in (min, max))
        spread_mm = low if low == high else f"{low} to {high}"
        parts.append(f"{kind}{where} (likely course, spread {spread_mm} mm SD)")
    return "; ".join(parts) or "nothing"


def write_head(sheet: Sheet, box: Box, title: str, found: Segmentation) -> None:
    """Title and warning, and under them the anchor."""
    warning = sheet.write(WARNING, box.right - 14, 14, size=24, colour=_SALMON, anchor="ra", bold=True)
    left = Box(box.left + 14, box.top, warning.left - 20, box.bottom)
    sheet.write(title, left.left, 12, size=28, colour=_INK, bold=True, within=left)
    words, colour = anchor_words(found)
    size = 26 if found.anchor is Anchor.NONE else 22
    wide = Box(box.left + 14, box.top, box.right - 14, box.bottom)
    sheet.write(words, box.left + 14, 54, size=size, colour=colour, bold=True, within=wide)


def write_words(
    sheet: Sheet,
    box: Box,
    description: LabelsDescription,
    findings: Sequence[Finding],
    models: str,
) -> None:
    """Legend, what was seen, what was modelled, cautions and versions, as large as the box allows."""
    rows = _legend(description)
    paragraphs = _paragraphs(description, findings, models)
    inner = box.inset(6)
    for size in (17.0, 16.0, 15.0, 14.0, 13.0, 12.0, 11.0, 10.0):
        if _height(rows, paragraphs, size, inner.width) <= inner.height or size == 10.0:
            break
    y = _write_legend(sheet, inner, rows, size)
    for paragraph in paragraphs:
        y = _write_paragraph(sheet, inner, y + 0.45 * size, paragraph, size)


def _paragraphs(description: LabelsDescription, findings: Sequence[Finding], models: str) -> list[Paragraph]:
    said = [
        Paragraph("Seen in the image", seen_words(description)),
        Paragraph("Modelled from bone, not seen", modelled_words(description)),
    ]
    grave = [finding for finding in findings if finding.severity is not Severity.OK]
    said += [
        Paragraph(plain(str(finding.severity)), finding.words, _colour_of(finding)) for finding in grave[:4]
    ]
    more = f" {len(grave) - 4} more findings are in run.json." if len(grave) > 4 else ""
    said.append(Paragraph("Made by", f"procguide {__version__}; {models}.{more}", _SOFT))
    return said


def _colour_of(finding: Finding) -> Colour:
    return UNANCHORED if finding.severity is Severity.STOP else DOUBTFUL


def _legend(description: LabelsDescription) -> list[tuple[str, tuple[Colour, ...]]]:
    """Words and their colours: neighbours' two tints, parts of the arch, the rest."""
    present = {one.name for one in description.seen}
    rows: list[tuple[str, tuple[Colour, ...]]] = []
    if Region.BODY.label in present:
        rows.append(("vertebrae in turn", tuple(rgb(tint) for tint in VERTEBRA_TINTS)))
    rows += [(one.label, (rgb(colour),)) for one, colour in PART_COLOURS.items() if one.label in present]
    rows += [(one.label, (rgb(colour),)) for one, colour in REGION_COLOURS.items() if one.label in present]
    if description.courses:
        rows.append(("nerve root (modelled)", (rgb(ROOT), (0.42, 0.40, 0.12))))
    return rows


def _height(
    rows: Sequence[tuple[str, tuple[Colour, ...]]], paragraphs: Sequence[Paragraph], size: float, width: float
) -> float:
    lines = (len(rows) + 1) // 2
    for paragraph in paragraphs:
        lines += 1 + len(wrapped(paragraph.words, size, width))
    return _LINE * size * lines + 0.45 * size * len(paragraphs) + 10


def _write_legend(
    sheet: Sheet, box: Box, rows: Sequence[tuple[str, tuple[Colour, ...]]], size: float
) -> float:
    """Two columns of colour and name; returns the height below them."""
    half = (len(rows) + 1) // 2
    for n, (words, colours) in enumerate(rows):
        left = box.left + (n // max(half, 1)) * box.width / 2
        top = box.top + (n % max(half, 1)) * _LINE * size
        patch = Box(left, top + 0.15 * size, left + 1.5 * size, top + 1.05 * size)
        step = patch.width / len(colours)
        for m, colour in enumerate(colours):
            sheet.patch(
                Box(patch.left + m * step, patch.top, patch.left + (m + 1) * step, patch.bottom), colour
            )
        within = Box(patch.right + 6, box.top, left + box.width / 2, box.bottom)
        sheet.write(words, patch.right + 6, top, size=size, colour=_INK, rim=None, within=within)
    return box.top + half * _LINE * size


def _write_paragraph(sheet: Sheet, box: Box, y: float, paragraph: Paragraph, size: float) -> float:
    sheet.write(paragraph.heading, box.left, y, size=size, colour=_SOFT, rim=None, bold=True, within=box)
    for line in wrapped(paragraph.words, size, box.width):
        y += _LINE * size
        sheet.write(line, box.left, y, size=size, colour=paragraph.colour, rim=None, within=box)
    return y + _LINE * size
