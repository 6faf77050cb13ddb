"""Any command finds the secrets that `make run` has made in its data folder, unless others are given."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from cryptography.fernet import Fernet

ROOT: Final = Path(__file__).resolve().parents[2]
OWN, OTHER = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with the secrets of a portal that relays to a sandbox."""
    (tmp_path / "secrets").mkdir()
    for name, value in {"SECRET_KEY": "own", "FIELD_KEYS": OWN, "QURE_TOKEN": "sandbox-token"}.items():
        (tmp_path / "secrets" / name).write_text(value)
    return tmp_path


def read(data: Path, **given: str) -> tuple[str, str, str]:
    """The secrets as the settings read them, in a process of its own."""
    script = "from portal.settings import *; print(SECRET_KEY, FIELD_KEYS[0], QURE_TOKEN, sep='|')"
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(data), **given}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    key, field_key, token = done.stdout.strip("\n").split("|")
    return key, field_key, token


def test_those_of_the_data_folder_are_found(data: Path) -> None:
    assert read(data)[:2] == ("own", OWN)


def test_those_that_are_given_go_first(data: Path) -> None:
    (data / "another").write_text(OTHER)

    assert read(data, SECRET_KEY="given", FIELD_KEYS_FILE=str(data / "another"))[:2] == ("given", OTHER)


def test_the_sandboxs_token_is_nobody_elses(data: Path) -> None:
    assert read(data, QURE_BASE_URL="https://api.qure.test/")[2] == ""
