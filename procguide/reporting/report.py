"""The report: one self-contained HTML file that a physician can read in a minute, and print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from procguide.anatomy import Spine, Vertebra
from procguide.findings import Finding
from procguide.geometry import Vector
from procguide.imaging import LabelMap, Volume
from procguide.planning.catalogue import Procedure, load_catalogue
from procguide.planning.nouns import Plan, PlanSet
from procguide.provenance import Provenance
from procguide.reporting import content, why
from procguide.reporting.overlays import Overlay
from procguide.reporting.page import write_page
from procguide.reporting.palette import NEEDLE, VERTEBRA_LINES
from procguide.reporting.pictures import Gallery, Imaged, anatomy_pictures, plan_pictures
from procguide.reporting.viewing import view_cards
from procguide.reporting.words import counted, percent, plain

__all__ = ["write_report"]

_SAID_FIRST = 4
_NEAR_ROWS = 5


@dataclass(frozen=True)
class _LegendEntry:
    words: str
    colour: str
    dashed: bool
    second: str = ""

    @property
    def style(self) -> str:
        return "dashed line" if self.dashed else "solid line"


def write_report(
    path: Path,
    *,
    volume: Volume,
    segmentation_levels: LabelMap,
    regions: LabelMap,
    spine: Spine,
    plan_set: PlanSet,
    findings: Sequence[Finding],
    provenance: Provenance,
    procedure: Procedure | None = None,
) -> Gallery:
    """Write ``path`` whole or not at all: every picture, style and word within; no script, no address.

    ``volume`` is the image the plan was made on; ``segmentation_levels`` and ``regions`` share a lattice
    that may be another. ``procedure`` is the catalogue's entry where it is not one that ships. Without a
    feasible plan the page says which limit excluded most and shows the anatomy. Returns its pictures.
    """
    best = plan_set.plans[0] if plan_set.plans else None
    entry = procedure or load_catalogue().get(plan_set.procedure)
    imaged = Imaged(volume, segmentation_levels, regions, spine)
    gallery = (
        anatomy_pictures(imaged, plan_set, _centre(plan_set, spine))
        if best is None
        else plan_pictures(imaged, plan_set, best, entry)
    )
    write_page(
        path,
        "report.html.j2",
        **_words(plan_set, best, findings, spine, entry),
        **_pictures(gallery, best, entry),
        provenance=provenance,
        record=_record(provenance, volume),
    )
    return gallery


def _words(
    plan_set: PlanSet, best: Plan | None, findings: Sequence[Finding], spine: Spine, entry: Procedure | None
) -> dict[str, Any]:
    """Everything on the page that is not a picture or provenance."""
    said = content.alerts(plan_set, best, findings, spine)
    grave = [alert for alert in said if alert.grade != "ok"]
    clearances = content.clearances(plan_set, best) if best else ()
    return {
        "head": content.headline(plan_set, entry),
        "alerts_first": grave[:_SAID_FIRST],
        "alerts_later": grave[_SAID_FIRST:],
        "alerts_passed": [alert for alert in said if alert.grade == "ok"],
        "facts": content.recommendation(best, spine, entry) if best else (),
        "objectives": why.objective_bars(best) if best else (),
        "search": why.search_words(plan_set),
        "comparisons": why.comparisons(best, plan_set, entry, spine) if best else (),
        "clearances": clearances,
        "near": [row for row in clearances if row.is_judged][:_NEAR_ROWS],
        "rows": content.alternatives(plan_set, spine, entry),
        "sd": f"{best.robustness.placement_sd_mm:.1f}".rstrip("0").rstrip(".") if best else "",
        "risk": percent(best.robustness.p_violation) if best else "",
        "reason": plan_set.reason or "No candidate kept every limit.",
        "excluded": content.exclusions(plan_set),
        "considered": counted(plan_set.considered),
        "feasible": counted(plan_set.feasible),
        "guidance": entry.at(plan_set.level) if entry else None,
        "volumes": content.volumes(entry.at(plan_set.level)) if entry else (),
        "sources": list(entry.sources.values()) if entry else [],
    }


def _pictures(gallery: Gallery, best: Plan | None, entry: Procedure | None) -> dict[str, Any]:
    """The gallery, its X-rays beside the words of their views."""
    cards = view_cards(best, entry) if best else ()
    return {
        "first_pictures": gallery.first,
        "views": list(zip(cards, gallery.views, strict=True)),
        "more_pictures": gallery.more,
        "legend": _legend(gallery.overlays, with_needle=best is not None),
    }


def _centre(plan_set: PlanSet, spine: Spine) -> Vector:
    """What the pictures of an infeasible case look at: the target zone, else the level named, else any."""
    if plan_set.target_zone:
        return plan_set.target_zone[len(plan_set.target_zone) // 2]
    vertebra = _named_vertebra(plan_set, spine)
    if vertebra is None:
        return spine.canal[len(spine.canal) // 2] if spine.canal else (0.0, 0.0, 0.0)
    foramen = vertebra.foramina.get(plan_set.side) if plan_set.side else None
    return foramen or vertebra.canal_centre or vertebra.frame.origin


def _named_vertebra(plan_set: PlanSet, spine: Spine) -> Vertebra | None:
    upper = plan_set.level.split("-")[0]
    named = [vertebra for vertebra in spine.vertebrae if vertebra.level == upper]
    return named[0] if named else (spine.vertebrae[-1] if spine.vertebrae else None)


def _legend(overlays: Iterable[Overlay], *, with_needle: bool) -> list[_LegendEntry]:
    """One entry for each kind of line, in the order drawn."""
    entries = {}
    if with_needle:
        entries["needle"] = _LegendEntry(
            "Needle; dotted where it lies off the picture's plane", NEEDLE, dashed=False
        )
        entries["target"] = _LegendEntry("White ring: target", "#FFFFFF", dashed=False)
    for overlay in overlays:
        second = VERTEBRA_LINES[1] if overlay.level else ""
        colour = VERTEBRA_LINES[0] if overlay.level else overlay.colour
        entries.setdefault(overlay.words, _LegendEntry(overlay.words, colour, overlay.dashed, second))
    return list(entries.values())


def _record(provenance: Provenance, volume: Volume) -> list[tuple[str, str]]:
    """Provenance as name and value lines."""
    step = " x ".join(f"{value:.2f}" for value in volume.spacing[::-1])
    size = " x ".join(str(n) for n in volume.shape[::-1])
    lines = [
        (
            "Image",
            f"{volume.modality}, {size} voxels of {step} mm{', ' + volume.source if volume.source else ''}",
        ),
        ("Input, SHA-256", provenance.inputs_sha256),
        ("Software", provenance.software),
        ("Time (UTC)", provenance.time_utc),
        ("Catalogue", provenance.catalogue),
        *((f"Model {name}", value) for name, value in provenance.models.items()),
        ("Parameters", _parameters(provenance.parameters)),
    ]
    return [(name, value) for name, value in lines if value]


def _parameters(parameters: Mapping[str, object]) -> str:
    return "; ".join(
        f"{plain(name).lower()}: {value}" for name, value in parameters.items() if value is not None
    )
