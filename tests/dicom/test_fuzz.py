"""Thousands of damaged real files: an image or one of our errors, soon, and no memory that stays."""

import gc
import sys
from pathlib import Path

import pytest

from tests.dicom.measured_reading import processor_s, read_everything
from tests.dicom.mutations import mutated, seeds

CASES = 3000
BLOCK = 500


def test_the_seeds_are_of_every_kind():
    names = {name for name, _ in seeds()}
    assert len(names) > 60
    assert sum(name.startswith("made, ") for name in names) >= 6
    assert mutated(7) == mutated(7)


@pytest.mark.parametrize("first", range(0, CASES, BLOCK))
def test_no_crash_and_no_hang(first, tmp_path):
    file = tmp_path / "damaged.dcm"
    codes = []
    for number in range(first, first + BLOCK):
        name, data = mutated(number)
        file.write_bytes(data)
        start = processor_s()
        codes.append(read_everything(file)["exit_code"])
        assert processor_s() - start < 3, (number, name)
    assert set(codes) == {0, 4}
    assert codes.count(0) > BLOCK / 10  # damage that is too heavy tries nothing


@pytest.mark.skipif(sys.platform != "linux", reason="it asks the kernel how much memory is held")
def test_nothing_grows(tmp_path):
    file = tmp_path / "damaged.dcm"

    def after(count):
        for number in range(count):
            file.write_bytes(mutated(number)[1])
            read_everything(file)
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * 4096 / 2**20

    first = after(300)
    assert after(300) - first < 20
