"""MONAI bundles: ``configs/metadata.json``, an inference configuration, and weights.

By default the bundle's configuration is read as data (:mod:`procguide.segmentation.adapters.plain_config`):
the network, the image's preparation and the sliding window are built from MONAI's own classes. What needs
the bundle's Python code is run by :mod:`monai.bundle` only where the user trusts it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from procguide.errors import InputUnreadableError, MissingPartError, UsageError
from procguide.geometry import Affine
from procguide.imaging import LabelMap, Volume
from procguide.segmentation.adapters.foreign import ForeignLabels, ModelCard, Progress
from procguide.segmentation.adapters.mapping import LabelMapping
from procguide.segmentation.adapters.orientation import turned
from procguide.segmentation.adapters.plain_config import CodeInConfigError, PlainConfig
from procguide.segmentation.adapters.safe_files import (
    brief,
    fingerprint,
    licence_of,
    load_checkpoint,
    read_document,
    silenced,
    tensors_of,
)

if TYPE_CHECKING:
    import torch

__all__ = ["METADATA", "MonaiBundle"]

METADATA = Path("configs/metadata.json")
_CONFIGS = ("inference.json", "inference.yaml", "inference.yml")
_WEIGHTS = ("model.safetensors", "model.pt", "model.pth")
_LOADERS = ("LoadImage", "EnsureChannelFirst", "AddChannel", "AsChannelFirst")
_NETWORKS = ("network_def", "network")
_TRANSFORMS = ("preprocessing", "pre_transforms", "inference_transforms")
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_MAX_VALUES = 2**31


@dataclass(frozen=True)
class MonaiBundle:
    """A bundle's folder. ``trusted``: the user allows its code to run."""

    folder: Path
    config: Path
    weights: Path
    metadata: Mapping[str, Any]
    mapping: LabelMapping
    card: ModelCard
    trusted: bool = False

    @classmethod
    def open(cls, folder: Path, mapping: LabelMapping | None = None, *, trusted: bool = False) -> MonaiBundle:
        """Read what a bundle says of itself; weights are read when it runs."""
        metadata = read_document(folder / METADATA)
        config = _first(folder / "configs", _CONFIGS, "an inference configuration")
        weights = _first(folder / "models", _WEIGHTS, "weights")
        own = mapping or LabelMapping.from_names(_channel_names(metadata))
        card = ModelCard(
            name=f"MONAI bundle {metadata.get('name') or metadata.get('task') or folder.name}"[:100],
            version=str(metadata.get("version", ""))[:40],
            licence=own.licence or licence_of(folder, metadata),
            fingerprint=fingerprint(weights),
        )
        return cls(folder, config, weights, metadata, own, card, trusted)

    def label(self, volume: Volume, *, device: str, progress: Progress) -> tuple[ForeignLabels, ...]:
        """Labels on the lattice that the bundle works on."""
        import torch

        chosen = torch.device(
            ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        )
        progress("reading the MONAI bundle", 0.0)
        parts = self._parts(chosen)
        with silenced():
            image = parts.prepare(_as_tensor(volume))
            labels = _predict(parts, image, chosen, lambda share: progress("segmenting by the bundle", share))
        return (ForeignLabels(labels, self.mapping.meanings),)

    def _parts(self, device: torch.device) -> _Parts:
        try:
            with silenced():
                return self._trusted_parts(device) if self.trusted else self._plain_parts(device)
        except CodeInConfigError as error:
            raise UsageError(
                f"this bundle's configuration holds code that would have to run: {error}. If you trust where "
                "it comes from, add --trust-model"
            ) from error
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise InputUnreadableError(
                f"{self.folder} is not a MONAI bundle that can be run here ({brief(error)})"
            ) from error

    def _plain_parts(self, device: torch.device) -> _Parts:
        config = PlainConfig(read_document(self.config), {"device": device, "bundle_root": str(self.folder)})
        network_place = _place(config.tree, _NETWORKS)
        network = _fitted(lambda: config.build(network_place), self.weights)
        prepare = config.value(_place(config.tree, _TRANSFORMS))
        steps = [
            config_step
            for config_step in prepare["transforms"]
            if not str(config_step["_target_"]).rpartition(".")[2].startswith(_LOADERS)
        ]
        built = PlainConfig({"steps": steps}).build("steps")
        inferer = {**config.tree["inferer"], "device": None, "sw_device": None}
        inferer = {key: value for key, value in inferer.items() if value is not None}
        window = PlainConfig({**config.tree, "inferer": inferer}, config.given).build("inferer")
        key = str(steps[0]["keys"] if steps else "image")
        return _Parts(network.to(device), built, window, key, _answer(config.tree, self.metadata))

    def _trusted_parts(self, device: torch.device) -> _Parts:
        """As MONAI itself reads the bundle: its expressions are evaluated."""
        from monai.bundle import ConfigParser

        parser = ConfigParser()
        parser.read_config(str(self.config))
        parser["bundle_root"] = str(self.folder)
        parser["device"] = device
        place = _place(parser.config, _NETWORKS)
        network = _fitted(lambda: parser.get_parsed_content(place), self.weights, lazily=False)
        prepare = parser.get_parsed_content(_place(parser.config, _TRANSFORMS))
        steps = [step for step in prepare.transforms if not type(step).__name__.startswith(_LOADERS)]
        window = parser.get_parsed_content("inferer")
        key = next((step.keys[0] for step in steps if getattr(step, "keys", ())), "image")
        return _Parts(network.to(device), steps, window, str(key), _answer(parser.config, self.metadata))


