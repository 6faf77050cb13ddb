"""Of equal files one is sent; when its bytes are lost, another is sent in its place."""

import pytest
from django.core.files.storage import default_storage

from tests.pipeline.journeys import (
    check_all,
    declare,
    image,
    job_to,
    reasons,
    statuses,
    store,
    upload,
    work_off,
)
from tests.sandboxes import Sandbox
from tests.verification.jobs import violations
from uploads.models import File, Job, Parcel, record_birth
from uploads.pipeline import batching, closing, purging, relay
from uploads.reasons import Reason
from uploads.states import FileStatus, JobStatus, ParcelStatus, SeriesStatus

pytestmark = pytest.mark.django_db

IMAGE = image(1)
ACCEPTED, DUPLICATE, MISSING = FileStatus.ACCEPTED, FileStatus.DUPLICATE, FileStatus.MISSING


def copies(sandbox: Sandbox, count: int) -> Job:
    """The same image several times, each in a parcel of its own, checked."""
    job = job_to(sandbox)
    record_birth(job.team.destination, "test")
    for number in range(count):
        upload(job, [(f"CD/{number}", IMAGE)], is_last=number == count - 1)
    check_all(job)
    return job


def lose(job: Job, number: int) -> None:
    """Remove the object that holds a file."""
    parcel = job.files.get(number=number).parcel
    assert parcel is not None
    default_storage.delete(parcel.object_name)


def test_a_copy_is_sent_in_the_place_of_the_file_whose_bytes_are_lost(sandbox: Sandbox) -> None:
    job = copies(sandbox, 2)
    lose(job, 0)

    work_off()

    lost, copy = job.files.order_by("number")
    assert statuses(job) == [DUPLICATE, ACCEPTED]
    assert (lost.duplicate_of, copy.duplicate_of, copy.reason) == (copy, None, "")
    assert sandbox.bytes_of(copy.wire_sha256) == IMAGE
    assert job.series.get().status == SeriesStatus.COMPLETE
    assert Job.objects.get(pk=job.pk).status == JobStatus.ACCEPTED
    assert violations() == []


def test_copies_stand_in_one_after_the_other_as_long_as_there_is_one(sandbox: Sandbox) -> None:
    job = copies(sandbox, 4)
    lose(job, 0)
    lose(job, 1)

    work_off()

    assert statuses(job) == [DUPLICATE, DUPLICATE, ACCEPTED, DUPLICATE]
    sent = job.files.get(number=2)
    assert set(sent.duplicates.values_list("number", flat=True)) == {0, 1, 3}


def test_when_all_copies_are_lost_the_last_is_named(sandbox: Sandbox) -> None:
    job = copies(sandbox, 2)
    lose(job, 0)
    lose(job, 1)

    work_off()

    assert statuses(job) == [DUPLICATE, MISSING]
    assert reasons(job) == [Reason.DUPLICATE, Reason.STAGED_BYTES_LOST]
    assert Job.objects.get(pk=job.pk).status == JobStatus.ATTENTION
    assert sandbox.instances() == {}


def test_a_copy_that_was_lost_with_the_file_is_named_too(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    upload(job, [("CD/0", IMAGE), ("CD/1", IMAGE)])
    check_all(job)
    lose(job, 0)

    work_off()

    assert statuses(job) == [DUPLICATE, MISSING]


def test_a_copy_that_came_in_slices_stands_in_too(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    upload(job, [("CD/0", IMAGE)], is_last=False)
    declare(job, [("CD/1", IMAGE)])
    store(job, ("1.0", IMAGE[:300]), of=IMAGE)
    store(job, ("1.300", IMAGE[300:]), of=IMAGE)
    check_all(job)
    lose(job, 0)

    work_off()

    assert statuses(job) == [DUPLICATE, ACCEPTED]
    assert sandbox.bytes_of(job.files.get(number=1).wire_sha256) == IMAGE


def test_a_copy_whose_bytes_were_cleared_away_does_not_stand_in(sandbox: Sandbox) -> None:
    job = copies(sandbox, 2)
    Parcel.objects.filter(files__number=1).update(status=ParcelStatus.PURGED)
    lose(job, 0)

    work_off()

    assert statuses(job) == [MISSING, DUPLICATE]


def test_a_copy_of_a_cancelled_upload_stays_where_it_is(sandbox: Sandbox) -> None:
    job = copies(sandbox, 2)
    (batch_id,) = batching.plan(job.pk)
    claimed = relay.claim(batch_id)
    assert claimed is not None
    closing.cancel(job.pk, "test")
    lose(job, 0)

    relay.attempt(claimed)
    work_off()

    assert statuses(job) == [MISSING, DUPLICATE]


def test_the_bytes_of_a_copy_are_kept_as_long_as_it_may_have_to_stand_in(sandbox: Sandbox) -> None:
    job = copies(sandbox, 2)
    Job.objects.update(status=JobStatus.ATTENTION, last_arrival_at="2020-01-01T00:00:00Z")

    before = purging.purgeable()
    File.objects.filter(number=0).update(status=ACCEPTED)

    assert before == []
    assert len(purging.purgeable()) == 2
    assert job.parcels.count() == 2


def test_what_is_said_of_a_copy_does_not_claim_that_the_other_was_sent() -> None:
    assert "sent" not in Reason.DUPLICATE.sentence
