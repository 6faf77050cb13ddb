"""The parts of a multipart body (RFC 2046), cut by Django's classes; some have no name (RFC 2387)."""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from django.http.multipartparser import ChunkIter, InterBoundaryIter, LazyStream
from django.utils.http import parse_header_parameters

from uploads.parcel_format import READ_BYTES

# Of one part. The sample script writes a path twice; it has 4,096 bytes, and each may be written as %C3.
HEADERS_MAX_BYTES: Final = 32 * 1024
MOST_PARAMETERS: Final = 100  # in one line: to take them apart costs the square of their number
DELIMITER_END: Final = re.compile(rb"[ \t]*\r\n")  # RFC 2046, 5.1.1
BLANK_LINE: Final = b"\r\n\r\n"
CLOSING: Final = b"--"

Headers = dict[str, tuple[str, dict[str, str]]]  # name -> value, parameters


class BadMultipart(Exception):
    """The body is not the multipart that its header promises, or it ended early."""


class HeadersTooLong(BadMultipart):
    """A part's headers are longer than is read: its name is, for there is little else in them."""


class Readable(Protocol):
    """What a body is read from."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; none at the end."""


@dataclass(frozen=True)
class Part:
    """A file, or a form's field. Names are kept whole: to the portal they are words to show, never paths."""

    name: str
    is_file: bool
    content: Iterator[bytes]  # to be read before the next part is asked for


def parts_of(body: Readable, boundary: str) -> Iterator[Part]:
    """Yield every part, in its order. Raises :class:`BadMultipart`."""
    whole = LazyStream(ChunkIter(body, READ_BYTES))  # type: ignore[arg-type]  # only reads
    for place, stream in enumerate(InterBoundaryIter(whole, b"--" + boundary.encode("ascii"))):
        head = stream.read(HEADERS_MAX_BYTES)
        if place and not head.startswith(CLOSING):  # what comes before the first boundary is no part
            yield _part(place, head, stream)
        for _ in stream:
            pass


def _part(place: int, head: bytes, stream: LazyStream) -> Part:
    lines, blank, start = head.partition(BLANK_LINE)
    if not DELIMITER_END.match(head):
        raise BadMultipart
    if not blank and len(head) == HEADERS_MAX_BYTES:
        raise HeadersTooLong
    stream.unget(start)
    headers = _headers(lines)
    _, said = headers.get("content-disposition", ("", {}))
    field, filename = said.get("name", "").strip(), said.get("filename", "")
    encoding, _ = headers.get("content-transfer-encoding", ("", {}))
    content = _decoded(stream) if encoding == "base64" else iter(stream)
    if field and not filename:
        return Part(field, False, content)
    return Part(filename or f"part {place}", True, content)


def _headers(lines: bytes) -> Headers:
    """Those that can be read; a part with others is a part still."""
    headers: Headers = {}
    for line in lines.split(b"\r\n"):
        if line.count(b";") > MOST_PARAMETERS:
            continue
        with suppress(ValueError):
            said, parameters = parse_header_parameters(line.decode())
            name, value = said.split(":", 1)
            headers[name] = value.strip(), parameters
    return headers


def _decoded(stream: LazyStream) -> Iterator[bytes]:
    """Base64 as it comes, four characters for three bytes."""
    left = b""
    for chunk in stream:
        text = left + b"".join(chunk.split())
        end = len(text) // 4 * 4
        left = text[end:]
        try:
            yield b64decode(text[:end], validate=True)
        except binascii.Error as e:
            raise BadMultipart from e
    if left:
        raise BadMultipart
