"""What the sandbox decides on a request's headers: path, token, content type and size."""

import pytest

from tests.sandbox.wire import BOUNDARY, CONTENT_TYPE, body_of, image, post, raw_request, send, speak
from tests.sandboxes import Launch, Sandbox


@pytest.mark.parametrize("path", ["/studies/", "//studies", "/", "/api/studies", "/Studies"])
def test_only_the_documented_path_takes_studies(sandbox: Sandbox, path: str) -> None:
    answer = post(sandbox, body_of([image(1)]), path)

    assert answer.status == 404
    assert sandbox.instances() == {}


def test_a_tolerant_sandbox_takes_a_trailing_slash(launch: Launch) -> None:
    sandbox = launch(slash="tolerant")

    assert post(sandbox, body_of([image(1)]), "/studies/").status == 200


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Token", "Token wrong", "token sandbox-token", "Token  sandbox-token", "Bearer sandbox-token"],
)
def test_a_wrong_or_missing_token_gets_the_documented_refusal(
    sandbox: Sandbox, authorization: str | None
) -> None:
    answer = post(sandbox, body_of([image(1)]), Authorization=authorization)

    assert answer.status == 401
    assert answer.json == {
        "message": "Invalid token header. No credentials provided.",
        "next": "/accounts/login/",
        "authenticated": False,
    }
    assert sandbox.instances() == {}


@pytest.mark.parametrize("scheme", ["Token", "Bearer"])
def test_any_scheme_may_be_allowed(launch: Launch, scheme: str) -> None:
    sandbox = launch(scheme="any")

    assert post(sandbox, body_of([image(1)]), Authorization=f"{scheme} {sandbox.token}").status == 200


@pytest.mark.parametrize(("source", "status"), [(None, 403), ("another", 403), ("hospital", 200)])
def test_a_source_may_be_required(launch: Launch, source: str | None, status: int) -> None:
    sandbox = launch(source="hospital")

    assert post(sandbox, body_of([image(1)]), Source=source).status == status


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        (None, 415),
        ("application/dicom", 415),
        (f"multipart/form-data; boundary={BOUNDARY}", 415),
        (f"multipart/related; boundary={BOUNDARY}", 415),
        (f"multipart/related; type=text/plain; boundary={BOUNDARY}", 415),
        (f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}', 415),
        ("multipart/related; type=application/dicom", 400),
        (f'multipart/related; type=application/dicom; boundary="{"x" * 71}"', 400),
        ('multipart/related; type=application/dicom; boundary="a "', 400),
        (f'MULTIPART/Related; boundary="{BOUNDARY}"; Type="application/dicom"', 200),
        (CONTENT_TYPE, 200),
    ],
)
def test_the_content_type_decides(sandbox: Sandbox, content_type: str | None, status: int) -> None:
    assert post(sandbox, body_of([image(1)]), Content_Type=content_type).status == status


def test_form_data_may_be_allowed(launch: Launch) -> None:
    sandbox = launch(media="any")

    answer = post(sandbox, body_of([image(1)]), Content_Type=f"multipart/form-data; boundary={BOUNDARY}")

    assert answer.status == 200


def test_the_limit_holds_for_the_whole_body_to_the_byte(launch: Launch) -> None:
    body = body_of([image(1)])
    sandbox = launch(limit_bytes=len(body))

    assert post(sandbox, body).status == 200
    assert post(sandbox, body + b" ").status == 413


def test_a_body_over_the_limit_is_refused_before_it_is_read(sandbox: Sandbox) -> None:
    answer = speak(sandbox, raw_request(sandbox, "Content-Length: 100000001"), is_cut=True)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert sandbox.requests()[-1]["bytes"] == 0


@pytest.mark.parametrize(
    ("line", "status"),
    [("Transfer-Encoding: chunked", b"411"), ("X: y", b"411"), ("Content-Length: ten", b"400")],
)
def test_a_body_must_say_its_length(sandbox: Sandbox, line: str, status: bytes) -> None:
    answer = speak(sandbox, raw_request(sandbox, line), is_cut=True)

    assert answer.split()[1] == status


def test_a_waiting_client_is_asked_for_the_body_only_when_it_is_wanted(sandbox: Sandbox) -> None:
    refused = raw_request(sandbox, "Content-Length: 100000001", "Expect: 100-continue")
    body = body_of([image(1)])
    wanted = raw_request(sandbox, f"Content-Length: {len(body)}", "Expect: 100-continue")

    assert b"100 Continue" not in speak(sandbox, refused, is_cut=True)
    assert speak(sandbox, wanted + body).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


def test_a_refused_client_reads_its_refusal_after_sending_all(sandbox: Sandbox) -> None:
    answer = post(sandbox, body_of([image(1), bytes(20_000_000)]), Authorization="Token wrong")

    assert answer.status == 401


def test_a_changed_token_is_the_only_one(sandbox: Sandbox) -> None:
    old = sandbox.token

    sandbox.set_token("another")

    assert post(sandbox, body_of([image(1)]), Authorization=f"Token {old}").status == 401
    assert send(sandbox, image(1)).status == 200
