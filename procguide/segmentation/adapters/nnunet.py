"""nnU-Net v2 model folders, run by nnU-Net's own preprocessing and sliding window.

F. Isensee and others, Nature Methods 18 (2021) 203-211. What differs from its own predictor: weights are
read without unpickling; network classes come from nnU-Net's own packages only; labels are taken at the
model's working spacing and not from one float volume a class at full size.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from procguide.errors import InputUnfitError, InputUnreadableError, MissingPartError
from procguide.geometry import Affine
from procguide.imaging import LabelMap, Modality, Volume
from procguide.segmentation.adapters.foreign import ForeignLabels, ModelCard, Progress
from procguide.segmentation.adapters.mapping import LabelMapping
from procguide.segmentation.adapters.orientation import turned
from procguide.segmentation.adapters.safe_files import (
    brief,
    fingerprint,
    licence_of,
    load_checkpoint,
    need_package,
    read_document,
    silenced,
    tensors_of,
)

if TYPE_CHECKING:
    import torch

__all__ = ["INSTALL", "NnUNet", "find_model_folder"]

INSTALL = "pip install 'procguide[nnunet]'"
_CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_best.pth")
_NETWORKS = "dynamic_network_architectures."
_IMPORTS = ("torch.nn.", _NETWORKS)
_MAX_PATCH_VOXELS = 512**3
_MAX_WORKING_VOXELS = 2**29
_MR_NAMES = re.compile(r"^(mri?|t1\w*|t2\w*|stir|flair|pd|dixon)\b", re.I)


def find_model_folder(folder: Path) -> Path | None:
    """The folder with ``plans.json``, ``dataset.json`` and folds: ``folder``, or the one such within it."""
    if _is_model(folder):
        return folder
    inside = sorted(child for child in folder.iterdir() if child.is_dir() and _is_model(child))
    fullres = [child for child in inside if child.name.endswith("3d_fullres")]
    if len(inside) > 1 and len(fullres) != 1:
        names = ", ".join(child.name for child in inside)
        raise InputUnreadableError(f"{folder} holds several nnU-Net models; give one of {names}")
    chosen = fullres or inside
    return chosen[0] if chosen else None


def _is_model(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("plans.json", "dataset.json"))


@dataclass(frozen=True)
class NnUNet:
    """One trained configuration. ``folds`` are the checkpoints whose answers are averaged."""

    folder: Path
    dataset: Mapping[str, Any]
    folds: tuple[Path, ...]
    mapping: LabelMapping
    card: ModelCard

    @classmethod
    def open(cls, folder: Path, mapping: LabelMapping | None = None) -> NnUNet:
        """Read what a folder says of itself; weights are read when it runs."""
        dataset = read_document(folder / "dataset.json")
        folds = _folds(folder)
        own = mapping or LabelMapping.from_names(_label_names(dataset, folder))
        card = ModelCard(
            name=f"nnU-Net {dataset.get('name') or folder.parent.name or folder.name}"[:100],
            version=str(dataset.get("release", folder.name))[:100],
            licence=own.licence or licence_of(folder, dataset),
            fingerprint=fingerprint(*folds),
        )
        return cls(folder, dataset, folds, own, card)

    def label(self, volume: Volume, *, device: str, progress: Progress) -> tuple[ForeignLabels, ...]:
        """Labels at the model's working spacing, in the patient's space."""
        need_package("nnunetv2", INSTALL, "an nnU-Net model")
        _check_modality(self.dataset, volume)
        image = turned(volume, self.mapping.array_axes)
        progress("reading the nnU-Net model", 0.0)
        with silenced():
            predictor = self._predictor(device, lambda share: progress("segmenting by nnU-Net", share))
            labels = _predict(predictor, image)
        return (ForeignLabels(labels, self.mapping.meanings),)

    def _predictor(self, device: str, advance: Callable[[float], None]) -> Any:
        from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels
        from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

        checkpoints = [load_checkpoint(fold) for fold in self.folds]
        first = checkpoints[0]
        try:
            plans = PlansManager(read_document(self.folder / "plans.json"))
            configuration = plans.get_configuration(str(first["init_args"]["configuration"]))
            _check_configuration(configuration)
            channels = determine_num_input_channels(plans, configuration, dict(self.dataset))
            if channels != 1:
                raise InputUnreadableError(f"the model takes {channels} images at once; one is given here")
            heads = plans.get_label_manager(dict(self.dataset)).num_segmentation_heads
            weights = [
                tensors_of(checkpoint["network_weights"], fold)
                for checkpoint, fold in zip(checkpoints, self.folds, strict=True)
            ]
            network = _network(configuration, channels, heads, weights[0])
        except (KeyError, TypeError, AttributeError, ValueError, RuntimeError, ImportError) as error:
            raise InputUnreadableError(
                f"{self.folder} is not an nnU-Net v2 model that can be run here ({brief(error)})"
            ) from error
        predictor = _watched(device, advance)
        predictor.manual_initialization(
            network, plans, configuration, weights, dict(self.dataset), str(first.get("trainer_name")), None
        )
        return predictor


def _folds(folder: Path) -> tuple[Path, ...]:
    for name in _CHECKPOINTS:
        found = sorted(folder.glob(f"fold_*/{name}"))
        together = [file for file in found if file.parent.name == "fold_all"]
        if found:
            return tuple(together or found)
    raise MissingPartError(
        f"{folder} holds no fold_X/{_CHECKPOINTS[0]}; put the trained weights there as nnU-Net writes them"
    )


def _label_names(dataset: Mapping[str, Any], folder: Path) -> dict[int, str]:
    """Label to name; where labels are regions, those that the answer holds."""
    labels = dataset.get("labels")
    if not isinstance(labels, dict):
        raise InputUnreadableError(f"{folder / 'dataset.json'} lists no labels")
    order = dataset.get("regions_class_order")
    try:
        if any(isinstance(value, list) for value in labels.values()):
            regions = [name for name, value in labels.items() if value != 0]
            return {int(value): str(name) for name, value in zip(regions, order or (), strict=False)}
        return {int(value): str(name) for name, value in labels.items() if name != "ignore"}
    except (TypeError, ValueError) as error:
        raise InputUnreadableError(f"the labels of {folder / 'dataset.json'} are not numbers") from error


def _check_modality(dataset: Mapping[str, Any], volume: Volume) -> None:
    channels = dataset.get("channel_names") or dataset.get("modality") or {}
    names = [str(name) for name in channels.values()] if isinstance(channels, dict) else []
    for_ct = any(name.strip().upper() == "CT" for name in names)
    for_mr = any(_MR_NAMES.match(name.strip()) for name in names)
    if (for_ct and volume.modality is Modality.MR) or (for_mr and volume.modality is Modality.CT):
        raise InputUnfitError(
            f"this model was trained for {', '.join(names)}, and the image is {volume.modality.value}; "
            "choose another model or series"
        )


def _check_configuration(configuration: Any) -> None:
    """Refuse what cannot be run, sizes that no memory holds, and classes from elsewhere."""
    if configuration.previous_stage_name is not None or len(configuration.patch_size) != 3:
        raise InputUnreadableError(
            "cascades and 2d configurations of nnU-Net are not run here; give its 3d_fullres model"
        )
    patch, spacing = configuration.patch_size, configuration.spacing
    if not 0 < math.prod(int(n) for n in patch) <= _MAX_PATCH_VOXELS or min(patch) < 1:
        raise InputUnreadableError(f"the model's patch of {list(patch)} voxels is not one that can be run")
    if not all(0.05 <= float(step) <= 50 for step in spacing):
        raise InputUnreadableError(f"the model's spacing of {list(spacing)} mm is not one of an image")
    named = [configuration.network_arch_init_kwargs.get(key) for key in _imported(configuration)]
    foreign = [name for name in named if name is not None and not str(name).startswith(_IMPORTS)]
    architecture = str(configuration.network_arch_class_name)
    if foreign or not architecture.startswith(_NETWORKS):
        raise InputUnreadableError(
            f"the model's plans name code that is not nnU-Net's own ({(foreign or [architecture])[0]}); "
            "it is not run"
        )


def _imported(configuration: Any) -> tuple[str, ...]:
    return tuple(configuration.network_arch_init_kwargs_req_import)


def _network(
    configuration: Any, channels: int, heads: int, weights: Mapping[str, torch.Tensor]
) -> torch.nn.Module:
    """The network of the plans, if ``weights`` fit it: compared before any memory is taken for it."""
    import torch
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    with torch.device("meta"):
        network: torch.nn.Module = get_network_from_plans(
            configuration.network_arch_class_name,
            configuration.network_arch_init_kwargs,
            _imported(configuration),
            channels,
            heads,
            allow_init=False,
            deep_supervision=False,
        )
    network.load_state_dict(dict(weights), assign=True)
    return network.float().eval()


def _watched(device: str, advance: Callable[[float], None]) -> Any:
    """nnU-Net's predictor, telling the share of its windows that is done."""
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    class Watched(nnUNetPredictor):  # type: ignore[misc]
        windows, done = 1, 0

        def _internal_get_sliding_window_slicers(self, image_size: tuple[int, ...]) -> Any:
            slicers = super()._internal_get_sliding_window_slicers(image_size)
            self.windows = max(1, len(slicers) * len(self.list_of_parameters))
            return slicers

        def _internal_maybe_mirror_and_predict(self, x: torch.Tensor) -> torch.Tensor:
            answer: torch.Tensor = super()._internal_maybe_mirror_and_predict(x)
            self.done += 1
            advance(min(1.0, self.done / self.windows))
            return answer

    chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    return Watched(use_mirroring=False, device=torch.device(chosen), allow_tqdm=False)


