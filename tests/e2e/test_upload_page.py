"""The upload page in a real browser: choosing, looking, sending, and what goes wrong on the way."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Dialog, Page, Request, expect

from tests.e2e.browsing import SEND, bytes_moved, choose_folder, cut_line, drop, send, steps, wait_for_rest
from tests.e2e.discs import write_large_slice, write_slices, write_study
from tests.portals import Portal

MEGABYTE = 1_000_000


@pytest.mark.parametrize("count", [1, 101])
def test_a_dropped_folder_is_counted_to_its_last_file(page: Page, folder: Path, count: int) -> None:
    write_slices(folder / "DEEP" / "DEEPER", count)

    drop(page, folder)

    name = f"Send {count:,} file{'' if count == 1 else 's'} to Qure"
    expect(page.get_by_role("button", name=name)).to_be_visible()


FILES = "() => { const data = new DataTransfer(); data.items.add(new File([], 'IM1')); return data; }"
TEXT = "() => { const data = new DataTransfer(); data.setData('text/plain', 'IM1'); return data; }"


def test_who_can_not_see_the_page_is_told_that_it_takes_a_drop(page: Page) -> None:
    status = page.locator("#status")
    expect(page.get_by_role("button", name="Choose folder")).to_be_enabled()
    data = page.evaluate_handle(FILES)

    page.locator("h1").dispatch_event("dragenter", {"dataTransfer": data})
    expect(status).to_have_text("Drop the files now: they will be read.")
    page.locator("h1").dispatch_event("dragleave", {"dataTransfer": data})

    expect(status).to_have_text("The files have left the page.")


def test_text_that_is_dragged_over_the_page_is_not_taken_for_files(page: Page) -> None:
    expect(page.get_by_role("button", name="Choose folder")).to_be_enabled()
    data = page.evaluate_handle(TEXT)

    for event in ("dragenter", "dragover", "drop"):
        page.locator("h1").dispatch_event(event, {"dataTransfer": data})
    page.locator("h1").dispatch_event("dragenter", {"dataTransfer": data})

    expect(page.locator("#drop-zone")).not_to_have_class(re.compile("is-over"))
    expect(page.locator("#status")).to_have_text("")
    expect(page.locator("#alerts")).to_have_text("")


def test_nothing_leaves_the_computer_before_the_person_says_so(page: Page, folder: Path) -> None:
    write_study(folder)
    posts: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            posts.append(request.url)

    page.on("request", note)

    drop(page, folder)
    expect(page.get_by_role("heading", name="Ready to send")).to_be_visible()

    assert posts == []


def test_several_drops_make_one_upload_and_start_over_forgets_them(page: Page, folder: Path) -> None:
    write_slices(folder / "one", 3)
    write_slices(folder / "two", 4, first=20_000)

    drop(page, folder / "one")
    expect(page.get_by_role("button", name="Send 3 files to Qure")).to_be_visible()
    drop(page, folder / "two")
    expect(page.get_by_role("button", name="Send 7 files to Qure")).to_be_visible()
    page.get_by_role("button", name="Start over").click()

    expect(page.get_by_role("heading", name="Ready to send")).to_be_hidden()
    drop(page, folder / "one")
    expect(page.get_by_role("button", name="Send 3 files to Qure")).to_be_visible()


def test_a_chosen_folder_is_uploaded_and_its_page_says_what_came(page: Page, folder: Path) -> None:
    count = write_study(folder)

    choose_folder(page, folder)
    send(page)

    expect(page.locator(".steps li").nth(1)).to_contain_text(str(count))
    assert steps(page)["Chosen"] == count


def test_a_study_is_accepted_by_qure_and_the_page_shows_it_by_itself(page: Page, folder: Path) -> None:
    count = write_study(folder, series=2, instances=6)

    drop(page, folder)
    send(page)
    wait_for_rest(page, "Accepted by Qure")

    assert set(steps(page).values()) == {count}
    expect(page.locator("tbody .badge-complete")).to_have_count(2)
    expect(page.locator("td[data-label='Chosen']")).to_have_text(["6", "6"])
    expect(page.locator("#progress")).not_to_have_attribute("hx-get", re.compile("."))


def test_a_file_too_large_for_qure_is_named_and_does_not_move(
    page: Page, portal: Portal, folder: Path
) -> None:
    count = write_study(folder, series=1, instances=2)
    write_large_slice(folder / "HUGE", 101 * MEGABYTE)
    drop(page, folder)
    expect(page.get_by_text("1 file too large for Qure, not sent")).to_be_visible()
    expect(page.get_by_text("CD/HUGE")).to_be_visible()
    send(page)
    wait_for_rest(page, "Needs attention")  # somebody has to know that it is not with Qure

    counted = steps(page)
    assert (counted["Chosen"], counted["Accepted by Qure"]) == (count + 1, count)
    assert bytes_moved(page, portal) < 1 * MEGABYTE


def test_a_lost_connection_is_said_and_the_upload_goes_on_by_itself(page: Page, folder: Path) -> None:
    count = write_study(folder)
    drop(page, folder)
    expect(page.get_by_role("heading", name="Ready to send")).to_be_visible()

    cut_line(page, True)
    page.get_by_role("button", name=SEND).click()
    expect(page.get_by_text("Connection lost. We keep trying; nothing is lost.").last).to_be_visible()
    expect(page.get_by_role("button", name="Try now")).to_be_visible()
    cut_line(page, False)
    page.wait_for_url("**/jobs/*/")

    wait_for_rest(page, "Accepted by Qure")
    assert steps(page)["Accepted by Qure"] == count


def test_a_session_that_ended_while_the_line_was_lost_leaves_one_thing_to_do(
    page: Page, context: BrowserContext, folder: Path
) -> None:
    write_study(folder, series=1, instances=1)
    drop(page, folder)
    expect(page.get_by_role("heading", name="Ready to send")).to_be_visible()
    cut_line(page, True)
    page.get_by_role("button", name=SEND).click()
    expect(page.get_by_role("button", name="Try now")).to_be_visible()

    context.clear_cookies()
    cut_line(page, False)

    expect(page.get_by_role("dialog", name="You were signed out")).to_be_visible()
    expect(page.locator("#waiting")).to_be_hidden()


def test_a_parcel_refused_for_good_is_named_and_can_be_sent_again(page: Page, folder: Path) -> None:
    count = write_study(folder)
    drop(page, folder)
    refusal = {"error": "bad_parcel", "message": "The upload could not be read."}
    page.route("**/parcels/", lambda route: route.fulfill(status=400, json=refusal), times=1)

    page.get_by_role("button", name=SEND).click()
    expect(page.get_by_role("heading", name="Not everything was uploaded")).to_be_visible()
    expect(page.get_by_text(f"{count} files could not be uploaded.")).to_be_visible()
    page.get_by_role("button", name="Try these files again").click()
    page.wait_for_url("**/jobs/*/")

    wait_for_rest(page, "Accepted by Qure")


def test_the_upload_works_with_the_keyboard_alone(page: Page, folder: Path) -> None:
    write_study(folder, series=1, instances=1)
    page.on("filechooser", lambda chooser: chooser.set_files(folder))
    button = page.get_by_role("button", name="Choose folder")
    expect(button).to_be_enabled()
    button.focus()
    expect(button).to_be_focused()

    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Send 1 file to Qure")).to_be_focused()
    page.keyboard.press("Enter")

    page.wait_for_url("**/jobs/*/")


def test_leaving_is_warned_against_only_while_bytes_move(page: Page, folder: Path) -> None:
    write_study(folder, series=1, instances=1)
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    drop(page, folder)
    expect(page.get_by_role("heading", name="Ready to send")).to_be_visible()

    cut_line(page, True)
    page.get_by_role("button", name=SEND).click()
    expect(page.get_by_role("button", name="Try now")).to_be_visible()
    page.close(run_before_unload=True)
    page.wait_for_timeout(300)
    cut_line(page, False)
    page.wait_for_url("**/jobs/*/")

    assert asked == ["beforeunload"]
