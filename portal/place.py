"""Where a portal on one machine lives: its data folder, port, broker and secrets."""

import fcntl
import hashlib
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet

ROOT: Final = Path(__file__).resolve().parent.parent
HOST: Final = "127.0.0.1"
SOCKET_PATH_LIMIT: Final = 100  # characters; the kernel takes 107 on Linux and 103 on macOS


class CannotRun(Exception):
    """Why the portal can't be started, in a sentence."""


@dataclass(frozen=True)
class Place:
    """Where this portal lives, and what its programs are told."""

    data: Path
    port: int
    sandbox_port: int | None  # None: it relays to the account that the environment names
    broker: Path
    environment: Mapping[str, str]

    @property
    def url(self) -> str:
        """The portal's address."""
        return f"http://{HOST}:{self.port}"

    @property
    def sandbox_url(self) -> str:
        """The sandbox's base URL."""
        return f"http://{HOST}:{self.sandbox_port}/"


@contextmanager
def take_place(wanted: Mapping[str, str]) -> Iterator[Place]:
    """Hold the data folder and lay out everything in it. Raises :class:`CannotRun`."""
    _check_account(wanted)
    port = _port(wanted.get("PORT") or "8000")
    data = Path(wanted.get("DATA_DIR") or ROOT / "data").expanduser().resolve()
    try:
        _make_folder(data)
        _make_folder(data / "secrets")
        with _lock(data):
            yield _lay_out(data, port, wanted)
    except OSError as e:
        sentence = f"The data folder {data} can't be used: {e.strerror}. Set DATA_DIR to another one."
        raise CannotRun(sentence) from None


def _check_account(wanted: Mapping[str, str]) -> None:
    has_token = bool(wanted.get("QURE_TOKEN") or wanted.get("QURE_TOKEN_FILE"))
    if wanted.get("QURE_BASE_URL") and not has_token:
        raise CannotRun("QURE_BASE_URL is set, but QURE_TOKEN is not. Qure gives you both.")
    if has_token and not wanted.get("QURE_BASE_URL"):
        raise CannotRun("QURE_TOKEN is set, but QURE_BASE_URL is not. Qure gives you both.")


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise CannotRun(f"PORT must be a number from 1 to 65535, not {text!r}.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, int(text)))
        except PermissionError:
            raise CannotRun(f"Port {text} is for root only. Choose one above 1023.") from None
        except OSError:
            raise CannotRun(f"Port {text} is in use. Choose another one: PORT=8001 make run") from None
    return int(text)


def _make_folder(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)


@contextmanager
def _lock(data: Path) -> Iterator[None]:
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotRun(f"A portal is running on {data} already. Stop it, or set DATA_DIR.") from None
        yield


def _lay_out(data: Path, port: int, wanted: Mapping[str, str]) -> Place:
    broker = _broker_path(data)
    environment = dict(wanted) | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "PYTHONUNBUFFERED": "1",
        "CELERY_SKIP_CHECKS": "1",  # `prepare` has made them; five workers need not make them again
        "PYTHONPATH": str(ROOT),
        "DATA_DIR": str(data),
        "REDIS_URL": f"redis+socket://{broker}",
        "PUBLIC_URL": f"http://{HOST}:{port}",
        **_own_secret(data, "SECRET_KEY", secrets.token_urlsafe(48), wanted),
        **_own_secret(data, "FIELD_KEYS", Fernet.generate_key().decode(), wanted),
    }
    if wanted.get("QURE_BASE_URL"):
        return Place(data, port, None, broker, environment)
    sandbox_port = _free_port()
    environment["QURE_BASE_URL"] = f"http://{HOST}:{sandbox_port}/"
    environment |= _own_secret(data, "QURE_TOKEN", secrets.token_urlsafe(24), wanted)
    return Place(data, port, sandbox_port, broker, environment)


def _own_secret(data: Path, name: str, new_value: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """Where the portal's own secret is: made once, readable by its owner only. A given one goes first."""
    if wanted.get(name) or wanted.get(f"{name}_FILE"):
        return {}
    path = data / "secrets" / name
    if not path.exists():
        temporary = path.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(new_value)
        temporary.replace(path)
    return {f"{name}_FILE": str(path)}


def _broker_path(data: Path) -> Path:
    """A path for the broker's socket that is short enough for the kernel."""
    path = data / "valkey.sock"
    if len(os.fsencode(path)) < SOCKET_PATH_LIMIT:
        return path
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"portal-{os.getuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise CannotRun(f"{folder} belongs to somebody else. Set DATA_DIR to a shorter path.")
    return folder / "valkey.sock"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
