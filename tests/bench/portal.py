"""The whole portal under its own supervisor, as `make run` starts it, and what its database says."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.bench.processes import cpu_seconds, family, peak_megabytes, role
from tests.parts.ports import free_port
from tests.static_files import collected_static_files

PROJECT: Final = Path(__file__).resolve().parents[2]
TOKEN: Final = "bench-token"
READY: Final = "Stop it with Ctrl-C."
SECONDS: Final = 120.0
LOG_END: Final = 3000  # characters
TICK: Final = 0.05  # seconds between two looks
AT_REST: Final = ("accepted", "attention", "cancelled")
OWN: Final = ("QURE_", "SECRET_", "FIELD_", "DJANGO_", "BROKER_", "PUBLIC_", "STATIC_", "LOG_", "DATA")
PAUSED: Final = ("checks", "relay", "stat", "beat", "reader")  # whoever works on what has arrived


@dataclass(frozen=True)
class Portal:
    """A running portal with its data in ``folder``."""

    url: str
    username: str
    password: str
    folder: Path
    receiver: str
    pid: int

    def receipts(self, job: str) -> tuple[float, float]:
        """Wait until the job rests; answer when its last receipt and its last word were written."""
        end = time.monotonic() + SECONDS
        while self._one("SELECT status FROM uploads_job WHERE key = ?", job) not in AT_REST:
            assert time.monotonic() < end, self.log()[-LOG_END:]
            time.sleep(TICK)
        assert self._one("SELECT status FROM uploads_job WHERE key = ?", job) == "accepted"
        receipt = self._one(f"SELECT max(ended_at) FROM uploads_attempt {OF_JOB}", job)
        word = self._one(
            "SELECT max(at) FROM uploads_statechange JOIN uploads_job ON job_id = uploads_job.id"
            " WHERE kind = 'job' AND uploads_job.key = ?",
            job,
        )
        return _seconds(receipt), _seconds(word)

    def rest(self) -> None:
        """Wait until nothing is under way."""
        end = time.monotonic() + SECONDS
        under_way = f"SELECT count(*) FROM uploads_job WHERE status NOT IN {AT_REST}"
        while self._one(under_way):
            assert time.monotonic() < end, self.log()[-LOG_END:]
            time.sleep(TICK)

    def last_request(self, job: str) -> list[int]:
        """The numbers of the files that went with the job's last request."""
        last = f"SELECT batch_id FROM uploads_attempt {OF_JOB} ORDER BY ended_at DESC LIMIT 1"
        batch = self._one(last, job)
        return [row[0] for row in self._rows("SELECT number FROM uploads_file WHERE batch_id = ?", batch)]

    def pause(self) -> None:
        """Stop all that works on what has arrived, and none of it while it holds the database's lock."""
        self._signal(signal.SIGSTOP)
        while self._is_locked():
            self._signal(signal.SIGCONT)
            time.sleep(TICK)
            self._signal(signal.SIGSTOP)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing works on what arrives."""
        self.pause()
        try:
            yield
        finally:
            self.go_on()

    def go_on(self) -> None:
        """Let it work again."""
        self._signal(signal.SIGCONT)

    def peaks(self) -> dict[str, float]:
        """Megabytes that a process of each role held at most."""
        peaks: dict[str, float] = {}
        for pid in family(self.pid):
            with suppress(OSError):  # it ended just now
                name = role(pid)
                peaks[name] = max(peaks.get(name, 0.0), peak_megabytes(pid))
        return peaks

    def cpu_seconds(self, *names: str) -> float:
        """What the living processes of these roles have used so far; those of all, where none is named."""
        total = 0.0
        for pid in family(self.pid):
            with suppress(OSError):  # it ended just now
                if not names or role(pid) in names:
                    total += cpu_seconds(pid)
        return total

    def log(self) -> str:
        """What its processes have written so far."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def _is_locked(self) -> bool:
        database = sqlite3.connect(self.folder / "portal.sqlite3", timeout=TICK, isolation_level=None)
        with closing(database):
            try:
                database.execute("BEGIN IMMEDIATE")
                database.execute("ROLLBACK")
            except sqlite3.OperationalError:
                return True
            return False

    def _signal(self, number: signal.Signals) -> None:
        for pid in family(self.pid):
            with suppress(OSError):
                if role(pid) in PAUSED:
                    os.kill(pid, number)

    def _one(self, query: str, *values: Any) -> Any:  # Any: what SQLite holds
        return self._rows(query, *values)[0][0]

    def _rows(self, query: str, *values: Any) -> list[Any]:
        address = f"file:{self.folder / 'portal.sqlite3'}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as database:
            return database.execute(query, values).fetchall()


OF_JOB: Final = (
    "JOIN uploads_batch ON uploads_attempt.batch_id = uploads_batch.id"
    " JOIN uploads_job ON uploads_batch.job_id = uploads_job.id WHERE uploads_job.key = ?"
)


@contextmanager
def running_portal(folder: Path, receiver: str) -> Iterator[Portal]:
    """Start a portal that relays to the receiver, and stop it with all its processes at the end."""
    folder.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    environment |= {"DATA_DIR": str(folder), "PORT": str(free_port()), "UPLOAD_FREE_BYTES_FLOOR": "0"}
    environment |= {"QURE_BASE_URL": receiver, "QURE_TOKEN": TOKEN}
    environment |= {"STATIC_ROOT": str(collected_static_files())}
    command = [sys.executable, "-m", "portal.run", "--with-parent"]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            _wait_until_ready(folder / "log", process)
            found = json.loads((folder / "demo-credentials.json").read_text(encoding="utf-8"))
            user = found["users"][0]
            yield Portal(found["url"], user["username"], user["password"], folder, receiver, process.pid)
        finally:
            process.terminate()
            process.wait()
            shutil.rmtree(folder)  # the memory that its uploads lie in


def _wait_until_ready(log: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + SECONDS
    while READY not in (text := log.read_text(encoding="utf-8", errors="replace")):
        assert process.poll() is None and time.monotonic() < end, text[-LOG_END:]
        time.sleep(TICK)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
