"""A browser in which JavaScript is switched off still brings files to Qure."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, StorageState, expect

from tests.dicoms import phantom_study
from tests.e2e.browsing import steps
from tests.e2e.discs import write_files, write_zip
from tests.portals import PATIENCE, Portal


# Playwright finds nothing by role or text within <noscript>: hence the ids.
@pytest.fixture
def plain_page(chromium: Browser, signed_in: StorageState, portal: Portal) -> Iterator[Page]:
    """The upload page in a browser without JavaScript."""
    context = chromium.new_context(storage_state=signed_in, base_url=portal.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/upload/")
    yield page
    context.close()


@pytest.mark.parametrize("dead", [".drop-zone", "#theme"])
def test_what_could_do_nothing_is_not_shown(plain_page: Page, dead: str) -> None:
    expect(plain_page.locator("#plain-form")).to_be_visible()
    expect(plain_page.locator(dead)).to_be_hidden()


def refresh_until(page: Page, wanted: Locator) -> None:
    """Press the link that shows the page anew, as often as it takes."""
    end = time.monotonic() + PATIENCE
    while not wanted.is_visible():
        assert time.monotonic() < end, page.locator("main").inner_text()
        page.locator("#refresh").click()


def test_files_and_an_archive_are_sent_after_the_patient_was_decided_on_the_uploads_page(
    plain_page: Page, portal: Portal, tmp_path: Path
) -> None:
    page = plain_page
    files = phantom_study(series=1, instances=4)
    contents = [content for _, content in files]
    write_files(tmp_path, [("IM1", contents[0])])
    write_zip(tmp_path / "CD.zip", [(f"CD/{number}", content) for number, content in enumerate(contents[1:])])

    expect(page.locator("#plain-form")).to_be_visible()
    page.locator("#plain-files").set_input_files([tmp_path / "IM1", tmp_path / "CD.zip"])
    page.locator("#plain-send").click()
    page.wait_for_url("**/jobs/*/")
    send = page.get_by_role("button", name="Send this patient's images")
    refresh_until(page, send)
    send.click()
    refresh_until(page, page.locator(".state .badge", has_text="Accepted by Qure"))

    assert set(steps(page).values()) == {4}
    received = {row["sha256"] for row in portal.qure.rows()}
    assert {hashlib.sha256(content).hexdigest() for content in contents} <= received
