"""A real object store that fails, at each step: what is tried waits, nothing is lost, all goes on later."""

import uuid
from collections.abc import Iterator

import pytest
from botocore.config import Config
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.urls import reverse
from pytest_django.fixtures import Settings

from tests.dicoms import dicom_bytes
from tests.factories import make_api_token, make_series
from tests.parts.gate import Fault, Gate, running_gate
from tests.parts.s3 import BUCKET, KEY, SECRET
from tests.pipeline.journeys import (
    check_all,
    image,
    images,
    job_to,
    make_due,
    ready_batch,
    reasons,
    staged_objects,
    statuses,
    upload,
    work_off,
)
from tests.sandboxes import TOKEN, Sandbox
from tests.views.browser import numbered, open_browser
from tests.views.posting import post
from uploads import tasks
from uploads.models import Destination, Job, Picture
from uploads.pipeline import relay
from uploads.pipeline.validation import MOST_STRIKES
from uploads.states import BatchStatus, FileStatus, JobStatus, Outcome, ParcelStatus
from uploads.verification.staging import staging_holds_nothing_else

pytestmark = pytest.mark.django_db
WHOLE = [Fault.BUSY, Fault.CLOSED, Fault.SILENT]
ALL = [*WHOLE, Fault.CUT]
QUICK = Config(connect_timeout=1, read_timeout=0.3, retries={"total_max_attempts": 1})
WIDE = 300  # pixels: more than is cut off


@pytest.fixture
def gate(s3_endpoint: str, settings: Settings) -> Iterator[Gate]:
    """Between the portal and the store of its staged objects."""
    with running_gate(s3_endpoint) as gate:
        options = {
            "bucket_name": BUCKET,
            "endpoint_url": gate.url,
            "access_key": KEY,
            "secret_key": SECRET,
            "region_name": "us-east-1",
            "location": uuid.uuid4().hex,
            "client_config": QUICK,
        }
        default = {"BACKEND": "uploads.bucket.StagingBucket", "OPTIONS": options}
        settings.STORAGES = {**settings.STORAGES, "default": default}
        yield gate


def lead_to(sandbox: Sandbox, job: Job) -> None:
    """Let the job's team send to the sandbox."""
    Destination.objects.filter(teams=job.team).update(base_url=sandbox.base_url, token=TOKEN)


def wide_images(count: int) -> list[tuple[str, bytes]]:
    """Images of which each is more than what comes through before an answer is cut."""
    return [(f"CD/IM{number}", image(number, rows=WIDE, columns=WIDE)) for number in range(count)]


@pytest.mark.parametrize("fault", WHOLE)
def test_the_upload_page_is_told_to_wait_and_its_next_try_is_taken(fault: Fault, gate: Gate) -> None:
    browser = open_browser()
    members, key = numbered(browser.choose(5), [b"first"]), uuid.uuid4()

    gate.fault = fault
    refused = browser.send(members, key=key)
    gate.fault = Fault.NONE
    left = staged_objects()
    taken = browser.send(members, key=key)

    assert (*refused.refusal, refused.retry_after) == (503, "storage_unavailable", "30")
    assert left == []
    assert (taken.status, browser.statuses()) == (201, [FileStatus.RECEIVED])


def test_a_parcel_that_the_store_has_and_nobody_was_told_of_is_kept_once_when_it_is_sent_again(
    gate: Gate, sandbox: Sandbox, settings: Settings
) -> None:
    browser, content, key = open_browser(), image(0), uuid.uuid4()
    lead_to(sandbox, browser.job)
    members = numbered(browser.choose(len(content)), [content])

    gate.fault = Fault.UNHEARD
    refused = browser.send(members, key=key)
    gate.fault = Fault.NONE
    left = staged_objects()
    taken, again = browser.send(members, key=key), browser.send(members, key=key)
    work_off()
    settings.STAGING_RETENTION_HOURS = 0
    tasks.recover()

    assert (refused.refusal, len(left)) == ((503, "storage_unavailable"), 1)
    assert (taken.status, again.status, browser.job.parcels.count()) == (201, 200, 1)
    assert Job.objects.get(pk=browser.job.pk).status == JobStatus.ACCEPTED
    assert [row["received"] for row in sandbox.rows()] == [1]
    assert (staged_objects(), list(staging_holds_nothing_else())) == ([], [])


