"""From label maps to the spine as objects: every vertebra's landmarks by geometry."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy.levels import VERSE_NAMES
from procguide.anatomy.locate_arch import Arch, locate_arch
from procguide.anatomy.locate_between import Joint, free_articular_process, locate_foramen, locate_joints
from procguide.anatomy.locate_body import Body, least_volume_mm3, locate_body
from procguide.anatomy.locate_canal import locate_canal
from procguide.anatomy.locate_patch import SACRUM_LABEL, Labels
from procguide.anatomy.locate_sacral import locate_sacral
from procguide.anatomy.locate_sacrum import locate_alae, locate_sacrum, s1_pedicle
from procguide.anatomy.regions import CANAL_CONTENT, Region, Side
from procguide.anatomy.spine import Anchor, Sacrum, Spine, Vertebra
from procguide.geometry import AnatomicalFrame, Vector, unit
from procguide.imaging import LabelMap

__all__ = ["locate_spine"]

_FORAMEN_AHEAD_MM = 8.0
"""Beneath a wedge-shaped L5 the foramen lies farther forward than the wall at mid-height."""
_UNDER_PEDICLE_MM = 6.0
"""Least height from a foramen's centre up to its pedicle's: half a small pedicle, half a narrow foramen."""
_PRESACRAL = tuple(label for label, name in VERSE_NAMES.items() if name not in ("sacrum", "coccyx"))


def locate_spine(
    levels: LabelMap, regions: LabelMap, *, anchor: Anchor, confidence: Mapping[str, float]
) -> Spine:
    """Landmarks of every vertebra, the sacrum and the canal, from labels on one lattice.

    ``levels`` holds VerSe integers (a vertebra with body and arch; sacrum 26), ``regions``
    :class:`Region` numbers, coarse or fine: fine ones are read as coarse. ``confidence`` is that of each
    level's name; a level it does not hold gets 0. A landmark that cannot be found, or that would be
    absurd, is absent.
    """
    labels = Labels(levels, regions)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        bodies = _bodies(labels, pool)
        vertebrae = list(pool.map(lambda body: _vertebra(labels, body, confidence), bodies))
        numbers = [body.label for body in bodies]
        sacrum = None
        if vertebrae and labels.sacrum().any():
            sacrum = locate_sacrum(labels, vertebrae[-1])
        under = [_under(n, vertebrae, numbers, sacrum) for n in range(len(bodies))]
        joints = list(pool.map(lambda body, bone: _joints(labels, body, *bone), bodies, under))
        located = tuple(
            pool.map(lambda n: _joined(labels, n, bodies, vertebrae, joints, under[n]), range(len(bodies)))
        )
    if sacrum is not None:
        processes = {side: joint.superior_process for side, joint in joints[-1].items()}
        sacrum = locate_alae(labels, sacrum, processes)
    canal = locate_canal(labels, located)
    if sacrum is not None:
        sacrum = locate_sacral(labels, sacrum, canal)
    return Spine(located, sacrum, canal, anchor)


def _under(
    n: int, vertebrae: Sequence[Vertebra], numbers: Sequence[int], sacrum: Sacrum | None
) -> tuple[Vertebra | Sacrum | None, int]:
    """The bone next below, with its label; none where a vertebra between them was not found."""
    if n + 1 == len(vertebrae):
        return sacrum, SACRUM_LABEL
    below = vertebrae[n + 1]
    upper = vertebrae[n]
    reach = np.linalg.norm(
        np.asarray(upper.inferior_endplate.centre) - np.asarray(below.superior_endplate.centre)
    )
    return (below, numbers[n + 1]) if reach <= 25 else (None, 0)


def _joints(
    labels: Labels, body: Body, lower: Vertebra | Sacrum | None, lower_label: int
) -> dict[Side, Joint]:
    """Facet joints with the bone next below; none where that was not found."""
    if lower is None:
        return {}
    top = lower.endplate.centre if isinstance(lower, Sacrum) else lower.superior_endplate.centre
    return locate_joints(labels, body.label, lower_label, body.frame, top)


def _bodies(labels: Labels, pool: ThreadPoolExecutor) -> list[Body]:
    """Every body with its frame and endplates, cranial to caudal."""
    rough = _rough_bodies(labels)
    order = sorted(rough, key=lambda label: -rough[label][0][2])
    centres = np.array([rough[label][0] for label in order]).reshape(-1, 3)

    def one(n: int) -> Body | None:
        centre, behind, cut_above, cut_below = rough[order[n]]
        superior = _line_direction(centres, n)
        posterior = behind - centre if behind is not None else _neighbours_posterior(order, rough)
        left = np.cross(posterior, superior)
        if np.linalg.norm(left) < 1.0:
            left = np.array([1.0, 0.0, 0.0])
        start = AnatomicalFrame.from_axes(centre, superior, left)
        return locate_body(labels, order[n], start, cut_above=cut_above, cut_below=cut_below)

    return [
        body
        for body in pool.map(one, range(len(order)))
        if body is not None and body.frame.left[0] > 0.5 and body.frame.superior[2] > 0.3
    ]


RoughBody = tuple[NDArray[np.float64], NDArray[np.float64] | None, bool, bool]
"""Centre of the body, centre of the arch (if any), and whether the image cuts it above or below."""


def _rough_bodies(labels: Labels) -> dict[int, RoughBody]:
    """Medians of body and arch by label: stray pieces do not move them."""
    superior_axis = labels.levels.affine.orientation.translate(str.maketrans("I", "S")).index("S")
    flipped = labels.levels.affine.orientation[superior_axis] == "I"
    last = labels.levels.shape[superior_axis] - 1
    rough: dict[int, RoughBody] = {}
    index = np.argwhere(np.isin(labels.levels.voxels, _PRESACRAL))
    values = labels.levels.voxels[tuple(index.T)]
    regions = labels.regions.voxels[tuple(index.T)]
    for label in np.unique(values):
        own = values == label
        in_body = index[own & (regions == Region.BODY)]
        in_arch = index[own & ~np.isin(regions, (Region.BODY, Region.DISC, *CANAL_CONTENT))]
        if len(in_body) * np.prod(labels.levels.spacing) < least_volume_mm3(int(label)):
            continue
        centre = labels.levels.to_patient(np.median(in_body, axis=0))
        arch = labels.levels.to_patient(np.median(in_arch, axis=0)) if len(in_arch) > 50 else None
        touched = index[own][:, superior_axis]
        cuts = bool((touched == last).sum() >= 4), bool((touched == 0).sum() >= 4)
        above, below = cuts[::-1] if flipped else cuts
        rough[int(label)] = (centre, arch, above, below)
    return rough


def _line_direction(centres: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Along the neighbouring bodies toward cranial; straight up where there are none."""
    upper, lower = centres[max(n - 1, 0)], centres[min(n + 1, len(centres) - 1)]
    along = upper - lower
    return along if np.linalg.norm(along) > 5 else np.array([0.0, 0.0, 1.0])


