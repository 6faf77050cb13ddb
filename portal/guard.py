"""Ends the programs of a supervisor that can't do it itself, because it was killed.

Runs as a process of its own, by its path and without site packages. It reads ``+ID`` and ``-ID`` lines,
the process groups that live and those that are gone; when the pipe ends, those left are ended.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

GRACE = 3.0  # seconds between the word and the sword
TICK = 0.05  # seconds


def main(lines: Iterable[str]) -> None:
    """Follow the supervisor until it is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, None] = {}
    for line in lines:
        group = int(line[1:])
        if line.startswith("+"):
            groups[group] = None
        else:
            groups.pop(group, None)
    end(list(groups))


def end(groups: list[int]) -> None:
    """Ask the leaders of the groups to end, the last first; then end whoever is left."""
    deadline = time.monotonic() + GRACE
    for group in reversed(groups):
        _signal(os.kill, group, signal.SIGTERM)
    while time.monotonic() < deadline and any(_signal(os.killpg, group, 0) for group in groups):
        time.sleep(TICK)
    for group in groups:
        _signal(os.killpg, group, signal.SIGKILL)


def _signal(send: Callable[[int, int], None], target: int, number: int) -> bool:
    """Send a signal; answer whether there was somebody to take it."""
    with suppress(ProcessLookupError, PermissionError):
        send(target, number)
        return True
    return False


if __name__ == "__main__":
    main(sys.stdin)
