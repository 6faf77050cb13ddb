"""A portal and a browser for the tests that sit where the clinician sits."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState

from tests.browsers import complaint
from tests.e2e.browsing import PAINTED, colleague_of, sign_in
from tests.portals import Portal, running_portal


@pytest.fixture(scope="package")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """One portal for all tests of this folder; each test makes an upload of its own."""
    with running_portal(tmp_path_factory.mktemp("portal")) as running:
        yield running


@pytest.fixture(scope="package")
def signed_in(portal: Portal, chromium: Browser) -> StorageState:
    """The cookies of a clinician who has signed in on the page."""
    context = chromium.new_context()
    page = context.new_page()
    sign_in(page, portal)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def context(chromium: Browser, signed_in: StorageState, portal: Portal) -> Iterator[BrowserContext]:
    """A clinician's browser window. What the pages complain about on the console fails the test."""
    context = chromium.new_context(
        storage_state=signed_in, base_url=portal.url, viewport={"width": 1440, "height": 900}
    )
    complaints: list[str] = []
    context.on("console", lambda message: complaints.extend(complaint(message)))
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    yield context
    context.close()
    assert complaints == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """The upload page, opened."""
    page = context.new_page()
    page.goto("/upload/")
    page.evaluate(PAINTED)
    return page


@pytest.fixture
def colleague(chromium: Browser, portal: Portal) -> Iterator[Page]:
    """Another member of the team, with a browser of their own."""
    context = chromium.new_context(base_url=portal.url)
    page = context.new_page()
    sign_in(page, portal, *colleague_of(portal, "administrator"))
    yield page
    context.close()


@pytest.fixture
def mortal(portal: Portal) -> Iterator[Portal]:
    """The portal, for a test that ends its programs or troubles Qure: afterwards all is as it was."""
    yield portal
    portal.qure.restart()
    portal.heal()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to fill and to drop."""
    path = tmp_path / "CD"
    path.mkdir()
    return path
