"""The one architecture, its weights on disk, and its intensities."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from procguide.errors import InputUnreadableError
from procguide.imaging import Modality
from procguide.segmentation.classes import TissueClass

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "METADATA_FILE",
    "OFFSET_SCALE_MM",
    "WEIGHTS_FILE",
    "Bundle",
    "NetworkSpec",
    "build_network",
    "load_network",
    "network_of",
    "normalise",
    "read_bundle",
]

METADATA_FILE = "configs/metadata.json"
WEIGHTS_FILE = "models/model.safetensors"
OFFSET_SCALE_MM = 30.0
"""The offset channel is in this unit, so that its values are near one."""


@dataclass(frozen=True)
class NetworkSpec:
    """What a network needs to be used: read from its bundle's metadata."""

    name: str
    version: str
    spacing_mm: float
    patch: int
    channels: tuple[int, ...]
    classes: tuple[TissueClass, ...]

    @classmethod
    def from_metadata(cls, metadata: dict[str, Any], digest: str) -> NetworkSpec:
        """Pick the specification out of ``metadata.json``; the version gets the start of ``digest``."""
        own = metadata["procguide"]
        return cls(
            name=str(metadata["name"]),
            version=f"{metadata['version']} {digest[:12]}",
            spacing_mm=float(own["spacing_mm"]),
            patch=int(own["patch"]),
            channels=tuple(int(n) for n in own["channels"]),
            classes=tuple(TissueClass[str(name).upper()] for name in own["classes"]),
        )

    @property
    def step(self) -> int:
        """Window lengths are multiples of this many voxels: one of the coarsest resolution."""
        return int(2 ** (len(self.channels) - 1))


@dataclass(frozen=True, eq=False)
class Bundle:
    """A network's specification and its tensors by name, as its torch module names them."""

    spec: NetworkSpec
    weights: dict[str, NDArray[Any]]


def read_bundle(name_or_folder: str) -> Bundle:
    """A shipped network by name, or one from a MONAI bundle's folder that ``export_bundle`` wrote.

    Of the bundle only ``configs/metadata.json`` and ``models/model.safetensors`` are read: nothing in it
    can run code. Weights whose SHA-256 is not the one in the metadata, and files that are missing or
    unsuited, are :class:`InputUnreadableError`.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    folder = Path(str(resources.files("procguide.segmentation"))) / "models" / name_or_folder
    if not folder.is_dir():
        folder = Path(name_or_folder)
    try:
        metadata = json.loads((folder / METADATA_FILE).read_text(encoding="utf-8"))
        content = (folder / WEIGHTS_FILE).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if digest != metadata["procguide"]["weights_sha256"]:
            raise ValueError(f"{WEIGHTS_FILE} was changed: its hash is not the one in {METADATA_FILE}")
        bundle = Bundle(NetworkSpec.from_metadata(metadata, digest), load(content))
        _check_fit(bundle)
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        raise InputUnreadableError(
            f"no usable network at {name_or_folder!r} ({error}); give a shipped name or the folder of a "
            f"bundle with {METADATA_FILE} and {WEIGHTS_FILE} as they were written"
        ) from error
    return bundle


def _check_fit(bundle: Bundle) -> None:
    """Whether the tensors are those of the architecture that the metadata says."""
    levels = len(bundle.spec.channels) - 2
    down = [f"model.{'1.submodule.' * level}0.conv.unit0.conv.weight" for level in range(levels + 1)]
    down.append(f"model.{'1.submodule.' * (levels + 1)}conv.unit0.conv.weight")
    found = tuple(len(bundle.weights[name]) for name in down)
    answers = len(bundle.weights["model.2.1.conv.unit0.conv.weight"])
    if found != bundle.spec.channels or answers != len(bundle.spec.classes) + 1:
        raise ValueError(f"weights of channels {found} and {answers} answers do not fit the metadata")


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


def network_of(bundle: Bundle) -> nn.Module:
    """The torch module with the bundle's weights, in evaluation mode."""
    import torch

    net = build_network(bundle.spec.channels, len(bundle.spec.classes))
    net.load_state_dict(
        {name: torch.from_numpy(values.astype(np.float32)) for name, values in bundle.weights.items()}
    )
    return net.eval()


def load_network(name_or_folder: str) -> tuple[nn.Module, NetworkSpec]:
    """The torch module of :func:`read_bundle`, and its specification."""
    bundle = read_bundle(name_or_folder)
    return network_of(bundle), bundle.spec


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
