"""What networks do to a request, and what our own side does to it."""

import socket
import time

import pytest

from tests.qure.parts import account_at, parts_of
from tests.qure.servers import (
    HOST,
    Behavior,
    answers,
    hangs_up,
    interrupts,
    interrupts_and_drains,
    interrupts_and_stalls,
    raw_answer,
    reads_and_hangs_up,
    reads_slowly,
    receipt,
    resets,
    says,
    serve,
    stops_reading,
)
from tests.qure.wire import Wire
from uploads.qure.client import Client
from uploads.qure.errors import (
    QureFault,
    QureMisconfigured,
    QureNoAnswer,
    QureNotReached,
    QureTooLarge,
    QureUnavailable,
)

MEGABYTE = b"\0" * 1_000_000
LARGE = 30  # megabytes: more than the sockets of both sides hold


@pytest.mark.parametrize(
    "behavior",
    [reads_and_hangs_up, resets(1), resets(500_000)],
    ids=["read", "reset", "reset in the middle"],
)
def test_a_connection_that_breaks_leaves_the_outcome_open(behavior: Behavior) -> None:
    with (
        serve(behavior) as server,
        Client(account_at(server.base_url)) as client,
        pytest.raises(QureNoAnswer) as caught,
    ):
        client.send(parts_of(*[MEGABYTE] * LARGE))

    assert caught.value.attempted
    assert server.connection_count == 1


def test_a_connection_that_ends_before_the_request_is_no_answer() -> None:
    with (
        serve(hangs_up) as server,
        Client(account_at(server.base_url)) as client,
        pytest.raises(QureUnavailable) as caught,
    ):
        client.send(parts_of(b"content"))

    assert caught.value.attempted == (type(caught.value) is QureNoAnswer)
    assert server.connection_count == 1


def test_a_server_that_stops_reading_is_given_up() -> None:
    start = time.monotonic()

    with serve(stops_reading) as server:
        with Client(account_at(server.base_url, stall_timeout=0.3)) as client, pytest.raises(QureNoAnswer):
            client.send(parts_of(*[MEGABYTE] * LARGE))
        elapsed = time.monotonic() - start

    assert elapsed < 4
    assert len(server.requests) == 1


def test_a_slow_line_is_not_a_dead_one() -> None:
    behavior = reads_slowly(64 * 1024, 0.02)

    with serve(behavior) as server:
        start = time.monotonic()
        with Client(account_at(server.base_url, stall_timeout=0.8)) as client:
            answer = client.send(parts_of(*[MEGABYTE] * 6))

    assert answer.status == 200
    assert time.monotonic() - start > 0.8
    assert server.requests[0].is_complete


@pytest.mark.parametrize("behavior", [interrupts, interrupts_and_drains, interrupts_and_stalls])
def test_an_answer_before_the_end_of_the_request_is_read(behavior: object) -> None:
    raw = raw_answer(413, b"too large")
    early: Behavior = behavior(raw, after=100_000)  # type: ignore[operator]  # makes behaviors

    with (
        serve(early) as server,
        Client(account_at(server.base_url, stall_timeout=0.3)) as client,
        pytest.raises(QureTooLarge) as caught,
    ):
        client.send(parts_of(*[MEGABYTE] * LARGE))

    assert caught.value.text == "too large"
    assert len(server.requests) == server.connection_count == 1


def test_an_interim_answer_is_not_the_answer() -> None:
    def behave(wire: Wire) -> bool:
        request = wire.read_head()
        assert request is not None
        wire.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        wire.read_body(request)
        wire.sock.sendall(raw_answer(200, receipt()))
        return False

    with serve(behave) as server, Client(account_at(server.base_url)) as client:
        assert client.send(parts_of(*[MEGABYTE] * LARGE)).status == 200


def test_a_receipt_for_a_request_that_was_not_read_is_none() -> None:
    early = interrupts(raw_answer(200, receipt()), after=100_000)

    with serve(early) as server, Client(account_at(server.base_url)) as client, pytest.raises(QureNoAnswer):
        client.send(parts_of(*[MEGABYTE] * LARGE))


