"""The catalogue as a page to read: every number with its mark and source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from procguide.planning.catalogue.numbers import AngleLimit, Mark, Marked, Number, Span, walk
from procguide.planning.catalogue.schema import Approach, Measurement, Procedure, StructureRule

__all__ = ["catalogue_to_markdown", "procedure_to_markdown"]

_INTRODUCTION = """\
# Procedures

<!-- Written by `procguide procedures --markdown` from procguide/planning/procedures/*.yaml. Do not edit. -->

What can be planned, and every number that plans are held to. **A clinician must review these numbers before
they are used on a person: published safety margins for needles hardly exist, and every margin below is a
proposal.** Numbers are marked: *published* with their source, *textbook* (common knowledge, not looked up),
or *assumed* (set here).

Angles are those of a C-arm that looks down the needle: oblique toward the needle's own side, tilt cranial;
negative the other way. From the table, 0 and 0 is straight down; from the level, it is the true AP view with
the level's endplate squared. Distances are from the needle's surface. `docs/catalogue.md` says how an entry
is written, and how to add or change one without touching this software.
"""


def catalogue_to_markdown(entries: Mapping[str, Procedure]) -> str:
    """The whole page: an overview, then each entry."""
    ordered = sorted(entries.values(), key=lambda entry: entry.title)
    overview = _table(
        ("procedure", "levels", "side", "needle", "numbers: published, textbook, assumed"),
        (
            (
                f"[{entry.title}](#{entry.id})",
                ", ".join(entry.level.allowed),
                entry.side,
                _needle(entry),
                ", ".join(str(count) for count in _counts(entry)),
            )
            for entry in ordered
        ),
    )
    return "\n".join([_INTRODUCTION, *overview, *(procedure_to_markdown(entry) for entry in ordered)])


def procedure_to_markdown(entry: Procedure) -> str:
    """One entry, as a section."""
    return "\n".join(
        [
            f'\n<a id="{entry.id}"></a>\n\n## {entry.title}\n',
            f"`{entry.id}` · {entry.position} · {entry.guidance} · side {entry.side}\n",
            *_bullets(_facts(entry)),
            "\n**Numbers of the target**\n",
            *_table(
                ("number", "value", "from"),
                ((f"`{name}`", _value(one), _from(entry, one)) for name, one in entry.target.numbers.items()),
            ),
            f"\n**Approach**, {_reference(entry)}\n",
            *_table(("where", "angle or distance", "allowed", "best", "from"), _approaches(entry)),
            "\n**Keeps away from**\n",
            *_table(("structure", "at least", "rule", "from"), _structures(entry)),
            "\n**Views**, in this order\n",
            *_views(entry),
            *_afterwards(entry),
        ]
    )


def _facts(entry: Procedure) -> Iterator[tuple[str, str]]:
    yield "Levels", f"{', '.join(entry.level.allowed)}: {entry.level.words}"
    yield "Target", entry.target.words
    yield "Needle", f"{_needle(entry)}, {' / '.join(f'{length:g}' for length in entry.needle.lengths_mm)} mm"
    if entry.needle.active_tip_mm is not None:
        tip = entry.needle.active_tip_mm
        yield "Active tip", f"{_value(tip)} mm ({_from(entry, tip)})"
    unsure = entry.uncertainty
    yield "Tip taken to err by (sd)", f"{_value(unsure.tip_sd_mm)} mm ({_from(entry, unsure.tip_sd_mm)})"
    yield "Direction (sd)", f"{_value(unsure.angle_sd_deg)} degrees ({_from(entry, unsure.angle_sd_deg)})"
    registration = unsure.registration_sd_mm
    yield "Image against patient (sd)", f"{_value(registration)} mm ({_from(entry, registration)})"
    weights = ", ".join(f"{name} {weight:g}" for name, weight in entry.objectives.items())
    yield "Ranked by (assumed weights)", weights
    for name, volume in entry.volumes_ml.items():
        words = f"at most {_value(volume)} mL a needle ({_from(entry, volume)})"
        yield name.replace("_", " ").capitalize(), words


def _afterwards(entry: Procedure) -> Iterator[str]:
    if entry.contrast is not None:
        yield f"\n**Contrast** right: {entry.contrast.right}. Wrong: {entry.contrast.wrong}."
    if not entry.both_sides:
        yield "\n**Never on both sides in one sitting.**"
    if entry.checks:
        yield f"\n**Checks**: {'; '.join(entry.checks)}."
    for caution in entry.cautions:
        source = f" ({entry.sources[caution.source]})" if caution.source else ""
        yield f"\n**Caution** at {', '.join(caution.levels)}: {caution.words}{source}."
    if entry.measured:
        yield "\n**Measured by others**\n"
        yield from _table(
            ("what", "where", "figure", "from"),
            ((_quantity(one), _where(one), _figure(one), _from(entry, one)) for one in entry.measured),
        )


def _views(entry: Procedure) -> Iterator[str]:
    for n, view in enumerate(entry.views, start=1):
        name = view.name.replace("_", " ")
        angles = [
            f"{words} {_value(number)} degrees ({_from(entry, number)})"
            for words, number in (("oblique", view.oblique_deg), ("tilt", view.tilt_deg))
            if number is not None
        ]
        where = [f"at {', '.join(view.levels)}"] if view.levels else []
        yield f"{n}. {', '.join([name, *where, *angles])}: {view.look_for}"


def _approaches(entry: Procedure) -> Iterator[tuple[str, ...]]:
    yield from _approach(entry, "", entry.entry)
    if (most := entry.entry.steepest_deg) is not None:
        yield "", "tilt from straight down, degrees", f"{_value(most)} at most", "", _from(entry, most)
    if entry.entry.with_side is not None:
        yield from _approach(entry, "with a side", entry.entry.with_side)
    for level, approach in entry.entry.by_level.items():
        yield from _approach(entry, level, approach)


def _approach(entry: Procedure, where: str, approach: Approach) -> Iterator[tuple[str, ...]]:
    limits: tuple[tuple[str, AngleLimit | Span | None], ...] = (
        ("oblique, degrees", approach.oblique_deg),
        ("tilt, degrees", approach.tilt_deg),
        ("from the midline, mm", approach.lateral_mm),
    )
    for name, limit in limits:
        if limit is not None:
            allowed = f"{limit.low:g} to {limit.high:g}"
            yield where, name, allowed, f"{limit.preferred:g}", _from(entry, limit)


def _structures(entry: Procedure) -> Iterator[tuple[str, ...]]:
    for rule in entry.structures:
        margin = f"{_value(rule.margin_mm)} mm"
        yield rule.name.replace("_", " "), margin, _rule(rule), _from(entry, rule.margin_mm)


def _rule(rule: StructureRule) -> str:
    words = []
    if (least := rule.least_margin_mm) is not None:
        words.append(f"{_value(least)} mm where no needle keeps that and it is modelled; the plan says so")
    if rule.contact_mm is not None:
        words.append(f"the last {_value(rule.contact_mm)} mm may touch it")
    if rule.harmless:
        words.append("touching it is no injury")
    if rule.needed:
        words.append("no plan without it")
    if rule.behind:
        words.append("the needle passes behind it")
    if not rule.kept_beyond:
        words.append("plans keep the margin and no more")
    if rule.whole_spread:
        words.append("where they can, plans keep off it by all that a coarse label may be short of")
    if rule.levels:
        words.append(f"only at {', '.join(rule.levels)}")
    return "; ".join(words)


def _needle(entry: Procedure) -> str:
    through = f" through {entry.needle.introducer_gauge}G" if entry.needle.introducer_gauge else ""
    return f"{entry.needle.gauge}G{through} {entry.needle.kind}".strip()


def _reference(entry: Procedure) -> str:
    axes = "from the table" if entry.entry.reference == "table" else "from the true AP view of the level"
    return axes if entry.entry.surface == "back" else f"{axes}, from the front"


def _value(number: Number) -> str:
    levels = [f"{level} {value:g}" for level, value in number.by_level.items()]
    return f"{number.value:g}" + (f" ({', '.join(levels)})" if levels else "")


def _from(entry: Procedure, one: Marked) -> str:
    words = f"{one.mark}: {entry.sources[one.source]}" if one.source else str(one.mark)
    return f"{words}. {one.note}" if one.note else words


def _quantity(one: Measurement) -> str:
    name, unit = one.quantity.rsplit("_", 1)
    return f"{name}, {'degrees' if unit == 'deg' else unit}"


def _where(one: Measurement) -> str:
    return " ".join(filter(None, (", ".join(one.levels), one.side)))


def _figure(one: Measurement) -> str:
    words = []
    if one.mean is not None:
        words.append(f"{one.mean:g}" + (f" +- {one.sd:g}" if one.sd is not None else ""))
    if one.low is not None and one.high is not None:
        words.append(f"{one.low:g} to {one.high:g}")
    return ", ".join(words)


def _counts(entry: Procedure) -> tuple[int, ...]:
    marks = [one.mark for _, one in walk(entry) if isinstance(one, Marked)]
    return tuple(marks.count(mark) for mark in Mark)


def _bullets(facts: Iterable[tuple[str, str]]) -> Iterator[str]:
    return (f"- {name}: {words}" for name, words in facts)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        cells = (cell.replace("|", "\\|").replace("\n", " ") for cell in row)
        yield f"| {' | '.join(cells)} |"
