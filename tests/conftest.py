"""Fixtures that all tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parent.parent

settings.register_profile("procguide", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("procguide")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real cases; skips where it is absent, fails in CI where it should be there."""
    shared = REPOSITORY.parent / "shared"
    folder = Path(os.environ.get("PROCGUIDE_REAL_DATA", shared / "data"))
    if folder.is_dir():
        return folder
    if os.environ.get("CI") == "true" and shared.is_dir():
        pytest.fail("CI has ../shared, but the real cases are not in it")
    pytest.skip("the real cases are not here; set PROCGUIDE_REAL_DATA to their folder")
