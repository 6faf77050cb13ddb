"""What differs between machines: environment variables, read once, with a type and a safe default.

What can't be used raises ``ImproperlyConfigured``: a sentence that names the variable or file, and no secret.
"""

import logging
import math
import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

NUMBERS: Final = {int: "a whole number", float: "a number"}
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class _Environment(environ.Env):  # type: ignore[misc]  # untyped
    """Numbers as they stand there: the library takes "1e3" for 13."""

    def get_value(self, var: str, cast: Any = None, **options: Any) -> Any:  # Any: the library's signature
        if cast not in NUMBERS:
            return super().get_value(var, cast=cast, **options)
        value = super().get_value(var, cast=str, **options)
        try:
            number = cast(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ImproperlyConfigured(f"{var} must be {NUMBERS[cast]}, not {value!r}.")
        return number


env: Final = _Environment()


def secret(name: str, default: str = "", kept: Path | None = None) -> str:
    """Read ``NAME``, or the content of the file that ``NAME_FILE`` names (the way of Docker's secrets).

    Where neither is given: the file in ``kept``, the folder of what `make run` has made, if it is there.
    """
    path, given = os.environ.get(f"{name}_FILE"), os.environ.get(name, "").strip()
    if path:
        return _text_of(Path(path), f"{name}_FILE names {path}, which")
    if given or kept is None:
        return given or default
    own = kept / name
    return _text_of(own, str(own), missing=default)


def _text_of(path: Path, called: str, missing: str | None = None) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{called} holds no text.") from None
    except OSError as e:
        if missing is not None and isinstance(e, FileNotFoundError):
            return missing
        raise ImproperlyConfigured(f"{called} can't be read: {e.strerror}.") from None


def secret_url(name: str, default: str = "") -> str:
    """Read a URL whose password may stand apart: ``{password}`` in it is replaced by ``NAME_PASSWORD``."""
    url = secret(name, default)
    if "{password}" not in url:
        return url
    return url.replace("{password}", quote(secret(f"{name}_PASSWORD"), safe=""))


def fernet_keys(name: str, text: str, kept: Path) -> list[str]:
    """The keys in the text of a secret, with commas between them."""
    keys = [key for key in text.split(",") if key]
    try:
        for key in keys:
            Fernet(key)
    except ValueError:
        place = os.environ.get(f"{name}_FILE") or (name if os.environ.get(name) else kept / name)
        raise ImproperlyConfigured(
            f"{place} holds what is no Fernet key. Put its copy back. If there is none, remove it and let a "
            "new one be made (`make run`, `python -m portal.secrets`): tokens must be entered again then."
        ) from None
    return keys


def database(name: str, url: str) -> dict[str, Any]:  # Any: Django's settings
    """The database at a URL. It may hold a password: none is in the sentence."""
    try:
        found: dict[str, Any] = env.db_url_config(url)  # Any: Django's settings
    except ValueError:
        found = {}
    if "ENGINE" not in found:
        raise ImproperlyConfigured(f"{name} must be like postgres://user:{{password}}@host:5432/name.")
    return found


def time_zone(name: str, text: str) -> str:
    """A time zone by its name."""
    try:
        ZoneInfo(text)
    except (LookupError, ValueError, OSError):
        raise ImproperlyConfigured(f"{name}: there is no {text!r}. Name one like Europe/Berlin.") from None
    return text


def log_level(name: str, text: str) -> int:
    """A level by its name."""
    level = text.upper()
    if level not in LEVELS:
        raise ImproperlyConfigured(f"{name} must be {', '.join(LEVELS[:-1])} or {LEVELS[-1]}, not {text!r}.")
    return logging.getLevelNamesMapping()[level]
