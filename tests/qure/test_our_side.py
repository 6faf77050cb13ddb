"""What our own side does to a request: it counts, it raises, it stops in the middle."""

import io
import socket
import threading
import time

import pytest

from tests.qure.parts import account_at, part_of, parts_of
from tests.qure.servers import (
    answers,
    resets,
    serve,
)
from uploads.qure.body import MultipartBody, Part, PartChanged, encoded_size
from uploads.qure.client import Client
from uploads.qure.errors import (
    QureNoAnswer,
    QureTooLarge,
)
from uploads.qure.sending import Outgoing
from uploads.qure.transport import Line

MEGABYTE = b"\0" * 1_000_000
LARGE = 30  # megabytes: more than the sockets of both sides hold


def test_progress_counts_every_byte_of_the_body_once() -> None:
    parts = parts_of(*[MEGABYTE] * 5)
    steps: list[int] = []

    with serve(answers()) as server, Client(account_at(server.base_url)) as client:
        client.send(parts, on_progress=steps.append)

    assert steps[-1] == encoded_size(parts) == len(server.requests[0].body)
    assert steps == sorted(set(steps))


def test_a_block_may_take_longer_than_a_stall_while_bytes_move() -> None:
    outgoing = Outgoing(MultipartBody(parts_of(MEGABYTE)))
    line = Line(stall_timeout=0.5, answer_timeout=1)
    line.outgoing = outgoing
    near, far = socket.socketpair()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)

    def read_slowly() -> None:
        while far.recv(65536):
            time.sleep(0.06)

    reader = threading.Thread(target=read_slowly)
    reader.start()
    start = time.monotonic()
    with near:
        line.push(near, outgoing.read(1 << 20))
    elapsed = time.monotonic() - start
    reader.join()
    far.close()
    outgoing.close()

    assert elapsed > 0.5
    assert outgoing.is_complete


class Stop(Exception):
    """An error of the caller's own."""


@pytest.mark.parametrize(
    "error", [Stop("mine"), ConnectionResetError(104, "mine"), BrokenPipeError("mine"), TimeoutError("mine")]
)
def test_what_the_caller_raises_comes_out_as_it_is(error: Exception) -> None:
    def on_progress(sent: int) -> None:
        if sent > 2_000_000:
            raise error

    with serve(answers()) as server, Client(account_at(server.base_url)) as client:
        start = time.monotonic()
        with pytest.raises(type(error)) as caught:
            client.send(parts_of(*[MEGABYTE] * LARGE), on_progress=on_progress)
        elapsed = time.monotonic() - start

    assert caught.value is error
    assert elapsed < 4
    assert not any(request.is_complete for request in server.requests)


@pytest.mark.parametrize("error", [Stop("mine"), ConnectionResetError(104, "mine"), KeyboardInterrupt()])
@pytest.mark.parametrize("is_first", [True, False])
def test_what_a_part_raises_comes_out_as_it_is(error: BaseException, is_first: bool) -> None:
    def fail() -> io.BytesIO:
        raise error

    bad = Part("bad.dcm", 10, fail)
    good = part_of(MEGABYTE * 3)
    parts = [bad, good] if is_first else [good, bad]

    with (
        serve(answers()) as server,
        Client(account_at(server.base_url)) as client,
        pytest.raises(type(error)) as caught,
    ):
        client.send(parts)

    assert caught.value is error
    assert not any(request.is_complete for request in server.requests)


@pytest.mark.parametrize("promised", [999_999, 1_000_001, 5_000_000])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_part_that_changed_is_never_sent_whole(promised: int, place: int) -> None:
    parts = parts_of(MEGABYTE, MEGABYTE, MEGABYTE)
    parts[place] = Part("changed.dcm", promised, lambda: io.BytesIO(MEGABYTE))

    with (
        serve(answers()) as server,
        Client(account_at(server.base_url)) as client,
        pytest.raises(PartChanged) as caught,
    ):
        client.send(parts)

    assert caught.value.index == place
    assert not any(request.is_complete for request in server.requests)


def test_the_file_that_is_open_is_closed_when_the_line_breaks() -> None:
    opened: list[io.BytesIO] = []

    def open_part() -> io.BytesIO:
        opened.append(io.BytesIO(MEGABYTE * LARGE))
        return opened[-1]

    with (
        serve(resets(1000)) as server,
        Client(account_at(server.base_url)) as client,
        pytest.raises(QureNoAnswer),
    ):
        client.send([Part("1.dcm", LARGE * len(MEGABYTE), open_part)])

    assert [stream.closed for stream in opened] == [True]


def test_a_client_can_send_again_after_each_fault() -> None:
    with serve(resets(10), answers(413), answers()) as server, Client(account_at(server.base_url)) as client:
        for kind in (QureNoAnswer, QureTooLarge):
            with pytest.raises(kind):
                client.send(parts_of(b"content"))

        answer = client.send(parts_of(b"content"))

    assert answer.status == 200
