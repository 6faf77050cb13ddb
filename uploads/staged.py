"""Reading staged files back: a file is a list of extents in parcels."""

import io
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import BinaryIO, Final, Protocol, Self, cast

from django.core.files.base import File as StoredFile
from django.core.files.storage import default_storage

from uploads.models import Extent, Parcel
from uploads.seals import Seal

CHUNK: Final = 1024 * 1024  # bytes


class StagedBytesGone(Exception):
    """Staged bytes are not there any more, or are not those that arrived."""


class Digest(Protocol):
    """A digest in the making."""

    def update(self, data: memoryview, /) -> None:
        """Add the next bytes."""
        ...

    def hexdigest(self) -> str:
        """The digest of all bytes so far."""
        ...


class StagedReader:
    """Opens staged files one after the other and keeps the parcel in hand open for the next of its files."""

    def __init__(self) -> None:
        self._parcel_id: int | None = None
        self._stored: StoredFile[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def parcel(self, parcel: Parcel) -> StoredFile[bytes]:
        """The parcel's object, open for reading."""
        if self._stored is None or self._parcel_id != parcel.pk:
            self.close()
            try:
                self._stored = default_storage.open(parcel.object_name, "rb")
            except FileNotFoundError:
                raise StagedBytesGone(f"The object of parcel {parcel.pk} is gone.") from None
            self._parcel_id = parcel.pk
            if self._stored.size < parcel.size:
                raise StagedBytesGone(f"The object of parcel {parcel.pk} is shorter than it was.")
        return self._stored

    def open(
        self,
        extents: Sequence[Extent],
        prefix: bytes = b"",
        seal: str | None = None,
        digest: Callable[[], Digest] = Seal,
    ) -> BinaryIO:
        """A stream of ``prefix`` and the file's bytes. It is good until the next file is opened.

        With a seal, the last bytes are handed out only if all together have it. ``digest`` makes it.
        """
        return cast(BinaryIO, _Extents(self, extents, prefix, seal, digest()))

    def close(self) -> None:
        """Let go of the parcel in hand."""
        if self._stored is not None:
            self._stored.close()
        self._stored = None


def chunks(stream: BinaryIO) -> Iterable[bytes]:
    """The stream from where it stands, a MiB at a time: a file may be larger than the memory."""
    return iter(lambda: stream.read(CHUNK), b"")


class _Extents(io.RawIOBase):
    """The concatenation of a prefix and of ranges of parcels."""

    def __init__(
        self,
        reader: StagedReader,
        extents: Sequence[Extent],
        prefix: bytes,
        seal: str | None,
        digest: Digest,
    ) -> None:
        self._reader = reader
        self._expected = seal
        self._seal = digest
        self._left = len(prefix) + sum(length for _, _, length in extents)
        self._todo = list(extents)
        self._prefix = memoryview(prefix)
        self._done = 0  # bytes read of the extent in hand

    def readable(self) -> bool:
        return True

    def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override]  # narrower than Buffer
        buffer = memoryview(target).cast("B")  # a slice of a bytearray would be a copy
        count = self._read(buffer)
        if self._expected is not None and count:
            self._check(buffer[:count])
        return count

    def _check(self, read: memoryview) -> None:
        self._seal.update(read)
        self._left -= len(read)
        if not self._left and self._seal.hexdigest() != self._expected:
            raise StagedBytesGone("Staged bytes are not those that arrived.")

    def _read(self, buffer: memoryview) -> int:
        if self._prefix:
            step = min(len(buffer), len(self._prefix))
            buffer[:step] = self._prefix[:step]
            self._prefix = self._prefix[step:]
            return step
        while self._todo:
            parcel, offset, length = self._todo[0]
            if self._done < length:
                return self._read_extent(parcel, offset, length, buffer)
            self._todo.pop(0)
            self._done = 0
        return 0

    def _read_extent(self, parcel: Parcel, offset: int, length: int, buffer: memoryview) -> int:
        stored = cast(io.BufferedReader, self._reader.parcel(parcel).file)
        stored.seek(offset + self._done)
        count = stored.readinto(buffer[: min(len(buffer), length - self._done)])
        if not count:
            raise StagedBytesGone(f"The object of parcel {parcel.pk} is shorter than it was.")
        self._done += count
        return count
