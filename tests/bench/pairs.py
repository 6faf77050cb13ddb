"""Two ways of doing the same, measured in alternating pairs: what a machine does to one it does to both."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

Step = Callable[[], float]  # does something once and answers how many seconds it took


@dataclass(frozen=True)
class Figure:
    """The median of some measurements, with the least and the greatest."""

    median: float
    least: float
    greatest: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f} to {self.greatest:.2f})"


def figure_of(values: list[float]) -> Figure:
    """Sum up measurements."""
    return Figure(statistics.median(values), min(values), max(values))


def compare(first: Step, second: Step, pair_count: int) -> Figure:
    """The ratio first / second, pair by pair, each first in every other pair; one warm-up is not counted."""
    first()
    second()
    ratios = []
    for number in range(pair_count):
        if number % 2:
            seconds = second()
            ratios.append(first() / seconds)
        else:
            seconds = first()
            ratios.append(seconds / second())
    return figure_of(ratios)


def timed(work: Callable[..., object]) -> Callable[..., float]:
    """The same work, answering the seconds that it took."""

    @wraps(work)
    def step(*args: Any) -> float:  # Any: whatever the work takes
        start = time.perf_counter()
        work(*args)
        return time.perf_counter() - start

    return step
