"""A person at a browser, and a script: outside, with the address and the deployer's certificate."""

import re
import uuid
from typing import Any, Final

import requests

from tests.clients import PHANTOM
from tests.deployment.stack import Stack
from tests.parcels import digest_of, tar_of

PATIENCE: Final = 60.0  # seconds
TOKEN_IN_PAGE: Final = re.compile('<meta name="csrf-token" content="([^"]+)">')
TOKEN_IN_FORM: Final = re.compile('name="csrfmiddlewaretoken" value="([^"]+)"')


def outside(stack: Stack) -> requests.Session:
    """A program outside: it trusts the deployer's certificate and heeds nothing of this shell's settings."""
    session = requests.Session()
    session.trust_env = False
    session.verify = str(stack.place.secrets / "tls_certificate")
    return session


class Browser:
    """A browser: keeps cookies, says where it comes from, and trusts the deployer's certificate."""

    def __init__(self, stack: Stack) -> None:
        self.url = stack.url
        self._session = outside(stack)

    def get(self, path: str) -> requests.Response:
        """Open a page."""
        answer = self._session.get(self.url + path, timeout=PATIENCE)
        assert answer.ok, f"{path}: {answer.status_code}"
        return answer

    def fill_in(self, path: str, **fields: str) -> requests.Response:
        """Open a page and send its form."""
        found = TOKEN_IN_FORM.search(self.get(path).text)
        assert found, f"{path} has no form."
        form = {**fields, "csrfmiddlewaretoken": found[1]}
        headers = {"Referer": self.url + path}
        return self._session.post(self.url + path, form, headers=headers, timeout=PATIENCE)

    def send(self, path: str, **content: Any) -> requests.Response:  # Any: what requests takes
        """Send what the upload page's script sends."""
        found = TOKEN_IN_PAGE.search(self.get("/upload/").text)
        assert found, "The page holds no token."
        headers = {
            "X-CSRFToken": found[1],
            "Referer": f"{self.url}/upload/",
            "Accept": "application/json",
            **content.pop("headers", {}),
        }
        return self._session.post(self.url + path, headers=headers, timeout=PATIENCE, **content)

    def sign_in(self, username: str, password: str) -> None:
        """Sign in on the page."""
        answer = self.fill_in("/accounts/login/", login=username, password=password)
        assert answer.url == f"{self.url}/upload/", answer.url

    def upload(self, contents: list[tuple[str, bytes]]) -> str:
        """Upload files as one parcel; answers the address of their job's page."""
        job = self.send("/intake/jobs/", json={"request": str(uuid.uuid4())}).json()
        files = [{"path": path, "size": len(content)} for path, content in contents]
        told = {"files": files, "last": True, "confirmed": [PHANTOM]}
        declared = self.send(job["manifest_url"], json=told).json()
        members = [
            (str(line["number"]), content)
            for line, (_, content) in zip(declared["files"], contents, strict=True)
            if line["wanted"]
        ]
        headers = {
            "Content-Type": "application/x-tar",
            "X-Parcel": str(uuid.uuid4()),
            "X-Parcel-Digest": digest_of(members),
        }
        stored = self.send(job["parcel_url"], data=tar_of(members), headers=headers)
        assert stored.status_code == 201, stored.text
        return str(job["page_url"])


def post_studies(stack: Stack, token: str, contents: list[bytes]) -> requests.Response:
    """What a script sends: the contract of the Qure API."""
    boundary = uuid.uuid4().hex
    parts = b"".join(
        b"--%b\r\nContent-Type: application/dicom\r\n"
        b'Content-Disposition: form-data; name="file%d"; filename="%d.dcm"\r\n\r\n%b\r\n'
        % (boundary.encode(), number, number, content)
        for number, content in enumerate(contents)
    )
    with outside(stack) as session:
        return session.post(
            f"{stack.url}/studies",
            parts + b"--%b--\r\n" % boundary.encode(),
            headers={
                "Authorization": f"Token {token}",
                "Content-Type": f"multipart/related; type=application/dicom; boundary={boundary}",
            },
            timeout=PATIENCE,
        )
