"""A disk that is really full, and one that fails while it is written to."""

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, wraps
from pathlib import Path
from typing import Final, ParamSpec

import pytest
from pytest_django.fixtures import Settings

from tests.crashes.databases import database_in
from tests.factories import make_api_token, make_team, make_user
from tests.pipeline.journeys import image, job_to, statuses, work_off
from tests.sandboxes import Sandbox
from tests.views.browser import Browser, client_of, numbered
from tests.views.posting import post
from uploads.models import Job
from uploads.states import FileStatus, JobStatus

pytestmark = pytest.mark.django_db
DISK_BYTES = 2_000_000
MOUNT: Final = ("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs")
NAMESPACE: Final = ("unshare", "--user", "--map-root-user", "--mount")
Given = ParamSpec("Given")


@cache
def may_mount() -> bool:
    """Whether this process may mount a disk."""
    with tempfile.TemporaryDirectory() as folder:
        if subprocess.run([*MOUNT, folder], capture_output=True, check=False).returncode:
            return False
        subprocess.run(["umount", folder], check=True)
        return True


def on_a_small_disk(test: Callable[Given, None]) -> Callable[Given, None]:
    """Who may not mount a disk runs the test where everybody may: in a user namespace."""

    @wraps(test)
    def run(*args: Given.args, **kwargs: Given.kwargs) -> None:
        if may_mount():
            test(*args, **kwargs)
            return
        name = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
        inside = [*NAMESPACE, sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", name]
        ended = subprocess.run(
            inside, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout

    return run


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes; a folder for a test that runs elsewhere."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not may_mount():
        yield folder
        return
    subprocess.run([*MOUNT, folder], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def small_staging(small_disk: Path, settings: Settings) -> Path:
    """Staging lies on the small disk."""
    storage = {"BACKEND": "uploads.storage.StagingFiles", "OPTIONS": {"location": small_disk}}
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    return small_disk


@pytest.fixture
def small_database(small_disk: Path, transactional_db: None) -> Iterator[Path]:
    """The database lies on the small disk."""
    with database_in(small_disk / "portal.sqlite3"):
        yield small_disk


@pytest.fixture
def broken_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes bytes, and can't keep them."""

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)


def browser_to(sandbox: Sandbox) -> Browser:
    """A member of a team that sends to the sandbox, with an upload under way."""
    job = job_to(sandbox)
    return Browser(client_of(job.created_by), job)


def objects(folder: Path) -> list[Path]:
    """What lies in staging, half or whole."""
    return [path for path in folder.rglob("*") if path.is_file()]


@on_a_small_disk
def test_a_disk_that_fills_up_under_an_upload_costs_time_and_no_file(
    sandbox: Sandbox, small_staging: Path
) -> None:
    browser = browser_to(sandbox)
    contents = [image(number, Rows=512, Columns=512, PixelData=bytes([number]) * 2**19) for number in (0, 1)]
    first, second = browser.choose(*map(len, contents))
    filler = small_staging / "another program's"
    taken = browser.send([(str(first), contents[0])])
    filler.write_bytes(b"x" * (DISK_BYTES - 2**19 - 300_000))
    refused = browser.send([(str(second), contents[1])])
    left_behind = objects(small_staging / str(browser.job.key))

    filler.unlink()
    again = browser.send([(str(second), contents[1])])
    work_off()

    assert (taken.status, refused.refusal, again.status) == (201, (507, "storage_full"), 201)
    assert len(left_behind) == 1
    assert statuses(browser.job) == [FileStatus.ACCEPTED] * 2
    assert Job.objects.get().status == JobStatus.ACCEPTED


@on_a_small_disk
def test_a_database_that_has_no_room_to_grow_costs_time_and_no_file(
    sandbox: Sandbox, small_database: Path
) -> None:
    browser, content = browser_to(sandbox), image(0)
    members = numbered(browser.choose(len(content)), [content])
    filler = fill(small_database)
    refused = browser.send(members)
    during = statuses(browser.job)

    filler.unlink()
    again = browser.send(members)
    work_off()

    assert (refused.refusal, during) == ((503, "unavailable"), [FileStatus.DECLARED])
    assert again.status == 201
    assert (statuses(browser.job), Job.objects.get().status) == ([FileStatus.ACCEPTED], JobStatus.ACCEPTED)


def fill(folder: Path) -> Path:
    """Leave no room on a disk; answer what takes it."""
    filler = folder / "another program's"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return filler


def test_bytes_that_a_disk_could_not_keep_are_not_acknowledged(
    sandbox: Sandbox, broken_disk: None, staging_of_its_own: Path
) -> None:
    browser = browser_to(sandbox)
    (number,) = browser.choose(3)

    answer = browser.send([(str(number), b"abc")])

    assert answer.refusal == (503, "storage_unavailable")
    assert objects(staging_of_its_own) == []
    assert browser.statuses() == [FileStatus.DECLARED]


@on_a_small_disk
def test_a_script_is_told_that_the_disk_for_passing_files_is_full(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    team = make_team()
    token = make_api_token(make_user(team), team)

    answer = post(token, [("a.dcm", b"x" * 2 * DISK_BYTES)])

    assert answer.refusal == (507, "storage_full")
    assert answer.retry_after == "60"
