"""What a person decides after the fact: a short series is sent again, a stuck batch is tried again."""

import pytest
from django.utils.timezone import now

from tests.factories import make_batch, make_file, make_job, make_series
from tests.pipeline.journeys import (
    BY,
    STUDY,
    images,
    job_to,
    sha256_of,
    statuses,
    upload,
    work_off,
)
from tests.sandboxes import Launch, Sandbox
from tests.verification.jobs import violations
from uploads import tasks
from uploads.models import Job, Series, record_birth
from uploads.pipeline import resending
from uploads.states import BatchStatus, FileStatus, JobStatus, SeriesStatus

pytestmark = pytest.mark.django_db


def short_series(job_status: JobStatus = JobStatus.ATTENTION) -> Series:
    """A series of which Qure has confirmed nothing."""
    job = make_job(status=job_status)
    series = make_series(job, status=SeriesStatus.SHORT)
    file = make_file(job, status=FileStatus.SENT, series=series)
    make_batch(job, file, status=BatchStatus.SHORT)
    return series


def job_status(job: Job) -> str:
    """Where the job stands."""
    return Job.objects.get(pk=job.pk).status


def test_a_short_series_is_sent_again() -> None:
    series = short_series()

    is_due = resending.resend(series, BY)

    series.refresh_from_db()
    file = series.files.get()
    assert is_due
    assert (series.status, file.status, file.batch) == (SeriesStatus.OPEN, FileStatus.VALID, None)
    assert series.job.batches.get().status == BatchStatus.REPLACED
    assert job_status(series.job) == JobStatus.PROCESSING


def test_to_ask_twice_is_to_ask_once() -> None:
    series = short_series()
    resending.resend(series, BY)
    changes = series.job.changes.count()

    again = resending.resend(series, BY)

    assert not again
    assert series.job.changes.count() == changes


@pytest.mark.parametrize("status", [SeriesStatus.OPEN, SeriesStatus.COMPLETE])
def test_a_series_that_is_not_short_is_not_sent_again(status: SeriesStatus) -> None:
    series = short_series()
    Series.objects.update(status=status)

    assert not resending.resend(series, BY)


def test_nothing_of_a_cancelled_job_is_sent_again() -> None:
    series = short_series(JobStatus.CANCELLED)

    assert not resending.resend(series, BY)
    assert not resending.retry(series.job_id, BY)


def test_a_short_series_with_nothing_left_to_send_stays_as_it_is() -> None:
    series = short_series()
    series.files.update(status=FileStatus.ACCEPTED)
    make_file(series.job, status=FileStatus.MISSING, series=series)

    is_due = resending.resend(series, BY)

    assert not is_due
    assert series.job.batches.get().status == BatchStatus.SHORT
    assert job_status(series.job) == JobStatus.ATTENTION


def test_a_batch_that_still_holds_another_short_series_stays_short() -> None:
    series = short_series()
    other = make_series(series.job, status=SeriesStatus.SHORT)
    batch = series.job.batches.get()
    make_file(series.job, status=FileStatus.SENT, series=other, batch=batch)
    resending.resend(series, BY)
    batch.refresh_from_db()
    after_first = batch.status

    resending.resend(other, BY)

    batch.refresh_from_db()
    assert (after_first, batch.status) == (BatchStatus.SHORT, BatchStatus.REPLACED)


def test_two_short_series_of_one_request_are_sent_again_one_after_the_other(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "fewer", "fewer_by": 3})
    job = job_to(sandbox)
    contents = [*images(2, series=1), *images(2, series=2)]
    upload(job, contents)
    work_off()
    short_before = job.series.filter(status=SeriesStatus.SHORT).count()
    for series in job.series.filter(status=SeriesStatus.SHORT):
        tasks.resend_series(series, BY)
        work_off()

    assert short_before == 2
    assert job_status(job) == JobStatus.ACCEPTED
    assert sorted(sandbox.instances().values()) == sorted(sha256_of(content) for _, content in contents)


