"""Uploads that are paused, cancelled, left, and gone on with by somebody else."""

import hashlib
import re
from pathlib import Path

import pytest
from playwright._impl._api_structures import SetCookieParam  # Playwright exports no other name for it
from playwright.sync_api import BrowserContext, Dialog, Page, Route, expect

from tests.e2e.browsing import (
    PARCELS,
    SEND,
    Gate,
    bytes_moved,
    cut_line,
    drop,
    emulate_line,
    steps,
    wait_for_rest,
)
from tests.e2e.discs import write_files, write_large_slice, write_study
from tests.portals import Portal, wait_until
from uploads.dicom.phantom import new_uid

SIZE = 3_000_000  # bytes of a slice: one parcel takes one, before anything is known of the line
SLICES = 6


@pytest.fixture
def large(folder: Path) -> Path:
    """A folder whose bytes take several parcels."""
    study = new_uid()
    for number in range(SLICES):
        write_large_slice(folder / f"IM{number}", SIZE, study)
    return folder


def begin(page: Page, folder: Path, gate: Gate) -> None:
    """Start an upload whose bytes the gate holds."""
    page.route(PARCELS, gate)
    drop(page, folder)
    page.get_by_role("button", name=SEND).click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def wait_for_held(page: Page, gate: Gate, count: int) -> None:
    for _ in range(600):
        if len(gate.held) >= count:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{len(gate.held)} requests were held, {count} were awaited.")


