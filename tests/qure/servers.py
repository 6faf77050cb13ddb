"""Servers of a few lines on loopback that do to a client what servers and networks do."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from tests.qure.wire import Request, Wire

HOST: Final = "127.0.0.1"
SOCKET_SECONDS: Final = 20.0
SERIES_UID: Final = "1.2.3.4"


# What a server does with one request; False ends the connection.
Behavior = Callable[[Wire], bool]


@dataclass
class Server:
    """A server that listens, what it was sent, and how often somebody connected."""

    port: int
    scheme: str = "http"
    requests: list[Request] = field(default_factory=list)
    connection_count: int = 0
    handshake_count: int = 0

    @property
    def base_url(self) -> str:
        """With the slash that Qure's base URLs end with."""
        return f"{self.scheme}://{HOST}:{self.port}/"


@contextmanager
def serve(*behaviors: Behavior, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Listen on a free port; request by request do as told, the last over and over."""
    listener = socket.create_server((HOST, 0))
    server = Server(listener.getsockname()[1], "https" if tls else "http")
    script, lock = list(behaviors), threading.Lock()
    open_sockets: list[socket.socket] = []
    stop = threading.Event()

    def next_behavior() -> Behavior:
        with lock:
            return script.pop(0) if len(script) > 1 else script[0]

    def converse(plain: socket.socket) -> None:
        with suppress(OSError), plain, _secured(plain, tls) as sock:
            server.handshake_count += tls is not None
            open_sockets.append(sock)
            wire = Wire(sock, server.requests, stop)
            while next_behavior()(wire):
                pass

    def accept() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                sock.settimeout(SOCKET_SECONDS)
                server.connection_count += 1
                thread = threading.Thread(target=converse, args=(sock,), daemon=True)
                threads.append(thread)
                thread.start()

    threads = [threading.Thread(target=accept, daemon=True)]
    threads[0].start()
    try:
        yield server
    finally:
        stop.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in threads:
            _hang_up(open_sockets)
            thread.join(SOCKET_SECONDS)


def _secured(sock: socket.socket, tls: ssl.SSLContext | None) -> socket.socket:
    return sock if tls is None else tls.wrap_socket(sock, server_side=True)


def _hang_up(sockets: list[socket.socket]) -> None:
    for sock in sockets:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def receipt(series_uid: str = SERIES_UID, count: object = 1) -> bytes:
    """The documented answer to an upload."""
    answer = {
        "message": "Success",
        "series_instance_uids": [series_uid],
        "detailed_info": [{"SeriesInstanceUID": series_uid, "NumberOfSeriesRelatedInstances": count}],
    }
    return json.dumps(answer).encode()


def raw_answer(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """The bytes of an answer."""
    phrase = HTTPStatus(status).phrase
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answers(
    status: int = 200, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Behavior:
    """Read a request whole, answer, and wait for the next."""
    return says(raw_answer(status, receipt() if body is None else body, headers), keep_alive=True)


def says(raw: bytes, keep_alive: bool = False) -> Behavior:
    """Read a request whole and say these bytes."""

    def behave(wire: Wire) -> bool:
        request = wire.read_head()
        if request is None or not wire.read_body(request):
            return False
        wire.sock.sendall(raw)
        return keep_alive

    return behave


def interrupts(raw: bytes, after: int) -> Behavior:
    """Say these bytes when so many of the body are here, and hang up on the rest."""

    def behave(wire: Wire) -> bool:
        request = wire.read_head()
        if request is not None and wire.read_body(request, after):
            wire.sock.sendall(raw)
        return False

    return behave


def interrupts_and_drains(raw: bytes, after: int) -> Behavior:
    """Say these bytes when so many of the body are here, and take the rest without a word, as nginx does."""

    def behave(wire: Wire) -> bool:
        request = wire.read_head()
        if request is not None and wire.read_body(request, after):
            wire.sock.sendall(raw)
            while wire.sock.recv(1 << 20):
                pass
        return False

    return behave


def interrupts_and_stalls(raw: bytes, after: int) -> Behavior:
    """Say these bytes when so many of the body are here, then read no more and stay."""

    def behave(wire: Wire) -> bool:
        request = wire.read_head()
        if request is not None and wire.read_body(request, after):
            wire.sock.sendall(raw)
            _stay(wire)
        return False

    return behave


def resets(after: int) -> Behavior:
    """Hang up with RST when so many of the body are here."""

    def behave(wire: Wire) -> bool:
        request = wire.read_head()
        if request is not None and wire.read_body(request, after):
            wire.reset()
        return False

    return behave


def drains(wire: Wire) -> bool:
    """Take a request without keeping it and answer with a receipt."""
    request = wire.read_head()
    if request is None:
        return False
    left, buffer = request.length - wire.ahead_count, bytearray(1 << 20)
    while left and (count := wire.sock.recv_into(buffer)):
        left -= count
    wire.sock.sendall(raw_answer(200, receipt()))
    return False


def hangs_up(wire: Wire) -> bool:
    """Close before a byte is read."""
    return False


def reads_and_hangs_up(wire: Wire) -> bool:
    """Read a request whole and close."""
    request = wire.read_head()
    if request is not None:
        wire.read_body(request)
    return False


def stays_silent(wire: Wire) -> bool:
    """Read a request whole and never say a word."""
    request = wire.read_head()
    if request is not None and wire.read_body(request):
        wire.wait_for_the_end()
    return False


def stops_reading(wire: Wire) -> bool:
    """Read the head, nothing of the body, and stay."""
    wire.read_head()
    _stay(wire)
    return False


def drips(raw: bytes, pause: float) -> Behavior:
    """Read a request whole and answer byte by byte."""

    def behave(wire: Wire) -> bool:
        request = wire.read_head()
        if request is not None and wire.read_body(request):
            for byte in raw:
                wire.sock.sendall(bytes([byte]))
                time.sleep(pause)
        return False

    return behave


def reads_slowly(block: int, pause: float) -> Behavior:
    """Read the body in small blocks with pauses, then answer with a receipt."""

    def behave(wire: Wire) -> bool:
        request = wire.read_head()
        if request is None:
            return False
        wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, block)
        while not request.is_complete:
            wire.read_body(request, len(request.body) + block)
            time.sleep(pause)
        wire.sock.sendall(raw_answer(200, receipt()))
        return False

    return behave


def _stay(wire: Wire) -> None:
    """Hold the connection without reading, until the server is told to stop."""
    wire.stop.wait(SOCKET_SECONDS)
