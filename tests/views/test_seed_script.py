"""The sample script of Qure's documentation, run as printed against the portal: gunicorn, worker and all."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.pipeline.journeys import image, series_uid, sha256_of
from tests.portals import Portal, running_portal, wait_until
from tests.sandbox.test_seed_script import run_script
from tests.views.browser import objects_in
from tests.views.posting import encode

NAMES = ("dicom-file1.dcm", "dicom-file2.dcm")
DEADLINE = 60.0  # seconds
HALF_OF = 400_000  # bytes


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """One portal for all tests of this module; each sends images of its own."""
    with running_portal(tmp_path_factory.mktemp("scripts")) as running:
        yield running


@pytest.fixture
def token(portal: Portal) -> str:
    """The demo user's token."""
    return str(json.loads((portal.folder / "demo-credentials.json").read_text(encoding="utf-8"))["api_token"])


def write(folder: Path, *contents: bytes) -> None:
    for name, content in zip(NAMES, contents, strict=True):
        (folder / name).write_bytes(content)


def connect(portal: Portal) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(portal.url).netloc, timeout=DEADLINE)


def answer(connection: http.client.HTTPConnection) -> tuple[int, object]:
    response = connection.getresponse()
    status, body = response.status, json.loads(response.read())
    connection.close()
    return status, body


def test_the_documented_script_sends_through_the_portal_to_qure(
    portal: Portal, token: str, tmp_path: Path
) -> None:
    write(tmp_path, image(1, 31), image(1, 32))

    status, answered = run_script(tmp_path, f"{portal.url}/studies", token)

    assert isinstance(answered, dict)
    job_url = answered.pop("upload_url")
    assert (status, answered) == (
        200,
        {
            "message": "Success",
            "series_instance_uids": [series_uid(31), series_uid(32)],
            "detailed_info": [
                {"SeriesInstanceUID": series_uid(31), "NumberOfSeriesRelatedInstances": 1},
                {"SeriesInstanceUID": series_uid(32), "NumberOfSeriesRelatedInstances": 1},
            ],
        },
    )
    assert job_url.startswith("/jobs/")
    wanted = {sha256_of(image(1, 31)), sha256_of(image(1, 32))}
    wait_until(lambda: wanted <= set(portal.qure.instances().values()))


def test_the_documented_script_run_again_reads_the_same_counts_and_stages_nothing(
    portal: Portal, token: str, tmp_path: Path
) -> None:
    write(tmp_path, image(1, 33), image(2, 33))
    _, first = run_script(tmp_path, f"{portal.url}/studies", token)
    staged = objects_in(portal.folder / "staging")

    _, second = run_script(tmp_path, f"{portal.url}/studies", token)

    assert isinstance(first, dict) and isinstance(second, dict)
    assert second["detailed_info"] == first["detailed_info"]
    assert objects_in(portal.folder / "staging") == staged


def test_the_documented_script_with_a_wrong_token_reads_the_documented_refusal(
    portal: Portal, tmp_path: Path
) -> None:
    write(tmp_path, image(1, 34), bytes(3_000_000))

    status, answered = run_script(tmp_path, f"{portal.url}/studies", "wrong")

    assert (status, answered) == (
        401,
        {
            "message": "Invalid token header. No credentials provided.",
            "next": "/accounts/login/",
            "authenticated": False,
        },
    )


def test_the_documented_script_with_no_image_reads_the_documented_refusal(
    portal: Portal, token: str, tmp_path: Path
) -> None:
    write(tmp_path, b"text", b"other text")

    status, answered = run_script(tmp_path, f"{portal.url}/studies", token)

    assert status == 400
    assert isinstance(answered, dict)
    assert answered["message"] == "No DICOM files were uploaded!"
    assert [row["file"] for row in answered["invalid_files"]] == list(NAMES)


def test_a_chunked_body_is_refused_for_want_of_a_length(portal: Portal, token: str) -> None:
    body, content_type = encode([("a", image(1, 35))])
    connection = connect(portal)

    connection.request(
        "POST",
        "/studies",
        iter([body]),
        {"Authorization": f"Token {token}", "Content-Type": content_type},
        encode_chunked=True,
    )

    status, answered = answer(connection)
    assert isinstance(answered, dict)
    assert (status, answered["error"]) == (411, "length_required")


def test_a_body_over_100_mb_is_refused_in_words_that_arrive(portal: Portal, token: str) -> None:
    connection = connect(portal)
    connection.putrequest("POST", "/studies")
    connection.putheader("Authorization", f"Token {token}")
    connection.putheader("Content-Type", "multipart/related; type=application/dicom; boundary=x")
    connection.putheader("Content-Length", "100000001")
    connection.endheaders()
    piece = bytes(1_000_000)
    for _ in range(100):
        connection.send(piece)
    connection.send(b"\n")

    status, answered = answer(connection)

    assert isinstance(answered, dict)
    assert (status, answered["error"]) == (413, "too_large")


def test_a_connection_that_breaks_in_mid_body_leaves_nothing_and_the_next_request_is_served(
    portal: Portal, token: str
) -> None:
    before = objects_in(portal.folder / "staging")
    body, content_type = encode([("a", image(1, 36, pixels=bytes(2 * HALF_OF)))])
    connection = connect(portal)
    connection.putrequest("POST", "/studies")
    connection.putheader("Authorization", f"Token {token}")
    connection.putheader("Content-Type", content_type)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    connection.send(body[:HALF_OF])
    assert isinstance(connection.sock, socket.socket)
    connection.sock.shutdown(socket.SHUT_WR)

    status, _ = answer(connection)

    assert status == 400
    assert objects_in(portal.folder / "staging") == before


def test_the_same_request_from_four_scripts_at_once_is_staged_once(portal: Portal, token: str) -> None:
    before = objects_in(portal.folder / "staging")
    body, content_type = encode([(f"{number}.dcm", image(number, 37)) for number in range(20)])
    start = threading.Barrier(4)

    def send(_: int) -> tuple[int, object]:
        connection = connect(portal)
        headers = {"Authorization": f"Token {token}", "Content-Type": content_type}
        start.wait(DEADLINE)
        connection.request("POST", "/studies", body, headers)
        return answer(connection)

    with ThreadPoolExecutor(4) as scripts:
        answers = list(scripts.map(send, range(4)))

    # 503: the other's files are still being checked
    assert {status for status, _ in answers} <= {200, 503}
    assert 200 in {status for status, _ in answers}
    assert len(objects_in(portal.folder / "staging")) == len(before) + 1
