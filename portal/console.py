"""One log of many programs: a line at a time, with the program's name in front."""

import os
import queue
import sys
import threading
from contextlib import suppress
from itertools import cycle
from typing import Final, TextIO

WIDTH: Final = 8  # characters for a name
WAITING_LINES: Final = 1000
PATIENCE: Final = 1.0  # seconds that a program waits for a reader who does not read; then lines are dropped
COLORS: Final = (36, 33, 32, 35, 34, 96, 93)  # ANSI, for a terminal only


class Console:
    """Writes lines from any thread.

    A terminal that is stopped, or a pipe that nobody reads, must not stop the programs: one thread writes,
    and lines that find no room are dropped and counted.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._colors: dict[str, int] | None = {} if _wants_color(self._out) else None
        self._next_color = cycle(COLORS)
        self._lines: queue.Queue[str | None] = queue.Queue(WAITING_LINES)
        self._dropped = 0
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def say(self, name: str, line: str) -> None:
        """Print a line of a program's log."""
        self.print(f"{self._prefix(name)} {line}")

    def print(self, line: str) -> None:
        """Print a line of our own."""
        try:
            self._lines.put(line, block=not self._dropped, timeout=PATIENCE)
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Write what waits, unless nobody reads it."""
        with suppress(queue.Full):
            self._lines.put(None, timeout=PATIENCE)
        self._writer.join(PATIENCE)

    def _prefix(self, name: str) -> str:
        prefix = f"{name:<{WIDTH}} |"
        if self._colors is None:
            return prefix
        color = self._colors.get(name) or self._colors.setdefault(name, next(self._next_color))
        return f"\x1b[{color}m{prefix}\x1b[0m"

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            # A terminal that was closed takes nothing any more; the programs are told by SIGHUP.
            with suppress(OSError, ValueError):
                self._out.write(f"{self._lost()}{line}\n")
                if self._lines.empty():
                    self._out.flush()
        with suppress(OSError, ValueError):
            self._out.flush()

    def _lost(self) -> str:
        dropped, self._dropped = self._dropped, 0
        return f"({dropped} lines were not read and are lost)\n" if dropped else ""


def _wants_color(out: TextIO) -> bool:
    return out.isatty() and not os.environ.get("NO_COLOR")
