"""Fixtures that several test files share."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure: no example is timed.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# One thread: tests may run side by side, and PyTorch, not yet imported here, reads this once.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def real_data() -> Path:
    """Folder of published measurements; a test that needs it is skipped where it is absent."""
    folder = Path(os.environ.get("DANN_TFBS_DATA", "../shared/data"))
    if not (folder / "train").is_dir():
        pytest.skip("no published measurements here: set DANN_TFBS_DATA to their folder")
    return folder


@pytest.fixture
def powerless(tmp_path: Path) -> Path:
    """Return a folder that may be read but not written."""
    if os.geteuid() == 0:
        pytest.skip("the superuser may write everywhere")
    folder = tmp_path / "powerless"
    folder.mkdir(mode=0o500)
    return folder
