"""The finest structure that each procedure depends on seeing, and how wide it is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["STRUCTURES"]

_EPIDURAL_MM, _CERVICAL_EPIDURAL_MM = 5.0, 3.0
_FORAMEN_MM, _JOINT_MM, _GROOVE_MM = 8.0, 3.0, 5.0

STRUCTURES: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        "lumbar_interlaminar_esi": ("epidural space", _EPIDURAL_MM),
        "cervical_interlaminar_esi": ("epidural space", _CERVICAL_EPIDURAL_MM),
        "scs_lead": ("epidural space", _EPIDURAL_MM),
        "caudal_esi": ("sacral hiatus", _EPIDURAL_MM),
        "transforaminal_esi_subpedicular": ("foramen", _FORAMEN_MM),
        "transforaminal_esi_kambin": ("foramen", _FORAMEN_MM),
        "facet_joint_injection": ("facet joint", _JOINT_MM),
        "sacroiliac_joint_injection": ("sacroiliac joint", _JOINT_MM),
        "lumbar_medial_branch_block": ("groove of the medial branch", _GROOVE_MM),
        "lumbar_medial_branch_rfa": ("groove of the medial branch", _GROOVE_MM),
        "cervical_medial_branch_block": ("groove of the medial branch", _GROOVE_MM),
        "sacral_lateral_branch_rfa": ("sacral foramen", _GROOVE_MM),
        "discography": ("disc", _FORAMEN_MM),
        "vertebral_augmentation": ("pedicle", _GROOVE_MM),
        "basivertebral_nerve_ablation": ("pedicle", _GROOVE_MM),
    }
)
"""Name in words and least width in adults, mm, by a procedure's identifier. Widths are assumed."""
