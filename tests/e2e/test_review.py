"""What a clinician sees and decides before anything is sent."""

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.clients import Browser as Client
from tests.dicoms import dicom_bytes, encapsulated, phantom_study, truncated
from tests.e2e.browsing import drop, left_out, send, steps, wait_for_rest
from tests.e2e.discs import listing, write_files, write_slices, write_study, write_zip
from tests.portals import Portal, wait_until
from uploads.dicom.phantom import new_uid

SEND = re.compile("^Send ")


def slices(count: int, **values: Any) -> list[tuple[str, bytes]]:  # Any: DICOM values
    """A series; ``values`` are those of each of its slices."""
    study = new_uid()
    values = {"StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.1", **values}
    name = values.get("PatientID", "PHANTOM")
    return [
        (f"{name}/IM{number}", dicom_bytes(SOPInstanceUID=new_uid(), InstanceNumber=number, **values))
        for number in range(1, count + 1)
    ]


def digests_at(portal: Portal) -> set[str]:
    return {row["sha256"] for row in portal.qure.rows()}


def digests_of(files: list[tuple[str, bytes]]) -> set[str]:
    return {hashlib.sha256(content).hexdigest() for _, content in files}


# A CD


def test_a_cd_is_shown_as_patients_studies_and_series_and_its_viewer_stays(page: Page, folder: Path) -> None:
    values = {"PatientName": "DOE^JANE", "PatientBirthDate": "19500101", "StudyDescription": "CT head"}
    images = slices(12, **values, SeriesDescription="HEAD 5mm", BodyPartExamined="HEAD")
    other = {"VIEWER/viewer.exe": b"MZ", "VIEWER/README.TXT": b"read me", "autorun.inf": b"[autorun]"}
    files = [*images, *other.items(), ("DICOMDIR", listing([])), ("CUT", truncated())]
    write_files(folder, files)

    drop(page, folder)

    patient = page.locator(".patient")
    expect(patient.get_by_role("heading", name="DOE, JANE")).to_be_visible()
    expect(patient).to_contain_text("ID PHANTOM · born 1 Jan 1950 · 74 years")
    expect(patient.locator("caption")).to_contain_text("29 Feb 2024 · CT head")
    row = patient.locator("tbody tr")
    expect(row).to_contain_text("CT · HEAD 5mm")
    expect(row).to_contain_text("Head CT")
    expect(row).to_contain_text("12 images")
    expect(page.get_by_role("button", name="Send 12 files to Qure")).to_be_enabled()
    assert left_out(page) == {
        "damaged file": 1,
        "document that is not DICOM": 1,
        "DICOMDIR": 1,
        "viewer files": 2,
    }


def test_a_group_that_is_left_out_opens_to_its_paths(page: Page, folder: Path) -> None:
    write_study(folder, series=1, instances=1)
    write_files(folder, [(f"VIEWER/LIB{number}.dll", b"MZ") for number in range(60)])
    drop(page, folder)

    page.get_by_text("60 viewer files").click()

    paths = page.locator("#left-out .path")
    expect(paths).to_have_count(50)
    page.get_by_role("button", name="Show 10 more of 60 files").click()
    expect(paths).to_have_count(60)


def test_images_that_the_cd_lists_and_that_are_not_there_are_named(page: Page, folder: Path) -> None:
    write_files(folder, [(f"CT/IM{number}", content) for number, (_, content) in enumerate(slices(3))])
    (folder / "DICOMDIR").write_bytes(listing([f"CT/IM{number}" for number in range(5)]))

    drop(page, folder)
    page.get_by_text("The CD lists 5 images, 3 were found.").click()

    expect(page.locator("#warnings .path")).to_have_text(["CT/IM3", "CT/IM4"])


