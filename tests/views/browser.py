"""A signed-in browser as the upload page uses it, without the page."""

import hashlib
import io
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from django.test import Client
from django.urls import reverse

from tests.factories import make_job, make_team, make_user
from tests.parcels import Members, digest_of, tar_of
from uploads.models import Job

JSON: Final = "application/json"
TAR: Final = "application/x-tar"


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the decoded JSON, and how long to wait."""

    status: int
    body: Any  # what JSON holds is the test's to know
    retry_after: str | None

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and code of a refusal. It has a sentence for people, and names no exception."""
        sentence = self.body["message"]
        assert sentence[0].isupper() and sentence.endswith((".", "…"))
        return self.status, self.body["error"]


@dataclass(frozen=True)
class Browser:
    """A member of a team with an upload under way. A failure of the server is an answer, not an exception."""

    client: Client
    job: Job

    def create(self, data: object) -> Answer:
        """Begin an upload."""
        return self.post(reverse("create-job"), json.dumps(data))

    def declare(self, data: object) -> Answer:
        """Send a part of the manifest."""
        return self.post(self.url("add-manifest"), json.dumps(data))

    def choose(self, *sizes: int) -> list[int]:
        """Declare files of these sizes, the last ones; answer their numbers."""
        files = [{"path": f"CD/IM{number:04d}", "size": size} for number, size in enumerate(sizes)]
        answer = self.declare({"files": files, "last": True})
        assert answer.status == 200
        return [line["number"] for line in answer.body["files"]]

    def report(self, data: object) -> Answer:
        """Report files that can't be read."""
        return self.post(self.url("report-unreadable"), json.dumps(data))

    def stop(self, data: object) -> Answer:
        """Stop adding files."""
        return self.post(self.url("stop-adding"), json.dumps(data))

    def send(self, members: Members, **changes: object) -> Answer:
        """Send a parcel of the members; ``changes``: another ``body``, ``length``, ``key``, ``digest``.

        A slice says with ``of`` which file's content it is.
        """
        body = cast(bytes, changes.get("body", tar_of(members)))
        headers = {
            "X-Parcel": str(changes.get("key", uuid.uuid4())),
            "X-Parcel-Digest": str(changes.get("digest", digest_of(members))),
        }
        if "of" in changes:
            headers["X-File-Digest"] = hashlib.sha256(cast(bytes, changes["of"])).hexdigest()
        length = str(changes.get("length", len(body)))
        # The length need not be true. Any: the test client's keywords.
        wire: dict[str, Any] = {"CONTENT_LENGTH": length, "wsgi.input": io.BytesIO(body)}
        url = self.url("add-parcel")
        return answer_of(self.client.post(url, b"", content_type=TAR, headers=headers, **wire))

    def post(
        self, url: str, body: object, content_type: str = JSON, headers: dict[str, str] | None = None
    ) -> Answer:
        """POST and read the JSON that comes back."""
        return answer_of(self.client.post(url, body, content_type=content_type, headers=headers))

    def url(self, name: str) -> str:
        """The address of something of the job."""
        return reverse(name, args=[self.job.key])

    def statuses(self) -> list[str]:
        """The statuses of the job's files."""
        return list(self.job.files.order_by("number").values_list("status", flat=True))


def open_browser(**of_job: object) -> Browser:
    """A browser of a new team's member with a job."""
    team = make_team()
    return Browser(client_of(make_user(team)), make_job(team, **of_job))


def client_of(user: Any) -> Client:  # Any: a user, or nobody
    """A test client that answers 500 instead of raising."""
    client = Client(raise_request_exception=False)
    if user is not None:
        client.force_login(user)
    return client


def answer_of(response: Any) -> Answer:  # Any: Django's test response, which is not quite a response
    """The answer as a value; it must be JSON."""
    return Answer(response.status_code, json.loads(response.content), response.get("Retry-After"))


def objects_in(staging: Path) -> list[Path]:
    """What lies in the staging folder, unfinished objects included; pictures follow in their own time."""
    return sorted(path for path in staging.rglob("*") if path.is_file() and path.suffix != ".png")


def text_of(response: Any) -> str:  # Any: Django's test response
    """The page's source."""
    return str(response.content.decode())


def numbered(numbers: Sequence[int], contents: Sequence[bytes]) -> list[tuple[str, bytes]]:
    """Members of a parcel: files by their numbers."""
    return [(str(number), content) for number, content in zip(numbers, contents, strict=True)]