def _neighbours_posterior(order: Sequence[int], rough: Mapping[int, RoughBody]) -> NDArray[np.float64]:
    """Mean direction from body to arch of the vertebrae that have one; straight back where none has."""
    known = [
        unit(arch - centre) for centre, arch, *_ in (rough[label] for label in order) if arch is not None
    ]
    return np.mean(known, axis=0) if known else np.array([0.0, 1.0, 0.0])


def _vertebra(labels: Labels, body: Body, confidence: Mapping[str, float]) -> Vertebra:
    arch: Arch = locate_arch(labels, body)
    level = VERSE_NAMES[body.label]
    return Vertebra(
        level=level,
        confidence=float(confidence.get(level, 0.0)),
        frame=body.frame,
        superior_endplate=body.superior_endplate,
        inferior_endplate=body.inferior_endplate,
        pedicles=arch.pedicles,
        laminae=arch.laminae,
        transverse_process_tips=arch.transverse_process_tips,
        spinous_process_tip=arch.spinous_process_tip,
        canal_centre=arch.canal_centre,
        complete=body.complete,
    )


def _joined(
    labels: Labels,
    n: int,
    bodies: Sequence[Body],
    vertebrae: Sequence[Vertebra],
    joints: Sequence[Mapping[Side, Joint]],
    under: tuple[Vertebra | Sacrum | None, int],
) -> Vertebra:
    """The vertebra with what it shares with its neighbours."""
    body, vertebra = bodies[n], vertebrae[n]
    above = joints[n - 1] if n else {}
    superior = {side: joint.superior_process for side, joint in above.items()}
    inferior = {side: joint.inferior_process for side, joint in joints[n].items()}
    if body.complete:
        free = free_articular_process(labels, body.label, body.frame, body.wall_mm, superior=True)
        superior = {
            side: superior.get(side) or free[side] for side in Side if side in superior or side in free
        }
        free = free_articular_process(labels, body.label, body.frame, body.wall_mm, superior=False)
        inferior = {
            side: inferior.get(side) or free[side] for side in Side if side in inferior or side in free
        }
    return replace(
        vertebra,
        superior_articular_processes=_rightly_sided(body, superior),
        inferior_articular_processes=_rightly_sided(body, inferior),
        facet_joints=_rightly_sided(body, {side: joint.centre for side, joint in joints[n].items()}),
        foramina=_foramina(labels, body, vertebra, under),
    )


def _rightly_sided(body: Body, points: Mapping[Side, Vector], ahead_mm: float = 0.0) -> dict[Side, Vector]:
    """Without those that do not lie on their own side, at most ``ahead_mm`` before the posterior wall."""
    kept = {}
    for side, point in points.items():
        x, y, _ = body.frame.to_local(point)
        if x * side.sign >= 4.0 and y >= body.wall_mm - ahead_mm:
            kept[side] = point
    return kept


def _foramina(
    labels: Labels, body: Body, vertebra: Vertebra, under: tuple[Vertebra | Sacrum | None, int]
) -> dict[Side, Vector]:
    lower, lower_label = under
    found: dict[Side, Vector] = {}
    for side, pedicle in vertebra.pedicles.items():
        if isinstance(lower, Sacrum):
            off = abs(float(vertebra.frame.to_local(pedicle.centre)[0]))
            below: Vector | None = s1_pedicle(lower, off, side)
        else:
            below = lower.pedicles[side].centre if lower is not None and side in lower.pedicles else None
        if below is None:
            continue
        centre = locate_foramen(labels, (body.label, lower_label), body.frame, (pedicle.centre, below))
        if centre is None:
            continue
        under_mm = vertebra.frame.to_local(pedicle.centre)[2] - vertebra.frame.to_local(centre)[2]
        if under_mm >= _UNDER_PEDICLE_MM:
            found[side] = centre
    return _rightly_sided(body, found, ahead_mm=_FORAMEN_AHEAD_MM)