def test_an_image_is_shown_where_its_pixels_are_plain_and_its_place_says_so_where_not(
    page: Page, folder: Path
) -> None:
    plain = slices(3, SeriesNumber=1, SeriesDescription="Plain")
    study = new_uid()
    packed = encapsulated(StudyInstanceUID=study, SeriesInstanceUID=f"{study}.1", SeriesNumber=2)
    write_files(folder, [*plain, ("PACKED", packed)])

    drop(page, folder)

    expect(page.get_by_role("img", name="Middle image of series 1 · CT · Plain")).to_be_visible()
    expect(page.get_by_text("No picture")).to_have_count(1)


def test_a_name_that_could_not_be_read_for_certain_is_flagged(page: Page, folder: Path) -> None:
    guessed = dicom_bytes(SpecificCharacterSet=None, PatientName=b"M\xfcLLER^J\xf6RG")
    write_files(folder, [("IM1", guessed)])

    drop(page, folder)

    expect(page.locator(".patient")).to_contain_text("Some characters could not be read for certain")


def test_five_thousand_series_stay_a_short_list(page: Page, folder: Path) -> None:
    series, study = "2.25.7000.10000", new_uid()
    content = dicom_bytes(StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=f"{series}.1")
    files = [
        (f"IM{number}", content.replace(series.encode(), f"2.25.7000.{number}".encode()))
        for number in range(10_000, 15_000)
    ]
    write_files(folder, files)

    drop(page, folder)
    expect(page.get_by_role("button", name="Send 5,000 files to Qure")).to_be_visible(timeout=60_000)

    rows = page.locator("#patients tbody tr")
    expect(rows).to_have_count(25)
    page.get_by_role("button", name="Show 25 more of 5,000 series").click()
    expect(rows).to_have_count(50)


# Archives


def test_a_zip_is_opened_in_the_browser_and_its_images_arrive_byte_for_byte(
    page: Page, portal: Portal, tmp_path: Path
) -> None:
    files = phantom_study(series=2, instances=4)
    write_zip(tmp_path / "CD.zip", [*files, ("viewer.exe", b"MZ"), ("README.TXT", b"read me")])

    drop(page, tmp_path / "CD.zip")
    send(page)
    wait_for_rest(page, "Accepted by Qure")

    assert steps(page)["Chosen"] == len(files)
    assert digests_of(files) <= digests_at(portal)


def test_an_archive_with_a_password_is_named_and_the_rest_goes_on(page: Page, folder: Path) -> None:
    count = write_study(folder, series=1, instances=2)
    write_zip(folder / "LOCKED.zip", [("IM1", dicom_bytes())])
    locked = bytearray((folder / "LOCKED.zip").read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + flags] |= 1
    (folder / "LOCKED.zip").write_bytes(locked)

    drop(page, folder)

    expect(page.get_by_text("Protected with a password")).to_be_visible()
    expect(page.get_by_role("button", name=f"Send {count} files to Qure")).to_be_enabled()


# Two patients


def test_of_two_patients_the_person_chooses_and_only_that_one_s_images_leave(
    page: Page, portal: Portal, folder: Path
) -> None:
    jane = slices(3, PatientID="P1", PatientName="DOE^JANE")
    john = slices(2, PatientID="P2", PatientName="ROE^JOHN")
    write_files(folder, [*jane, *john])

    drop(page, folder)
    expect(page.get_by_role("heading", name="Whose images are to be sent?")).to_be_visible()
    button = page.get_by_role("button", name=SEND)
    expect(button).to_be_disabled()
    expect(button).to_have_accessible_description("First answer the question above.")
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(0)
    page.get_by_role("checkbox", name="DOE, JANE").check()
    expect(button).to_have_text("Send 3 files to Qure")
    assert left_out(page) == {"files that you did not choose, of another patient": 2}
    expect(page.locator(".patient").filter(has_text="ROE, JOHN")).to_contain_text("Will not be sent")
    send(page)
    wait_for_rest(page, "Accepted by Qure")

    assert steps(page)["Chosen"] == 3
    assert digests_of(jane) <= digests_at(portal)
    assert digests_of(john).isdisjoint(digests_at(portal))


