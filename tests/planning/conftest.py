from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

import numpy as np
import pytest

from procguide.anatomy import Endplate, Sacrum, Side, Spine, Vertebra
from procguide.geometry import Affine, AnatomicalFrame, Vector
from procguide.imaging import LabelMap
from procguide.phantom import build, sample_parameters
from procguide.planning.site import LocalLabels

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Patient:
    """A phantom's truth."""

    spine: Spine
    levels: LabelMap
    regions: LabelMap

    @lru_cache(maxsize=8)  # noqa: B019 (patients live as long as the tests)
    def about(self, level: str) -> LocalLabels:
        """The labels within 90 mm of a vertebra's middle."""
        middle = self.levels.to_index(self.spine.vertebra(level).frame.origin)
        reach = 90.0 / np.array(self.levels.spacing)
        low = np.maximum(middle - reach, 0).astype(int).tolist()
        high = np.minimum(middle + reach, self.levels.shape).astype(int).tolist()
        present = frozenset(int(label) for label in self.regions.present())
        return LocalLabels(self.levels.crop(low, high), self.regions.crop(low, high), present)


@pytest.fixture(scope="session")
def patient() -> Patient:
    phantom = build(sample_parameters(2), spacing_mm=1.25)
    return Patient(phantom.spine, phantom.levels, phantom.regions)


@pytest.fixture(scope="session")
def mirrored(patient: Patient) -> Patient:
    """The same patient with left and right exchanged (x to -x)."""
    return Patient(mirror_spine(patient.spine), mirror_labels(patient.levels), mirror_labels(patient.regions))


def mirror_labels(labels: LabelMap) -> LabelMap:
    low, posterior, inferior = labels.affine.origin
    last = low + (labels.shape[2] - 1) * labels.spacing[2]
    affine = Affine.axis_aligned(labels.spacing, (-last, posterior, inferior))
    return LabelMap(np.ascontiguousarray(labels.voxels[:, :, ::-1]), affine, names=labels.names)


def mirror(point: Vector) -> Vector:
    return (-point[0], point[1], point[2])


def mirror_frame(frame: AnatomicalFrame) -> AnatomicalFrame:
    left = np.array(mirror(frame.left)) * -1
    return AnatomicalFrame.from_axes(mirror(frame.origin), mirror(frame.superior), left)


def swap(values: Mapping[Side, T]) -> dict[Side, T]:
    other = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}
    return {other[side]: value for side, value in values.items()}


def points(values: Mapping[Side, Vector]) -> dict[Side, Vector]:
    return {side: mirror(value) for side, value in swap(values).items()}


def plate(endplate: Endplate) -> Endplate:
    return replace(endplate, centre=mirror(endplate.centre), normal=mirror(endplate.normal))


def mirror_vertebra(vertebra: Vertebra) -> Vertebra:
    pedicles = swap(vertebra.pedicles)
    return replace(
        vertebra,
        frame=mirror_frame(vertebra.frame),
        superior_endplate=plate(vertebra.superior_endplate),
        inferior_endplate=plate(vertebra.inferior_endplate),
        pedicles={
            side: replace(pedicle, centre=mirror(pedicle.centre), axis=mirror(pedicle.axis))
            for side, pedicle in pedicles.items()
        },
        laminae=points(vertebra.laminae),
        superior_articular_processes=points(vertebra.superior_articular_processes),
        inferior_articular_processes=points(vertebra.inferior_articular_processes),
        facet_joints=points(vertebra.facet_joints),
        transverse_process_tips=points(vertebra.transverse_process_tips),
        foramina=points(vertebra.foramina),
        canal_centre=mirror(vertebra.canal_centre) if vertebra.canal_centre else None,
    )


def mirror_sacrum(sacrum: Sacrum) -> Sacrum:
    return replace(
        sacrum,
        frame=mirror_frame(sacrum.frame),
        endplate=plate(sacrum.endplate),
        promontory=mirror(sacrum.promontory),
        superior_articular_processes=points(sacrum.superior_articular_processes),
        alae=points(sacrum.alae),
    )


def mirror_spine(spine: Spine) -> Spine:
    return replace(
        spine,
        vertebrae=tuple(mirror_vertebra(vertebra) for vertebra in spine.vertebrae),
        sacrum=mirror_sacrum(spine.sacrum) if spine.sacrum else None,
        canal=tuple(mirror(point) for point in spine.canal),
    )
