"""Everything between a new version and its first request, in a process of its own as a deployment runs it."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from cryptography.fernet import Fernet
from pytest_django.fixtures import Settings

from uploads.management.commands.prepare import collect_static

ROOT: Final = Path(__file__).resolve().parents[2]


SETTINGS: Final = {
    "PATH": os.environ["PATH"],
    "SECRET_KEY": "only-for-tests-" * 4,
    "FIELD_KEYS": Fernet.generate_key().decode(),
    "QURE_BASE_URL": "https://api.qure.test/",
    "QURE_TOKEN": "token",
}


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a portal that had never run, not even its folder, and was prepared; it takes seconds."""
    data = tmp_path_factory.mktemp("new") / "data"
    done = prepare(data)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return data


@pytest.fixture
def data(new: Path, tmp_path: Path) -> Path:
    """Such a portal's data, for one test to change."""
    return Path(shutil.copytree(new, tmp_path / "copy"))


def prepare(data: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "manage.py", "prepare", *arguments]
    environment = {**SETTINGS, "DATA_DIR": str(data), **settings}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def collect_from(settings: Settings, folder: Path, content: str) -> None:
    folder.mkdir()
    (folder / "portal.css").write_text(content)
    settings.STATIC_ROOT = folder.parent / "static"
    settings.STATICFILES_DIRS = [folder]
    collect_static()


def test_a_new_portal_has_its_tables_its_static_files_and_its_destination(new: Path) -> None:
    manifest = json.loads((new / "static" / "staticfiles.json").read_text())
    assert "css/portal.css" in manifest["paths"]
    assert (new / "staging").is_dir()
    with closing(sqlite3.connect(new / "portal.sqlite3")) as database:
        assert database.execute("SELECT name, base_url FROM uploads_destination").fetchall() == [
            ("Qure", "https://api.qure.test/")
        ]
        assert database.execute("SELECT COUNT(*) FROM auth_user").fetchone() == (0,)
        assert database.execute("SELECT COUNT(*) FROM cache").fetchone() == (0,)


def test_to_prepare_again_collects_nothing_again(data: Path) -> None:
    manifest = data / "static" / "staticfiles.json"
    os.utime(manifest, (1, 1))

    done = prepare(data)

    assert done.returncode == 0
    assert manifest.stat().st_mtime == 1


@pytest.mark.parametrize(
    ("content", "is_collected"), [("a {}", False), ("b {}", True)], ids=["the same", "another"]
)
def test_static_files_at_another_place_are_collected_again_if_they_are_others(
    settings: Settings, tmp_path: Path, content: str, is_collected: bool
) -> None:
    collect_from(settings, tmp_path / "here", "a {}")
    (settings.STATIC_ROOT / "portal.css").unlink()

    collect_from(settings, tmp_path / "there", content)

    assert (settings.STATIC_ROOT / "portal.css").exists() == is_collected


def test_static_files_that_are_in_place_are_left_alone(data: Path) -> None:
    shutil.rmtree(data / "static")

    done = prepare(data, "--no-static")

    assert done.returncode == 0
    assert not (data / "static").exists()


def test_a_portal_with_another_key_is_prepared(data: Path) -> None:
    done = prepare(data, "--no-static", FIELD_KEYS=Fernet.generate_key().decode())

    assert (done.returncode, done.stderr) == (0, "")


def test_a_portal_without_an_account_is_a_sentence(data: Path) -> None:
    done = prepare(data, "--no-static", QURE_BASE_URL="")

    assert done.returncode == 1
    assert done.stderr == "CommandError: Set QURE_BASE_URL and QURE_TOKEN.\n"


def test_a_setting_that_cannot_be_used_is_a_sentence_unless_a_traceback_is_asked_for(data: Path) -> None:
    done = prepare(data, "--no-static", EMAIL_PORT="1e3")
    traced = prepare(data, "--no-static", "--traceback", EMAIL_PORT="1e3")

    assert done.returncode == 1
    assert done.stderr == "CommandError: EMAIL_PORT must be a whole number, not '1e3'.\n"
    assert "Traceback" in traced.stderr


def test_a_database_whose_middle_is_damaged_is_a_sentence(data: Path) -> None:
    with (data / "portal.sqlite3").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 400_000)

    done = prepare(data, "--no-static")

    assert done.stderr.startswith(f"CommandError: The database {data}/portal.sqlite3 is damaged: ")
    assert done.stderr.count("\n") == 1