def test_a_series_of_two_patients_is_asked_about_by_itself(page: Page, folder: Path) -> None:
    uids = {"StudyInstanceUID": new_uid(), "SeriesInstanceUID": new_uid()}
    jane = slices(3, PatientID="P1", PatientName="DOE^JANE", **uids)
    write_files(folder, [*jane, *slices(1, PatientID="P2", PatientName="ROE^JOHN", **uids)])
    drop(page, folder)
    patients = page.get_by_role("group", name="2 patients: whose images are to be sent?")
    series = page.get_by_role("group", name="One series has images of 2 patients")
    expect(series.get_by_role("checkbox", name="DOE, JANE")).to_be_disabled()

    patients.get_by_role("checkbox", name="DOE, JANE").check()
    expect(page.get_by_role("button", name=SEND)).to_be_disabled()
    expect(series.get_by_role("checkbox", name="ROE, JOHN")).to_be_disabled()
    series.get_by_role("checkbox", name="DOE, JANE").check()
    expect(page.get_by_role("button", name="Send 3 files to Qure")).to_be_enabled()
    series.get_by_role("checkbox", name="None of these images").check()

    expect(series.get_by_role("checkbox", name="DOE, JANE")).not_to_be_checked()
    expect(page.get_by_role("heading", name="Nothing is chosen")).to_be_visible()


def test_another_patient_in_a_later_drop_is_asked_about(page: Page, tmp_path: Path) -> None:
    write_files(tmp_path / "one", slices(2, PatientID="P1", PatientName="DOE^JANE"))
    write_files(tmp_path / "two", slices(2, PatientID="P2", PatientName="ROE^JOHN"))
    drop(page, tmp_path / "one")
    expect(page.get_by_role("button", name="Send 2 files to Qure")).to_be_enabled()

    drop(page, tmp_path / "two")

    expect(page.get_by_role("heading", name="Whose images are to be sent?")).to_be_visible()
    expect(page.get_by_role("button", name=SEND)).to_be_disabled()


def test_a_group_that_was_opened_stays_open_when_the_question_is_answered(page: Page, folder: Path) -> None:
    write_files(folder, [*slices(2, PatientID="P1"), *slices(1, PatientID="P2")])
    write_files(folder, [("viewer.exe", b"MZ"), ("CUT", truncated())])
    drop(page, folder)
    page.get_by_text("1 viewer file").click()
    page.get_by_text("1 damaged file").click()  # a problem is open from the beginning

    page.get_by_role("checkbox", name="ID P1").check()

    expect(page.get_by_text("1 file that you did not choose")).to_be_visible()
    expect(page.get_by_text("CD/viewer.exe")).to_be_visible()
    expect(page.get_by_text("CD/CUT")).to_be_hidden()


def test_the_gate_is_passed_with_the_keyboard_alone(page: Page, folder: Path) -> None:
    write_files(folder, [*slices(2, PatientID="P1"), *slices(1, PatientID="P2")])
    drop(page, folder)
    expect(page.get_by_role("checkbox", name="ID P1")).to_be_focused()

    page.keyboard.press("Space")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "send":
            break
    page.keyboard.press("Enter")

    page.wait_for_url("**/jobs/*/")


# What is said with it


def test_warnings_inform_and_are_kept_with_the_upload(page: Page, folder: Path) -> None:
    child = {"PatientBirthDate": "20150101", "SeriesDescription": "HEAD 5mm", "BodyPartExamined": "HEAD"}
    write_files(folder, slices(3, **child))

    drop(page, folder)
    notes = page.locator("#warnings")
    expect(notes).to_contain_text("only 3 images: few for a reading")
    expect(notes).to_contain_text("the patient is younger than 18")
    send(page)

    page.get_by_text("Noted before sending").wait_for()
    expect(page.locator("#warnings")).to_contain_text("Few slices for a reading: 3")


