"""How bytes travel: one connection, large blocks, three clocks, nothing taken from the environment.

``connect_timeout``  until the connection stands, TLS included
``stall_timeout``    while sending: it starts anew with every byte that the line takes, under TLS with every
                     SECURE_BYTES, so a slow line is not a dead one, however large the blocks are
``answer_timeout``   from the last byte until the answer is read whole, however it drips

requests' session is left out: it would read netrc and proxies, keep cookies, and read the whole body of a
redirect. Its adapter is all that is needed.
"""

import io
import re
import socket
import ssl
import time
from http.client import HTTPResponse
from typing import Any, Final

import requests
import urllib3
from requests_toolbelt.adapters.socket_options import TCPKeepAliveAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.wait import wait_for_read

from uploads.qure.sending import BLOCK_BYTES, Outgoing

ANSWER_BYTES: Final = 1024 * 1024  # an answer is never longer
EARLY_BYTES: Final = 64 * 1024
# Python's TLS has one deadline for all that it is given: in a stall's 60 s, so much passes at 18 kbit/s.
SECURE_BYTES: Final = 128 * 1024
INTERIM: Final = re.compile(rb"HTTP/1\.\d 1")  # 1xx: the answer is still to come (RFC 9110, 15.2)


class Line:
    """The clocks of a client's connection, in seconds, and what travels on it now."""

    def __init__(self, stall_timeout: float, answer_timeout: float) -> None:
        self.stall_timeout = stall_timeout
        self.answer_timeout = answer_timeout
        self.outgoing: Outgoing | None = None
        self.early = b""  # what came back while the request was still leaving
        self.answer: io.BufferedReader | None = None  # the last one, as it is read from the connection

    def push(self, sock: socket.socket, data: bytes | memoryview) -> None:
        """Send all of the data.

        Raises ``BrokenPipeError`` where an answer may wait all the same: urllib3 then looks for it. A server
        that finds a request too large says so, and hangs up or reads no more.
        """
        rest = memoryview(data)
        while rest:
            count = self._push_some(sock, rest)
            rest = rest[count:]
            if self.outgoing is not None:
                self.outgoing.note(count)
        if self._is_answered(sock):
            raise BrokenPipeError

    def _push_some(self, sock: socket.socket, data: memoryview) -> int:
        sock.settimeout(self.stall_timeout)
        try:
            return sock.send(data[:SECURE_BYTES] if isinstance(sock, ssl.SSLSocket) else data)
        except TimeoutError:
            if not self._is_answered(sock):
                raise
        except (ConnectionError, ssl.SSLError):
            pass
        raise BrokenPipeError

    def _is_answered(self, sock: socket.socket) -> bool:
        """Whether an answer is here, or the end of all answers. TLS may have had only bytes of its own."""
        if not wait_for_read(sock, timeout=0):
            return False
        sock.settimeout(0)
        try:
            block = sock.recv(EARLY_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        self.early += block
        return not (block and INTERIM.match(self.early))


class _DeadlineReader(io.RawIOBase):
    """What came early, then a socket until a moment (monotonic): each read waits only for what is left."""

    def __init__(self, early: bytes, sock: socket.socket, deadline: float) -> None:
        self._early = early
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int | None:  # Any: a writable buffer
        if self._early:
            count = min(len(target), len(self._early))
            target[:count], self._early = self._early[:count], self._early[count:]
            return count
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._raw.readinto(target)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    """An answer that has to be here, headers and body, when its time is over."""

    line: Line

    def __init__(self, sock: socket.socket, **options: Any) -> None:  # Any: http.client's options
        super().__init__(sock, **options)
        self.fp.close()
        deadline = time.monotonic() + self.line.answer_timeout
        self.fp = self.line.answer = io.BufferedReader(_DeadlineReader(self.line.early, sock, deadline))


class _PlainConnection(HTTPConnection):
    line: Line

    def send(self, data: Any) -> None:  # Any: http.client's types; only buffers come here
        """Send by our own clock."""
        if self.sock is None:
            self.connect()
        self.line.push(self.sock, data)


class _SecureConnection(HTTPSConnection):
    line: Line

    def send(self, data: Any) -> None:  # Any: http.client's types; only buffers come here
        """Send by our own clock."""
        if self.sock is None:
            self.connect()
        self.line.push(self.sock, data)


class Adapter(TCPKeepAliveAdapter):  # type: ignore[misc]  # requests_toolbelt is untyped
    """Keeps long uploads alive through firewalls, sends large blocks, repeats nothing."""

    def __init__(self, line: Line) -> None:
        self.line = line
        super().__init__(idle=30, interval=10, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False) -> None:
        """Make the pool with our block size and our connections."""
        self.poolmanager = urllib3.PoolManager(
            num_pools=connections,
            maxsize=maxsize,
            block=block,
            socket_options=self.socket_options,
            blocksize=BLOCK_BYTES,
        )
        response = type("Timed", (_TimedResponse,), {"line": self.line})
        facts = {"line": self.line, "response_class": response}
        plain, secure = type("Plain", (_PlainConnection,), facts), type("Secure", (_SecureConnection,), facts)
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
        }

    def close(self) -> None:
        """Close the connection, and with it an answer whose headers urllib3 refused and then forgot."""
        super().close()
        if self.line.answer is not None:
            self.line.answer.close()

    def post(
        self, url: str, outgoing: Outgoing, headers: dict[str, str], connect_timeout: float, ca_bundle: str
    ) -> requests.Response:
        """Send the request, read the head of its answer. Raises what requests, urllib3 and sockets raise."""
        whole = {**requests.utils.default_headers(), **headers}
        request = requests.Request("POST", url, headers=whole, data=outgoing).prepare()
        self.line.outgoing, self.line.early = outgoing, b""
        timeout = (connect_timeout, self.line.answer_timeout)
        try:
            response: requests.Response = self.send(request, stream=True, timeout=timeout, verify=ca_bundle)
        finally:
            self.line.outgoing = None  # the connection lives longer than the request and its buffers
        return response


class AnswerTooLong(Exception):
    """The answer is longer than an answer is."""


def read_answer(response: requests.Response) -> str:
    """The answer's body as text: at most ANSWER_BYTES when inflated."""
    received = bytearray()
    raw: Any = response.raw  # urllib3's response, which requests does not type
    while chunk := raw.read1(16 * 1024, decode_content=True):
        received += chunk
        if len(received) > ANSWER_BYTES:
            raise AnswerTooLong
    return received.decode("utf-8", "replace").replace("\0", "")
