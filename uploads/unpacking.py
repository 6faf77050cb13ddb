"""ZIP archives that a plain form brings. With JavaScript they are opened in the browser, and none comes here.

What an archive says of itself is not believed: its bytes are counted while they are inflated.
"""

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from uploads.forms import LARGEST_SIZE, LeftOut
from uploads.parcel_format import READ_BYTES
from uploads.posted import PostedFile
from uploads.reasons import Reason
from uploads.seals import Digests

MOST_MEMBERS: Final = 20_000  # files of all archives of a request
MOST_BYTES: Final = 1_000_000_000  # of them, inflated
MOST_AT_ONCE: Final = 4 * 1024 * 1024  # bytes of an archive's table of contents
MAGIC: Final = b"PK"
ENCRYPTED: Final = 1  # bit 0 of a member's flags (APPNOTE 4.4.4)
METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # not Deflate64: the standard library has none
DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    IndexError,
    NotImplementedError,
    OverflowError,
    ValueError,
)


@dataclass
class Unpacked:
    """What is in the archives, beside the files that are none; and what can't be had."""

    files: list[PostedFile] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    size: int = 0  # bytes that were inflated


class _Refused(Exception):
    """The archive, or the rest of it, is not opened."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class _Window(io.RawIOBase):
    """One part of a spool, read as a file of its own."""

    def __init__(self, spool: BinaryIO, part: PostedFile) -> None:
        self._spool = spool
        self._part = part
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._part.length}[whence]
        if start + offset < 0:
            raise ValueError("before the beginning")
        self._position = start + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._part.length - self._position)
        size = left if size is None or size < 0 else min(size, left)
        if size > MOST_AT_ONCE:
            raise _Refused(Reason.ARCHIVE_TOO_MANY)
        self._spool.seek(self._part.offset + self._position)
        data = self._spool.read(size)
        self._position += len(data)
        return data


def unpack(parts: Sequence[PostedFile], spool: BinaryIO, largest: int) -> Unpacked:
    """Put the members of archives in the place of the archives; their bytes go to the end of the spool.

    Members of more than ``largest`` bytes are left out.
    """
    found = Unpacked()
    for part in parts:
        if _is_archive(part, spool):
            _open_archive(part, spool, largest, found)
        else:
            found.files.append(part)
    return found


def _is_archive(part: PostedFile, spool: BinaryIO) -> bool:
    spool.seek(part.offset)
    return part.name.lower().endswith(".zip") and spool.read(len(MAGIC)) == MAGIC


def _open_archive(part: PostedFile, spool: BinaryIO, largest: int, found: Unpacked) -> None:
    try:
        with zipfile.ZipFile(_Window(spool, part)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(found.files) + len(members) > MOST_MEMBERS:
                raise _Refused(Reason.ARCHIVE_TOO_MANY)
            for member in members:
                _take(archive, member, f"{part.name}/{member.filename}", (spool, largest), found)
    except _Refused as e:
        found.left_out.append(LeftOut(part.name, part.length, e.reason))
    except DAMAGE:
        found.left_out.append(LeftOut(part.name, part.length, Reason.ARCHIVE_DAMAGED))


def _take(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    path: str,
    to: tuple[BinaryIO, int],
    found: Unpacked,
) -> None:
    spool, largest = to
    reason = _reason_against(member, largest)
    if reason is None:
        try:
            found.files.append(_inflate(archive, member, path, spool, found))
        except DAMAGE:
            reason = Reason.ARCHIVE_DAMAGED
    if reason is not None:
        found.left_out.append(LeftOut(path, min(member.file_size, LARGEST_SIZE), reason))


def _reason_against(member: zipfile.ZipInfo, largest: int) -> Reason | None:
    if member.flag_bits & ENCRYPTED:
        return Reason.ARCHIVE_ENCRYPTED
    if member.compress_type not in METHODS:
        return Reason.ARCHIVE_UNSUPPORTED
    if member.filename.lower().endswith(".zip"):
        return Reason.ARCHIVE_NESTED
    return Reason.TOO_LARGE if member.file_size > largest else None


def _inflate(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: str, spool: BinaryIO, found: Unpacked
) -> PostedFile:
    offset = spool.seek(0, os.SEEK_END)
    length, digests = 0, Digests()
    for chunk in _chunks(archive, member):
        length += len(chunk)
        found.size += len(chunk)
        if found.size > MOST_BYTES:
            raise _Refused(Reason.ARCHIVE_TOO_LARGE)
        digests.update(chunk)
        spool.seek(offset + length - len(chunk))
        spool.write(chunk)
    return PostedFile(path, offset, length, *digests.hexdigests())


def _chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The member's bytes; at their end its checksum is compared, and its size cannot be exceeded."""
    with archive.open(member) as stream:
        while chunk := stream.read(READ_BYTES):
            yield chunk
