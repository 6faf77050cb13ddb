"""One portal for all accidents: each test makes an upload of its own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import Browser
from tests.portals import Portal, running_portal

TEST_SECONDS = 600  # the first accident starts the portal; nothing here may depend on a quiet machine
LOG_CHARACTERS = 4000  # of each program, where a test fails
# Seconds until what a dead worker held is taken from it, and a limit that makes several batches of an upload.
CLOCKS = {
    "RELAY_LEASE_SECONDS": "2",
    "RELAY_ANSWER_SECONDS": "12",
    "RELAY_FIRST_WAIT_SECONDS": "0.2",
    "CHECK_LEASE_SECONDS": "6",
    "RELAY_BATCH_MAX_BYTES": "6000000",
    "WORKERS_SILENT_SECONDS": "600",  # beat leaves to a frozen worker what the test has for it
}


@pytest.fixture(scope="package")
def lasting_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal that outlives its accidents."""
    with running_portal(tmp_path_factory.mktemp("accidents"), **CLOCKS) as running:
        yield running


@pytest.fixture
def portal(lasting_portal: Portal) -> Iterator[Portal]:
    """The portal, healthy; where a test fails its logs are shown, and what it has left behind is mended."""
    yield lasting_portal
    for name in lasting_portal.names:
        sys.stdout.write(f"{name}: {lasting_portal.log(name)[-LOG_CHARACTERS:]}\n")
    lasting_portal.qure.restart()
    lasting_portal.heal()


@pytest.fixture(scope="package")
def browser(lasting_portal: Portal) -> Browser:
    """A clinician who has signed in."""
    return Browser(lasting_portal.url, lasting_portal.username, lasting_portal.password)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Be patient with accidents."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(TEST_SECONDS))
