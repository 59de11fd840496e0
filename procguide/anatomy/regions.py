"""What a voxel is: the closed vocabulary of anatomical regions."""

from __future__ import annotations

from enum import IntEnum, StrEnum

__all__ = ["BONE", "POSTERIOR_ELEMENTS", "VERTEBRA", "Region", "Side"]


class Side(StrEnum):
    """The patient's own left or right."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def sign(self) -> int:
        """+1 toward +x of patient LPS (left), -1 for right."""
        return 1 if self is Side.LEFT else -1


class Region(IntEnum):
    """Labels of ``regions.nii.gz`` and of the phantom's truth. Numbers are a contract: append, never move.

    ``ARCH`` stands for all posterior elements where they are not told apart; label maps hold either
    it or the seven finer regions.
    """

    BACKGROUND = 0
    BODY = 1
    PEDICLE = 2
    LAMINA = 3
    SPINOUS_PROCESS = 4
    TRANSVERSE_PROCESS = 5
    SUPERIOR_ARTICULAR_PROCESS = 6
    INFERIOR_ARTICULAR_PROCESS = 7
    ARCH = 8
    DISC = 9
    SACRUM = 10
    CANAL = 11
    RIB = 12
    ILIUM = 13
    SKIN = 14
    FAT = 15
    MUSCLE = 16
    KIDNEY = 17
    AORTA = 18
    SOFT_TISSUE = 19

    @property
    def label(self) -> str:
        """The name in lower-case words."""
        return self.name.lower().replace("_", " ")


POSTERIOR_ELEMENTS = (
    Region.PEDICLE,
    Region.LAMINA,
    Region.SPINOUS_PROCESS,
    Region.TRANSVERSE_PROCESS,
    Region.SUPERIOR_ARTICULAR_PROCESS,
    Region.INFERIOR_ARTICULAR_PROCESS,
    Region.ARCH,
)
VERTEBRA = (Region.BODY, *POSTERIOR_ELEMENTS)
BONE = (*VERTEBRA, Region.SACRUM, Region.RIB, Region.ILIUM)
