"""What a fault says may end up in a log: no token, no patient's data, no words of a library."""

import json
import logging
import socket
import traceback
from collections.abc import Callable

import pytest

from tests.qure.parts import TOKEN, account_at, parts_of
from tests.qure.servers import HOST, Behavior, answers, raw_answer, reads_and_hangs_up, resets, says, serve
from uploads.qure.account import Account
from uploads.qure.client import Client
from uploads.qure.errors import QureFault, QureMisconfigured

PATIENT = "Canary^Patient"


def told_by(fault: BaseException) -> str:
    """All that a log could print of an exception, and of what it holds on to."""
    told = ["".join(traceback.format_exception(fault)), repr(fault), str(fault.args)]
    for inner in (fault.__cause__, fault.__context__):
        if inner is not None:
            told.append(told_by(inner))
    return "\n".join(told)


@pytest.mark.parametrize(
    "token",
    [
        f"{TOKEN}\n",
        f"{TOKEN}\r\nX: y",
        f"{TOKEN} ",
        f" {TOKEN}",
        f"{TOKEN}é",
        f"{TOKEN}\0",
        f"{TOKEN}\ud800",
        "",
    ],
)
def test_a_token_that_no_header_can_carry_is_a_setting_to_mend(token: str) -> None:
    with (
        serve(answers()) as server,
        Client(Account(server.base_url, token)) as client,
        pytest.raises(QureMisconfigured) as caught,
    ):
        client.send(parts_of(b"content"))

    assert not caught.value.attempted
    assert TOKEN not in told_by(caught.value)
    assert server.connection_count == 0


@pytest.mark.parametrize("value", ["a\r\nX: y", " a", "a ", "a\tb", "Klinik München", "a\n"])
@pytest.mark.parametrize("field", ["source", "scheme", "user_agent"])
def test_a_setting_that_no_header_can_carry_is_one_to_mend(field: str, value: str) -> None:
    with (
        serve(answers()) as server,
        Client(account_at(server.base_url, **{field: value})) as client,
        pytest.raises(QureMisconfigured) as caught,
    ):
        client.send(parts_of(b"content"))

    assert not caught.value.attempted
    assert server.connection_count == 0


ECHO = json.dumps({"message": f"{TOKEN} {PATIENT}", "error": TOKEN}).encode()


@pytest.mark.parametrize(
    "behavior",
    [
        *(says(raw_answer(status, ECHO)) for status in (200, 302, 400, 401, 404, 413, 429, 500)),
        says(f"{TOKEN} {PATIENT}\r\n\r\n".encode()),
        says(f"HTTP/1.1 200 {TOKEN}\r\nContent-Length: {PATIENT}\r\nX\r\n\r\n".encode()),
        reads_and_hangs_up,
        resets(5),
    ],
)
def test_a_fault_says_a_fixed_sentence(behavior: Behavior, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        serve(behavior) as server,
        Client(account_at(server.base_url, source="canary-source")) as client,
        pytest.raises(QureFault) as caught,
    ):
        client.send(parts_of(PATIENT.encode()))

    told = told_by(caught.value) + caplog.text
    assert TOKEN not in told
    assert PATIENT not in told
    assert caught.value.__cause__ is caught.value.__context__ is None


def _refused() -> str:
    with socket.create_server((HOST, 0)) as closed:
        return f"http://{HOST}:{closed.getsockname()[1]}/"


@pytest.mark.parametrize(
    "base_url_of",
    [_refused, lambda: "http://qure.invalid/", lambda: f"http://{TOKEN}@{HOST}/", lambda: TOKEN],
)
def test_a_fault_before_the_request_says_a_fixed_sentence(
    base_url_of: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        Client(account_at(base_url_of())) as client,
        pytest.raises(QureFault) as caught,
    ):
        client.send(parts_of(PATIENT.encode()))

    assert TOKEN not in told_by(caught.value) + caplog.text
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_an_account_does_not_show_its_token() -> None:
    assert TOKEN not in repr(account_at("http://127.0.0.1/"))


def test_a_token_that_an_answer_repeats_is_not_kept() -> None:
    with (
        serve(says(raw_answer(401, ECHO))) as server,
        Client(account_at(server.base_url)) as client,
        pytest.raises(QureFault) as caught,
    ):
        client.send(parts_of(b"content"))

    assert TOKEN not in caught.value.text
    assert "error" in caught.value.text
