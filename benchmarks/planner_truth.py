"""The truth that plans on phantoms are held against; used by planner_population.py.

Nothing here reads a plan's own scene, fields or zones. A needle is measured by the distance of its line to
the centres of the true voxels; whether any needle would do is found in planner_needles.py.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from procguide.anatomy import BONE, CANAL_CONTENT, VERSE_LABELS, VERSE_NAMES, Region, Side, Spine
from procguide.geometry import Affine
from procguide.imaging import LabelMap
from procguide.phantom import Phantom, build, sample_parameters
from procguide.phantom.neck import NeckPhantom, build_neck, sample_neck
from procguide.phantom.truth.nouns import TrueZone
from procguide.planning import Procedure
from procguide.planning.catalogue import Approach

SPACING_MM = 1.2
REACH_MM = 30.0
IN_ZONE_MM = 2.0
"""The catalogue's placement error of the tip (SD, assumed)."""
HIATUS_BELOW_MM, LID_ABOVE_MM, LID_HALF_MM = 6.0, 2.0, 3.0
"""See :meth:`Wanted.open_hiatus`."""

SAC = (Region.DURA, Region.CEREBROSPINAL_FLUID, Region.SPINAL_CORD)
"""Without the nerves, which below the sac run on in the sacral canal."""
TISSUES: Mapping[str, tuple[Region, ...]] = {
    "bone": BONE,
    "dura": SAC,
    "spinal_cord": (Region.SPINAL_CORD,),
    "nerve_root": (Region.NERVE_ROOT, Region.GANGLION),
    "disc": (Region.DISC, Region.NUCLEUS_PULPOSUS, Region.ANNULUS_FIBROSUS, Region.VACUUM),
    "aorta": (Region.AORTA,),
    "vena_cava": (Region.VENA_CAVA,),
    "iliac_vessels": (Region.ILIAC_ARTERY, Region.ILIAC_VEIN),
    "kidney": (Region.KIDNEY, Region.RENAL_SINUS),
    "ureter": (Region.URETER,),
    "bowel": (Region.BOWEL, Region.GAS),
    "liver": (Region.LIVER,),
    "spleen": (Region.SPLEEN,),
    "lung": (Region.LUNG, Region.PLEURA),
    "vertebral_artery": (Region.VERTEBRAL_ARTERY,),
    "carotid_artery": (Region.CAROTID_ARTERY,),
    "jugular_vein": (Region.JUGULAR_VEIN,),
    "trachea": (Region.TRACHEA,),
    "oesophagus": (Region.OESOPHAGUS,),
    "thyroid": (Region.THYROID,),
}
"""What the truth holds of the structures that the catalogue names; the rest of them it cannot judge."""
GRAVE = (
    "dura",
    "spinal_cord",
    "aorta",
    "vena_cava",
    "iliac_vessels",
    "lung",
    "kidney",
    "bowel",
    "nerve_root",
    "vertebral_artery",
    "carotid_artery",
    "jugular_vein",
    "trachea",
    "oesophagus",
    "thyroid",
)
"""What no needle may pierce. A needle near one of them is measured again at 0.5 mm."""


NECK = ("cervical_interlaminar_esi", "cervical_medial_branch_block", "stellate_ganglion_block")
"""Asked of the neck's phantom, all others of the trunk's."""


