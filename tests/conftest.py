"""What all tests share."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest
from django.core.files.storage import default_storage
from django.utils import translation
from django.utils.timezone import now
from hypothesis import settings as hypothesis_settings
from playwright.sync_api import Browser
from pytest_django.fixtures import Settings
from xdist.remote import Producer

from tests.browsers import running_browser
from tests.sandboxes import TOKEN, Launch, Sandbox, start_sandbox
from tests.scheduling import TogetherScheduling
from uploads.bucket import StagingBucket

# Two shared cores: how long an example takes says nothing about the code.
hypothesis_settings.register_profile("portal", deadline=None)
hypothesis_settings.load_profile("portal")


@pytest.fixture(autouse=True)
def staging_of_its_own(tmp_path: Path, settings: Settings) -> Path:
    """Each test stages into a folder of its own: of a disk, or of a bucket where one is given."""
    staging = tmp_path / "staging"
    if settings.STAGING_S3_BUCKET:
        cast(StagingBucket, default_storage).location = uuid.uuid4().hex  # a new client takes half a second
        return staging
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "uploads.storage.StagingFiles", "OPTIONS": {"location": staging}},
    }
    assert default_storage.path("") != ""
    return staging


@pytest.fixture(autouse=True)
def no_readers_language() -> None:
    """Each test begins without a reader: Django leaves the language of the last request to its thread."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that travels in time takes the database along: the portal lives on one machine."""
    monkeypatch.setattr("uploads.clocks.database_time", now)


@pytest.hookimpl(optionalhook=True)  # without xdist nobody calls it
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> TogetherScheduling:
    """Say which worker runs what."""
    return TogetherScheduling(config, log)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a worker: Playwright allows one to a thread."""
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One process with the default options, for all tests of a worker."""
    with start_sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    """The shared sandbox, as if just started."""
    running_sandbox.clear_faults()
    running_sandbox.forget()
    running_sandbox.set_token(TOKEN)
    return running_sandbox


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Start a sandbox with options of its own: ``launch(counts="series")``."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(start_sandbox(tmp_path / "sandbox", **options))
