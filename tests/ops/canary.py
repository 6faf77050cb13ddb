"""A run with a patient and secrets that can be recognized, and what it leaves behind."""

import base64
import binascii
import json
import re
import secrets
import socket
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import requests
from requests_toolbelt.multipart.encoder import MultipartEncoder

from tests.clients import Browser, Contents, Upload
from tests.dicoms import deflated_bomb, dicom_bytes, headerless, truncated
from tests.portals import PATIENCE, Portal, wait_until
from uploads.states import JOB_AT_REST

MARK: Final = secrets.token_hex(6)
END: Final = f"end{MARK}"
NUMBER: Final = secrets.randbelow(10**18)
PATIENT: Final = {
    "name": f"Canaria{MARK}^Bird",
    "id": f"MRN{MARK}",
    "birth date": "19470317",
    "study": f"2.25.{NUMBER}77",
    "series": f"2.25.{NUMBER}88",
    "instance": f"2.25.{NUMBER}99",
    "description": f"Head of {MARK[::-1]}",
    "folder": f"Folder{MARK}",
    "file": f"Scan{MARK}",
    "exception": f"spoken{MARK}",
}
BLOB: Final = re.compile(r"[A-Za-z0-9+/=]{40,}")


@dataclass
class Run:
    """What a run has left behind, and what must not be in it."""

    canaries: dict[str, str]
    logs: str = ""
    broker: list[str] = field(default_factory=list)
    names: str = ""
    command_lines: str = ""
    database: bytes = b""
    at_qure: bytes = b""

    def places(self) -> dict[str, str]:
        """Where a canary would be a leak."""
        return {
            "logs": self.logs,
            "broker": "\n".join(self.broker),
            "object names": self.names,
            "command lines": self.command_lines,
        }


def live_through(portal: Portal) -> dict[str, str]:
    """Do all that a run should survive; answer the canaries."""
    credentials = json.loads((portal.folder / "demo-credentials.json").read_text(encoding="utf-8"))
    passwords = {user["username"]: user["password"] for user in credentials["users"]}
    secret = {
        "Qure's token": portal.qure.token,
        "API token": credentials["api_token"],
        "bad API token": f"bad{MARK}token",
        "password": portal.password,
        "wrong password": f"wrong{MARK}password",
        "administrator's password": passwords["administrator"],
    }
    guess_wrongly(portal, secret["wrong password"])
    browser = Browser(portal.url, portal.username, portal.password)
    portal.qure.script(
        {"kind": "503"}, {"kind": "garbage"}, {"kind": "html"}, {"kind": "500"}, {"kind": "drop_after"}
    )
    first = browser.begin(scans(1), patient=whom())
    browser.send(first)
    await_rest(portal, first)
    look_for_the_patient(portal, passwords["administrator"])
    lose_the_token(portal, browser)
    for token in (secret["bad API token"], secret["API token"]):
        post_studies(portal, token)
    fail_in_a_worker(portal, browser)
    fail_on_a_page(portal, browser, first)
    return {**PATIENT, **secret}


def whom() -> dict[str, str]:
    """The patient, as the page confirms one."""
    return {"id": PATIENT["id"], "birth_date": PATIENT["birth date"], "name": PATIENT["name"]}


def scans(number: int) -> Contents:
    """A folder with good, damaged and other files of one patient."""
    folder, file = PATIENT["folder"], PATIENT["file"]
    values: dict[str, Any] = {  # Any: what pydicom takes
        "PatientName": PATIENT["name"],
        "PatientID": PATIENT["id"],
        "PatientBirthDate": PATIENT["birth date"],
        "StudyInstanceUID": PATIENT["study"],
        "SeriesInstanceUID": PATIENT["series"],
        "SeriesDescription": PATIENT["description"],
    }
    uids = [f"{PATIENT['instance']}.{number}.{index}" for index in range(5)]
    return [
        (f"{folder}/{file}1.dcm", dicom_bytes(**values, SOPInstanceUID=uids[0])),
        (f"{folder}/{file}2.dcm", headerless(**values, SOPInstanceUID=uids[1])),
        (f"{folder}/{file}3.dcm", truncated(**values, SOPInstanceUID=uids[2])),
        (f"{folder}/{file}4.dcm", dicom_bytes(preamble=b"MZ" + bytes(126), **values, SOPInstanceUID=uids[3])),
        (f"{folder}/{file}5.dcm", deflated_bomb(**values, SOPInstanceUID=uids[4])),
        (f"{folder}/{file}6.dcm", dicom_bytes(**{**values, "StudyInstanceUID": f"{PATIENT['study']}.bad"})),
        (f"{folder}/{file}7.txt", f"a letter about {PATIENT['name']}".encode()),
    ]


