"""Staged bytes go when nobody needs them any more, and not before."""

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from tests.factories import make_batch, make_file, make_job
from tests.pipeline.journeys import (
    BY,
    end_retention,
    image,
    images,
    job_to,
    staged_objects,
    statuses,
    upload,
    work_off,
)
from tests.sandboxes import Sandbox
from tests.verification.jobs import violations
from uploads import outcomes, tasks
from uploads.models import File, Job, LostRace, Parcel, record_birth
from uploads.pipeline import purging
from uploads.reasons import Reason
from uploads.states import BatchStatus, FileStatus, JobStatus, ParcelStatus

pytestmark = pytest.mark.django_db

# Status of the job and of a file in its parcel, and whether the bytes may go.
CASES = [
    (JobStatus.ACCEPTED, FileStatus.ACCEPTED, True),
    (JobStatus.ACCEPTED, FileStatus.DUPLICATE, True),
    (JobStatus.ATTENTION, FileStatus.ACCEPTED, True),
    (JobStatus.ATTENTION, FileStatus.REJECTED, True),
    (JobStatus.ATTENTION, FileStatus.IGNORED, True),
    (JobStatus.ATTENTION, FileStatus.MISSING, True),
    (JobStatus.ATTENTION, FileStatus.SENT, False),
    (JobStatus.ATTENTION, FileStatus.REFUSED, False),
    (JobStatus.ATTENTION, FileStatus.QUARANTINED, False),
    (JobStatus.ATTENTION, FileStatus.VALID, False),
    (JobStatus.PROCESSING, FileStatus.ACCEPTED, False),
    (JobStatus.UPLOADING, FileStatus.ACCEPTED, False),
    (JobStatus.CANCELLED, FileStatus.CANCELLED, True),
    (JobStatus.CANCELLED, FileStatus.SENT, True),
    (JobStatus.CANCELLED, FileStatus.REFUSED, True),
    (JobStatus.CANCELLED, FileStatus.VALID, False),
]


def old_job(settings: Settings, status: JobStatus = JobStatus.ACCEPTED, hours: int = 1) -> Job:
    """A job whose retention ended some hours ago."""
    ended = now() - timedelta(hours=settings.STAGING_RETENTION_HOURS + hours)
    return make_job(status=status, last_arrival_at=ended)


def staged_file(job: Job, status: FileStatus = FileStatus.ACCEPTED) -> File:
    """A file whose parcel has been checked."""
    file = make_file(job, b"bytes", status=status)
    Parcel.objects.filter(files=file).update(status=ParcelStatus.CHECKED)
    return file


@pytest.mark.parametrize(("job_status", "file_status", "may_go"), CASES)
def test_bytes_are_kept_as_long_as_somebody_may_need_them(
    job_status: JobStatus,
    file_status: FileStatus,
    may_go: bool,
    settings: Settings,
    staging_of_its_own: Path,
) -> None:
    staged_file(old_job(settings, job_status), file_status)

    tasks.recover()

    assert (staged_objects() == []) == may_go
    assert (Parcel.objects.get().status == ParcelStatus.PURGED) == may_go


def test_bytes_are_kept_until_the_retention_is_over(settings: Settings, staging_of_its_own: Path) -> None:
    staged_file(old_job(settings, hours=-1))

    tasks.recover()

    assert len(staged_objects()) == 1


@pytest.mark.parametrize("hours", [80, 72 * 30])
def test_what_was_delivered_after_a_long_outage_is_kept_as_long_as_anything_else(
    hours: int, sandbox: Sandbox, settings: Settings
) -> None:
    job = job_to(sandbox)
    upload(job, images(1))
    Job.objects.update(last_arrival_at=now() - timedelta(hours=hours))
    work_off()

    tasks.recover()

    assert Job.objects.get().status == JobStatus.ACCEPTED
    assert Parcel.objects.get().status == ParcelStatus.CHECKED
    assert purging.uncleared() == []
    with time_machine.travel(now() + timedelta(hours=settings.STAGING_RETENTION_HOURS, minutes=1)):
        assert purging.purgeable() == [Parcel.objects.get()]


@pytest.mark.parametrize(
    ("status", "waits"),
    [(JobStatus.ATTENTION, True), (JobStatus.CANCELLED, False)],
    ids=["somebody may look at it now", "nobody wants it any more"],
)
def test_the_retention_begins_when_an_upload_comes_to_rest(
    status: JobStatus, waits: bool, settings: Settings
) -> None:
    job = old_job(settings, JobStatus.PROCESSING)
    staged_file(job)
    job.advance(status, BY)

    assert (purging.purgeable() == []) == waits


