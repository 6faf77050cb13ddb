"""What the upload page's scripts say, in every state: nothing of it without a translation."""

import html
import json
import re
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page, Route, expect

from tests.dicoms import dicom_bytes, truncated
from tests.e2e.browsing import PARCELS, Gate, cut_line, drop, wait_for_rest
from tests.e2e.discs import listing, write_files, write_zip
from tests.languages.collecting import collected, messages_of
from tests.languages.pseudo import CLOSE, OPEN, untranslated
from tests.portals import Portal
from uploads.dicom.phantom import new_uid

UPLOAD: Final = re.compile(r"/upload/(\?.*)?$")
WORDS: Final = re.compile(r'(<script id="script-words"[^>]*>).*?(</script>)', re.DOTALL)
NOTE_WHAT_IS_SAID: Final = """
    window.said = new Set();
    const note = (text) => text && window.said.add(text);
    const noteAll = (node) => {
      if (node.nodeType === Node.TEXT_NODE) return void note(node.data);
      if (node.nodeType !== Node.ELEMENT_NODE || node.matches("script, style, .path")) return;
      note(node.getAttribute("aria-label"));
      node.childNodes.forEach(noteAll);
    };
    const watch = new MutationObserver((changes) => {
      for (const { target, addedNodes, attributeName } of changes) {
        addedNodes.forEach(noteAll);
        if (attributeName) note(target.getAttribute(attributeName));
        else if (target.nodeType === Node.TEXT_NODE) note(target.data);
      }
    });
    document.addEventListener("readystatechange", () => { // the page is there, its scripts have not run
      if (document.readyState !== "interactive") return;
      const attributeFilter = ["aria-label", "title"];
      watch.observe(document, { subtree: true, childList: true, characterData: true, attributeFilter });
    });
"""
DATA: Final = re.compile(
    r"Qure upload|DOE|JANE|ROE|JOHN|AXIAL|HEAD|PACKED|CT head|Synthetic"
    r"|\b(P\d|CT|[KMG]B(/s)?|[FMO]|[A-Z][a-z]{2} \d{4})\b"
)
# Any: DICOM values
JANE: Final[dict[str, Any]] = {"PatientID": "P1", "PatientName": "DOE^JANE", "PatientBirthDate": "19500101"}
JOHN: Final[dict[str, Any]] = {"PatientID": "P2", "PatientName": "ROE^JOHN", "PatientBirthDate": ""}


def test_every_word_of_the_scripts_has_a_translation(page: Page, portal: Portal, folder: Path) -> None:
    write_disc(folder)
    said: set[str] = set()
    page.add_init_script(NOTE_WHAT_IS_SAID)
    page.route(UPLOAD, in_brackets)
    own = set(untranslated(page.request.get("/upload/").text(), DATA))

    walks = (walk_through_the_review, walk_through_the_troubles, walk_through_a_study_sent_twice,
             walk_through_another_patient)  # fmt: skip
    for walk in walks:
        page.goto("/upload/")
        walk(page, folder)
        said |= set(page.evaluate("[...window.said]"))

    assert sum(OPEN in text for text in said) > 60
    unsaid = {rest for text in said for rest in untranslated(f"<p>{html.escape(text)}</p>", DATA)} - own
    assert unsaid == set()


def in_brackets(route: Route) -> None:
    """Put each sentence of the scripts into brackets, in the page as the portal gives it."""
    if route.request.resource_type != "document":  # the session looks whether it is led to the sign-in
        return route.continue_()
    answer = route.fetch()
    return route.fulfill(
        response=answer, body=WORDS.sub(lambda found: found[1] + words() + found[2], answer.text())
    )


def words() -> str:
    """The scripts' catalog."""
    catalog: dict[str, str | list[str]] = {}
    for message in messages_of(collected("djangojs")):
        forms = [message.id] if isinstance(message.id, str) else list(message.id)
        bracketed = [f"{OPEN}{form}{CLOSE}" for form in forms]
        catalog[forms[0]] = bracketed[0] if isinstance(message.id, str) else bracketed
    return json.dumps(catalog).replace("<", "\\u003C")


def write_disc(folder: Path) -> None:
    """Two patients, a series of both, and what is left out for many reasons."""
    study = new_uid()
    common: dict[str, Any] = {  # Any: DICOM values
        "StudyInstanceUID": study,
        "SeriesInstanceUID": f"{study}.1",
        "StudyDescription": "CT head",
        "SeriesDescription": "HEAD AXIAL",
    }
    images = [
        (f"IM{number}", dicom_bytes(**common, **(JOHN if number == 7 else JANE), InstanceNumber=number * 2,
         SOPInstanceUID=new_uid()))
        for number in (1, 2, 4, 7)
    ]  # fmt: skip
    alone: dict[str, Any] = {
        "StudyInstanceUID": new_uid(),
        "SeriesInstanceUID": new_uid(),
        "SOPInstanceUID": new_uid(),
    }
    others = {
        "DICOMDIR": listing(["IM1", "GONE/IM9"]),
        "VIEWER/viewer.exe": b"MZ",
        "README.TXT": b"read me",
        "photo.jpg": b"\xff\xd8\xff",
        "empty": b"",
        "cut": truncated(),
        "broken.zip": b"PK\x03\x04broken",
        "IM20": dicom_bytes(**JOHN, **alone),
    }
    write_files(folder, [*images, *others.items()])
    packed: dict[str, Any] = {
        "StudyInstanceUID": new_uid(),
        "SeriesInstanceUID": new_uid(),
        "SOPInstanceUID": new_uid(),
    }
    write_zip(folder / "packed.zip", [("IM30", dicom_bytes(**JANE, **packed))])


