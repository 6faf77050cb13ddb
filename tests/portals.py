"""The whole portal as processes on this machine, as `make run` starts them, with a sandbox as Qure.

Each process is a program of its own, by the name that `portal.processes` gives it: valkey, web, checks, relay
and beat. A test may start, kill, freeze and thaw each.
"""

import fcntl
import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from redis import Redis

from portal import processes
from portal.place import HOST, ROOT, Place, take_place
from portal.supervisor import Guard, Program
from tests.parts.__main__ import BROKER
from tests.sandboxes import Sandbox, start_sandbox

PATIENCE = 90.0  # seconds; on a machine that is busy with something else
STATIC = ROOT / ".venv" / "static-of-tests"
WRITE_SECONDS = 2.0  # longer than any of the portal's transactions
GLANCE = 0.01  # seconds between two looks at something that is awaited
# Nothing of this shell's own settings reaches the portal.
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
QUICK = {
    "UPLOAD_FREE_BYTES_FLOOR": "0",
    "SWEEP_SECONDS": "0.5",
    "RELAY_FIRST_WAIT_SECONDS": "0.5",
}
Result = TypeVar("Result")


@dataclass
class Portal:
    """A portal whose processes can be ended and started one by one; its data and its port stay."""

    place: Place
    qure: Sandbox
    username: str = ""
    password: str = ""
    _programs: dict[str, Program] = field(default_factory=dict)
    _running: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)
    _guard: Guard = field(default_factory=Guard)

    @property
    def url(self) -> str:
        """The portal's address."""
        return self.place.url

    @property
    def folder(self) -> Path:
        """Where the portal keeps its data."""
        return self.place.data

    @property
    def names(self) -> list[str]:
        """The names of the portal's programs, in the order in which they start."""
        return list(self._programs)

    def start(self, *names: str) -> None:
        """Start programs; wait for each until it is ready, where that can be seen."""
        for name in names:
            program = self._programs[name]
            self._spawn(name, program)
            wait_until(lambda program=program, name=name: program.is_ready() or self._assert_alive(name))  # type: ignore[misc]

    def start_again(self, name: str) -> None:
        """Start a program that was killed, and do not wait for it."""
        self._spawn(name, self._programs[name])

    def start_twin(self, name: str) -> str:
        """Start a program a second time; answer the twin's name."""
        twin = f"{name}-twin"
        self._spawn(twin, self._programs[name])
        return twin

    def double(self, name: str, port: int = 0) -> None:
        """Have a program twice from now on, as on two machines; a web process listens at another port."""
        place = replace(self.place, port=port or self.place.port)
        (program,) = (one for one in processes.portal(place) if one.name == name)
        twin = f"{name}-twin"
        command = [part.replace(f"{name}@", f"{twin}@") for part in program.command]
        self._programs[twin] = replace(program, name=twin, command=command)
        self.start(twin)

    def kill(self, *names: str) -> None:
        """End programs and their workers as kill -9 does, all at once."""
        running = [self._running.pop(name) for name in names]
        for process in running:
            with suppress(ProcessLookupError):  # it ended by itself, and so did its workers
                os.killpg(process.pid, signal.SIGKILL)
        for process in running:
            process.wait(PATIENCE)
            wait_until(lambda process=process: not members(process.pid))  # type: ignore[misc]
            self._guard.release(process.pid)

    def ask_to_end(self, *names: str) -> None:
        """Ask programs to finish what they do, and don't wait until they have."""
        for name in names:
            self._running[name].terminate()

    def stop(self, *names: str) -> None:
        """Ask programs to finish what they do, and wait until they have."""
        self.ask_to_end(*names)
        for name in names:
            process = self._running.pop(name)
            process.wait(PATIENCE)
            wait_until(lambda process=process: not members(process.pid))  # type: ignore[misc]
            self._guard.release(process.pid)

    def restart(self, *names: str) -> None:
        """Kill programs and start them again."""
        self.kill(*names)
        self.start(*names)

    def freeze(self, name: str) -> None:
        """Stop a program and its workers where they are, but not in mid-write: SQLite has one writer."""
        halt(self._running[name].pid)
        while not self._takes_writes():
            self.thaw(name)
            time.sleep(GLANCE)
            halt(self._running[name].pid)

    def thaw(self, name: str) -> None:
        """Let a frozen program go on."""
        os.killpg(self._running[name].pid, signal.SIGCONT)

    def heal(self) -> None:
        """Bring everything to life that a test has left dead, and end what it has added."""
        for name, process in list(self._running.items()):
            if name not in self._programs or process.poll() is not None:
                self.kill(name)
            else:
                self.thaw(name)
        self.start(*[name for name in self.names if name not in self._running])

    def revive(self) -> None:
        """Start again what has ended by itself, as the supervisor of `make run` does: a worker that loses its
        broker at a bad moment goes that way.
        """
        for name, process in list(self._running.items()):
            if process.poll() is not None:
                self.restart(name)

    def end(self) -> None:
        """Leave nothing running."""
        self.kill(*self._running)
        self._guard.close()

    def leader(self, name: str) -> int:
        """The process that a program began as."""
        return self._running[name].pid

    def kill_workers(self, name: str) -> None:
        """End the processes that a program has made, and not the program."""
        leader = self._running[name].pid
        for pid in members(leader):
            if pid != leader:
                os.kill(pid, signal.SIGKILL)

    def broker(self) -> "Redis":
        """A connection to the broker."""
        return Redis(unix_socket_path=str(self.place.broker))

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:  # Any: whatever the columns hold
        """Ask the portal's database."""
        if url := self.place.environment.get("DATABASE_URL"):
            return _ask_server(url, query.replace("?", "%s"), values)
        with closing(sqlite3.connect(f"file:{self.folder}/portal.sqlite3?mode=ro", uri=True)) as database:
            return database.execute(query, values).fetchall()

    def change(self, statement: str) -> None:
        """Change the portal's database behind its back."""
        with closing(sqlite3.connect(self.folder / "portal.sqlite3", timeout=PATIENCE)) as database, database:
            database.execute(statement)

    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run one of the portal's own commands to its end."""
        program = processes.manage(self.place, *arguments)
        return subprocess.run(
            program.command,
            cwd=program.folder,
            env=dict(program.environment),
            capture_output=True,
            text=True,
            check=False,
        )

    def log(self, *names: str) -> str:
        """What programs have written so far, over all their lives; all of them unless they are named."""
        paths = [self.folder / f"{name}.log" for name in names] or sorted(self.folder.glob("*.log"))
        return "".join(path.read_text(encoding="utf-8", errors="replace") for path in paths)

    def _takes_writes(self) -> bool:
        with closing(sqlite3.connect(self.folder / "portal.sqlite3", timeout=WRITE_SECONDS)) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
        return True

    def _spawn(self, name: str, program: Program) -> None:
        assert name not in self._running, f"{name} runs already."
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                program.command,
                cwd=program.folder,
                env=dict(program.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._running[name] = process
        self._guard.watch(process.pid)

    def _assert_alive(self, name: str) -> bool:
        assert self._running[name].poll() is None, self.log(name)
        return False


@contextmanager
def prepared_portal(folder: Path, **settings: str) -> Iterator[Portal]:
    """Make a portal with its data in ``folder``, of which nothing runs yet; at the end nothing runs any more.

    ``settings`` are environment variables of its programs.
    """
    with (
        start_sandbox(folder / "qure") as qure,
        reserved_port() as port,
        take_place(_environment(folder / "data", port, qure, settings)) as place,
    ):
        programs = [*map(_with_its_broker, processes.foundations(place)), *processes.portal(place)]
        portal = Portal(place, qure, _programs={program.name: program for program in programs})
        with static_files_to_oneself():
            done = portal.manage("prepare", "--demo")
        assert done.returncode == 0, done.stderr
        user = json.loads((portal.folder / "demo-credentials.json").read_text(encoding="utf-8"))["users"][0]
        portal.username, portal.password = user["username"], user["password"]
        try:
            yield portal
        finally:
            portal.end()


@contextmanager
def running_portal(folder: Path, **settings: str) -> Iterator[Portal]:
    """Make a portal with its data in ``folder``, start it, and end all its processes afterwards."""
    with prepared_portal(folder, **settings) as portal:
        portal.start(*portal.names)
        yield portal


@contextmanager
def static_files_to_oneself() -> Iterator[None]:
    """Hashing static files takes longer than all the rest, so that the portals of all tests share them."""
    STATIC.mkdir(parents=True, exist_ok=True)
    with (STATIC / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port that nobody else is given, although nobody listens at it: a server takes it by SO_REUSEADDR."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((HOST, 0))
        yield holder.getsockname()[1]


def wait_until(look: Callable[[], Result], seconds: float = PATIENCE) -> Result:
    """Look until what is seen is true, and answer it."""
    end = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < end, f"Awaited for {seconds:.0f} s in vain."
        time.sleep(GLANCE)
    return seen


def halt(group: int) -> None:
    """Stop each thread of a process group, and wait until all stand still: while SIGSTOP is on its way to
    one thread, another may still begin to write.
    """
    os.killpg(group, signal.SIGSTOP)
    wait_until(lambda: all(_stands_still(pid) for pid in members(group)))


def state_of(pid: int) -> str:
    """The letter that Linux has for a process's state: T for a stopped one, Z for one that has ended."""
    return _state(Path(f"/proc/{pid}/stat"))


def members(group: int) -> list[int]:
    """The living processes of a process group."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended just now
            state, _, its_group = path.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                found.append(int(path.parent.name))
    return found


def _stands_still(pid: int) -> bool:
    """Each thread is stopped, or stops before it does anything more: the kernel has it in its hands (D), as
    that of a process whose child was stopped before it began.
    """
    states = []
    for path in Path(f"/proc/{pid}/task").glob("*/stat"):
        with suppress(OSError):  # it ended just now
            states.append(_state(path))
    is_told = (
        "T" in states or len(states) == 1
    )  # a stop reaches one thread first, and that one tells the others
    return not states or (is_told and set(states) <= set("TDZX"))


def _state(stat: Path) -> str:
    return stat.read_text(errors="replace").rpartition(")")[2].split()[0]


def _with_its_broker(program: Program) -> Program:
    """The broker that ``python -m tests.parts`` names takes Valkey's options."""
    if program.name != "valkey" or BROKER not in os.environ:
        return program
    return replace(program, command=[os.environ[BROKER], *program.command[1:]])


def _ask_server(url: str, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:  # Any: as above
    """Ask a database server, again if it is just being started anew."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with psycopg.connect(url) as server:
                return server.execute(query.encode(), values).fetchall()
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(GLANCE)


def _environment(data: Path, port: int, qure: Sandbox, settings: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    of_the_place = {
        "DATA_DIR": str(data),
        "PORT": str(port),
        "QURE_BASE_URL": qure.base_url,
        "QURE_TOKEN": qure.token,
        "STATIC_ROOT": str(STATIC),
    }
    return {**kept, **QUICK, **of_the_place, **settings}
