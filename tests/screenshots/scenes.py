"""What is photographed: a clinician's way through the portal, from the sign-in to the worst day."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.clients import Browser, Contents
from tests.dicoms import STUDY_UID, truncated
from tests.e2e.browsing import (
    PARCELS,
    REST_MILLISECONDS,
    Gate,
    colleague_of,
    cut_line,
    drop,
    send,
    sign_in,
    wait_for_rest,
)
from tests.e2e.discs import listing, write_slices
from tests.portals import Portal, wait_until
from tests.screenshots.camera import Onlooker
from tests.screenshots.studies import cd, ct, head_ct, slice_of, with_huge_file, written

# Nobody is told of the first minutes.
SILENT_FOR_LONG: Final = (
    "UPDATE uploads_destination SET failing_since = datetime(failing_since, '-5 minutes')"
)


@dataclass(frozen=True)
class Stage:
    """What every scene is played on."""

    portal: Portal
    context: BrowserContext
    camera: Onlooker
    disk: Path

    def page(self, path: str) -> Page:
        """A new tab with one of the portal's pages."""
        page = self.context.new_page()
        page.goto(path)
        return page

    def browser(self) -> Browser:
        """The same person without a page."""
        return Browser(self.portal.url, self.portal.username, self.portal.password)


def signing_in(stage: Stage) -> None:
    """The door, and a wrong password."""
    for path, name in (("/accounts/password/reset/", "password-reset"), ("/accounts/signup/", "no-sign-up")):
        page = stage.page(path)
        stage.camera.take(page, name)
        page.close()
    page = stage.page("/accounts/login/")
    stage.camera.take(page, "sign-in")
    page.get_by_label("Username").fill("clinician")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    stage.camera.take(page, "sign-in-wrong-password")
    sign_in(page, stage.portal)
    page.close()


def the_first_day(stage: Stage) -> None:
    """Pages before anything was sent."""
    for path, name in (
        ("/upload/", "upload"),
        ("/jobs/", "history-empty"),
        ("/notices/", "notices-empty"),
        ("/accounts/password/change/", "password"),
        ("/accounts/logout/", "sign-out"),
        ("/nothing/", "not-found"),
    ):
        page = stage.page(path)
        stage.camera.take(page, name)
        page.close()


def scripts(stage: Stage) -> None:
    """The token page, with a token that was just made."""
    page = stage.page("/tokens/")
    page.get_by_label("What is it for?").fill("CT 2, night transfers")
    page.get_by_role("button", name="Make token").click()
    expect(page.locator("#new-token")).to_be_visible()
    stage.camera.take(page, "scripts")
    page.close()


def choosing(stage: Stage) -> None:
    """What was chosen, before anything is sent."""
    page = stage.page("/upload/")
    drop(page, with_huge_file(written(cd(1), stage.disk / "choosing")))
    expect(page.get_by_role("heading", name="Ready to send")).to_be_visible()
    stage.camera.take(page, "upload-chosen")
    page.close()


def reading(stage: Stage) -> None:
    """Headers being read, and the end of it: five thousand files."""
    page = stage.page("/upload/")
    gate = Gate()
    page.route("**/worker*.js", gate)
    drop(page, written(head_ct("P71", "DOE^JANE", 20, PatientBirthDate="19500101"), stage.disk / "reading"))
    expect(page.get_by_role("heading", name="Reading what you chose")).to_be_visible()
    stage.camera.take(page, "upload-reading")
    gate.cut()
    page.close()
    page = stage.page("/upload/")
    write_slices(stage.disk / "many", 5000)
    drop(page, stage.disk / "many")
    expect(page.get_by_role("button", name="Send 5,000 files to Qure")).to_be_visible(timeout=60_000)
    stage.camera.take(page, "upload-5000-files")
    page.close()


def reviewing(stage: Stage) -> None:
    """A CD: its series with pictures, what lacks, what stays; then a drop without an image."""
    page = stage.page("/upload/")
    guessed = {"SpecificCharacterSet": None, "PatientName": b"M\xfcLLER^J\xf6RG"}
    images = head_ct("P72", "", 24, PatientBirthDate="20110304", PatientSex="M", **guessed)
    names = [f"P72/HEAD_5MM/IM{number:04d}" for number in range(1, 29)]
    others = [(f"VIEWER/LIB{number}.dll", b"MZ") for number in range(12)]
    cut = truncated(SOPInstanceUID=f"{STUDY_UID}.72.2.29")
    files = [*images, *others, ("VIEWER/README.TXT", b"read me"), ("DICOMDIR", listing(names)), ("CUT", cut)]
    written([(f"CD/{name}", content) for name, content in files], stage.disk / "reviewing")
    drop(page, stage.disk / "reviewing" / "CD")
    expect(page.get_by_role("heading", name="Ready to send")).to_be_visible()
    expect(page.locator(".thumb canvas")).to_have_count(3)
    stage.camera.take(page, "upload-review")
    page.close()
    page = stage.page("/upload/")
    drop(
        page,
        written(
            [("DOCUMENTS/letter.pdf", b"%PDF-1.4"), ("DOCUMENTS/scan.jpg", b"jpeg")], stage.disk / "nothing"
        ),
    )
    expect(page.get_by_role("heading", name="There is nothing to send")).to_be_visible()
    stage.camera.take(page, "upload-nothing")
    page.close()


