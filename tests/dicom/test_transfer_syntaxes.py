"""Every transfer syntax that is read, by an encoder that is not the decoder's, where there is one."""

import shutil

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import (
    HTJ2K,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from procguide.dicom import read_frames, read_study
from tests.dicom.made_images import (
    HTJ2K_COLOUR,
    HTJ2K_GREY,
    HTJ2K_SIGNED,
    HTJ2K_STREAMS,
    htj2k,
    make_image,
    ramp,
    recoded,
    saved,
)

DCMTK = {
    "dcmcjpeg +eb +ua": (8, 6, "JPEG Baseline (Process 1)"),
    "dcmcjpeg +ee": (12, 40, "JPEG Extended (Process 2 and 4)"),
    "dcmcjpeg +el": (16, 0, "JPEG Lossless, Non-Hierarchical (Process 14)"),
    "dcmcjpeg +e1": (
        16,
        0,
        "JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])",
    ),
    "dcmcjpls +el": (16, 0, "JPEG-LS Lossless Image Compression"),
    "dcmcjpls +en +md 3": (16, 3, "JPEG-LS Lossy (Near-Lossless) Image Compression"),
    "dcmcrle": (16, 0, "RLE Lossless"),
}
"""Encoder, bits stored, greatest error, and the transfer syntax that comes of it."""


def smooth(bits, frames=3):
    """Frames that lossy encoders do well on, ``(t, 40, 48)``, with ``bits`` used."""
    t, j, i = np.mgrid[:frames, :40, :48]
    return ((np.sin(j / 9 + t) + np.cos(i / 7) + 2) / 4 * (2**bits - 1)).astype(
        np.uint8 if bits == 8 else np.uint16
    )


def pixels_of(path):
    (series,) = read_study(path).series
    (image,) = read_frames(series)
    return image.pixels


@pytest.mark.parametrize("command", DCMTK)
def test_what_dcmtk_encodes(command, tmp_path):
    program, *options = command.split()
    if shutil.which(program) is None:
        pytest.skip(f"{program} of DCMTK is not installed")
    bits, tolerance, name = DCMTK[command]
    values = smooth(bits)
    dataset = make_image("XA", values, BitsStored=bits, HighBit=bits - 1)
    path = recoded(dataset, tmp_path / "image.dcm", program, *options)
    assert dcmread(path).file_meta.TransferSyntaxUID.name == name
    np.testing.assert_allclose(pixels_of(path).astype(int), values, atol=tolerance)


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
    ids=lambda u: u.name,
)
@pytest.mark.parametrize("kind", [np.uint8, np.int16])
def test_uncompressed_and_deflated(syntax, kind, tmp_path):
    values = ramp(3, 8, 10, dtype=kind)
    dataset = make_image("XA", values)
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = values.astype(values.dtype.newbyteorder(">")).tobytes()
        dataset["PixelData"].VR = "OW" if kind is np.int16 else "OB"
        dataset.set_original_encoding(False, False)
    np.testing.assert_array_equal(pixels_of(saved(dataset, tmp_path / "image.dcm")), values)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless], ids=lambda u: u.name)
@pytest.mark.parametrize("colour", [False, True])
def test_multi_frame_compressed(syntax, colour, tmp_path):
    values = ramp(3, 40, 48, *((3,) if colour else ()))
    dataset = make_image("US cine", values, colour=colour)
    dataset.compress(syntax, generate_instance_uid=False)
    np.testing.assert_array_equal(pixels_of(saved(dataset, tmp_path / "image.dcm")), values)


@pytest.mark.parametrize(
    ("stream", "values", "tolerance"),
    [
        ("grey", HTJ2K_GREY, 0),
        ("signed", HTJ2K_SIGNED, 0),
        ("colour", HTJ2K_COLOUR, 0),
        ("lossy", HTJ2K_GREY, 1),
    ],
)
@pytest.mark.parametrize("syntax", [HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K], ids=lambda uid: uid.name)
def test_high_throughput_jpeg_2000(syntax: UID, stream, values, tolerance, tmp_path):
    colour = values.ndim == 3
    dataset = make_image("US" if colour else "DX", values, colour=colour)
    if colour:
        dataset.PhotometricInterpretation = "YBR_RCT"
    path = saved(htj2k(dataset, HTJ2K_STREAMS[stream], syntax), tmp_path / "image.dcm")
    np.testing.assert_allclose(pixels_of(path).astype(int), values, atol=tolerance)