def test_a_note_and_stat_go_with_the_upload(page: Page, folder: Path) -> None:
    write_study(folder, series=1, instances=1)
    drop(page, folder)

    page.get_by_label("Note for your team").fill("Night shift, bed 4")
    page.get_by_role("switch", name="STAT").check()
    send(page)

    expect(page.get_by_text("Night shift, bed 4")).to_be_visible()
    expect(page.locator(".byline")).to_contain_text("STAT")


def test_start_over_forgets_the_note_and_stat_too(page: Page, folder: Path) -> None:
    write_study(folder, series=1, instances=1)
    drop(page, folder)
    page.get_by_label("Note for your team").fill("Jane Doe, bed 4")
    page.get_by_role("switch", name="STAT").check()

    page.get_by_role("button", name="Start over").click()
    drop(page, folder)

    expect(page.get_by_label("Note for your team")).to_have_value("")
    expect(page.get_by_role("switch", name="STAT")).not_to_be_checked()


def sent_once(page: Page, folder: Path) -> int:
    """A study that Qure has, chosen a second time, and the send button pressed."""
    count = write_study(folder, series=1, instances=2)
    drop(page, folder)
    send(page)
    wait_for_rest(page, "Accepted by Qure")
    page.goto("/upload/")
    drop(page, folder)
    page.get_by_role("button", name=SEND).click()
    expect(page.get_by_role("heading", name="This study was sent before")).to_be_visible()
    return count


def test_a_study_sent_before_is_not_sent_again_if_the_person_says_so(page: Page, folder: Path) -> None:
    parcels: list[str] = []
    sent_once(page, folder)
    page.on("request", lambda request: parcels.append(request.url) if "/parcels/" in request.url else None)
    expect(page.locator("#known-list li")).to_contain_text("by clinician: Accepted by Qure")

    page.get_by_role("button", name="Don't send").click()

    expect(page.get_by_role("heading", name="The upload is cancelled")).to_be_visible()
    expect(page.locator("#sending-hint")).to_have_text("No image of it was sent.")
    assert parcels == []
    page.get_by_role("link", name="Show this upload's page").evaluate(
        "(link) => link.removeAttribute('target')"
    )
    page.get_by_role("link", name="Show this upload's page").click()
    wait_for_rest(page, "Cancelled")


def test_a_study_sent_before_is_sent_again_if_the_person_says_so(page: Page, folder: Path) -> None:
    count = sent_once(page, folder)

    page.get_by_role("button", name="Send again").click()
    page.wait_for_url("**/jobs/*/")

    wait_for_rest(page, "Accepted by Qure")
    assert steps(page)["Accepted by Qure"] == count


def test_what_is_still_typed_does_not_answer_whether_to_send_again(page: Page, folder: Path) -> None:
    sent_once(page, folder)

    for key in ("x", "Space", "Enter"):
        page.keyboard.press(key)

    expect(page.get_by_role("heading", name="This study was sent before")).to_be_visible()


def test_a_study_in_an_unfinished_upload_is_gone_on_with_there(
    page: Page, portal: Portal, folder: Path
) -> None:
    images = phantom_study(series=1, instances=4)
    client = Client(portal.url, portal.username, portal.password)
    unfinished = client.begin(images, files_a_parcel=1)
    client.send(unfinished, *unfinished.parcels[:2])
    its_series = "SELECT 1 FROM uploads_series WHERE job_id IN (SELECT id FROM uploads_job WHERE key = ?)"
    wait_until(lambda: portal.rows(its_series, unfinished.job.hex))
    write_files(folder, images)
    drop(page, folder)
    page.get_by_role("button", name=SEND).click()
    expect(page.get_by_role("heading", name="This study is in an unfinished upload")).to_be_visible()

    page.get_by_role("button", name="Continue that upload").click()

    page.wait_for_url(f"**/upload/?job={unfinished.job}")
    expect(page.get_by_text("2 of 4 are here: choose the same folder again.")).to_be_visible()
    [(other,)] = portal.rows("SELECT status FROM uploads_job ORDER BY id DESC LIMIT 1")
    assert other == "cancelled"