def choosing_a_patient(stage: Stage) -> None:
    """Two patients on one CD, and one series with both; before and after the choice."""
    page = stage.page("/upload/")
    jane = head_ct("P73", "DOE^JANE", 12, PatientBirthDate="19500101", PatientSex="F")
    mixed = slice_of(
        73, 2, 90, PatientID="P74", PatientName="ROE^JOHN", PatientBirthDate="19481231", PatientSex="M"
    )
    john = head_ct("P74", "ROE^JOHN", 8, PatientBirthDate="19481231", PatientSex="M")
    files = [(f"CD/{name}", content) for name, content in [*jane, ("P73/HEAD_5mm/IM0090", mixed), *john]]
    drop(page, written(files, stage.disk / "patients"))
    expect(page.get_by_role("heading", name="Whose images are to be sent?")).to_be_visible()
    expect(page.locator(".thumb canvas")).to_have_count(7)
    stage.camera.take(page, "upload-whose-images")
    for box in page.get_by_role("checkbox", name="DOE, JANE").all():
        box.check()
    expect(page.get_by_role("heading", name="Ready to send")).to_be_visible()
    stage.camera.take(page, "upload-patient-chosen")
    page.close()


def uploading(stage: Stage) -> None:
    """In mid-way, on the upload page and the upload's own; then without a line, and without a session."""
    page = stage.page("/upload/")
    gate = Gate(passing=2)
    page.route(PARCELS, gate)
    drop(page, written(ct(2, images=80, size=256), stage.disk / "uploading"))
    page.get_by_role("button", name=re.compile("^Send ")).click()
    expect(page.locator("#progress-text")).to_contain_text(re.compile(r"^[1-9]"))
    page.wait_for_timeout(1000)
    stage.camera.take(page, "upload-under-way")
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Show this upload's page").click()
    job = popup.value
    expect(job.locator(".state .badge")).to_have_text("Uploading")
    expect(job.locator(".steps li").nth(2)).to_contain_text("62")
    stage.camera.take(job, "job-uploading")
    job.close()
    cut_line(page, True)
    gate.cut()
    expect(page.get_by_role("button", name="Try now")).to_be_visible()
    stage.camera.take(page, "upload-connection-lost")
    page.unroute(PARCELS)
    signed_out = {"error": "signed_out", "message": "You have been signed out. Sign in again to go on."}
    page.route(PARCELS, lambda route: route.fulfill(status=401, json=signed_out))
    cut_line(page, False)
    expect(page.get_by_role("dialog", name="You were signed out")).to_be_visible()
    stage.camera.take(page, "upload-signed-out")
    page.unroute(PARCELS)
    page.get_by_label("Password").fill(stage.portal.password)
    page.get_by_role("button", name="Sign in and go on").click()
    page.wait_for_url("**/jobs/*/")
    wait_for_rest(page, "Accepted by Qure")
    page.close()


def interrupting(stage: Stage) -> None:
    """A pause, the question before cancelling, and the same upload gone on with on another day."""
    page = stage.page("/upload/")
    gate = Gate()
    page.route(PARCELS, gate)
    folder = stage.disk / "interrupting"
    for number in (14, 15):
        written([(f"NIGHT/{name}", content) for name, content in ct(number, images=90, size=256)], folder)
    drop(page, folder / "NIGHT")
    with page.expect_request(PARCELS, timeout=REST_MILLISECONDS):
        page.get_by_role("button", name=re.compile("^Send ")).click()
    page.get_by_role("button", name="Pause").click()
    gate.open()
    expect(page.get_by_role("heading", name="Paused")).to_be_visible(timeout=REST_MILLISECONDS)
    stage.camera.take(page, "upload-paused")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Cancel this upload?")).to_be_visible()
    stage.camera.take(page, "upload-cancel")
    page.get_by_role("button", name="Keep uploading").click()
    address = page.get_by_role("link", name="Show this upload's page").get_attribute("href")
    page.close()
    page = stage.page(address or "")
    page.get_by_role("link", name="choose the same folder again").click()
    expect(page.get_by_role("heading", name="Continue an upload")).to_be_visible()
    stage.camera.take(page, "upload-continue")
    drop(page, folder / "NIGHT")
    page.get_by_role("button", name=re.compile("^Send the missing ")).click()
    wait_for_rest(page, "Accepted by Qure")
    page.goto("/upload/")
    drop(page, folder / "NIGHT")
    page.get_by_role("button", name=re.compile("^Send ")).click()
    expect(page.get_by_role("button", name="Send again")).to_be_visible()
    stage.camera.take(page, "upload-sent-before")
    page.get_by_role("button", name="Don't send").click()
    expect(page.get_by_role("heading", name="The upload is cancelled")).to_be_visible()
    stage.camera.take(page, "upload-cancelled")
    page.close()


