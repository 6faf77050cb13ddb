"""The body of a request: the bytes that ``requests_toolbelt.MultipartEncoder`` would write, read in one pass.

The encoder opens every file at once and asks for their sizes at each read. This body opens one file at a
time, knows its length beforehand, and writes into the buffer that it is given. See RFC 2046, 5.1, and
docs/decisions/0003-own-multipart-body.md.
"""

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol, cast

BOUNDARY_LENGTH: Final = 32
# Of the whole body, besides its parts: the closing delimiter.
BODY_OVERHEAD: Final = len("--") + BOUNDARY_LENGTH + len("--\r\n")
NEUTRAL_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


class PartChanged(Exception):
    """A part gave more or fewer bytes than it promised: the request must not be completed."""

    def __init__(self, index: int) -> None:
        super().__init__(f"Part {index} has changed its size.")
        self.index = index


@dataclass(frozen=True)
class Part:
    """One file: a neutral name, its size in bytes, and how to open it when its turn comes.

    What ``open`` returns needs ``readinto`` and ``close``, as all of Python's binary streams have them.
    Raises ``ValueError`` for a name that could hold a person's words.
    """

    name: str
    size: int
    open: Callable[[], BinaryIO]

    def __post_init__(self) -> None:
        if not NEUTRAL_NAME.fullmatch(self.name):
            raise ValueError("A part's name is made of letters, digits, dots and dashes.")


class _Stream(Protocol):
    def readinto(self, target: memoryview, /) -> int | None: ...

    def close(self) -> None: ...


def part_overhead(name: str) -> int:
    """Bytes that a part takes besides its content."""
    return len(_head(name, "0" * BOUNDARY_LENGTH)) + len(b"\r\n")


def encoded_size(parts: Sequence[Part]) -> int:
    """Bytes of the whole body that holds the parts."""
    return BODY_OVERHEAD + sum(part_overhead(part.name) + part.size for part in parts)


class MultipartBody:
    """A body to be read once. ``ValueError`` for an empty list of parts: that is not a body."""

    def __init__(self, parts: Sequence[Part], boundary: str | None = None) -> None:
        if not parts:
            raise ValueError("A body has at least one part.")
        self.boundary = boundary or uuid.uuid4().hex
        self._parts = parts
        self._index = 0
        self._framing = memoryview(_head(parts[0].name, self.boundary))
        self._stream: _Stream | None = None
        self._left = parts[0].size  # bytes of the part that are still to come
        self._length = encoded_size(parts) + (len(parts) + 1) * (len(self.boundary) - BOUNDARY_LENGTH)
        self._taken = 0

    @property
    def content_type(self) -> str:
        """The header as the API document's sample writes it: ``type`` is not quoted."""
        return f"multipart/related; type=application/dicom; boundary={self.boundary}"

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes, all of them where it is negative; none at the end."""
        rest = self._length - self._taken
        block = bytearray(rest if size < 0 else min(size, rest))
        return bytes(memoryview(block)[: self.readinto(block)])

    def readinto(self, target: bytearray | memoryview) -> int:
        """Fill the target as far as the body goes; 0 at the end. Raises :class:`PartChanged`."""
        room = memoryview(target)
        while room and (count := self._step(room)):
            room = room[count:]
            self._taken += count
        return len(target) - len(room)

    def close(self) -> None:
        """Let go of the file that is open, if one is."""
        if self._stream is not None:
            self._stream.close()
        self._stream = None

    def _step(self, target: memoryview) -> int:
        if not self._framing and self._index < len(self._parts):
            if self._stream is None:
                self._stream = cast(_Stream, self._parts[self._index].open())
            if self._left:
                return self._take_content(self._stream, target)
            self._end_part(self._stream)
        count = min(len(target), len(self._framing))
        target[:count] = self._framing[:count]
        self._framing = self._framing[count:]
        return count

    def _take_content(self, stream: _Stream, target: memoryview) -> int:
        count = stream.readinto(target[: self._left])
        if not count:
            raise PartChanged(self._index)
        self._left -= count
        return count

    def _end_part(self, stream: _Stream) -> None:
        """Make sure that the part is over, and move on to the next."""
        if stream.readinto(memoryview(bytearray(1))):
            raise PartChanged(self._index)
        self.close()
        self._index += 1
        if self._index == len(self._parts):
            self._framing = memoryview(f"\r\n--{self.boundary}--\r\n".encode("ascii"))
            return
        part = self._parts[self._index]
        self._left = part.size
        self._framing = memoryview(b"\r\n" + _head(part.name, self.boundary))


def _head(name: str, boundary: str) -> bytes:
    return (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
        "Content-Type: application/dicom\r\n\r\n"
    ).encode("ascii")
