"""A job's last word; cancelling in every state; giving up what never comes."""

from datetime import timedelta

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from tests.factories import make_batch, make_file, make_job, make_series
from tests.pipeline.journeys import (
    BY,
    STUDY,
    check_all,
    declare,
    end_leases,
    image,
    images,
    job_to,
    make_due,
    ready_batch,
    reasons,
    statuses,
    upload,
    work_off,
)
from tests.sandboxes import Sandbox
from uploads import tasks
from uploads.models import Batch, Job
from uploads.pipeline import closing, relay, resending, sweeping
from uploads.reasons import Reason
from uploads.states import BatchStatus, FileStatus, JobStatus, SeriesStatus

pytestmark = pytest.mark.django_db

ACCEPTED, ATTENTION = JobStatus.ACCEPTED, JobStatus.ATTENTION
# Statuses of a job's files at the end, and its last word.
LAST_WORDS = [
    ([FileStatus.ACCEPTED], ACCEPTED),
    ([FileStatus.ACCEPTED, FileStatus.DUPLICATE, FileStatus.IGNORED], ACCEPTED),
    ([], ATTENTION),
    ([FileStatus.IGNORED], ATTENTION),
    ([FileStatus.DUPLICATE], ATTENTION),
    *(
        ([FileStatus.ACCEPTED, status], ATTENTION)
        for status in (
            FileStatus.REJECTED,
            FileStatus.QUARANTINED,
            FileStatus.REFUSED,
            FileStatus.MISSING,
            FileStatus.SENT,
        )
    ),
]
# Statuses of a series' files at the end, and what is said of the series.
LAST_WORDS_ON_SERIES = [
    ([FileStatus.ACCEPTED], SeriesStatus.COMPLETE),
    ([FileStatus.ACCEPTED, FileStatus.DUPLICATE, FileStatus.REJECTED], SeriesStatus.COMPLETE),
    ([FileStatus.ACCEPTED, FileStatus.QUARANTINED, FileStatus.IGNORED], SeriesStatus.COMPLETE),
    ([FileStatus.ACCEPTED, FileStatus.REFUSED], SeriesStatus.SHORT),
    ([FileStatus.ACCEPTED, FileStatus.MISSING], SeriesStatus.SHORT),
    ([FileStatus.REFUSED], SeriesStatus.SHORT),
    ([FileStatus.REJECTED, FileStatus.IGNORED], SeriesStatus.OPEN),
]


def closed(*file_statuses: FileStatus) -> Job:
    """A job with files at these statuses, after its last word."""
    job = make_job(status=JobStatus.PROCESSING)
    series = make_series(job)
    for status in file_statuses:
        make_file(job, status=status, series=series)
    closing.close(job.pk)
    return Job.objects.get(pk=job.pk)


def job_status(job: Job) -> str:
    """Where the job stands."""
    return Job.objects.get(pk=job.pk).status


@pytest.mark.parametrize(("file_statuses", "last_word"), LAST_WORDS)
def test_the_last_word_is_as_good_as_the_worst_file(
    file_statuses: list[FileStatus], last_word: JobStatus
) -> None:
    assert closed(*file_statuses).status == last_word


@pytest.mark.parametrize(("file_statuses", "last_word"), LAST_WORDS_ON_SERIES)
def test_a_series_is_complete_only_when_nothing_of_it_is_open(
    file_statuses: list[FileStatus], last_word: SeriesStatus
) -> None:
    assert closed(*file_statuses).series.get().status == last_word


@pytest.mark.parametrize("status", [FileStatus.RECEIVED, FileStatus.VALID])
def test_a_job_with_a_file_that_moves_is_not_closed(status: FileStatus) -> None:
    assert closed(FileStatus.ACCEPTED, status).status == JobStatus.PROCESSING


@pytest.mark.parametrize(
    ("batch_status", "last_word"),
    [
        (BatchStatus.READY, JobStatus.PROCESSING),
        (BatchStatus.SENDING, JobStatus.PROCESSING),
        (BatchStatus.STUCK, JobStatus.ATTENTION),
    ],
)
def test_a_job_waits_for_its_batches_but_not_for_stuck_ones(
    batch_status: BatchStatus, last_word: JobStatus
) -> None:
    job = make_job(status=JobStatus.PROCESSING)
    make_batch(job, make_file(job, status=FileStatus.VALID), status=batch_status, lease_until=now())

    closing.close(job.pk)

    assert job_status(job) == last_word


@pytest.mark.parametrize(
    ("is_last", "count", "status"),
    [(True, 0, JobStatus.PROCESSING), (True, 1, JobStatus.UPLOADING), (False, 0, JobStatus.UPLOADING)],
)
def test_a_job_is_processed_when_all_that_was_chosen_is_here(
    is_last: bool, count: int, status: JobStatus
) -> None:
    job = make_job(manifest_closed_at=now() if is_last else None)
    make_file(job, status=FileStatus.RECEIVED)
    for _ in range(count):
        make_file(job, status=FileStatus.DECLARED)

    closing.close(job.pk)

    assert job_status(job) == status


