"""Write a trained network as a MONAI bundle: configuration, metadata, card, licence, weights.

The bundle runs without this project, by ``python -m monai.bundle run`` on NIfTI files, and its metadata
follow MONAI's schema of 2024-07-25. This project itself reads ``configs/metadata.json`` and
``models/model.safetensors`` of it, and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from procguide.learning.bundle_config import inference_config
from procguide.segmentation.network import METADATA_FILE, OFFSET_SCALE_MM, WEIGHTS_FILE, NetworkSpec

__all__ = ["Card", "export_bundle"]

_SCHEMA = "https://project-monai.github.io/schema/meta_schema_20240725.json"
_LICENCE = Path(__file__).resolve().parents[2] / "LICENSE"
"""Training is run from the source tree, which has it."""
_NEEDED = ("nibabel", "pytorch-ignite", "safetensors")
_INTENDED_USE = "Research and training only. Not a medical device: a physician checks every label."


@dataclass(frozen=True)
class Card:
    """What a person should know of a network, in words; each item a sentence or a line.

    ``data`` says with licence what it was trained on, ``figures`` what was measured and by which command,
    ``limits`` what it must not be trusted with.
    """

    task: str
    description: str
    modality: str = "CT, MR"
    data: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    references: tuple[str, ...] = (
        "E. Kerfoot and others, Left-Ventricle Quantification Using Residual U-Net, STACOM 2018",
    )


def export_bundle(
    folder: Path,
    weights: Mapping[str, Tensor],
    spec: NetworkSpec,
    card: Card,
    training: Mapping[str, Any],
) -> None:
    """Write the bundle ``folder``, in place of an older one there; a kill leaves the old one or none.

    ``weights`` are those of ``build_network(spec.channels, len(spec.classes))`` and are kept in half
    precision. ``training`` holds the recipe's facts (steps, batch, seed, commit, ...), JSON-able.
    """
    partial = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(partial, ignore_errors=True)
    content = save({name: tensor.detach().half().contiguous().cpu() for name, tensor in weights.items()})
    metadata = _metadata(spec, card, training, hashlib.sha256(content).hexdigest())
    documents = {
        METADATA_FILE: _json(metadata),
        "configs/inference.json": _json(inference_config(spec)),
        "docs/README.md": _model_card(spec, card, training),
        "LICENSE": _LICENCE.read_text(encoding="utf-8"),
    }
    for name, text in documents.items():
        (partial / name).parent.mkdir(parents=True, exist_ok=True)
        (partial / name).write_text(text, encoding="utf-8")
    (partial / WEIGHTS_FILE).parent.mkdir()
    (partial / WEIGHTS_FILE).write_bytes(content)
    if folder.exists():
        shutil.rmtree(folder)
    partial.rename(folder)


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


def _metadata(spec: NetworkSpec, card: Card, training: Mapping[str, Any], digest: str) -> dict[str, Any]:
    channels = [tissue.name.lower() for tissue in spec.classes]
    return {
        "schema": _SCHEMA,
        "version": spec.version,
        "changelog": {spec.version: "as trained by the recipe under procguide.training"},
        "monai_version": version("monai"),
        "pytorch_version": version("torch").split("+")[0],
        "numpy_version": version("numpy"),
        "required_packages_version": {name: version(name) for name in _NEEDED},
        "name": spec.name,
        "task": card.task,
        "description": card.description,
        "authors": "The procguide developers",
        "copyright": "Copyright (c) The procguide developers, Apache-2.0",
        "data_source": "; ".join(card.data),
        "data_type": "nibabel",
        "image_classes": "one channel: (HU, -250 to 1000, - 150) / 300; others as in configs/inference.json",
        "pred_classes": f"logits of {', '.join(channels)}, then the offset; no softmax is applied",
        "intended_use": _INTENDED_USE,
        "references": list(card.references),
        "network_data_format": _data_format(spec, card, channels),
        "procguide": {
            "spacing_mm": spec.spacing_mm,
            "patch": spec.patch,
            "channels": list(spec.channels),
            "classes": channels,
            "weights_sha256": digest,
            "training": dict(training),
            "figures": list(card.figures),
            "limits": list(card.limits),
        },
    }


def _data_format(spec: NetworkSpec, card: Card, channels: list[str]) -> dict[str, Any]:
    shape = [f"{spec.step}*n"] * 3
    shared = {"type": "image", "spatial_shape": shape, "dtype": "float32", "is_patch_data": True}
    offset = f"height of the own vertebral body's centre above the voxel, in {OFFSET_SCALE_MM:g} mm"
    return {
        "inputs": {
            "image": shared
            | {
                "format": "hounsfield",
                "modality": card.modality,
                "num_channels": 1,
                "value_range": [-1.34, 2.84],
                "channel_def": {"0": "image"},
            }
        },
        "outputs": {
            "pred": shared
            | {
                "format": "segmentation",
                "num_channels": len(channels) + 1,
                "value_range": [],
                "channel_def": {str(n): name for n, name in enumerate([*channels, offset])},
            }
        },
    }


def _model_card(spec: NetworkSpec, card: Card, training: Mapping[str, Any]) -> str:
    """``docs/README.md``."""
    facts = {
        "lattice, patch": f"{spec.spacing_mm:g} mm, {spec.patch} cubed (superior, posterior, left)",
        "architecture": f"MONAI residual UNet, channels {', '.join(map(str, spec.channels))}",
        "modality": card.modality,
        "classes": ", ".join(tissue.name.lower() for tissue in spec.classes),
    }
    facts |= {name.replace("_", " "): str(value) for name, value in training.items()}
    table = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
    lists = {"Data": card.data, "Figures": card.figures, "Limits": card.limits, "References": card.references}
    sections = "\n".join(
        f"## {title}\n\n" + "\n".join(f"- {line}" for line in lines) + "\n"
        for title, lines in lists.items()
        if lines
    )
    return f"""# {spec.name} {spec.version}

{card.description}

{_INTENDED_USE}

| | |
|---|---|
{table}

{sections}
## Run

From this folder, on every `.nii.gz` in DIR:

    python -m monai.bundle run --config_file configs/inference.json --dataset_dir DIR --output_dir OUT

Labels are channel numbers, as `network_data_format` in `configs/metadata.json` names them. For images
other than CT add `--modality MR`. It needs monai, torch, nibabel, pytorch-ignite, fire and safetensors.
"""
