"""The skin map as a mesh that other programs show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from procguide.imaging.files import replacing
from procguide.planning.skin_map import SkinMap

__all__ = ["write_skin_mesh"]


def write_skin_mesh(skin: SkinMap, path: Path) -> None:
    """A binary PLY, LPS mm: a colour a point, and the scalars ``quality`` (-1: closed) and ``state``.

    3D Slicer takes the space from the comment in the header.
    """
    import trimesh

    mesh = trimesh.Trimesh(skin.points, skin.faces, vertex_colors=skin.colours(), process=False)
    mesh.vertex_attributes["quality"] = np.nan_to_num(skin.quality, nan=-1.0).astype(np.float32)
    mesh.vertex_attributes["state"] = skin.state.astype(np.int32)
    data: Any = mesh.export(file_type="ply", vertex_normal=False)
    magic, form, rest = bytes(data).split(b"\n", 2)
    with replacing(path, make_folder=False) as temporary:
        temporary.write_bytes(b"\n".join((magic, form, b"comment SPACE=LPS", rest)))
