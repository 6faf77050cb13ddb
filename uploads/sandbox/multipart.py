"""Multipart bodies that lie in a file (RFC 2046, 5.1): where each part begins and ends, in flat memory."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

from uploads.sandbox.media import TOKEN, Malformed, parse_field

READ_BYTES = 1 << 20
HEADERS_MAX_BYTES = 16 << 10  # of one part
HEADER_LINE = re.compile(rf"({TOKEN}):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*")


@dataclass(frozen=True)
class Part:
    """One part: its names on the wire, and where its bytes lie in the body."""

    name: str
    filename: str
    start: int
    size: int


def split(body: BinaryIO, boundary: bytes) -> list[Part]:
    """Find every part of the body; raise ``Malformed`` for a body or a part that a strict server refuses."""
    delimiter = b"\r\n--" + boundary
    ends = list(_delimiters(body, delimiter))
    if not ends:
        raise Malformed("The body does not hold its boundary.")
    parts = [
        _part(body, at + len(delimiter), end, number)
        for number, (at, end) in enumerate(pairwise(ends), start=1)
    ]
    if os.pread(body.fileno(), 2, ends[-1] + len(delimiter)) != b"--":
        raise Malformed("The body ends without its closing boundary.")
    names = {part.name for part in parts}
    if len(names) != len(parts):
        raise Malformed("Two parts have the same name.")
    return parts


def _delimiters(body: BinaryIO, delimiter: bytes) -> Iterator[int]:
    """Yield the offset of each delimiter; the first may lack its line break, and is then at -2."""
    body.seek(0)
    window = b"\r\n"
    base = -len(window)
    while chunk := body.read(READ_BYTES):
        window += chunk
        at = window.find(delimiter)
        while at >= 0:
            yield base + at
            at = window.find(delimiter, at + len(delimiter))
        kept = window[-(len(delimiter) - 1) :]
        base += len(window) - len(kept)
        window = kept


def _part(body: BinaryIO, start: int, end: int, number: int) -> Part:
    block = os.pread(body.fileno(), min(end - start, HEADERS_MAX_BYTES), start)
    opening = re.match(rb"[ \t]*\r\n", block)
    if not opening:
        raise Malformed(f"Part {number}: its boundary is not followed by a line break.")
    header_end = block.find(b"\r\n\r\n", opening.end() - 2)
    if header_end < 0:
        raise Malformed(f"Part {number}: its headers do not end, or are too long.")
    headers = _headers(block[opening.end() : header_end], number)
    name, filename = _names(headers, number)
    body_start = start + header_end + 4
    return Part(name, filename, body_start, end - body_start)


def _headers(block: bytes, number: int) -> dict[str, str]:
    try:
        lines = block.decode("utf-8").split("\r\n")
    except UnicodeDecodeError as e:
        raise Malformed(f"Part {number}: its headers are not UTF-8.") from e
    headers: dict[str, str] = {}
    for line in lines:
        match = HEADER_LINE.fullmatch(line)
        if not match:
            raise Malformed(f"Part {number}: a header line cannot be read.")
        if match[1].lower() in headers:
            raise Malformed(f"Part {number}: a header stands twice.")
        headers[match[1].lower()] = match[2]
    return headers


def _names(headers: dict[str, str], number: int) -> tuple[str, str]:
    try:
        disposition = parse_field(headers.get("content-disposition", ""))
        content_type = parse_field(headers.get("content-type", ""))
    except Malformed as e:
        raise Malformed(
            f"Part {number}: Content-Disposition or Content-Type is missing or cannot be read."
        ) from e
    if disposition.value != "form-data":
        raise Malformed(f"Part {number}: Content-Disposition is not form-data.")
    if content_type.value != "application/dicom":
        raise Malformed(f"Part {number}: Content-Type is not application/dicom.")
    name = disposition.parameters.get("name", "")
    filename = disposition.parameters.get("filename", "")
    if not name or not filename:
        raise Malformed(f"Part {number}: Content-Disposition has no name or no filename.")
    return name, filename
