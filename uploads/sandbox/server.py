"""The sandbox as a process: it starts, tells its port, and ends cleanly."""

import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from socketserver import ThreadingTCPServer
from types import FrameType

from uploads.sandbox import options
from uploads.sandbox.connection import Connection
from uploads.sandbox.state import open_sandbox

RECEIVE_BYTES = 1 << 18  # of each connection


class Stopped(BaseException):
    """SIGTERM or SIGINT came. No ``Exception``, so that nothing on the way swallows it."""


class Server(ThreadingTCPServer):
    """Listens, and gives each connection a thread."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        """Let little lie unread, as a long line does: what was sent has nearly all arrived then."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        super().server_bind()

    def handle_error(self, request: object, client_address: object) -> None:
        """Log a broken connection by its kind only: an exception's text may hold a UID."""
        sys.stderr.write(f"connection ended: {type(sys.exception()).__name__}\n")


def main(arguments: Sequence[str]) -> int:
    """Run a sandbox until it is told to stop; return the process's exit status."""
    chosen = options.parse(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        sandbox = open_sandbox(chosen)
        server = Server((chosen.host, chosen.port), partial(Connection, sandbox))
    except OSError as e:
        sys.stderr.write(f"The sandbox cannot start: {e.strerror}.\n")
        return 1
    with suppress(Stopped), server:
        port = server.socket.getsockname()[1]
        sys.stderr.write(f"The sandbox answers at http://{chosen.host}:{port}/studies\n")
        _write_port(chosen.port_file, port)
        server.serve_forever(poll_interval=0.5)
    sandbox.ledger.close()
    return 0


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


def _write_port(path: Path | None, port: int) -> None:
    """Tell the port in one step: whoever waits for the file never reads half of it."""
    if path:
        temporary = path.with_name(f"{path.name}.new")
        temporary.write_text(f"{port}\n", encoding="ascii")
        temporary.replace(path)