def test_what_hides_a_program_is_kept_no_longer_than_what_was_sent_and_stays_named(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    record_birth(job.team.destination, BY)
    upload(job, [*images(1), ("CD/IM9", image(9, preamble=b"MZ" + bytes(126)))])
    work_off()
    end_retention()

    tasks.recover()

    job.refresh_from_db()
    assert staged_objects() == []
    assert (job.status, statuses(job)[1]) == (JobStatus.ATTENTION, FileStatus.QUARANTINED)
    assert [(group.code, group.tone) for group in outcomes.reason_groups(job)] == [
        (Reason.EXECUTABLE_PREAMBLE, "problem")
    ]
    assert job.purged_at is not None
    assert violations() == []


@pytest.mark.parametrize("reason", [Reason.UNCONFIRMED_PATIENT, Reason.CONFLICT])
def test_what_somebody_may_still_decide_about_is_kept(reason: Reason, settings: Settings) -> None:
    staged_file(old_job(settings, JobStatus.ATTENTION), FileStatus.QUARANTINED)
    File.objects.update(reason=reason)

    assert purging.purgeable() == []


def test_one_file_that_is_needed_keeps_its_parcel(settings: Settings) -> None:
    job = old_job(settings, JobStatus.ATTENTION)
    file = staged_file(job)
    make_file(job, parcel=file.parcel, status=FileStatus.REFUSED)

    assert purging.purgeable() == []


def test_slices_are_kept_as_long_as_their_file_is_needed(settings: Settings) -> None:
    job = old_job(settings, JobStatus.ATTENTION)
    big = make_file(job, status=FileStatus.SENT)
    staged_file(job)
    Parcel.objects.update(slice_of=big)
    File.objects.exclude(pk=big.pk).delete()

    before = purging.purgeable()
    File.objects.update(status=FileStatus.ACCEPTED)

    assert before == []
    assert purging.purgeable() == [Parcel.objects.get()]


def test_a_request_that_outlives_its_cancelled_job_keeps_its_bytes(settings: Settings) -> None:
    job = old_job(settings, JobStatus.CANCELLED)
    file = staged_file(job, FileStatus.VALID)
    make_batch(job, file, status=BatchStatus.SENDING, lease_until=now())

    assert purging.purgeable() == []


def test_of_two_sweepers_one_is_told_that_the_other_was_first(settings: Settings) -> None:
    staged_file(old_job(settings))
    (first,), (second,) = purging.purgeable(), purging.purgeable()
    purging.purge(first)

    with pytest.raises(LostRace):
        purging.purge(second)

    assert Parcel.objects.get().status == ParcelStatus.PURGED


def test_who_died_between_removing_and_noting_is_followed_by_another(settings: Settings) -> None:
    file = staged_file(old_job(settings))
    assert file.parcel is not None
    default_storage.delete(file.parcel.object_name)

    tasks.recover()

    assert Parcel.objects.get().status == ParcelStatus.PURGED


@pytest.mark.disk
def test_one_object_that_cannot_be_removed_keeps_no_other(
    settings: Settings, staging_of_its_own: Path
) -> None:
    stubborn, other = staged_file(old_job(settings)), staged_file(old_job(settings))
    assert stubborn.parcel is not None
    path = staging_of_its_own / stubborn.parcel.object_name
    path.unlink()
    (path / "in the way").mkdir(parents=True)  # a folder that is not empty can't be removed

    tasks.recover()

    statuses = dict(Parcel.objects.values_list("pk", "status"))
    assert statuses == {stubborn.parcel_id: ParcelStatus.CHECKED, other.parcel_id: ParcelStatus.PURGED}


@pytest.mark.disk
def test_what_no_row_names_goes_with_the_retention(settings: Settings, staging_of_its_own: Path) -> None:
    job = old_job(settings)
    staged_file(job)
    default_storage.save(f"{job.key}/orphan", ContentFile(b"the commit was lost"))
    (staging_of_its_own / str(job.key) / ".arriving-x").write_bytes(b"the process was killed")

    tasks.recover()

    assert staged_objects() == []
    assert not (staging_of_its_own / str(job.key)).exists()


def test_the_folder_of_a_job_that_still_needs_bytes_is_left_alone(
    settings: Settings, staging_of_its_own: Path
) -> None:
    staged_file(old_job(settings, JobStatus.ATTENTION), FileStatus.REFUSED)

    tasks.recover()

    assert len(staged_objects()) == 1


def test_a_folder_is_cleared_once(settings: Settings) -> None:
    job = old_job(settings)
    staged_file(job)
    tasks.recover()

    job.refresh_from_db()
    assert job.purged_at is not None
    assert purging.uncleared() == []


def test_a_job_that_never_staged_anything_is_cleared_too(settings: Settings) -> None:
    job = old_job(settings, JobStatus.CANCELLED)

    tasks.recover()

    job.refresh_from_db()
    assert job.purged_at is not None


@pytest.mark.disk
@pytest.mark.parametrize(
    ("status", "file_status", "goes"),
    [
        (JobStatus.ACCEPTED, FileStatus.ACCEPTED, True),
        (JobStatus.CANCELLED, FileStatus.CANCELLED, True),
        (JobStatus.ATTENTION, FileStatus.MISSING, True),
        (JobStatus.ATTENTION, FileStatus.REJECTED, True),
        (JobStatus.ATTENTION, FileStatus.QUARANTINED, False),
        (JobStatus.ATTENTION, FileStatus.REFUSED, False),
        (JobStatus.ATTENTION, FileStatus.SENT, False),
        (JobStatus.PROCESSING, FileStatus.ACCEPTED, False),
    ],
)
def test_where_the_disk_gets_full_what_nobody_needs_goes_before_its_time(
    status: JobStatus, file_status: FileStatus, goes: bool, settings: Settings
) -> None:
    settings.UPLOAD_FREE_BYTES_FLOOR = 2**61
    staged_file(make_job(status=status), file_status)

    tasks.recover()

    assert (Parcel.objects.get().status == ParcelStatus.PURGED) == goes
