"""The table of inputs tried, in docs/dicom.md, from the tests' own cases.

``python -m benchmarks.dicom_inputs`` reads every case again, writes what came of it on record
(tests/dicom/input_cases.json) and puts the table between the page's two marks. Look at the difference
before it is committed: the tests hold the reader to what is on record.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.dicom.input_cases import (
    EXPECTED,
    REPOSITORY,
    SHARED,
    InputCase,
    Outcome,
    made_cases,
    outcome_of,
    pixels_of,
    pydicom_cases,
    sample_cases,
)

PAGE = REPOSITORY / "docs" / "dicom.md"
BEGIN, END = "<!-- inputs: begin -->", "<!-- inputs: end -->"
TITLES = {
    "made": "Made for it, an oddity each",
    "sample_dicom": "This repository's series",
    "shared": "Real images outside the project",
    "pydicom": "pydicom's test files",
}


def outcomes(stored: dict[str, str]) -> dict[str, Outcome]:
    """What came of each case; how its pixels are stored is put into ``stored``."""
    cases: list[InputCase] = [*made_cases(), *sample_cases(), *pydicom_cases()]
    rows = {}
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            place = case.place(Path(folder))
            rows[f"{case.source}:{case.name}"] = outcome_of(place)
            stored[f"{case.source}:{case.name}"] = pixels_of(place)
    for name in SHARED:
        file = REPOSITORY.parent / "shared" / "data" / name
        if file.exists():
            rows[f"shared:{name}"] = outcome_of(file)
            stored[f"shared:{name}"] = pixels_of(file)
    return rows


def table(rows: dict[str, Outcome], stored: dict[str, str]) -> str:
    lines = []
    for source, title in TITLES.items():
        own = {name.split(":", 1)[1]: row for name, row in rows.items() if name.startswith(f"{source}:")}
        lines += [
            f"\n### {title}: {len(own)}\n",
            "| input | modality | transfer syntax | pixels | what came of it |",
        ]
        lines += ["|---|---|---|---|---|"]
        lines += [
            f"| `{name}` | {row.modality or '-'} | {row.syntax or '-'} "
            f"| {stored[f'{source}:{name}'] or '-'} | {row.words} |"
            for name, row in own.items()
        ]
    return "\n".join(lines)


def main() -> None:
    stored: dict[str, str] = {}
    rows = outcomes(stored)
    EXPECTED.write_text(
        json.dumps({name: asdict(row) for name, row in rows.items()}, indent=1, ensure_ascii=False) + "\n"
    )
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table(rows, stored)}\n\n{END}{after}")


if __name__ == "__main__":
    main()
