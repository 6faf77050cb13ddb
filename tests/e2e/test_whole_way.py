"""From sign-in to receipt: by telephone, by keyboard, with thousands of files, without a trace."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    StorageState,
    ViewportSize,
    expect,
)

from tests.dicoms import dicom_bytes
from tests.e2e.browsing import SEND, drop, send, steps, tab_to, wait_for_rest
from tests.e2e.discs import write_files, write_slices, write_study
from tests.portals import Portal
from uploads.dicom.phantom import new_uid

MANY = 5000
PHONE: ViewportSize = {"width": 390, "height": 844}
CANARY = "XQZCANARYQZX"
NOTE_TITLES = """
    const note = () => window.noteTitle?.(document.title);
    document.addEventListener("DOMContentLoaded", () => {
      note();
      const all = { subtree: true, childList: true, characterData: true };
      new MutationObserver(note).observe(document.head, all);
    });
"""


@pytest.fixture
def phone(chromium: Browser, signed_in: StorageState, portal: Portal) -> Iterator[Page]:
    """A telephone in the hand of a clinician."""
    context = chromium.new_context(
        storage_state=signed_in, base_url=portal.url, viewport=PHONE, is_mobile=True, has_touch=True
    )
    yield context.new_page()
    context.close()


@pytest.fixture
def stranger(chromium: Browser, portal: Portal) -> Iterator[Page]:
    """The sign-in page, before anybody has signed in."""
    context = chromium.new_context(base_url=portal.url)
    page = context.new_page()
    page.goto("/")
    yield page
    context.close()


def assert_fits(phone: Page) -> None:
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], phone.url


def test_five_thousand_files_are_chosen_sent_and_all_accepted(
    page: Page, portal: Portal, folder: Path
) -> None:
    before = len(portal.qure.rows())
    write_slices(folder, MANY)

    drop(page, folder)
    expect(page.get_by_role("button", name=f"Send {MANY:,} files to Qure")).to_be_visible()
    send(page)
    expect(page.locator(".state .badge")).to_have_text("Accepted by Qure", timeout=180_000)

    assert set(steps(page).values()) == {MANY}
    assert len(portal.qure.rows()) - before == MANY


def test_a_telephone_is_enough_from_choosing_to_the_receipt(phone: Page, folder: Path) -> None:
    write_study(folder, series=1, instances=3)
    phone.goto("/upload/")
    assert_fits(phone)

    with phone.expect_file_chooser() as chooser:
        phone.get_by_role("button", name="Choose files or ZIP").tap()
    chooser.value.set_files([path for path in folder.rglob("*") if path.is_file()])
    button = phone.get_by_role("button", name="Send 3 files to Qure")
    expect(button).to_be_in_viewport()
    assert_fits(phone)
    button.tap()
    phone.wait_for_url("**/jobs/*/")
    wait_for_rest(phone, "Accepted by Qure")
    assert_fits(phone)
    phone.get_by_role("link", name="Receipt").tap()

    expect(phone.get_by_role("heading", name="Receipt of an upload to Qure")).to_be_visible()
    assert_fits(phone)


def press_on(page: Page, control: Locator, key: str = "Enter") -> None:
    """Come to a control by the keyboard, and press a key on it."""
    expect(control).to_be_enabled()
    tab_to(page, control)
    page.keyboard.press(key)


def test_the_keyboard_alone_is_enough_from_the_sign_in_to_the_receipt(
    stranger: Page, portal: Portal, folder: Path
) -> None:
    write_study(folder, series=1, instances=2)

    tab_to(stranger, stranger.get_by_label("Username"))
    stranger.keyboard.type(portal.username)
    tab_to(stranger, stranger.get_by_label("Password"))
    stranger.keyboard.type(portal.password)
    stranger.keyboard.press("Enter")
    expect(stranger.get_by_role("heading", name="Upload images")).to_be_visible()
    with stranger.expect_file_chooser() as chooser:
        press_on(stranger, stranger.get_by_role("button", name="Choose folder"), "Space")
    chooser.value.set_files(folder)
    press_on(stranger, stranger.get_by_role("switch", name="STAT"), "Space")
    press_on(stranger, stranger.get_by_role("button", name=SEND))
    stranger.wait_for_url("**/jobs/*/")
    wait_for_rest(stranger, "Accepted by Qure")
    press_on(stranger, stranger.get_by_role("link", name="Receipt"))

    expect(stranger.get_by_role("heading", name="Receipt of an upload to Qure")).to_be_visible()
    expect(stranger.locator(".facts").first).to_contain_text("STAT")


def test_nothing_of_the_patient_stays_in_the_browser(
    page: Page, context: BrowserContext, folder: Path
) -> None:
    noted: list[str] = []

    def note(text: str) -> None:
        noted.append(text)

    page.expose_function("noteTitle", note)
    page.add_init_script(NOTE_TITLES)
    page.on("framenavigated", lambda frame: note(frame.url))
    page.on("request", lambda request: note(request.url))
    page.reload()
    study = new_uid()
    images = [
        dicom_bytes(
            PatientName=f"{CANARY}^JANE",
            PatientID=CANARY,
            StudyDescription=CANARY,
            SeriesDescription=CANARY,
            StudyInstanceUID=study,
            SeriesInstanceUID=f"{study}.1",
            SOPInstanceUID=new_uid(),
        )
        for _ in range(3)
    ]
    write_files(folder / CANARY, [(f"{CANARY}-{number}", image) for number, image in enumerate(images)])

    drop(page, folder)
    expect(page.locator(".patient")).to_contain_text(CANARY)
    send(page)
    wait_for_rest(page, "Accepted by Qure")
    page.get_by_role("link", name="Receipt").click()
    expect(page.locator("main")).to_contain_text(CANARY)
    page.goto("/jobs/")
    expect(page.locator("main")).to_contain_text("Accepted by Qure")

    kept = [
        json.dumps(context.storage_state(indexed_db=True)),
        *page.evaluate("[JSON.stringify(sessionStorage), JSON.stringify(history.state), window.name]"),
        *page.evaluate("caches.keys()"),
        *page.evaluate("indexedDB.databases().then((all) => all.map(({ name }) => name))"),
    ]
    assert any(title.startswith("Receipt") for title in noted)
    assert [text for text in [*noted, *kept] if CANARY in text or study in text] == []
