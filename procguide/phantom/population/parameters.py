"""One phantom subject as numbers: everything that makes its anatomy, JSON-able."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from procguide.errors import UsageError
from procguide.phantom.population.morphometry import (
    FACETS,
    PHANTOM_LEVELS,
    VERTEBRAE,
    FacetShape,
    VertebraShape,
)

__all__ = [
    "BodyShape",
    "Hardware",
    "LevelWear",
    "NeuralShape",
    "PelvisShape",
    "PhantomParameters",
    "SideJitter",
    "parameters_from_json",
    "parameters_to_json",
]


@dataclass(frozen=True)
class SideJitter:
    """How one side of one vertebra differs from the mean shape: factors and degrees."""

    pedicle: float = 1.0
    process_length: float = 1.0
    process_up_deg: float = 0.0
    facet_size: float = 1.0
    facet_angle_deg: float = 0.0


@dataclass(frozen=True)
class LevelWear:
    """What age and disease did to one vertebra, the disc below it and the facet joints below it.

    Shares run from 0 (healthy) to 1 (the worst seen). ``disc`` drives height, signal and vacuum.
    ``schmorl_upper`` and ``schmorl_lower`` are depths of a node in that endplate, mm; ``osteophyte`` the
    reach of the lips on both rims, mm; ``bulge`` how far the disc passes the posterior rim, mm;
    ``slip`` forward displacement of this vertebra on the one below, mm; ``wedge`` and ``biconcave`` the
    share of the anterior and of the middle height lost to fracture.
    """

    disc: float = 0.0
    bulge: float = 0.0
    schmorl_upper: float = 0.0
    schmorl_lower: float = 0.0
    osteophyte: float = 0.0
    facets: float = 0.0
    central_stenosis: float = 0.0
    foraminal_left: float = 0.0
    foraminal_right: float = 0.0
    slip: float = 0.0
    wedge: float = 0.0
    biconcave: float = 0.0


@dataclass(frozen=True)
class Hardware:
    """What surgeons left. Screws are pedicle screws on both sides of a level, rods join them.

    ``cement`` is ``(level, millilitres)``; ``laminectomy`` names the levels whose spinous process and
    laminae were removed.
    """

    screws: tuple[str, ...] = ()
    screw_diameter: float = 6.0
    cement: tuple[tuple[str, float], ...] = ()
    laminectomy: tuple[str, ...] = ()


@dataclass(frozen=True)
class NeuralShape:
    """Cord, sac and the artery of Adamkiewicz.

    ``conus`` and ``sac_end`` are heights counted in levels from the presacral top (L1 lower third is
    ``("L1", 0.8)``: share of the level's height from its upper endplate to the next one's).
    """

    conus: tuple[str, float] = ("L1", 0.7)
    sac_end: tuple[str, float] = ("S2", 0.4)
    cord_diameter: float = 9.0
    epidural_fat: float = 1.0
    adamkiewicz_level: str = "T10"
    adamkiewicz_side: str = "left"


@dataclass(frozen=True)
class PelvisShape:
    """Sacrum and ilia, mm and degrees. ``sacral_slope_deg``: S1 endplate against the horizontal.

    ``incidence_deg`` is the pelvic incidence, which says where the femoral heads are.
    """

    sacral_slope_deg: float = 38.0
    incidence_deg: float = 50.0
    sacrum_length: float = 112.0
    sacrum_half_width: float = 56.0
    sacrum_curve_deg: float = 62.0
    foramen_size: float = 1.0
    joint_gap: float = 1.8
    wing_flare: float = 0.36
    wing_height: float = 50.0
    wing_depth: float = 92.0
    wing_half_width: float = 128.0
    remnant_disc: float = 0.4
    coccyx_curve_deg: float = 40.0


@dataclass(frozen=True)
class BodyShape:
    """The torso, mm, lying on its back. Depths of fat are under the skin.

    ``muscle`` scales cross-sections, ``muscle_fat`` is the share of fat in the back muscles.
    """

    half_width: float = 165.0
    front: float = 115.0
    fat_back: float = 18.0
    fat_front: float = 22.0
    fat_side: float = 18.0
    muscle: float = 1.0
    muscle_fat: float = 0.15
    flatten: float = 0.5
    visceral_fat: float = 0.45
    lung_bases: float = 25.0
    aorta_radius: float = 9.5
    kidney_scale: float = 1.0
    bowel_gas: float = 0.3


@dataclass(frozen=True)
class PhantomParameters:
    """One subject. ``size`` scales all bone; ``tilts_deg`` and ``turns_deg`` are the spine's scoliosis.

    ``levels`` are the presacral vertebrae that this subject has, cranial to caudal: T8 to L5 as a rule,
    with T13 or L6 where there is one more, without L5 where it is part of the sacrum (``sacralised``,
    0 to 1, is how far the lowest one has joined it). Mappings are by level. Lateral tilt is positive to
    the left; axial turn is positive where the spinous process points to the right. ``trabecular_hu`` is
    the cancellous bone of L1 on CT at 120 kV. ``rib_lengths`` are those of the eleventh and twelfth, mm.
    """

    seed: int = 0
    age: int = 45
    sex: str = "male"
    height_cm: float = 174.0
    weight_kg: float = 76.0
    size: float = 1.0
    levels: tuple[str, ...] = PHANTOM_LEVELS
    vertebrae: Mapping[str, VertebraShape] = field(default_factory=lambda: dict(VERTEBRAE))
    facets: Mapping[str, FacetShape] = field(default_factory=lambda: dict(FACETS))
    left: Mapping[str, SideJitter] = field(default_factory=dict)
    right: Mapping[str, SideJitter] = field(default_factory=dict)
    tilts_deg: Mapping[str, float] = field(default_factory=dict)
    turns_deg: Mapping[str, float] = field(default_factory=dict)
    wear: Mapping[str, LevelWear] = field(default_factory=dict)
    sacralised: float = 0.0
    trabecular_hu: float = 160.0
    spinous_thickness: float = 7.0
    rib_lengths: tuple[float, float] = (190.0, 120.0)
    pelvis: PelvisShape = field(default_factory=PelvisShape)
    body: BodyShape = field(default_factory=BodyShape)
    neural: NeuralShape = field(default_factory=NeuralShape)
    hardware: Hardware = field(default_factory=Hardware)

    def jitter(self, level: str, side_sign: int) -> SideJitter:
        """What makes that side of that vertebra differ; +1 is left."""
        return (self.left if side_sign > 0 else self.right).get(level, SideJitter())

    def worn(self, level: str) -> LevelWear:
        """Wear of that level; none where nothing is said."""
        return self.wear.get(level, LevelWear())

    def below(self, level: str) -> str | None:
        """The next presacral level down; None under the lowest."""
        place = self.levels.index(level) + 1
        return self.levels[place] if place < len(self.levels) else None


def parameters_to_json(parameters: PhantomParameters) -> dict[str, Any]:
    """Plain numbers, strings, lists and dicts."""
    return asdict(parameters)


def parameters_from_json(data: Mapping[str, Any]) -> PhantomParameters:
    """The inverse of :func:`parameters_to_json`; an unknown or missing name is a ``UsageError``."""
    nested: dict[str, Any] = {
        "pelvis": PelvisShape, "body": BodyShape, "neural": NeuralShape, "hardware": Hardware
    }  # fmt: skip
    mapped: dict[str, Any] = {
        "vertebrae": VertebraShape, "facets": FacetShape, "left": SideJitter, "right": SideJitter,
        "wear": LevelWear,
    }  # fmt: skip
    try:
        values = dict(data)
        for name, kind in nested.items():
            values[name] = kind(**{key: _tuples(value) for key, value in values[name].items()})
        for name, kind in mapped.items():
            values[name] = {level: kind(**shape) for level, shape in values[name].items()}
        for name in ("levels", "rib_lengths"):
            values[name] = tuple(values[name])
        return PhantomParameters(**values)
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"these are not phantom parameters ({error}); use those that procguide phantom wrote"
        ) from error


def _tuples(value: Any) -> Any:
    """JSON has no tuples: lists become them, at any depth."""
    return tuple(_tuples(item) for item in value) if isinstance(value, (list, tuple)) else value
