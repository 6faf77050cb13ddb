"""A browser as the server sees it: signs in on the page, names its files, sends parcels, repeats what fails.

What static/js/sending.js does, without a page; its waits are shorter, because tests wait for them.
"""

import hashlib
import http.client
import re
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.parcels import Members, digest_of, tar_of
from tests.portals import PATIENCE

REPEATED = (408, 429, 500, 502, 503, 504, 507)  # as static/js/intake.js
FIRST_WAIT, LONGEST_WAIT = 0.05, 1.0  # seconds
Patient = Mapping[str, str]  # id, birth_date, name, as the page confirms them
PHANTOM: Patient = {"id": "PHANTOM", "birth_date": "", "name": "PHANTOM^TEST"}  # whose images tests make
MANIFEST_ENTRIES = 2000  # in one request, as static/js/sending.js
CSRF = re.compile('<meta name="csrf-token" content="([^"]+)">')
Contents = Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class Parcel:
    """The bytes of one upload request."""

    key: uuid.UUID
    body: bytes
    digest: str


@dataclass(frozen=True)
class Upload:
    """An upload that has begun: its files are named, its parcels are packed."""

    request: uuid.UUID
    job: uuid.UUID
    parcel_url: str
    contents: Contents
    parcels: list[Parcel]

    @property
    def digests(self) -> set[str]:
        """The SHA-256 of each file."""
        return {hashlib.sha256(content).hexdigest() for _, content in self.contents}


class Browser:
    """A person's browser, signed in.

    With ``others`` its requests go to each address in turn, as to machines behind one name.
    """

    def __init__(
        self, url: str, username: str, password: str, patience: float = PATIENCE, others: Sequence[str] = ()
    ) -> None:
        self.url = url
        self._urls = cycle([url, *others])
        self._patience = patience  # seconds that it repeats a request for
        self._session = requests.Session()
        self._session.trust_env = False
        credentials = {"login": username, "password": password}
        page = f"{url}/accounts/login/"
        form = {**credentials, "csrfmiddlewaretoken": self._token(page)}
        answer = self._session.post(page, form, headers={"Referer": page}, timeout=PATIENCE)
        assert answer.url == f"{url}/upload/", "The sign-in was refused."
        self._headers = {"Accept": "application/json", "X-CSRFToken": self._token(answer.url)}
        self._session.headers.update(self._headers)

    def get(self, address: str) -> requests.Response:
        """Look at a page."""
        return self._session.get(next(self._urls) + address, timeout=PATIENCE)

    def press(self, address: str, **fields: object) -> requests.Response:
        """Press a form's button."""
        return self._session.post(next(self._urls) + address, fields, timeout=PATIENCE)

    def begin(
        self,
        contents: Contents,
        files_a_parcel: int = 10,
        request: uuid.UUID | None = None,
        patient: Patient = PHANTOM,
        stat: bool = False,
    ) -> Upload:
        """Open an upload, confirm its patient and name all its files; pack those that the server wants.

        With the ``request`` of an upload that has begun before, that one is resumed.
        """
        request = request or uuid.uuid4()
        urls = self._post_json("/intake/jobs/", {"request": str(request), "stat": stat})
        lines = self._declare(urls["manifest_url"], contents, patient)
        wanted = [
            (str(line["number"]), content)
            for line, (_, content) in zip(lines, contents, strict=True)
            if line["wanted"]
        ]
        groups = [wanted[start : start + files_a_parcel] for start in range(0, len(wanted), files_a_parcel)]
        parcels = [_packed(group) for group in groups]
        return Upload(request, uuid.UUID(urls["job"]), urls["parcel_url"], contents, parcels)

    def send(self, upload: Upload, *parcels: Parcel) -> None:
        """Send parcels, all unless they are given, each until it is acknowledged."""
        for parcel in parcels or upload.parcels:
            self._repeat(lambda parcel=parcel: self.post(upload, parcel))  # type: ignore[misc]

    def post(self, upload: Upload, parcel: Parcel) -> requests.Response:
        """Send a parcel once."""
        headers = _headers(parcel)
        return self._session.post(
            next(self._urls) + upload.parcel_url, parcel.body, headers=headers, timeout=PATIENCE
        )

    @contextmanager
    def half_sent(self, upload: Upload, parcel: Parcel) -> Iterator[Callable[[], int]]:
        """Send a parcel's first half and hold the line open: the server waits for the rest.

        What is yielded sends the rest, and answers the status.
        """
        address = urlsplit(self.url)
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._session.cookies)
        headers = {
            **self._headers,
            **_headers(parcel),
            "Host": address.netloc,
            "Cookie": cookies,
            "Content-Length": str(len(parcel.body)),
        }
        lines = [f"POST {upload.parcel_url} HTTP/1.1", *(f"{name}: {headers[name]}" for name in headers)]
        head = "".join(f"{line}\r\n" for line in [*lines, ""]).encode()
        with socket.create_connection((address.hostname, address.port), PATIENCE) as line:
            middle = len(parcel.body) // 2
            line.sendall(head + parcel.body[:middle])
            yield lambda: _finish(line, parcel.body[middle:])

    def _declare(
        self, address: str, contents: Contents, patient: Patient
    ) -> list[dict[str, Any]]:  # Any: decoded JSON
        lines = []
        for start in range(0, len(contents), MANIFEST_ENTRIES):
            part = contents[start : start + MANIFEST_ENTRIES]
            files = [{"path": path, "size": len(content)} for path, content in part]
            is_last = start + len(part) == len(contents)
            told = {"files": files, "last": is_last, "confirmed": [patient]}
            lines += self._post_json(address, told)["files"]
        return lines

    def _post_json(self, address: str, value: object) -> Any:  # Any: what JSON holds is the caller's to know
        return self._repeat(
            lambda: self._session.post(next(self._urls) + address, json=value, timeout=PATIENCE)
        )

    def _repeat(self, ask: Callable[[], requests.Response]) -> Any:  # Any: as above
        """Ask until there is an answer that a repeat would not change."""
        end = time.monotonic() + self._patience
        wait = FIRST_WAIT
        while True:
            try:
                answer = ask()
            except requests.RequestException:  # the line, or the server, broke
                answer = None
            if answer is not None and answer.status_code not in REPEATED:
                assert answer.ok, f"{answer.status_code}: {answer.text}"
                return answer.json()
            assert time.monotonic() < end, "The server does not come back."
            time.sleep(wait)
            wait = min(LONGEST_WAIT, 2 * wait)

    def _token(self, page: str) -> str:
        found = CSRF.search(self._session.get(page, timeout=PATIENCE).text)
        assert found, "The page holds no CSRF token."
        return found[1]


def _packed(members: Members) -> Parcel:
    return Parcel(uuid.uuid4(), tar_of(members), digest_of(members))


def _finish(line: socket.socket, rest: bytes) -> int:
    """Send the rest of a request; answer the status."""
    line.sendall(rest)
    with http.client.HTTPResponse(line) as answer:
        answer.begin()
        return answer.status


def _headers(parcel: Parcel) -> dict[str, str]:
    return {
        "Content-Type": "application/x-tar",
        "X-Parcel": str(parcel.key),
        "X-Parcel-Digest": parcel.digest,
    }
