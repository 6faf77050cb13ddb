"""Files that a script or a plain form posts: a multipart body (RFC 2046, the Qure API's) as parcels."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Any, BinaryIO, Final

from django.core.files.uploadhandler import FileUploadHandler, StopFutureHandlers
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from uploads.parcel_format import READ_BYTES, Member, digest_of
from uploads.seals import Digests

TAIL: Final = 512  # bytes; longer than the closing delimiter (RFC 2046, 5.1.1; Django takes 201 characters)


class BadMultipart(Exception):
    """The body is not the multipart that its header promises, or it ended early."""


@dataclass(frozen=True)
class PostedFile:
    """One part: its name as the script gave it, and where its bytes lie in the spool."""

    name: str
    offset: int
    length: int
    sha256: str
    seal: str


@dataclass(frozen=True)
class Posted:
    """What came: the files, and the parts that are no files because they have no file name."""

    files: list[PostedFile]
    fields: QueryDict


class _CountedStream:
    """Counts what is read and keeps the end, so that a body that was cut off is not taken for a whole one."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self.count = 0
        self.tail = b""

    def read(self, size: int = -1) -> bytes:
        data = self._request.read(size)
        self.count += len(data)
        self.tail = (self.tail + data)[-TAIL:]
        return data


class _Parser(MultiPartParser):
    """Django's parser, but it keeps names whole: to the portal they are words to be shown, never paths."""

    def sanitize_file_name(self, file_name: str) -> str:
        return file_name


class _Spooler(FileUploadHandler):
    """Writes all parts one behind the other into one file."""

    chunk_size = READ_BYTES

    def __init__(self, spool: BinaryIO) -> None:
        super().__init__()
        self.spool = spool
        self.files: list[PostedFile] = []

    def new_file(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's signature
        super().new_file(*args, **kwargs)
        self._offset = self.spool.tell()
        self._digests = Digests()
        raise StopFutureHandlers

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._digests.update(raw_data)
        self.spool.write(raw_data)

    def file_complete(self, file_size: int) -> None:
        name = self.file_name or ""
        self.files.append(PostedFile(name, self._offset, file_size, *self._digests.hexdigests()))


def read_posted(request: HttpRequest, length: int, spool: BinaryIO) -> Posted:
    """Read the request's parts into the spool. Raises :class:`BadMultipart`."""
    spooler = _Spooler(spool)
    stream = _CountedStream(request)
    try:
        fields, _ = _Parser(request.META, stream, [spooler], "utf-8").parse()  # type: ignore[arg-type]  # reads only
    except (MultiPartParserError, ValueError) as e:
        raise BadMultipart from e
    while stream.read(READ_BYTES):
        pass
    closing = f"--{request.content_params['boundary']}--".encode("ascii")  # type: ignore[index]  # it was parsed
    if stream.count != length or closing not in stream.tail:
        raise BadMultipart
    return Posted(spooler.files, fields)


def distinct_names(names: Iterable[str]) -> list[str]:
    """Names of which no two are equal: the seed's sample script loses all but one of those that are."""
    taken: set[str] = set()
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        seen[name] += 1
        others = (f"{name} ({number})" for number in count(max(2, seen[name])))
        free = next(one for one in chain([name], others) if one not in taken)
        taken.add(free)
        distinct.append(free)
    return distinct


class PostedParcel:
    """The wanted parts of a spool, as a storage's ``save`` takes them.

    ``parts`` pairs file numbers and parts.
    """

    file_sha256 = ""  # no part is a slice

    def __init__(self, spool: BinaryIO, parts: Sequence[tuple[int, PostedFile]]) -> None:
        self._spool = spool
        self._parts = [part for _, part in parts]
        self.members: list[Member] = []
        offset = 0
        for number, part in parts:
            self.members.append(Member(number, 0, offset, part.length, part.sha256, part.seal))
            offset += part.length
        self.length = offset
        self.digest = digest_of(self.members)

    def chunks(self, chunk_size: int = READ_BYTES) -> Iterator[bytes]:
        """Yield the parts' bytes, one part behind the other."""
        for part in self._parts:
            self._spool.seek(part.offset)
            left = part.length
            while left:
                chunk = self._spool.read(min(chunk_size, left))
                left -= len(chunk)
                yield chunk


def new_spool() -> BinaryIO:
    """A file without a name, gone when it is closed."""
    return tempfile.TemporaryFile()
