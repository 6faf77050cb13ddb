"""P3 and P10: Orthanc, where it is installed: what it takes in, and what it sends on to the same receiver.

On Debian: ``apt-get install orthanc orthanc-dicomweb``. Its storage and its index lie where the portal's do;
it makes no digests (StoreMD5ForAttachments), which makes it faster than it is by default.
"""

import http.client
import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from portal.place import HOST
from tests.bench.pairs import compare
from tests.bench.portal import Portal
from tests.bench.sender import FULL_SPEED, Sender, in_lanes
from tests.bench.studies import Packed, Study
from tests.bench.table import Line, at_least
from tests.parts.ports import await_listener, free_port

PLUGIN: Final = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
CONNECTIONS: Final = (1, 2, 4)
TAKING_IN_GOALS: Final = {"CT": 2.5, "MR": 7.0}
WHOLE_GOAL: Final = 2.0
SECONDS: Final = 120.0


def orthanc_lines(
    studies: Sequence[Study], folder: Path, portal: Portal, receiver: str, pair_count: int
) -> Iterator[Line]:
    """CT and MR into Orthanc and into the portal; and on to the receiver."""
    if shutil.which("Orthanc") is None or not PLUGIN.exists():
        yield Line("P3", "Orthanc", "not installed")
        yield Line("P10", "Orthanc", "not installed")
        return
    sender = Sender(portal.url, portal.username, portal.password)
    with _running_orthanc(folder, receiver) as orthanc:
        for study in studies:
            if study.name in TAKING_IN_GOALS:
                rivals = Rivals(orthanc, sender, portal, study)
                yield from rivals.lines(pair_count)


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc."""

    address: str

    def take_in(self, study: Study, connection_count: int) -> float:
        """The seconds in which it takes the study's files, one a request; then forget them."""
        seconds = self._store(study, connection_count)
        self._forget()
        return seconds

    def relay(self, study: Study, connection_count: int) -> float:
        """The seconds in which it takes the study and sends it on; then forget it."""
        start = time.monotonic()
        self._store(study, connection_count)
        resources = self._ask("GET", "/studies")
        self._ask("POST", "/dicom-web/servers/receiver/stow", {"Resources": resources, "Synchronous": True})
        took = time.monotonic() - start
        self._forget()
        return took

    def _store(self, study: Study, connection_count: int) -> float:
        start = time.time()
        return in_lanes(f"http://{self.address}", study.files, _post_file, connection_count) - start

    def _forget(self) -> None:
        for study in self._ask("GET", "/studies"):
            self._ask("DELETE", f"/studies/{study}")

    def _ask(self, method: str, path: str, data: object = None) -> Any:  # Any: JSON
        connection = http.client.HTTPConnection(self.address, timeout=SECONDS)
        body = None if data is None else json.dumps(data)
        connection.request(method, path, body)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status == 200, text
        return json.loads(text)


@dataclass(frozen=True)
class Rivals:
    """Orthanc and the portal, which do the same with a study."""

    orthanc: Orthanc
    sender: Sender
    portal: Portal
    study: Study

    def lines(self, pair_count: int) -> Iterator[Line]:
        """Taking in, with Orthanc at its best; then the whole way."""
        name = self.study.name
        best = self._best_connection_count()
        with self.portal.paused():
            taking_in = compare(partial(self.orthanc.take_in, self.study, best), self._take_in, pair_count)
        self.portal.rest()
        what = f"Orthanc, {best} connections / intake, {name}"
        yield at_least(TAKING_IN_GOALS[name], "P3", what, taking_in.median, str(taking_in))
        whole = compare(partial(self.orthanc.relay, self.study, best), self._relay, pair_count)
        yield at_least(WHOLE_GOAL, "P10", f"Orthanc, STOW / portal, {name}", whole.median, str(whole))

    def _best_connection_count(self) -> int:
        self.orthanc.take_in(self.study, max(CONNECTIONS))  # the warm-up
        seconds = {count: self.orthanc.take_in(self.study, count) for count in CONNECTIONS}
        return min(CONNECTIONS, key=lambda count: seconds[count])

    def _take_in(self) -> float:
        sent = self.sender.send(self.study, FULL_SPEED)
        return sent.last_ack_at - sent.begun_at

    def _relay(self) -> float:
        sent = self.sender.send(self.study, FULL_SPEED)
        receipt_at, _ = self.portal.receipts(sent.job)
        return receipt_at - sent.begun_at


@contextmanager
def _running_orthanc(folder: Path, receiver: str) -> Iterator[Orthanc]:
    """Start Orthanc with everything in the folder; end it afterwards."""
    folder.mkdir()
    port = free_port()
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "StoreMD5ForAttachments": False,
        "HttpPort": port,
        "DicomServerEnabled": False,
        "AuthenticationEnabled": False,
        "RemoteAccessAllowed": False,
        "Plugins": [str(PLUGIN)],
        # Chunks would be another way of sending than the API takes.
        "DicomWeb": {"Servers": {"receiver": {"Url": receiver, "ChunkedTransfers": False}}},
    }
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    command = ["Orthanc", str(folder / "settings.json")]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as process,
    ):
        try:
            await_listener(port, process, folder / "log")
            yield Orthanc(f"{HOST}:{port}")
        finally:
            process.terminate()


def _post_file(connection: http.client.HTTPConnection, file: Packed) -> None:
    connection.request("POST", "/instances", file.path.read_bytes())
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 200, text
