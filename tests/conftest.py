"""Where the optional inputs of the tests live: reference numbers and real videos beside the checkout."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("SLOWFAST_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def _folder(name: str) -> Path:
    path = SHARED / name
    if not path.is_dir():
        pytest.skip(f"{path} is absent; set SLOWFAST_SHARED to the folder that holds data/ and golden/")
    return path


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of numbers computed by the reference implementations."""
    return _folder("golden")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real videos and annotations."""
    return _folder("data")
