"""What is due, as the database says it, and nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from tests.factories import (
    make_batch,
    make_destination,
    make_file,
    make_job,
    make_parcel,
    make_series,
    make_team,
)
from uploads.models import Batch, Job
from uploads.pipeline import sweeping
from uploads.states import (
    BatchStatus,
    DestinationStatus,
    FileStatus,
    JobStatus,
    ParcelStatus,
    SeriesStatus,
)

pytestmark = pytest.mark.django_db
SOON = timedelta(minutes=1)


def due_batch(
    job_status: JobStatus = JobStatus.PROCESSING,
    **of_destination: Any,  # Any: column values
) -> Batch:
    """A batch that could be sent now, unless its destination says otherwise."""
    job = make_job(make_team(destination=make_destination(**of_destination)), status=job_status)
    return make_batch(job, make_file(job, status=FileStatus.VALID))


def test_where_nothing_waits_nothing_is_due() -> None:
    assert sweeping.due() == sweeping.Due([], [], [], [])


def test_a_stored_parcel_is_due_when_its_time_has_come() -> None:
    job = make_job()
    stored = make_parcel(job, b"a", 0)
    make_parcel(job, b"b", 1, due_at=now() + SOON)
    make_parcel(job, b"c", 2, status=ParcelStatus.CHECKED)

    assert sweeping.due().parcels == [stored.pk]


@pytest.mark.parametrize(
    ("status", "is_due"),
    [
        (JobStatus.UPLOADING, True),
        (JobStatus.PROCESSING, True),
        (JobStatus.ATTENTION, False),
        (JobStatus.CANCELLED, False),
    ],
)
def test_valid_files_without_a_batch_are_to_be_planned(status: JobStatus, is_due: bool) -> None:
    job = make_job(status=status, manifest_closed_at=now())
    make_file(job, status=FileStatus.VALID)

    assert sweeping.due().plans == [job.pk] * is_due


@pytest.mark.parametrize(
    ("status", "wait", "is_due"),
    [
        (DestinationStatus.OPEN, None, True),
        (DestinationStatus.PAUSED, None, False),
        (DestinationStatus.OPEN, SOON, False),
        (DestinationStatus.OPEN, -SOON, True),
    ],
)
def test_a_batch_is_due_when_its_destination_takes_it(
    status: DestinationStatus, wait: timedelta | None, is_due: bool
) -> None:
    batch = due_batch(status=status, not_before=now() + wait if wait else None)

    assert sweeping.due().batches == [batch.pk] * is_due


def test_a_batch_is_due_when_its_time_has_come() -> None:
    batch = due_batch()
    Batch.objects.filter(pk=batch.pk).update(next_attempt_at=now() + SOON)

    assert sweeping.due().batches == []


def test_a_batch_of_a_cancelled_job_is_not_sent_but_stopped() -> None:
    batch = due_batch(JobStatus.CANCELLED)

    due = sweeping.due()

    assert (due.batches, due.closings) == ([], [batch.job_id])


# Status of the job and of its file and the file's batch, and whether a last word is due.
CLOSINGS = [
    (JobStatus.PROCESSING, FileStatus.ACCEPTED, None, True),
    (JobStatus.PROCESSING, FileStatus.SENT, None, True),
    (JobStatus.PROCESSING, FileStatus.RECEIVED, None, False),
    (JobStatus.PROCESSING, FileStatus.VALID, BatchStatus.READY, False),
    (JobStatus.PROCESSING, FileStatus.VALID, BatchStatus.SENDING, False),
    (JobStatus.PROCESSING, FileStatus.VALID, BatchStatus.STUCK, True),
    (JobStatus.UPLOADING, FileStatus.DECLARED, None, False),
    (JobStatus.UPLOADING, FileStatus.RECEIVED, None, True),
    (JobStatus.ACCEPTED, FileStatus.ACCEPTED, None, False),
    (JobStatus.ATTENTION, FileStatus.REJECTED, None, False),
    (JobStatus.CANCELLED, FileStatus.CANCELLED, None, False),
    (JobStatus.CANCELLED, FileStatus.VALID, BatchStatus.SENDING, False),
    (JobStatus.CANCELLED, FileStatus.VALID, BatchStatus.STUCK, True),
]


@pytest.mark.parametrize(("job_status", "file_status", "batch_status", "is_due"), CLOSINGS)
def test_a_job_is_hinted_at_only_when_there_is_something_to_say(
    job_status: JobStatus, file_status: FileStatus, batch_status: BatchStatus | None, is_due: bool
) -> None:
    job = make_job(status=job_status, manifest_closed_at=now())
    file = make_file(job, status=file_status)
    if batch_status:
        make_batch(job, file, status=batch_status, lease_until=now())

    assert sweeping.due().closings == [job.pk] * is_due


def test_an_upload_whose_manifest_is_open_is_not_closed() -> None:
    job = make_job()
    make_file(job, status=FileStatus.RECEIVED)

    assert sweeping.due().closings == []


@pytest.mark.parametrize("status", [FileStatus.ACCEPTED, FileStatus.REFUSED])
def test_an_open_series_of_a_cancelled_job_is_closed_once_it_has_an_answer(status: FileStatus) -> None:
    job = make_job(status=JobStatus.CANCELLED)
    make_file(job, status=status, series=make_series(job))

    assert sweeping.due().closings == [job.pk]


def test_an_open_series_of_a_cancelled_job_waits_for_the_request_under_way() -> None:
    job = make_job(status=JobStatus.CANCELLED)
    make_file(job, status=FileStatus.ACCEPTED, series=make_series(job))
    make_batch(job, status=BatchStatus.SENDING, lease_until=now())

    assert sweeping.due().closings == []


def test_only_leases_that_have_ended_are_taken_back() -> None:
    job = make_job()
    ended = make_batch(job, status=BatchStatus.SENDING, lease_until=now() - SOON)
    make_batch(job, status=BatchStatus.SENDING, lease_until=now() + SOON)
    gone = make_parcel(job, b"a", 0, status=ParcelStatus.CHECKING, lease_until=now() - SOON)
    make_parcel(job, b"b", 1, status=ParcelStatus.CHECKING, lease_until=now() + SOON)

    assert sweeping.expired_batches() == [ended]
    assert sweeping.expired_parcels() == [gone]


def test_a_series_that_is_closed_needs_no_second_word() -> None:
    job = make_job(status=JobStatus.CANCELLED)
    make_file(job, status=FileStatus.ACCEPTED, series=make_series(job, status=SeriesStatus.SHORT))

    assert sweeping.due().closings == []
    assert Job.objects.get().status == JobStatus.CANCELLED
