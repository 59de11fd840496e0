"""A tiny untrained MONAI bundle, laid out as those of MONAI's model zoo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NAMES = ("background", "vertebrae_L5", "sacrum", "spinal_canal", "gallbladder")
NETWORK = {
    "_target_": "UNet",
    "spatial_dims": 3,
    "in_channels": 1,
    "out_channels": len(NAMES),
    "channels": [4, 8],
    "strides": [2],
}


def inference(**changes: Any) -> dict[str, Any]:
    """An inference configuration with what real ones hold besides: imports, formulas, runners."""
    return {
        "imports": ["$import glob", "$import os"],
        "bundle_root": ".",
        "image_key": "image",
        "displayable_configs": {"highres": False, "sw_overlap": 0.25},
        "datalist": "$list(sorted(glob.glob('*.nii.gz')))",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "pixdim": "$[1.5, 1.5, 1.5] if @displayable_configs#highres else [3.0, 3.0, 3.0]",
        "network_def": dict(NETWORK),
        "network": "$@network_def.to(@device)",
        "preprocessing": {
            "_target_": "Compose",
            "transforms": [
                {"_target_": "LoadImaged", "keys": "@image_key"},
                {"_target_": "EnsureChannelFirstd", "keys": "@image_key"},
                {"_target_": "Orientationd", "keys": "@image_key", "axcodes": "RAS"},
                {"_target_": "Spacingd", "keys": "@image_key", "pixdim": "@pixdim", "mode": "bilinear"},
                {
                    "_target_": "ScaleIntensityRanged",
                    "keys": "@image_key",
                    "a_min": -200,
                    "a_max": 1000,
                    "b_min": -1.0,
                    "b_max": 1.0,
                    "clip": True,
                },
            ],
        },
        "inferer": {
            "_target_": "SlidingWindowInferer",
            "roi_size": [16, 16, 16],
            "sw_batch_size": 2,
            "overlap": "@displayable_configs#sw_overlap",
            "device": "$torch.device('cpu')",
        },
        "postprocessing": {
            "_target_": "Compose",
            "transforms": [{"_target_": "AsDiscreted", "keys": "pred", "argmax": True}],
        },
        "run": ["$@evaluator.run()"],
        **changes,
    }


def network(definition: dict[str, Any] = NETWORK) -> Any:
    """The network of :data:`NETWORK` with random weights."""
    import torch
    from monai.networks.nets import UNet

    torch.manual_seed(5)
    return UNet(**{key: value for key, value in definition.items() if key != "_target_"}).eval()


def write_bundle(
    folder: Path,
    config: dict[str, Any] | None = None,
    *,
    net: Any = None,
    weights: str = "model.pt",
    names: tuple[str, ...] | None = NAMES,
    **metadata: Any,
) -> Path:
    """Configs, metadata and weights in a folder."""
    import torch
    from safetensors.torch import save_file

    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "configs" / "inference.json").write_text(json.dumps(config or inference()))
    said: dict[str, Any] = {"name": "Tiny", "version": "0.2", "license": "CC BY 4.0", **metadata}
    if names is not None:
        channels = {str(channel): name for channel, name in enumerate(names)}
        said["network_data_format"] = {"outputs": {"pred": {"channel_def": channels}}}
    (folder / "configs" / "metadata.json").write_text(json.dumps(said))
    state = (net or network()).state_dict()
    file = folder / "models" / weights
    if weights.endswith(".safetensors"):
        save_file(state, file)
    else:
        torch.save(state, file)
    return folder
