"""Files that a script or a plain form posts: a multipart body (RFC 2046, the Qure API's) as parcels."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import BinaryIO, Final

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParser
from django.utils.encoding import force_str

from uploads.multipart import BadMultipart, Part, parts_of
from uploads.parcel_format import READ_BYTES, Member, digest_of
from uploads.seals import Digests

TAIL: Final = 512  # bytes; longer than the closing delimiter (RFC 2046, 5.1.1; Django takes 201 characters)


@dataclass(frozen=True)
class PostedFile:
    """One part: its name as the script gave it or its place, and where its bytes lie in the spool."""

    name: str
    offset: int
    length: int
    sha256: str
    seal: str


@dataclass(frozen=True)
class Posted:
    """What came: the files, and the parts that are no files because they are named but have no file name."""

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


def read_posted(request: HttpRequest, length: int, spool: BinaryIO) -> Posted:
    """Read the request's parts into the spool, one behind the other. Raises :class:`BadMultipart`."""
    boundary = (request.content_params or {}).get("boundary", "")
    if not MultiPartParser.boundary_re.fullmatch(boundary):
        raise BadMultipart
    stream = _CountedStream(request)
    posted = _taken(parts_of(stream, boundary), spool)
    while stream.read(READ_BYTES):
        pass
    if stream.count != length or f"--{boundary}--".encode("ascii") not in stream.tail:
        raise BadMultipart
    return posted


def _taken(parts: Iterable[Part], spool: BinaryIO) -> Posted:
    files: list[PostedFile] = []
    fields = QueryDict(mutable=True)
    left = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    for number, part in enumerate(parts, 1):
        if number > settings.DATA_UPLOAD_MAX_NUMBER_FILES:
            raise TooManyFilesSent
        if part.is_file:
            files.append(_spooled(part, spool))
            continue
        value = _value(part, left)
        left -= len(value)
        fields.appendlist(part.name, force_str(value, errors="replace"))
    return Posted(files, fields)


def _spooled(part: Part, spool: BinaryIO) -> PostedFile:
    offset, digests = spool.tell(), Digests()
    for chunk in part.content:
        digests.update(chunk)
        spool.write(chunk)
    return PostedFile(part.name, offset, spool.tell() - offset, *digests.hexdigests())


def _value(part: Part, most: int) -> bytes:
    """The field's value, which is kept in memory. Raises Django's ``RequestDataTooBig``."""
    value = bytearray()
    for chunk in part.content:
        value += chunk
        if len(value) > most:
            raise RequestDataTooBig
    return bytes(value)


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
