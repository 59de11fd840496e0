"""The procedure catalogue: one YAML file an entry, read into frozen models; every number marked."""

from procguide.planning.catalogue.load import is_shipped, load_catalogue, read_procedure
from procguide.planning.catalogue.needles import OUTER_DIAMETER_MM
from procguide.planning.catalogue.numbers import AngleLimit, Mark, Marked, Number, Span
from procguide.planning.catalogue.schema import (
    Approach,
    Caution,
    Contrast,
    Entry,
    LevelRule,
    Measurement,
    NeedleChoice,
    Procedure,
    StructureRule,
    TargetRule,
    Uncertainty,
    ViewName,
    ViewRule,
)

__all__ = [
    "OUTER_DIAMETER_MM",
    "AngleLimit",
    "Approach",
    "Caution",
    "Contrast",
    "Entry",
    "LevelRule",
    "Mark",
    "Marked",
    "Measurement",
    "NeedleChoice",
    "Number",
    "Procedure",
    "Span",
    "StructureRule",
    "TargetRule",
    "Uncertainty",
    "ViewName",
    "ViewRule",
    "is_shipped",
    "load_catalogue",
    "read_procedure",
]
