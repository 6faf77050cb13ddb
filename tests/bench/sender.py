"""A sender of parcels at a steady pace: what the upload page does, without a browser."""

import http.client
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import requests

from tests.bench.studies import LANES, PackedParcel, Study

MANIFEST: Final = 2000  # entries of a request
PIECE: Final = 512 * 1024  # bytes between two looks at the clock
SECONDS: Final = 60.0
FULL_SPEED: Final = float("inf")  # bytes a second
PATIENT: Final = {"id": "PHANTOM", "birth_date": "", "name": "PHANTOM^TEST"}  # uploads.dicom.phantom

Item = TypeVar("Item")


@dataclass
class Pace:
    """So many bytes a second over all lanes together."""

    bytes_a_second: float
    _next: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, count: int) -> None:
        """Wait until so many bytes may go. What was missed is not made up for."""
        with self._lock:
            start = max(time.monotonic(), self._next)
            self._next = start + count / self.bytes_a_second
        time.sleep(max(0.0, start - time.monotonic()))


@dataclass(frozen=True)
class Sent:
    """An upload: its job, when it began with the list of its files, when the first byte of a parcel left, and
    when the last parcel was acknowledged.
    """

    job: str
    begun_at: float  # seconds since the epoch
    first_byte_at: float
    last_ack_at: float

    @property
    def seconds(self) -> float:
        """How long the upload took."""
        return self.last_ack_at - self.first_byte_at


class Sender:
    """Somebody who is signed in."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False
        address = f"{url}/accounts/login/"
        self._session.get(address, timeout=SECONDS)
        form = {"login": username, "password": password, "csrfmiddlewaretoken": self._csrf_token}
        answer = self._session.post(address, form, allow_redirects=False, timeout=SECONDS)
        assert answer.status_code == 302, answer.status_code

    def send(self, study: Study, bytes_a_second: float) -> Sent:
        """Upload the study as a new job, several parcels at a time."""
        begun_at = time.time()
        job = self._post("/intake/jobs/", {"request": str(uuid.uuid4())})
        self._declare(study, job["manifest_url"])
        pace = Pace(bytes_a_second)
        first_byte_at = time.time()

        def send(connection: http.client.HTTPConnection, parcel: PackedParcel) -> None:
            post_parcel(connection, job["parcel_url"], parcel, self._headers(parcel), pace)

        last_ack_at = in_lanes(self.url, study.parcels, send)
        return Sent(uuid.UUID(job["job"]).hex, begun_at, first_byte_at, last_ack_at)

    @property
    def _csrf_token(self) -> str:
        return self._session.cookies["csrftoken"]

    def _declare(self, study: Study, address: str) -> None:
        files = study.files
        for first in range(0, len(files), MANIFEST):
            part = files[first : first + MANIFEST]
            entries = [{"path": file.path.name, "size": file.size} for file in part]
            is_last = first + MANIFEST >= len(files)
            answer = self._post(address, {"files": entries, "last": is_last, "confirmed": [PATIENT]})
            assert [line["number"] for line in answer["files"]] == [file.number for file in part]

    def _post(self, address: str, data: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
        headers = {"X-CSRFToken": self._csrf_token}
        answer = self._session.post(f"{self.url}{address}", json=data, headers=headers, timeout=SECONDS)
        answer.raise_for_status()
        return dict(answer.json())

    def _headers(self, parcel: PackedParcel) -> dict[str, str]:
        return {
            "Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._session.cookies),
            "X-CSRFToken": self._csrf_token,
            "X-Parcel": str(uuid.uuid4()),
            "X-Parcel-Digest": parcel.digest,
        }


def in_lanes(
    url: str,
    items: Iterable[Item],
    send: Callable[[http.client.HTTPConnection, Item], None],
    lane_count: int = LANES,
) -> float:
    """Send one after the other over several connections at once; answer when the last was acknowledged."""
    waiting = iter(items)
    lock = threading.Lock()

    def lane() -> float:
        connection = http.client.HTTPConnection(str(urlsplit(url).netloc), timeout=SECONDS)
        acknowledged = 0.0
        while True:
            with lock:
                item = next(waiting, None)
            if item is None:
                connection.close()
                return acknowledged
            send(connection, item)
            acknowledged = time.time()

    with ThreadPoolExecutor(lane_count) as pool:
        lanes = [pool.submit(lane) for _ in range(lane_count)]
        return max(lane.result() for lane in lanes)


def post_parcel(
    connection: http.client.HTTPConnection,
    address: str,
    parcel: PackedParcel,
    headers: Mapping[str, str],
    pace: Pace,
) -> None:
    """One parcel in one request; it must be acknowledged."""
    size = parcel.size
    connection.putrequest("POST", address)
    lengths = {"Content-Length": str(size), "Content-Type": "application/x-tar"}
    for name, value in (lengths | dict(headers)).items():
        connection.putheader(name, value)
    connection.endheaders()
    with parcel.path.open("rb") as stream:
        for offset in range(0, size, PIECE):
            count = min(PIECE, size - offset)
            pace.wait(count)
            connection.sock.sendfile(stream, offset, count)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 201, text
