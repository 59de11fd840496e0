"""Planned against published: depth, distance from the midline and angles of the needle of rank 1.

    python benchmarks/planner_published.py [--real]

Every figure that the catalogue marks as measured in people is held against the plans of the phantoms in
benchmarks/results/planner_population.json (run planner_population.py first) and, with ``--real``, against new
plans on the real CTs in PROCGUIDE_REAL_DATA (default ../shared/data). Writes
benchmarks/results/planner_published.json and both tables in docs/planning.md.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from real_cases import CASES, read_case

from procguide.anatomy import Side
from procguide.errors import ProcguideError
from procguide.planning import Procedure, Request, Subject, load_catalogue, plan
from procguide.planning.bearings import find_bearings
from procguide.planning.catalogue import Measurement
from procguide.planning.site import find_site

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
DOCUMENT = ROOT / "docs" / "planning.md"
PUBLISHED = ("<!-- published: begin -->", "<!-- published: end -->")
POPULATION = ("<!-- population: begin -->", "<!-- population: end -->")
WORDS = {
    "depth_mm": "skin to tip, mm",
    "lateral_mm": "entry from the midline, mm",
    "oblique_deg": "oblique, degrees",
    "tilt_deg": "tilt (cranial +), degrees",
}
Rows = Sequence[Mapping[str, Any]]


def real_subjects() -> Iterator[tuple[str, Subject]]:
    """Each real CT, segmented by our networks."""
    return ((name, read_case(name)[0]) for name in CASES)


def real_rows(subjects: Iterable[tuple[str, Subject]]) -> Iterator[dict[str, Any]]:
    """The needle of rank 1 at every level of every procedure with published figures, both sides."""
    for name, subject in subjects:
        for procedure in load_catalogue().values():
            levels = sorted({level for one in procedure.measured for level in one.levels})
            if any(not one.levels for one in procedure.measured):
                levels = list(procedure.level.allowed)
            for level in levels:
                for side in (None,) if procedure.side == "none" else tuple(Side):
                    row = {
                        "case": name,
                        "procedure": procedure.id,
                        "level": level,
                        "side": side.value if side else None,
                    }
                    yield row | _real_plan(procedure, level, side, subject)


def _real_plan(procedure: Procedure, level: str, side: Side | None, subject: Subject) -> dict[str, Any]:
    try:
        request = Request(procedure, level, side)
        result = plan(request, subject)
        bearings = find_bearings(find_site(request, subject.spine))
    except ProcguideError as error:
        return {"error": str(error)}
    if not result.plans:
        return {"reason": result.reason}
    needle = result.plans[0].trajectory
    oblique, tilt = bearings.angles(np.array([needle.direction]))
    return {
        "depth_mm": round(needle.length_mm, 1),
        "lateral_mm": round(float(bearings.lateral_mm(np.array([needle.entry]))[0]), 1),
        "oblique_deg": round(float(oblique[0]), 1),
        "tilt_deg": round(float(tilt[0]), 1),
    }


def compare(phantoms: Rows, real: Rows) -> list[dict[str, Any]]:
    """A row a published figure."""
    found = []
    for procedure in load_catalogue().values():
        for measured in procedure.measured:
            row: dict[str, Any] = {
                "procedure": procedure.id,
                "quantity": measured.quantity,
                "levels": list(measured.levels),
                "side": measured.side,
                "published": published_words(measured),
                "source": procedure.source_words(measured),
            }
            values = list(_values(phantoms, procedure.id, measured))
            if values:
                row["phantoms"] = {
                    "n": len(values),
                    "median": round(float(np.median(values)), 1),
                    "p10": round(float(np.quantile(values, 0.1)), 1),
                    "p90": round(float(np.quantile(values, 0.9)), 1),
                }
            by_case: dict[str, list[float]] = defaultdict(list)
            for case in CASES:
                own = [one for one in real if one["case"] == case]
                by_case[case] += _values(own, procedure.id, measured)
            row["real"] = {case: values for case, values in by_case.items() if values}
            found.append(row)
    return found


def _values(rows: Rows, procedure: str, measured: Measurement) -> Iterator[float]:
    for row in rows:
        fits = row["procedure"] == procedure and (not measured.levels or row["level"] in measured.levels)
        if fits and measured.side in (None, row["side"]) and measured.quantity in row:
            yield float(row[measured.quantity])


def published_words(measured: Measurement) -> str:
    if measured.mean is not None:
        return f"{measured.mean:g}" + (f" +- {measured.sd:g}" if measured.sd is not None else "")
    return f"{measured.low:g} to {measured.high:g}"


def table(rows: Rows) -> str:
    """In Markdown."""
    lines = [
        "| procedure | where | quantity | published | phantoms: median (10-90 %, n) | real CTs |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        where = " ".join(filter(None, (", ".join(row["levels"]) or "all levels", row["side"])))
        own = row.get("phantoms")
        phantoms = f"{own['median']} ({own['p10']} to {own['p90']}, {own['n']})" if own else "-"
        cases = (f"{case} {', '.join(f'{v:g}' for v in values)}" for case, values in row["real"].items())
        cells = (
            row["procedure"],
            where,
            WORDS[row["quantity"]],
            row["published"],
            phantoms,
            "; ".join(cases),
        )
        lines.append(f"| {' | '.join(cell or '-' for cell in cells)} |")
    return "\n".join(lines)


def population_table(summaries: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """In Markdown, from the summaries by kind of labels."""
    lines = [
        "| procedure | labels | asked | truth has one | of these planned | in the zone | off it, mm | met |",
        "|---|---|---|---|---|---|---|---|",
    ]
    names = sorted({name for summary in summaries.values() for name in summary})
    for name in names:
        for labels, summary in summaries.items():
            if (own := summary.get(name)) is None:
                continue
            off = own["off_zone_mm"]
            met = {key: count for key, count in own["met"].items() if key not in own["allowed"]}
            cells = (
                name,
                labels,
                own["asked"],
                own["truth_has_one"],
                _percent(own["planned_where_truth_has_one"]),
                _percent(own["in_zone"]),
                f"{off[0]:g}, {off[1]:g}" if off else "-",
                ", ".join(f"{key.replace('_', ' ')} {count}" for key, count in met.items()) or "nothing",
            )
            lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join(lines)


def summaries() -> dict[str, dict[str, dict[str, Any]]]:
    """Of the population, by kind of labels."""
    files = {"true": "planner_population.json", "network": "planner_population_network.json"}
    there = {labels: RESULTS / name for labels, name in files.items() if (RESULTS / name).exists()}
    return {labels: json.loads(path.read_text())["summary"] for labels, path in there.items()}


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def write_document(marks: tuple[str, str], text: str) -> None:
    """Between the marks in docs/planning.md."""
    document = DOCUMENT.read_text()
    before, rest = document.split(marks[0])
    after = rest.split(marks[1])[1]
    DOCUMENT.write_text(f"{before}{marks[0]}\n{text}\n{marks[1]}{after}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--real", action="store_true", help="plan on the real CTs anew")
    arguments = parser.parse_args()
    path = RESULTS / "planner_published.json"
    population = RESULTS / "planner_population.json"
    phantoms = json.loads(population.read_text())["plans"] if population.exists() else []
    real = json.loads(path.read_text())["real"] if path.exists() else []
    if arguments.real:
        real = list(real_rows(real_subjects()))
    rows = compare([row for row in phantoms if row["planned"]], real)
    path.write_text(json.dumps({"figures": rows, "real": real}, indent=1) + "\n")
    write_document(PUBLISHED, table(rows))
    write_document(POPULATION, population_table(summaries()))
    print(table(rows))


if __name__ == "__main__":
    main()
