"""A body on its way: what of it has left, and what our own side raised while it was read.

While a block is on the line, a thread reads the next one: staged bytes are digested as they are read, and
the line should not wait for that.

requests and urllib3 take an ``OSError`` for a broken line: they wrap it, and swallow a reset or a broken
pipe. An error of a staged file or of the caller is none of theirs, so it travels through them in disguise.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from uploads.qure.body import MultipartBody

BLOCK_BYTES: Final = 1024 * 1024  # the fastest of the sizes that were measured

Result = TypeVar("Result")


class Abandoned(Exception):
    """Our own side gave the request up; ``Outgoing.raised`` says why."""


class Outgoing:
    """Reads a body in blocks, into two buffers by turns: send a block before reading the next. Close it.

    ``on_progress`` gets the bytes of the body that the line took so far.
    """

    def __init__(self, body: MultipartBody, on_progress: Callable[[int], None] | None = None) -> None:
        self.sent = 0
        self.begun = False  # whether a byte of the body may have left
        self.raised: Exception | None = None
        self._body = body
        self._on_progress = on_progress
        size = min(BLOCK_BYTES, len(body))
        self._blocks = (bytearray(size), bytearray(size))  # the one to be filled next, and the other
        self._block = memoryview(b"")  # what is left of the block in hand
        self._reader = ThreadPoolExecutor(1, "read-ahead")
        self._ahead: Future[memoryview] | None = None

    def __len__(self) -> int:
        return len(self._body)

    @property
    def is_complete(self) -> bool:
        """Whether the line took every byte."""
        return self.sent == len(self._body)

    def read(self, size: int) -> memoryview:
        """The next bytes, at most ``size``; none at the end. Raises :class:`Abandoned`."""
        self.begun = True
        if not self._block:
            self._block = self._guarded(self._next_block)
        read, self._block = self._block[:size], self._block[size:]
        return read

    def close(self) -> None:
        """Read no further. When this returns nothing reads the body any more."""
        self._reader.shutdown(cancel_futures=True)

    def note(self, count: int) -> None:
        """The line took so many bytes; before the body has begun they are the request's head."""
        if not self.begun:
            return
        self.sent += count
        on_progress = self._on_progress
        if on_progress is not None:
            self._guarded(lambda: on_progress(self.sent))

    def _guarded(self, step: Callable[[], Result]) -> Result:
        try:
            return step()
        except Exception as e:  # whatever it is, the caller gets it as it is
            self.raised = e
        raise Abandoned

    def _next_block(self) -> memoryview:
        ahead = self._ahead or self._reader.submit(self._fill)
        block = ahead.result()
        self._ahead = self._reader.submit(self._fill) if block else ahead
        return block

    def _fill(self) -> memoryview:
        block, other = self._blocks
        self._blocks = (other, block)
        return memoryview(block)[: self._body.readinto(block)]