def refused(stage: Stage) -> None:
    """Files that the server did not take."""
    page = stage.page("/upload/")
    drop(page, written(ct(3, images=8), stage.disk / "refused"))
    refusal = {"error": "bad_parcel", "message": "The upload could not be read."}
    page.route(PARCELS, lambda route: route.fulfill(status=400, json=refusal), times=1)
    page.get_by_role("button", name=re.compile("^Send ")).click()
    expect(page.get_by_role("button", name="Try these files again")).to_be_visible()
    stage.camera.take(page, "upload-not-everything")
    page.get_by_role("button", name="Try these files again").click()
    page.wait_for_url("**/jobs/*/")
    wait_for_rest(page, "Accepted by Qure")
    page.close()


def delivering(stage: Stage) -> None:
    """An upload on its way, delayed, and accepted."""
    page = stage.page("/upload/")
    stage.portal.qure.script({"kind": "slow", "seconds": 12}, {"kind": "503", "retry_after": "20"})
    drop(page, written(ct(4, images=40), stage.disk / "delivering"))
    send(page)
    expect(page.locator("td[data-label='Good']").filter(has_text="40")).to_have_count(2)
    stage.camera.take(page, "job-processing")
    wait_for_rest(page, "Accepted by Qure")
    stage.camera.take(page, "job-accepted")
    page.close()
    page = stage.page("/upload/")
    stage.portal.qure.clear_faults()
    stage.portal.qure.script({"kind": "503", "retry_after": "20"})
    drop(page, written(ct(5, images=12), stage.disk / "delayed"))
    send(page)
    expect(page.get_by_text("Qure has not answered")).to_be_visible(timeout=30_000)
    stage.camera.take(page, "job-delayed")
    stage.context.set_offline(True)
    expect(page.get_by_text("This page can't reach the server at the moment")).to_be_visible()
    stage.camera.take(page, "job-offline")
    stage.context.set_offline(False)
    wait_for_rest(page, "Accepted by Qure")
    page.close()


def looking(stage: Stage) -> None:
    """An upload that needs a person, and its files."""
    page = stage.page("/upload/")
    stage.portal.qure.script({"kind": "fewer", "fewer_by": 3})
    drop(page, with_huge_file(written(cd(6), stage.disk / "looking")))
    send(page)
    wait_for_rest(page, "Needs attention")
    stage.camera.take(page, "job-attention")
    page.get_by_role("link", name="All files of this upload").click()
    expect(page.get_by_role("heading", name="Files of this upload")).to_be_visible()
    stage.camera.take(page, "files")
    page.close()


def deciding(stage: Stage) -> None:
    """Images of a patient whom nobody has confirmed: the bytes say so, whatever the browser said."""
    browser = stage.browser()
    others = head_ct("P75", "ROE^JOHN", 8, PatientBirthDate="19481231", PatientSex="M")
    number = slice_of(7, 2, 1, SeriesDescription="Other content")
    upload = browser.begin([*ct(7, images=24), ("CT07/AGAIN", number), *others], files_a_parcel=300)
    browser.send(upload)
    page = stage.page(f"/jobs/{upload.job}/")
    wait_for_rest(page, "Needs attention")
    stage.camera.take(page, "job-decision")
    page.get_by_role("button", name="Don't send them").click()
    page.get_by_role("button", name="Don't send it").click()
    wait_for_rest(page, "Accepted by Qure")
    page.close()


def receipts(stage: Stage) -> None:
    """The receipt for the chart: of an upload that has ended well, and of one that goes on."""
    browser = stage.browser()
    over, begun = browser.begin(ct(8, images=30), files_a_parcel=300), browser.begin(ct(9, images=30))
    browser.send(over)
    page = stage.page(f"/jobs/{over.job}/")
    wait_for_rest(page, "Accepted by Qure")
    for upload, name in ((over, "receipt"), (begun, "receipt-provisional")):
        page.goto(f"/jobs/{upload.job}/receipt/")
        stage.camera.take(page, name)
    page.close()


