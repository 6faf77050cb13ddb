"""Qure is away, comes back, or takes nothing until somebody acts: one probe, and no stampede afterwards."""

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.utils.timezone import now
from pytest_django import DjangoCaptureOnCommitCallbacks
from pytest_django.fixtures import Settings

from tests.factories import make_job, make_team
from tests.pipeline.journeys import BY, images, job_to, make_due, ready_batch, upload, work_off
from tests.sandboxes import Sandbox
from uploads import departures, tasks
from uploads.models import Attempt, Batch, Destination, Job, without_token
from uploads.models.waiting import LONGEST_PAUSE
from uploads.pipeline import relay
from uploads.pipeline.relay.breaker import FIRST_ROOM, FULL_ROOM, SILENT_AFTER
from uploads.states import BatchStatus, DestinationStatus, JobStatus, Outcome

pytestmark = pytest.mark.django_db


def destination_of(job: Job) -> Destination:
    """The destination as it is now."""
    return Destination.objects.get(pk=job.team.destination_id)


def colleagues(job: Job, count: int) -> list[Job]:
    """Jobs of other teams with the same destination, each with one batch that is due."""
    jobs = [make_job(make_team(destination=job.team.destination)) for _ in range(count)]
    for series, colleague in enumerate(jobs, start=10):
        ready_batch(colleague, images(1, series))
    return jobs


def caught_by_an_outage(sandbox: Sandbox) -> Job:
    """A job with a batch that is due, and five colleagues', while Qure takes nothing."""
    sandbox.script({"kind": "503", "times": 0})
    job = job_to(sandbox)
    ready_batch(job, images(1))
    colleagues(job, 5)
    return job


def let_time_pass(job: Job) -> None:
    """The destination may be tried again."""
    Destination.objects.filter(pk=job.team.destination_id).update(not_before=now())


def seconds_until(job: Job) -> float:
    """Seconds until the destination is tried again."""
    not_before = destination_of(job).not_before
    assert not_before is not None
    return (not_before - now()).total_seconds()


def test_an_outage_costs_one_request_however_much_waits(sandbox: Sandbox) -> None:
    job = caught_by_an_outage(sandbox)

    work_off()

    assert destination_of(job).status == DestinationStatus.SILENT
    assert len(sandbox.requests()) == 1


def test_each_try_of_an_outage_is_one_request_and_the_next_is_later(sandbox: Sandbox) -> None:
    job = caught_by_an_outage(sandbox)
    work_off()
    first_wait = seconds_until(job)
    let_time_pass(job)

    work_off()

    assert len(sandbox.requests()) == 2
    assert Attempt.objects.filter(is_probe=True).count() == 1
    assert seconds_until(job) > first_wait


def test_several_attempts_without_an_answer_are_an_outage_and_one_is_not(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "500", "times": 0})
    job = job_to(sandbox)
    batches = [ready_batch(job, images(1)), *(Batch.objects.get(job=one) for one in colleagues(job, 4))]

    found = []
    for batch in batches:
        relay.send(batch.pk)
        found.append(destination_of(job).status)

    open_until = [DestinationStatus.OPEN] * (SILENT_AFTER - 1)
    assert found == open_until + [DestinationStatus.SILENT] * (len(batches) - len(open_until))
    assert len(sandbox.requests()) == SILENT_AFTER


def test_an_answer_between_them_ends_the_counting(sandbox: Sandbox) -> None:
    unanswered = {"kind": "500", "times": SILENT_AFTER - 1}
    sandbox.script(unanswered, {"kind": "missing_series"}, unanswered)
    job = job_to(sandbox)
    batch = ready_batch(job, [*images(1), *images(1, series=2)])

    for _ in range(2 * SILENT_AFTER - 1):
        relay.send(batch.pk)
        make_due(job)

    assert destination_of(job).status == DestinationStatus.OPEN
    assert len(sandbox.requests()) == 2 * SILENT_AFTER - 1


