"""A tiny untrained nnU-Net v2 model folder, as its trainer writes one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

ARCHITECTURE = "dynamic_network_architectures.architectures.unet.PlainConvUNet"
LABELS = {"background": 0, "vertebrae_L5": 1, "sacrum": 2, "spinal_canal": 3, "gallbladder": 4}


def plans(spacing: tuple[float, float, float] = (2.0, 2.0, 2.0), **changes: Any) -> dict[str, Any]:
    """``plans.json`` of a two-stage network of eight channels."""
    architecture = {
        "network_class_name": ARCHITECTURE,
        "arch_kwargs": {
            "n_stages": 2,
            "features_per_stage": [4, 8],
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": [[3, 3, 3], [3, 3, 3]],
            "strides": [[1, 1, 1], [2, 2, 2]],
            "n_conv_per_stage": [1, 1],
            "n_conv_per_stage_decoder": [1],
            "conv_bias": True,
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
            "norm_op_kwargs": {"eps": 1e-05, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
    architecture.update(changes.pop("architecture", {}))
    resampling = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None}
    configuration = {
        "data_identifier": "tiny",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": [16, 16, 16],
        "median_image_size_in_voxels": [32.0, 32.0, 32.0],
        "spacing": list(spacing),
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        "resampling_fn_data": "resample_data_or_seg_to_shape",
        "resampling_fn_seg": "resample_data_or_seg_to_shape",
        "resampling_fn_data_kwargs": resampling,
        "resampling_fn_seg_kwargs": {**resampling, "is_seg": True},
        "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
        "resampling_fn_probabilities_kwargs": resampling,
        "architecture": architecture,
        "batch_dice": False,
    }
    configuration.update(changes.pop("configuration", {}))
    return {
        "dataset_name": "Dataset900_Tiny",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": list(spacing),
        "original_median_shape_after_transp": [32, 32, 32],
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {"3d_fullres": configuration},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {
            "0": {
                "max": 1000.0,
                "mean": 100.0,
                "median": 50.0,
                "min": -200.0,
                "percentile_00_5": -150.0,
                "percentile_99_5": 900.0,
                "std": 200.0,
            }
        },
        **changes,
    }


def network(plan: dict[str, Any], heads: int) -> Any:
    """The network of ``plan``'s 3d_fullres configuration, with random weights."""
    import torch
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    architecture = plan["configurations"]["3d_fullres"]["architecture"]
    torch.manual_seed(7)
    return get_network_from_plans(
        ARCHITECTURE,
        architecture["arch_kwargs"],
        architecture["_kw_requires_import"],
        1,
        heads,
        deep_supervision=False,
    )


def bright_is_first(plan: dict[str, Any], heads: int) -> Any:
    """A network whose answer is known: label 1 where the image is bright, else background."""
    import torch

    net = network(plan, heads)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.fill_(1.0 if name.endswith("norm.weight") else 0.0)
        weights = dict(net.named_parameters())
        weights["encoder.stages.0.0.convs.0.conv.weight"][0, 0, 1, 1, 1] = 1.0
        weights["decoder.stages.0.convs.0.conv.weight"][0, 4, 1, 1, 1] = 1.0  # the skip connection's first
        weights["decoder.seg_layers.0.weight"][1, 0] = 10.0
        weights["decoder.seg_layers.0.bias"][0] = 5.0
    return net


def write_model(
    folder: Path,
    plan: dict[str, Any] | None = None,
    labels: dict[str, Any] | None = None,
    *,
    net: Any = None,
    channel: str = "CT",
    trainer: str = "nnUNetTrainer",
    folds: tuple[str, ...] = ("0",),
    **dataset: Any,
) -> Path:
    """A model folder with everything that nnU-Net's trainer keeps in its checkpoints."""
    import torch

    plan = plan or plans()
    labels = LABELS if labels is None else labels
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plans.json").write_text(json.dumps(plan))
    (folder / "dataset.json").write_text(
        json.dumps(
            {
                "channel_names": {"0": channel},
                "labels": labels,
                "numTraining": 1,
                "file_ending": ".nii.gz",
                "name": "Tiny",
                "release": "0.1",
                **dataset,
            }
        )
    )
    net = net or network(plan, len(labels))
    optimizer = torch.optim.SGD(net.parameters(), 1e-2, momentum=0.99, nesterov=True)
    for fold in folds:
        checkpoint = {
            "network_weights": net.state_dict(),
            "optimizer_state": optimizer.state_dict(),
            "grad_scaler_state": None,
            "logging": {
                "mean_fg_dice": [np.float64(0.5)],
                "ema_fg_dice": [np.float32(0.4)],
                "dice_per_class_or_region": [[np.float64(0.1), np.float64(0.2)]],
                "epoch_start_timestamps": [1700000000.0],
                "lrs": [0.01],
            },
            "_best_ema": np.float64(0.5),
            "current_epoch": 1,
            "init_args": {
                "plans": plan,
                "configuration": "3d_fullres",
                "fold": int(fold) if fold.isdigit() else fold,
                "dataset_json": {},
                "device": torch.device("cpu"),
            },
            "trainer_name": trainer,
            "inference_allowed_mirroring_axes": (0, 1, 2),
        }
        (folder / f"fold_{fold}").mkdir()
        torch.save(checkpoint, folder / f"fold_{fold}" / "checkpoint_final.pth")
    return folder
