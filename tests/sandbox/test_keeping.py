"""The sandbox keeps what it was sent: byte for byte, over accidents, in flat memory."""

import hashlib
import http.client
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

from tests.sandbox.wire import body_of, headers_of, image, post, raw_request, send, sop, speak
from tests.sandboxes import HOST, Launch, Sandbox

TEST_FILES = Path(str(get_testdata_file("CT_small.dcm"))).parent
UIDS = ["SeriesInstanceUID", "SOPInstanceUID"]


def readable_files() -> list[bytes]:
    """The contents of each file that ships with pydicom and holds the UIDs of an instance."""
    contents = [path.read_bytes() for path in sorted(TEST_FILES.rglob("*")) if is_instance(path)]
    assert len(contents) > 100
    return contents


def is_instance(path: Path) -> bool:
    try:
        ds = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(UIDS))
    except (OSError, pydicom.errors.InvalidDicomError, NotImplementedError):
        return False
    return all(ds.get(keyword) for keyword in UIDS)


def resident_bytes(pid: int, kind: str) -> int:
    """What Linux counts as a process's memory: ``VmRSS`` now, ``VmHWM`` at its highest."""
    found = re.search(rf"{kind}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


@pytest.mark.filterwarnings("ignore")  # pydicom warns of the odd values in its own test files
def test_every_readable_file_is_kept_byte_for_byte(sandbox: Sandbox) -> None:
    contents = readable_files()

    answer = send(sandbox, *contents)

    held = {row["sha256"] for row in sandbox.rows()}
    assert answer.status == 200
    assert held == {hashlib.sha256(content).hexdigest() for content in contents}
    assert {sandbox.bytes_of(sha256) for sha256 in held} == set(contents)


@pytest.mark.parametrize("accident", [Sandbox.kill, Sandbox.stop])
def test_what_was_answered_outlives_the_process(launch: Launch, accident: object) -> None:
    sandbox = launch(counts="series")
    send(sandbox, image(1), image(2))
    rows, requests, port = sandbox.rows(), sandbox.requests(), sandbox.port

    assert callable(accident)
    accident(sandbox)
    sandbox.restart()

    assert sandbox.port == port
    assert sandbox.rows() == rows
    assert sandbox.requests() == requests
    assert send(sandbox, image(2), image(3)).numbers == {"2.25.1": 3}


def test_a_cut_request_stores_nothing(sandbox: Sandbox) -> None:
    body = body_of([image(1), image(2)])
    head = raw_request(sandbox, f"Content-Length: {len(body)}")

    answer = speak(sandbox, head + body[:-1], is_cut=True)

    request = sandbox.requests()[-1]
    assert answer == b""
    assert sandbox.instances() == {}
    assert (request["outcome"], request["bytes"], request["status"]) == ("incomplete", len(body) - 1, 0)


def test_a_body_of_100_megabytes_leaves_the_memory_flat(launch: Launch) -> None:
    sandbox = launch()
    images = [image(number) + os.urandom(1_000_000) for number in range(99)]
    body = body_of(images)
    before = resident_bytes(sandbox.pid, "VmRSS")

    answer = post(sandbox, body)

    assert answer.status == 200
    assert len(body) > 99_000_000
    assert resident_bytes(sandbox.pid, "VmHWM") - before < 60_000_000


def test_parallel_requests_do_not_mix(sandbox: Sandbox) -> None:
    batches = [[image(number) for number in range(start, start + 20)] for start in (100, 200, 300, 400)]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda batch: send(sandbox, *batch), batches))

    sent = {hashlib.sha256(content).hexdigest() for batch in batches for content in batch}
    assert [answer.numbers for answer in answers] == [{"2.25.1": 20}] * 4
    assert set(sandbox.instances().values()) == sent


def test_a_connection_serves_one_request_after_another(sandbox: Sandbox) -> None:
    connection = http.client.HTTPConnection(HOST, sandbox.port, timeout=30)
    statuses = []

    for number in range(3):
        connection.request("POST", "/studies", body_of([image(number)]), headers_of(sandbox))
        response = connection.getresponse()
        response.read()
        statuses.append((response.status, response.will_close))
    connection.close()

    assert statuses == [(200, False)] * 3


def test_a_request_is_noted_with_its_parts_and_times(sandbox: Sandbox) -> None:
    body = body_of([image(1), b"text"])

    post(sandbox, body, User_Agent="portal/1", Source="hospital")

    request = sandbox.requests()[-1]
    assert request["bytes"] == len(body)
    assert [(one["name"], one["sop_uid"]) for one in request["parts"]] == [
        ("000000.dcm", sop(1)),
        ("000001.dcm", ""),
    ]
    assert (request["user_agent"], request["source"]) == ("portal/1", "hospital")
    assert request["started_at"] <= request["first_byte_at"] <= request["ended_at"]
    assert sandbox.token not in str(request)


def test_no_leftovers_remain_of_requests_that_were_refused(launch: Launch) -> None:
    sandbox = launch(bad_part="refuse")

    send(sandbox, image(1), b"text")
    send(sandbox, image(2), image(2))

    assert list((sandbox.folder / "data" / "incoming").iterdir()) == []
    assert len(list((sandbox.folder / "data" / "instances").iterdir())) == 1