@pytest.mark.parametrize("kind", ["400", "413", "missing_series"])
def test_any_answer_to_the_probe_ends_a_silence(sandbox: Sandbox, kind: str) -> None:
    sandbox.script({"kind": "503"}, {"kind": kind})
    job = job_to(sandbox)
    batch = ready_batch(job, [*images(1), *images(1, series=2)])
    relay.send(batch.pk)
    make_due(job)

    relay.send(batch.pk)

    destination = destination_of(job)
    assert (destination.status, destination.failing_since) == (DestinationStatus.OPEN, None)


def test_when_qure_is_back_what_waited_goes_out_a_few_at_a_time(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "503"})
    job = job_to(sandbox)
    batch = ready_batch(job, images(1))
    waiting = colleagues(job, 6)
    relay.send(batch.pk)
    make_due(job)

    offered = []
    for _ in range(4):
        due = departures.departing()
        offered.append(len(due))
        for batch_id in due:
            relay.send(batch_id)

    assert offered == [1, FIRST_ROOM, 2 * FIRST_ROOM, 0]
    assert {one.batches.get().status for one in waiting} == {BatchStatus.ACCEPTED}


def test_after_enough_receipts_nothing_is_held_back(sandbox: Sandbox) -> None:
    job = job_to(sandbox, room=FULL_ROOM - 1)
    ready_batch(job, images(1))

    work_off()

    assert destination_of(job).room is None


def test_what_is_let_out_needs_no_sweep(
    sandbox: Sandbox, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    sandbox.script({"kind": "503"})
    job = job_to(sandbox)
    batch = ready_batch(job, images(1))
    others = colleagues(job, 6)
    relay.send(batch.pk)
    make_due(job)

    with django_capture_on_commit_callbacks(execute=True):  # the tests' broker runs at once what is hinted
        tasks.send_batch(batch.pk)

    assert {one.batches.get().status for one in [job, *others]} == {BatchStatus.ACCEPTED}


def test_a_request_that_was_under_way_before_does_not_end_the_silence(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    slow = relay.claim(ready_batch(job, images(1)).pk)
    (other,) = colleagues(job, 1)
    sandbox.script({"kind": "429", "retry_after": "600"})
    relay.send(other.batches.get().pk)

    assert slow is not None
    relay.attempt(slow)

    assert slow.batch.status == BatchStatus.ACCEPTED
    assert destination_of(job).status == DestinationStatus.SILENT
    assert seconds_until(job) > 500


def test_a_stat_batch_is_the_probe_before_bulk(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "503"})
    job = job_to(sandbox)
    bulk = ready_batch(job, images(1))
    relay.send(bulk.pk)
    (urgent,) = colleagues(job, 1)
    Job.objects.filter(pk=urgent.pk).update(is_stat=True)
    make_due(job)

    assert departures.departing() == [urgent.batches.get().pk]


def poison_of(sandbox: Sandbox, kind: str, **of_job: object) -> Batch:
    """A batch that is answered in one way however often it is sent, whatever the others are answered."""
    job = job_to(sandbox)
    Job.objects.filter(pk=job.pk).update(**of_job)
    batch = ready_batch(job, images(1))
    sandbox.script({"kind": kind, "times": 0, "only_sop_uid": batch.files.get().sop_uid})
    return batch


def try_again_and_again(job: Job) -> None:
    """Whatever waits for its next try is due, many times over."""
    for _ in range(SILENT_AFTER + 10):
        let_time_pass(job)
        Batch.objects.filter(status=BatchStatus.READY).update(next_attempt_at=now())
        work_off()


def test_a_stat_batch_that_is_never_answered_holds_up_nobody(sandbox: Sandbox) -> None:
    poison = poison_of(sandbox, "500", is_stat=True)
    try_again_and_again(poison.job)
    waiting = colleagues(poison.job, 2)

    try_again_and_again(poison.job)

    assert {one.batches.get().status for one in waiting} == {BatchStatus.ACCEPTED}


@pytest.mark.parametrize("kind", ["403", "404", "redirect"])
def test_a_batch_that_is_turned_away_at_the_door_holds_up_no_other(sandbox: Sandbox, kind: str) -> None:
    poison = poison_of(sandbox, kind)
    ready_batch(make_job(poison.job.team), images(1, series=2))

    try_again_and_again(poison.job)

    others = Batch.objects.exclude(pk=poison.pk)
    assert others.get().status == BatchStatus.ACCEPTED
    assert Batch.objects.get(pk=poison.pk).status == BatchStatus.READY


def test_a_resume_helps_whatever_one_batch_is_answered(sandbox: Sandbox) -> None:
    poison = poison_of(sandbox, "403", is_stat=True)
    other = ready_batch(make_job(poison.job.team), images(1, series=2))
    relay.send(poison.pk)

    tasks.resume_destination(destination_of(poison.job), BY)
    work_off()

    assert Batch.objects.get(pk=other.pk).status == BatchStatus.ACCEPTED


def test_a_batch_that_is_turned_away_while_others_are_taken_waits_for_a_person(sandbox: Sandbox) -> None:
    poison = poison_of(sandbox, "403")

    for series in range(10, 35):
        ready_batch(make_job(poison.job.team), images(1, series))
        for _ in range(2):
            let_time_pass(poison.job)
            make_due(poison.job)
            work_off()

    assert Batch.objects.get(pk=poison.pk).status == BatchStatus.STUCK
    assert set(Batch.objects.exclude(pk=poison.pk).values_list("status", flat=True)) == {BatchStatus.ACCEPTED}


def test_a_probe_whose_sender_is_lost_is_followed_by_another(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "503"})
    job = job_to(sandbox)
    batch = ready_batch(job, images(1))
    relay.send(batch.pk)
    make_due(job)
    assert relay.claim(batch.pk) is not None
    Batch.objects.update(lease_until=now() - timedelta(seconds=1))
    tasks.recover()
    make_due(job)

    work_off()

    assert Batch.objects.get().status == BatchStatus.ACCEPTED
    assert destination_of(job).status == DestinationStatus.OPEN


