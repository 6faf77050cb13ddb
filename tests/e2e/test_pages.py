"""Every page in a real browser, in both themes, from a phone to a wide screen."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect

from tests.clients import Browser as Client
from tests.dicoms import phantom_study, truncated
from tests.e2e.browsing import PAINTED, drop, wait_for_rest
from tests.portals import Portal

PAGES = ("/upload/", "/jobs/", "/tokens/", "/accounts/password/change/", "/accounts/logout/", "/nothing/")


@pytest.mark.parametrize("width", [320, 390, 1440])
@pytest.mark.parametrize("address", PAGES)
def test_no_page_is_wider_than_the_screen(context: BrowserContext, address: str, width: int) -> None:
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 800})

    page.goto(address)

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_navigation_is_one_line_on_a_phone_with_a_badge_too(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    badge = """(link) => {
        link.querySelector(".unread")?.remove();  // of another test's uploads
        link.insertAdjacentHTML("beforeend", ' <span class="unread">12</span>');
    }"""

    page.get_by_role("link", name="Notices").evaluate(badge)

    boxes = [link.bounding_box() for link in page.locator(".nav a").all()]
    assert len({box["y"] for box in boxes if box}) == 1


@pytest.mark.parametrize("address", ["/accounts/login/", "/accounts/password/reset/", "/accounts/signup/"])
def test_the_pages_before_sign_in_have_our_look(chromium: Browser, portal: Portal, address: str) -> None:
    page = chromium.new_page(viewport={"width": 320, "height": 800})

    page.goto(portal.url + address)

    expect(page.locator(".card h1")).to_be_visible()
    expect(page.get_by_role("link", name="Qure upload")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.close()


def test_a_wrong_password_is_said_beside_the_form(chromium: Browser, portal: Portal) -> None:
    page = chromium.new_page()
    page.goto(f"{portal.url}/accounts/login/")

    page.get_by_label("Username").fill("nobody")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("alert")).to_contain_text("not correct")
    page.close()


def test_the_theme_follows_the_system_and_can_be_switched_for_good(
    chromium: Browser, signed_in: StorageState, portal: Portal
) -> None:
    context = chromium.new_context(storage_state=signed_in, base_url=portal.url, color_scheme="dark")
    page = context.new_page()
    page.goto("/upload/")
    dark = ground(page)

    page.get_by_label("Appearance").select_option("light")
    light = ground(page)
    page.reload()

    assert dark != light
    assert ground(page) == light
    context.close()


def ground(page: Page) -> str:
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert isinstance(color, str)
    return color


CONTROLS = "a:visible, button:visible, select:visible, input:visible, textarea:visible, summary:visible"


@pytest.fixture
def left_behind(portal: Portal) -> None:
    """An upload that the clinician began and has not gone on with."""
    client = Client(portal.url, portal.username, portal.password)
    upload = client.begin(phantom_study(series=1, instances=1))
    portal.change(
        f"UPDATE uploads_job SET last_arrival_at = datetime('now', '-1 hour') WHERE key = '{upload.job.hex}'"
    )


@pytest.mark.usefixtures("left_behind")
def test_the_keyboard_reaches_the_content_first_and_every_control_after_it(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/upload/")
    page.evaluate(PAINTED)
    expect(page.get_by_role("link", name="Show unfinished uploads")).to_be_visible()

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")

    for control in page.locator("#main").locator(CONTROLS).all():
        page.keyboard.press("Tab")
        expect(control).to_be_focused()


@pytest.mark.usefixtures("left_behind")
def test_every_control_is_large_enough_to_hit(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/upload/")
    expect(page.get_by_role("link", name="Show unfinished uploads")).to_be_visible()

    for control in page.locator(CONTROLS).all():
        box = control.bounding_box()
        assert box is not None
        if control.inner_text() != "Skip to the content":
            assert box["height"] >= 24, control.inner_text()


def test_the_history_lists_the_upload_with_its_state_and_its_files_can_be_filtered(
    page: Page, portal: Portal
) -> None:
    files = [*phantom_study(series=1, instances=3), ("CD/CUT", truncated()), ("autorun.inf", b"[autorun]")]
    client = Client(portal.url, portal.username, portal.password)
    upload = client.begin(files)
    client.send(upload)
    page.goto(f"/jobs/{upload.job}/")
    wait_for_rest(page, "Needs attention")

    page.get_by_role("link", name="All files of this upload").click()
    page.get_by_role("link", name=re.compile("^Not sent")).click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("CD/CUT")
    expect(page.locator("tbody tr")).to_contain_text("incomplete")
    page.get_by_role("link", name="History").click()

    expect(page.locator("tbody tr").first).to_contain_text("Needs attention")
    expect(page.locator("tbody tr").first.locator("td[data-label='Accepted']")).to_have_text("3")


def test_a_token_is_shown_once_and_can_be_revoked(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/tokens/")

    page.get_by_label("What is it for?").fill("night shift")
    page.get_by_role("button", name="Make token").click()
    shown = page.locator("#new-token").inner_text()
    page.goto("/tokens/")
    row = page.get_by_role("row").filter(has_text="night shift")
    expect(row).to_contain_text(shown[:8])
    assert shown not in page.content()
    row.get_by_role("button", name="Revoke").click()

    expect(row).to_contain_text("Revoked")


def test_the_reference_of_an_upload_can_be_copied(page: Page, context: BrowserContext, folder: Path) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab = unfinished_upload(page, folder)

    tab.get_by_role("button", name="Copy the upload's reference").click()

    expect(tab.get_by_role("button", name="Copied")).to_be_visible()
    assert tab.evaluate("navigator.clipboard.readText()") == tab.locator("#reference").inner_text()


def unfinished_upload(page: Page, folder: Path) -> Page:
    """The own page of an upload whose bytes never get through, in a second tab."""
    (folder / "IM1").write_bytes(phantom_study(series=1, instances=1)[0][1])
    page.route("**/parcels/", lambda route: route.abort())
    drop(page, folder)
    page.get_by_role("button", name="Send 1 file to Qure").click()
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Show this upload's page").click()
    expect(popup.value.locator(".state .badge")).to_have_text("Uploading")
    return popup.value


def test_what_was_noted_before_sending_is_named_as_soon_as_its_series_is_here(
    page: Page, folder: Path
) -> None:
    tab = unfinished_upload(page, folder)
    noted = tab.locator("#warnings")
    expect(noted).to_have_attribute("open", "")
    noted.locator("summary").click()

    page.unroute("**/parcels/")
    page.get_by_role("button", name="Try now").click()

    expect(noted.locator("strong").first).to_have_text(re.compile("CT"))
    assert noted.get_attribute("open") is None  # it stays as the person left it


def test_a_live_page_says_when_it_can_not_reach_the_server_and_recovers(page: Page, folder: Path) -> None:
    tab = unfinished_upload(page, folder)
    notice = tab.get_by_text("This page can't reach the server at the moment")

    page.context.set_offline(True)
    expect(notice).to_be_visible()
    page.context.set_offline(False)

    expect(notice).to_be_hidden()


def test_a_live_page_leads_to_the_sign_in_when_the_session_has_ended(page: Page, folder: Path) -> None:
    tab = unfinished_upload(page, folder)

    page.context.clear_cookies()

    expect(tab.get_by_role("heading", name="Sign in")).to_be_visible()


def test_an_open_question_stays_open_while_the_page_is_updated(page: Page, folder: Path) -> None:
    tab = unfinished_upload(page, folder)
    tab.get_by_text("Cancel this upload").click()

    with tab.expect_response("**/progress/"):
        pass
    tab.wait_for_timeout(300)
    tab.get_by_role("button", name="Cancel the upload").click()

    expect(tab.locator(".state .badge")).to_have_text("Cancelled")
