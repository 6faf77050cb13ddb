"""A body on its way: read ahead of the line by one block, and by no more."""

import io
import threading
from contextlib import closing

import pytest

from uploads.qure.body import MultipartBody, Part
from uploads.qure.sending import BLOCK_BYTES, Abandoned, Outgoing

PATIENCE = 30.0  # seconds


class Watched(io.BytesIO):
    """A stream that says when it is asked past a position, and waits there if it is told to."""

    def __init__(self, content: bytes, place: int) -> None:
        super().__init__(content)
        self.place = place
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self.is_reading = False

    def readinto(self, target: memoryview, /) -> int:  # type: ignore[override]  # narrower than Buffer
        self.is_reading = True
        if self.tell() >= self.place:
            self.reached.set()
            assert self.go_on.wait(PATIENCE)
        count = super().readinto(target)
        self.is_reading = False
        return count


def body_of(stream: Watched) -> MultipartBody:
    return MultipartBody([Part("0.dcm", len(stream.getvalue()), lambda: stream)])


def test_the_next_block_is_read_while_one_is_on_the_line() -> None:
    stream = Watched(bytes(3 * BLOCK_BYTES), place=BLOCK_BYTES // 2)
    stream.go_on.set()

    with closing(Outgoing(body_of(stream))) as outgoing:
        outgoing.read(BLOCK_BYTES)

        assert stream.reached.wait(PATIENCE)


def test_a_block_in_hand_stays_as_it_is_while_the_next_is_read() -> None:
    stream = Watched(b"\1" * BLOCK_BYTES + b"\2" * BLOCK_BYTES, place=BLOCK_BYTES // 2)
    stream.go_on.set()

    with closing(Outgoing(body_of(stream))) as outgoing:
        block = outgoing.read(BLOCK_BYTES)
        outgoing.close()  # the next block has been read whole

        assert bytes(block[-1000:]) == b"\1" * 1000


def test_nothing_reads_the_body_any_more_when_it_is_closed() -> None:
    stream = Watched(bytes(3 * BLOCK_BYTES), place=BLOCK_BYTES // 2)
    outgoing = Outgoing(body_of(stream))
    outgoing.read(BLOCK_BYTES)
    assert stream.reached.wait(PATIENCE)

    threading.Timer(0.1, stream.go_on.set).start()
    outgoing.close()

    assert not stream.is_reading


@pytest.mark.parametrize("size", [1000, BLOCK_BYTES - 1, BLOCK_BYTES, 5 * BLOCK_BYTES])
def test_whatever_is_asked_for_at_once_the_bytes_are_the_same(size: int) -> None:
    content = bytes(range(256)) * 10_000
    part = Part("0.dcm", len(content), lambda: io.BytesIO(content))
    expected = MultipartBody([part], boundary="b" * 32).read()

    with closing(Outgoing(MultipartBody([part], boundary="b" * 32))) as outgoing:
        blocks = list(iter(lambda: bytes(outgoing.read(size)), b""))

    assert b"".join(blocks) == expected
    assert max(map(len, blocks)) <= size


def test_what_a_part_raises_ahead_of_the_line_is_raised_when_its_turn_comes() -> None:
    def broken() -> io.BytesIO:
        raise ConnectionResetError("mine")

    first = Part("0.dcm", BLOCK_BYTES, lambda: io.BytesIO(bytes(BLOCK_BYTES)))
    parts = [first, Part("1.dcm", BLOCK_BYTES, broken)]
    with closing(Outgoing(MultipartBody(parts))) as outgoing:
        outgoing.read(BLOCK_BYTES)

        with pytest.raises(Abandoned):
            outgoing.read(BLOCK_BYTES)

    assert isinstance(outgoing.raised, ConnectionResetError)
