"""The one architecture, its weights on disk, and its intensities."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from procguide.errors import InputUnreadableError
from procguide.imaging import Modality
from procguide.provenance import hash_files
from procguide.segmentation.classes import TissueClass

if TYPE_CHECKING:
    from torch import nn

__all__ = ["NetworkSpec", "build_network", "load_network", "normalise"]

OFFSET_SCALE_MM = 30.0
"""The offset channel is in this unit, so that its values are near one."""


@dataclass(frozen=True)
class NetworkSpec:
    """What a weights file needs to be used: read from the card beside it."""

    name: str
    version: str
    spacing_mm: float
    patch: int
    channels: tuple[int, ...]
    classes: tuple[TissueClass, ...]

    @classmethod
    def from_card(cls, card: dict[str, Any]) -> NetworkSpec:
        """Pick the specification out of a model card."""
        return cls(
            name=str(card["name"]),
            version=str(card["version"]),
            spacing_mm=float(card["spacing_mm"]),
            patch=int(card["patch"]),
            channels=tuple(int(n) for n in card["channels"]),
            classes=tuple(TissueClass[str(name).upper()] for name in card["classes"]),
        )


def build_network(channels: tuple[int, ...], n_classes: int) -> nn.Module:
    """MONAI's residual UNet (Kerfoot et al., STACOM 2018): one image in, classes and one offset out.

    Input ``(batch, 1, k, j, i)`` of :func:`normalise`; output ``(batch, n_classes + 1, k, j, i)``.
    The last channel is the signed distance toward cranial, in units of 30 mm, from a vertebra's voxel
    to the centre of its own body: it tells which vertebra an articular process belongs to.
    """
    from monai.networks.nets import UNet

    net: nn.Module = UNet(
        spatial_dims=3,
        in_channels=1,
        out_channels=n_classes + 1,
        channels=channels,
        strides=(2,) * (len(channels) - 1),
        num_res_units=2,
        norm=("INSTANCE", {"affine": True}),
    )
    return net


@lru_cache(maxsize=4)
def load_network(name_or_folder: str) -> tuple[nn.Module, NetworkSpec]:
    """A shipped network by name, or one from a folder with ``card.json`` and ``weights.safetensors``.

    Weights are safetensors, which cannot run code. A missing or unsuited file is
    :class:`InputUnreadableError`. The version gets the start of the weights' SHA-256.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = Path(str(resources.files("procguide.segmentation"))) / "models" / name_or_folder
    if not folder.is_dir():
        folder = Path(name_or_folder)
    try:
        spec = NetworkSpec.from_card(json.loads((folder / "card.json").read_text()))
        weights = load_file(folder / "weights.safetensors")
        digest = hash_files([folder / "weights.safetensors"])[:12]
        net = build_network(spec.channels, len(spec.classes))
        net.load_state_dict({key: value.float() for key, value in weights.items()})
    except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputUnreadableError(
            f"no usable network at {name_or_folder!r} ({error}); give a shipped name or a folder "
            "with card.json and weights.safetensors"
        ) from error
    return net.eval(), replace(spec, version=f"{spec.version} {digest}")


def normalise(voxels: NDArray[Any], modality: Modality) -> NDArray[np.float32]:
    """Intensities as the networks take them: HU -250..1000 to about -1.3..2.8.

    Other modalities have no absolute scale: their 1st and 99.5th percentile inside the body are taken
    for -150 and 600 HU.
    """
    values = np.asarray(voxels, dtype=np.float32)
    if modality is not Modality.CT:
        inside = values[values > values.mean() * 0.2]
        low, high = np.percentile(inside if inside.size else values, (1, 99.5))
        values = (values - low) / max(float(high - low), 1e-6) * 750.0 - 150.0
    return np.asarray((np.clip(values, -250.0, 1000.0) - 150.0) / 300.0, dtype=np.float32)
