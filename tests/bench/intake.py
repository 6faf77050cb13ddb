"""P1 and P2: parcels into the portal, beside a server that only writes and hashes the same bodies, and beside
Django with one file a request.
"""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from portal.place import HOST
from portal.processes import WEB, WEB_CLOCKS
from tests.bench.pairs import Figure, compare, figure_of
from tests.bench.portal import PROJECT, Portal
from tests.bench.processes import CLOCK_TICK, cpu_seconds, family
from tests.bench.sender import FULL_SPEED, Pace, Sender, Sent, in_lanes, post_parcel
from tests.bench.studies import Packed, PackedParcel, Study
from tests.bench.table import Line, at_least, at_most
from tests.parts.ports import await_listener, free_port

GOALS: Final = {"CT": 0.85, "DX": 0.85, "MR": 0.75}
CPU_GOALS: Final = {"CT": 1.6, "MR": 2.2}  # seconds a gigabyte
PLAIN_GOAL: Final = 5.0
TOKEN: Final = "0123456789abcdefghijklmnopqrstuv"  # of the session, and of the form
BOUNDARY: Final = "5f2c1f0e6ab34a6f9a0fb3d1a6a0f2c7"


@dataclass(frozen=True)
class Floor:
    """A server beside the portal's: its address, the folder that it writes into, and its first process."""

    url: str
    folder: Path
    pid: int
    used: list[float] = field(default_factory=list)  # CPU seconds for each study that it took

    def take_in(self, study: Study) -> float:
        """The seconds in which it takes a study's parcels; then forget them."""

        def send(connection: http.client.HTTPConnection, parcel: PackedParcel) -> None:
            post_parcel(connection, "/", parcel, {}, Pace(FULL_SPEED))

        start, before = time.time(), self._cpu_seconds()
        took = in_lanes(self.url, study.parcels, send) - start
        self.used.append(self._cpu_seconds() - before)
        self._forget()
        return took

    def take_in_singly(self, study: Study) -> float:
        """The seconds in which it takes a study's files, one a request; then forget them."""
        start = time.time()
        took = in_lanes(self.url, study.files, _post_file) - start
        self._forget()
        return took

    def _cpu_seconds(self) -> float:
        return sum(cpu_seconds(pid) for pid in family(self.pid))

    def _forget(self) -> None:
        for path in self.folder.iterdir():
            path.unlink()


@dataclass
class Intake:
    """Uploads of a study to the portal, and the CPU time of its web processes for each."""

    sender: Sender
    portal: Portal
    study: Study
    sent: list[Sent] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)

    def take_in(self) -> float:
        """The seconds from the first byte of a parcel to the last acknowledgment."""
        before = self.portal.cpu_seconds("web")
        self.sent.append(self.sender.send(self.study, FULL_SPEED))
        self.cpu_seconds.append(self.portal.cpu_seconds("web") - before)
        return self.sent[-1].seconds

    def take_in_all(self) -> float:
        """The same with the list of files, from the beginning of the upload on."""
        self.take_in()
        return self.sent[-1].last_ack_at - self.sent[-1].begun_at


@dataclass(frozen=True)
class Floors:
    """The servers beside the portal's."""

    hashing: Floor
    durable: Floor
    plain: Floor


def intake_lines(studies: Sequence[Study], folder: Path, portal: Portal, pair_count: int) -> Iterator[Line]:
    """Each study into the portal, whose other programs are paused, beside the floors."""
    folder.mkdir()
    sender = Sender(portal.url, portal.username, portal.password)
    with (
        _running_floor(folder / "hashing", "writing", False) as hashing,
        _running_floor(folder / "durable", "writing", True) as durable,
        _running_floor(folder / "plain", "plain_django", TOKEN) as plain,
        portal.paused(),
    ):
        floors = Floors(hashing, durable, plain)
        for study in studies:
            yield from _study_lines(Intake(sender, portal, study), floors, pair_count)


def _study_lines(intake: Intake, floors: Floors, pair_count: int) -> Iterator[Line]:
    name = intake.study.name
    wall, processor = _beside(floors.hashing, intake, pair_count)
    yield at_least(GOALS[name], "P1", f"bare WSGI / intake, {name}", wall.median, str(wall))
    yield Line("P1", f"bare WSGI / intake, {name}, CPU", str(processor))
    wall, processor = _beside(floors.durable, intake, pair_count)
    yield Line("P1", f"sealed and synced / intake, {name}", str(wall))
    yield Line("P1", f"sealed and synced / intake, {name}, CPU", str(processor))
    if name in CPU_GOALS:
        yield _cpu_line(intake)
    if name == "MR":
        yield _one_file_a_request(intake, floors.plain, pair_count)


def _beside(floor: Floor, intake: Intake, pair_count: int) -> tuple[Figure, Figure]:
    """Seconds, and CPU seconds of the servers, as ratios floor / intake."""
    wall = compare(partial(floor.take_in, intake.study), intake.take_in, pair_count)
    pairs = zip(floor.used[-pair_count:], intake.cpu_seconds[-pair_count:], strict=True)
    return wall, figure_of([used / max(ours, CLOCK_TICK) for used, ours in pairs])


def _cpu_line(intake: Intake) -> Line:
    """The list of files counts too; the first upload was the warm-up."""
    gigabytes = intake.study.size / 1e9
    figure = figure_of([seconds / gigabytes for seconds in intake.cpu_seconds[1:]])
    what = f"CPU of intake, {intake.study.name}, s a gigabyte"
    return at_most(CPU_GOALS[intake.study.name], "P2", what, figure.median, str(figure))


def _one_file_a_request(intake: Intake, plain: Floor, pair_count: int) -> Line:
    figure = compare(partial(plain.take_in_singly, intake.study), intake.take_in_all, pair_count)
    what = f"one file a request / intake, {intake.study.name}"
    return at_least(PLAIN_GOAL, "P2", what, figure.median, str(figure))


@contextmanager
def _running_floor(folder: Path, name: str, *arguments: object) -> Iterator[Floor]:
    """A server of ``tests.bench.floor`` with the settings of the portal's; end it afterwards."""
    folder.mkdir()
    call = ", ".join(map(repr, (str(folder), *arguments)))
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", f"tests.bench.floor:{name}({call})"]
    command += ["--bind", f"{HOST}:{port}", *WEB, *WEB_CLOCKS, "--preload", "--log-level", "warning"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            await_listener(port, process, folder / "log")
            yield Floor(f"http://{HOST}:{port}", folder, process.pid)
        finally:
            process.terminate()


def _post_file(connection: http.client.HTTPConnection, file: Packed) -> None:
    """One file in a form, as a browser posts it."""
    disposition = f'Content-Disposition: form-data; name="file"; filename="{file.path.name}"'
    head = f"--{BOUNDARY}\r\n{disposition}\r\nContent-Type: application/dicom\r\n\r\n"
    body = head.encode() + file.path.read_bytes() + f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = {
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Cookie": f"csrftoken={TOKEN}; sessionid={TOKEN}",
        "X-CSRFToken": TOKEN,
    }
    connection.request("POST", "/", body, headers)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 201, text
