"""Volumes from and to NIfTI, NRRD and MetaImage files, with any affine."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from procguide.errors import CannotWriteError, InputUnreadableError, UsageError
from procguide.geometry import Affine
from procguide.imaging.limits import check_decoded_size
from procguide.imaging.nifti import read_nifti, write_nifti
from procguide.imaging.volume import LabelMap, Modality, Volume

__all__ = ["IMAGE_SUFFIXES", "image_suffix", "read_image", "read_labels", "replacing", "write_image"]

IMAGE_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
_WRITABLE = (".nii", ".nii.gz", ".nrrd", ".mha")
_NAMES = {".nii": "NIfTI", ".nii.gz": "NIfTI", ".nrrd": "NRRD", ".nhdr": "NRRD"}
_DETACHED = re.compile(rb"^(?:ElementDataFile\s*=|data ?file:)\s*(\S[^\r\n]*?)\s*$", re.MULTILINE | re.I)


def image_suffix(path: Path) -> str | None:
    """Which of :data:`IMAGE_SUFFIXES` the name ends in, or None."""
    name = path.name.lower()
    return next((suffix for suffix in IMAGE_SUFFIXES if name.endswith(suffix)), None)


def read_image(path: str | Path, modality: Modality | None = None) -> Volume:
    """A 3D scalar image with its exact place in the patient.

    These formats do not say what made the image. Without ``modality``, voxels well below water
    (<= -500) are taken for CT in HU, and anything else for ``OTHER``: no other common image has them.
    """
    path = Path(path)
    suffix = _checked_suffix(path)
    voxels, affine = read_nifti(path) if suffix.startswith(".nii") else _read_itk(path)
    if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
        bad = int(voxels.size - np.isfinite(voxels).sum())
        raise InputUnreadableError(
            f"{bad} voxels of the image are not finite numbers; replace them (for CT by -1024)"
        )
    if modality is None:
        modality = Modality.CT if voxels.min() <= -500 else Modality.OTHER
    shape = "x".join(str(n) for n in voxels.shape)
    return Volume(voxels, affine, modality, f"{_NAMES.get(suffix, 'MetaImage')} image, {shape} voxels")


def read_labels(path: str | Path, names: Mapping[int, str]) -> LabelMap:
    """A label map; ``names`` is the vocabulary of its integers. Fractions and negatives are refused."""
    image = read_image(path)
    voxels = image.voxels
    if voxels.dtype.kind == "f" and not np.array_equal(voxels, np.round(voxels)):
        raise InputUnreadableError("this is an image, not a label map: its values are not whole numbers")
    low, high = int(voxels.min()), int(voxels.max())
    if low < 0 or high > 65535:
        raise InputUnreadableError(
            f"labels run from 0 to 65535, these from {low} to {high}: is this an image, not a label map?"
        )
    narrow = voxels.astype(np.uint8 if high < 256 else np.uint16)
    return LabelMap(narrow, image.affine, Modality.OTHER, image.source, names)


def write_image(volume: Volume, path: str | Path) -> Path:
    """Write ``.nii``, ``.nii.gz``, ``.nrrd`` or ``.mha``: whole or not at all. Returns the path.

    ``.mhd`` is read but not written: header and voxels apart cannot be replaced in one step.
    """
    path = Path(path)
    suffix = image_suffix(path)
    if suffix not in _WRITABLE:
        raise UsageError(f"{path.name!r}: an image is written as one of {', '.join(_WRITABLE)}")
    with replacing(path, suffix) as temporary:
        if suffix.startswith(".nii"):
            write_nifti(temporary, volume.voxels, volume.affine)
        else:
            _write_itk(temporary, volume.voxels, volume.affine)
    return path


@contextmanager
def replacing(path: Path, suffix: str = "", *, make_folder: bool = True) -> Iterator[Path]:
    """A temporary name beside ``path`` that takes its place when the block ends well, and else goes.

    ``suffix`` ends the temporary name, for writers that tell the format by it. Without ``make_folder``
    a folder that is not there is an error.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial{suffix}")
    try:
        if make_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)  # noqa: PTH105 (on purpose: one atomic step)
    except OSError as error:
        raise CannotWriteError(
            f"cannot write {path}: {error}; check that the folder may be written to and has space"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _checked_suffix(path: Path) -> str:
    suffix = image_suffix(path)
    if suffix is None:
        raise InputUnreadableError(f"{path.name!r} is not one of {', '.join(IMAGE_SUFFIXES)}")
    if not path.is_file():
        raise InputUnreadableError(f"there is no file {path}; check the path")
    return suffix


def _read_itk(path: Path) -> tuple[NDArray[Any], Affine]:
    """NRRD and MetaImage, whose direction matrices ITK keeps as they are, sheared or not."""
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    with _quiet_itk():
        try:
            reader.ReadImageInformation()
            _check_itk_header(reader, path)
            image = reader.Execute()
        except RuntimeError as error:
            raise InputUnreadableError(
                f"{path.name!r} cannot be read as an image; it is damaged, cut short, or of another format: "
                "get it again from its source"
            ) from error
    if image.GetDimension() == 4:
        image = image[:, :, :, 0]
    directions = np.reshape(image.GetDirection(), (3, 3)) * np.asarray(image.GetSpacing())
    voxels = SimpleITK.GetArrayFromImage(image)
    try:
        return voxels, Affine.from_steps(directions.T[::-1], image.GetOrigin())
    except ValueError as error:
        raise InputUnreadableError(
            f"{path.name!r} says no usable place in the patient; export it again"
        ) from error


def _check_itk_header(reader: SimpleITK.ImageFileReader, path: Path) -> None:
    """Refuse colour, 2D and 4D images and sizes that the file cannot hold."""
    size = reader.GetSize()
    if any(key.startswith("Seq_Frame") for key in reader.GetMetaDataKeys()):
        raise InputUnreadableError(
            f"{path.name!r} is a tracked sequence of 2D frames, not a volume; give a CT or MR volume"
        )
    if reader.GetNumberOfComponents() != 1:
        raise InputUnreadableError(
            f"{path.name!r} has {reader.GetNumberOfComponents()} values for each voxel (colour or vectors); "
            "convert it to a grey-scale image"
        )
    if len(size) < 3 or any(n > 1 for n in size[3:]):
        raise InputUnreadableError(
            f"{path.name!r} has {len(size)} dimensions, of sizes {tuple(size)}; give one 3D volume"
        )
    pixel = SimpleITK.Image([1, 1, 1], reader.GetPixelID())
    check_decoded_size(size[:3], pixel.GetSizeOfPixelComponent(), _bytes_of(path), compressed=True)


def _bytes_of(path: Path) -> int:
    """Size of the file and of the one its header names for the voxels."""
    total = path.stat().st_size
    with path.open("rb") as stream:
        named = _DETACHED.search(stream.read(65536))
    if named and named[1] != b"LOCAL":
        detached = path.parent / named[1].decode(errors="replace")
        total += detached.stat().st_size if detached.is_file() else 0
    return total


def _write_itk(path: Path, voxels: NDArray[Any], affine: Affine) -> None:
    image = SimpleITK.GetImageFromArray(voxels.astype(np.uint8) if voxels.dtype == np.bool_ else voxels)
    image.SetOrigin(affine.origin.tolist())
    image.SetSpacing(affine.spacing[::-1].tolist())
    image.SetDirection(affine.directions[:, ::-1].ravel().tolist())
    with _quiet_itk():
        try:
            SimpleITK.WriteImage(image, str(path), useCompression=True)
        except RuntimeError as error:
            raise OSError("the image writer failed") from error


@contextmanager
def _quiet_itk() -> Iterator[None]:
    """ITK writes warnings to standard error, which belongs to the command line."""
    before = SimpleITK.ProcessObject.GetGlobalWarningDisplay()
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        SimpleITK.ProcessObject.SetGlobalWarningDisplay(before)
