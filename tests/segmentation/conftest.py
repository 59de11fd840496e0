"""Tiny networks that were never trained."""

from pathlib import Path

import pytest

from procguide.segmentation.classes import TissueClass
from procguide.segmentation.network import NetworkSpec, build_network

CLASSES = (TissueClass.OTHER, TissueClass.BODY, TissueClass.CANAL)


def write_tiny_bundle(folder: Path, **changes: object) -> Path:
    """A bundle of an untrained network of three classes, with lively answers."""
    import torch

    from procguide.learning.export import Card, export_bundle

    spec = NetworkSpec(
        **{"name": "tiny", "version": "1.0.0", "spacing_mm": 3.0, "patch": 16, "channels": (4, 8, 8)}
        | {"classes": CLASSES}
        | changes
    )
    torch.manual_seed(0)
    net = build_network(spec.channels, len(spec.classes))
    export_bundle(folder, net.state_dict(), spec, Card("test", "untrained"), {"steps": 0})
    return folder


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")
