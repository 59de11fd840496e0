"""What our networks make of a phantom's CT, for planner_population.py --labels network."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from procguide.anatomy import VERSE_NAMES, Anchor, Region
from procguide.anatomy.locate import locate_spine
from procguide.geometry import Affine
from procguide.imaging import LabelMap, Modality, Volume
from procguide.phantom import build, sample_parameters, simulate_ct
from procguide.planning import Subject
from procguide.segmentation.segment import segment

SPACING_MM = 1.2


def network_subject(seed: int, cache: Path | None) -> Subject:
    """The phantom's CT at 1.2 mm with the networks' labels, or what ``cache`` keeps of an earlier run.

    Delete the cached ``network-*.pkl`` when the networks, what is made of their answer, or the phantom
    change.
    """
    file = cache / f"network-{seed}.pkl" if cache else None
    if file is None or not file.exists():
        volume = simulate_ct(build(sample_parameters(seed), SPACING_MM), seed=seed)
        found = segment(volume)
        data = {
            "image": np.asarray(volume.voxels, np.int16),
            "image_affine": volume.affine.matrix,
            "levels": found.levels.voxels,
            "regions": found.regions.voxels,
            "affine": found.levels.affine.matrix,
            "anchor": found.anchor.value,
            "confidence": dict(found.confidence),
            "findings": found.findings,
        }
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(pickle.dumps(data))
    else:
        data = pickle.loads(file.read_bytes())  # noqa: S301 (our own file)
    affine = Affine(data["affine"])
    levels = LabelMap(data["levels"], affine, names=dict(VERSE_NAMES))
    regions = LabelMap(data["regions"], affine, names={int(r): r.label for r in Region if r})
    anchor = Anchor(data["anchor"])
    spine = locate_spine(levels, regions, anchor=anchor, confidence=data["confidence"])
    image = Volume(data["image"], Affine(data["image_affine"]), Modality.CT)
    return Subject(spine, levels, regions, image, tuple(data["findings"]), coarse_organs=True)