@dataclass(frozen=True, eq=False)
class Truth:
    """A phantom as it is: tissues and levels at 1.2 mm, and where needles belong; ``neck`` or trunk."""

    seed: int
    tissues: LabelMap
    levels: LabelMap
    spine: Spine
    zones: tuple[TrueZone, ...]
    neck: bool = False

    @classmethod
    def of(cls, seed: int, cache: Path | None, *, neck: bool = False) -> Truth:
        """Built, or read from ``cache``, where it is kept after."""
        file = cache / f"{'neck' if neck else ''}{seed}.pkl" if cache else None
        if file is not None and file.exists():
            return cls._unpack(seed, pickle.loads(file.read_bytes()), neck)  # noqa: S301 (our own file)
        phantom = phantom_of(seed, neck, SPACING_MM)
        data = {
            "shape": phantom.tissues.shape,
            "affine": phantom.tissues.affine.matrix,
            "tissues": zlib.compress(np.ascontiguousarray(phantom.tissues.voxels).tobytes(), 1),
            "levels": zlib.compress(phantom.levels.voxels.astype(np.uint8).tobytes(), 1),
            "spine": phantom.spine,
            "zones": phantom.zones,
        }
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(pickle.dumps(data))
        return cls._unpack(seed, data, neck)

    @classmethod
    def _unpack(cls, seed: int, data: Mapping[str, Any], neck: bool) -> Truth:
        def labels(name: str, names: dict[int, str]) -> LabelMap:
            voxels = np.frombuffer(zlib.decompress(data[name]), np.uint8).reshape(data["shape"])
            return LabelMap(voxels, Affine(data["affine"]), names=names, source="phantom")

        tissues = labels("tissues", {int(r): r.label for r in Region if r})
        spine = data["spine"]
        zones = tuple(zone for zone in data["zones"] if not _astray(zone, spine))
        return cls(seed, tissues, labels("levels", dict(VERSE_NAMES)), spine, zones, neck)

    def finely_about(self, start: np.ndarray, end: np.ndarray) -> Truth:
        """The same subject built again at 0.5 mm, within 8 mm about a line."""
        low, high = np.minimum(start, end) - 8.0, np.maximum(start, end) + 8.0
        phantom = phantom_of(self.seed, self.neck, 0.5, (low, high))
        return Truth(self.seed, phantom.tissues, phantom.levels, self.spine, self.zones, self.neck)

    @cached_property
    def voxels(self) -> dict[str, np.ndarray]:
        """Centres of the true voxels of each structure, ``(n, 3)`` LPS mm."""
        return {
            name: self.tissues.to_patient(np.argwhere(self.tissues.mask(*regions)))
            for name, regions in TISSUES.items()
        }

    def centres(self, name: str, upper: str) -> np.ndarray | None:
        """Of a structure as the catalogue names it; None where the truth does not hold it.

        ``upper`` is the vertebra that a needle may enter: ``other_bone`` is all bone but that one, and
        ``pedicle_wall`` the canal, the nerves, and whatever else is not its bone beside its pedicles.
        """
        if name == "other_bone":
            own = self.levels.voxels == VERSE_LABELS[upper]
            return self.tissues.to_patient(np.argwhere(self.tissues.mask(*BONE) & ~own))
        if name == "pedicle_wall":
            canal = self.tissues.mask(*CANAL_CONTENT)
            seen = [self.tissues.to_patient(np.argwhere(canal)), self.voxels["nerve_root"]]
            return np.concatenate([*seen, self.beside_pedicles(upper)])
        return self.voxels.get(name)

    def beside_pedicles(self, level: str) -> np.ndarray:
        """What is not the vertebra's bone, within 16 mm beside, above and below its pedicles ``(n, 3)``.

        From 4 mm before the body's back wall to 2 mm behind the isthmus. The catalogue wants bone round a
        needle in the pedicle, and a pedicle narrower than needle and bone has no needle.
        """
        from scipy.ndimage import binary_fill_holes

        vertebra = self.spine.vertebra(level)
        wall = (vertebra.superior_endplate.depth_mm + vertebra.inferior_endplate.depth_mm) / 4
        found = []
        for pedicle in vertebra.pedicles.values():
            middle = self.levels.to_index(np.asarray(pedicle.centre))
            spacing = float(self.levels.spacing[0])
            low = np.maximum(np.floor(middle - 25 / spacing), 0).astype(int)
            high = np.maximum(np.floor(middle - 25 / spacing) + round(50 / spacing) + 1, 0).astype(int)
            window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
            own = binary_fill_holes(self.levels.voxels[window] == VERSE_LABELS[level])
            points = self.levels.to_patient(np.argwhere(~own) + low)
            across, behind, above = vertebra.frame.to_local(points).T
            x, isthmus, z = vertebra.frame.to_local(pedicle.centre)
            beside = (np.abs(across - x) <= 16) & (np.abs(above - z) <= 16)
            found.append(points[beside & (behind >= wall - 4) & (behind <= isthmus + 2)])
        return np.concatenate(found)

    def tissue_at(self, point: np.ndarray) -> str:
        """What lies at a point."""
        index = np.round(self.tissues.to_index(point)).astype(int)
        if (index < 0).any() or (index >= self.tissues.shape).any():
            return "out of view"
        number = int(self.tissues.voxels[tuple(index)])
        return Region(number).label if number else "air"


def phantom_of(
    seed: int, neck: bool, spacing_mm: float, box: tuple[np.ndarray, np.ndarray] | None = None
) -> Phantom | NeckPhantom:
    """The subject of that seed."""
    if neck:
        return build_neck(sample_neck(seed), spacing_mm, box=box)
    return build(sample_parameters(seed), spacing_mm, box=box)


def _astray(zone: TrueZone, spine: Spine) -> bool:
    """Whether the phantom led a dorsal ramus down the wrong side of an articular process.

    The last one belongs between the S1 articular process and the ala. On 5 of 58 sides of seeds 2000 to 2029
    it runs 11 to 12 mm medial of that process (on the others 8 to 11 mm lateral of it): a fault of the
    phantom, and no place for a needle.
    """
    if zone.procedure not in ("lumbar_medial_branch_block", "lumbar_medial_branch_rfa") or zone.side is None:
        return False
    bone = spine.below(zone.level or "")
    process = bone.superior_articular_processes.get(zone.side)
    across = [bone.frame.to_local(point)[0] for point in (zone.centre, process) if point is not None]
    return len(across) == 2 and zone.side.sign * (across[0] - across[1]) < 0


