"""Has files read in a child process, so that no file can harm the process that asks.

Imports no pydicom: the parent stays small.
"""

import math
import os
import signal
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, Generic, TypeVar

from uploads.dicom.process import Child, ChildEnded, ChildTooSlow, CouldNotStart, MalformedAnswer, start_child

STARTS: Final = 3  # tries to start a child before the caller is told
DEATHS: Final = 3  # children lost over one file: one or two may be accidents, then it is the file
STORAGE_FAILED: Final = 74  # EX_IOERR, see ``serving``

Answer = TypeVar("Answer")


class ReaderBroken(Exception):
    """Nothing could be read, through no fault of a file: try again later."""


class _Ending(Enum):
    """How a conversation with a child came to its end."""

    DONE = auto()
    TOO_SLOW = auto()
    DIED = auto()


@dataclass(frozen=True)
class Limits:
    """What a file, and what a child, may take.

    ``seconds_per_file`` is wall time; the child also gives each file that much CPU time, and at most
    ``memory_bytes`` over what an idle child takes.
    """

    seconds_per_file: float
    memory_bytes: int
    files_per_child: int
    answer_bytes: int


class Reader(Generic[Answer]):
    """Keeps one child process, made on first use and renewed when needed.

    Threads take turns. A process that is forked from the one with the child starts its own. ``module`` is
    the child's program, ``understand`` reads a line of it, and ``blame`` is the answer for a file that takes
    too long, or that takes its child down three times.
    """

    def __init__(
        self, module: str, understand: Callable[[bytes], Answer], blame: Answer, limits: Limits
    ) -> None:
        self._module = module
        self._understand = understand
        self._blame = blame
        self._limits = limits
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._served = 0
        _readers.add(self)

    @property
    def child_pid(self) -> int | None:
        """The process id of the child, when there is one."""
        return self._child.pid if self._child else None

    def read(self, descriptor: int, spans: Sequence[tuple[int, int]], at_once: int) -> list[Answer]:
        """Answer for each (offset, length) span of an open file; the child sends ``at_once`` together.

        Raises ReaderBroken when no child starts or the disk fails.
        """
        with self._lock:
            return self._read(descriptor, spans, at_once)

    def close(self) -> None:
        """End the child. The reader may be used again: it starts another."""
        with self._lock:
            self._drop_child()

    def _read(self, descriptor: int, spans: Sequence[tuple[int, int]], at_once: int) -> list[Answer]:
        """Ask for many answers at once; after a failure one by one, to know whose fault the next one is."""
        answers: list[Answer] = []
        deaths = 0
        while len(answers) < len(spans):
            known = len(answers)
            ending = self._ask(descriptor, spans[known:], at_once, answers)
            deaths = 1 if len(answers) > known else deaths + 1
            is_to_blame = at_once == 1 and (ending is _Ending.TOO_SLOW or deaths >= DEATHS)
            if is_to_blame and ending is not _Ending.DONE:
                answers.append(self._blame)
                deaths = 0
            at_once = 1
        return answers

    def _ask(
        self, descriptor: int, spans: Sequence[tuple[int, int]], at_once: int, answers: list[Answer]
    ) -> _Ending:
        """Add the answers to ``answers`` as they come, until the spans or the child come to an end."""
        child = self._ready_child()
        ending = _Ending.DIED
        try:
            child.send(descriptor, spans, at_once)
            for _ in spans:
                answers.append(self._understand(child.receive(self._limits.seconds_per_file)))
                self._served += 1
            ending = _Ending.DONE
        except ChildTooSlow:
            ending = _Ending.TOO_SLOW
        except ChildEnded as e:
            if e.code == STORAGE_FAILED:
                raise ReaderBroken("the staged bytes could not be read") from None
            ending = _Ending.TOO_SLOW if e.code == -signal.SIGXCPU else _Ending.DIED
        except MalformedAnswer:
            ending = _Ending.DIED
        finally:
            if ending is not _Ending.DONE:
                self._drop_child()
        return ending

    def _ready_child(self) -> Child:
        if self._served >= self._limits.files_per_child:
            self._drop_child()
        if self._child is None:
            self._child = self._start()
        return self._child

    def _start(self) -> Child:
        seconds = math.ceil(self._limits.seconds_per_file)
        for _ in range(STARTS):
            try:
                return start_child(
                    self._module, seconds, self._limits.memory_bytes, self._limits.answer_bytes
                )
            except CouldNotStart as e:
                fault = str(e)
        raise ReaderBroken(fault)

    def _drop_child(self) -> None:
        if self._child is not None:
            self._child.end()
        self._child = None
        self._served = 0

    def leave_to_parent(self) -> None:
        """In a process just forked: the child and whoever holds the lock are in the other process."""
        self._lock = threading.Lock()
        if self._child is not None:
            self._child.forget()
        self._child = None
        self._served = 0


_readers: "weakref.WeakSet[Reader[Any]]" = weakref.WeakSet()  # Any: each answers in its own way


def _leave_all_to_parent() -> None:
    for reader in _readers:
        reader.leave_to_parent()


os.register_at_fork(after_in_child=_leave_all_to_parent)
