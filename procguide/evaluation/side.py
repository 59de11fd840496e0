"""One side of an evaluation: one label map, or several that say different things of one patient."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

import numpy as np
from numpy.typing import NDArray

from procguide.anatomy import SACRUM
from procguide.errors import InputUnfitError
from procguide.evaluation.labelled import Bone, Labelled
from procguide.evaluation.mask import Mask
from procguide.evaluation.structure import ORGANS, Structure, Tissues
from procguide.evaluation.vocabulary import meanings_in
from procguide.imaging import Grid, LabelMap
from procguide.imaging.resample import resample

__all__ = ["Side"]


@dataclass(frozen=True, eq=False)
class Side:
    """``maps`` lie on one lattice; what one does not tell apart, the next may."""

    maps: tuple[Labelled, ...]

    @classmethod
    def of(cls, *maps: tuple[LabelMap, str]) -> Side:
        """From label maps and the names of their vocabularies; they are put on the first one's lattice."""
        grid = maps[0][0].grid
        return cls(tuple(Labelled(resample(labels, grid), own, meanings_in(own)) for labels, own in maps))

    @property
    def grid(self) -> Grid:
        """The lattice."""
        return self.maps[0].labels.grid

    @property
    def is_empty(self) -> bool:
        """Whether nothing is labelled that has a meaning."""
        return not any(one.present for one in self.maps)

    def on(self, grid: Grid) -> Side:
        """The same labels on another lattice, by the nearest voxel."""
        return Side(tuple(replace(one, labels=resample(one.labels, grid)) for one in self.maps))

    def kept(self, where: NDArray[np.bool_]) -> Side:
        """Only the labels where ``where`` (k, j, i) is true."""
        return Side(
            tuple(
                replace(one, labels=one.labels.with_voxels(np.where(where, one.labels.voxels, 0)))
                for one in self.maps
            )
        )

    def tells(self, structure: Structure) -> str | None:
        """None where some map tells the structure apart, else why the last one does not."""
        answers = [one.tells(structure) for one in self.maps]
        return None if None in answers else answers[-1]

    def judges(self, structure: Structure) -> bool:
        """Whether, as a reference, some map can judge the structure."""
        return any(one.judges(structure) for one in self.maps)

    def mask_of(self, structure: Structure) -> Mask:
        """Where the structure is, by the first map that tells it apart and shows some of it.

        Organs are what all maps show together: the one round the spine cuts them off.
        """
        masks = [one.mask_of(structure) for one in self.maps if one.tells(structure) is None]
        if not masks:
            raise InputUnfitError(f"{structure.name}: {self.tells(structure)}")
        if structure.tissues <= ORGANS:
            return reduce(or_, masks)
        return next((mask for mask in masks if mask.count), masks[0])

    @property
    def bone_map(self) -> Labelled | None:
        """The first map whose vocabulary tells vertebrae from one another."""
        return next((one for one in self.maps if one.bone_tissues), None)

    def bones(self) -> dict[str, Bone]:
        """Vertebrae and sacrum by name."""
        return {bone.name: bone for bone in self.bone_map.bones()} if self.bone_map else {}

    def mask_of_bone(self, bone: Bone, tissues: Tissues) -> Mask | None:
        """The part of one of :meth:`bones` that is of ``tissues``; None where no map tells that part."""
        if self.bone_map is None:
            return None
        whole = self.bone_map.mask(bone.labels)
        if bone.tissues <= tissues:
            return whole
        part = Structure(bone.name, frozenset(tissues))
        return whole & self.mask_of(part) if self.tells(part) is None else None

    @property
    def names_levels(self) -> bool:
        """Whether vertebrae bear names, and are not merely counted."""
        return any(not name.startswith("number") for name in self.bones() if name != SACRUM)
