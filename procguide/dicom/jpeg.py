"""JPEG as of 1992 (baseline, extended, lossless) for pydicom: decoded by libjpeg-turbo, through imagecodecs.

Of pydicom's own plugins only one reads all of it, and that one's library is under the GPL. Importing this
module adds another of the same kind, for all that pydicom decodes in this process.
"""

from __future__ import annotations

from pydicom.pixels.decoders.base import DecodeRunner, get_decoder
from pydicom.uid import JPEGTransferSyntaxes

__all__ = ["DECODER_DEPENDENCIES", "PLUGIN", "decode_frame", "is_available"]

PLUGIN = "imagecodecs"
DECODER_DEPENDENCIES = dict.fromkeys(JPEGTransferSyntaxes, ("imagecodecs>=2025.3",))
_SPACES = {1: "GRAYSCALE", 3: "YCBCR", 4: "CMYK"}
"""Given as the stream's and as wanted, so that nothing is converted: what the colours are says the data set
(PS3.5 8.2.1), not the stream."""


def is_available(uid: str) -> bool:
    """Whether this transfer syntax is decoded here."""
    return uid in DECODER_DEPENDENCIES


def decode_frame(source: bytes, runner: DecodeRunner) -> bytes:
    """The frame's samples, colour by pixel, in 8 or 16 bits; halved colour planes are spread to full size."""
    from imagecodecs import jpeg8_decode

    space = _SPACES[runner.samples_per_pixel]
    decoded = jpeg8_decode(source, colorspace=space, outcolorspace=space)
    runner.set_option("bits_allocated", 8 * decoded.itemsize)
    runner.set_option("planar_configuration", 0)
    return decoded.tobytes()


def _install() -> None:
    for syntax in JPEGTransferSyntaxes:
        decoder = get_decoder(syntax)
        if PLUGIN not in decoder.available_plugins:
            decoder.add_plugin(PLUGIN, (__name__, decode_frame.__name__))


_install()