def history(stage: Stage) -> None:
    """A night's uploads of two people."""
    browser = stage.browser()

    def upload(files: Contents) -> None:
        begun = browser.begin(files, files_a_parcel=300)
        browser.send(begun)

    for number in (20, 21, 22):
        upload(ct(number, images=9 * (number - 18)))
    upload(cd(30))
    upload(ct(31, images=600))
    page = stage.page(f"/jobs/{browser.begin(ct(32, images=30)).job}/")
    page.get_by_text("Cancel this upload").click()
    page.get_by_role("button", name="Cancel the upload").click()
    upload([("notes.txt", b"nothing")])
    page.goto("/jobs/")
    for _ in range(120):
        if page.locator(".badge-processing").count() == 0:
            break
        page.wait_for_timeout(500)
        page.reload()
    browser.begin(ct(33, images=30))
    page.reload()
    stage.camera.take(page, "history")
    page.close()


def out_of_reach(stage: Stage) -> None:
    """Qure does not answer for a while: every page of the team says so, and that all is safe."""
    stage.portal.qure.kill()
    browser = stage.browser()
    for number in (38, 39):
        browser.send(browser.begin(ct(number, images=12), files_a_parcel=300))
    wait_until(lambda: stage.portal.rows("SELECT 1 FROM uploads_destination WHERE failing_since IS NOT NULL"))
    stage.portal.change(SILENT_FOR_LONG)
    page = stage.page("/jobs/")
    expect(page.locator(".alarm")).to_be_visible()
    stage.camera.take(page, "outage")
    stage.portal.qure.start()
    expect(page.locator(".alarm")).to_be_hidden(timeout=120_000)
    page.close()


def paused(stage: Stage) -> None:
    """Qure no longer accepts the portal's token; later it does."""
    token = stage.portal.qure.token
    stage.portal.qure.set_token("another")
    page = stage.page("/upload/")
    drop(page, written(ct(40, images=12), stage.disk / "paused"))
    send(page)
    expect(page.get_by_text("Sending is paused")).to_be_visible(timeout=30_000)
    page.reload()
    stage.camera.take(page, "job-paused")
    stage.portal.qure.set_token(token)
    resume_sending(stage)
    wait_for_rest(page, "Accepted by Qure")
    page.close()


def resume_sending(stage: Stage) -> None:
    """What an administrator does when the token is right again."""
    browser = stage.context.browser
    assert browser is not None
    context = browser.new_context(base_url=stage.portal.url)
    page = context.new_page()
    sign_in(page, stage.portal, *colleague_of(stage.portal, "administrator"))
    page.goto("/admin/uploads/destination/")
    page.locator("input.action-select").check()
    page.locator("select[name=action]").select_option(label="Resume sending")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_text("Sending goes on.")).to_be_visible()
    context.close()


def notices(stage: Stage) -> None:
    """What one was told, of uploads that ended in every way."""
    browser = stage.browser()
    others = head_ct("P76", "ROE^JANE", 4, PatientBirthDate="19481231", PatientSex="F")
    for files, ending in (
        (ct(41, images=6), "Accepted by Qure"),
        ([("notes.txt", b"nothing")], "Needs attention"),
        ([*ct(42, images=6), *others], "Needs attention"),
    ):
        upload = browser.begin(files, files_a_parcel=300)
        browser.send(upload)
        page = stage.page(f"/jobs/{upload.job}/")
        wait_for_rest(page, ending)
        page.close()
    page = stage.page("/notices/")
    stage.camera.take(page, "notices")
    page.close()


def without_javascript(stage: Stage) -> None:
    """The plain form, and the answer to one that brought no file."""
    page = stage.context.new_page()
    page.route("**/upload/**", unscripted)
    page.goto("/upload/")
    stage.camera.take(page, "upload-without-javascript")
    page.locator("#plain-files").evaluate("(node) => node.required = false")
    page.locator("#plain-send").click()
    expect(page.get_by_role("heading", name="The files were not taken")).to_be_visible()
    stage.camera.take(page, "upload-not-taken")
    page.close()


def unscripted(route: Route) -> None:
    """The page as a browser without JavaScript shows it, though an onlooker's own scripts still run."""
    answer = route.fetch()
    page = re.sub(r"<script\b.*?</script>|</?noscript>", "", answer.text(), flags=re.DOTALL)
    route.fulfill(response=answer, body=page)


SCENES: Final[tuple[Callable[[Stage], None], ...]] = (
    signing_in,
    the_first_day,
    scripts,
    choosing,
    reading,
    reviewing,
    choosing_a_patient,
    uploading,
    interrupting,
    refused,
    delivering,
    looking,
    deciding,
    receipts,
    history,
    out_of_reach,
    paused,
    notices,
    without_javascript,
)
