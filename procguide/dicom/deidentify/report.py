"""What was done, in numbers: nothing in it tells who the patient was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from procguide import DISCLAIMER, __version__
from procguide.dicom.deidentify.check import Leak
from procguide.dicom.deidentify.settings import Settings, options_of
from procguide.dicom.deidentify.table import EDITION

__all__ = ["SCHEMA", "Report", "report_to_json"]

SCHEMA = "procguide.deidentification/1"


@dataclass(frozen=True, eq=False)
class Report:
    """One run. ``left_out`` counts files by why they were not written; ``pseudonyms`` names the patients.

    ``header`` counts what was done to elements, ``pixels`` what was done to images. ``leaks`` are what the
    second check found in files that were then withheld; ``looked_at`` is how many pictures it read.
    """

    settings: Settings
    read: int
    written: int
    pseudonyms: tuple[str, ...]
    studies: int
    series: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    header: Mapping[str, int] = field(default_factory=dict)
    pixels: Mapping[str, int] = field(default_factory=dict)
    leaks: tuple[Leak, ...] = ()
    reader: str = ""

    @property
    def all_written(self) -> bool:
        """Whether every file that was read came out."""
        return self.read == self.written


def report_to_json(report: Report) -> dict[str, Any]:
    """The document of ``deidentification.json``."""
    claimed = options_of(
        report.settings,
        pixels=bool(report.pixels.get("images looked through for text")),
        face=bool(report.pixels.get("slices without a face")),
    )
    return {
        "schema": SCHEMA,
        "software": f"procguide {__version__}",
        "profile": f"DICOM PS3.15 Annex E, Table E.1-1 of {EDITION}",
        "options": [{"code": code.value, "scheme": "DCM", "meaning": code.meaning} for code in claimed],
        "settings": {
            **report.settings.model_dump(mode="json", exclude={"words"}),
            "words": len(report.settings.words),
        },
        "files": {
            "read": report.read,
            "written": report.written,
            "left_out": dict(sorted(report.left_out.items())),
        },
        "patients": len(report.pseudonyms),
        "studies": report.studies,
        "series": report.series,
        "header": dict(sorted(report.header.items())),
        "pixels": dict(sorted(report.pixels.items())),
        "second_check": {
            "clean": not report.leaks,
            "withheld": len({leak.file for leak in report.leaks}),
            "found": dict(sorted(Counter(leak.kind for leak in report.leaks).items())),
            "text_reader": report.reader or "none",
        },
        "disclaimer": DISCLAIMER,
    }
