"""What the networks tell apart, and how it maps to the anatomy's regions."""

from __future__ import annotations

from enum import IntEnum
from types import MappingProxyType

from procguide.anatomy import POSTERIOR_ELEMENTS, Region

__all__ = ["CLASSES", "NETWORK_CLASS", "TissueClass"]


class TissueClass(IntEnum):
    """Channels of a network's answer, in order. One more channel after them carries the offset."""

    OTHER = 0
    BODY = 1
    ARCH = 2
    DISC = 3
    SACRUM = 4
    CANAL = 5
    RIB = 6
    ILIUM = 7

    @property
    def region(self) -> Region:
        """The region this class stands for."""
        return Region.BACKGROUND if self is TissueClass.OTHER else Region[self.name]


CLASSES = tuple(TissueClass)

NETWORK_CLASS = MappingProxyType(
    dict.fromkeys(POSTERIOR_ELEMENTS, TissueClass.ARCH)
    | {tissue.region: tissue for tissue in TissueClass if tissue is not TissueClass.OTHER}
)
"""Region to class; a region that is absent here is ``OTHER``."""