def test_to_close_twice_says_nothing_new() -> None:
    job = closed(FileStatus.ACCEPTED)
    changes = job.changes.count()

    closing.close(job.pk)

    assert job.changes.count() == changes


def test_an_upload_in_all_its_stages_is_cancelled(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    ready_batch(job, images(2))
    job_contents = [*images(2), ("CD/received", image(7)), ("CD/twin", image(0, PatientName="OTHER"))]
    upload(job, job_contents[:3], is_last=False)
    upload(job, job_contents[3:], is_last=False)
    tasks.check_parcel(job.parcels.latest("pk").pk)
    declare(job, [("CD/never", b"x")])

    is_done = closing.cancel(job.pk, BY)

    assert is_done
    assert set(statuses(job)) == {FileStatus.CANCELLED}
    assert set(reasons(job)) == {Reason.CANCELLED}
    assert job.batches.get().status == BatchStatus.CANCELLED
    assert job_status(job) == JobStatus.CANCELLED
    work_off()
    assert sandbox.requests() == []


@pytest.mark.parametrize("status", [JobStatus.ACCEPTED, JobStatus.CANCELLED])
def test_what_has_ended_is_not_cancelled(status: JobStatus) -> None:
    job = make_job(status=status)

    assert not closing.cancel(job.pk, BY)


@pytest.mark.parametrize("status", [JobStatus.UPLOADING, JobStatus.PROCESSING, JobStatus.ATTENTION])
def test_what_has_not_ended_well_is_cancelled(status: JobStatus) -> None:
    job = make_job(status=status)

    assert closing.cancel(job.pk, BY)
    assert job_status(job) == JobStatus.CANCELLED


def test_a_stuck_batch_is_cancelled_with_its_job() -> None:
    job = make_job(status=JobStatus.ATTENTION)
    batch = make_batch(job, make_file(job, status=FileStatus.VALID), status=BatchStatus.STUCK)

    closing.cancel(job.pk, BY)

    batch.refresh_from_db()
    assert (batch.status, statuses(job)) == (BatchStatus.CANCELLED, [FileStatus.CANCELLED])


def test_what_qure_has_stays_accepted_and_its_series_is_short(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    upload(job, images(2))
    work_off()
    Job.objects.filter(pk=job.pk).update(status=JobStatus.PROCESSING)
    job.series.update(status=SeriesStatus.OPEN)
    make_file(job, status=FileStatus.RECEIVED, series=job.series.get())

    closing.cancel(job.pk, BY)

    assert statuses(job) == [FileStatus.ACCEPTED] * 2 + [FileStatus.CANCELLED]
    assert job.series.get().status == SeriesStatus.SHORT


# What becomes of a request that was under way when its job was cancelled: fault, files, batch.
UNDER_WAY = [
    (None, FileStatus.ACCEPTED, {BatchStatus.ACCEPTED}),
    ({"kind": "503"}, FileStatus.CANCELLED, {BatchStatus.CANCELLED}),
    ({"kind": "drop_after"}, FileStatus.CANCELLED, {BatchStatus.CANCELLED}),
    ({"kind": "413"}, FileStatus.CANCELLED, {BatchStatus.REPLACED, BatchStatus.CANCELLED}),
    ({"kind": "401"}, FileStatus.CANCELLED, {BatchStatus.CANCELLED}),
    ({"kind": "fewer"}, FileStatus.SENT, {BatchStatus.SHORT}),
]


@pytest.mark.parametrize(("fault", "file_status", "batch_statuses"), UNDER_WAY)
def test_a_request_under_way_is_finished_and_nothing_is_sent_after_it(
    sandbox: Sandbox, fault: dict[str, str] | None, file_status: FileStatus, batch_statuses: set[BatchStatus]
) -> None:
    job = job_to(sandbox)
    claimed = relay.claim(ready_batch(job, images(4)).pk)
    closing.cancel(job.pk, BY)
    if fault:
        sandbox.script(fault)
    assert claimed is not None
    relay.attempt(claimed)
    job.batches.filter(status=BatchStatus.READY).update(next_attempt_at=now())

    work_off()

    assert len(sandbox.requests()) == 1
    assert set(statuses(job)) == {file_status}
    assert set(job.batches.values_list("status", flat=True)) == batch_statuses
    assert sweeping.due() == sweeping.Due([], [], [], [])


def test_a_cancelled_jobs_sender_that_died_sends_nothing_more(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    relay.claim(ready_batch(job, images(2)).pk)
    closing.cancel(job.pk, BY)
    end_leases(job)

    work_off()

    assert sandbox.requests() == []
    assert set(statuses(job)) == {FileStatus.CANCELLED}


def test_the_series_of_a_request_that_was_under_way_is_closed(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    claimed = relay.claim(ready_batch(job, images(2)).pk)
    closing.cancel(job.pk, BY)
    assert claimed is not None
    relay.attempt(claimed)

    work_off()

    assert job.series.get().status == SeriesStatus.COMPLETE


def test_a_cancelled_jobs_parcels_are_checked_in_name_only(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    upload(job, images(2))
    closing.cancel(job.pk, BY)

    check_all(job)
    work_off()

    assert set(statuses(job)) == {FileStatus.CANCELLED}
    assert not job.series.exists()


def test_an_upload_that_nobody_goes_on_with_names_what_never_came(
    sandbox: Sandbox, settings: Settings
) -> None:
    job = job_to(sandbox)
    declare(job, [("CD/never", b"x")], is_last=False)
    upload(job, images(2), is_last=False)
    silent_for = timedelta(hours=settings.STAGING_RETENTION_HOURS, minutes=1)
    Job.objects.filter(pk=job.pk).update(last_arrival_at=now() - silent_for)

    tasks.recover()
    work_off()

    assert statuses(job) == [FileStatus.MISSING, FileStatus.ACCEPTED, FileStatus.ACCEPTED]
    assert reasons(job)[0] == Reason.NEVER_ARRIVED
    assert job_status(job) == JobStatus.ATTENTION


def test_an_upload_that_somebody_may_go_on_with_is_left_alone(settings: Settings) -> None:
    job = make_job()
    make_file(job)
    silent_for = timedelta(hours=settings.STAGING_RETENTION_HOURS - 1)
    Job.objects.filter(pk=job.pk).update(last_arrival_at=now() - silent_for)

    tasks.recover()

    assert statuses(job) == [FileStatus.DECLARED]


def test_a_job_that_went_on_meanwhile_is_not_abandoned() -> None:
    job = make_job(status=JobStatus.PROCESSING)
    make_file(job)

    closing.abandon(job.pk, BY)

    assert statuses(job) == [FileStatus.DECLARED]


def test_the_last_file_of_a_batch_that_is_named_lets_the_job_rest(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "400", "times": 0, "only_sop_uid": f"{STUDY}.1.0"})
    job = job_to(sandbox)
    upload(job, images(1))

    work_off()

    assert job_status(job) == JobStatus.ATTENTION
    assert job.series.get().status == SeriesStatus.SHORT
    assert Batch.objects.get().status == BatchStatus.REFUSED


# What came of a request before the upload was cancelled: fault, and whether Qure may have the files.
BEFORE = [
    ({"kind": "drop_after"}, True),
    ({"kind": "500"}, True),
    ({"kind": "missing_series"}, True),
    ({"kind": "503"}, False),
    ({"kind": "401"}, False),
    ({"kind": "413"}, False),
]


@pytest.mark.parametrize(("fault", "may_be_there"), BEFORE, ids=[str(fault["kind"]) for fault, _ in BEFORE])
def test_a_cancelled_file_is_not_called_unsent_when_qure_may_have_it(
    sandbox: Sandbox, fault: dict[str, str], may_be_there: bool
) -> None:
    job = job_to(sandbox)
    sandbox.script(fault)
    relay.send(ready_batch(job, [*images(2), *images(2, series=2)]).pk)

    closing.cancel(job.pk, BY)

    assert set(statuses(job)) == {FileStatus.CANCELLED}
    assert set(reasons(job)) == {Reason.MAY_HAVE_ARRIVED if may_be_there else Reason.CANCELLED}


def test_of_a_request_that_was_under_way_and_had_no_answer_qure_may_have_the_files(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    claimed = relay.claim(ready_batch(job, images(2)).pk)
    closing.cancel(job.pk, BY)
    sandbox.script({"kind": "drop_after"})
    assert claimed is not None

    relay.attempt(claimed)
    closing.close(job.pk)

    assert set(reasons(job)) == {Reason.MAY_HAVE_ARRIVED}


def test_files_that_were_halved_after_a_request_without_an_answer_may_be_there(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    batch = ready_batch(job, images(4))
    upload(job, images(1, series=2))
    sandbox.script({"kind": "drop_after"}, {"kind": "413"})
    for _ in range(2):
        relay.send(batch.pk)
        make_due(job)

    closing.cancel(job.pk, BY)

    assert reasons(job) == [Reason.MAY_HAVE_ARRIVED] * 4 + [Reason.CANCELLED]


def test_files_of_a_short_series_that_were_to_be_sent_again_may_be_there(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    sandbox.script({"kind": "fewer"})
    upload(job, images(2))
    work_off()
    resending.resend(job.series.get(), BY)

    closing.cancel(job.pk, BY)

    assert set(reasons(job)) == {Reason.MAY_HAVE_ARRIVED}
