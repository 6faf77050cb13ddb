"""Every fault that the sandbox can play, and where a job ends after it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from tests.factories import make_job
from tests.pipeline.journeys import (
    BY,
    STUDY,
    images,
    job_to,
    make_due,
    ready_batch,
    reasons,
    sha256_of,
    statuses,
    upload,
    work_off,
)
from tests.sandboxes import Sandbox
from uploads import tasks
from uploads.models import Batch, Destination, Job
from uploads.models.waiting import LONGEST_WAIT, due_after
from uploads.pipeline import relay
from uploads.pipeline.relay.breaker import LONGEST_SILENT_WAIT
from uploads.pipeline.relay.verdict import MOST_COUNTED_OF_OUTAGE, MOST_UNKNOWN
from uploads.reasons import Reason
from uploads.states import BatchStatus, DestinationStatus, FileStatus, JobStatus, Outcome, SeriesStatus

pytestmark = pytest.mark.django_db

# Fault, and outcome of the attempt.
UNANSWERED = [
    ({"kind": "503"}, Outcome.THROTTLED),
    ({"kind": "503", "retry_after": "60"}, Outcome.THROTTLED),
    ({"kind": "429", "retry_after": "60"}, Outcome.THROTTLED),
    ({"kind": "500"}, Outcome.UNKNOWN),
    ({"kind": "drop_before"}, Outcome.UNKNOWN),
    ({"kind": "drop_before", "after_bytes": 10}, Outcome.UNKNOWN),
    ({"kind": "drop_after"}, Outcome.UNKNOWN),
    ({"kind": "garbage"}, Outcome.UNKNOWN),
    ({"kind": "html"}, Outcome.UNKNOWN),
    ({"kind": "other_json"}, Outcome.UNKNOWN),
    ({"kind": "gzip_bomb"}, Outcome.UNKNOWN),
    ({"kind": "missing_series"}, Outcome.UNKNOWN),
]
PAUSING = [
    ({"kind": "401"}, Outcome.UNAUTHORIZED),
    ({"kind": "403"}, Outcome.UNAUTHORIZED),
    ({"kind": "redirect"}, Outcome.MISCONFIGURED),
    ({"kind": "redirect", "status": 301, "location": "/studies/"}, Outcome.MISCONFIGURED),
    ({"kind": "redirect", "status": 307}, Outcome.MISCONFIGURED),
    ({"kind": "404"}, Outcome.MISCONFIGURED),
]
Fault = dict[str, Any]  # Any: JSON


def outcomes(batch: Batch) -> list[str]:
    """How the attempts of a batch ended, in order."""
    return list(batch.attempts.order_by("number").values_list("outcome", flat=True))


def destination_of(job: Job) -> Destination:
    """The destination as it is now."""
    return Destination.objects.get(pk=job.team.destination_id)


def job_status(job: Job) -> str:
    """Where the job stands."""
    return Job.objects.get(pk=job.pk).status


def wait_of(batch: Batch) -> float:
    """Seconds until the batch is due."""
    due = Batch.objects.get(pk=batch.pk).next_attempt_at
    assert due is not None
    return (due - now()).total_seconds()


@pytest.mark.parametrize(("fault", "outcome"), UNANSWERED)
def test_what_got_no_usable_answer_waits_and_is_accepted_in_the_end(
    sandbox: Sandbox, fault: Fault, outcome: Outcome
) -> None:
    job = job_to(sandbox)
    sandbox.script(fault)
    batch = ready_batch(job, images(3))

    relay.send(batch.pk)
    after_fault = (outcomes(batch), set(statuses(job)), wait_of(batch) > 1)
    make_due(job)
    work_off()

    assert after_fault == ([outcome], {FileStatus.VALID}, True)
    assert outcomes(batch) == [outcome, Outcome.ACCEPTED]
    assert job_status(job) == JobStatus.ACCEPTED
    assert sorted(sandbox.instances().values()) == sorted(sha256_of(content) for _, content in images(3))


def test_an_answer_that_names_not_every_series_is_a_mismatch(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    sandbox.script({"kind": "missing_series"})
    batch = ready_batch(job, [*images(2, series=1), *images(2, series=2)])

    relay.send(batch.pk)

    assert outcomes(batch) == [Outcome.MISMATCH]
    assert set(statuses(job)) == {FileStatus.VALID}


@pytest.mark.parametrize("kind", ["drip", "unknown_series"])
def test_an_answer_that_is_odd_but_proves_everything_is_accepted(sandbox: Sandbox, kind: str) -> None:
    job = job_to(sandbox)
    sandbox.script({"kind": kind, "seconds": 0.1})
    upload(job, images(2))

    work_off()

    assert job_status(job) == JobStatus.ACCEPTED
    assert len(sandbox.requests()) == 1


def test_a_receiver_that_is_not_there_is_waited_for() -> None:
    job = make_job()
    batch = ready_batch(job, images(1))

    relay.send(batch.pk)

    assert outcomes(batch) == [Outcome.NOT_REACHED]
    assert destination_of(job).failing_since is not None
    assert wait_of(batch) > 1


@pytest.mark.parametrize("seconds", ["120", "dated"])
@pytest.mark.parametrize("kind", ["429", "503"])
def test_the_destination_waits_as_long_as_qure_asks(sandbox: Sandbox, kind: str, seconds: str) -> None:
    retry_after = seconds if seconds != "dated" else format_datetime(_in_two_minutes(), usegmt=True)
    sandbox.script({"kind": kind, "retry_after": retry_after})
    job = job_to(sandbox)
    other = ready_batch(job, images(1))

    relay.send(other.pk)

    destination = destination_of(job)
    assert destination.not_before is not None
    assert 90 < (destination.not_before - now()).total_seconds() <= 121
    assert 90 < wait_of(other) <= 121


def test_nothing_goes_to_a_destination_that_asked_to_wait(sandbox: Sandbox) -> None:
    job = job_to(sandbox, not_before=now() + timedelta(minutes=1))
    upload(job, images(1))

    work_off()

    assert sandbox.requests() == []
    assert statuses(job) == [FileStatus.VALID]


def test_a_wait_of_days_is_cut_to_an_hour(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "429", "retry_after": "999999999"})
    batch = ready_batch(job_to(sandbox), images(1))

    relay.send(batch.pk)

    assert 3500 < wait_of(batch) <= 3600


@pytest.mark.parametrize("retry_after", ["0", "-5", "soon", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_wait_that_makes_no_sense_is_no_invitation_to_hurry(sandbox: Sandbox, retry_after: str) -> None:
    sandbox.script({"kind": "429", "retry_after": retry_after})
    batch = ready_batch(job_to(sandbox), images(1))

    relay.send(batch.pk)

    assert wait_of(batch) > 1


def test_a_success_does_not_shorten_the_wait_that_qure_asked_for(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    batch = ready_batch(job, images(1))
    asked = now() + timedelta(minutes=5)

    def ask_to_wait() -> None:
        Destination.objects.update(not_before=asked)

    send_and_meanwhile(batch, ask_to_wait)

    assert job.files.get().status == FileStatus.ACCEPTED
    assert destination_of(job).not_before == asked


@pytest.mark.parametrize(("fault", "outcome"), PAUSING)
def test_what_an_administrator_must_mend_pauses_the_destination_after_one_request(
    sandbox: Sandbox, fault: Fault, outcome: Outcome
) -> None:
    sandbox.script({**fault, "times": 0})
    job = job_to(sandbox)
    batch = ready_batch(job, images(2))
    colleague = make_job(job.team)
    upload(colleague, images(2, series=2))

    work_off()

    destination = destination_of(job)
    assert (destination.status, bool(destination.alarm)) == (DestinationStatus.PAUSED, True)
    assert outcomes(batch) == [outcome]
    assert len(sandbox.requests()) == 1
    assert Batch.objects.get(pk=batch.pk).failures == 0
    assert set(statuses(job) + statuses(colleague)) == {FileStatus.VALID}


def test_after_the_token_is_changed_everything_that_was_held_goes_out(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    sandbox.set_token("another-token")
    upload(job, images(2))
    work_off()
    requests_before = len(sandbox.requests())
    destination = destination_of(job)
    destination.token = "another-token"
    destination.save()

    tasks.resume_destination(destination, BY)
    work_off()

    assert requests_before == 1
    assert len(sandbox.requests()) == 2
    assert job_status(job) == JobStatus.ACCEPTED
    assert (destination_of(job).status, destination_of(job).alarm) == (DestinationStatus.OPEN, "")


@pytest.mark.parametrize("changed", [{"token": "another-token"}, {"source": "clinic"}, {"scheme": "Bearer"}])
def test_a_refusal_of_what_was_changed_meanwhile_pauses_nothing(
    sandbox: Sandbox, changed: dict[str, str]
) -> None:
    job = job_to(sandbox)
    sandbox.set_token("another-token")
    batch = ready_batch(job, images(1))

    def change_it() -> None:
        destination = destination_of(job)
        for name, value in changed.items():
            setattr(destination, name, value)
        destination.save()

    send_and_meanwhile(batch, change_it)

    assert destination_of(job).status == DestinationStatus.OPEN
    assert Batch.objects.get(pk=batch.pk).status == BatchStatus.READY
    assert wait_of(batch) <= 0


def test_two_refusals_at_once_pause_the_destination_once(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "401", "times": 0})
    job = job_to(sandbox)
    batch = ready_batch(job, images(1))

    def pause_first() -> None:
        destination_of(job).advance(DestinationStatus.PAUSED, "another worker", alarm="first")

    send_and_meanwhile(batch, pause_first)

    assert destination_of(job).alarm == "first"
    assert outcomes(batch) == [Outcome.UNAUTHORIZED]


def test_fewer_than_were_sent_is_shown_as_short_and_a_resend_makes_it_complete(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "fewer", "fewer_by": 2})
    job = job_to(sandbox)
    upload(job, images(5))
    work_off()
    after_fault = (job_status(job), set(statuses(job)), job.series.get().status)

    is_due = tasks.resend_series(job.series.get(), BY)
    work_off()

    assert after_fault == (JobStatus.ATTENTION, {FileStatus.SENT}, SeriesStatus.SHORT)
    assert is_due
    assert (job_status(job), job.series.get().status) == (JobStatus.ACCEPTED, SeriesStatus.COMPLETE)
    assert len(sandbox.instances()) == 5
    assert sorted(job.batches.values_list("status", flat=True)) == [
        BatchStatus.ACCEPTED,
        BatchStatus.REPLACED,
    ]


def test_a_count_that_nothing_explains_proves_nothing(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "more", "fewer_by": 3})
    job = job_to(sandbox)
    upload(job, images(5))

    work_off()

    assert (job_status(job), set(statuses(job))) == (JobStatus.ATTENTION, {FileStatus.SENT})


@pytest.mark.parametrize("kind", ["400", "413"])
@pytest.mark.parametrize("bad", [0, 3, 6])
def test_a_refused_batch_is_halved_until_the_bad_file_stands_alone(
    sandbox: Sandbox, kind: str, bad: int
) -> None:
    sandbox.script({"kind": kind, "times": 0, "only_sop_uid": f"{STUDY}.1.{bad}"})
    job = job_to(sandbox)
    upload(job, images(7))

    work_off()

    expected = [FileStatus.REFUSED if number == bad else FileStatus.ACCEPTED for number in range(7)]
    assert statuses(job) == expected
    assert reasons(job)[bad] == Reason.REFUSED_BY_QURE
    assert job_status(job) == JobStatus.ATTENTION
    assert len(sandbox.instances()) == 6
    assert job.series.get().status == SeriesStatus.SHORT


def test_a_refusal_that_was_an_accident_costs_two_requests_and_no_file(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "413"})
    job = job_to(sandbox)
    upload(job, images(4))

    work_off()

    assert job_status(job) == JobStatus.ACCEPTED
    assert [request["part_count"] for request in sandbox.requests()][1:] == [2, 2]


def test_waits_grow_and_are_capped(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "500", "times": 0})
    job = job_to(sandbox)
    batch = ready_batch(job, images(1))
    waits = []
    for _ in range(10):
        relay.send(batch.pk)
        waits.append(wait_of(batch))
        make_due(job)

    assert waits[:4] == sorted(waits[:4])
    assert max(waits) <= 1.25 * LONGEST_SILENT_WAIT
    assert min(waits[5:]) >= 0.7 * LONGEST_SILENT_WAIT


def test_waits_of_a_batch_that_alone_gets_no_answer_grow_further(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "500", "times": 0})
    job = job_to(sandbox)
    batch = ready_batch(job, images(1))
    for _ in range(8):
        relay.send(batch.pk)
        last_wait = wait_of(batch)
        others_are_answered()
        make_due(job)

    assert 0.7 * LONGEST_WAIT <= last_wait <= 1.25 * LONGEST_WAIT


def test_waits_are_spread() -> None:
    first_wait = 100
    dues = [(due_after(0, first_wait) - now()).total_seconds() for _ in range(200)]

    assert 74 < min(dues) < 90
    assert 110 < max(dues) <= 125


def test_after_so_many_attempts_without_an_answer_a_person_must_look(
    sandbox: Sandbox, no_waits: None
) -> None:
    sandbox.script({"kind": "drop_before", "times": 0})
    job = job_to(sandbox)
    batch = ready_batch(job, images(1))

    fail_alone(batch)

    batch.refresh_from_db()
    assert batch.status == BatchStatus.STUCK
    assert outcomes(batch) == [Outcome.UNKNOWN] * MOST_UNKNOWN
    assert job_status(job) == JobStatus.ATTENTION


def test_a_person_may_try_again_what_is_stuck(sandbox: Sandbox, no_waits: None) -> None:
    sandbox.script({"kind": "drop_before", "times": MOST_UNKNOWN})
    job = job_to(sandbox)
    fail_alone(ready_batch(job, images(1)))

    is_due = tasks.retry_job(job.pk, BY)
    work_off()

    assert is_due
    assert job_status(job) == JobStatus.ACCEPTED


def test_a_night_without_qure_does_not_use_up_the_attempts(
    sandbox: Sandbox, settings: Settings, no_waits: None
) -> None:
    sandbox.script({"kind": "503", "times": 2 * MOST_UNKNOWN}, {"kind": "500"})
    job = job_to(sandbox)
    upload(job, images(1))

    work_off()

    assert job_status(job) == JobStatus.ACCEPTED
    assert job.batches.get().attempts.count() == 2 * MOST_UNKNOWN + 2


def test_an_outage_counts_as_far_as_the_waits_grow(sandbox: Sandbox, settings: Settings) -> None:
    wait = settings.RELAY_FIRST_WAIT_SECONDS * 2**MOST_COUNTED_OF_OUTAGE

    assert wait >= LONGEST_WAIT
    assert MOST_COUNTED_OF_OUTAGE < MOST_UNKNOWN / 2


def test_an_answer_ends_the_silence(sandbox: Sandbox, no_waits: None) -> None:
    sandbox.script({"kind": "503", "times": 2})
    job = job_to(sandbox)
    batch = ready_batch(job, images(1))
    relay.send(batch.pk)
    silent_since = destination_of(job).failing_since

    work_off()

    assert silent_since is not None
    assert destination_of(job).failing_since is None


def others_are_answered() -> None:
    """Receipts for other batches have come meanwhile."""
    Destination.objects.update(failures=0, failing_since=None)


def fail_alone(batch: Batch) -> None:
    """Try the batch until a person must look, while others are answered."""
    for _ in range(MOST_UNKNOWN):
        relay.send(batch.pk)
        others_are_answered()
    tasks.close_job(batch.job_id)


def send_and_meanwhile(batch: Batch, act: Callable[[], object]) -> None:
    """Send the batch, and let something happen while its request is on the line."""
    claimed = relay.claim(batch.pk)
    assert claimed is not None
    act()
    relay.attempt(claimed)


def _in_two_minutes() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=2)