def test_a_paused_upload_lets_arrive_what_is_on_the_line_and_begins_nothing_more(
    page: Page, large: Path
) -> None:
    gate = Gate()
    begin(page, large, gate)
    wait_for_held(page, gate, 3)

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("heading", name="Pausing")).to_be_visible()
    gate.open()
    expect(page.get_by_role("heading", name="Paused")).to_be_visible()
    expect(page).to_have_title(re.compile(r"^Paused \u2013 (49|50) % \u2013 "))
    assert gate.passed == 3
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/jobs/*/")

    wait_for_rest(page, "Accepted by Qure")
    assert steps(page)["Accepted by Qure"] == SLICES


def test_a_paused_page_may_be_left_without_a_warning(page: Page, large: Path) -> None:
    gate = Gate()
    begin(page, large, gate)
    wait_for_held(page, gate, 3)
    page.get_by_role("button", name="Pause").click()
    gate.open()
    expect(page.get_by_role("heading", name="Paused")).to_be_visible()
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)

    page.goto("/jobs/")

    assert asked == []


def test_cancelling_asks_first_and_says_what_is_kept(page: Page, large: Path) -> None:
    gate = Gate()
    begin(page, large, gate)
    wait_for_held(page, gate, 3)

    page.get_by_role("button", name="Cancel").click()
    expect(
        page.get_by_text("What Qure has accepted stays with Qure: it can't be taken back.")
    ).to_be_visible()
    page.get_by_role("button", name="Keep uploading").click()
    expect(page.get_by_role("heading", name="Uploading")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the upload").click()

    expect(page.get_by_role("heading", name="The upload is cancelled")).to_be_focused()
    address = page.get_by_role("link", name="Show this upload's page").get_attribute("href")
    assert address is not None
    page.goto(address)
    wait_for_rest(page, "Cancelled")


def test_after_cancelling_nothing_says_that_it_goes_on(page: Page, large: Path) -> None:
    emulate_line(page, 0, SIZE // 2)
    drop(page, large)
    page.get_by_role("button", name=SEND).click()
    expect(page.locator("#progress-text")).to_contain_text("/s")

    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the upload").click()
    expect(page.get_by_role("heading", name="The upload is cancelled")).to_be_visible()
    page.wait_for_timeout(500)  # a redraw that is due comes 250 ms later

    expect(page).to_have_title("The upload is cancelled \u2013 Qure upload")
    expect(page.locator("#progress-text")).to_have_text(re.compile(r"^\d of 6 files · [\d.]+ of 18 MB$"))


def test_files_that_are_dropped_during_an_upload_are_visibly_refused(page: Page, large: Path) -> None:
    gate = Gate()
    begin(page, large, gate)

    drop(page, large / "IM0")

    expect(page.locator("#alerts").get_by_text("An upload is running.")).to_be_visible()


@pytest.mark.parametrize("event", ["click", "online"])
def test_to_try_now_ends_the_countdown(page: Page, large: Path, event: str) -> None:
    gate = Gate()
    page.route(PARCELS, gate)
    page.route(PARCELS, ask_to_wait, times=3)
    drop(page, large)
    page.get_by_role("button", name=SEND).click()
    expect(page.get_by_text("Next try in")).to_be_visible()

    if event == "click":
        page.get_by_role("button", name="Try now").click()
    else:
        page.evaluate("window.dispatchEvent(new Event('online'))")
    wait_for_held(page, gate, 1)

    expect(page.locator("#waiting-next")).to_have_text("Trying now …", timeout=5000)


def ask_to_wait(route: Route) -> None:
    """Answer as a server that has no time for the next ten minutes."""
    route.fulfill(status=429, headers={"Retry-After": "600"}, json={"error": "slow_down"})


def test_the_time_left_is_hidden_while_the_line_is_lost(page: Page, large: Path) -> None:
    gate = Gate(passing=3)
    begin(page, large, gate)
    expect(page.locator("#progress-text")).to_contain_text(f"3 of {SLICES} files")
    expect(page).to_have_title(re.compile(r"^(49|50) % \u2013 "))

    cut_line(page, True)
    gate.cut()
    expect(page.get_by_role("button", name="Try now")).to_be_visible()

    expect(page.locator("#progress-text")).to_have_text(f"3 of {SLICES} files · 9 of 18 MB")


def interrupted(
    page: Page, large: Path, passing: int = 2, arrived: str | re.Pattern[str] = f"2 of {SLICES} files"
) -> str:
    """An upload of which a part has arrived and whose page was closed; its address."""
    gate = Gate(passing)
    begin(page, large, gate)
    expect(page.locator("#progress-text")).to_contain_text(arrived)
    address = page.get_by_role("link", name="Show this upload's page").get_attribute("href")
    assert address is not None
    cut_line(page, True)
    gate.cut()  # nothing of what was held gets through while the page ends
    page.close(run_before_unload=False)
    return address


def test_an_upload_is_gone_on_with_by_a_colleague_in_another_browser_and_nothing_moves_twice(
    page: Page, colleague: Page, portal: Portal, large: Path
) -> None:
    address = interrupted(page, large)

    colleague.goto(address)
    colleague.get_by_role("link", name="choose the same folder again").click()
    expect(colleague.get_by_text(f"2 of {SLICES} are here: choose the same folder again.")).to_be_visible()
    drop(colleague, large)
    colleague.get_by_role("button", name=f"Send the missing {SLICES - 2} files to Qure").click()
    colleague.wait_for_url("**/jobs/*/")

    wait_for_rest(colleague, "Accepted by Qure")
    assert colleague.url.endswith(address)
    assert steps(colleague)["Accepted by Qure"] == SLICES
    assert bytes_moved(colleague, portal) < (SLICES + 1) * SIZE


def test_another_folder_is_not_mixed_into_an_upload_that_is_gone_on_with(
    page: Page, colleague: Page, large: Path, tmp_path: Path
) -> None:
    address = interrupted(page, large)
    write_study(tmp_path / "OTHER", series=1, instances=3)
    colleague.goto(address)
    colleague.get_by_role("link", name="choose the same folder again").click()

    drop(colleague, tmp_path / "OTHER")

    expect(colleague.get_by_text("3 files that are not part of this upload")).to_be_visible()
    expect(colleague.get_by_role("button", name="Send what is missing to Qure")).to_be_disabled()


def test_a_large_image_is_not_completed_with_the_bytes_of_another_disc(
    page: Page, colleague: Page, portal: Portal, folder: Path, tmp_path: Path
) -> None:
    write_large_slice(folder / "IM0", 4 * SIZE)
    address = interrupted(page, folder, 1, re.compile(r"^0 of 1 file · [1-9]"))
    begun = (folder / "IM0").read_bytes()
    other = begun[: -4 * SIZE] + b"\1" * (4 * SIZE)
    write_files(tmp_path / "OTHER", [("CD/IM0", other)])

    colleague.goto(address)
    colleague.get_by_role("link", name="choose the same folder again").click()
    drop(colleague, tmp_path / "OTHER" / "CD")
    colleague.get_by_role("button", name="Send the missing 1 file to Qure").click()
    colleague.wait_for_url("**/jobs/*/")
    wait_for_rest(colleague, "Accepted by Qure")

    key = address.split("/")[-2].replace("-", "")
    query = "SELECT sop_uid FROM uploads_file JOIN uploads_job ON job_id = uploads_job.id"
    [(sop_uid,)] = portal.rows(f"{query} WHERE uploads_job.key = ?", key)
    received = [row["sha256"] for row in portal.qure.rows() if row["sop_uid"] == sop_uid]
    assert received == [hashlib.sha256(other).hexdigest()]


def test_where_nothing_that_is_missing_was_chosen_it_is_said_so(
    page: Page, colleague: Page, large: Path
) -> None:
    address = interrupted(page, large)
    colleague.goto(address)
    colleague.get_by_role("link", name="choose the same folder again").click()
    expect(colleague.get_by_role("button", name="Choose folder")).to_be_enabled()
    here = [large / f"IM{number}" for number in range(SLICES)]
    drop(colleague, large)
    expect(
        colleague.get_by_role("button", name=f"Send the missing {SLICES - 2} files to Qure")
    ).to_be_enabled()
    listed = colleague.get_by_text("2 files that are here already")
    listed.click()
    names = colleague.locator("#left-out .path").all_inner_texts()
    colleague.get_by_role("button", name="Start over").click()
    for path in here:
        if f"CD/{path.name}" not in names:
            path.unlink()

    drop(colleague, large)

    button = colleague.get_by_role("button", name="Send what is missing to Qure")
    expect(button).to_have_accessible_description("Nothing that is missing was found here.")
    expect(colleague.locator("#status")).to_have_text("There is nothing to send")


def test_progress_is_shown_for_each_study(page: Page, folder: Path) -> None:
    write_study(folder / "one", series=1, instances=2)
    write_study(folder / "two", series=1, instances=3)
    gate = Gate()

    begin(page, folder, gate)

    studies = page.locator("#sending-studies li")
    expect(studies).to_have_count(2)
    expect(studies.filter(has_text="0 of 3 files")).to_have_count(1)


def test_a_server_that_dies_in_mid_parcel_is_waited_for_and_every_byte_arrives(
    page: Page, mortal: Portal, large: Path
) -> None:
    emulate_line(page, 0, SIZE // 2)
    drop(page, large)
    page.get_by_role("button", name=SEND).click()
    wait_until(lambda: any(path.stat().st_size for path in mortal.folder.glob("staging/*/.arriving-*")))

    mortal.kill("web")
    expect(page.locator("#waiting")).to_contain_text("Connection lost. We keep trying; nothing is lost.")
    emulate_line(page, 0, 0)
    mortal.start("web")
    page.wait_for_url("**/jobs/*/")

    wait_for_rest(page, "Accepted by Qure")
    sent = {hashlib.sha256(path.read_bytes()).hexdigest() for path in large.iterdir()}
    assert sent <= {row["sha256"] for row in mortal.qure.rows()}


