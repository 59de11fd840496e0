"""NIfTI as it stands in the file: any affine, sheared ones too.

ITK coerces a sheared sform to the nearest rotation and goes on; a tilted CT written that way is several
millimetres off at its ends. So the header is read and written here, as its definition has it
(https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h): sform first, qform next, spacing alone last.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from procguide.errors import InputUnreadableError, UsageError
from procguide.geometry import Affine
from procguide.imaging.limits import check_decoded_size

__all__ = ["read_nifti", "write_nifti"]

_TYPES = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
_CODES = {np.dtype(name): code for code, name in _TYPES.items()}
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_HEADER_BYTES = {348: 1, 540: 2}


@dataclass(frozen=True)
class _Header:
    """What is needed of a header. ``matrix`` maps (i, j, k) to RAS mm; ``size`` is NIfTI's dim[1:]."""

    order: Literal["<", ">"]
    size: tuple[int, ...]
    datatype: int
    offset: int
    slope: float
    intercept: float
    matrix: NDArray[np.float64]


def read_nifti(path: Path) -> tuple[NDArray[Any], Affine]:
    """Voxels ``(k, j, i)`` and the affine to patient LPS mm of a 3D scalar ``.nii`` or ``.nii.gz``."""
    compressed = path.suffix == ".gz"
    try:
        with gzip.open(path) if compressed else path.open("rb") as stream:
            header = _parse(stream.read(4), stream.read(536))
            dtype = np.dtype(_TYPES[header.datatype]).newbyteorder(header.order)
            size = header.size[:3]
            count = int(np.prod(size, dtype=object))
            check_decoded_size(size, dtype.itemsize, path.stat().st_size, compressed=compressed)
            stream.seek(header.offset)
            data = stream.read(count * dtype.itemsize)
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise InputUnreadableError(
            f"the NIfTI file is damaged ({error}); get it again from its source"
        ) from error
    if len(data) != count * dtype.itemsize:
        raise InputUnreadableError(
            f"the NIfTI file is cut short: {len(data)} of {count * dtype.itemsize} bytes of voxels; "
            "get it again from its source"
        )
    voxels = np.frombuffer(data, dtype=dtype).reshape(size[::-1]).astype(dtype.newbyteorder("="), copy=False)
    if header.slope not in (0.0, 1.0) or header.intercept != 0.0:
        voxels = _scaled(voxels, header.slope or 1.0, header.intercept)
    matrix = _RAS_TO_LPS @ header.matrix
    return voxels, Affine(matrix[:, [2, 1, 0, 3]])