def guess_wrongly(portal: Portal, password: str) -> None:
    """Try to sign in with a wrong password."""
    with pytest.raises(AssertionError, match="refused"):
        Browser(portal.url, portal.username, password)


def look_for_the_patient(portal: Portal, password: str) -> None:
    """Let an administrator search, and ask for an address as somebody else's link may have it."""
    browser = Browser(portal.url, "administrator", password)
    words = {"patient": PATIENT["name"], "series": PATIENT["series"], "file": PATIENT["file"]}
    for kind, text in words.items():
        found = browser.press(f"/admin/uploads/{kind}/", q=text)
        assert text in found.text
        assert text not in found.url
        assert browser.get(f"/admin/uploads/{kind}/?q={text}").status_code == 200


def lose_the_token(portal: Portal, browser: Browser) -> None:
    """Let Qure refuse the token, then let an administrator resume."""
    portal.qure.script({"kind": "401"})
    upload = browser.begin(scans(2), patient=whom())
    browser.send(upload)
    wait_until(lambda: portal.rows("SELECT 1 FROM uploads_destination WHERE status = 'paused'"))
    resume = "tasks.resume_destination(Destination.objects.get(), 'test')"
    resume = f"from uploads import tasks; from uploads.models import Destination; {resume}"
    assert portal.manage("shell", "-c", resume).returncode == 0
    await_rest(portal, upload)


def post_studies(portal: Portal, token: str) -> None:
    """Send a study through the scripts' door: once whole, once with a body that breaks off."""
    name, content = scans(3)[0]
    body = MultipartEncoder({name: (name, content, "application/dicom")})
    headers = {
        "Authorization": f"Token {token}",
        "Content-Type": f"multipart/related; type=application/dicom; boundary={body.boundary_value}",
    }
    whole = body.to_string()
    for sent in (whole, whole[:-100]):
        requests.post(f"{portal.url}/studies", sent, headers=headers, timeout=PATIENCE)


def fail_in_a_worker(portal: Portal, browser: Browser) -> None:
    """Let a task meet an exception whose text names the patient."""
    portal.stop("checks")
    upload = browser.begin(scans(4), patient=whom())
    browser.send(upload)
    change(
        portal,
        "UPDATE uploads_parcel SET object_name = ? WHERE status = 'stored'",
        f"../{PATIENT['exception']}",
    )
    portal.start("checks")
    wait_until(lambda: "SuspiciousFileOperation" in portal.log("checks"))


def fail_on_a_page(portal: Portal, browser: Browser, upload: Upload) -> None:
    """Let the web server meet an exception whose text names the patient."""
    change(portal, "UPDATE uploads_file SET reason = ? WHERE status = 'rejected'", PATIENT["exception"])
    answer = browser.get(f"/jobs/{upload.job}/")
    assert answer.status_code == 500
    assert PATIENT["exception"] not in answer.text


def change(portal: Portal, statement: str, *values: object) -> None:
    """Change the portal's database behind its back."""
    with closing(sqlite3.connect(portal.folder / "portal.sqlite3", timeout=PATIENCE)) as database, database:
        database.execute(statement, values)


def await_rest(portal: Portal, upload: Upload) -> None:
    """Wait until the upload rests."""
    query = "SELECT status FROM uploads_job WHERE key = ?"
    wait_until(lambda: portal.rows(query, upload.job.hex)[0][0] in JOB_AT_REST)


@contextmanager
def overheard(portal: Portal) -> Iterator[list[str]]:
    """All that the broker is told, with what is packed into it."""
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX) as line, portal.broker() as broker:
        line.connect(str(portal.place.broker))
        line.sendall(b"MONITOR\r\n")
        listener = threading.Thread(target=listen, args=(line.makefile("rb"), heard))
        listener.start()
        try:
            yield heard
        finally:
            broker.echo(END)
            listener.join(PATIENCE)


def listen(lines: Iterable[bytes], heard: list[str]) -> None:
    """Write down each command."""
    for line in lines:
        text = line.decode(errors="replace")
        if END in text:
            return
        heard += [text, *(unpacked(blob) for blob in BLOB.findall(text))]


def unpacked(blob: str) -> str:
    """The text within base64, if it is that."""
    try:
        return base64.b64decode(blob, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def command_lines(portal: Portal) -> str:
    """What anybody on the machine sees of the portal's processes."""
    found = ""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended just now, or is not ours
            command = (folder / "cmdline").read_bytes()
            environment = (folder / "environ").read_bytes()
            if str(portal.folder).encode() in command + environment:
                found += command.replace(b"\0", b" ").decode() + "\n"
    return found


def wal(portal: Portal) -> Path:
    """The part of the database that is not yet in its file."""
    return portal.folder / "portal.sqlite3-wal"
