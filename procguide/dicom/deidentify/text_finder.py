"""Where an image shows text. The finder can be replaced: all it must do is give boxes."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from procguide.dicom.deidentify.regions import Box
from procguide.errors import MissingPartError

__all__ = ["RapidTextFinder", "TextFinder"]

_INSTALL = (
    "burnt-in text is found by RapidOCR, which is not installed: pip install 'procguide[deidentify]', "
    "or leave such images out with --pixels leave-out"
)
_SMALLEST_SIDE = 30


class TextFinder(Protocol):
    """Finds text in any script. It blocks, keeps nothing, and reaches no network."""

    def find(self, image: NDArray[np.uint8]) -> tuple[Box, ...]:
        """Boxes round the text in ``image`` ``(j, i, 3)``; text is not read, only found."""
        ...


class RapidTextFinder:
    """The text detector that RapidOCR ships (PP-OCR, differentiable binarization), on OpenVINO.

    Its default threshold is lowered: a box too many costs some pixels, a box too few a name.
    """

    def __init__(self, box_score: float = 0.4, threads: int = -1) -> None:
        self._box_score = box_score
        self._threads = threads

    @cached_property
    def _engine(self) -> Any:
        try:
            from rapidocr import EngineType, RapidOCR
        except ImportError as error:
            raise MissingPartError(_INSTALL) from error
        return RapidOCR(
            params={
                "Global.use_cls": False,
                "Global.use_rec": False,
                "Global.log_level": "critical",
                "Det.engine_type": EngineType.OPENVINO,
                "Det.box_thresh": self._box_score,
                "Cls.engine_type": EngineType.OPENVINO,
                "Rec.engine_type": EngineType.OPENVINO,
                "EngineConfig.openvino.inference_num_threads": self._threads,
            }
        )

    def find(self, image: NDArray[np.uint8]) -> tuple[Box, ...]:
        """Boxes round the text; an image too small for any text has none."""
        if min(image.shape[:2]) < _SMALLEST_SIDE:
            return ()
        corners = self._engine(np.ascontiguousarray(image)).boxes
        if corners is None:
            return ()
        places = np.asarray(corners, dtype=int)[..., ::-1]  # (n, 4 corners, row and column)
        return tuple(
            Box(int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1)
            for low, high in zip(places.min(axis=1), places.max(axis=1), strict=True)
        )
