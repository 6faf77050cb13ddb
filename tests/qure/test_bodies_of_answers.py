"""Answers that are too long, too slow, packed or broken."""

import gzip
import time
import zlib
from collections.abc import Callable

import brotli
import pytest

from tests.qure.faults import fault_of
from tests.qure.parts import account_at, parts_of
from tests.qure.servers import (
    Behavior,
    answers,
    drips,
    raw_answer,
    receipt,
    says,
    serve,
    stays_silent,
)
from uploads.qure.client import Client
from uploads.qure.errors import (
    QureNoAnswer,
)


@pytest.mark.parametrize("is_measured", [True, False], ids=["with a length", "until the end"])
def test_an_answer_over_a_mebibyte_is_none(is_measured: bool) -> None:
    body = receipt() + b" " * (1 << 20)
    raw = raw_answer(200, body) if is_measured else b"HTTP/1.1 200 OK\r\n\r\n" + body

    assert type(fault_of(says(raw))) is QureNoAnswer


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("br", brotli.compress),
        ("gzip, gzip", gzip.compress),
    ],
)
def test_a_bomb_is_no_answer(coding: str, pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(receipt() + b" " * (64 << 20))
    if "," in coding:
        bomb = gzip.compress(bomb)

    fault = fault_of(says(raw_answer(200, bomb, {"Content-Encoding": coding})))

    assert type(fault) is QureNoAnswer


def test_a_compressed_receipt_is_read() -> None:
    raw = raw_answer(200, gzip.compress(receipt()), {"Content-Encoding": "gzip"})

    with serve(says(raw)) as server, Client(account_at(server.base_url)) as client:
        assert client.send(parts_of(b"content")).text == receipt().decode()


def test_a_chunked_receipt_is_read() -> None:
    whole = receipt()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in whole) + b"0\r\n\r\n"
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks

    with serve(says(raw)) as server, Client(account_at(server.base_url)) as client:
        assert client.send(parts_of(b"content")).text == whole.decode()


@pytest.mark.parametrize(
    "raw",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + receipt(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n" + receipt(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + receipt(),
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 12",
    ],
)
def test_a_broken_answer_is_none(raw: bytes) -> None:
    assert type(fault_of(says(raw))) is QureNoAnswer


@pytest.mark.parametrize("behavior", [stays_silent, drips(raw_answer(200, receipt()), 0.05)])
def test_an_answer_has_to_be_whole_when_its_time_is_over(behavior: Behavior) -> None:
    start = time.monotonic()

    fault = fault_of(behavior, answer_timeout=0.4)

    assert type(fault) is QureNoAnswer
    assert time.monotonic() - start < 3


def test_headers_that_drip_do_not_stretch_the_time_for_an_answer() -> None:
    start = time.monotonic()

    fault = fault_of(drips(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: yyyyyyyy\r\n" * 10, 0.05), answer_timeout=0.4)

    assert type(fault) is QureNoAnswer
    assert time.monotonic() - start < 3


def test_a_slow_answer_within_its_time_is_read() -> None:
    behavior = drips(raw_answer(200, receipt()), 0.001)

    with serve(behavior) as server, Client(account_at(server.base_url, stall_timeout=0.05)) as client:
        assert client.send(parts_of(b"content")).status == 200


def test_a_cookie_of_an_answer_is_not_sent_back() -> None:
    with (
        serve(answers(headers={"Set-Cookie": "sessionid=1; Path=/"})) as server,
        Client(account_at(server.base_url)) as client,
    ):
        client.send(parts_of(b"one"))
        client.send(parts_of(b"two"))

    assert [request.headers.get("cookie") for request in server.requests] == [None, None]
