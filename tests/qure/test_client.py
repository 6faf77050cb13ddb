"""One request, one answer or one named fault."""

import gc
import json
import threading
import weakref
from itertools import zip_longest

import pytest
import requests
from requests_toolbelt import MultipartEncoder

from tests.qure.faults import fault_of
from tests.qure.parts import TOKEN, account_at, encoder_of, parts_of
from tests.qure.servers import (
    SERIES_UID,
    answers,
    raw_answer,
    receipt,
    says,
    serve,
)
from tests.qure.wire import Wire
from uploads.qure.client import Client
from uploads.qure.errors import (
    QureFault,
    QureMisconfigured,
    QureNoAnswer,
    QureNothingUsable,
    QureThrottled,
    QureTooLarge,
    QureUnauthorized,
)

HTML = b"<html><body>Sign in</body></html>"
BAD_TOKEN = json.dumps(
    {
        "message": "Invalid token header. No credentials provided.",
        "next": "/accounts/login/",
        "authenticated": False,
    }
).encode()
HEAD_OF_TWO_MINDS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 189\r\nConnection: close\r\n\r\n"
)
NOTHING = b'{"message": "No DICOM files were uploaded!"}'


def test_a_receipt_is_an_answer() -> None:
    with serve(answers()) as server, Client(account_at(server.base_url)) as client:
        answer = client.send(parts_of(b"one", b"two"))

    assert (answer.status, answer.series_uids, answer.counts) == (200, (SERIES_UID,), {SERIES_UID: 1})
    assert answer.text == receipt().decode()


def test_nothing_of_a_request_is_kept_when_it_is_over() -> None:
    class Progress:
        def __call__(self, sent: int) -> None:
            pass

    progress = Progress()
    over = weakref.ref(progress)
    gc.disable()  # a request's buffers must not wait for it
    try:
        with serve(answers()) as server, Client(account_at(server.base_url)) as client:
            client.send(parts_of(b"one"), on_progress=progress)
            del progress

            assert over() is None
    finally:
        gc.enable()


def test_the_bytes_on_the_wire_are_those_of_the_documents_sample() -> None:
    parts = parts_of(b"first" * 1000, b"", b"third")

    with serve(answers()) as server:
        with Client(account_at(server.base_url)) as client:
            client.send(parts)
        _run_the_sample(server.base_url + "studies", parts[0].name, b"first" * 1000)
    ours, sample = server.requests

    boundary = _boundary(ours.headers["content-type"])
    assert bytes(ours.body) == encoder_of(parts, boundary).read()
    for our_line, sample_line in zip_longest(ours.head.split(b"\r\n"), sample.head.split(b"\r\n")):
        name = our_line.split(b":")[0]
        assert name == sample_line.split(b":")[0]
        if name not in (b"User-Agent", b"Content-Type", b"Content-Length"):
            assert our_line == sample_line
    assert _without_boundary(ours.headers["content-type"]) == _without_boundary(
        sample.headers["content-type"]
    )
    assert ours.length == len(ours.body)
    assert ours.head.startswith(b"POST /studies HTTP/1.1\r\n")


def _run_the_sample(url: str, name: str, content: bytes) -> None:
    """What the API document's sample script does."""
    m = MultipartEncoder({name: (name, content, "application/dicom")})
    content_type = f"multipart/related; type=application/dicom; boundary={m.boundary_value}"
    headers = {"Content-Type": content_type, "Authorization": f"Token {TOKEN}"}
    requests.post(url=url, data=m, headers=headers, timeout=10).close()


def _boundary(content_type: str) -> str:
    return content_type.rpartition("boundary=")[2]


def _without_boundary(content_type: str) -> str:
    return content_type.rpartition("boundary=")[0]