def walk_through_the_review(page: Page, folder: Path) -> None:
    """Drop nothing, then a CD; answer, take back, answer; begin anew."""
    page.locator("#files-input").dispatch_event("change")
    expect(page.locator("#alerts")).to_contain_text(OPEN)
    drop(page, folder)
    boxes = page.locator("#gate input:enabled")
    expect(boxes.first).to_be_visible()
    page.locator("#send").dispatch_event("click")  # it says what is open
    for box in (0, 1):
        page.locator("#gate fieldset").first.locator("input").nth(box).check()
    page.locator("#gate fieldset").last.locator("input").first.check()
    expect(page.locator("#send")).to_have_attribute("aria-disabled", "false")
    for summary in page.locator("#left-out summary").all():
        summary.click()
    expect(page.locator(".patient canvas").first).to_be_visible()
    page.locator("#start-over").click()
    expect(page.locator("#review")).to_be_hidden()


def walk_through_the_troubles(page: Page, folder: Path) -> None:
    """Send it: pause, lose the line and the session, be refused, try again, and cancel."""
    drop(page, folder)
    first = page.locator("#gate fieldset").first
    first.locator("input").first.check()
    page.locator("#gate fieldset").last.locator("input").last.check()
    gate = Gate()
    page.route(PARCELS, gate)
    with page.expect_request(PARCELS):
        page.locator("#send").click()
    page.locator("#pause").click()
    page.locator("#resume").click()
    cut_line(page, True)
    gate.cut()
    expect(page.locator("#waiting")).to_be_visible()
    cookies = page.context.cookies()
    page.context.clear_cookies()
    cut_line(page, False)
    gate.open()
    expect(page.locator("#sign-in-dialog")).to_be_visible()
    page.locator("#sign-in-password").fill("wrong")
    page.locator("#sign-in-form [type=submit]").click()
    expect(page.locator("#sign-in-problem")).to_contain_text(OPEN)
    page.unroute(PARCELS)
    page.route(
        PARCELS, lambda route: route.fulfill(status=400, json={"error": "bad", "message": f"{OPEN}No{CLOSE}"})
    )
    page.context.add_cookies(
        [
            {"name": one["name"], "value": one["value"], "url": page.url.removesuffix("upload/")}
            for one in cookies
        ]
    )
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(page.locator("#send-again")).to_be_visible()
    page.locator("#send-again").click()
    expect(page.locator("#send-again")).to_be_visible()
    page.locator("#cancel").click()
    page.locator("#cancel-dialog [value=yes]").click()
    expect(page.locator("#another")).to_be_visible()
    page.unroute(PARCELS)


def walk_through_a_study_sent_twice(page: Page, folder: Path) -> None:
    """Send a study, drop it once more, and rather not."""
    once = folder.parent / "ONCE"
    write_patient(once, JANE)
    send_bracketed(page, once)
    page.goto("/upload/")
    drop(page, once)
    page.locator("#send[aria-disabled=false]").click()
    expect(page.locator("#known-dialog")).to_be_visible()
    page.locator("#known-dialog [value=no]").click()
    expect(page.locator("#another")).to_be_visible()


def walk_through_another_patient(page: Page, folder: Path) -> None:
    """Send a study, and add another patient's images to it."""
    jane, john = folder.parent / "JANE", folder.parent / "JOHN"
    write_patient(jane, JANE)
    write_patient(john, JOHN)
    send_bracketed(page, jane)
    page.get_by_role("button", name="Add files").click()
    page.wait_for_url(UPLOAD)
    page.goto(page.url)  # where the portal leads to by itself nothing is put into brackets
    drop(page, john)
    question = page.locator("#gate fieldset")
    expect(question).to_be_visible()
    page.locator("#send").dispatch_event("click")  # it says what is open
    question.locator("input").check()
    expect(page.locator("#send")).to_have_attribute("aria-disabled", "false")


def write_patient(folder: Path, patient: dict[str, Any]) -> None:  # Any: DICOM values
    """One image of a patient."""
    uids: dict[str, Any] = {"StudyInstanceUID": new_uid(), "SeriesInstanceUID": new_uid()}
    write_files(folder, [("IM1", dicom_bytes(**patient, **uids, SOPInstanceUID=new_uid()))])


def send_bracketed(page: Page, folder: Path) -> None:
    """Send a folder; the upload's page is the portal's own, without brackets."""
    drop(page, folder)
    page.locator("#send[aria-disabled=false]").click()
    page.wait_for_url("**/jobs/*/")
    wait_for_rest(page, "Accepted by Qure")
