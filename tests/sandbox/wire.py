"""Requests to a sandbox, written byte by byte, so that a test can get any of them wrong."""

import http.client
import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.dicoms import dicom_bytes
from tests.sandboxes import HOST, Sandbox

BOUNDARY = "a1b2c3"
CONTENT_TYPE = f"multipart/related; type=application/dicom; boundary={BOUNDARY}"


@dataclass(frozen=True)
class Answer:
    """One answer, as it came."""

    status: int
    body: bytes
    headers: http.client.HTTPMessage

    @property
    def json(self) -> Any:  # whatever was answered
        return json.loads(self.body)

    @property
    def numbers(self) -> dict[str, Any]:
        """The number that was answered for each series."""
        return {
            one["SeriesInstanceUID"]: one["NumberOfSeriesRelatedInstances"]
            for one in self.json["detailed_info"]
        }


def image(number: int, series: str = "2.25.1", **overrides: Any) -> bytes:  # DICOM keywords
    """A small DICOM file of its own in a series."""
    return dicom_bytes(SOPInstanceUID=sop(number), SeriesInstanceUID=series, **overrides)


def sop(number: int) -> str:
    """The SOP instance UID of ``image(number)``."""
    return f"2.25.7.{number}"


def part(content: bytes, name: str = "file") -> bytes:
    """One part as ``MultipartEncoder`` writes it, with the line break before the next boundary."""
    head = (
        f'Content-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
        "Content-Type: application/dicom\r\n\r\n"
    )
    return head.encode() + content + b"\r\n"


def body_of(contents: Sequence[bytes], boundary: str = BOUNDARY) -> bytes:
    """A whole body of well-formed parts."""
    parts = [part(content, f"{number:06}.dcm") for number, content in enumerate(contents)]
    return join(parts, boundary)


def join(parts: Sequence[bytes], boundary: str = BOUNDARY) -> bytes:
    """A body of parts that are written already."""
    delimiter = f"--{boundary}".encode()
    return b"".join(delimiter + b"\r\n" + one for one in parts) + delimiter + b"--\r\n"


def headers_of(sandbox: Sandbox, **changes: str | None) -> dict[str, str]:
    """The documented headers; ``None`` leaves one out, ``Content_Type`` is Content-Type."""
    headers: dict[str, str | None] = {
        "Authorization": f"Token {sandbox.token}",
        "Content-Type": CONTENT_TYPE,
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    return {name: value for name, value in headers.items() if value is not None}


def post(sandbox: Sandbox, body: bytes, path: str = "/studies", **headers: str | None) -> Answer:
    """Send one request on a connection of its own."""
    connection = http.client.HTTPConnection(HOST, sandbox.port, timeout=30, blocksize=1 << 20)
    try:
        connection.request("POST", path, body, headers_of(sandbox, **headers))
        response = connection.getresponse()
        return Answer(response.status, response.read(), response.headers)
    finally:
        connection.close()


def send(sandbox: Sandbox, *contents: bytes) -> Answer:
    """Send files in one request."""
    return post(sandbox, body_of(contents))


def speak(sandbox: Sandbox, raw: bytes, *, is_cut: bool = False) -> bytes:
    """Send raw bytes and read to the end of the connection; ``is_cut`` closes our side after the bytes."""
    with socket.create_connection((HOST, sandbox.port), timeout=30) as connection:
        connection.sendall(raw)
        if is_cut:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


def raw_request(sandbox: Sandbox, *lines: str) -> bytes:
    """A request's head with the documented headers and more lines."""
    head = ["POST /studies HTTP/1.1", f"Host: {HOST}", *lines, "Connection: close"]
    head += [f"{name}: {value}" for name, value in headers_of(sandbox).items()]
    return "\r\n".join([*head, "", ""]).encode()