def _predict(predictor: Any, image: Volume) -> LabelMap:
    import torch

    configuration, plans = predictor.configuration_manager, predictor.plans_manager
    working = image.voxels.size * float(np.prod(image.spacing) / np.prod(configuration.spacing))
    if working > _MAX_WORKING_VOXELS:
        raise InputUnfitError(
            f"at the model's spacing this image has {working:.1e} voxels, more than are run; crop it first"
        )
    properties: dict[str, Any] = {"spacing": image.spacing.tolist()}
    preprocessor = configuration.preprocessor_class(verbose=False)
    answer = preprocessor.run_case_npy(
        image.voxels[None].astype(np.float32), None, properties, plans, configuration, predictor.dataset_json
    )
    logits = predictor.predict_logits_from_preprocessed_data(torch.from_numpy(answer[0]))
    labels = predictor.label_manager.convert_logits_to_segmentation(logits)
    voxels = np.asarray(labels.numpy() if isinstance(labels, torch.Tensor) else labels)
    narrow = voxels.astype(np.uint8 if voxels.max(initial=0) < 256 else np.uint16)
    return LabelMap(narrow, _working_affine(image.affine, narrow, plans, properties))


def _working_affine(
    affine: Affine, working: NDArray[Any], plans: Any, properties: Mapping[str, Any]
) -> Affine:
    """From an index of the working lattice to the patient: scaled, cropped and transposed back.

    nnU-Net resizes from outer face to outer face: index' = (index + 0.5) x old / new - 0.5.
    """
    cropped = np.array(properties["shape_after_cropping_and_before_resampling"], dtype=np.float64)
    scale = cropped / np.array(working.shape)
    start = np.array([low for low, _ in properties["bbox_used_for_cropping"]], dtype=np.float64)
    to_transposed = np.diag([*scale, 1.0])
    to_transposed[:3, 3] = 0.5 * scale - 0.5 + start
    back = np.eye(4)
    for transposed, original in enumerate(plans.transpose_forward):
        back[:3, transposed] = np.eye(3)[original]
    return Affine(affine.matrix @ back @ to_transposed)