def test_what_another_upload_sends_again_takes_no_proof_away(launch: Launch) -> None:
    sandbox = launch(counts="series")
    sandbox.script({"kind": "fewer"})
    first = job_to(sandbox)
    record_birth(first.team.destination, BY)
    second = make_job(first.team)
    for job, contents in ((first, images(5)[:3]), (second, images(5)[3:])):
        upload(job, contents)
        work_off()
    short = [job_status(job) for job in (first, second)]

    found = []
    for job in (first, second):
        tasks.resend_series(job.series.get(), BY)
        found += violations()
        work_off()
        found += violations()

    assert short == [JobStatus.ATTENTION] * 2
    assert [job_status(job) for job in (first, second)] == [JobStatus.ACCEPTED] * 2
    assert found == []


def test_a_refused_file_is_sent_again_with_its_series(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "400", "only_sop_uid": f"{STUDY}.1.1", "times": 3})
    job = job_to(sandbox)
    upload(job, images(4))
    work_off()
    refused = statuses(job)[1]

    tasks.resend_series(job.series.get(), BY)
    work_off()

    assert refused == FileStatus.REFUSED
    assert job_status(job) == JobStatus.ACCEPTED
    assert job.files.get(number=1).reason == ""


def test_a_series_of_refused_files_only_can_be_sent_again(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "400", "times": 3})
    job = job_to(sandbox)
    upload(job, images(2))
    work_off()
    refused = set(statuses(job))

    is_due = tasks.resend_series(job.series.get(), BY)
    work_off()

    assert refused == {FileStatus.REFUSED}
    assert is_due
    assert job_status(job) == JobStatus.ACCEPTED


@pytest.mark.parametrize("place", [FileStatus.ACCEPTED, FileStatus.SENT, FileStatus.VALID])
def test_a_refused_file_whose_place_another_copy_has_taken_stays_refused(place: FileStatus) -> None:
    series = short_series()
    refused = make_file(series.job, status=FileStatus.REFUSED, series=series, sop_uid="1.2.3", reason="x")
    make_file(series.job, status=place, series=series, sop_uid="1.2.3")

    is_due = resending.resend(series, BY)

    refused.refresh_from_db()
    assert is_due
    assert refused.status == FileStatus.REFUSED


def test_of_two_refused_copies_one_is_sent_again() -> None:
    series = short_series()
    twins = [
        make_file(series.job, status=FileStatus.REFUSED, series=series, sop_uid="1.2.3") for _ in range(2)
    ]

    resending.resend(series, BY)

    again = [type(twin).objects.get(pk=twin.pk).status for twin in twins]
    assert again == [FileStatus.VALID, FileStatus.REFUSED]


def test_a_stuck_batch_is_tried_again_with_fresh_patience() -> None:
    job = make_job(status=JobStatus.ATTENTION)
    batch = make_batch(job, make_file(job, status=FileStatus.VALID), status=BatchStatus.STUCK, failures=20)

    is_due = resending.retry(job.pk, BY)

    batch.refresh_from_db()
    assert is_due
    assert (batch.status, batch.failures) == (BatchStatus.READY, 0)
    assert batch.next_attempt_at is not None
    assert batch.next_attempt_at <= now()
    assert job_status(job) == JobStatus.PROCESSING


def test_to_retry_sends_short_series_again_too() -> None:
    series = short_series()

    assert resending.retry(series.job_id, BY)
    assert series.files.get().status == FileStatus.VALID


def test_there_may_be_nothing_to_retry() -> None:
    job = make_job(status=JobStatus.ATTENTION)

    assert not resending.retry(job.pk, BY)
    assert job_status(job) == JobStatus.ATTENTION


def test_a_series_is_sent_again_while_its_job_still_moves() -> None:
    series = short_series(JobStatus.PROCESSING)

    assert resending.resend(series, BY)
    assert job_status(series.job) == JobStatus.PROCESSING
