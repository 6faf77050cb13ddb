"""One connection as a server sees it: what arrives, byte by byte."""

import socket
import struct
import threading
from dataclasses import dataclass, field


@dataclass
class Request:
    """What arrived of one request."""

    head: bytes
    body: bytearray = field(default_factory=bytearray)

    @property
    def length(self) -> int:
        """What the head promised."""
        return int(self.headers["content-length"])

    @property
    def headers(self) -> dict[str, str]:
        """The header fields by their names in small letters."""
        lines = self.head.decode("latin-1").split("\r\n")[1:-2]
        return {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in lines}

    @property
    def is_complete(self) -> bool:
        """Whether the whole body arrived."""
        return len(self.body) == self.length


class Wire:
    """One connection, from the server's side."""

    def __init__(self, sock: socket.socket, requests: list[Request], stop: threading.Event) -> None:
        self.sock = sock
        self.stop = stop  # the server is to end
        self._requests = requests
        self._ahead = bytearray()

    @property
    def ahead_count(self) -> int:
        """Bytes of the body that came with the head."""
        return len(self._ahead)

    def read_head(self) -> Request | None:
        """Read a request up to its body; None where the client is gone."""
        while b"\r\n\r\n" not in self._ahead:
            block = self.sock.recv(65536)
            if not block:
                return None
            self._ahead += block
        end = self._ahead.index(b"\r\n\r\n") + 4
        request = Request(bytes(self._ahead[:end]))
        del self._ahead[:end]
        self._requests.append(request)
        return request

    def read_body(self, request: Request, limit: int | None = None) -> bool:
        """Read on until ``limit`` bytes of the body are here; False where the client goes before."""
        wanted = request.length if limit is None else min(limit, request.length)
        while len(request.body) < wanted:
            block = bytes(self._ahead) or self.sock.recv(1 << 20)
            self._ahead.clear()
            if not block:
                return False
            request.body += block
        return True

    def wait_for_the_end(self) -> None:
        """Read nothing more; wait until the server is told to stop or the client hangs up."""
        while self.sock.recv(1):
            pass

    def reset(self) -> None:
        """Hang up with RST."""
        plain = self.sock
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        plain.close()
