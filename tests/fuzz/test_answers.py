"""Damaged answers of the receiver, over a real connection."""

import io
import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from tests.fuzz.conftest import Count
from tests.fuzz.mutating import Mutator
from tests.fuzz.watch import Watch
from uploads.qure.account import Account
from uploads.qure.body import Part
from uploads.qure.client import Client
from uploads.qure.errors import QureFault

UID: Final = "1.2.826.0.1.3680043.8.498.1"


def http(status: str, body: bytes, *headers: str) -> bytes:
    """An answer as it is on the wire."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "Connection: close", "", ""]
    return "\r\n".join(head).encode() + body


def sound_answers() -> list[bytes]:
    """What Qure is documented to answer, and what else has been seen of servers."""
    series = {"series_instance_uids": [UID], "message": "Success"}
    details = [{"SeriesInstanceUID": UID, "NumberOfSeriesRelatedInstances": 1}]
    notes = {"messages": {UID: {"created": False, "license_expired": True}}}
    bodies = [
        series,
        {**series, "detailed_info": details},
        {**series, **notes},
        {"message": "No DICOM"},
        {},
        [1],
    ]
    good = [http("200 OK", json.dumps(body).encode(), "Content-Type: application/json") for body in bodies]
    refused = [
        http(status, b"<html>no</html>", "Retry-After: 3") for status in ("429 No", "503 Later", "413 Big")
    ]
    moved = http("302 Found", b"", "Location: http://127.0.0.1:1/")
    packed = http("200 OK", b"\x1f\x8b\x08\0\0\0\0\0\0\3", "Content-Encoding: gzip")
    chunks = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n3\r\n:1}\r\n0\r\n\r\n'
    return [*good * 3, *refused, moved, packed, chunks]


@contextmanager
def receiver(answers: Iterator[bytes]) -> Iterator[str]:
    """A server that reads a request and gives the next of the answers, whatever it is."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_answer_all, args=(listener, answers), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    thread.join(10)


def _answer_all(listener: socket.socket, answers: Iterator[bytes]) -> None:
    for answer in answers:
        try:
            connection, _ = listener.accept()
        except OSError:  # the test is over
            return
        with connection, suppress(OSError):
            connection.settimeout(1)
            request = b""
            while not request.rstrip().endswith(b"--"):
                if not (more := connection.recv(65536)):
                    break
                request += more
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)  # until the client has read it


def test_damaged_answers_are_answers_or_named_faults(times: Count, seed: int) -> None:
    mutator, watch = Mutator(seed, sound_answers()), Watch(times(20_000))
    part = Part("1.dcm", 4, lambda: io.BytesIO(b"DICM"))
    seen: Counter[str] = Counter()

    with receiver(iter(mutator.mutant, None)) as base_url:
        account = Account(base_url, "a-token-of-ours", stall_timeout=5, answer_timeout=5)
        for _ in watch.rounds():
            with Client(account) as client, watch.no_longer_than(10):
                seen[kind_of(client, part)] += 1

    assert seen.keys() >= {"Answer", "QureNoAnswer", "QureThrottled"}


def kind_of(client: Client, part: Part) -> str:
    """What became of a request: an answer that names a series, or a fault of ours."""
    try:
        answer = client.send([part])
    except QureFault as e:
        assert "a-token-of-ours" not in str(e)
        return type(e).__name__
    assert 200 <= answer.status < 300
    assert answer.series_uids
    return type(answer).__name__
