"""A sandbox, and a folder for what commands write."""

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from tests.pipeline.conftest import no_waits  # noqa: F401  # a fixture


@pytest.fixture(autouse=True)
def data_folder(settings: Settings, tmp_path: Path) -> Path:
    """Each test's commands keep their files apart."""
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    return tmp_path / "data"
