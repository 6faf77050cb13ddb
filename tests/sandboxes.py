"""Sandboxes for tests: the stand-in Qure server as a process of its own, started, scripted and read."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
START_SECONDS = 20.0
HOST = "127.0.0.1"
TOKEN = "sandbox-token"


@dataclass
class Sandbox:
    """One sandbox process, and the same again after ``restart``: its data and its port stay."""

    folder: Path
    arguments: list[str]
    token: str
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def base_url(self) -> str:
        """The base URL of a destination; it ends with a slash."""
        return f"http://{HOST}:{self.port}/"

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process and wait until it listens."""
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "uploads.sandbox", "--host", HOST, "--port", str(self.port)]
        command += ["--port-file", str(port_file), "--data", str(self.folder / "data"), *self.arguments]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=PROJECT, stderr=log, env={**os.environ, "SANDBOX_TOKEN": self.token}
            )
        end = time.monotonic() + START_SECONDS
        while not port_file.exists():
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < end, "The sandbox does not start."
            time.sleep(0.005)
        self.port = int(port_file.read_text(encoding="ascii"))

    def stop(self) -> int:
        """Ask the process to end; return its exit status."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(10)

    def kill(self) -> None:
        """End the process as an accident would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def restart(self) -> None:
        """Start again on the same data and port, with the token that was last accepted."""
        if self._process and self._process.poll() is None:
            self.stop()
        self.start()

    def log(self) -> str:
        """Return all that the process wrote to its log, over all its starts."""
        return (self.folder / "log").read_text(encoding="utf-8")

    def script(self, *faults: dict[str, Any]) -> None:
        """Script faults for the next requests; see ``uploads/sandbox/faults.py`` for the kinds."""
        self._call("POST", "faults", list(faults))

    def clear_faults(self) -> None:
        """Forget the faults that still wait."""
        self._call("DELETE", "faults")

    def faults(self) -> list[dict[str, Any]]:
        """List the faults that still wait."""
        return list(self._call("GET", "faults"))

    def set_token(self, token: str) -> None:
        """Accept this token from now on, and no other."""
        self._call("POST", "token", {"token": token})
        self.token = token

    def instances(self) -> dict[str, str]:
        """Return the digest of each SOP instance UID that is held; the newest where bytes differ."""
        return {row["sop_uid"]: row["sha256"] for row in self.rows()}

    def rows(self) -> list[dict[str, Any]]:
        """List what is held: study_uid, series_uid, sop_uid, sha256, size, received, first_at, last_at."""
        return list(self._call("GET", "instances"))

    def requests(self) -> list[dict[str, Any]]:
        """List every request to studies, oldest first: status, outcome, bytes, part_count, parts, times …"""
        return list(self._call("GET", "requests"))

    def bytes_of(self, sha256: str) -> bytes:
        """Return an instance's bytes."""
        return self._read("GET", f"instances/{sha256}")

    def forget(self) -> None:
        """Forget all instances and requests."""
        self._call("DELETE", "instances")

    # Any: what JSON holds is the caller's to know.
    def _call(self, method: str, path: str, value: object = None) -> Any:
        return json.loads(self._read(method, path, json.dumps(value).encode() if value is not None else None))

    def _read(self, method: str, path: str, body: bytes | None = None) -> bytes:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        try:
            connection.request(method, f"/_sandbox/{path}", body)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        assert response.status == 200, answer.decode()
        return answer


Launch = Callable[..., Sandbox]


@contextmanager
def start_sandbox(folder: Path, *, token: str = TOKEN, port: int = 0, **options: object) -> Iterator[Sandbox]:
    """Run a sandbox in ``folder`` on a free port; ``counts="series"`` is ``--counts series``."""
    folder.mkdir(parents=True, exist_ok=True)
    arguments: list[str] = []
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        arguments += [flag] if value is True else [flag, str(value)]
    sandbox = Sandbox(folder, arguments, token, port)
    try:
        sandbox.start()
        yield sandbox
    finally:
        if sandbox._process and sandbox._process.poll() is None:
            sandbox.kill()