def test_a_study_that_a_colleague_is_sending_is_told_with_a_link_and_may_be_left_to_them(
    page: Page, colleague: Page, large: Path
) -> None:
    gate = Gate()
    begin(page, large, gate)
    wait_for_held(page, gate, 3)

    drop(colleague, large)
    colleague.get_by_role("button", name=SEND).click()
    known = colleague.locator("#known-list li")
    expect(known).to_contain_text("by clinician: Uploading")
    address = known.get_by_role("link").get_attribute("href")
    colleague.get_by_role("button", name="Don't send").click()

    expect(colleague.get_by_role("heading", name="The upload is cancelled")).to_be_visible()
    assert address == page.get_by_role("link", name="Show this upload's page").get_attribute("href")
    gate.open()
    page.wait_for_url("**/jobs/*/")
    wait_for_rest(page, "Accepted by Qure")


def signed_out(page: Page, context: BrowserContext, portal: Portal, large: Path) -> list[SetCookieParam]:
    """An upload whose session ends in its middle, up to the question for the password; the cookies it had."""
    gate = Gate(passing=2)
    begin(page, large, gate)
    expect(page.locator("#progress-text")).to_contain_text(f"2 of {SLICES} files")
    cookies: list[SetCookieParam] = [
        {"name": cookie["name"], "value": cookie["value"], "url": portal.url} for cookie in context.cookies()
    ]
    context.clear_cookies()
    gate.open()
    expect(page.get_by_role("dialog", name="You were signed out")).to_be_visible()
    return cookies


def test_a_session_that_ends_in_mid_upload_asks_for_the_password_and_goes_on(
    page: Page, context: BrowserContext, portal: Portal, large: Path
) -> None:
    signed_out(page, context, portal, large)
    password = page.get_by_label("Password")
    expect(password).to_be_focused()

    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    problem = page.get_by_role("dialog").get_by_role("alert")
    expect(problem).to_have_text("The username or the password is not right.")
    expect(password).to_be_focused()
    page.keyboard.type(portal.password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs/*/")

    wait_for_rest(page, "Accepted by Qure")
    assert steps(page)["Accepted by Qure"] == SLICES


def test_an_upload_that_waits_for_the_sign_in_says_so(
    page: Page, context: BrowserContext, portal: Portal, large: Path
) -> None:
    signed_out(page, context, portal, large)

    page.keyboard.press("Escape")

    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_focused()
    expect(page.get_by_role("heading", name="Waiting for you to sign in")).to_be_visible()
    expect(page).to_have_title(re.compile(r"^Signed out \u2013 \d+ % \u2013 "))
    expect(page.locator("#progress-text")).to_have_text(re.compile(r"^2 of 6 files · [\d.]+ of 18 MB$"))
    page.keyboard.press("Enter")
    page.keyboard.type(portal.password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs/*/")


def test_a_sign_in_in_another_tab_is_noticed_and_the_upload_goes_on(
    page: Page, context: BrowserContext, portal: Portal, large: Path
) -> None:
    cookies = signed_out(page, context, portal, large)

    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    context.add_cookies(cookies)  # as the sign-in in another tab does
    page.evaluate("window.dispatchEvent(new Event('focus'))")  # the person comes back

    page.wait_for_url("**/jobs/*/")
