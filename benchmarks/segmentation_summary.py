"""The issue's targets from the cases' figures, and the printed table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table
from segmentation_cases import HELD_OUT

PARTS = (
    "pedicle and lamina",
    "spinous process",
    "transverse process",
    "superior articular process",
    "inferior articular process",
)
ORGANS = ("lung", "kidney", "aorta", "vena cava", "liver")
BODY_CASES = ("VB1_02", "VB1_15", "VB2_04", "VB3_01", "VB3_20")
DISC_CASES = ("IVD_11", "IVD_20")
CORD_CASES = ("T1", "T2")
AT_LEAST, AT_MOST = "at least", "at most"


def targets(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Each figure that was asked for: what it is, at least, to reach for, and what was measured."""
    cases = document["cases"]
    bodies = [(f"mri_lumbar {name}", "body") for name in BODY_CASES]
    discs = [(f"mri_lumbar {name}", "disc") for name in DISC_CASES]
    cords = [(f"mri_cervical {name}", "spinal cord") for name in CORD_CASES]
    parts = [("ct_l3_crop", name) for name in PARTS]
    found, of = found_count(cases.values())
    right, named = right_count(cases.values())
    lumbar, crop_case = seen(cases, "ct_lumbar_3mm"), seen(cases, "ct_l3_crop")
    command, crop = document["whole_command"], document["spine_crop"]
    return [
        target(
            f"CT vertebrae together, Dice ({lumbar})",
            mean(cases, [("ct_lumbar_3mm", "vertebrae")]),
            0.85,
            0.9,
        ),
        target(f"CT body, Dice ({crop_case})", mean(cases, [("ct_l3_crop", "body")]), 0.88, 0.92),
        target(f"CT arch parts, lowest Dice ({crop_case})", min(values(cases, parts)), 0.65, 0.75),
        target(f"CT arch parts, mean Dice ({crop_case})", mean(cases, parts), 0.65, 0.75),
        target("MRI vertebral bodies, mean Dice (VB1, VB2, VB3)", mean(cases, bodies), 0.8, 0.88),
        target("MRI vertebral bodies, mean HD95, mm", mean(cases, bodies, "hd95_mm"), 5.0, 3.0, AT_MOST),
        target("MRI discs, mean Dice (IVD)", mean(cases, discs), 0.72, 0.82),
        target("cord, mean Dice (mri_cervical T1, T2)", mean(cases, cords), 0.8, 0.9),
        target(f"vertebrae found, all cases ({found} of {of})", share(found, of), 0.95, 0.99),
        target(
            f"levels right where an anchor is in view ({right} of {named} found)",
            share(right, named),
            0.95,
            1.0,
        ),
        target(
            "silent wrong levels where none is",
            float(sum(len(row["silent_names"]) for row in cases.values())),
            0.0,
            0.0,
            AT_MOST,
        ),
        target(
            "wrong levels in all cases (not asked for)", float(wrong_count(cases.values())), 0.0, 0.0, AT_MOST
        ),
        target("ct_abdomen_dicom, whole command, s", command.get("seconds"), 20.0, 10.0, AT_MOST),
        target("ct_abdomen_dicom, whole command, peak GB", gigabytes(command), 3.0, 2.0, AT_MOST),
        target("spine crop, network and blending, s", crop.get("seconds"), 3.0, 1.5, AT_MOST),
    ]


def _short(use: str) -> str:
    return use if use == HELD_OUT else " ".join(use.split()[:2])


def seen(cases: dict[str, Any], name: str) -> str:
    """A case, and that the networks were trained on it where they were."""
    return name if cases[name]["use"] == HELD_OUT else f"{name}: {_short(cases[name]['use'])}"


def target(
    what: str, value: float | None, least: float, reach: float, sense: str = AT_LEAST
) -> dict[str, Any]:
    sign = 1.0 if sense == AT_LEAST else -1.0
    met = value is not None and sign * value >= sign * least
    reached = value is not None and sign * value >= sign * reach
    return {
        "what": what,
        "measured": None if value is None else round(value, 4),
        sense: least,
        "reach_for": reach,
        "verdict": "reached" if reached else "met" if met else "missed",
    }