def test_an_outage_of_errors_uses_up_no_attempts(sandbox: Sandbox, no_waits: None) -> None:
    sandbox.script({"kind": "500", "times": 30})
    job = job_to(sandbox)
    upload(job, images(1))

    work_off()

    assert Job.objects.get(pk=job.pk).status == JobStatus.ACCEPTED


@pytest.mark.parametrize("kind", ["401", "403", "404", "redirect"])
def test_a_paused_destination_goes_on_by_itself_once_qure_has_mended_it(sandbox: Sandbox, kind: str) -> None:
    sandbox.script({"kind": kind})
    job = job_to(sandbox)
    ready_batch(job, images(1))
    others = colleagues(job, 2)
    work_off()
    paused = destination_of(job)
    let_time_pass(job)

    work_off()

    destination = destination_of(job)
    assert paused.status == DestinationStatus.PAUSED
    assert (destination.status, destination.alarm) == (DestinationStatus.OPEN, "")
    assert {one.batches.get().status for one in [job, *others]} == {BatchStatus.ACCEPTED}


def test_a_paused_destination_is_tried_ever_less_often(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "401", "times": 0})
    job = job_to(sandbox)
    ready_batch(job, images(1))
    colleagues(job, 3)
    waits = []
    for _ in range(6):
        work_off()
        waits.append(seconds_until(job))
        let_time_pass(job)

    assert len(sandbox.requests()) == len(waits)
    assert waits[:3] == sorted(waits[:3])
    assert 0.7 * LONGEST_PAUSE < waits[-1] < 1.3 * LONGEST_PAUSE
    assert set(Batch.objects.values_list("failures", flat=True)) == {0}


