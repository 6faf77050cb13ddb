"""`make run` as a person sees it: one command, one address, one line about the sample study."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from portal.run import login_lines
from tests.parts.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
READY = "sample study: "
VERIFY = [sys.executable, "manage.py", "verify"]


@dataclass
class Running:
    """A portal under its supervisor."""

    process: "subprocess.Popen[str]"
    data: Path
    port: int | str
    lines: list[str]

    def read_until(self, text: str, seconds: float = 200) -> str:
        """Read the log until a line holds the text."""
        assert self.process.stdout is not None
        end = time.monotonic() + seconds
        for line in self.process.stdout:
            self.lines.append(line)
            if text in line:
                return line
            assert time.monotonic() < end, "".join(self.lines[-30:])
        raise AssertionError("".join(self.lines[-30:]))

    def processes(self) -> dict[int, str]:
        """Every process that works on this data folder: (pid, command line)."""
        found = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdecimal():
                continue
            try:
                environment = (folder / "environ").read_bytes()
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            is_told = f"DATA_DIR={self.data}\0".encode() in environment
            if command and (is_told or str(self.data) in command):
                found[int(folder.name)] = command
        return found

    def pid_of(self, part: str, known: Collection[int] = (), seconds: float = 60) -> int:
        """The first process, but for those known, whose command line holds the part. Waits for it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = [pid for pid, line in self.processes().items() if part in line and pid not in known]
            if found:
                return min(found)
            time.sleep(0.1)
        raise AssertionError(f"There is no {part}.")

    def answers(self, address: str, seconds: float = 60) -> bool:
        """Whether an address answers within this time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(URLError, ConnectionError), urlopen(f"http://127.0.0.1:{self.port}{address}"):
                return True
            time.sleep(0.1)
        return False


def start(data: Path, port: int | str, **settings: str) -> Running:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(
            ("QURE_", "SECRET_", "FIELD_", "DJANGO_", "BROKER_", "PUBLIC_", "STATIC_", "LOG_")
        )
    }
    environment |= {"DATA_DIR": str(data), "PORT": str(port), "UPLOAD_FREE_BYTES_FLOOR": "0", **settings}
    process = subprocess.Popen(
        [sys.executable, "-m", "portal.run"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Running(process, data, port, [])


@dataclass
class Lives:
    """The portals that run on one data folder, one after the other."""

    data: Path
    port: int
    so_far: list[Running] = field(default_factory=list)

    def start(self) -> Running:
        """Start one, and wait for its line about the sample study."""
        self.so_far.append(start(self.data, self.port))
        self.so_far[-1].read_until(READY)
        return self.so_far[-1]

    def current(self) -> Running:
        """The one that runs. Where a test has ended it, the next."""
        is_over = not self.so_far or self.so_far[-1].process.poll() is not None
        return self.start() if is_over else self.so_far[-1]


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    """A new data folder, and nothing on it but what is started there."""
    lives = Lives(tmp_path_factory.mktemp("run") / "data", free_port())
    yield lives
    for running in lives.so_far:
        end(running)


@pytest.fixture
def first(lives: Lives) -> Running:
    """The first that ran on the folder; it may have ended."""
    lives.current()
    return lives.so_far[0]


@pytest.fixture
def portal(lives: Lives) -> Running:
    """One that runs, and has said what became of the sample study."""
    return lives.current()


def end(running: Running) -> None:
    running.process.kill()
    for pid in running.processes():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    running.process.communicate()


def await_no_process(running: Running, seconds: float = 15) -> dict[int, str]:
    """Wait until nothing works on the data folder any more; answer what still does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and running.processes():
        time.sleep(0.1)
    return running.processes()


def test_one_command_shows_an_address_logins_and_an_accepted_sample(first: Running) -> None:
    assert first.lines[-1].rstrip().endswith("sample study: 2 series, 40 instances accepted by Qure")
    path = first.data / "demo-credentials.json"
    credentials = json.loads(path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600
    assert set(credentials) == {"url", "users", "api_token"}
    assert credentials["url"] == f"http://127.0.0.1:{first.port}"
    assert {user["role"] for user in credentials["users"]} == {"clinician", "administrator"}
    assert all(set(user) == {"username", "password", "role"} for user in credentials["users"])
    log = "".join(first.lines)
    assert all(user["password"] in log for user in credentials["users"])


def test_a_password_that_was_changed_is_not_told() -> None:
    users = [
        {"role": "clinician", "username": "clinician", "password": ""},
        {"role": "administrator", "username": "administrator", "password": "as made"},
    ]

    assert login_lines(users) == [
        "  clinician      clinician / the password that was chosen since",
        "  administrator  administrator / as made",
    ]


@pytest.mark.parametrize(
    "command", [["make", "verify", f"VENV={sys.prefix}", "-o", f"{sys.prefix}/runtime.stamp"], VERIFY]
)
def test_its_records_are_checked_as_the_readme_tells(portal: Running, command: list[str]) -> None:
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(portal.data)}

    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert "checks passed" in done.stdout


def test_it_serves_the_sign_in_and_ends_without_an_orphan(portal: Running) -> None:
    with urlopen(f"http://127.0.0.1:{portal.port}/accounts/login/") as answer:
        assert answer.status == 200

    portal.process.send_signal(signal.SIGTERM)

    assert portal.process.wait(30) == 0
    assert await_no_process(portal, 2) == {}


