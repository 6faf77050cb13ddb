"""What the tests of the steps share."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from tests.crashes.databases import database_in
from uploads import tasks


@pytest.fixture
def no_waits(settings: Settings) -> None:
    """What is to be tried again is due at once."""
    settings.RELAY_FIRST_WAIT_SECONDS = 0


@pytest.fixture
def shared_database(
    tmp_path: Path, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A database to which each thread has a connection of its own; every hint is lost."""
    monkeypatch.setattr(tasks.silence, "until", math.inf)
    with database_in(tmp_path / "portal.sqlite3"):
        yield