# A second drop


def test_who_writes_a_note_while_a_second_folder_is_read_goes_on_writing(page: Page, folder: Path) -> None:
    write_study(folder / "one", series=1, instances=1)
    write_study(folder / "two", series=1, instances=2)
    drop(page, folder / "one")
    note = page.get_by_label("Note for your team")
    note.click()

    drop(page, folder / "two")
    expect(page.get_by_role("button", name="Send 3 files to Qure")).to_be_visible()
    page.keyboard.type("from the CD of June")

    expect(note).to_have_value("from the CD of June")


def test_a_second_drop_puts_no_button_under_the_fingers(page: Page, folder: Path) -> None:
    write_files(folder / "one", [*slices(2, PatientID="P1"), *slices(1, PatientID="P2")])
    write_study(folder / "two", series=1, instances=2)
    drop(page, folder / "one")
    expect(page.get_by_role("checkbox", name="ID P1")).to_be_focused()

    drop(page, folder / "two")

    expect(page.get_by_role("heading", name="Whose images are to be sent?")).to_be_focused()


def test_while_a_second_folder_is_read_the_button_says_that_it_waits(page: Page, folder: Path) -> None:
    write_study(folder / "one", series=1, instances=1)
    write_slices(folder / "two", 5000)
    drop(page, folder / "one")
    button = page.get_by_role("button", name=SEND)
    expect(button).to_be_enabled()

    drop(page, folder / "two")

    expect(button).to_be_disabled()
    expect(button).to_have_accessible_description("Wait until everything is read.")
    expect(page.get_by_role("button", name="Send 5,001 files to Qure")).to_be_enabled(timeout=60_000)


def test_to_stop_reading_a_second_folder_keeps_the_first(page: Page, folder: Path) -> None:
    write_study(folder / "one", series=1, instances=1)
    write_slices(folder / "two", 5000)
    drop(page, folder / "one")
    expect(page.get_by_role("button", name=SEND)).to_be_enabled()
    page.get_by_label("Note for your team").fill("bed 4")

    drop(page, folder / "two")
    page.get_by_role("button", name="Stop").click()

    expect(page.get_by_role("button", name="Send 1 file to Qure")).to_be_enabled()
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    expect(page.get_by_label("Note for your team")).to_have_value("bed 4")
    expect(page.get_by_role("heading", name="Ready to send")).to_be_focused()


def test_a_folder_that_is_dropped_twice_is_sent_once(page: Page, folder: Path) -> None:
    write_files(folder, slices(3))
    drop(page, folder)
    expect(page.get_by_role("button", name="Send 3 files to Qure")).to_be_enabled()

    drop(page, folder)

    expect(page.get_by_text("3 files that are there twice, sent once")).to_be_visible()
    expect(page.get_by_role("button", name="Send 3 files to Qure")).to_be_enabled()


def test_reading_can_be_stopped(page: Page, folder: Path) -> None:
    write_slices(folder, 5000)

    drop(page, folder)
    page.get_by_role("button", name="Stop").click()

    expect(page.get_by_role("heading", name="Drop a folder")).to_be_visible()
    expect(page.get_by_role("button", name=SEND)).to_be_hidden()


@pytest.mark.parametrize("name", ["README.TXT", "viewer.exe"])
def test_a_drop_without_an_image_says_that_there_is_nothing_to_send(
    page: Page, folder: Path, name: str
) -> None:
    (folder / name).write_bytes(b"nothing of DICOM")

    drop(page, folder)

    expect(page.get_by_role("heading", name="There is nothing to send")).to_be_visible()
    button = page.get_by_role("button", name="Send to Qure")
    expect(button).to_be_disabled()
    expect(button).to_have_accessible_description("No DICOM image was found in what you chose.")
    expect(page.locator("#status")).to_have_text("There is nothing to send")
