"""One connection: reads requests, hands them on, writes their answers, or breaks them on purpose."""

import select
import sys
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from socket import socket
from socketserver import BaseServer

from uploads.sandbox import admission, control, studies
from uploads.sandbox.answers import Answer, refusal
from uploads.sandbox.state import Sandbox

IDLE_SECONDS = 120.0  # without a byte, a connection ends
SILENT_SECONDS = 600.0
LINGER_SECONDS = 30.0  # an answer that came before the body was read is lost if the rest is not drained
LINGER_IDLE_SECONDS = 2.0
DISCARD_BYTES = 1 << 20


class Connection(BaseHTTPRequestHandler):
    """HTTP/1.1 with keep-alive; ``http.server`` makes one of these for each connection."""

    protocol_version = "HTTP/1.1"
    server_version = "QureSandbox"
    sys_version = ""
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True

    def __init__(self, sandbox: Sandbox, request: socket, client_address: object, server: BaseServer) -> None:
        self.sandbox = sandbox
        super().__init__(request, client_address, server)

    def route(self) -> None:
        """Answer one request, of any method."""
        if self.path.startswith(control.PREFIX):
            self._control()
        else:
            self._studies()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = route  # noqa: N815 - http.server asks

    def handle_expect_100(self) -> bool:
        """Leave ``100 Continue`` to the moment when the body is really wanted."""
        return True

    def log_message(self, *_: object) -> None:
        """Say nothing: the base class would log the path as it came."""

    def _studies(self) -> None:
        started_at = time.time()
        path = self.requestline.split()[1].partition("?")[0]  # self.path has "//" made "/"
        incoming = studies.Incoming(self.headers, self.rfile, started_at, self._go_ahead)
        options = self.sandbox.options
        refused = admission.refused(self.command, path, self.headers, self.sandbox.token, options)
        if refused:
            reply = studies.refuse(incoming, refused, self.sandbox)
        else:
            reply = studies.receive(incoming, self.sandbox)
        if not reply.is_whole:
            self.close_connection = True
        self._reply(reply)
        milliseconds = (time.time() - started_at) * 1000
        _log("studies", reply.answer, f"{reply.size} bytes {reply.part_count} parts {milliseconds:.0f} ms")

    def _go_ahead(self) -> None:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()

    def _reply(self, reply: studies.Reply) -> None:
        """Send the answer the way the request's fault wants it."""
        kind = reply.fault.kind if reply.fault else ""
        seconds = reply.fault.seconds if reply.fault else 0.0
        time.sleep(self.sandbox.options.delay_seconds)
        if kind == "silent":
            self._wait_for_the_end(seconds or SILENT_SECONDS)
        if reply.answer is None or kind in studies.UNANSWERED:
            self.close_connection = True
            return
        if kind == "slow" and reply.fault and reply.fault.after_bytes < 0:
            time.sleep(seconds)
        self._send(reply.answer, seconds if kind == "drip" else 0.0)
        if not reply.is_whole:
            self._linger()

    def _control(self) -> None:
        length = self.headers.get("Content-Length", "0")
        body = b""
        if not control.is_allowed(self.client_address[0], self.headers, self.sandbox):
            answer = refusal(403, "This is answered to the machine itself only.")
            self.close_connection = True
        elif not length.isdigit() or int(length) > control.BODY_MAX_BYTES:
            answer = refusal(413, "The body is too large.")
            self.close_connection = True
        else:
            self._go_ahead()
            body = self.rfile.read(int(length))
            answer = control.answer(self.command, self.path, body, self.sandbox)
        self._send(answer)
        if self.command != "GET":  # a page that reloads itself is no news
            _log("control", answer, f"{len(body)} bytes")

    def _send(self, answer: Answer, drip_seconds: float = 0.0) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "HEAD":
            return
        step = 1 if drip_seconds else len(answer.body)
        for start in range(0, len(answer.body), step or 1):
            self.wfile.write(answer.body[start : start + step])
            time.sleep(drip_seconds / len(answer.body))

    def _wait_for_the_end(self, seconds: float) -> None:
        """Hold the connection until the client gives up or the time is over."""
        select.select([self.connection], [], [], seconds)

    def _linger(self) -> None:
        """Read and forget what a refused client still sends, so that it gets to read the answer."""
        end = time.monotonic() + LINGER_SECONDS
        buffer = bytearray(DISCARD_BYTES)
        with suppress(OSError):
            self.connection.settimeout(LINGER_IDLE_SECONDS)
            while time.monotonic() < end and self.connection.recv_into(buffer):
                pass


def _log(what: str, answer: Answer | None, detail: str) -> None:
    status = answer.status if answer else "closed"
    sys.stderr.write(f"{what} {status} {detail}\n")
