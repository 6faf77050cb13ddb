"""How much is tried, and from where."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

TIMES = float(os.environ.get("FUZZ_TIMES", "1"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
SECONDS = 600  # for one test of the short form

Count = Callable[[int], int]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the long form the time that it needs."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(SECONDS * max(1.0, TIMES)))


@pytest.fixture
def times() -> Count:
    """The short form's number, for this run."""
    return lambda number: int(number * TIMES)


@pytest.fixture
def seed() -> int:
    """Where the damages start."""
    return SEED
