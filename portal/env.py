"""What differs between machines: environment variables, read once, with a type and a safe default."""

import os
from pathlib import Path
from typing import Final
from urllib.parse import quote

import environ

env: Final = environ.Env()


def secret(name: str, default: str = "") -> str:
    """Read ``NAME``, or the content of the file that ``NAME_FILE`` names (the way of Docker's secrets)."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        return Path(path).read_text(encoding="utf-8").strip()
    return os.environ.get(name, "").strip() or default


def secret_url(name: str, default: str = "") -> str:
    """Read a URL whose password may stand apart: ``{password}`` in it is replaced by ``NAME_PASSWORD``."""
    url = secret(name, default)
    if "{password}" not in url:
        return url
    return url.replace("{password}", quote(secret(f"{name}_PASSWORD"), safe=""))
