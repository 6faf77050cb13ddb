"""A server that is started again when it ends, as an operator's supervisor does it."""

import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

PID: Final = "pid"  # in the server's folder: the process that it is now


class Kept:
    """A server's process. Once it is kept, another one takes its place when it has ended or was killed."""

    def __init__(self, command: Sequence[str | Path], folder: Path, **options: Any) -> None:  # Any: Popen's
        self._command = command
        self._folder = folder
        self._options = options
        self._lock = threading.Lock()
        self._is_over = False
        self._keeper = threading.Thread(target=self._start_again_and_again, daemon=True)
        self._process = self._start()

    def is_alive(self) -> bool:
        """The process has not ended."""
        return self._process.poll() is None

    def keep(self) -> None:
        """Start it again from now on, whenever it ends."""
        self._keeper.start()

    def end(self, number: int) -> None:
        """End it for good, by a signal."""
        with self._lock:
            self._is_over = True
            self._process.send_signal(number)
        self._process.wait()

    def _start(self) -> "subprocess.Popen[bytes]":
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(self._command, stdout=log, stderr=log, **self._options)
        (self._folder / PID).write_text(str(process.pid), encoding="ascii")
        return process

    def _start_again_and_again(self) -> None:
        while True:
            self._process.wait()
            with self._lock:
                if self._is_over:
                    return
                self._process = self._start()


@contextmanager
def kept(command: Sequence[str | Path], folder: Path, end_by: int, **options: Any) -> Iterator[Kept]:
    """A server whose log and process id lie in ``folder``; at the end it is sent the signal ``end_by``."""
    server = Kept(command, folder, **options)
    try:
        yield server
    finally:
        server.end(end_by)
