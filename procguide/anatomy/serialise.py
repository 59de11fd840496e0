"""The spine as JSON, and back: ``spine.json``, schema ``procguide.spine/1``. All points patient LPS mm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from procguide.anatomy.regions import Side
from procguide.anatomy.spine import Anchor, Endplate, Pedicle, SacralForamen, Sacrum, Spine, Vertebra
from procguide.errors import InputUnreadableError
from procguide.geometry import AnatomicalFrame, Vector, vector

__all__ = ["SCHEMA", "spine_from_json", "spine_to_json"]

SCHEMA = "procguide.spine/1"

_BY_SIDE = (
    "laminae",
    "superior_articular_processes",
    "inferior_articular_processes",
    "facet_joints",
    "transverse_process_tips",
    "foramina",
)
Read = TypeVar("Read")


def spine_to_json(spine: Spine) -> dict[str, Any]:
    """Plain dictionaries, lists and numbers; sides are ``"left"`` and ``"right"``. Loses nothing."""
    return {
        "schema": SCHEMA,
        "space": "patient LPS, mm",
        "anchor": spine.anchor.value,
        "vertebrae": [_vertebra_to_json(vertebra) for vertebra in spine.vertebrae],
        "sacrum": None if spine.sacrum is None else _sacrum_to_json(spine.sacrum),
        "canal": [list(point) for point in spine.canal],
    }


def spine_from_json(document: Mapping[str, Any]) -> Spine:
    """The inverse of :func:`spine_to_json`; anything else is an error that says what is wrong."""
    schema = document.get("schema")
    if schema != SCHEMA:
        raise InputUnreadableError(f"not a spine document: schema {schema!r}, expected {SCHEMA!r}")
    try:
        sacrum = document["sacrum"]
        return Spine(
            vertebrae=tuple(_vertebra_from_json(entry) for entry in document["vertebrae"]),
            sacrum=None if sacrum is None else _sacrum_from_json(sacrum),
            canal=tuple(vector(point) for point in document["canal"]),
            anchor=Anchor(document["anchor"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputUnreadableError(
            f"the spine document is damaged ({type(error).__name__}: {error}); write it again with "
            "procguide segment"
        ) from error


def _vertebra_to_json(vertebra: Vertebra) -> dict[str, Any]:
    return {
        "level": vertebra.level,
        "confidence": vertebra.confidence,
        "complete": vertebra.complete,
        "frame": _frame_to_json(vertebra.frame),
        "superior_endplate": _endplate_to_json(vertebra.superior_endplate),
        "inferior_endplate": _endplate_to_json(vertebra.inferior_endplate),
        "pedicles": {side.value: _pedicle_to_json(one) for side, one in vertebra.pedicles.items()},
        **{name: _points_to_json(getattr(vertebra, name)) for name in _BY_SIDE},
        "spinous_process_tip": _point_to_json(vertebra.spinous_process_tip),
        "canal_centre": _point_to_json(vertebra.canal_centre),
    }


def _vertebra_from_json(entry: Mapping[str, Any]) -> Vertebra:
    return Vertebra(
        level=str(entry["level"]),
        confidence=float(entry["confidence"]),
        complete=bool(entry["complete"]),
        frame=_frame_from_json(entry["frame"]),
        superior_endplate=_endplate_from_json(entry["superior_endplate"]),
        inferior_endplate=_endplate_from_json(entry["inferior_endplate"]),
        pedicles=_sides(entry["pedicles"], _pedicle_from_json),
        **{name: _sides(entry[name], vector) for name in _BY_SIDE},
        spinous_process_tip=_point_from_json(entry["spinous_process_tip"]),
        canal_centre=_point_from_json(entry["canal_centre"]),
    )


def _sacrum_to_json(sacrum: Sacrum) -> dict[str, Any]:
    return {
        "frame": _frame_to_json(sacrum.frame),
        "endplate": _endplate_to_json(sacrum.endplate),
        "promontory": list(sacrum.promontory),
        "superior_articular_processes": _points_to_json(sacrum.superior_articular_processes),
        "alae": _points_to_json(sacrum.alae),
        "canal": [list(point) for point in sacrum.canal],
        "hiatus": _point_to_json(sacrum.hiatus),
        "posterior_foramina": {
            side.value: {name: _foramen_to_json(one) for name, one in row.items()}
            for side, row in sacrum.posterior_foramina.items()
        },
        "joint_lines": {
            side.value: [list(point) for point in line] for side, line in sacrum.joint_lines.items()
        },
    }


def _sacrum_from_json(entry: Mapping[str, Any]) -> Sacrum:
    return Sacrum(
        frame=_frame_from_json(entry["frame"]),
        endplate=_endplate_from_json(entry["endplate"]),
        promontory=vector(entry["promontory"]),
        superior_articular_processes=_sides(entry["superior_articular_processes"], vector),
        alae=_sides(entry["alae"], vector),
        canal=tuple(vector(point) for point in entry.get("canal", ())),
        hiatus=_point_from_json(entry.get("hiatus")),
        posterior_foramina=_sides(entry.get("posterior_foramina", {}), _foramina_from_json),
        joint_lines=_sides(entry.get("joint_lines", {}), _line_from_json),
    )


def _foramen_to_json(foramen: SacralForamen) -> dict[str, Any]:
    return {"centre": list(foramen.centre), "radius_mm": foramen.radius_mm, "seen": foramen.seen}


def _foramina_from_json(row: Any) -> dict[str, SacralForamen]:
    return {
        str(name): SacralForamen(vector(one["centre"]), float(one["radius_mm"]), bool(one["seen"]))
        for name, one in row.items()
    }


def _line_from_json(line: Any) -> tuple[Vector, ...]:
    return tuple(vector(point) for point in line)


def _frame_to_json(frame: AnatomicalFrame) -> dict[str, Any]:
    return {name: list(getattr(frame, name)) for name in ("origin", "left", "posterior", "superior")}


def _frame_from_json(entry: Mapping[str, Any]) -> AnatomicalFrame:
    return AnatomicalFrame(
        vector(entry["origin"]), vector(entry["left"]), vector(entry["posterior"]), vector(entry["superior"])
    )


def _endplate_to_json(plate: Endplate) -> dict[str, Any]:
    return {
        "centre": list(plate.centre),
        "normal": list(plate.normal),
        "width_mm": plate.width_mm,
        "depth_mm": plate.depth_mm,
    }


def _endplate_from_json(entry: Mapping[str, Any]) -> Endplate:
    return Endplate(
        vector(entry["centre"]), vector(entry["normal"]), float(entry["width_mm"]), float(entry["depth_mm"])
    )


def _pedicle_to_json(pedicle: Pedicle) -> dict[str, Any]:
    return {
        "centre": list(pedicle.centre),
        "axis": list(pedicle.axis),
        "width_mm": pedicle.width_mm,
        "height_mm": pedicle.height_mm,
    }


def _pedicle_from_json(entry: Mapping[str, Any]) -> Pedicle:
    return Pedicle(
        vector(entry["centre"]), vector(entry["axis"]), float(entry["width_mm"]), float(entry["height_mm"])
    )


def _points_to_json(points: Mapping[Side, Vector]) -> dict[str, list[float]]:
    return {side.value: list(point) for side, point in points.items()}


def _sides(entry: Mapping[str, Any], read: Callable[[Any], Read]) -> dict[Side, Read]:
    return {Side(name): read(value) for name, value in entry.items()}


def _point_to_json(point: Vector | None) -> list[float] | None:
    return None if point is None else list(point)


def _point_from_json(entry: Any) -> Vector | None:
    return None if entry is None else vector(entry)
