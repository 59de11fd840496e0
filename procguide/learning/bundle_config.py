"""``configs/inference.json`` of a bundle, in MONAI's configuration syntax.

It repeats in MONAI's terms what ``procguide.segmentation.inference`` does, so that other MONAI tools run
the same network on the same lattice and intensities; a test compares the two.
"""

from __future__ import annotations

from typing import Any

from procguide.segmentation.network import WEIGHTS_FILE, NetworkSpec

__all__ = ["inference_config"]

_SMOOTH = (
    "$lambda image, spacing=@spacing_mm: monai.transforms.GaussianSmooth("
    "[max(0.5 * max((spacing / float(step)) ** 2 - 1, 0.0) ** 0.5, 1e-3) for step in image.pixdim])(image)"
)
"""Before a coarser lattice, as ``procguide.imaging.resample`` does."""
_HOUNSFIELD = "$lambda image: (image.clamp(-250, 1000) - 150) / 300"
_RELATIVE = (
    "$lambda image, limits=lambda values: numpy.percentile(values[values > 0.2 * values.mean()], (1, 99.5)): "
    "(lambda low, high: ((image - low) / max(high - low, 1e-6) * 2.5 - 1).clamp(-4 / 3, 17 / 6))"
    "(*limits(image.numpy()))"
)
"""Where intensities have no absolute scale: ``procguide.segmentation.network.normalise``."""


def inference_config(spec: NetworkSpec) -> dict[str, Any]:
    """The whole configuration; a person gives ``dataset_dir`` and ``output_dir``."""
    return {
        "imports": ["$import glob", "$import numpy", "$from safetensors.torch import load_file"],
        "bundle_root": ".",
        "dataset_dir": ".",
        "output_dir": "$@bundle_root + '/eval'",
        "modality": "CT",
        "spacing_mm": spec.spacing_mm,
        "datalist": "$sorted(glob.glob(@dataset_dir + '/*.nii.gz'))",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "network_def": _network(spec),
        "network": "$@network_def.to(@device)",
        "weights": f"$load_file(@bundle_root + '/{WEIGHTS_FILE}')",
        "preprocessing": {"_target_": "Compose", "transforms": _preprocessing()},
        "dataset": {
            "_target_": "Dataset",
            "data": "$[{'image': file} for file in @datalist]",
            "transform": "@preprocessing",
        },
        "dataloader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": 1, "num_workers": 0},
        "inferer": {
            "_target_": "SlidingWindowInferer",
            "roi_size": [spec.patch] * 3,
            "sw_batch_size": 1,
            "overlap": 0.25,
            "mode": "gaussian",
            "padding_mode": "replicate",
        },
        "postprocessing": {"_target_": "Compose", "transforms": _postprocessing()},
        "evaluator": {
            "_target_": "SupervisedEvaluator",
            "device": "@device",
            "val_data_loader": "@dataloader",
            "network": "@network",
            "inferer": "@inferer",
            "postprocessing": "@postprocessing",
            "amp": False,
        },
        "initialize": ["$@network.load_state_dict(@weights)"],
        "run": ["$@evaluator.run()"],
    }


def _network(spec: NetworkSpec) -> dict[str, Any]:
    """The arguments of ``build_network``."""
    return {
        "_target_": "UNet",
        "spatial_dims": 3,
        "in_channels": 1,
        "out_channels": len(spec.classes) + 1,
        "channels": list(spec.channels),
        "strides": [2] * (len(spec.channels) - 1),
        "num_res_units": 2,
        "norm": ["INSTANCE", {"affine": True}],
    }


def _preprocessing() -> list[dict[str, Any]]:
    return [
        {"_target_": "LoadImaged", "keys": "image"},
        {"_target_": "EnsureChannelFirstd", "keys": "image"},
        {"_target_": "Orientationd", "keys": "image", "axcodes": "SPL", "labels": None},
        {"_target_": "Lambdad", "keys": "image", "func": _SMOOTH},
        {
            "_target_": "Spacingd",
            "keys": "image",
            "pixdim": "$[@spacing_mm] * 3",
            "mode": "bilinear",
            "padding_mode": "border",
        },
        {"_target_": "Lambdad", "keys": "image", "func": _HOUNSFIELD, "_disabled_": "$@modality != 'CT'"},
        {"_target_": "Lambdad", "keys": "image", "func": _RELATIVE, "_disabled_": "$@modality == 'CT'"},
        {"_target_": "EnsureTyped", "keys": "image"},
    ]


def _postprocessing() -> list[dict[str, Any]]:
    """The offset, the last channel, is dropped: what is written is the most probable class."""
    return [
        {"_target_": "Lambdad", "keys": "pred", "func": "$lambda answer: answer[:-1]"},
        {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
        {
            "_target_": "Invertd",
            "keys": "pred",
            "transform": "@preprocessing",
            "orig_keys": "image",
            "nearest_interp": True,
            "to_tensor": True,
        },
        {
            "_target_": "SaveImaged",
            "keys": "pred",
            "output_dir": "@output_dir",
            "output_postfix": "labels",
            "output_dtype": "uint8",
            "separate_folder": False,
            "resample": False,
        },
    ]