def test_a_refused_connection_is_not_an_attempt() -> None:
    with socket.create_server((HOST, 0)) as closed:
        port = closed.getsockname()[1]

    with Client(account_at(f"http://{HOST}:{port}/")) as client, pytest.raises(QureNotReached) as caught:
        client.send(parts_of(b"content"))

    assert not caught.value.attempted


def test_a_name_that_is_not_known_is_not_an_attempt() -> None:
    account = account_at("http://qure.invalid/")

    with Client(account) as client, pytest.raises(QureNotReached) as caught:
        client.send(parts_of(b"content"))

    assert not caught.value.attempted


def test_a_connection_that_does_not_come_about_in_time_is_not_an_attempt() -> None:
    with socket.create_server((HOST, 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(address)
        account = account_at(f"http://{HOST}:{address[1]}/", connect_timeout=0.3)
        with Client(account) as client, pytest.raises(QureNotReached) as caught:
            client.send(parts_of(b"content"))
        for sock in waiting:
            sock.close()

    assert not caught.value.attempted


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.example.com",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http://",
        "http:///studies",
        "http://user:password@127.0.0.1/",
        "http://user@127.0.0.1/",
        "http://127.0.0.1:x/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "http://[::1/",
        "http://127.0.0.1/\r\nX: y",
        "http://127.0.0.1/ a",
        "http://127.0.0.1/?a=b",
        "http://127.0.0.1/#a",
        "http://127.0.0.1\\@example.com/",
        "http://münchen.example/",
        "http://a..b/",
        f"http://{'a' * 70}.example/",
    ],
)
def test_an_address_that_cannot_be_sent_to_is_a_setting_to_mend(base_url: str) -> None:
    with Client(account_at(base_url)) as client, pytest.raises(QureMisconfigured) as caught:
        client.send(parts_of(b"content"))

    assert not caught.value.attempted


def test_the_connection_is_kept_for_the_next_request() -> None:
    with serve(answers()) as server, Client(account_at(server.base_url)) as client:
        for _ in range(3):
            client.send(parts_of(b"content"))

    assert (len(server.requests), server.connection_count) == (3, 1)


def test_a_kept_connection_has_the_same_clocks() -> None:
    with serve(answers(), reads_slowly(64 * 1024, 0.02)) as server:
        account = account_at(server.base_url, connect_timeout=0.2, stall_timeout=3)
        with Client(account) as client:
            client.send(parts_of(b"content"))
            answer = client.send(parts_of(*[MEGABYTE] * 6))

    assert (answer.status, server.connection_count) == (200, 1)


def test_a_connection_is_not_kept_after_a_fault() -> None:
    with serve(answers(500), answers()) as server, Client(account_at(server.base_url)) as client:
        with pytest.raises(QureFault):
            client.send(parts_of(b"one"))
        client.send(parts_of(b"two"))

    assert server.connection_count == 2


def test_a_request_after_the_server_has_hung_up_is_sent_once() -> None:
    with (
        serve(says(raw_answer(200, receipt())), answers()) as server,
        Client(account_at(server.base_url)) as client,
    ):
        client.send(parts_of(b"one"))
        time.sleep(0.05)  # the server's FIN arrives
        client.send(parts_of(b"two"))

    assert [b"two" in request.body for request in server.requests] == [False, True]
    assert server.connection_count == 2


def test_a_kept_connection_that_breaks_under_a_request_is_a_fault_and_no_repeat() -> None:
    with serve(answers(), resets(10), answers()) as server, Client(account_at(server.base_url)) as client:
        client.send(parts_of(b"one"))
        with pytest.raises(QureNoAnswer):
            client.send(parts_of(b"two"))

    assert (len(server.requests), server.connection_count) == (2, 1)


def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next() -> None:
    two_answers = raw_answer(200, receipt("1.1")) + raw_answer(200, receipt("6.6"))

    with (
        serve(says(two_answers, keep_alive=True), answers(200, receipt("2.2"))) as server,
        Client(account_at(server.base_url)) as client,
    ):
        first = client.send(parts_of(b"one"))
        second = client.send(parts_of(b"two"))

    assert (first.series_uids, second.series_uids) == (("1.1",), ("2.2",))
