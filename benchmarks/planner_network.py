"""What our networks make of a phantom's CT, for planner_population.py --labels network."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from procguide.anatomy import VERSE_NAMES, Anchor, Region
from procguide.anatomy.locate import locate_spine
from procguide.geometry import Affine
from procguide.imaging import Grid, LabelMap, Volume
from procguide.phantom import build, sample_parameters, simulate_ct
from procguide.planning import Subject
from procguide.segmentation.inference import Prediction, predict
from procguide.segmentation.network import read_bundle
from procguide.segmentation.segment import Segmentation, segment

SPACING_MM = 1.2
ASKED_IN = ("procguide.segmentation.segment.predict", "procguide.segmentation.surroundings.predict")


def network_subject(seed: int, cache: Path | None) -> Subject:
    """The phantom's CT at 1.2 mm with the networks' labels.

    ``cache`` keeps the CT and each network's own answer (``raw-SEED.pkl``); what is made of that answer is
    made anew. Delete them when the networks, the phantom or the CT change.
    """
    found, volume = network_labels(seed, cache)
    levels = LabelMap(found.levels.voxels, found.levels.affine, names=dict(VERSE_NAMES))
    regions = LabelMap(found.regions.voxels, levels.affine, names={int(r): r.label for r in Region if r})
    anchor = Anchor(found.anchor.value)
    spine = locate_spine(levels, regions, anchor=anchor, confidence=dict(found.confidence))
    return Subject(spine, levels, regions, volume, tuple(found.findings), coarse_organs=True)


def network_labels(seed: int, cache: Path | None) -> tuple[Segmentation, Volume]:
    """What ``segment`` says of the phantom's CT, and that CT."""
    file = cache / f"raw-{seed}.pkl" if cache else None
    known: dict[str, Any] = {}
    if file is not None and file.exists():
        known = pickle.loads(file.read_bytes())  # noqa: S301 (our own file)
    else:
        volume = simulate_ct(build(sample_parameters(seed), SPACING_MM), seed=seed)
        known["volume"] = replace(volume, voxels=np.asarray(volume.voxels, np.int16))
    with _answers(known):
        found = segment(known["volume"])
    if file is not None and not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pickle.dumps(known))
    return found, known["volume"]


@contextmanager
def _answers(known: dict[str, Any]) -> Iterator[None]:
    """``predict`` that takes what is in ``known``, and puts there what is not."""

    def answer(volume: Volume, model: str, **options: Any) -> Prediction:
        if model not in known:
            new = predict(volume, model, **options)
            known[model] = (new.classes.copy(), new.offset_mm.copy(), new.grid.affine.matrix, new.covered)
        classes, offset, matrix, covered = known[model]
        grid = Grid(classes.shape, Affine(matrix))
        return Prediction(classes.copy(), offset, grid, read_bundle(model).spec, covered)

    with patch(ASKED_IN[0], answer), patch(ASKED_IN[1], answer):
        yield
