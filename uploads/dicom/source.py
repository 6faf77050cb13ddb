"""Where a file's bytes come from: a range of an open file, bytes, or a deflated rest of either."""

import io
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

READ_BYTES: Final = 1024 * 1024
INFLATED_LIMIT: Final = 512 * 1024 * 1024  # bytes; a 100 MB object seldom holds more
HEAD_LIMIT: Final = 16 * 1024 * 1024  # inflated bytes that are kept in memory
SKIPPED_OVER: Final = 64 * 1024  # bytes; a longer value is none that we want
PARSED_LIMIT: Final = 64 * 1024 * 1024  # bytes of short values in one header


class TooComplex(Exception):
    """The file needs more memory or time than a file is given."""


class Source(Protocol):
    """Random access to a file's bytes."""

    @property
    def size(self) -> int:
        """How many bytes there are."""
        ...

    def pread(self, offset: int, length: int) -> bytes:
        """Answer ``length`` bytes from ``offset``, fewer only at the end."""
        ...


@dataclass(frozen=True)
class FileSource:
    """A range of an open file. It is read by position, so that the descriptor may be shared."""

    descriptor: int
    start: int
    size: int

    def pread(self, offset: int, length: int) -> bytes:
        """Answer bytes of the range. Raises OSError when the disk does."""
        wanted = max(0, min(length, self.size - offset))
        found = os.pread(self.descriptor, wanted, self.start + offset)
        while 0 < len(found) < wanted:
            more = os.pread(self.descriptor, wanted - len(found), self.start + offset + len(found))
            if not more:
                break
            found += more
        return found


@dataclass(frozen=True)
class BytesSource:
    """Bytes in memory."""

    content: bytes

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.content)

    def pread(self, offset: int, length: int) -> bytes:
        """Answer a slice."""
        return self.content[offset : offset + length]


@dataclass(frozen=True)
class InflatedSource:
    """What a deflated data set holds (PS3.5 A.5): its head in memory, the rest only counted."""

    head: bytes
    size: int
    is_whole: bool

    def pread(self, offset: int, length: int) -> bytes:
        """Answer bytes of the head. Raises TooComplex behind it."""
        if min(offset + length, self.size) > len(self.head):
            raise TooComplex("the header of a deflated file is too long")
        return self.head[offset : offset + length]


def inflate(source: Source, offset: int) -> InflatedSource:
    """Inflate what follows ``offset``, with flat memory.

    Raises TooComplex over the limit. Damaged or missing data ends it early: ``is_whole`` is false then.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    head = bytearray()
    size = 0
    try:
        for piece in _pieces(source, offset, inflater):
            head += piece[: HEAD_LIMIT - len(head)]
            size += len(piece)
            if size > INFLATED_LIMIT:
                raise TooComplex("a deflated file inflates to too many bytes")
    except zlib.error:
        return InflatedSource(bytes(head), size, is_whole=False)
    return InflatedSource(bytes(head), size, is_whole=inflater.eof)


def _pieces(source: Source, offset: int, inflater: "zlib._Decompress") -> Iterator[bytes]:
    while not inflater.eof:
        deflated = inflater.unconsumed_tail or source.pread(offset, READ_BYTES)
        if not inflater.unconsumed_tail:
            offset += len(deflated)
        piece = inflater.decompress(deflated, READ_BYTES)
        if not deflated and not piece:
            return
        yield piece


class Window:
    """A source as the file that pydicom reads, for headers longer than the first look.

    A value longer than ``SKIPPED_OVER`` is passed over, not read: a document of 90 MB in one
    element costs nothing. Raises TooComplex when the short values alone are too many.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._position = 0
        self._buffer = b""
        self._buffer_at = 0
        self._left = PARSED_LIMIT

    def tell(self) -> int:
        """Answer the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; pydicom uses the start and the position only."""
        self._position = offset if whence == io.SEEK_SET else self._position + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Read ``size`` bytes, or pass over them and answer none when they are many."""
        available = max(0, self._source.size - self._position)
        wanted = available if size < 0 else min(size, available)
        if wanted > SKIPPED_OVER:
            self._position += wanted
            return b""
        start = self._position - self._buffer_at
        if start < 0 or start + wanted > len(self._buffer):
            self._fill()
            start = 0
        self._position += wanted
        return self._buffer[start : start + wanted]

    def _fill(self) -> None:
        self._buffer = self._source.pread(self._position, 2 * SKIPPED_OVER)
        self._buffer_at = self._position
        self._left -= SKIPPED_OVER
        if self._left < 0:
            raise TooComplex("the header is too long")
