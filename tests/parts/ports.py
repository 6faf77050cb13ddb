"""Where parts listen, and how long they may take to."""

import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 60.0
TICK: Final = 0.05  # seconds between two tries


def free_port() -> int:
    """A port at which nobody listens now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """As many different ports at which nobody listens now."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind((HOST, 0))
        return [listener.getsockname()[1] for listener in listeners]


def await_listener(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until the process listens there; fail with its log if it ended or takes too long."""
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        with suppress(ConnectionError), socket.create_connection((HOST, port), START_SECONDS):
            return
        time.sleep(TICK)
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace"))
