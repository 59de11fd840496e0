"""Sample images, read once, to spoil."""

from __future__ import annotations

from pathlib import Path

import pytest

from procguide.dicom import read_study
from procguide.quality import Examined
from procguide.quality.examine import examine

SAMPLES = Path(__file__).resolve().parents[2] / "sample_dicom" / "lumbar"


def _sample(name: str) -> Examined:
    (series,) = read_study(SAMPLES / name).series
    (examined,) = examine(series)
    return examined


@pytest.fixture(scope="session")
def ct_case() -> Examined:
    return _sample("ct")


@pytest.fixture(scope="session")
def t2_case() -> Examined:
    return _sample("t2_sagittal")