@dataclass(frozen=True)
class _Parts:
    """What runs: the network, the image's preparation (transforms of a dictionary), the window."""

    network: torch.nn.Module
    steps: list[Any]
    window: Any
    key: str
    answer: str

    def prepare(self, image: Any) -> Any:
        data: Any = {self.key: image}
        for step in self.steps:
            if step is not None:
                data = step(data)
        return data[self.key]


def _first(folder: Path, names: tuple[str, ...], what: str) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise MissingPartError(
        f"the bundle holds no {what} ({folder.name}/{' or '.join(names)}); put it there as its makers give it"
    )


def _place(tree: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        if name in tree:
            return name
    raise KeyError(f"no {' or '.join(names)} in its inference configuration")


def _channel_names(metadata: Mapping[str, Any]) -> dict[int, str]:
    """Channel to name of the answer, as the metadata's ``network_data_format`` says it."""
    try:
        outputs = metadata["network_data_format"]["outputs"]
        answer = outputs.get("pred") or next(iter(outputs.values()))
        return {int(channel): str(name) for channel, name in answer["channel_def"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
        raise InputUnreadableError(
            "the bundle's metadata do not say what its channels are (network_data_format: outputs: pred: "
            "channel_def); say it with --model-labels FILE"
        ) from error


def _fitted(build: Callable[[], Any], weights: Path, *, lazily: bool = True) -> torch.nn.Module:
    """The network with its weights, compared before memory is taken for it."""
    import torch

    loaded = load_checkpoint(weights)
    for key in ("model", "state_dict", "network", "net"):
        if isinstance(loaded.get(key), dict):
            loaded = loaded[key]
            break
    tensors = {name.removeprefix("module."): value for name, value in tensors_of(loaded, weights).items()}
    if lazily:
        with torch.device("meta"):
            shapes = {name: value.shape for name, value in build().state_dict().items()}
        if shapes != {name: value.shape for name, value in tensors.items()}:
            raise ValueError(f"its weights are not those of the network in {METADATA.parent}")
    network: torch.nn.Module = build()
    network.load_state_dict(tensors)
    return network.float().eval()


def _answer(tree: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    """``"classes"`` that exclude one another, or ``"channels"`` each on its own."""
    post = str(tree.get("postprocessing", tree.get("post_transforms", "")))
    said = str(metadata.get("network_data_format", {}).get("outputs", {}))
    own = "sigmoid': True" in post or "threshold" in post
    return "channels" if own and "argmax': True" not in post and "softmax" not in said else "classes"


def _as_tensor(volume: Volume) -> Any:
    """``(1, i, j, k)`` with the affine to RAS mm: what MONAI's reader gives of a RAS NIfTI file."""
    import torch
    from monai.data.meta_tensor import MetaTensor

    image = turned(volume, "SAR")
    matrix = _LPS_TO_RAS @ image.affine.matrix[:, [2, 1, 0, 3]]
    voxels = torch.from_numpy(np.ascontiguousarray(image.voxels.transpose(2, 1, 0)).astype(np.float32))
    return MetaTensor(voxels[None], affine=torch.from_numpy(matrix))


def _predict(parts: _Parts, image: Any, device: torch.device, advance: Callable[[float], None]) -> LabelMap:
    """One label a voxel of the prepared image's own lattice; the argmax is taken there."""
    import torch

    matrix = _LPS_TO_RAS @ np.asarray(image.affine, dtype=np.float64)
    affine = Affine(matrix[:, [2, 1, 0, 3]])
    windows = _window_count(image.shape[1:], parts.window)
    done = 0

    def answer(patch: torch.Tensor) -> torch.Tensor:
        nonlocal done
        result: Any = parts.network(patch)
        done += patch.shape[0]
        advance(min(1.0, done / windows))
        first = result[0] if isinstance(result, list | tuple) else result
        return torch.as_tensor(first)

    with torch.inference_mode():
        plain = image.as_tensor() if hasattr(image, "as_tensor") else image
        logits = parts.window(plain[None].to(device), answer)[0]
        if parts.answer == "channels" or logits.shape[0] == 1:
            labels = _channels(logits)
        else:
            labels = logits.argmax(dim=0)
    voxels = labels.cpu().numpy().transpose(2, 1, 0)
    return LabelMap(voxels.astype(np.uint8 if logits.shape[0] <= 256 else np.uint16), affine)


def _channels(logits: torch.Tensor) -> torch.Tensor:
    """The surest channel above one half; a single channel is label 1 (or 0 where it is none)."""
    best, channel = logits.max(dim=0)
    shift = 1 if logits.shape[0] == 1 else 0
    return (channel + shift) * (best > 0)


def _window_count(shape: Any, window: Any) -> int:
    size = getattr(window, "roi_size", None) or shape
    overlap = getattr(window, "overlap", 0.25)
    share = float(overlap[0] if isinstance(overlap, list | tuple) else overlap)
    sizes = [size] * 3 if isinstance(size, int) else list(size)
    steps = [
        max(1.0, side * (1 - share)) if side > 0 else float(n) for n, side in zip(shape, sizes, strict=True)
    ]
    counts = [
        max(1, np.ceil((n - side) / step) + 1) for n, side, step in zip(shape, sizes, steps, strict=True)
    ]
    return int(np.prod(counts))
