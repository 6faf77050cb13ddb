"""A child process that reads files, as its parent sees it: start it, ask it, end it.

Imports no pydicom. What is said over the socket is written in ``serving``.
"""

import json
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import uploads

PROJECT: Final = Path(uploads.__file__).parents[1]
START_SECONDS: Final = 60.0  # on a machine that is busy with something else
SEND_SECONDS: Final = 10.0
READY: Final = b"ready"
RECEIVED_BYTES: Final = 64 * 1024
# Nothing of ours: no token, no password, no address. One thread each: there are as many children as cores.
ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"}


class CouldNotStart(Exception):
    """The child did not come up; no file has been seen by it."""


class ChildEnded(Exception):
    """The child is gone. ``code`` is how it ended, negative for a signal."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the child ended with {code}")
        self.code = code


class ChildTooSlow(Exception):
    """The child did not answer in time."""


class MalformedAnswer(Exception):
    """A line came through the socket that is no answer."""


class Child:
    """A running child. Every failure ends it: a child is never reused after an exception."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", connection: socket.socket, answer_bytes: int
    ) -> None:
        self.pid = process.pid
        self._answer_bytes = answer_bytes
        self._process = process
        self._connection = connection
        self._received = bytearray()
        self._finalizer = weakref.finalize(self, _end, process, connection)

    def send(self, descriptor: int, spans: Sequence[tuple[int, int]], at_once: int) -> None:
        """Ask about (offset, length) spans of an open file, ``at_once`` answers at a time.

        Raises ChildEnded, ChildTooSlow.
        """
        request = json.dumps({"spans": spans, "at_once": at_once}).encode("ascii") + b"\n"
        self._connection.settimeout(SEND_SECONDS)
        try:
            sent = socket.send_fds(self._connection, [request], [descriptor])
            self._connection.sendall(request[sent:])
        except TimeoutError:
            raise ChildTooSlow("the child takes no request") from None
        except OSError:
            raise ChildEnded(self._end_code()) from None

    def wait_until_ready(self, seconds: float) -> None:
        """Wait for the greeting. Raises ChildEnded, ChildTooSlow, MalformedAnswer."""
        if self.receive(seconds) != READY:
            raise MalformedAnswer("the child does not greet")

    def receive(self, seconds: float) -> bytes:
        """Wait for the next answer: a line. Raises ChildEnded, ChildTooSlow, MalformedAnswer."""
        deadline = time.monotonic() + seconds
        while (end := self._received.find(b"\n")) < 0:
            if len(self._received) > self._answer_bytes:
                raise MalformedAnswer("the child says too much")
            self._received += self._receive_some(deadline - time.monotonic())
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line

    def end(self) -> int:
        """Kill it, if it still lives, and answer how it ended."""
        if self._finalizer.detach():
            _end(self._process, self._connection)
        return self._process.returncode

    def forget(self) -> None:
        """Let go of it without ending it: it belongs to the process that this one was forked from."""
        self._finalizer.detach()
        self._connection.close()
        self._process.returncode = 0  # not ours to wait for

    def _receive_some(self, seconds: float) -> bytes:
        if seconds <= 0:
            raise ChildTooSlow("the child is silent")
        self._connection.settimeout(seconds)
        try:
            received = self._connection.recv(RECEIVED_BYTES)
        except TimeoutError:
            raise ChildTooSlow("the child is silent") from None
        except OSError:
            received = b""
        if not received:
            raise ChildEnded(self._end_code())
        return received

    def _end_code(self) -> int:
        """Answer how it ended by itself, or kill it where it only closed its end."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)
        return self.end()


def start_child(module: str, cpu_seconds: int, memory_bytes: int, answer_bytes: int) -> Child:
    """Start a child that gives each file ``cpu_seconds`` and ``memory_bytes``. Raises CouldNotStart.

    Of an answer at most ``answer_bytes`` are taken, and what came with them.
    """
    try:
        ours, theirs = socket.socketpair()
    except OSError as e:
        raise CouldNotStart(f"no socket for the child: {e.strerror}") from None
    with theirs:
        arguments = [str(theirs.fileno()), str(cpu_seconds), str(memory_bytes)]
        child = Child(_spawn(ours, theirs.fileno(), [module, *arguments]), ours, answer_bytes)
    try:
        child.wait_until_ready(START_SECONDS)
    except (ChildEnded, ChildTooSlow, MalformedAnswer) as e:
        raise CouldNotStart(f"the child did not start: {e}; it ended with {child.end()}") from None
    return child


def _spawn(ours: socket.socket, theirs: int, command: Sequence[str]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=PROJECT,
            env=ENVIRONMENT,
            pass_fds=(theirs,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the parent; the child ends when the socket closes
        )
    except OSError as e:
        ours.close()
        raise CouldNotStart(f"no process for the child: {e.strerror}") from None


def _end(process: "subprocess.Popen[bytes]", connection: socket.socket) -> None:
    connection.close()
    process.kill()
    process.wait()