def segment_distance(points: np.ndarray, entry: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Of points ``(n, 3)`` to the line from ``entry`` to ``target``, mm."""
    along = target - entry
    share = np.clip((points - entry) @ along / (along @ along), 0, 1)
    return np.linalg.norm(points - entry - share[:, None] * along, axis=1)


def clearance(centres: np.ndarray, entry: np.ndarray, target: np.ndarray, spacing: float) -> float | None:
    """From a line to the nearest of the voxels about these centres, mm; None beyond 30 mm.

    Half a voxel is taken off, so this is right to about that much (0.6 mm at 1.2 mm).
    """
    low, high = np.minimum(entry, target) - REACH_MM, np.maximum(entry, target) + REACH_MM
    near = centres[((centres > low) & (centres < high)).all(axis=1)]
    if not len(near):
        return None
    least = float(segment_distance(near, entry, target).min() - spacing / 2)
    return least if least < REACH_MM else None


def fine_clearance(
    truth: Truth, name: str, entry: np.ndarray, target: np.ndarray, wanted: Wanted
) -> float | None:
    """The same from the phantom built again about the needle at 0.5 mm, for what is near."""
    low, high = np.minimum(entry, target) - 6.0, np.maximum(entry, target) + 6.0
    tissues = phantom_of(truth.seed, truth.neck, 0.5, (low, high)).tissues
    centres = tissues.to_patient(np.argwhere(tissues.mask(*TISSUES[name])))
    return clearance(wanted.open_hiatus(name, centres), entry, target, 0.5)


@dataclass(frozen=True, eq=False)
class Wanted:
    """A procedure at one level and side of a subject, as the truth has it.

    ``upper`` is the vertebra that a needle may enter, ``axes`` left, posterior, superior of its true AP view
    in columns, ``middle`` a point of its midline.
    """

    procedure: Procedure
    level: str
    side: Side | None
    zone: TrueZone
    upper: str
    axes: np.ndarray
    middle: np.ndarray

    @property
    def sign(self) -> int:
        """+1 where the needle's own side is the patient's left."""
        return self.side.sign if self.side is not None else 1

    @property
    def approach(self) -> Approach:
        """The catalogue's limits at this level."""
        return self.procedure.entry.approach(self.level, sided=self.side is not None)

    def centres(self, truth: Truth, name: str) -> np.ndarray | None:
        """:meth:`Truth.centres` of a structure, as this procedure's needle meets it."""
        found = truth.centres(name, self.upper)
        return None if found is None else self.open_hiatus(name, found)

    def open_hiatus(self, name: str, centres: np.ndarray) -> np.ndarray:
        """For a caudal needle, bone without what stands where a ligament closes the sacral hiatus in people.

        The phantom has no hiatus: its canal ends square within the sacrum, 6 mm below the zone's lowest
        point, under a bony lid of 0.5 to 2 mm (looked at in planes at 0.5 mm, seeds 2000 and 2003). Left out
        is bone behind the canal's line, within 3 mm of it sideways, from 2 mm above that end on down
        (assumed: the labels' own voxels, and less than the hiatus's width between the cornua).
        """
        if self.procedure.id != "caudal_esi" or name != "bone":
            return centres
        line = np.asarray(self.zone.points)
        down = line[-1] - line[len(line) // 2]
        down /= np.linalg.norm(down)
        back = np.cross(self.axes[:, 0], down)
        off = centres - (line[-1] + HIATUS_BELOW_MM * down)
        lid = (off @ down > -LID_ABOVE_MM) & (off @ (back * np.sign(back[1])) > 0)
        return centres[~(lid & (np.abs(off @ self.axes[:, 0]) < LID_HALF_MM))]

    @property
    def steepest(self) -> float:
        """The most that a needle may point to head or feet as the patient lies: sine of the tilt."""
        most = self.procedure.entry.steepest_deg
        return float(np.sin(np.radians(most.value))) if most is not None else 1.0

    @property
    def longest_mm(self) -> float:
        """Of a needle inside the body."""
        needle = self.procedure.needle
        return max(needle.lengths_mm) - needle.reserve_mm.value

    def lateral_mm(self, points: np.ndarray) -> np.ndarray:
        """From the midline, positive on the own side."""
        across = (points - self.middle) @ self.axes[:, 0]
        return across * self.sign if self.side is not None else np.abs(across)

    def angles(self, outward: np.ndarray) -> tuple[float, float]:
        """Oblique and tilt of a direction out of the body, as the catalogue counts them."""
        left, back, up = outward @ self.reference
        return (
            float(np.degrees(np.arctan2(self.sign * left, back))),
            float(np.degrees(np.arcsin(np.clip(up, -1, 1)))),
        )

    @property
    def reference(self) -> np.ndarray:
        """Axes that the catalogue's angles are counted about; the second leads out of the entered skin."""
        entry = self.procedure.entry
        facing = np.diag([1.0, 1.0 if entry.surface == "back" else -1.0, 1.0])
        return (np.eye(3) if entry.reference == "table" else self.axes) @ facing
