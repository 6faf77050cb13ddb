"""Work that several do at the same moment, each with a connection of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Final, TypeVar

from django.db import connections

Result = TypeVar("Result")
PATIENCE: Final = 120.0  # seconds


def all_at_once(works: Sequence[Callable[[], Result]]) -> list[Result]:
    """Begin all works at the same moment; answer their results in order. What one raises is raised here."""
    database, start = connections["default"], Barrier(len(works))

    def work_apart(work: Callable[[], Result]) -> Result:
        connections["default"] = database.copy()
        try:
            connections["default"].ensure_connection()
            start.wait(PATIENCE)
            return work()
        finally:
            connections["default"].close()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(work_apart, works))
