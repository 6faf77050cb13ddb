"""Where parts listen, and how long they may take to."""

import socket
from contextlib import ExitStack
from typing import Final

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 60.0


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