def values(cases: dict[str, Any], pairs: Iterable[tuple[str, str]]) -> list[float]:
    return [cases[case]["structures"].get(name, {}).get("dice", 0.0) for case, name in pairs]


def mean(cases: dict[str, Any], pairs: list[tuple[str, str]], figure: str = "dice") -> float | None:
    """Mean over cases; a distance that does not exist in one of them is none at all."""
    if figure == "dice":
        return sum(values(cases, pairs)) / len(pairs)
    numbers = [cases[case]["structures"].get(name, {}).get(figure) for case, name in pairs]
    return None if None in numbers else sum(numbers) / len(numbers)


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def gigabytes(run: dict[str, Any]) -> float | None:
    return run["peak_memory_mb"] / 1000.0 if "peak_memory_mb" in run else None


def found_count(rows: Iterable[dict[str, Any]], *, whole: bool = False) -> tuple[int, int]:
    """Reference vertebrae found, and how many there are; ``whole``: without those the border cuts."""
    seen = [one for row in rows for one in row["sightings"].values() if not (whole and one["cut"])]
    return sum(one["found"] for one in seen), len(seen)


def right_count(rows: Iterable[dict[str, Any]]) -> tuple[int, int]:
    """Found vertebrae that bear their true name, of all found, where an anchor is in view."""
    seen = [
        one
        for row in rows
        if row["anchor_in_view"]
        for one in row["sightings"].values()
        if one["found"] and one["level"]
    ]
    return sum(one["called"] == one["level"] for one in seen), len(seen)


def wrong_count(rows: Iterable[dict[str, Any]]) -> int:
    """Found vertebrae that bear a name other than the true one."""
    seen = [one for row in rows for one in row["sightings"].values() if one["called"] and one["level"]]
    return sum(one["called"] != one["level"] for one in seen)


def print_table(document: dict[str, Any]) -> None:
    console = Console(width=150, highlight=False)
    console.print(structure_table(document["cases"]))
    console.print(case_table(document["cases"]))
    for name in ("whole_command", "spine_crop"):
        if name in document:
            console.print(f"{name.replace('_', ' ')}: {document[name]}", markup=False)
    if "targets" in document:
        console.print(target_table(document["targets"]))


def structure_table(cases: dict[str, Any]) -> Table:
    table = Table("case", "networks", "structure", "Dice", "HD95, mm", "surface Dice 1 mm", "2 mm", "")
    for name, row in cases.items():
        for structure, figures in row["structures"].items():
            held_out = row["organs_use"] if structure in ORGANS else row["use"]
            table.add_row(
                name,
                _short(held_out),
                structure,
                *(
                    number(figures[key], digits)
                    for key, digits in (
                        ("dice", 3), ("hd95_mm", 1), ("surface_dice_1mm", 3), ("surface_dice_2mm", 3),
                    )
                ),
                "not told apart" if "why" in figures else "refused" if row["refused"] else "",
            )  # fmt: skip
    return table


def case_table(cases: dict[str, Any]) -> Table:
    columns = (
        "case",
        "found",
        "wholly in view",
        "levels right",
        "silent names",
        "anchor: in view",
        "used",
        "s",
        "MB",
    )
    table = Table(*columns, "refused")
    for name, row in cases.items():
        right, named = right_count([row])
        table.add_row(
            name,
            "{} of {}".format(*found_count([row])),
            "{} of {}".format(*found_count([row], whole=True)),
            f"{right} of {named}" if row["anchor_in_view"] else "-",
            ", ".join(row["silent_names"]) or "0",
            row["anchor_in_view"] or "none",
            row.get("anchor", "-"),
            number(row.get("seconds"), 1),
            number(row.get("peak_memory_mb"), 0),
            row["refused"] or "",
        )
    return table


def target_table(rows: list[dict[str, Any]]) -> Table:
    table = Table("figure", "measured", "asked", "reach for", "verdict")
    for row in rows:
        sense = AT_LEAST if AT_LEAST in row else AT_MOST
        table.add_row(
            row["what"],
            number(row["measured"], 3),
            f"{sense} {row[sense]:g}",
            f"{row['reach_for']:g}",
            row["verdict"],
        )
    return table


def number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
