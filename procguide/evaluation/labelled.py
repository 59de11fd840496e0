"""A label map together with what its integers mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from procguide.anatomy.vocabularies import Meaning
from procguide.evaluation.mask import Box, Mask
from procguide.evaluation.structure import ORGANS, Structure, Tissues, tissues_of
from procguide.imaging import LabelMap
from procguide.segmentation.classes import TissueClass

__all__ = ["Bone", "Labelled"]

_CANAL_PARTS = frozenset({TissueClass.THECAL_SAC, TissueClass.SPINAL_CORD})


@dataclass(frozen=True)
class Bone:
    """One vertebra or the sacrum as a label map tells it: its labels, and the tissues they stand for."""

    name: str
    labels: tuple[int, ...]
    tissues: Tissues


@dataclass(frozen=True, eq=False)
class Labelled:
    """``labels``, their ``meanings``, and the ``vocabulary`` these are from, in words."""

    labels: LabelMap
    vocabulary: str
    meanings: Mapping[int, Meaning]

    @cached_property
    def boxes(self) -> Mapping[int, Box]:
        """Every label that occurs, and the smallest box that holds it."""
        found = ndimage.find_objects(self.labels.voxels)
        return {label: box for label, box in enumerate(found, start=1) if box is not None}

    @cached_property
    def present(self) -> tuple[int, ...]:
        """The labels that occur and have a meaning here."""
        return tuple(label for label in self.boxes if label in self.meanings)

    @cached_property
    def unknown(self) -> tuple[int, ...]:
        """The labels that occur and have none."""
        return tuple(label for label in self.boxes if label not in self.meanings)

    @cached_property
    def tissues(self) -> Mapping[int, Tissues]:
        """What each label of the vocabulary stands for in *this* map.

        A broad label (arch, canal) stands for all its parts where none of them occurs in the map, and
        else for what is left beside them.
        """
        meant = {label: tissues_of(meaning.regions) for label, meaning in self.meanings.items()}
        if TissueClass.CANAL in self._shown and not self._any_present(meant, _CANAL_PARTS):
            meant = {
                n: own | (_CANAL_PARTS if TissueClass.CANAL in own else set()) for n, own in meant.items()
            }
        return meant

    @cached_property
    def _shown(self) -> Tissues:
        return frozenset().union(*(tissues_of(self.meanings[label].regions) for label in self.present))

    def _any_present(self, meant: Mapping[int, Tissues], parts: Tissues) -> bool:
        return any(meant[label] and meant[label] <= parts for label in self.present)

    def tells(self, structure: Structure) -> str | None:
        """None where the map tells this structure apart, else why not, in words."""
        inside = [n for n, own in self.tissues.items() if own and own <= structure.tissues]
        if structure.tissues <= ORGANS and not self._shown & ORGANS:
            return "this map labels no organs"
        covered = frozenset().union(*(self.tissues[n] for n in inside))
        if not covered >= structure.tissues:
            return f"{self.vocabulary} labels do not tell it apart"
        across = [n for n in self.present if self.tissues[n] & structure.tissues and n not in inside]
        if across:
            return f"label {across[0]} of this map holds it together with other structures"
        if any(n in inside for n in self.present) and self._only_partial(inside):
            return "only a part of it is labelled"
        return None

    def judges(self, structure: Structure) -> bool:
        """Whether, as a reference, the map can judge this structure: it tells it apart, and all of it."""
        shown = frozenset().union(*(self.tissues[label] for label in self.present))
        lacks = bool(shown & structure.tissues) and not all(shown & need for need in structure.needs)
        return not lacks and self.tells(structure) is None

    def _only_partial(self, labels: Iterable[int]) -> bool:
        return all(self.meanings[n].partial for n in labels if n in self.present)

    def mask_of(self, structure: Structure) -> Mask:
        """Where the structure is."""
        return self.mask(n for n in self.present if self.tissues[n] and self.tissues[n] <= structure.tissues)

    @cached_property
    def bone_tissues(self) -> Tissues:
        """What the vertebrae and sacra of this vocabulary consist of; nothing where it tells none apart."""
        return frozenset().union(
            *(self.tissues[n] for n, meaning in self.meanings.items() if _bone_name(meaning))
        )

    def bones(self) -> tuple[Bone, ...]:
        """Every vertebra, and the sacrum, that the map tells from its neighbours."""
        named: dict[str, list[int]] = {}
        for label in self.present:
            name = _bone_name(self.meanings[label])
            if name is not None:
                named.setdefault(name, []).append(label)
        return tuple(
            Bone(name, tuple(labels), frozenset().union(*(self.tissues[n] for n in labels)))
            for name, labels in named.items()
            if not self._only_partial(labels)
        )

    def mask(self, labels: Iterable[int]) -> Mask:
        """Where any of ``labels`` is."""
        wanted = tuple(labels)
        boxes = [box for n in wanted if (box := self.boxes.get(n)) is not None]
        if not boxes:
            return Mask(np.zeros((0, 0, 0), dtype=bool), (0, 0, 0), self.labels.affine)
        start = [min(box[axis].start for box in boxes) for axis in range(3)]
        stop = [max(box[axis].stop for box in boxes) for axis in range(3)]
        crop = self.labels.voxels[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
        table = np.zeros(max(*wanted, int(crop.max())) + 1, dtype=bool)
        table[list(wanted)] = True
        return Mask(table[crop], (start[0], start[1], start[2]), self.labels.affine)


def _bone_name(meaning: Meaning) -> str | None:
    return f"number {meaning.count}" if meaning.count is not None else meaning.level