def test_it_starts_again_on_the_same_data_with_the_same_logins_and_sends_no_second_sample(
    portal: Running, lives: Lives
) -> None:
    before = (portal.data / "demo-credentials.json").read_text()
    portal.process.send_signal(signal.SIGINT)
    assert portal.process.wait(30) == 0

    again = lives.start()

    assert "2 series, 40 instances" in again.lines[-1]
    assert (portal.data / "demo-credentials.json").read_text() == before
    assert not any("sandbox" in text and "studies 200" in text for text in again.lines)


def test_every_child_that_dies_is_started_again(portal: Running) -> None:
    parts = ("valkey-server", "uploads.sandbox", "gunicorn", "-n checks@", "-n relay@", "manage.py beat")
    died = [portal.pid_of(part) for part in parts]
    before = portal.processes()

    for pid in died:
        os.kill(pid, signal.SIGKILL)

    assert all(portal.pid_of(part, known=before) for part in parts)
    assert portal.answers("/readyz")


def test_a_killed_supervisor_leaves_no_orphan(portal: Running) -> None:
    portal.process.kill()
    portal.process.wait(10)

    assert await_no_process(portal, 30) == {}


def test_a_port_in_use_is_a_plain_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        running = start(tmp_path, taken.getsockname()[1])
        output, _ = running.process.communicate(timeout=30)

    assert running.process.returncode == 1
    assert re.fullmatch(r"Port \d+ is in use\. Choose another one: PORT=8001 make run\n", output)


@pytest.mark.parametrize("port", ["none", "0", "70000"])
def test_a_port_that_is_none_is_a_plain_sentence(tmp_path: Path, port: str) -> None:
    running = start(tmp_path, port)
    output, _ = running.process.communicate(timeout=30)

    assert running.process.returncode == 1
    assert output.startswith("PORT must be a number") and output.count("\n") == 1


def test_a_second_portal_on_the_same_data_is_a_plain_sentence(portal: Running) -> None:
    second = start(portal.data, free_port())
    output, _ = second.process.communicate(timeout=30)

    assert second.process.returncode == 1
    assert "running on" in output and output.count("\n") == 1


def test_a_data_folder_that_is_a_file_is_a_plain_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    running = start(tmp_path / "file", free_port())
    output, _ = running.process.communicate(timeout=30)

    assert running.process.returncode == 1
    assert "can't be used" in output and output.count("\n") == 1


def said(data: Path, **settings: str) -> str:
    """What a portal that can't start says, but for its programs' logs."""
    running = start(data, free_port(), **settings)
    output, _ = running.process.communicate(timeout=60)
    assert running.process.returncode == 1
    return "".join(line for line in output.splitlines(keepends=True) if " | " not in line)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"QURE_BASE_URL": "https://api.qure.test/", "QURE_TOKEN_FILE": "/nope/token"},
            "QURE_TOKEN_FILE names /nope/token, which can't be read: No such file or directory.",
        ),
        ({"FIELD_KEYS": "abc"}, "FIELD_KEYS holds what is no Fernet key. "),
        ({"TIME_ZONE": "Nowhere/X"}, "TIME_ZONE: there is no 'Nowhere/X'. Name one like Europe/Berlin."),
        (
            {"STAGING_RETENTION_HOURS": "three"},
            "STAGING_RETENTION_HOURS must be a whole number, not 'three'.",
        ),
        ({"SWEEP_SECONDS": "soon"}, "SWEEP_SECONDS must be a number, not 'soon'."),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL, not 'loud'."),
        (
            {"DATABASE_URL": "nonsense"},
            "DATABASE_URL must be like postgres://user:{password}@host:5432/name.",
        ),
        (
            {"DATABASE_URL": "sqlite:////nope/it"},
            "The database can't be opened: unable to open database file",
        ),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else next(reversed(value)),
)
def test_a_setting_that_cannot_be_used_is_one_plain_sentence(
    tmp_path: Path, given: dict[str, str], sentence: str
) -> None:
    output = said(tmp_path / "data", **given)

    assert output.startswith(sentence)
    assert output.count("\n") == 1


def test_a_damaged_file_of_keys_is_named(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "FIELD_KEYS"
    path.parent.mkdir()
    path.write_text("abc")

    output = said(tmp_path)

    assert output.startswith(f"{path} holds what is no Fernet key. Put its copy back")
    assert output.count("\n") == 1


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "portal.sqlite3"
    path.write_bytes(b"no database" * 1000)

    output = said(tmp_path)

    assert output.startswith(f"The database {path} is damaged: file is not a database. Put a backup")
    assert output.count("\n") == 1


def test_of_what_nobody_foresaw_the_last_line_is_said_and_the_rest_is_kept(tmp_path: Path) -> None:
    (tmp_path / "demo-credentials.json").write_text("{")

    output = said(tmp_path)

    log = tmp_path / "prepare.log"
    assert output.startswith(
        f"The portal can't be prepared; all of it is in {log}. json.decoder.JSONDecodeError"
    )
    assert output.count("\n") == 1
    assert "Traceback" in log.read_text()
