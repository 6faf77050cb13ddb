"""A clock that was wrong for a while: nothing waits for the hour that it has written."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from tests.factories import make_batch, make_destination, make_job, make_parcel, make_series, make_team
from tests.pipeline.journeys import declare, images, job_to, ready_batch, statuses, store, upload, work_off
from tests.sandboxes import Sandbox
from tests.verification.jobs import violations
from uploads import tasks
from uploads.models import (
    Attempt,
    Batch,
    Delivery,
    Destination,
    Job,
    Notice,
    NoticeKind,
    Parcel,
    Series,
    Team,
    Webhook,
)
from uploads.pipeline import relay
from uploads.pipeline.relay.lease import Claim
from uploads.states import BatchStatus, DestinationStatus, FileStatus, JobStatus, Outcome, ParcelStatus

pytestmark = pytest.mark.django_db
WRONG = timedelta(hours=3)
HOUR = timedelta(hours=1)


def assert_fenced_off(batch: Batch, claimed: Claim | None) -> None:
    """The sender whose batch was taken from it sends, and changes nothing; the next one delivers."""
    assert claimed is not None
    relay.attempt(claimed)
    work_off()

    outcomes = list(batch.attempts.order_by("number").values_list("outcome", flat=True))
    assert outcomes == [Outcome.UNKNOWN, Outcome.ACCEPTED]
    assert Job.objects.get().status == JobStatus.ACCEPTED


def test_a_sweep_by_a_clock_that_is_ahead_frees_a_lease_and_the_fence_still_holds(sandbox: Sandbox) -> None:
    batch = ready_batch(job_to(sandbox), images(2))
    claimed = relay.claim(batch.pk)
    with time_machine.travel(now() + WRONG, tick=True):
        tasks.recover()  # takes the batch from a worker that lives
    tasks.recover()

    assert_fenced_off(batch, claimed)


def test_a_sender_whose_clock_is_behind_loses_its_lease_and_changes_nothing(sandbox: Sandbox) -> None:
    batch = ready_batch(job_to(sandbox), images(2))
    Batch.objects.update(next_attempt_at=now() - 2 * WRONG)
    with time_machine.travel(now() - WRONG, tick=True):
        claimed = relay.claim(batch.pk)
    tasks.recover()

    assert_fenced_off(batch, claimed)


def test_what_was_due_before_the_clock_was_set_back_does_not_wait_until_then_again(sandbox: Sandbox) -> None:
    upload(job_to(sandbox), images(2))

    with time_machine.travel(now() - WRONG, tick=True):
        tasks.recover()
        due = Parcel.objects.filter(due_at__lte=now()).count()
    work_off()

    assert due == 1
    assert Job.objects.get().status == JobStatus.ACCEPTED


def test_a_wait_that_a_wrong_clock_has_written_ends_with_the_next_sweep(sandbox: Sandbox) -> None:
    batch = ready_batch(job_to(sandbox), images(1))
    sandbox.script({"kind": "503"})
    with time_machine.travel(now() + WRONG, tick=True):
        relay.send(batch.pk)

    tasks.recover()
    work_off()

    assert Batch.objects.get().status == BatchStatus.ACCEPTED


def test_a_parcel_does_not_wait_for_a_wrong_hour() -> None:
    make_parcel(make_job(), b"x", 0, due_at=now() + WRONG)

    tasks.recover()

    assert Parcel.objects.get(status=ParcelStatus.STORED).due_at <= now()


def test_a_lease_of_hours_is_cut_to_a_lease(sandbox: Sandbox) -> None:
    make_batch(make_job(), status=BatchStatus.SENDING, lease_until=now() + WRONG)

    tasks.recover()

    assert lease_of_the_batch() < now() + timedelta(minutes=3)


@pytest.mark.parametrize("minutes", [1, 59, 75])
def test_times_of_a_pause_that_may_be_right_are_kept(minutes: int) -> None:
    due = now() + timedelta(minutes=minutes)
    paused = make_destination(status=DestinationStatus.PAUSED, alarm="…", not_before=due)
    make_batch(make_job(make_team(destination=paused)), next_attempt_at=due)

    tasks.recover()

    assert Batch.objects.get().next_attempt_at == due
    assert Destination.objects.get().not_before == due


@pytest.mark.parametrize("minutes", [1, 59])
def test_a_wait_that_qure_has_asked_for_is_kept(minutes: int) -> None:
    due = now() + timedelta(minutes=minutes)
    batch = silent_until(due, Outcome.THROTTLED)

    tasks.recover()

    batch.refresh_from_db()
    assert batch.next_attempt_at == due
    assert Destination.objects.get().not_before == due


def test_a_silence_in_which_nobody_asked_for_an_hour_does_not_last_one() -> None:
    batch = silent_until(now() + HOUR, Outcome.NOT_REACHED)

    tasks.recover()

    batch.refresh_from_db()
    assert batch.next_attempt_at is not None
    assert batch.next_attempt_at <= now()
    not_before = Destination.objects.get().not_before
    assert not_before is not None
    assert not_before <= now()


def test_a_batch_does_not_wait_for_an_hour_that_its_destination_does_not_wait_for() -> None:
    make_batch(make_job(), next_attempt_at=now() + HOUR)

    tasks.recover()

    assert Batch.objects.filter(next_attempt_at__lte=now()).exists()


def silent_until(due: datetime, outcome: Outcome) -> Batch:
    """A batch whose attempt ended so, and whose destination and own turn wait for that."""
    silence = {"status": DestinationStatus.SILENT, "not_before": due, "failing_since": now()}
    destination = make_destination(**silence)
    batch = make_batch(make_job(make_team(destination=destination)), next_attempt_at=due, token=1)
    Attempt.objects.create(
        batch=batch, destination=destination, number=1, body_bytes=1, outcome=outcome, ended_at=now()
    )
    return batch


def test_an_upload_that_a_wrong_clock_saw_last_is_sent_and_given_up_like_any_other(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    contents = images(3)
    with time_machine.travel(now() + timedelta(days=3650), tick=True):
        declare(job, contents)
        store(job, ("0", contents[0][1]), ("1", contents[1][1]))  # the third never comes
    tasks.recover()

    with time_machine.travel(now() + timedelta(days=30), tick=True):
        tasks.recover()
        work_off()

    assert statuses(job) == [FileStatus.ACCEPTED, FileStatus.ACCEPTED, FileStatus.MISSING]
    assert Job.objects.get().status == JobStatus.ATTENTION


def test_a_parcel_is_not_held_until_a_wrong_hour(sandbox: Sandbox, settings: Settings) -> None:
    upload(job_to(sandbox), images(1))
    Parcel.objects.update(status=ParcelStatus.CHECKING, lease_until=now() + WRONG)

    tasks.recover()

    longest = now() + timedelta(seconds=settings.CHECK_LEASE_SECONDS)
    assert Parcel.objects.filter(lease_until__lte=longest).exists()


def test_mails_calls_and_pictures_do_not_wait_for_a_wrong_hour() -> None:
    job = make_job()
    wrong = now() + HOUR
    Notice.objects.create(user=job.created_by, job=job, kind=NoticeKind.DECISION, mail_due_at=wrong)
    webhook = Webhook.objects.create(team=job.team, url="https://hooks.test/", secret="x")
    Delivery.objects.create(webhook=webhook, event="test", body="{}", due_at=wrong)
    make_series(job, picture_due_at=wrong)

    tasks.recover()

    with time_machine.travel(now() + timedelta(minutes=10), tick=False):
        assert Notice.objects.filter(mail_due_at__lte=now()).exists()
        assert Delivery.objects.filter(due_at__lte=now()).exists()
        assert Series.objects.filter(picture_due_at__lte=now()).exists()


def test_a_team_that_a_wrong_clock_has_served_gets_its_turn() -> None:
    team = make_team(served_at=now() + WRONG)

    tasks.recover()

    assert Team.objects.filter(pk=team.pk, served_at__lte=now()).exists()


def test_what_a_sweep_has_mended_verify_does_not_speak_of(sandbox: Sandbox) -> None:
    upload(job_to(sandbox), images(1))
    Job.objects.update(last_arrival_at=now() + WRONG)
    Parcel.objects.update(due_at=now() + WRONG)
    found = [sentence for sentence in violations() if sentence.startswith("5")]

    tasks.recover()

    assert len(found) == 2
    assert not [sentence for sentence in violations() if sentence.startswith("5")]


def lease_of_the_batch() -> datetime:
    lease_until = Batch.objects.get().lease_until
    assert lease_until is not None
    return lease_until
