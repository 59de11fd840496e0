"""The drawn population beside published morphometry and prevalences.

    python benchmarks/population.py [--subjects 1500]

Writes ``benchmarks/results/population.json`` and the tables in ``docs/population.md``. Parameters alone:
nothing is built. A mean three quarters of an SD off is marked, not left out.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from procguide.phantom import PhantomParameters, sample_parameters
from procguide.phantom.population.findings import FINDINGS
from procguide.phantom.population.prevalence import SCOLIOSIS, VARIANTS
from procguide.phantom.population.published import PUBLISHED, measured

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "population.json"
DOCS = ROOT / "docs" / "population.md"
SEED_OFFSET = 40_000
FAR = 0.75
"""Means further apart than this many SDs (the paper's, or ours where it gives none) are marked."""
AGES = ((20, 40), (40, 50), (50, 60), (60, 70), (70, 93))


def sizes(subjects: list[PhantomParameters]) -> list[dict[str, Any]]:
    """Every published mean beside ours."""
    rows = []
    for figure in PUBLISHED:
        mean, spread, number = measured(figure, subjects)
        apart = (mean - figure.mean) / (figure.sd or spread)
        rows.append(
            {
                "measure": figure.measure, "level": figure.level, "published_mean": figure.mean,
                "published_sd": figure.sd, "mean": round(mean, 2), "sd": round(spread, 2), "subjects": number,
                "apart_sd": round(apart, 2), "far": abs(apart) > FAR,
                "source": figure.source, "read": figure.read,
            }
        )  # fmt: skip
    return rows


def prevalences(subjects: list[PhantomParameters]) -> list[dict[str, Any]]:
    """Shares of subjects with a finding by age, ours and published."""
    rows: list[dict[str, Any]] = []
    for name, finding in FINDINGS.items():
        shares = [finding.shares(s for s in subjects if low <= s.age < high) for low, high in AGES]
        rows.append(_row(name, [(ours, theirs) for ours, theirs, _ in shares], finding.published.source))
    curved = []
    for low, high in AGES:
        group = [s for s in subjects if low <= s.age < high]
        ours = np.mean([np.ptp(list(s.tilts_deg.values())) >= 11 for s in group])
        curved.append((float(ours), float(np.mean([SCOLIOSIS.share(s.age) for s in group]))))
    rows.append(_row("scoliosis", curved, SCOLIOSIS.source))
    return rows


def _row(name: str, shares: list[tuple[float, float]], source: str) -> dict[str, Any]:
    return {
        "finding": name,
        "ages": [list(ages) for ages in AGES],
        "ours": [round(ours, 3) for ours, _ in shares],
        "published": [round(theirs, 3) for _, theirs in shares],
        "source": source,
    }


def levels(subjects: list[PhantomParameters]) -> list[dict[str, Any]]:
    """How often each level has a finding."""
    names = ("T10", "T12", "L1", "L2", "L3", "L4", "L5")
    usual = [s for s in subjects if len(s.levels) == 10]
    return [
        {"finding": name} | {at: round(float(np.mean([f.at(s, at) for s in usual])), 3) for at in names}
        for name, f in FINDINGS.items()
    ]


def variants(subjects: list[PhantomParameters]) -> dict[str, list[float]]:
    """Published and own shares of numeric and transitional variants."""
    ours = {
        "L6": np.mean([s.levels[-1] == "L6" for s in subjects]),
        "no L5": np.mean([s.levels[-1] == "L4" for s in subjects]),
        "sacralised": np.mean([s.levels[-1] == "L5" and s.sacralised > 0 for s in subjects]),
        "T13": np.mean(["T13" in s.levels for s in subjects]),
    }
    return {name: [expected, round(float(ours[name]), 3)] for name, expected in VARIANTS.items()}


def written(text: str, name: str, lines: list[str]) -> str:
    """The document with what stands between a table's marks replaced."""
    begin, end = f"<!-- {name} -->", f"<!-- end {name} -->"
    head, rest = text.split(begin, 1)
    return head + begin + "\n" + "\n".join(lines) + "\n" + end + rest.split(end, 1)[1]


def size_table(rows: list[dict[str, Any]]) -> list[str]:
    """Markdown of :func:`sizes`."""
    lines = ["| measure | level | published | ours | apart | source |", "|---|---|---|---|---|---|"]
    for row in rows:
        theirs = f"{row['published_mean']:g}" + (f" ± {row['published_sd']:g}" if row["published_sd"] else "")
        mark = f"**{row['apart_sd']:+.1f} SD**" if row["far"] else f"{row['apart_sd']:+.1f} SD"
        lines.append(
            f"| {row['measure']} | {row['level']} | {theirs} | {row['mean']:.1f} ± {row['sd']:.1f} | {mark} "
            f"| {row['source']} |"
        )
    return lines


def prevalence_table(rows: list[dict[str, Any]]) -> list[str]:
    """Markdown of :func:`prevalences`: ours / published, per cent."""
    heads = [f"{low}-{high - 1}" for low, high in AGES]
    lines = [f"| finding | {' | '.join(heads)} | source |", "|---" * (len(heads) + 2) + "|"]
    for row in rows:
        cells = [f"{100 * a:.0f} / {100 * b:.0f}" for a, b in zip(row["ours"], row["published"], strict=True)]
        lines.append(f"| {row['finding']} | {' | '.join(cells)} | {row['source']} |")
    return lines


def level_table(rows: list[dict[str, Any]]) -> list[str]:
    """Markdown of :func:`levels`, per cent."""
    names = [name for name in rows[0] if name != "finding"]
    lines = [f"| finding | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    return lines + [
        f"| {row['finding']} | {' | '.join(f'{100 * row[name]:.0f}' for name in names)} |" for row in rows
    ]


def main() -> None:
    """Draw, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=1500)
    count = parser.parse_args().subjects
    subjects = [sample_parameters(seed) for seed in range(SEED_OFFSET, SEED_OFFSET + count)]
    result = {
        "subjects": count,
        "sizes": sizes(subjects),
        "prevalences": prevalences(subjects),
        "levels": levels(subjects),
        "variants": variants(subjects),
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    text = DOCS.read_text()
    text = written(text, "sizes", size_table(result["sizes"]))
    text = written(text, "prevalences", prevalence_table(result["prevalences"]))
    text = written(text, "levels", level_table(result["levels"]))
    shares = [f"| {n} | {100 * a:.1f} | {100 * b:.1f} |" for n, (a, b) in result["variants"].items()]
    text = written(text, "variants", ["| variant | published, % | ours, % |", "|---|---|---|", *shares])
    DOCS.write_text(text)
    off = [row for row in result["sizes"] if row["far"]]
    print(f"{len(result['sizes']) - len(off)} of {len(result['sizes'])} means within {FAR} SD")
    for row in off:
        told = f"{row['mean']} against {row['published_mean']} ({row['source']})"
        print(f"  {row['measure']} {row['level']}: {told}")


if __name__ == "__main__":
    main()