@pytest.mark.parametrize("kind", ["400", "413", "missing_series", "503", "500"])
def test_only_a_receipt_ends_a_pause(sandbox: Sandbox, kind: str) -> None:
    sandbox.script({"kind": "401"}, {"kind": kind})
    job = job_to(sandbox)
    ready_batch(job, [*images(1), *images(1, series=2)])
    work_off()
    let_time_pass(job)

    work_off()

    assert destination_of(job).status == DestinationStatus.PAUSED
    assert len(sandbox.requests()) == 2
    assert seconds_until(job) > 100


@pytest.mark.parametrize(("asked", "at_least"), [("3600", 3500), ("1", 100)])
def test_a_paused_destination_waits_as_long_as_qure_asks_and_no_less_than_it_would(
    sandbox: Sandbox, asked: str, at_least: int
) -> None:
    sandbox.script({"kind": "401"}, {"kind": "503", "retry_after": asked})
    job = job_to(sandbox)
    ready_batch(job, images(1))
    work_off()
    let_time_pass(job)

    work_off()

    assert destination_of(job).status == DestinationStatus.PAUSED
    assert len(sandbox.requests()) == 2
    assert seconds_until(job) > at_least


def test_after_a_resume_one_request_shows_whether_it_helped(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "401", "times": 0})
    job = job_to(sandbox)
    ready_batch(job, images(1))
    colleagues(job, 5)
    work_off()

    tasks.resume_destination(destination_of(job), BY)
    work_off()

    assert destination_of(job).status == DestinationStatus.PAUSED
    assert len(sandbox.requests()) == 2


def test_an_administrator_may_end_the_wait_of_an_outage(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "429", "retry_after": "3000"})
    job = job_to(sandbox)
    batch = ready_batch(job, images(1))
    work_off()

    tasks.resume_destination(destination_of(job), BY)
    work_off()

    assert destination_of(job).status == DestinationStatus.OPEN
    assert list(batch.attempts.values_list("outcome", flat=True)) == [Outcome.THROTTLED, Outcome.ACCEPTED]


def test_a_wrong_token_found_by_the_probe_pauses(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "503"})
    job = job_to(sandbox)
    batch = ready_batch(job, images(1))
    work_off()
    sandbox.set_token("another-token")
    make_due(job)

    work_off()

    destination = destination_of(job)
    assert (destination.status, bool(destination.alarm)) == (DestinationStatus.PAUSED, True)
    assert list(batch.attempts.values_list("outcome", flat=True)) == [Outcome.THROTTLED, Outcome.UNAUTHORIZED]


def test_a_token_that_cannot_be_read_pauses_its_destination_and_holds_up_no_other(
    sandbox: Sandbox, settings: Settings
) -> None:
    locked = ready_batch(job_to(sandbox), images(1))
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    other = job_to(sandbox)
    ready_batch(other, images(1, series=2))

    work_off()

    destination = without_token(Destination.objects.filter(teams__jobs=locked.job)).get()
    assert Batch.objects.get(job=other).status == BatchStatus.ACCEPTED
    assert (destination.status, "FIELD_KEYS" in destination.alarm) == (DestinationStatus.PAUSED, True)
    assert destination.not_before is not None
    assert destination.not_before > now()


@pytest.mark.parametrize("token", ["right", "wrong"])
def test_an_answer_that_comes_after_the_key_was_lost_is_written_down(
    sandbox: Sandbox, settings: Settings, token: str
) -> None:
    job = job_to(sandbox, token=sandbox.token if token == "right" else token)
    under_way = relay.claim(ready_batch(job, images(1)).pk)
    assert under_way is not None
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]

    relay.attempt(under_way)

    outcome = Outcome.ACCEPTED if token == "right" else Outcome.UNAUTHORIZED
    assert Attempt.objects.get().outcome == outcome
