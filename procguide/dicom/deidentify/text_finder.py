"""Where an image shows text. The finder can be replaced: all it must do is give boxes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
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
_DETECTOR = "*_det_*.onnx"
_OWN_SIZE, _TILE, _OVERLAP = 1280, 736, 160


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
            import rapidocr
            from rapidocr import EngineType, RapidOCR
        except ImportError as error:
            raise MissingPartError(_INSTALL) from error
        models = sorted(Path(rapidocr.__file__).with_name("models").glob(_DETECTOR))
        if not models:
            raise MissingPartError(_INSTALL)
        return RapidOCR(
            params={
                "Det.model_path": str(models[-1]),  # named, or it would be fetched where it is missing
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
        """Boxes round the text; an image too small for any text has none.

        A large image is looked at whole and in overlapping tiles: the detector shrinks what is larger.
        """
        if min(image.shape[:2]) < _SMALLEST_SIDE:
            return ()
        found = list(self._find(image))
        for top, left in _tiles(image.shape[0], image.shape[1]):
            tile = image[top : top + _TILE, left : left + _TILE]
            found += [
                Box(box.top + top, box.left + left, box.bottom + top, box.right + left)
                for box in self._find(tile)
            ]
        return tuple(found)

    def _find(self, image: NDArray[np.uint8]) -> Iterator[Box]:
        corners = self._engine(np.ascontiguousarray(image)).boxes
        if corners is None:
            return
        places = np.asarray(corners, dtype=int)[..., ::-1]  # (n, 4 corners, row and column)
        for low, high in zip(places.min(axis=1), places.max(axis=1), strict=True):
            yield Box(int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1)


def _tiles(rows: int, columns: int) -> list[tuple[int, int]]:
    """Where tiles start, row and column; none for an image that is looked at in its own size."""
    if max(rows, columns) <= _OWN_SIZE:
        return []
    starts = [
        sorted({min(start, max(size - _TILE, 0)) for start in range(0, size, _TILE - _OVERLAP)})
        for size in (rows, columns)
    ]
    return [(top, left) for top in starts[0] for left in starts[1]]
