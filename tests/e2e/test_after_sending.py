"""What a person sees and does once the bytes are here: decide, send again, go ahead of others."""

import io
from pathlib import Path

import pydicom
from playwright.sync_api import Page, expect

from tests.clients import Browser as Client
from tests.clients import Upload
from tests.dicoms import dicom_bytes, phantom_study
from tests.e2e.browsing import SEND, drop, send, steps, wait_for_rest
from tests.e2e.discs import write_files, write_study
from tests.portals import Portal, wait_until
from uploads.dicom.phantom import new_uid

SENDERS = 4  # of bulk, at a time; portal/processes.py


def client_of(portal: Portal) -> Client:
    return Client(portal.url, portal.username, portal.password)


def sop_uid_of(content: bytes) -> str:
    return str(pydicom.dcmread(io.BytesIO(content)).SOPInstanceUID)


def status_of(portal: Portal, upload: Upload) -> str:
    [(status,)] = portal.rows("SELECT status FROM uploads_job WHERE key = ?", upload.job.hex)
    return str(status)


def test_what_qure_has_lost_is_named_and_sent_again_until_all_is_accepted(
    page: Page, mortal: Portal, folder: Path
) -> None:
    images = phantom_study(series=1, instances=5)
    write_files(folder, images)
    mortal.qure.script({"kind": "fewer", "fewer_by": 2, "only_sop_uid": sop_uid_of(images[0][1])})

    drop(page, folder)
    send(page)
    wait_for_rest(page, "Needs attention")
    assert steps(page)["Accepted by Qure"] < len(images)
    page.get_by_role("button", name="Send again").click()

    wait_for_rest(page, "Accepted by Qure")
    assert steps(page)["Accepted by Qure"] == len(images)
    assert {sop_uid_of(content) for _, content in images} <= mortal.qure.instances().keys()


def upload_with_a_stranger(portal: Portal) -> tuple[Upload, str]:
    """A study, and in its folder an image of somebody else: the upload and that image's SOP Instance UID."""
    uid = new_uid()
    stranger = dicom_bytes(
        PatientID="P2",
        PatientName="ROE^JOHN",
        StudyInstanceUID=new_uid(),
        SeriesInstanceUID=new_uid(),
        SOPInstanceUID=uid,
    )
    client = client_of(portal)
    upload = client.begin([*phantom_study(series=1, instances=2), ("STRANGER", stranger)])
    client.send(upload)
    return upload, uid


def test_images_of_a_patient_whom_nobody_confirmed_are_sent_once_a_person_says_so(
    page: Page, portal: Portal
) -> None:
    upload, uid = upload_with_a_stranger(portal)

    page.goto(f"/jobs/{upload.job}/")
    wait_for_rest(page, "Needs attention")
    expect(page.get_by_role("region", name="A patient's images are held back")).to_contain_text("ROE, JOHN")
    assert uid not in portal.qure.instances()
    page.get_by_role("button", name="Send this patient's images").click()

    wait_for_rest(page, "Accepted by Qure")
    assert uid in portal.qure.instances()


def test_what_a_colleague_decides_is_shown_and_told_to_a_screen_reader(page: Page, portal: Portal) -> None:
    upload, _ = upload_with_a_stranger(portal)
    page.goto(f"/jobs/{upload.job}/")
    wait_for_rest(page, "Needs attention")
    colleague = page.context.new_page()
    colleague.goto(f"/jobs/{upload.job}/")

    colleague.get_by_role("button", name="Send this patient's images").click()

    wait_for_rest(page, "Accepted by Qure")
    expect(page.get_by_role("status").filter(has_text="all images of this upload")).to_have_count(1)


def test_a_stat_upload_overtakes_the_bulk_that_waits_for_a_slow_qure(
    page: Page, mortal: Portal, folder: Path
) -> None:
    bulk = [phantom_study(series=1, instances=1) for _ in range(SENDERS + 1)]
    slow = [sop_uid_of(content) for [(_, content)] in bulk]
    mortal.qure.script(*({"kind": "slow", "seconds": 600, "only_sop_uid": uid} for uid in slow))
    client = client_of(mortal)
    uploads = [client.begin(images) for images in bulk]
    for upload in uploads:
        client.send(upload)
    busy = "SELECT COUNT(*) FROM uploads_batch WHERE status = 'sending'"
    wait_until(lambda: mortal.rows(busy) == [(SENDERS,)])
    write_study(folder, series=1, instances=2)

    drop(page, folder)
    page.get_by_role("switch", name="STAT").check()
    page.get_by_role("button", name=SEND).click()
    page.wait_for_url("**/jobs/*/")
    wait_for_rest(page, "Accepted by Qure")

    assert {status_of(mortal, upload) for upload in uploads} == {"processing"}
    mortal.qure.restart()  # it is slow no more
    wait_until(lambda: {status_of(mortal, upload) for upload in uploads} == {"accepted"})