def test_source_and_scheme_travel_when_they_are_set() -> None:
    with serve(answers()) as server:
        account = account_at(
            server.base_url, source="City Hospital", scheme="Bearer", user_agent="portal/1 (x)"
        )
        with Client(account) as client:
            client.send(parts_of(b"content"))

    headers = server.requests[0].headers
    assert headers["source"] == "City Hospital"
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["user-agent"] == "portal/1 (x)"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("", "/studies"),
        ("/", "/studies"),
        ("//", "/studies"),
        ("/api/v1", "/api/v1/studies"),
        ("/a/", "/a/studies"),
    ],
)
def test_the_base_url_and_the_word_are_joined_by_one_slash(path: str, target: str) -> None:
    with serve(answers()) as server, Client(account_at(server.base_url.rstrip("/") + path)) as client:
        client.send(parts_of(b"content"))

    assert server.requests[0].head.split()[1] == target.encode()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, NOTHING, QureNothingUsable),
        (400, HTML, QureNothingUsable),
        (400, BAD_TOKEN, QureUnauthorized),
        (401, BAD_TOKEN, QureUnauthorized),
        (401, NOTHING, QureUnauthorized),
        (403, HTML, QureUnauthorized),
        (404, HTML, QureMisconfigured),
        (405, HTML, QureMisconfigured),
        (413, HTML, QureTooLarge),
        (415, b"", QureMisconfigured),
        (429, b"", QureThrottled),
        (500, HTML, QureNoAnswer),
        (500, receipt(), QureNoAnswer),
        (502, HTML, QureNoAnswer),
        (503, BAD_TOKEN, QureThrottled),
        (504, HTML, QureNoAnswer),
        (103, b"", QureNoAnswer),
        (200, HTML, QureNoAnswer),
        (200, b"", QureNoAnswer),
        (200, b"[]", QureNoAnswer),
        (200, b'{"message": "Success"}', QureNoAnswer),
        (200, receipt()[:-5], QureNoAnswer),
        (200, NOTHING, QureNothingUsable),
        (200, BAD_TOKEN, QureUnauthorized),
    ],
)
def test_the_status_decides_first_and_the_message_second(
    status: int, body: bytes, kind: type[QureFault]
) -> None:
    fault = fault_of(says(raw_answer(status, body)))

    assert type(fault) is kind
    assert fault.status == status
    assert fault.attempted


def test_an_answer_that_contradicts_itself_leaves_no_connection_open() -> None:
    is_over = threading.Event()

    def contradict(wire: Wire) -> bool:
        says(HEAD_OF_TWO_MINDS + b"[1]")(wire)
        if wire.sock.recv(1) == b"":
            is_over.set()
        return False

    gc.disable()  # it would close the connection some day
    try:
        with serve(contradict) as server, Client(account_at(server.base_url)) as client:
            with pytest.raises(QureNoAnswer):
                client.send(parts_of(b"content"))
            assert is_over.wait(10)
    finally:
        gc.enable()


@pytest.mark.parametrize("status", [201, 202, 206])
def test_any_success_with_a_receipt_is_an_answer(status: int) -> None:
    with serve(answers(status)) as server, Client(account_at(server.base_url)) as client:
        assert client.send(parts_of(b"content")).status == status


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with serve(answers()) as elsewhere:
        location = {"Location": elsewhere.base_url + "studies/"}
        fault = fault_of(says(raw_answer(status, b"" if status == 304 else HTML, location)))

    assert type(fault) is QureMisconfigured
    assert fault.status == status
    assert elsewhere.connection_count == 0


def test_the_body_of_a_redirect_is_capped_like_any_other() -> None:
    endless = b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n" + b"x" * (3 << 20)

    assert type(fault_of(says(endless))) is QureNoAnswer


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17),
        ({"Retry-After": "999999"}, 3600),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "later"}, None),
        ({}, None),
        (
            {"Date": "Sat, 03 Feb 2001 04:05:06 GMT", "Retry-After": "Sat, 03 Feb 2001 04:06:06 GMT"},
            60,
        ),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_qure_is_waited_for_as_long_as_it_asks(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    fault = fault_of(says(raw_answer(status, b"", headers)))

    assert isinstance(fault, QureThrottled)
    assert fault.retry_after == seconds
