"""Keeps programs running: started in order, logged with a prefix, restarted, stopped cleanly."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Final

from portal import guard
from portal.console import Console

GRACE: Final = 8.0  # seconds that a program has to end when asked
HEAD_START: Final = 1.0  # seconds that a program has to end before those it stands on are asked
READY_WITHIN: Final = 60.0  # seconds
START_TRIES: Final = 3  # deaths before it is ready after which a program is given up
FIRST_PAUSE: Final = 0.5  # seconds before a dead program is started again
LONGEST_PAUSE: Final = 10.0  # seconds
STEADY_AFTER: Final = 30.0  # seconds of life after which an earlier death is forgotten
TICK: Final = 0.05  # seconds
LINE_BYTES: Final = 64 * 1024
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class NotReady(Exception):
    """A program did not become ready in time."""


class Stopped(Exception):
    """Somebody has asked us to stop."""


@dataclass(frozen=True)
class Program:
    """What to run, and how to see that it is ready for those that come after it."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    is_ready: Callable[[], bool] = lambda: True


@dataclass(frozen=True)
class Ended:
    """How a program came to its end by itself."""

    status: int
    output: str
    errors: str


@dataclass
class Child:
    """A program's life: its process now, and when it may be started again."""

    program: Program
    process: subprocess.Popen[bytes]
    started_at: float
    deaths: int = 0
    pause: float = FIRST_PAUSE
    restart_at: float | None = None
    end_by: float = 0.0


class Guard:
    """The process that ends ours if we are killed."""

    def __init__(self) -> None:
        self._groups: dict[int, None] = {}
        self._process: subprocess.Popen[str] | None = None

    def watch(self, group: int) -> None:
        """Add a process group."""
        self._groups[group] = None
        self._tell(f"+{group}\n")

    def release(self, group: int) -> None:
        """Forget a process group that is gone."""
        self._groups.pop(group, None)
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """Let the guard go: everything that it watched is gone."""
        if self._process is not None:
            self._process.communicate()

    def _tell(self, lines: str) -> None:
        if self._process is None or self._process.poll() is not None:
            self._process = self._start()
            lines = "".join(f"+{group}\n" for group in self._groups)
        assert self._process.stdin is not None  # noqa: S101  # it is a pipe
        with suppress(BrokenPipeError):  # it ended just now; the next word starts another one
            self._process.stdin.write(lines)
            self._process.stdin.flush()

    def _start(self) -> subprocess.Popen[str]:
        nothing = subprocess.DEVNULL
        return subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__],
            stdin=subprocess.PIPE,
            stdout=nothing,
            stderr=nothing,
            text=True,
            start_new_session=True,
        )


@dataclass
class Supervisor:
    """Runs programs until it is told to stop. Use it from the main thread only."""

    console: Console
    grace: float = GRACE
    parent: int | None = None  # the process with which we end, by its id
    children: list[Child] = field(default_factory=list)
    is_stopping: bool = False
    _guard: Guard = field(default_factory=Guard)

    def listen(self) -> None:
        """Take signals as the word to stop. Under nohup the end of the terminal is none."""
        for number in STOP_SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._on_signal)

    def start(self, program: Program) -> None:
        """Start a program and wait until it is ready. Raises :class:`NotReady`, :class:`Stopped`."""
        process = self._spawn(program, subprocess.PIPE, subprocess.STDOUT)
        child = Child(program, process, time.monotonic())
        self._follow(child)
        self.children.append(child)
        deadline = time.monotonic() + READY_WITHIN
        while not program.is_ready():
            self._tick()
            if child.deaths >= START_TRIES or time.monotonic() > deadline:
                raise NotReady(f"{program.name} does not start; its lines above say why.")

    def finish(self, program: Program) -> Ended:
        """Run a program to its end, while the others are kept running. Raises :class:`Stopped`."""
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            process = self._spawn(program, output.fileno(), errors.fileno())
            try:
                while process.poll() is None:
                    self._tick()
            finally:
                process.terminate()
                _await_end(process, self.grace)
                self._clear(process)
            return Ended(process.returncode, _text(output), _text(errors))

    def run(self) -> None:
        """Keep all programs running until told to stop, which raises :class:`Stopped`."""
        while True:
            self._tick()

    def stop(self) -> None:
        """End all programs, the last one first, and whatever they left behind."""
        self.is_stopping = True
        for child in reversed(self.children):
            # Only the program itself is asked: it lets its own workers finish.
            child.process.terminate()
            child.end_by = time.monotonic() + self.grace
            _await_end(child.process, min(HEAD_START, self.grace))
        for child in reversed(self.children):
            _await_end(child.process, child.end_by - time.monotonic())
            self._clear(child.process)
        self._guard.close()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.is_stopping = True

    def _tick(self) -> None:
        """See to the programs, then wait a moment."""
        for child in self.children:
            self._revive(child)
        time.sleep(TICK)
        is_alone = self.parent is not None and os.getppid() != self.parent
        if self.is_stopping or is_alone:
            raise Stopped

    def _spawn(self, program: Program, output: int, errors: int) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            program.command,
            cwd=program.folder,
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        self._guard.watch(process.pid)
        return process

    def _follow(self, child: Child) -> None:
        arguments = (child.program.name, child.process)
        threading.Thread(target=self._pump, args=arguments, daemon=True).start()

    def _pump(self, name: str, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None  # noqa: S101  # it is a pipe
        with process.stdout as lines:
            while line := lines.readline(LINE_BYTES):
                self.console.say(name, line.decode("utf-8", "replace").rstrip())

    def _revive(self, child: Child) -> None:
        if child.process.poll() is None:
            return
        if child.restart_at is None:
            self._plan_restart(child)
        elif time.monotonic() >= child.restart_at:
            child.process = self._spawn(child.program, subprocess.PIPE, subprocess.STDOUT)
            child.started_at, child.restart_at = time.monotonic(), None
            self._follow(child)

    def _plan_restart(self, child: Child) -> None:
        self._clear(child.process)
        now = time.monotonic()
        if now - child.started_at > STEADY_AFTER:
            child.pause = FIRST_PAUSE
        child.deaths += 1
        child.restart_at = now + child.pause
        status = child.process.returncode
        self.console.say(child.program.name, f"ended with {status}; starts again in {child.pause:g} s")
        child.pause = min(LONGEST_PAUSE, child.pause * 2)

    def _clear(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a program and whatever it left in its group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._guard.release(process.pid)


def _await_end(process: subprocess.Popen[bytes], seconds: float) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, seconds))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")
