"""What was forgotten, or came damaged, is brought later: to the same upload."""

import hashlib
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.dicoms import dicom_bytes
from tests.e2e.browsing import PARCELS, Gate, drop, reasons, send, steps, wait_for_rest
from tests.e2e.discs import write_files
from tests.portals import Portal
from uploads.dicom.phantom import new_uid


def slices(count: int, **of_patient: str) -> list[tuple[str, bytes]]:
    """A series of a study of its own: always the same names and sizes."""
    study = new_uid()
    uids: dict[str, Any] = {  # Any: DICOM values
        "StudyInstanceUID": study,
        "SeriesInstanceUID": f"{study}.1",
        **of_patient,
    }
    return [(f"IM{number}", dicom_bytes(**uids, SOPInstanceUID=new_uid())) for number in range(count)]


def are_at(portal: Portal, files: list[tuple[str, bytes]]) -> bool:
    """Whether Qure has every file, byte for byte."""
    received = {row["sha256"] for row in portal.qure.rows()}
    return {hashlib.sha256(content).hexdigest() for _, content in files} <= received


def test_a_second_cd_with_the_same_names_and_sizes_is_added_to_an_upload_that_was_accepted(
    page: Page, portal: Portal, tmp_path: Path
) -> None:
    first, second = slices(3), slices(3)
    write_files(tmp_path / "1" / "CD", first)
    write_files(tmp_path / "2" / "CD", second)
    drop(page, tmp_path / "1" / "CD")
    send(page)
    wait_for_rest(page, "Accepted by Qure")
    address = page.url

    page.get_by_role("button", name="Add files").click()
    expect(page.get_by_role("heading", name="Add files to an upload")).to_be_visible()
    drop(page, tmp_path / "2" / "CD")
    page.get_by_role("button", name="Add 3 files to Qure").click()
    page.wait_for_url(address)
    wait_for_rest(page, "Accepted by Qure")

    assert steps(page)["Accepted by Qure"] == 6
    assert are_at(portal, [*first, *second])


def test_a_good_copy_of_a_damaged_file_is_sent_from_the_uploads_page(
    page: Page, portal: Portal, folder: Path
) -> None:
    good = slices(2)
    write_files(folder, [good[0], (good[1][0], good[1][1][:-100])])
    drop(page, folder)
    send(page)
    wait_for_rest(page, "Needs attention")
    assert list(reasons(page).values()) == [1]

    write_files(folder, good)
    page.get_by_role("link", name="Send the missing 1", exact=True).click()
    expect(page.get_by_text("1 file is missing")).to_be_visible()
    drop(page, folder)
    expect(page.get_by_text("1 file that is here already")).to_be_visible()
    page.get_by_role("button", name="Send the missing 1 file to Qure").click()
    page.wait_for_url("**/jobs/*/")
    wait_for_rest(page, "Accepted by Qure")

    assert set(steps(page).values()) == {2}
    assert are_at(portal, good)


def test_another_patients_images_are_added_only_when_somebody_says_so(
    page: Page, portal: Portal, tmp_path: Path
) -> None:
    write_files(tmp_path / "1" / "CD", slices(1))
    write_files(tmp_path / "2" / "CD", slices(1, PatientID="P-OTHER", PatientName="ROE^JOHN"))
    drop(page, tmp_path / "1" / "CD")
    send(page)
    wait_for_rest(page, "Accepted by Qure")

    page.get_by_role("button", name="Add files").click()
    drop(page, tmp_path / "2" / "CD")
    question = page.get_by_role("group", name="These images are of another patient than this upload")
    expect(question).to_be_visible()
    expect(page.get_by_role("button", name="Add to the upload")).to_have_attribute("aria-disabled", "true")
    question.get_by_role("checkbox").check()

    expect(page.get_by_role("button", name="Add 1 file to Qure")).to_have_attribute("aria-disabled", "false")


def test_to_stop_adding_leaves_the_upload_as_it_was(page: Page, portal: Portal, tmp_path: Path) -> None:
    write_files(tmp_path / "1" / "CD", slices(1))
    write_files(tmp_path / "2" / "CD", slices(2))
    drop(page, tmp_path / "1" / "CD")
    send(page)
    wait_for_rest(page, "Accepted by Qure")
    address = page.url

    page.get_by_role("button", name="Add files").click()
    drop(page, tmp_path / "2" / "CD")
    page.route(PARCELS, Gate())
    page.get_by_role("button", name="Add 2 files to Qure").click()
    page.get_by_role("button", name="Stop adding").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop adding").click()
    expect(page.get_by_role("heading", name="Nothing more is added")).to_be_visible()
    page.goto(address)
    wait_for_rest(page, "Accepted by Qure")

    assert steps(page)["Accepted by Qure"] == 1


def test_a_study_that_another_upload_has_is_asked_about_when_it_is_added(
    page: Page, portal: Portal, tmp_path: Path
) -> None:
    first, second = slices(1), slices(1)
    for name, files in {"1": first, "2": second, "3": second}.items():
        write_files(tmp_path / name / "CD", files)
    for name in ("2", "1"):
        page.goto("/upload/")
        drop(page, tmp_path / name / "CD")
        send(page)
        wait_for_rest(page, "Accepted by Qure")

    page.get_by_role("button", name="Add files").click()
    drop(page, tmp_path / "3" / "CD")
    page.get_by_role("button", name="Add 1 file to Qure").click()
    page.get_by_role("dialog", name="This study was sent before").get_by_role(
        "button", name="Don't send"
    ).click()

    expect(page.get_by_role("heading", name="Nothing more is added")).to_be_visible()
