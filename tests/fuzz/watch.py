"""Counts what is tried, and notes what takes too long."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.processes import peak_megabytes

GROWTH_MEGABYTES = 300  # of the process that asks, over a whole run


class Watch:
    """One run of so many pieces."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._before = peak_megabytes(os.getpid())

    def rounds(self, at_once: int = 1) -> Iterator[int]:
        """A number for each round of ``at_once`` pieces; in the end, memory must be what it was."""
        assert self.count > 0
        yield from range(0, self.count, at_once)
        assert peak_megabytes(os.getpid()) - self._before < GROWTH_MEGABYTES

    @contextmanager
    def no_longer_than(self, seconds: float) -> Iterator[None]:
        """What is within may take so long: on a busy machine too, it is far more than it needs."""
        start = time.monotonic()
        yield
        assert time.monotonic() - start < seconds