def _scaled(voxels: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """Apply scl_slope and scl_inter; whole numbers stay whole where they fit int16."""
    with np.errstate(all="ignore"):  # what overflows becomes infinite, and is refused as such
        scaled = voxels * np.float64(slope) + intercept
        largest = float(np.abs(scaled).max(initial=0.0))
        if voxels.dtype.kind in "iu" and slope.is_integer() and intercept.is_integer() and largest < 2**31:
            return np.asarray(scaled.astype(np.int16 if largest < 2**15 else np.int32))
        return np.asarray(scaled.astype(np.float32))


def _parse(first: bytes, rest: bytes) -> _Header:
    """The header whose first four bytes (its own size) are ``first``; ``rest`` may run into the voxels."""
    order: Literal["<", ">"] = "<" if struct.unpack("<i", first)[0] in _HEADER_BYTES else ">"
    version = _HEADER_BYTES.get(struct.unpack(f"{order}i", first)[0])
    if version is None:
        raise InputUnreadableError("this is not a NIfTI file, though its name says so")
    data = first + rest
    if version == 1:
        dim = struct.unpack_from(f"{order}8h", data, 40)
        datatype = struct.unpack_from(f"{order}h", data, 70)[0]
        pixdim = struct.unpack_from(f"{order}8f", data, 76)
        offset, slope, intercept = struct.unpack_from(f"{order}3f", data, 108)
        qform, sform = struct.unpack_from(f"{order}2h", data, 252)
        quaternion = struct.unpack_from(f"{order}6f", data, 256)
        rows = struct.unpack_from(f"{order}12f", data, 280)
    else:
        datatype = struct.unpack_from(f"{order}h", data, 12)[0]
        dim = struct.unpack_from(f"{order}8q", data, 16)
        pixdim = struct.unpack_from(f"{order}8d", data, 104)
        offset, slope, intercept = struct.unpack_from(f"{order}q2d", data, 168)
        qform, sform = struct.unpack_from(f"{order}2i", data, 344)
        quaternion = struct.unpack_from(f"{order}6d", data, 352)
        rows = struct.unpack_from(f"{order}12d", data, 400)
    _check(dim, datatype)
    if not 0 <= offset < 2**31:
        raise InputUnreadableError("the NIfTI header is damaged; get it again from its source")
    if not (np.isfinite(slope) and np.isfinite(intercept)):
        slope, intercept = 1.0, 0.0
    matrix = np.eye(4)
    if sform > 0:
        matrix[:3] = np.reshape(rows, (3, 4))
    elif qform > 0:
        matrix[:3] = _from_quaternion(np.array(quaternion), np.array(pixdim))
    else:
        matrix[:3, :3] = np.diag(pixdim[1:4])
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < 1e-12:
        raise InputUnreadableError("the NIfTI file says no usable place in the patient; export it again")
    size = tuple(int(n) for n in dim[1 : dim[0] + 1])
    return _Header(order, size + (1,) * (3 - len(size)), datatype, int(offset), slope, intercept, matrix)


def _check(dim: tuple[int, ...], datatype: int) -> None:
    """Refuse what is not a 3D scalar image."""
    if not 1 <= dim[0] <= 7 or min(dim[1 : dim[0] + 1]) < 1:
        raise InputUnreadableError(f"the NIfTI header is damaged: dim is {dim}; get it again from its source")
    if max(dim[4 : dim[0] + 1], default=1) > 1:
        raise InputUnreadableError(
            f"the image has {dim[0]} dimensions, of sizes {dim[1 : dim[0] + 1]}; "
            "take one 3D volume out of it first"
        )
    if datatype not in _TYPES:
        raise InputUnreadableError(
            f"NIfTI data type {datatype} is not a plain number for each voxel (colour or complex?); "
            "convert it to a grey-scale image"
        )


def _from_quaternion(quaternion: NDArray[np.float64], pixdim: NDArray[np.float64]) -> NDArray[np.float64]:
    """The qform's upper three rows, ``(3, 4)``: rotation (b, c, d), offset, steps; qfac flips k."""
    b, c, d = quaternion[:3]
    a = np.sqrt(max(0.0, 1.0 - b * b - c * c - d * d))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    flip = -1.0 if pixdim[0] < 0 else 1.0
    steps = pixdim[1:4] * (1.0, 1.0, flip)
    return np.column_stack([rotation * steps, quaternion[3:]])


def write_nifti(path: Path, voxels: NDArray[Any], affine: Affine) -> None:
    """Write ``(k, j, i)`` voxels as NIfTI-1 with the affine as sform; the same input, the same bytes.

    The sform holds float32: positions are exact to about 0.02 micrometre. No qform is written, because
    it cannot hold a shear and two readers would then disagree.
    """
    voxels = np.asarray(voxels, dtype=np.uint8) if voxels.dtype == np.bool_ else voxels
    code = _CODES.get(voxels.dtype.newbyteorder("="))
    if code is None or max(voxels.shape) > 32767:
        raise UsageError(f"NIfTI-1 cannot hold {voxels.dtype} of shape {voxels.shape}; write .nrrd instead")
    matrix = _RAS_TO_LPS @ affine.matrix[:, [2, 1, 0, 3]]
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *voxels.shape[::-1], 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, code, voxels.dtype.itemsize * 8)
    struct.pack_into("<8f", header, 76, 1.0, *affine.spacing[::-1], 0, 0, 0, 0)
    struct.pack_into("<3f", header, 108, 352.0, 1.0, 0.0)
    struct.pack_into("<B", header, 123, 2)  # xyzt_units: millimetres
    struct.pack_into("<2h", header, 252, 0, 1)  # sform_code 1: scanner coordinates
    struct.pack_into("<12f", header, 280, *matrix[:3].ravel())
    header[344:348] = b"n+1\0"
    data = np.ascontiguousarray(voxels, dtype=voxels.dtype.newbyteorder("<"))
    with path.open("wb") as raw:
        if not path.name.endswith(".gz"):
            raw.write(header)
            raw.write(data.data)
            return
        with gzip.GzipFile("", "wb", compresslevel=4, fileobj=raw, mtime=0) as packed:
            packed.write(header)
            packed.write(data.data)
