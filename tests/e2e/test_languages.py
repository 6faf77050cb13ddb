"""A reader's language: from the sign-in to the upload's own page, and switched by hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsers import complaint
from tests.e2e.browsing import REST_MILLISECONDS
from tests.e2e.discs import write_slices
from tests.portals import Portal


@pytest.fixture
def german(chromium: Browser, portal: Portal) -> Iterator[Page]:
    """A German browser at the door."""
    context = chromium.new_context(locale="de-DE", base_url=portal.url)
    complaints: list[str] = []
    context.on("console", lambda message: complaints.extend(complaint(message)))
    page = context.new_page()
    page.goto("/accounts/login/")
    yield page
    context.close()
    assert complaints == []


def enter(page: Page, portal: Portal) -> None:
    """Sign in, whatever the language."""
    page.locator("[name=login]").fill(portal.username)
    page.locator("[name=password]").fill(portal.password)
    page.locator("main [type=submit]").click()
    page.wait_for_url("**/upload/")


def test_a_german_browser_is_spoken_to_in_german_all_the_way(
    german: Page, portal: Portal, folder: Path
) -> None:
    write_slices(folder, 12)

    expect(german.get_by_role("heading", name="Anmelden")).to_be_visible()
    enter(german, portal)
    expect(german.get_by_role("heading", name="Bilder hochladen")).to_be_visible()
    with german.expect_file_chooser() as chooser:
        german.get_by_role("button", name="Ordner wählen").click()
    chooser.value.set_files(folder)
    expect(german.get_by_role("heading", name="Bereit zum Senden")).to_be_visible()
    expect(german.locator("#patients")).to_contain_text("12 Bilder")
    german.get_by_role("button", name="12 Dateien an Qure senden").click()
    german.wait_for_url("**/jobs/*/", timeout=REST_MILLISECONDS)

    expect(german.locator(".state .badge")).to_have_text("Von Qure angenommen", timeout=REST_MILLISECONDS)
    expect(german.locator("html")).to_have_attribute("lang", "de")


def test_the_language_that_is_chosen_by_hand_stays(german: Page, portal: Portal) -> None:
    german.get_by_role("form", name="Sprache").get_by_role("button", name="English").click()

    expect(german.get_by_role("heading", name="Sign in")).to_be_visible()
    enter(german, portal)
    expect(german.get_by_role("heading", name="Upload images")).to_be_visible()
