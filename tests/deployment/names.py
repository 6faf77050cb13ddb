"""A name server of a few lines: what Docker's own answers to containers."""

import socketserver
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address

HEADER_BYTES = 12
A_RECORD, INTERNET = 1, 1
ANSWER_FLAGS = 0x8180  # an answer, with recursion (RFC 1035, 4.1.1)
TTL = 1  # seconds


class Server(socketserver.ThreadingUDPServer):
    """Knows the services' addresses; ``addresses`` may change while it runs."""

    daemon_threads = True

    def __init__(self, host: str, addresses: Mapping[str, Sequence[str]]) -> None:
        super().__init__((host, 0), Handler)
        self.addresses = addresses

    def answer(self, query: bytes) -> bytes:
        """All addresses of the name that is asked for."""
        name, end = _name(query)
        found = self.addresses.get(name, [])
        pointer = struct.pack("!HHHLH", 0xC000 | HEADER_BYTES, A_RECORD, INTERNET, TTL, 4)
        records = b"".join(pointer + IPv4Address(address).packed for address in found)
        header = query[:2] + struct.pack("!HHHHH", ANSWER_FLAGS, 1, len(found), 0, 0)
        return header + query[HEADER_BYTES : end + 4] + records


class Handler(socketserver.DatagramRequestHandler):
    """Answers one question."""

    def handle(self) -> None:
        assert isinstance(self.server, Server)
        self.wfile.write(self.server.answer(self.rfile.read()))


@contextmanager
def name_server(host: str, addresses: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Serve the names; yields where, as host:port."""
    with Server(host, addresses) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"{host}:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def _name(query: bytes) -> tuple[str, int]:
    """The name in a question, and where it ends."""
    labels = []
    position = HEADER_BYTES
    while length := query[position]:
        labels.append(query[position + 1 : position + 1 + length].decode("ascii"))
        position += 1 + length
    return ".".join(labels), position + 1