@pytest.mark.parametrize("fault", WHOLE)
def test_a_script_is_told_to_wait_and_its_next_try_is_taken(fault: Fault, gate: Gate) -> None:
    browser = open_browser()
    token = make_api_token(browser.job.created_by, browser.job.team)
    parts = [("one.dcm", dicom_bytes())]

    gate.fault = fault
    refused = post(token, parts)
    gate.fault = Fault.NONE
    taken = post(token, parts)

    assert (*refused.refusal, refused.retry_after) == (503, "storage_unavailable", "30")
    assert taken.status == 200


@pytest.mark.parametrize("fault", ALL)
def test_what_cannot_be_checked_now_is_no_fault_of_the_files_and_is_checked_later(
    fault: Fault, gate: Gate, sandbox: Sandbox
) -> None:
    job = job_to(sandbox)
    upload(job, wide_images(3))

    gate.fault = fault
    for _ in range(MOST_STRIKES + 1):
        check_all(job)
        make_due(job)
    during = (statuses(job), job.parcels.get().status, job.parcels.get().failures)
    gate.fault = Fault.NONE
    check_all(job)

    assert during == ([FileStatus.RECEIVED] * 3, ParcelStatus.STORED, MOST_STRIKES + 1)
    assert (statuses(job), reasons(job)) == ([FileStatus.VALID] * 3, [""] * 3)


@pytest.mark.parametrize("fault", ALL)
def test_what_cannot_be_read_now_is_sent_later(fault: Fault, gate: Gate, sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    batch = ready_batch(job, wide_images(3))

    gate.fault = fault
    relay.send(batch.pk)
    batch.refresh_from_db()
    during = (batch.status, batch.attempts.get().outcome, set(statuses(job)), sandbox.instances())
    gate.fault = Fault.NONE
    make_due(job)
    work_off()

    assert during == (BatchStatus.READY, Outcome.ABANDONED, {FileStatus.VALID}, {})
    assert Job.objects.get(pk=job.pk).status == JobStatus.ACCEPTED
    assert len(sandbox.instances()) == 3


@pytest.mark.parametrize("fault", WHOLE)
def test_what_cannot_be_removed_now_is_removed_later(
    fault: Fault, gate: Gate, sandbox: Sandbox, settings: Settings
) -> None:
    job = job_to(sandbox)
    upload(job, images(2))
    work_off()
    settings.STAGING_RETENTION_HOURS = 0

    gate.fault = fault
    tasks.recover()
    during = (job.parcels.get().status, Job.objects.get(pk=job.pk).purged_at)
    gate.fault = Fault.NONE
    kept = staged_objects()
    tasks.recover()

    assert during == (ParcelStatus.CHECKED, None)
    assert kept != []
    assert (job.parcels.get().status, staged_objects()) == (ParcelStatus.PURGED, [])


@pytest.mark.parametrize("fault", ALL)
def test_a_picture_that_cannot_be_read_now_is_no_failure_of_ours(fault: Fault, gate: Gate) -> None:
    browser = open_browser()
    series = make_series(browser.job, picture=Picture.MADE, picture_tries=1)
    default_storage.save(series.picture_name, ContentFile(b"\x89PNG" * 1000))
    address = reverse("series-picture", args=[series.key])

    gate.fault = fault
    during = browser.client.get(address)
    gate.fault = Fault.NONE
    after = browser.client.get(address)

    assert (during.status_code, after.status_code) == (503, 200)
