"""Compressed frames in a process of their own: what harms that process is an error here, and no more."""

import os
import signal
import sys
import time

import numpy as np
import pytest
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLSLossless,
    JPEGTransferSyntaxes,
    RLELossless,
)

from procguide.dicom import decoding_process, read_frames, read_study
from procguide.dicom.decode import decoded_frames
from procguide.dicom.decoding_process import FrameKind, decode_frame, seconds_for
from procguide.dicom.guard import RefusedError
from procguide.dicom.jpeg import PLUGIN
from tests.dicom.made_images import make_image, ramp, saved

SYNTAXES = [RLELossless, JPEGLSLossless, JPEG2000Lossless]


@pytest.fixture
def kind_and_frame():
    dataset = make_image("XA", ramp(1, 40, 48))
    dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
    keywords = ("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated")
    keywords += ("BitsStored", "HighBit", "PixelRepresentation")
    attributes = {keyword: dataset[keyword].value for keyword in keywords}
    kind = FrameKind(JPEG2000Lossless, attributes, True, "", 40 * 48)
    return kind, next(generate_frames(dataset.PixelData, number_of_frames=1))


def test_it_is_one_process_for_all_and_not_this_one(kind_and_frame):
    kind, frame = kind_and_frame
    first = decode_frame(frame, kind)
    pid = decoding_process._child._process.pid
    np.testing.assert_array_equal(decode_frame(frame, kind), first)
    assert decoding_process._child._process.pid == pid != os.getpid()


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name)
def test_frames_are_those_that_were_encoded(syntax):
    values = ramp(3, 40, 48)
    dataset = make_image("XA", values)
    dataset.compress(syntax, generate_instance_uid=False)
    np.testing.assert_array_equal(list(decoded_frames(dataset)), values)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system counts no processor time")
def test_what_takes_too_long_is_ended_and_the_next_is_decoded(kind_and_frame, monkeypatch):
    kind, frame = kind_and_frame
    whole = decode_frame(frame, kind)
    monkeypatch.setattr(decoding_process, "seconds_for", lambda _: 1e-4)
    noise = np.random.default_rng(0).integers(0, 2**16, (1, 512, 512)).astype(np.uint16)
    dataset = make_image("XA", noise)
    dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
    start = time.perf_counter()
    with pytest.raises(RefusedError, match="need more than"):
        list(decoded_frames(dataset))
    assert time.perf_counter() - start < 30
    monkeypatch.undo()
    np.testing.assert_array_equal(decode_frame(frame, kind), whole)


def test_a_decoder_that_dies_is_an_error(kind_and_frame):
    kind, frame = kind_and_frame
    whole = decode_frame(frame, kind)
    os.kill(decoding_process._child._process.pid, signal.SIGKILL)
    with pytest.raises(RefusedError, match="break the decoder"):
        decode_frame(frame, kind)
    np.testing.assert_array_equal(decode_frame(frame, kind), whole)


@pytest.mark.skipif(sys.platform != "linux", reason="it asks the kernel what the limit is")
def test_its_memory_is_limited(kind_and_frame):
    kind, frame = kind_and_frame
    decode_frame(frame, kind)
    with open(f"/proc/{decoding_process._child._process.pid}/limits") as limits:  # noqa: PTH123
        (line,) = [line for line in limits if line.startswith("Max data size")]
    assert int(line.split()[3]) == 2**29


def test_damage_is_told_from_what_is_not_supported(kind_and_frame):
    kind, frame = kind_and_frame
    with pytest.raises(ValueError, match="the decoder raised"):
        decode_frame(frame[:40] + bytes(200), kind)


def test_time_is_in_proportion():
    assert seconds_for(512 * 512) < 1
    assert 5 < seconds_for(4096 * 4096) < 10


class TestJpeg:
    @pytest.mark.parametrize("syntax", JPEGTransferSyntaxes, ids=lambda uid: uid.name)
    def test_pydicom_knows_the_plugin(self, syntax):
        assert PLUGIN in get_decoder(syntax).available_plugins

    @pytest.mark.parametrize("syntax", [JPEGExtended12Bit, JPEGLossless], ids=lambda uid: uid.name)
    def test_a_stream_that_never_ends_is_refused(self, syntax, tmp_path):
        """Decoders fill it up with grey, and say nothing."""
        header = b"\xff\xd8\xff\xc3\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00"
        header += b"\xff\xda\x00\x08\x01\x01\x00\x01\x00\x00"
        dataset = make_image("XA", np.zeros((16, 16), np.uint8))
        dataset.file_meta.TransferSyntaxUID = syntax
        for end, words in ((b"", "cut short"), (b"\xff\xda\0\x02" * 65 + b"\xff\xd9", "into more parts")):
            dataset.PixelData = encapsulate([header + bytes(100) + end])
            dataset["PixelData"].is_undefined_length = True
            (series,) = read_study(saved(dataset, tmp_path / "image.dcm")).series
            with pytest.raises(RefusedError, match=words):
                read_frames(series)
