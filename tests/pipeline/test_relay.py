"""A batch to Qure and its receipt back, in a conversation with the sandbox."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from tests import dicoms
from tests.factories import make_job
from tests.pipeline.journeys import (
    BY,
    check_all,
    image,
    images,
    job_to,
    ready_batch,
    rewrite,
    series_uid,
    sha256_of,
    statuses,
    upload,
    work_off,
)
from tests.sandboxes import TOKEN, Launch, Sandbox
from uploads import tasks
from uploads.models import Batch, Job, ReceiptLine
from uploads.pipeline import batching, closing, relay
from uploads.states import BatchStatus, FileStatus, JobStatus, Outcome, SeriesStatus

pytestmark = pytest.mark.django_db


def job_status(job: Job) -> str:
    """Where the job stands."""
    return Job.objects.get(pk=job.pk).status


def test_what_was_uploaded_lies_in_the_receiver_byte_for_byte(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    contents = [*images(3, series=1), *images(2, series=2)]
    upload(job, contents)

    work_off()

    assert job_status(job) == JobStatus.ACCEPTED
    assert set(statuses(job)) == {FileStatus.ACCEPTED}
    assert sorted(sandbox.instances().values()) == sorted(sha256_of(content) for _, content in contents)
    assert set(job.series.values_list("status", flat=True)) == {SeriesStatus.COMPLETE}


def test_without_a_fault_each_instance_is_sent_once(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    upload(job, images(5))

    work_off()

    assert [row["received"] for row in sandbox.rows()] == [1] * 5
    assert len(sandbox.requests()) == 1


def test_the_receipt_is_kept_whole(sandbox: Sandbox) -> None:
    batch = ready_batch(job_to(sandbox), images(3))

    relay.send(batch.pk)

    attempt = batch.attempts.get()
    line = ReceiptLine.objects.get(attempt=attempt)
    assert (attempt.outcome, attempt.http_status, attempt.number) == (Outcome.ACCEPTED, 200, 1)
    assert series_uid(1) in attempt.receipt
    assert (line.sent, line.reported) == (3, 3)
    assert attempt.ended_at is not None
    assert attempt.ended_at >= attempt.started_at


def test_the_request_weighs_what_its_row_says(sandbox: Sandbox) -> None:
    batch = ready_batch(job_to(sandbox), images(3))

    relay.send(batch.pk)

    (request,) = sandbox.requests()
    assert request["bytes"] == batch.body_bytes
    assert request["part_count"] == 3


def test_files_are_sent_under_neutral_names(sandbox: Sandbox) -> None:
    batch = ready_batch(job_to(sandbox), [("CD/MUSTER^ANNA/IM1", image(1))])

    relay.send(batch.pk)

    assert "MUSTER" not in str(sandbox.requests())


def test_a_batch_is_claimed_in_the_jobs_turn(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    batch = ready_batch(job, images(1))
    turn = Job.objects.get(pk=job.pk).turn

    relay.send(batch.pk)

    turns_of_claim_and_verdict = 2
    assert Job.objects.get(pk=job.pk).turn == turn + turns_of_claim_and_verdict


@pytest.mark.parametrize(("counts", "numbers"), [("request", "int"), ("series", "int"), ("series", "string")])
def test_both_ways_of_counting_prove_a_series_of_two_requests(
    launch: Launch, counts: str, numbers: str
) -> None:
    sandbox = launch(counts=counts, numbers=numbers)
    job = job_to(sandbox)
    for part in (images(5)[:3], images(5)[3:]):
        upload(job, part, is_last=False)
        check_all(job)
        Job.objects.filter(pk=job.pk).update(last_arrival_at=now() - timedelta(hours=1))
        (batch_id,) = batching.plan(job.pk)
        relay.send(batch_id)

    assert statuses(job) == [FileStatus.ACCEPTED] * 5
    assert set(job.batches.values_list("status", flat=True)) == {BatchStatus.ACCEPTED}


@pytest.mark.parametrize("counts", ["request", "series"])
def test_a_second_job_with_the_same_series_is_accepted_too(launch: Launch, counts: str) -> None:
    sandbox = launch(counts=counts)
    first = job_to(sandbox)
    upload(first, images(3))
    work_off()
    second = make_job(first.team)
    upload(second, [("again/1", image(1)), ("again/7", image(7))])

    work_off()

    assert (job_status(first), job_status(second)) == (JobStatus.ACCEPTED, JobStatus.ACCEPTED)
    assert len(sandbox.instances()) == 4


def test_a_richer_answer_is_understood(launch: Launch) -> None:
    sandbox = launch(answer="rich")
    first = job_to(sandbox)
    upload(first, images(3))
    work_off()
    again = make_job(first.team)
    upload(again, images(3))

    work_off()

    assert "created" in Batch.objects.get(job=again).attempts.get().receipt
    assert job_status(again) == JobStatus.ACCEPTED


def test_an_expired_license_is_an_alarm_and_no_failure(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "license_expired"})
    job = job_to(sandbox)
    upload(job, images(2))

    work_off()

    job.team.destination.refresh_from_db()
    assert job_status(job) == JobStatus.ACCEPTED
    assert "license" in job.team.destination.alarm


def test_the_next_good_answer_ends_the_alarm(sandbox: Sandbox) -> None:
    job = job_to(sandbox, alarm="Qure says that the license has expired.")
    upload(job, images(2))

    work_off()

    job.team.destination.refresh_from_db()
    assert job.team.destination.alarm == ""


def test_the_images_of_two_series_with_one_instance_uid_both_arrive(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    twin = image(1, series=2, SOPInstanceUID="2.25.7000.1.1")
    upload(job, [("a", image(1, series=1)), ("b", twin)])

    work_off()

    assert statuses(job) == [FileStatus.ACCEPTED] * 2
    assert len(sandbox.rows()) == 2


def test_junk_stays_here(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    upload(job, [("a", image(1)), ("b", b"no image"), ("c", dicoms.truncated()), ("d", image(1))])

    work_off()

    assert list(sandbox.instances().values()) == [sha256_of(image(1))]
    assert job_status(job) == JobStatus.ATTENTION


def test_a_batch_that_is_not_due_is_left_alone(sandbox: Sandbox) -> None:
    batch = ready_batch(job_to(sandbox), images(1))
    relay.send(batch.pk)

    was_attempted = relay.send(batch.pk)

    assert not was_attempted
    assert len(sandbox.requests()) == 1


def test_a_batch_of_a_cancelled_job_is_not_sent(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    batch = ready_batch(job, images(1))
    Job.objects.filter(pk=job.pk).update(status=JobStatus.CANCELLED)

    was_attempted = relay.send(batch.pk)

    assert not was_attempted
    assert sandbox.requests() == []


def test_a_changed_byte_is_named_and_never_delivered(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    batch = ready_batch(job, images(3))
    flip_a_byte(job, number=1)

    relay.send(batch.pk)
    relay.send(batch.pk)

    assert statuses(job) == [FileStatus.ACCEPTED, FileStatus.MISSING, FileStatus.ACCEPTED]
    assert sorted(sandbox.instances().values()) == sorted(sha256_of(image(number)) for number in (0, 2))


def flip_a_byte(job: Job, number: int) -> None:
    """Change one byte of a staged file's pixels."""
    parcel = job.parcels.get()
    row = next(row for row in parcel.layout if row[0] == number)
    last = row[2] + row[3] - 1

    def flipped(content: bytes) -> bytes:
        return content[:last] + bytes([content[last] ^ 1]) + content[last + 1 :]

    rewrite(parcel.object_name, flipped)


def test_what_was_halved_is_hinted_at(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "413"})
    batch = ready_batch(job_to(sandbox), images(2))

    tasks.send_batch(batch.pk)

    assert Batch.objects.filter(status=BatchStatus.READY).count() == 2
    assert closing.cancel(batch.job_id, BY)


def test_the_token_is_sent_and_the_source(sandbox: Sandbox) -> None:
    batch = ready_batch(job_to(sandbox, token=TOKEN, source="clinic"), images(1))

    relay.send(batch.pk)

    assert Batch.objects.get(pk=batch.pk).status == BatchStatus.ACCEPTED
