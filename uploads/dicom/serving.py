"""How a process reads strangers' files for its parent: ``python -m MODULE SOCKET SECONDS BYTES``.

SECONDS is a file's share of CPU time, BYTES the memory over what the interpreter and its libraries take.

It speaks over the socket that it inherited, and ends when that closes:

    parent -> child   one line, with the file's descriptor (SCM_RIGHTS):
                      {"spans": [[offset, length], ...], "at_once": n}
    child -> parent   a line once it is ready; then one answer a line and span, in order, n lines at a time

It has no other descriptor, no environment worth stealing, and limits on memory, CPU time, cores and files.
A file whose bytes can't be read ends it with ``STORAGE_FAILED``: the disk is at fault, not the file.
"""

import json
import logging
import os
import resource
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uploads.dicom.source import FileSource, Source

READY: Final = b"ready\n"
STORAGE_FAILED: Final = 74  # EX_IOERR
OPEN_FILES: Final = 16  # the socket, the file in hand, and what Python opens to import a codec
REQUEST_BYTES: Final = 64 * 1024

Read = Callable[[Source], str]  # a file -> the answer, in one line


@dataclass(frozen=True)
class HonestSource:
    """A file whose failing disk is not held against it.

    pydicom catches whatever a read raises, so that an error of the disk would look like a damaged file.
    """

    file: FileSource

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.file.size

    def pread(self, offset: int, length: int) -> bytes:
        """Answer bytes of the file, or end the process."""
        try:
            return self.file.pread(offset, length)
        except OSError:
            os._exit(STORAGE_FAILED)


@dataclass(frozen=True)
class Request:
    """What the parent asks for; ``file`` is a descriptor, ``at_once`` a number of answers."""

    spans: list[tuple[int, int]]
    at_once: int
    file: int


def serve(read: Read, arguments: list[str], idle_seconds: float | None = None) -> None:
    """Answer the parent's requests until it closes its end, or has asked nothing for ``idle_seconds``."""
    descriptor, seconds, memory_bytes = map(int, arguments)
    with suppress(BrokenPipeError, ConnectionResetError, KeyboardInterrupt, TimeoutError):
        _serve(read, descriptor, seconds, memory_bytes, idle_seconds)


def _serve(read: Read, descriptor: int, seconds: int, memory_bytes: int, idle_seconds: float | None) -> None:
    logging.disable(logging.CRITICAL)
    limit_resources(memory_bytes)
    hush()
    with socket.socket(fileno=descriptor) as connection:
        connection.settimeout(idle_seconds)
        connection.sendall(READY)
        while request := receive(connection):
            try:
                answer(connection, request, seconds, read)
            finally:
                os.close(request.file)


def limit_resources(memory_bytes: int) -> None:
    """Give up what a reader of files does not need."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    set_limit(resource.RLIMIT_AS, pages * resource.getpagesize() + memory_bytes)
    set_limit(resource.RLIMIT_CORE, 0)
    set_limit(resource.RLIMIT_FSIZE, 0)
    set_limit(resource.RLIMIT_NOFILE, OPEN_FILES)


def set_limit(kind: int, value: int) -> None:
    """Lower a limit for good, never above what was inherited."""
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def hush() -> None:
    """Write no traceback from here on: it could quote a file."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, sys.stderr.fileno())
    os.close(nothing)


def receive(connection: socket.socket) -> Request | None:
    """Wait for a request; None when the parent has gone."""
    line, descriptors, _, _ = socket.recv_fds(connection, REQUEST_BYTES, 1)
    while line and not line.endswith(b"\n"):
        more = connection.recv(REQUEST_BYTES)
        if not more:
            return None
        line += more
    if not line:
        return None
    asked = json.loads(line)
    return Request(asked["spans"], asked["at_once"], descriptors[0])


def answer(connection: socket.socket, request: Request, seconds: int, read: Read) -> None:
    """Send one answer for each span, several at once: waking the parent costs as much as half a file."""
    lines = []
    for offset, length in request.spans:
        allow_cpu(seconds)
        lines.append(read(HonestSource(FileSource(request.file, offset, length))) + "\n")
        if len(lines) == request.at_once:
            connection.sendall("".join(lines).encode("ascii"))
            lines.clear()
    connection.sendall("".join(lines).encode("ascii"))


def allow_cpu(seconds: int) -> None:
    """Move the limit of CPU time forward, so that each file has its own: SIGXCPU ends a file that hangs."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(time.process_time()) + seconds + 1
    resource.setrlimit(
        resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard)
    )
