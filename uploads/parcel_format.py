"""What a parcel looks like on the wire: a POSIX TAR of neutral names, digested as it streams by.

A member is named after its file's number in the manifest: ``17`` is the whole of file 17,
``17.33554432`` is the slice of it that starts at that byte. See POSIX.1-2017, pax, ustar Interchange Format.
The parcel's digest is the SHA-256 over the SHA-256 digests of its members, in order: one pass of hashing
checks the parcel and gives each file's own digest. A slice comes with the SHA-256 of its whole file, so that
slices of two files are never joined.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from uploads.seals import Digests

BLOCK: Final = 512  # bytes
READ_BYTES: Final = 1024 * 1024
MAX_MEMBERS: Final = 2000
MEMBER_NAME: Final = re.compile(rb"(\d{1,9})(?:\.(\d{1,12}))?")
REGULAR: Final = (b"0", b"\0")


class BadParcel(Exception):
    """The bytes are not a parcel as described above."""


class DigestMismatch(Exception):
    """The bytes are not those that were sent."""


class Readable(Protocol):
    """What a request is read by."""

    def read(self, size: int, /) -> bytes:
        """Answer at most ``size`` bytes; none at the end."""
        ...


@dataclass(frozen=True)
class Member:
    """Where a member lies: offsets and length in bytes."""

    number: int
    file_offset: int
    offset: int
    length: int
    sha256: str
    seal: str

    def row(self) -> list[int | str]:
        """The member as ``Parcel.layout`` keeps it."""
        return [self.number, self.file_offset, self.offset, self.length, self.sha256, self.seal]


class ArrivingParcel:
    """Reads a parcel from a stream, hands its bytes on and learns its layout on the way.

    It has what a storage's ``save`` asks of its content: ``chunks``. The last chunk is handed on only when
    the parcel is whole and its digest right, so a storage that publishes at the end never publishes another.
    """

    def __init__(self, stream: Readable, length: int, digest: str, file_sha256: str = "") -> None:
        self.stream = stream
        self.length = length
        self.digest = digest
        self.file_sha256 = file_sha256
        self.members: list[Member] = []
        self._position = 0
        self._header = bytearray()
        self._data_left = 0
        self._padding_left = 0
        self._is_ended = False
        self._digests = Digests()
        self._name = (0, 0, 0, 0)

    def chunks(self, chunk_size: int = READ_BYTES) -> Iterator[bytes]:
        """Yield the parcel's bytes as they came.

        Raises :class:`BadParcel` or :class:`DigestMismatch`; a stream that ends early is a digest mismatch.
        """
        if not self.length:
            raise BadParcel("The parcel is empty.")
        left = self.length
        while left:
            chunk = self.stream.read(min(chunk_size, left))
            if not chunk:
                raise DigestMismatch("The parcel ended early.")
            left -= len(chunk)
            self._walk(memoryview(chunk))
            if not left:
                self._finish()
            yield chunk

    def _walk(self, view: memoryview) -> None:
        while view and not self._is_ended:
            if self._data_left:
                view = self._take_data(view)
            elif self._padding_left:
                view = self._skip_padding(view)
            else:
                view = self._take_header(view)

    def _take_data(self, view: memoryview) -> memoryview:
        data = view[: self._data_left]
        self._digests.update(data)
        self._data_left -= len(data)
        self._position += len(data)
        if not self._data_left:
            self._end_member()
        return view[len(data) :]

    def _skip_padding(self, view: memoryview) -> memoryview:
        step = min(len(view), self._padding_left)
        self._padding_left -= step
        self._position += step
        return view[step:]

    def _take_header(self, view: memoryview) -> memoryview:
        step = min(len(view), BLOCK - len(self._header))
        self._header += view[:step]
        self._position += step
        if len(self._header) == BLOCK:
            self._begin_member(bytes(self._header))
            self._header.clear()
        return view[step:]

    def _begin_member(self, header: bytes) -> None:
        if not any(header):
            self._is_ended = True
            return
        name = MEMBER_NAME.fullmatch(header[:100].rstrip(b"\0"))
        if name is None or header[156:157] not in REGULAR or len(self.members) == MAX_MEMBERS:
            raise BadParcel("The parcel holds a member that is not a numbered file.")
        length = _octal(header[124:136])
        self._name = (int(name[1]), int(name[2] or 0), self._position, length)
        self._digests = Digests()
        self._data_left = length
        self._padding_left = -length % BLOCK
        if not length:
            self._end_member()

    def _end_member(self) -> None:
        self.members.append(Member(*self._name, *self._digests.hexdigests()))

    def _finish(self) -> None:
        if not self._is_ended or not self.members:
            raise BadParcel("The parcel has no members or no end.")
        if digest_of(self.members) != self.digest:
            raise DigestMismatch("The parcel's bytes are not those that were sent.")


def digest_of(members: Sequence[Member]) -> str:
    """The parcel's digest: SHA-256 over its members' digests, see docs/decisions/0005."""
    return hashlib.sha256(b"".join(bytes.fromhex(member.sha256) for member in members)).hexdigest()


def _octal(field: bytes) -> int:
    digits = field.strip(b" \0")
    if not digits or not all(48 <= digit <= 55 for digit in digits):
        raise BadParcel("The parcel holds a member without a size.")
    return int(digits, 8)
