"""A gate before a server: what goes through it can be kept, cut, or answered by somebody else."""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Final
from urllib.parse import urlsplit

from tests.parts.ports import HOST

PIECE: Final = 65536  # bytes
WRITE: Final = b"PUT "
ASK: Final = (b"GET ", b"HEAD ")
GO_ON: Final = b"HTTP/1.1 100"  # no answer yet: the body is to come
BUSY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: 39\r\n\r\n<Error><Code>SlowDown</Code></Error>   "
)


class Fault(Enum):
    """What befalls each request while it lasts."""

    NONE = "it goes through"
    BUSY = "the answer is 503"
    CLOSED = "the line is closed without an answer"
    SILENT = "nobody answers"
    CUT = "the answer breaks off in its middle"
    UNHEARD = "the server stores what it is given, and its answer is lost"


@dataclass
class Gate:
    """Where clients knock. What is under way when the fault changes is cut."""

    url: str
    passed: int = 200  # bytes of an answer, before it is cut
    _fault: Fault = Fault.NONE
    _open: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def fault(self) -> Fault:
        """What befalls requests now."""
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        with self._lock:
            self._fault = fault
            for sock in self._open:
                _hang_up(sock)
            self._open.clear()

    def keep(self, *sockets: socket.socket) -> None:
        """Remember lines that are open."""
        with self._lock:
            self._open.update(sockets)

    def forget(self, *sockets: socket.socket) -> None:
        """Forget lines that are about to be closed."""
        with self._lock:
            self._open.difference_update(sockets)


@contextmanager
def running_gate(url: str) -> Iterator[Gate]:
    """A gate before the server at the address; at the end all lines are cut."""
    server = urlsplit(url)
    listener = socket.create_server((HOST, 0))
    gate = Gate(f"http://{HOST}:{listener.getsockname()[1]}")
    threads: list[threading.Thread] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                thread = threading.Thread(target=_serve, args=(gate, sock, (HOST, server.port)), daemon=True)
                threads.append(thread)
                thread.start()

    threads.append(threading.Thread(target=accept, daemon=True))
    threads[0].start()
    try:
        yield gate
    finally:
        _hang_up(listener)
        listener.close()
        gate.fault = Fault.CLOSED
        for thread in threads:
            thread.join()


def _serve(gate: Gate, client: socket.socket, address: tuple[str, int | None]) -> None:
    with ExitStack() as stack, suppress(OSError):
        stack.enter_context(client)
        gate.keep(client)
        stack.callback(gate.forget, client)
        if gate.fault is Fault.BUSY:
            client.recv(PIECE)
            client.sendall(BUSY)
            client.shutdown(socket.SHUT_WR)
            _drain(client)
        elif gate.fault is Fault.SILENT:
            _drain(client)
        elif gate.fault is not Fault.CLOSED:
            server = stack.enter_context(socket.create_connection(address))
            gate.keep(server)
            stack.callback(gate.forget, server)
            _join(client, server, _Answers(gate.fault, gate.passed))


@dataclass
class _Answers:
    """How much of what a server says is handed on."""

    fault: Fault
    left: int  # bytes, before an answer is cut
    _is_write: bool = False

    def await_one(self, piece: bytes) -> None:
        """Look at what a client says: which answer is the next?"""
        if piece.startswith((WRITE, *ASK)):
            self._is_write = piece.startswith(WRITE)

    @property
    def are_cut(self) -> bool:
        """Nothing more comes through."""
        return self.fault is Fault.CUT and self.left == 0

    def let_through(self, piece: bytes) -> bytes:
        """What comes through of a piece."""
        if self.fault is Fault.UNHEARD and self._is_write:
            return piece if piece.startswith(GO_ON) else b""
        if self.fault is Fault.CUT:
            piece = piece[: self.left]
            self.left -= len(piece)
        return piece


def _join(client: socket.socket, server: socket.socket, answers: _Answers) -> None:
    """Hand on what each says, until one goes or no more is let through."""
    with selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_READ, server)
        selector.register(server, selectors.EVENT_READ, client)
        while not answers.are_cut:
            for key, _ in selector.select():
                speaker, listener = key.fileobj, key.data
                assert isinstance(speaker, socket.socket)
                piece = speaker.recv(PIECE)
                if speaker is client:
                    answers.await_one(piece)
                else:
                    piece = answers.let_through(piece)
                if not piece:
                    return
                listener.sendall(piece)


def _drain(sock: socket.socket) -> None:
    """Read, and do nothing with it, until the other side goes."""
    while sock.recv(PIECE):
        pass


def _hang_up(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
